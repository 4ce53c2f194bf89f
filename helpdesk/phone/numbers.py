"""Reading telephone numbers as people type them, in every country.

`customers.handles` says how a customer's number is stored; this module reads numbers
that somebody means to call, and says whether two spellings mean one telephone.
"""

from dataclasses import dataclass
from typing import Final, Literal

import phonenumbers
from phonenumbers import Leniency, MatchType, PhoneNumber, PhoneNumberFormat

from helpdesk.customers.handles import HOME_REGION, spellings

Likeness = Literal["not_a_number", "no_match", "short", "national", "exact"]

_LIKENESS: Final[dict[int, Likeness]] = {
    MatchType.NOT_A_NUMBER: "not_a_number",
    MatchType.NO_MATCH: "no_match",
    MatchType.SHORT_NSN_MATCH: "short",
    MatchType.NSN_MATCH: "national",
    MatchType.EXACT_MATCH: "exact",
}
_LONGEST_TEXT: Final = 10_000  # characters of a message that are searched for numbers


@dataclass(frozen=True, slots=True)
class Number:
    """One telephone number."""

    e164: str  # without its extension
    country: int  # calling code
    national: int
    extension: str = ""
    leading_zero: bool = False  # the zero before an Italian number belongs to it
    valid: bool = True  # the country's numbering plan has room for it


def read_number(text: str, region: str = HOME_REGION) -> Number | None:
    """Return the number in `text`, typed in `region` (ISO 3166); None where there is none.

    A number that no plan has room for is read too, with `valid` false.
    """
    try:
        found = phonenumbers.parse(text, region or None)
    except phonenumbers.NumberParseException:
        return None
    return _as_number(found)


def find_numbers(text: str, region: str = HOME_REGION) -> list[Number]:
    """Return the valid numbers written in a text, in order and each once."""
    matcher = phonenumbers.PhoneNumberMatcher(text[:_LONGEST_TEXT], region, Leniency.VALID)
    numbers = [_as_number(match.number) for match in matcher]
    return list({number.e164: number for number in numbers}.values())


def likeness(one: str, other: str) -> Likeness:
    """Say how far two spellings agree, as written; `national` and `short` leave room for doubt."""
    return _LIKENESS[phonenumbers.is_number_match(one, other)]


def same_telephone(one: str, other: str) -> bool:
    """Say whether two E.164 numbers are one telephone: Brazil's ninth digit may be missing."""
    return one in spellings("phone", other)


def _as_number(found: PhoneNumber) -> Number:
    return Number(
        e164=phonenumbers.format_number(found, PhoneNumberFormat.E164),
        country=found.country_code or 0,
        national=found.national_number or 0,
        extension=found.extension or "",
        leading_zero=bool(found.italian_leading_zero),
        valid=phonenumbers.is_valid_number(found),
    )
