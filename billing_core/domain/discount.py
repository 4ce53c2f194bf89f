"""Discounts: off the price of a full period, before any part of it is computed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .money import Money, total
from .tax import read_percent


@dataclass(frozen=True, slots=True)
class Discount:
    """Either a percentage, or an amount for one full period of everything it applies to."""

    code: str
    percent: str | None = None  # as written, such as "12.5"
    amount: Money | None = None

    def __post_init__(self) -> None:
        if (self.percent is None) == (self.amount is None):
            raise ValueError("a discount is a percentage or an amount")

    def off(self, fulls: Sequence[Money]) -> list[Money]:
        """Return what comes off each full price, never more than the price itself.

        An amount is spread in proportion, by largest remainder: nothing of it is lost.
        """
        if self.amount is None:
            share = read_percent(self.percent or "") / 100
            return [full.times(share) for full in fulls]
        if not fulls:
            return []
        most = total(fulls, self.amount.currency)
        return min(self.amount, most).allocate([full.minor for full in fulls])

    @property
    def arithmetic(self) -> dict[str, Any]:
        """{code, percent} or {code, amount_minor}."""
        if self.amount is None:
            return {"code": self.code, "percent": self.percent}
        return {"code": self.code, "amount_minor": self.amount.minor}


@dataclass(frozen=True, slots=True)
class Off:
    """What a discount takes off one full price."""

    amount: Money
    discount: Discount
