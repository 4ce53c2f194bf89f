"""Card numbers and security codes are masked before anything inbound is first written.

Covered: the readable text of every message, and the kept copy of what arrived, where it
is a form, plain text, or a text part of a mail in any transfer encoding.

Not covered, because no text is there to read: pictures, PDF and archives; text in UTF-16;
a number cut in two by HTML tags, spelled out in words or spread over several messages.
Masking a kept mail breaks its DKIM signature; trust was judged by our own mail server
before, and is read from its header.
"""

import base64
import quopri
import re
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from urllib.parse import parse_qsl, urlencode

from channels.port import Delivery, File, Inbound

# 13 digits or more, at most three blanks, dots or dashes between two; never part of a
# word or of an international phone number.
_RUN = re.compile(r"(?<![\w+])\d(?:[ \u00a0.\-]{0,3}\d){12,}(?!\w)")
_GROUP = re.compile(r"\d+")

# First digits of the issuers and how long their numbers are (ISO/IEC 7812, as published).
_ISSUERS = (
    (re.compile(r"4"), (13, 16, 19)),
    (re.compile(r"5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720"), (16,)),
    (re.compile(r"3[47]"), (15,)),
    (re.compile(r"3(?:0[0-5]|[689])"), (14, 16, 19)),
    (re.compile(r"6011|64[4-9]|65"), (16, 19)),
    (re.compile(r"35(?:2[89]|[3-8])"), (16, 19)),
    (re.compile(r"62|81"), (16, 17, 18, 19)),
    # Elo and Hipercard, the Brazilian issuers outside the ranges above.
    (re.compile(r"(?:401178|401179|438935|457631|457632|504175|627780|636297|636368)"), (16,)),
    (re.compile(r"(?:5067|5090|6277|6363|6500|6504|6505|6507|6509|6516|6550)"), (16,)),
    (re.compile(r"(?:606282|3841)"), (16, 19)),
    (re.compile(r"(?:5018|5020|5038|5[6-8]|6304|6759|676[1-3])"), (13, 14, 15, 16, 17, 18, 19)),
)

CHAT_FILE = "application/vnd.guiche.chat-file"  # a chat frame, a line end, a file's bytes

_LONGEST = 19  # digits
_MOST_PARTS = 200  # boundaries of one mail; past these, the outer part is masked as a whole

_SECURITY_CODE = re.compile(
    r"(\b(?:cvv2?|cvc2?|cvn|csc|cid|security code|card code|verification code of the card"
    r"|c[óo]d(?:igo|\.)? (?:de )?seguran[çc]a|c[óo]d(?:igo|\.)? (?:do|no) verso)"
    r"(?: (?:do|of the|meu|my) (?:cart[ãa]o|card))?"
    r"[ \t]*(?:[:=#\-]|é|eh|e|is)?[ \t]*)(\d{3,4})\b",
    re.IGNORECASE,
)

_BOUNDARY = re.compile(
    rb"boundary\s*=\s*(?:\"([^\"\r\n]{1,200})\"|([^\s;\"]{1,200}))", re.IGNORECASE
)
_ENCODING = re.compile(rb"^content-transfer-encoding:\s*([\w-]+)", re.IGNORECASE | re.MULTILINE)
_TYPE = re.compile(rb"^content-type:\s*([\w.+-]+)/", re.IGNORECASE | re.MULTILINE)
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")


def mask_text(text: str) -> str:
    """Return `text` with card numbers down to their last four digits and codes blanked.

    The length stays the same, so that a mask can be put back into an encoded copy.
    """
    return _SECURITY_CODE.sub(_blank_code, _RUN.sub(_mask_run, text))


def is_card_number(digits: str) -> bool:
    """Say whether a run of digits is a number that an issuer may have given out."""
    if len(set(digits)) == 1 or not _passes_luhn(digits):
        return False
    return any(start.match(digits) and len(digits) in lengths for start, lengths in _ISSUERS)


def mask_delivery(delivery: Delivery) -> Delivery:
    """Return the delivery as it may be kept. Its signature fits the unmasked bytes only."""
    kind = delivery.headers.get("content-type", "").partition(";")[0].strip().casefold()
    by_kind = {
        "message/rfc822": _mask_mail,
        "application/x-www-form-urlencoded": _mask_form,
        CHAT_FILE: _mask_chat_file,
    }
    try:
        body = by_kind.get(kind, _mask_bytes)(delivery.body)
    except Exception:  # strangers write the bytes: an unforeseen fault must not lose them
        body = _mask_bytes(delivery.body)
    return replace(delivery, body=body)


