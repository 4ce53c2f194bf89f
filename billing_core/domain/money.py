"""Exact amounts. Rounding is half away from zero, per part; a total is the sum of rounded parts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from ..errors import CurrencyMismatch, UnreadableAmount

# ISO 4217 minor units that are not 2. Providers differ on a few; their adapters correct it.
_EXPONENTS = {
    **dict.fromkeys(
        [
            "BIF",
            "CLP",
            "DJF",
            "GNF",
            "JPY",
            "KMF",
            "KRW",
            "MGA",
            "PYG",
            "RWF",
            "UGX",
            "VND",
            "VUV",
            "XAF",
            "XOF",
            "XPF",
        ],
        0,
    ),
    **dict.fromkeys(["BHD", "JOD", "KWD", "OMR", "TND"], 3),
}
_CURRENCY = re.compile(r"[A-Z]{3}")
_met: set[str] = set()  # currencies found well-formed: a billing run makes millions of amounts


def minor_units(currency: str) -> int:
    """Return how many decimals the currency is written with: 0, 2 or 3."""
    return _EXPONENTS.get(currency, 2)


def round_half_away(value: Fraction) -> int:
    """Round to the nearest integer; a half goes away from zero, alike for both signs."""
    size = (2 * abs(value.numerator) + value.denominator) // (2 * value.denominator)
    return size if value >= 0 else -size


@dataclass(frozen=True, slots=True)
class Money:
    """An exact amount. `minor` counts cents (or yen) and is never a float."""

    minor: int
    currency: str  # ISO 4217, upper case

    def __post_init__(self) -> None:
        if type(self.minor) is not int:
            raise TypeError(f"minor units are an int, not {self.minor!r}")
        if self.currency not in _met:
            if not _CURRENCY.fullmatch(self.currency):
                raise UnreadableAmount(self.currency)
            _met.add(self.currency)

    @classmethod
    def zero(cls, currency: str) -> Money:
        return cls(0, currency)

    @classmethod
    def parse(cls, text: str, currency: str) -> Money:
        """Read "129.90". More decimals than the currency has, NaN or words raise `UnreadableAmount`."""
        if not re.fullmatch(r"-?[0-9]{1,15}(\.[0-9]{1,3})?", text):
            raise UnreadableAmount(text)
        minor = Decimal(text).scaleb(minor_units(currency))
        if minor != minor.to_integral_value():
            raise UnreadableAmount(text)
        return cls(int(minor), currency)

    @classmethod
    def nearest(cls, text: str, currency: str) -> Money:
        """Read an exact amount such as "23072.5296" and round it once. Raises `UnreadableAmount`."""
        if not re.fullmatch(r"-?[0-9]{1,15}(\.[0-9]{1,12})?", text):
            raise UnreadableAmount(text)
        return cls(round_half_away(Fraction(text) * 10 ** minor_units(currency)), currency)

    def __add__(self, other: Money) -> Money:
        self._same_currency(other)
        return Money(self.minor + other.minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        self._same_currency(other)
        return Money(self.minor - other.minor, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.minor, self.currency)

    def __abs__(self) -> Money:
        return Money(abs(self.minor), self.currency)

    def __lt__(self, other: Money) -> bool:
        self._same_currency(other)
        return self.minor < other.minor

    def __le__(self, other: Money) -> bool:
        self._same_currency(other)
        return self.minor <= other.minor

    def __bool__(self) -> bool:
        return self.minor != 0

    def __str__(self) -> str:
        digits = minor_units(self.currency)
        return f"{self.currency} {Decimal(self.minor).scaleb(-digits):.{digits}f}"

    def times(self, factor: Fraction | int) -> Money:
        """Multiply exactly, then round once."""
        if factor == 1:
            return self
        return Money(round_half_away(Fraction(self.minor) * factor), self.currency)

    def allocate(self, weights: Sequence[int]) -> list[Money]:
        """Split by weights so that the parts add up to this amount exactly.

        The minor units lost to rounding down go to the largest remainders, the earlier
        part first among equals. No weight may be negative; if all are 0, the last part
        takes everything.
        """
        if not weights or min(weights) < 0:
            raise ValueError("weights are needed, none of them negative")
        total = sum(weights)
        if total == 0:
            parts = [0] * (len(weights) - 1) + [abs(self.minor)]
        else:
            shares = [divmod(abs(self.minor) * weight, total) for weight in weights]
            parts = [share for share, _ in shares]
            by_remainder = sorted(range(len(shares)), key=lambda i: -shares[i][1])
            for i in by_remainder[: abs(self.minor) - sum(parts)]:
                parts[i] += 1
        sign = -1 if self.minor < 0 else 1
        return [Money(sign * part, self.currency) for part in parts]

    def _same_currency(self, other: Money) -> None:
        if other.currency != self.currency:
            raise CurrencyMismatch(self.currency, other.currency)


def total(amounts: Iterable[Money], currency: str) -> Money:
    """Add up; the currency is needed because there may be nothing to add."""
    minor = 0
    for amount in amounts:
        if amount.currency != currency:
            raise CurrencyMismatch(currency, amount.currency)
        minor += amount.minor
    return Money(minor, currency)
