"""The kept copy of a mail, with card numbers masked where they stand.

What holds nothing to hide stays byte for byte. Headers by which mails are threaded, parted
and proven stay as they are: a number changed there would break the mail.
"""

import base64
import binascii
import codecs
import quopri
import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final

from helpdesk.inbox.cards import holds_nothing, mask_escaped, mask_html, mask_text

_MOST_PARTS: Final = 200  # boundaries of one mail; past these, the outer part is masked as a whole
_DEEPEST: Final = 5  # mails inside mails
_WORD_BYTES: Final = 45  # of one encoded word
_LONGEST_HEAD: Final = 256 * 1024  # a longer one is no honest mail's: it is masked as a whole

_BOUNDARY = re.compile(
    rb"boundary\s*=\s*(?:\"([^\"\r\n]{1,200})\"|([^\s;\"]{1,200}))", re.IGNORECASE
)
_ENCODING = re.compile(rb"^content-transfer-encoding:\s*\"?([\w-]+)", re.IGNORECASE | re.MULTILINE)
_TYPE = re.compile(rb"^content-type:\s*([\w.+-]+)/([\w.+-]+)", re.IGNORECASE | re.MULTILINE)
_WIDE = re.compile(rb"charset\s*=\s*\"?(utf-?(?:16|32)(?:[bl]e)?)\b", re.IGNORECASE)
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_FIELD = re.compile(rb"(?m)^[!-9;-~]{1,200}[ \t]*:.*(?:\r?\n[ \t].*)*")
_STRUCTURE: Final = re.compile(
    rb"(?:message-id|in-reply-to|references|content-id|received|return-path|date|mime-version"
    rb"|dkim-signature|domainkey-signature|arc-[a-z-]+|authentication-results|received-spf"
    rb"|content-transfer-encoding|x-received|x-google-[a-z-]+|thread-index)[ \t]*:",
    re.IGNORECASE,
)
_WORDS = re.compile(
    rb"=\?[^?\s]{1,60}\?[bBqQ]\?[^?\r\n]{0,2000}\?=(?:\s+=\?[^?\s]{1,60}\?[bBqQ]\?[^?\r\n]{0,2000}\?=)*"
)
_WORD = re.compile(rb"=\?([^?\s]{1,60})\?([bBqQ])\?([^?\r\n]{0,2000})\?=")


def mask_mail(raw: bytes, depth: int = 0) -> bytes:
    """Mask every readable part of a mail where it stands, headers and names of files included."""
    boundaries = set(islice((one[1] or one[2] for one in _boundaries(raw)), _MOST_PARTS))
    if not boundaries:
        return _mask_part(raw, depth)
    lines = b"|".join(re.escape(b"--" + one) for one in sorted(boundaries, reverse=True))
    line = re.compile(rb"(?:" + lines + rb")(?:--)?[ \t]*\r?\n?")
    made, at = [], 0
    for found in _at_line_starts(raw, line):
        made += [_mask_part(raw[at : found.start()], depth), found[0]]
        at = found.end()
    return b"".join([*made, _mask_part(raw[at:], depth)])


def _boundaries(raw: bytes) -> Iterator[re.Match[bytes]]:
    small = raw.lower()
    at = small.find(b"boundary")
    while at >= 0:
        found = _BOUNDARY.match(raw, at)
        if found:
            yield found
        at = small.find(b"boundary", found.end() if found else at + 1)


def _at_line_starts(raw: bytes, line: re.Pattern[bytes]) -> Iterator[re.Match[bytes]]:
    """Yield each match, one behind the other, of what begins a line with two dashes."""
    end = -1  # of the line before
    while True:
        found = line.match(raw, end + 1)
        if found:
            yield found
        end = raw.find(b"\n--", found.end() - 1 if found else end + 1)
        if end < 0:
            return


def mask_bytes(body: bytes, mask: Callable[[str], str] = mask_text) -> bytes:
    """Mask bytes that are read as text, whatever their charset; others come back as they were."""
    if len(body) < 3 or holds_nothing(body):
        return body
    try:
        text, charset = body.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        text, charset = body.decode("latin-1"), "latin-1"  # any byte comes back as it was
    masked = mask(text)
    return body if masked is text else masked.encode(charset)


