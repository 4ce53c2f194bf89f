"""Brazilian tax numbers: CPF of people, CNPJ of companies, checked by their last two digits.

Since July 2026 the first twelve places of a CNPJ may be letters: a character counts as its
ASCII code less 48, the two check digits stay digits. Source: the federal revenue's
normative instructions on both registers.
"""

import re
from collections.abc import Sequence

_CPF_WEIGHTS = (11, 10, 9, 8, 7, 6, 5, 4, 3, 2)
_CNPJ_WEIGHTS = (6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)
_PUNCTUATION = re.compile(r"[.\-/ ]")


def is_cpf(text: str) -> bool:
    """Say whether text is a CPF, with or without its dots. Eleven equal digits are none."""
    digits = _PUNCTUATION.sub("", text)
    if not re.fullmatch(r"[0-9]{11}", digits) or len(set(digits)) == 1:
        return False
    return digits[9:] == cpf_check_digits(digits[:9])


def is_cnpj(text: str) -> bool:
    """Say whether text is a CNPJ, numeric or alphanumeric. Fourteen equal digits are none."""
    places = _PUNCTUATION.sub("", text)
    if not re.fullmatch(r"[0-9A-Z]{12}[0-9]{2}", places) or len(set(places)) == 1:
        return False
    return places[12:] == cnpj_check_digits(places[:12])


def cpf_check_digits(body: str) -> str:
    """Return the two digits that follow nine."""
    return _check_digits(body, _CPF_WEIGHTS)


def cnpj_check_digits(body: str) -> str:
    """Return the two digits that follow twelve digits or upper-case letters."""
    return _check_digits(body, _CNPJ_WEIGHTS)


def _check_digits(body: str, weights: Sequence[int]) -> str:
    first = _check_digit(body, weights[1:])
    return first + _check_digit(body + first, weights)


def _check_digit(places: str, weights: Sequence[int]) -> str:
    total = sum((ord(place) - 48) * weight for place, weight in zip(places, weights, strict=True))
    rest = total % 11
    return "0" if rest < 2 else str(11 - rest)