def mask_inbound(item: Inbound) -> Inbound:
    """Return a read message as it may be written."""
    return replace(
        item,
        text=mask_text(item.text),
        reply_text=mask_text(item.reply_text),
        subject=mask_text(item.subject),
        html=mask_text(item.html),
        sender=replace(item.sender, name=mask_text(item.sender.name)),
        files=tuple(_mask_file(file) for file in item.files),
    )


def _mask_file(file: File) -> File:
    name = mask_text(file.name)
    if file.media_type.startswith("text/"):
        return replace(file, name=name, content=_mask_bytes(file.content))
    return replace(file, name=name)


def _mask_run(found: re.Match[str]) -> str:
    """Mask each card number in a run of digit groups, also one with a code or a date behind."""
    run = found[0]
    groups = [(group.start(), group.end()) for group in _GROUP.finditer(run)]
    first = 0
    while first < len(groups):
        last = _card_from(run, groups, first)
        if last is not None:
            run = _hide(run, groups[first][0], groups[last][1])
            first = last
        first += 1
    return run


def _card_from(run: str, groups: list[tuple[int, int]], first: int) -> int | None:
    """Return the last group of the card number that begins with group `first`."""
    digits = ""
    for last in range(first, len(groups)):
        digits += run[slice(*groups[last])]
        if len(digits) > _LONGEST:
            return None
        if is_card_number(digits):
            return last
    return None


def _hide(run: str, start: int, end: int) -> str:
    """Star out all digits between the places but the last four."""
    digits = [at for at in range(start, end) if run[at].isdigit()]
    hidden = set(digits[:-4])
    return "".join("*" if at in hidden else sign for at, sign in enumerate(run))


def _blank_code(found: re.Match[str]) -> str:
    return found[1] + "*" * len(found[2])


def _passes_luhn(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def _mask_bytes(body: bytes) -> bytes:
    try:
        text, charset = body.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        text, charset = body.decode("latin-1"), "latin-1"  # any byte comes back as it was
    return mask_text(text).encode(charset)


def _mask_chat_file(body: bytes) -> bytes:
    """Mask the frame, and the file behind it where it is text; other bytes stay as they are."""
    frame, end, content = body.partition(b"\n")
    with suppress(UnicodeDecodeError):
        content = mask_text(content.decode("utf-8")).encode()
    return _mask_bytes(frame) + end + content


def _mask_form(body: bytes) -> bytes:
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="surrogateescape")
    except (UnicodeDecodeError, ValueError):
        return _mask_bytes(body)
    masked = [(name, mask_text(value)) for name, value in pairs]
    if masked == pairs:
        return body  # as it was signed
    return urlencode(masked, errors="surrogateescape").encode("ascii")


def _mask_mail(raw: bytes) -> bytes:
    """Mask every text part of a mail where it stands, headers included."""
    boundaries = set(islice((one[1] or one[2] for one in _BOUNDARY.finditer(raw)), _MOST_PARTS))
    if not boundaries:
        return _mask_part(raw)
    lines = b"|".join(re.escape(b"--" + one) for one in sorted(boundaries, reverse=True))
    between = re.split(rb"(?m)(^(?:" + lines + rb")(?:--)?[ \t]*\r?\n?)", raw)
    return b"".join(
        piece if place % 2 else _mask_part(piece) for place, piece in enumerate(between)
    )


def _mask_part(part: bytes) -> bytes:
    found = _BLANK_LINE.search(part)
    if found is None:
        return _mask_bytes(part) if b":" in part else part
    head, body = part[: found.end()], part[found.end() :]
    kind = _TYPE.search(head)
    if kind is not None and kind[1].lower() not in (b"text", b"multipart", b"message"):
        return head + body
    encoding = _ENCODING.search(head)
    name = encoding[1].lower() if encoding else b"7bit"
    return _mask_bytes(head) + _mask_encoded(body, name)


def _mask_encoded(body: bytes, encoding: bytes) -> bytes:
    """Mask inside a transfer encoding; what holds nothing to hide stays byte for byte."""
    if encoding == b"quoted-printable":
        plain = quopri.decodestring(body)
        masked = _mask_bytes(plain)
        return body if masked == plain else quopri.encodestring(masked)
    if encoding == b"base64":
        try:
            plain = base64.b64decode(body, validate=False)
        except ValueError:
            return body
        masked = _mask_bytes(plain)
        return body if masked == plain else base64.encodebytes(masked)
    return _mask_bytes(body)
