"""The BR Code: a Pix charge as text that a QR code carries.

A list of fields: two digits name, two digits of length, value; some values are such lists
themselves. Lengths and the checksum count bytes, not characters. Source: the EMV merchant
presented QR code and the central bank's manual of initiation standards for Pix.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

from .money import Money

PIX = "br.gov.bcb.pix"
LONGEST_NAME = 25  # bytes
LONGEST_CITY = 15  # bytes
LONGEST_VALUE = 99  # bytes; a length has two digits
ANY_TXID = "***"  # the receiver does not say which charge it is

_TEMPLATES = [f"{number:02}" for number in range(26, 52)]  # where a receiver's account may stand
_NEEDED = ("00", "52", "53", "58", "59", "60", "63")
_AMOUNT = re.compile(r"[0-9]{1,10}(\.[0-9]{1,2})?")
_TXID = re.compile(r"[A-Za-z0-9]{1,25}|\*\*\*")


class CodeTooLong(ValueError):
    """A value does not fit into its field."""


class _Broken(Exception):
    """The fields do not fill their text exactly."""


@dataclass(frozen=True, slots=True)
class CodeReading:
    """What a payload says. With an `error` only the two checksum fields are filled.

    structure: the fields do not add up, or one that must be there is not. crc: they do,
    and the checksum is another. not_pix: a payment code of somebody else.
    """

    error: Literal["", "structure", "crc", "not_pix"]
    crc: str  # as printed, upper case
    crc_matches: bool
    gui: str = ""  # lower case
    key: str | None = None
    url: str | None = None
    amount: str | None = None  # as printed: "123.45"
    name: str = ""
    city: str = ""
    txid: str | None = None

    @property
    def valid(self) -> bool:
        return not self.error


def build_static(
    key: str,
    amount: Money | None = None,
    *,
    name: str,
    city: str,
    txid: str = ANY_TXID,
    text: str = "",
) -> str:
    """Return the payload for a Pix key. Without an amount the payer chooses it.

    `txid`: 1 to 25 letters and digits. Raises `CodeTooLong`, and ValueError for another
    currency than BRL or another txid.
    """
    account = _field("00", PIX) + _field("01", key)
    if text:
        account += _field("02", _fold(text))
    return _assemble(account, amount, name=name, city=city, txid=txid, dynamic=False)


def build_dynamic(
    url: str, amount: Money | None = None, *, name: str, city: str, txid: str = ANY_TXID
) -> str:
    """Return the payload that points to a charge kept at `url` (given without its scheme)."""
    account = _field("00", PIX) + _field("25", url)
    return _assemble(account, amount, name=name, city=city, txid=txid, dynamic=True)


def parse(payload: str) -> CodeReading:
    """Read a payload; every fault is told, none raised. The structure is checked before the sum.

    Of several accounts in one code the first one of Pix counts; the others are ignored.
    """
    raw = payload.encode(errors="replace")
    printed = payload[-4:].upper()
    matches = crc16(raw[:-4]) == printed
    try:
        fields = _read_fields(raw)
        _check(fields, raw)
        account = _pix_account(fields)
        more = _read_fields(fields.get("62", ""))
    except (_Broken, UnicodeDecodeError):
        return CodeReading("structure", printed, matches)
    if account is None:
        return CodeReading("not_pix", printed, matches)
    if not matches:
        return CodeReading("crc", printed, matches)
    return CodeReading(
        "",
        printed,
        matches,
        gui=PIX,
        key=account.get("01"),
        url=account.get("25"),
        amount=fields.get("54"),
        name=fields["59"],
        city=fields["60"],
        txid=more.get("05"),
    )


def crc16(data: bytes) -> str:
    """Return CRC-16/CCITT-FALSE (polynomial 0x1021, start 0xFFFF) as four upper-case hex digits."""
    register = 0xFFFF
    for byte in data:
        register ^= byte << 8
        for _ in range(8):
            register = (register << 1) ^ (0x1021 if register & 0x8000 else 0)
        register &= 0xFFFF
    return f"{register:04X}"


def _assemble(
    account: str, amount: Money | None, *, name: str, city: str, txid: str, dynamic: bool
) -> str:
    if amount is not None and amount.currency != "BRL":
        raise ValueError(f"Pix moves BRL, not {amount.currency}")
    if not _TXID.fullmatch(txid):
        raise ValueError(f"not a txid: {txid!r}")
    fields = [_field("00", "01")]
    if dynamic:
        fields.append(_field("01", "12"))
    fields += [_field("26", account), _field("52", "0000"), _field("53", "986")]
    if amount is not None:
        fields.append(_field("54", str(amount).removeprefix("BRL ")))
    fields += [
        _field("58", "BR"),
        _field("59", _fold(name)[:LONGEST_NAME].strip()),
        _field("60", _fold(city)[:LONGEST_CITY].strip()),
        _field("62", _field("05", txid)),
    ]
    body = "".join(fields) + "6304"
    return body + crc16(body.encode())


def _field(id: str, value: str) -> str:
    length = len(value.encode())
    if length > LONGEST_VALUE:
        raise CodeTooLong(f"field {id} has {length} bytes")
    return f"{id}{length:02}{value}"


def _fold(text: str) -> str:
    """Write text in printable ASCII: bank apps show anything else wrongly."""
    bare = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^ -~]+", " ", bare).strip()


def _read_fields(text: str | bytes) -> dict[str, str]:
    raw = text.encode() if isinstance(text, str) else text
    fields: dict[str, str] = {}
    at = 0
    while at < len(raw):
        head = raw[at : at + 4]
        if len(head) < 4 or not head.isdigit():
            raise _Broken
        end = at + 4 + int(head[2:])
        id = head[:2].decode()
        if end > len(raw) or id in fields:
            raise _Broken
        fields[id] = raw[at + 4 : end].decode()
        at = end
    return fields


def _check(fields: dict[str, str], raw: bytes) -> None:
    """Refuse a code that lacks a field, or whose checksum is not its last four characters."""
    if any(not fields.get(id) for id in _NEEDED) or fields["00"] != "01":
        raise _Broken
    if raw[-8:-4] != b"6304":
        raise _Broken
    if "54" in fields and not _AMOUNT.fullmatch(fields["54"]):
        raise _Broken


def _pix_account(fields: dict[str, str]) -> dict[str, str] | None:
    for id in _TEMPLATES:
        if id not in fields:
            continue
        account = _read_fields(fields[id])
        if account.get("00", "").lower() == PIX:
            if ("01" in account) == ("25" in account):
                raise _Broken
            return account
    return None
