"""Tax of one line: a rate in percent, on top of the price or inside it."""

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ..errors import UnreadableAmount
from .money import Money


def read_percent(text: str) -> Fraction:
    """Read "5" or "2.9375": from 0 to 100, at most four decimals. Raises `UnreadableAmount`."""
    if not re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,4})?", text):
        raise UnreadableAmount(text)
    percent = Fraction(text)
    if percent > 100:
        raise UnreadableAmount(text)
    return percent


@dataclass(frozen=True, slots=True)
class Taxed:
    """A price in its two parts; together they are what is asked for."""

    net: Money
    tax: Money

    @property
    def gross(self) -> Money:
        return self.net + self.tax


@dataclass(frozen=True, slots=True)
class TaxRule:
    """One rate. `inclusive`: the price already contains the tax."""

    code: str
    percent: str  # as written, such as "2.9375"
    inclusive: bool = False

    @property
    def rate(self) -> Fraction:
        """Return the rate as a fraction of one."""
        return read_percent(self.percent) / 100

    def split(self, price: Money) -> Taxed:
        """Return net and tax of a price, each rounded once; a negative price mirrors a positive one."""
        percent = read_percent(self.percent)
        if not self.inclusive:
            return Taxed(price, price.times(percent / 100))
        tax = price.times(percent / (100 + percent))
        return Taxed(price - tax, tax)

    @property
    def arithmetic(self) -> dict[str, Any]:
        return {"code": self.code, "percent": self.percent, "inclusive": self.inclusive}

    @classmethod
    def from_arithmetic(cls, facts: dict[str, Any]) -> "TaxRule":
        return cls(facts["code"], facts["percent"], facts["inclusive"])


def split_price(price: Money, rule: TaxRule | None) -> Taxed:
    """Return net and tax; without a rule all of it is net."""
    return Taxed(price, Money.zero(price.currency)) if rule is None else rule.split(price)
