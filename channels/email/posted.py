"""Mail that a provider posts to us: proven, then turned back into the bytes of one mail.

Each provider can post the whole mail as it arrived; that is what should be set up. Where
only its pieces come, a mail is made of them, so that everything after this reads mail.
Pure: the time comes in as an argument.
"""

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any
from urllib.parse import parse_qsl

from channels.port import BadSignature, Delivery, Unreadable

OLDEST = timedelta(days=1)  # providers repeat for hours; an older proof was stolen
_MOST_PARTS = 300
_ADDRESS = re.compile(r"[^\s<>@\",;]{1,64}@[^\s<>@\",;]{1,255}")
_NAME = re.compile(rb'[;\s]name="([^"]{0,200})"', re.IGNORECASE)
_FILE = re.compile(rb'[;\s]filename="([^"]{0,500})"', re.IGNORECASE)
_TYPE = re.compile(rb"^content-type:\s*([^\r\n;]{1,200})", re.IGNORECASE | re.MULTILINE)
_NAMED_APART = ("from", "to", "cc", "subject", "date")
_OURS = ("content-type", "content-transfer-encoding", "mime-version", "content-disposition")


@dataclass(frozen=True, slots=True)
class PostedMail:
    """One mail, whom it was handed to, and what the provider calls it ("" for nothing)."""

    key: str
    raw: bytes
    recipients: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a form; `name` is that of a file."""

    content: bytes
    name: str = ""
    media_type: str = ""

    @property
    def text(self) -> str:
        return self.content.decode("utf-8", "replace")


Fields = Mapping[str, Field]


class MailgunHook:
    """Mailgun routes: a form, signed by HMAC-SHA256 over its time and a token for one use."""

    def __init__(self, signing_key: str) -> None:
        self._key = signing_key.encode()

    def __call__(self, delivery: Delivery, *, now: datetime) -> PostedMail:
        fields = form_fields(delivery)
        token = _text(fields, "token")
        self._prove(_text(fields, "timestamp"), token, _text(fields, "signature"), now)
        recipients = _addresses([_text(fields, "recipient")])
        raw = fields["body-mime"].content if "body-mime" in fields else self._rebuilt(fields)
        # The proof does not cover the mail, so it is worth one mail only.
        return PostedMail(f"mailgun:{token}", delivered(raw, recipients), recipients)

    def _prove(self, stamp: str, token: str, signature: str, now: datetime) -> None:
        made = hmac.new(self._key, f"{stamp}{token}".encode(), hashlib.sha256).hexdigest()
        if not token or not hmac.compare_digest(made.encode(), signature.encode()):
            raise BadSignature("the signature does not fit")
        if not stamp.isascii() or not stamp.isdigit() or len(stamp) > 12:
            raise BadSignature("the time is none")
        if abs(now - datetime.fromtimestamp(int(stamp), UTC)) > OLDEST:
            raise BadSignature("the signature is too old")

    def _rebuilt(self, fields: Fields) -> bytes:
        pairs = _json(_text(fields, "message-headers") or "[]")
        if not isinstance(pairs, list):
            raise Unreadable("the headers are no list")
        headers = [(str(one[0]), str(one[1])) for one in pairs if _is_pair(one)]
        files = [one for name, one in fields.items() if name.startswith("attachment-")]
        return rebuilt(headers, _text(fields, "body-plain"), _text(fields, "body-html"), files)


class PostmarkHook:
    """Postmark inbound: JSON, proven by the password in the address it was given."""

    def __init__(self, password: str) -> None:
        self._password = password

    def __call__(self, delivery: Delivery, *, now: datetime) -> PostedMail:  # noqa: ARG002
        prove_password(delivery, self._password)
        facts = _json(delivery.body.decode("utf-8", "replace"))
        if not isinstance(facts, dict):
            raise Unreadable("no object")
        recipients = _addresses([str(facts.get("OriginalRecipient", ""))])
        raw = str(facts.get("RawEmail") or "").encode("utf-8", "surrogatepass")
        key = str(facts.get("MessageID") or "")
        return PostedMail(
            f"postmark:{key}" if key else "",
            delivered(raw or self._rebuilt(facts), recipients),
            recipients,
        )

    def _rebuilt(self, facts: Mapping[str, Any]) -> bytes:
        headers = [
            (name, str(facts.get(name) or "")) for name in ("From", "To", "Cc", "Subject", "Date")
        ]
        given = facts.get("Headers") or []
        headers += [
            (name, str(one.get("Value", "")))
            for one in given
            if isinstance(one, dict) and (name := str(one.get("Name", "")))
            if name.casefold() not in _NAMED_APART  # twice said, a sender is in doubt
        ]
        files = [_postmark_file(one) for one in facts.get("Attachments") or []]
        text, html = str(facts.get("TextBody") or ""), str(facts.get("HtmlBody") or "")
        return rebuilt(headers, text, html, files)


class SendgridHook:
    """SendGrid inbound parse: a form, proven by the password in the address it was given."""

    def __init__(self, password: str) -> None:
        self._password = password

    def __call__(self, delivery: Delivery, *, now: datetime) -> PostedMail:  # noqa: ARG002
        prove_password(delivery, self._password)
        fields = form_fields(delivery)
        envelope = _json(_text(fields, "envelope") or "{}")
        to = envelope.get("to", []) if isinstance(envelope, dict) else []
        recipients = _addresses(str(one) for one in (to if isinstance(to, list) else []))
        raw = fields["email"].content if "email" in fields else self._rebuilt(fields)
        return PostedMail("", delivered(raw, recipients), recipients)

    def _rebuilt(self, fields: Fields) -> bytes:
        charsets = _json(_text(fields, "charsets") or "{}")
        known = charsets if isinstance(charsets, dict) else {}
        lines = re.sub(r"\r?\n[ \t]+", " ", _text(fields, "headers")).splitlines()
        headers = [
            (name, value.strip()) for name, _, value in (one.partition(":") for one in lines)
        ]
        files = [one for name, one in fields.items() if name.startswith("attachment") and one.name]
        text = _decoded(fields, "text", known)
        return rebuilt(headers, text, _decoded(fields, "html", known), files)


def prove_password(delivery: Delivery, password: str) -> None:
    """Raise `BadSignature` unless the caller showed the password (RFC 7617), whatever the user."""
    kind, _, shown = delivery.headers.get("authorization", "").partition(" ")
    try:
        given = base64.b64decode(shown.strip(), validate=True).partition(b":")[2]
    except (binascii.Error, ValueError):
        given = b""
    good = hmac.compare_digest(given, password.encode())
    if kind.casefold() != "basic" or not password or not good:
        raise BadSignature("the password does not fit")


def form_fields(delivery: Delivery) -> dict[str, Field]:
    """Read a form, byte by byte. Raises `Unreadable`."""
    kind = delivery.headers.get("content-type", "")
    if kind.casefold().startswith("application/x-www-form-urlencoded"):
        try:
            pairs = parse_qsl(
                delivery.body.decode("latin-1"),
                keep_blank_values=True,
                encoding="latin-1",
                max_num_fields=_MOST_PARTS,
            )
        except ValueError as fault:
            raise Unreadable("too many fields") from fault
        return {name: Field(value.encode("latin-1", "replace")) for name, value in pairs}
    found = re.search(r'boundary="?([^";,\s]{1,200})', kind, re.IGNORECASE)
    if not kind.casefold().startswith("multipart/form-data") or found is None:
        raise Unreadable("this is not a form")
    return dict(_parts(delivery.body, found[1].encode("latin-1", "replace")))


def delivered(raw: bytes, recipients: Iterable[str]) -> bytes:
    """Return a mail with the addresses it was handed to on top, as a mail server writes them."""
    if not raw.strip():
        raise Unreadable("empty")
    top = "".join(f"Delivered-To: {one}\r\n" for one in recipients)
    return top.encode("utf-8", "replace") + raw


def rebuilt(
    headers: Iterable[tuple[str, str]], text: str, html: str, files: Iterable[Field]
) -> bytes:
    """Make a mail of its pieces. Raises `Unreadable` where there are none."""
    body = EmailMessage()
    body.set_content(text, cte="base64")
    if html:
        body.add_alternative(html, subtype="html", cte="base64")
    for file in files:
        main, _, sub = (file.media_type or "application/octet-stream").partition("/")
        if main in ("multipart", "message") or not re.fullmatch(r"[\w.+-]+", sub):
            main, sub = "application", "octet-stream"
        name = "".join(sign for sign in file.name if sign.isprintable())
        body.add_attachment(file.content, maintype=main, subtype=sub, filename=name or "file")
    top = [
        f"{name}: {' '.join(value.split())}\r\n"
        for name, value in headers
        if re.fullmatch(r"[!-9;-~]{1,100}", name) and name.casefold() not in _OURS and value
    ]
    if not top:
        raise Unreadable("no headers")
    _name_boundaries(body)
    return "".join(top).encode("utf-8", "replace") + body.as_bytes()


def _name_boundaries(body: EmailMessage) -> None:
    """Make the same bytes of the same pieces: a repeated posting is known by them."""
    inside = hashlib.sha256(
        repr([part.get_payload() for part in body.walk() if not part.is_multipart()]).encode()
    ).hexdigest()
    for number, part in enumerate(body.walk()):
        if part.is_multipart():
            part.set_boundary(f"{inside[:40]}.{number}")


def _parts(body: bytes, boundary: bytes) -> Iterable[tuple[str, Field]]:
    pieces = (b"\r\n" + body).split(b"\r\n--" + boundary)[1:]
    if len(pieces) > _MOST_PARTS:
        raise Unreadable("too many fields")
    for piece in pieces:
        if piece.startswith(b"--"):
            return
        head, _, content = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        name, file, kind = _NAME.search(head), _FILE.search(head), _TYPE.search(head)
        if name is not None:
            yield (
                name[1].decode("utf-8", "replace"),
                Field(
                    content,
                    file[1].decode("utf-8", "replace") if file else "",
                    kind[1].decode("latin-1").strip().casefold() if kind else "",
                ),
            )


def _text(fields: Fields, name: str) -> str:
    return fields[name].text if name in fields else ""


def _decoded(fields: Fields, name: str, charsets: Mapping[str, Any]) -> str:
    try:
        return fields[name].content.decode(str(charsets.get(name, "utf-8")), "replace")
    except KeyError:
        return ""
    except LookupError:
        return _text(fields, name)


def _addresses(found: Iterable[str]) -> tuple[str, ...]:
    whole = (one.strip().strip("<>") for text in found for one in text.split(","))
    return tuple(one for one in whole if _ADDRESS.fullmatch(one) and one.isprintable())[:50]


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as fault:
        raise Unreadable("not JSON") from fault


def _is_pair(one: object) -> bool:
    return isinstance(one, list) and len(one) == 2


def _postmark_file(one: object) -> Field:
    facts = one if isinstance(one, dict) else {}
    try:
        content = base64.b64decode(str(facts.get("Content", "")))
    except (binascii.Error, ValueError) as fault:
        raise Unreadable("a file that cannot be read") from fault
    return Field(content, str(facts.get("Name", "")), str(facts.get("ContentType", "")).casefold())
