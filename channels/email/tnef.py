"""Read what Outlook wraps into `winmail.dat` (TNEF): its files, and a body.

The layout is that of MS-OXTNEF: a row of attributes (level, tag, length, bytes,
checksum), some of which hold a table of MAPI properties. Nothing is compressed, so
what comes out is never larger than what went in.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from channels.email.decode import decode_bytes
from channels.port import File

SIGNATURE: Final = 0x223E9F78
MOST_PROPERTIES: Final = 2_000

_CODE_PAGE: Final = 0x00069007
_BODY: Final = 0x0002800C
_MESSAGE_PROPERTIES: Final = 0x00069003
_FILE_BEGINS: Final = 0x00069002
_FILE_NAME: Final = 0x00018010
_FILE_DATA: Final = 0x0006800F
_FILE_PROPERTIES: Final = 0x00069005

_TEXT, _HTML = 0x1000, 0x1013
_LONG_NAME, _MEDIA_TYPE, _CONTENT_ID, _DATA = 0x3707, 0x370E, 0x3712, 0x3701
# Bytes of a value by its type; a value always fills a multiple of four.
_SIZES: Final = {2: 4, 3: 4, 4: 4, 5: 8, 6: 8, 7: 8, 10: 4, 11: 4, 20: 8, 64: 8, 72: 16}
_UNICODE: Final = 31
_VARIABLE: Final = frozenset({13, 30, _UNICODE, 258})


class NotTnef(ValueError):
    """The bytes are not TNEF, or end in the middle of it."""


@dataclass(slots=True)
class Wrapped:
    """What was inside; each may be empty."""

    text: str = ""
    html: str = ""
    files: list[File] = field(default_factory=list)


@dataclass(slots=True)
class _File:
    name: str = ""
    media_type: str = ""
    content_id: str = ""
    content: bytes = b""


def read_tnef(data: bytes) -> Wrapped:
    """Read one `winmail.dat`. Raises `NotTnef`, nothing else."""
    try:
        return _read(data)
    except (struct.error, IndexError) as fault:
        raise NotTnef("it ends too early") from fault


def _read(data: bytes) -> Wrapped:
    if len(data) < 6 or struct.unpack_from("<I", data)[0] != SIGNATURE:
        raise NotTnef("no signature")
    found = Wrapped()
    files: list[_File] = []
    charset = "cp1252"
    for tag, value in _attributes(data):
        if tag == _CODE_PAGE and len(value) >= 4:
            charset = f"cp{struct.unpack_from('<I', value)[0]}"
        elif tag == _BODY:
            found.text = _string(value, charset)
        elif tag == _MESSAGE_PROPERTIES:
            _read_message(found, value, charset)
        elif tag == _FILE_BEGINS:
            files.append(_File())
        elif files:
            _read_file(files[-1], tag, value, charset)
    found.files = [
        File(one.name, one.media_type or "application/octet-stream", one.content, one.content_id)
        for one in files
        if one.name or one.content
    ]
    return found


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 6  # signature and key
    while at + 9 <= len(data):
        _, tag, length = struct.unpack_from("<BII", data, at)
        at += 9
        if at + length > len(data):
            raise NotTnef("it ends too early")
        yield tag, data[at : at + length]
        at += length + 2  # the checksum is wrong in too many of them to be worth reading


def _read_message(found: Wrapped, value: bytes, charset: str) -> None:
    for number, kind, content in _properties(value):
        if number == _HTML:
            found.html = _string(content, charset if kind != _UNICODE else "utf-16-le")
        elif number == _TEXT:
            found.text = _string(content, charset if kind != _UNICODE else "utf-16-le")


def _read_file(file: _File, tag: int, value: bytes, charset: str) -> None:
    if tag == _FILE_NAME:
        file.name = file.name or _string(value, charset)
    elif tag == _FILE_DATA:
        file.content = value
    elif tag == _FILE_PROPERTIES:
        for number, kind, content in _properties(value):
            if number == _DATA:
                # An embedded object begins with the id of its interface.
                file.content = file.content or (content[16:] if kind == 13 else content)
                continue
            text = _string(content, charset if kind != _UNICODE else "utf-16-le")
            if number == _LONG_NAME:
                file.name = text or file.name
            elif number == _MEDIA_TYPE:
                file.media_type = text.casefold()
            elif number == _CONTENT_ID:
                file.content_id = text.strip("<>")


def _properties(value: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Yield number, type and first value of each MAPI property."""
    (count,) = struct.unpack_from("<I", value)
    at = 4
    for _ in range(min(count, MOST_PROPERTIES)):
        kind, number = struct.unpack_from("<HH", value, at)
        at += 4
        if number >= 0x8000:
            at = _after_name(value, at)
        many = bool(kind & 0x1000) or (kind & 0xFFF) in _VARIABLE
        kind &= 0xFFF
        values = 1
        if many:
            (values,) = struct.unpack_from("<I", value, at)
            at += 4
        first: bytes | None = None
        for _ in range(min(values, MOST_PROPERTIES)):
            content, at = _value(value, at, kind)
            first = content if first is None else first
        yield number, kind, first or b""


def _after_name(value: bytes, at: int) -> int:
    """Return where a named property goes on behind its name."""
    (spelled,) = struct.unpack_from("<I", value, at + 16)
    if not spelled:
        return at + 24
    length = int(struct.unpack_from("<I", value, at + 20)[0])
    return at + 24 + length + -length % 4


def _value(value: bytes, at: int, kind: int) -> tuple[bytes, int]:
    if kind in _VARIABLE:
        (length,) = struct.unpack_from("<I", value, at)
        at += 4
    elif kind in _SIZES:
        length = _SIZES[kind]
    else:
        raise NotTnef("a property of an unknown type")
    if at + length > len(value):
        raise NotTnef("it ends too early")
    return value[at : at + length], at + length + -length % 4


def _string(content: bytes, charset: str) -> str:
    if charset == "utf-16-le":
        text = content.decode("utf-16-le", "replace")
    else:
        text = decode_bytes(content, charset)
    return text.replace("\r\n", "\n").replace("\r", "\n").strip("\0").replace("\0", "")
