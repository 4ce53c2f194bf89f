"""Walk the parts of a mail inside fixed bounds: text, HTML and files come out.

The standard parser builds the tree; its convenience methods raise on real mail, so
headers, parameters and transfer encodings are read here.
"""

import binascii
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from email.message import Message
from html import escape
from typing import Any
from urllib.parse import unquote_to_bytes

from channels.email.decode import (
    decode_base64,
    decode_bytes,
    decode_header,
    decode_uu,
    decode_words,
    unfold,
)
from channels.email.page import lay_out
from channels.email.tnef import NotTnef, Wrapped, read_tnef
from channels.email.tree import LIMITS, Limits, raw_headers
from channels.port import File

_PARAMETER = re.compile(r";\s*([^\s=;]{1,200})\s*=\s*(?:\"((?:[^\"\\]|\\.)*)(?:\"|$)|([^;]*))")

_PIECE = re.compile(r"([^*]+)(?:\*(\d{1,4}))?(\*)?")  # of a parameter
_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,127}/[a-z0-9!#$&^_.+-]{1,127}")
_TNEF = ("application/ms-tnef", "application/vnd.ms-tnef")


@dataclass(slots=True)
class Body:
    """What the parts of one mail hold."""

    text: str = ""
    marked: str = ""  # `text` with what an HTML page sets apart as quoted behind "> "
    html: str = ""
    files: list[File] = field(default_factory=list)
    files_omitted: int = 0
    cut: bool = False  # text or HTML went on past the limit
    wrapped: list[tuple[str, str]] = field(default_factory=list)  # text and HTML inside TNEF
    report: str = ""  # "delivery-status", "feedback-report", ... of a multipart/report


def header(message: Message, name: str) -> str:
    """Return the first value of a header, readable, or an empty string."""
    for value in raw_headers(message, name):
        return decode_header(value)
    return ""


def media_type(part: Message) -> str:
    """Return `type/subtype` in lower case; `text/plain` where none is given or it is broken."""
    for value in raw_headers(part, "content-type"):
        kind = re.sub(r"\s", "", unfold(value).split(";")[0]).casefold()
        if _TYPE.fullmatch(kind):
            return kind
        return {"text": "text/plain", "html": "text/html"}.get(kind, "text/plain")
    return part.get_default_type()  # a mail, where it stands in a digest


def parameters(part: Message, name: str) -> dict[str, str]:
    """Return the parameters of a header by lower-case name, RFC 2231 and 2047 undone."""
    values = raw_headers(part, name)
    if not values:
        return {}
    plain: dict[str, str] = {}
    pieces: dict[str, dict[int, tuple[str, bool]]] = {}
    for key, value in _split_parameters(unfold(values[0])):
        split = _PIECE.fullmatch(key) if "*" in key else None
        if split is None or (split[2] is None and split[3] is None):
            plain.setdefault(key, decode_words(value))
        else:
            pieces.setdefault(split[1], {})[int(split[2] or 0)] = (value, bool(split[3]))
    # The extended form is the exact one; it wins over a plain fallback beside it.
    return plain | {key: _join_pieces(value) for key, value in pieces.items()}


def content(part: Message) -> bytes:
    """Return the bytes of one leaf part with its transfer encoding undone."""
    # get_payload() would first decode raw 8-bit text by the charset the sender claims.
    payload = vars(part).get("_payload")
    if not isinstance(payload, str):
        return b""
    data = payload.encode("utf-8", "surrogateescape")
    encoding = header(part, "content-transfer-encoding").casefold().strip(" ;\"'")
    if encoding == "base64":
        return decode_base64(data)
    if encoding == "quoted-printable":
        return binascii.a2b_qp(data)
    if encoding in ("x-uuencode", "uuencode", "uue", "x-uue"):
        return decode_uu(data)
    return data


def read_body(message: Message, limits: Limits = LIMITS) -> Body:
    """Collect the text, the HTML and the files of a parsed mail."""
    body = Body()
    segments = list(_segments(message, body, limits))
    if not any((text or html or "").strip() for text, html in segments):
        segments = [(None, html) if html else (text, None) for text, html in body.wrapped]
    pages = [lay_out(html or "") if text is None else None for text, html in segments]
    plain = [text or "" for text, _ in segments]
    text = _join(page.text if page else one for page, one in zip(pages, plain, strict=True))
    marked = _join(page.marked if page else one for page, one in zip(pages, plain, strict=True))
    body.text, cut_text = _cut(text, limits.text)
    body.marked = marked[: limits.text]
    body.html, cut_html = _cut(_as_html(segments), limits.html)
    body.cut = cut_text or cut_html
    return body


_Segment = tuple[str | None, str | None]  # plain text, HTML


def _segments(part: Message, body: Body, limits: Limits) -> Iterator[_Segment]:
    """Yield the readable pieces in order; put everything else into `body.files`."""
    kind = media_type(part)
    if kind == "message/feedback-report":
        body.report = "feedback-report"
    if kind == "message/delivery-status":
        yield _status_text(part), None
    elif kind.startswith("message/") and part.is_multipart():
        _keep(body, _forwarded(part, kind), limits)
    elif part.is_multipart():
        yield from _container(part, kind, body, limits)
    elif kind.startswith("multipart/"):  # its boundary never comes: who knows what it holds
        if text := _decoded(part).strip():
            yield text, None
            _keep(body, _file(part, kind), limits)
    elif kind in _TNEF or (name := file_name(part)).casefold() == "winmail.dat":
        _unwrap(part, body, limits)
    elif kind in ("text/plain", "text/html") and not (name or _is_attached(part)):
        text = _decoded(part)
        yield (None, text) if kind == "text/html" else (text, None)
    else:
        _keep(body, _file(part, kind), limits)


def _unwrap(part: Message, body: Body, limits: Limits) -> None:
    file = _file(part, media_type(part))
    try:
        found = read_tnef(file.content)
    except NotTnef:
        found = Wrapped()
    if not (found.text.strip() or found.html.strip() or found.files):
        _keep(body, file, limits)
        return
    body.wrapped.append((found.text, found.html))
    for one in found.files:
        kind = one.media_type if _TYPE.fullmatch(one.media_type) else "application/octet-stream"
        ids = _shown_name(one.content_id)
        _keep(body, File(_shown_name(one.name), kind, one.content, ids), limits)


def _decoded(part: Message) -> str:
    text = decode_bytes(content(part), parameters(part, "content-type").get("charset", ""))
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")


def _container(part: Message, kind: str, body: Body, limits: Limits) -> Iterator[_Segment]:
    children = [child for child in _children(part) if isinstance(child, Message)]
    if kind == "multipart/report":
        body.report = parameters(part, "content-type").get("report-type", "").casefold()
    if kind != "multipart/alternative":
        for child in children:
            yield from _segments(child, body, limits)
        return
    found = [piece for child in children for piece in _segments(child, body, limits)]
    plain = next((text for text, _ in found if text and text.strip()), None)
    html = next((html for _, html in reversed(found) if html and html.strip()), None)
    if plain is not None or html is not None:
        yield plain, html


def _children(part: Message) -> Iterable[Any]:
    payload: Any = part.get_payload()
    return payload if isinstance(payload, list) else []


def _is_attached(part: Message) -> bool:
    disposition = header(part, "content-disposition").partition(";")[0].strip().casefold()
    return disposition == "attachment"


def file_name(part: Message) -> str:
    """Return the name the sender gave a part, safe to show, or an empty string."""
    name = parameters(part, "content-disposition").get("filename", "")
    name = name or parameters(part, "content-type").get("name", "")
    return _shown_name(name)


def _shown_name(name: str) -> str:
    # Invisible signs and direction marks make "exe" look like "pdf".
    shown = name if name.isprintable() else "".join(sign for sign in name if sign.isprintable())
    return " ".join(shown.split())[:255]


def _file(part: Message, kind: str) -> File:
    ids = header(part, "content-id").strip().strip("<>")
    return File(name=file_name(part), media_type=kind, content=content(part), content_id=ids)


def _forwarded(part: Message, kind: str) -> File:
    inner = next(iter(_children(part)), None)
    if not isinstance(inner, Message):
        return _file(part, kind)
    try:
        raw = inner.as_bytes(unixfrom=False)
    except Exception:  # the writer is stricter than the reader; the stored mail has it all
        raw = b""
    return File(name=file_name(part), media_type=kind, content=raw)


def _status_text(part: Message) -> str:
    blocks = []
    for child in _children(part):
        if isinstance(child, Message):
            lines = (f"{key}: {decode_header(str(value))}" for key, value in child.raw_items())
            blocks.append("\n".join(lines))
    return "\n\n".join(block for block in blocks if block)


def _keep(body: Body, file: File, limits: Limits) -> None:
    if len(body.files) < limits.files:
        body.files.append(file)
    else:
        body.files_omitted += 1


def _join(pieces: Iterable[str]) -> str:
    return "\n".join(piece.rstrip() for piece in pieces if piece.strip()).strip("\n")


def _as_html(segments: list[_Segment]) -> str:
    if not any(html for _, html in segments):
        return ""
    pieces = [
        html if html else f"<p>{escape(text or '')}</p>".replace("\n", "<br>")
        for text, html in segments
    ]
    return "\n".join(pieces)


def _cut(text: str, most: int) -> tuple[str, bool]:
    return text[:most], len(text) > most


def _split_parameters(value: str) -> Iterator[tuple[str, str]]:
    """Yield name and value of each parameter after the first semicolon."""
    at = value.find(";")
    while at >= 0:
        found = _PARAMETER.match(value, at)
        if found:
            quoted, bare = found[2], found[3]
            text = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else bare.strip()
            yield found[1].casefold(), text
        at = value.find(";", found.end() if found else at + 1)


def _join_pieces(pieces: dict[int, tuple[str, bool]]) -> str:
    charset = ""
    data = b""
    for number in sorted(pieces):
        value, encoded = pieces[number]
        if encoded:
            if number == min(pieces) and value.count("'") >= 2:
                charset, _, value = value.split("'", 2)
            data += unquote_to_bytes(value.encode("utf-8", "surrogateescape"))
        else:
            data += value.encode("utf-8", "surrogateescape")
    return decode_words(decode_bytes(data, charset or "utf-8"))
