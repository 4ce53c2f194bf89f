"""Tax of one line: a rate in percent, on top of the price or inside it."""

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ..errors import UnreadableAmount
from .money import Money, total


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
class TaxPart:
    """One of several taxes that are always asked for together, such as ISS beside PIS and COFINS."""

    code: str
    percent: str


@dataclass(frozen=True, slots=True)
class TaxRule:
    """One rate, or the sum of its `parts`. `inclusive`: the price already contains the tax."""

    code: str
    percent: str  # as written, such as "2.9375"; of all parts together
    inclusive: bool = False
    parts: tuple[TaxPart, ...] = ()

    @property
    def rate(self) -> Fraction:
        """Return the rate as a fraction of one."""
        return read_percent(self.percent) / 100

    def split(self, price: Money) -> Taxed:
        """Return net and tax of a price; a negative price mirrors a positive one.

        Each part is rounded once, and the tax is the sum of the rounded parts.
        """
        tax = total(self._amounts(price), price.currency)
        return Taxed(price - tax, tax) if self.inclusive else Taxed(price, tax)

    def told(self, tax: Money, price: Money | None = None) -> dict[str, Any]:
        """Return what a line says of its tax: {code, percent, inclusive}, and {parts} where there are.

        A tax that is not the price's (corrected, or bounded) is spread over the parts.
        """
        facts = {"code": self.code, "percent": self.percent, "inclusive": self.inclusive}
        if not self.parts:
            return facts
        amounts = self._amounts(price) if price is not None else []
        if price is None or total(amounts, tax.currency) != tax:
            amounts = tax.allocate([int(read_percent(one.percent) * 10000) for one in self.parts])
        return facts | {
            "parts": [
                {"code": one.code, "percent": one.percent, "minor": amount.minor}
                for one, amount in zip(self.parts, amounts, strict=True)
            ]
        }

    @classmethod
    def from_arithmetic(cls, facts: dict[str, Any]) -> "TaxRule":
        parts = tuple(TaxPart(one["code"], one["percent"]) for one in facts.get("parts", ()))
        return cls(facts["code"], facts["percent"], facts["inclusive"], parts)

    def _amounts(self, price: Money) -> list[Money]:
        of = 100 + read_percent(self.percent) if self.inclusive else Fraction(100)
        parts = self.parts or (TaxPart(self.code, self.percent),)
        return [price.times(read_percent(one.percent) / of) for one in parts]


def split_price(price: Money, rule: TaxRule | None) -> Taxed:
    """Return net and tax; without a rule all of it is net."""
    return Taxed(price, Money.zero(price.currency)) if rule is None else rule.split(price)
