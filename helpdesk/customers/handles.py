"""One spelling for each address a customer may write from."""

import re
from typing import Final

import phonenumbers

from helpdesk.errors import InvalidInput

HOME_REGION: Final = "BR"  # of numbers that people type without a country
PHONES: Final = ("phone", "whatsapp")  # two doors of one telephone

_EMAIL = re.compile(r"[^\s@<>]+@[^\s@<>]+\.[^\s@<>]+|[^\s@<>]+@localhost")
_BRAZIL_MOBILE = re.compile(r"\+55([1-9]{2})9([6-9]\d{7})")
_BRAZIL_SHORT = re.compile(r"\+55([1-9]{2})([6-9]\d{7})")


def normalise(kind: str, value: str) -> str:
    """Return the stored form: lower-case e-mail, E.164 telephone, others as they are.

    Raises `InvalidInput`, naming `kind` as the field.
    """
    value = value.strip()
    if kind == "email":
        value = value.casefold()
        if not _EMAIL.fullmatch(value):
            raise InvalidInput(kind, "This is not an e-mail address.")
        return value
    if kind in PHONES:
        number = read_phone(value)
        if number is None:
            raise InvalidInput(kind, "This is not a telephone number.")
        return number
    if not value:
        raise InvalidInput(kind, "Write an address.")
    return value


def read_phone(text: str) -> str | None:
    """Return the E.164 form of a typed telephone number, None where it is none.

    A Brazilian mobile number from before the ninth digit gets it.
    """
    try:
        number = phonenumbers.parse(text, HOME_REGION)
    except phonenumbers.NumberParseException:
        return None
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    if short := _BRAZIL_SHORT.fullmatch(e164):
        return f"+55{short[1]}9{short[2]}"
    return e164 if phonenumbers.is_possible_number(number) else None


def spaced(text: str) -> str:
    """Write a stored number as people read it, `+55 11 98765-4321`; any other text as it is."""
    if not text.startswith("+"):
        return text
    try:
        number = phonenumbers.parse(text)
    except phonenumbers.NumberParseException:
        return text
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def spellings(kind: str, value: str) -> list[str]:
    """Return every stored form that may mean this address; the given one comes first.

    Brazilian mobile numbers stand in old records without their ninth digit.
    """
    if kind not in PHONES:
        return [value]
    if long := _BRAZIL_MOBILE.fullmatch(value):
        return [value, f"+55{long[1]}{long[2]}"]
    if short := _BRAZIL_SHORT.fullmatch(value):
        return [value, f"+55{short[1]}9{short[2]}"]
    return [value]


def kinds(kind: str) -> tuple[str, ...]:
    """Return the kinds under which this address may be known; its own comes first."""
    return (kind, *(other for other in PHONES if other != kind)) if kind in PHONES else (kind,)