def mask_if_text(content: bytes) -> bytes:
    """Mask a file where it is text, whatever it is said to be; leave any other alone."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return content
    if "\0" in text:
        return content
    masked = mask_text(text)
    return content if masked is text else masked.encode()


def _mask_part(part: bytes, depth: int) -> bytes:
    blank = re.match(rb"\r?\n", part) or _BLANK_LINE.search(part)
    head, body = (part[: blank.end()], part[blank.end() :]) if blank else (part, b"")
    kind, encoding = _TYPE.search(head), _ENCODING.search(head)
    main, sub = (kind[1].lower(), kind[2].lower()) if kind else (b"text", b"plain")
    mask = _mask_of(head, main, sub, depth)
    return _mask_head(head) + _mask_encoded(body, encoding[1].lower() if encoding else b"", mask)


def _mask_of(head: bytes, main: bytes, sub: bytes, depth: int) -> Callable[[bytes], bytes]:
    """Return what masks the bytes of one part."""
    if main == b"message" and depth < _DEEPEST:
        return lambda body: mask_mail(body, depth + 1)
    if main not in (b"text", b"multipart", b"message"):
        return mask_if_text
    words = mask_html if sub == b"html" else mask_text
    if wide := _WIDE.search(head):
        return lambda body: _mask_wide(body, wide[1].decode("ascii"), words)
    return lambda body: mask_bytes(body, words)


def _mask_wide(body: bytes, charset: str, mask: Callable[[str], str]) -> bytes:
    try:
        text = body.decode(charset)
    except UnicodeDecodeError:
        return mask_bytes(body, mask)
    masked = mask(text)
    return body if masked == text else masked.encode(codecs.lookup(charset).name)


def _mask_encoded(body: bytes, encoding: bytes, mask: Callable[[bytes], bytes]) -> bytes:
    """Mask inside a transfer encoding."""
    if encoding == b"quoted-printable":
        plain = quopri.decodestring(body)
        masked = mask(plain)
        return body if masked == plain else quopri.encodestring(masked)
    if encoding == b"base64":
        try:
            plain = base64.b64decode(body, validate=False)
        except ValueError:
            return body
        masked = mask(plain)
        return body if masked == plain else base64.encodebytes(masked)
    return mask(body)


def _mask_head(head: bytes) -> bytes:
    if len(head) > _LONGEST_HEAD:
        return mask_bytes(head)
    made, at = [], 0
    for field in _FIELD.finditer(head):
        made += [mask_bytes(head[at : field.start()]), _mask_field(field[0])]
        at = field.end()
    return b"".join([*made, mask_bytes(head[at:])])


def _mask_field(field: bytes) -> bytes:
    if (holds_nothing(field) and b"=?" not in field) or _STRUCTURE.match(field):
        return field
    pieces, at = [], 0
    for boundary in _boundaries(field):
        pieces += [_mask_value(field[at : boundary.start()]), boundary[0]]
        at = boundary.end()
    return b"".join([*pieces, _mask_value(field[at:])])


def _mask_value(value: bytes) -> bytes:
    if b"=?" in value:
        value = _WORDS.sub(_mask_words, value)
    return mask_bytes(value, mask_escaped)


def _mask_words(found: re.Match[bytes]) -> bytes:
    """Mask a row of encoded words (RFC 2047); where nothing is hidden it stays as written."""
    text = ""
    for charset, way, content in _WORD.findall(found[0]):
        try:
            if way in b"bB":
                data = binascii.a2b_base64(content + b"=" * (-len(content) % 4))
            else:
                data = quopri.decodestring(content, header=True)
            text += data.decode(charset.partition(b"*")[0].decode("ascii"), "replace")
        except (ValueError, LookupError):
            return found[0]
    masked = mask_text(text)
    if masked == text:
        return found[0]
    words, word = [], b""
    for sign in (one.encode() for one in masked):
        if len(word) + len(sign) > _WORD_BYTES:
            words.append(word)
            word = b""
        word += sign
    return b"\r\n ".join(
        b"=?utf-8?B?" + base64.b64encode(one) + b"?=" for one in [*words, word] if one
    )
