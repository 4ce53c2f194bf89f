"""Recurring revenue: what a subscription is worth a month, and the figures made of it.

A month is 1/12 of a year of 365 days, so a week counts 365/84 times and a day 365/12
times. Everything here is of one currency; currencies are never added up.
"""

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from .money import Money

_PER_MONTH = {
    "day": Fraction(365, 12),
    "week": Fraction(365, 84),
    "month": Fraction(1),
    "year": Fraction(1, 12),
}


class Movement(StrEnum):
    """What a change of one customer's recurring revenue is called."""

    NEW = "new"
    REACTIVATION = "reactivation"  # had some once, had none now
    EXPANSION = "expansion"
    CONTRACTION = "contraction"
    CHURN = "churn"  # nothing is left


def monthly(amount: Money, interval: str, count: int) -> Fraction:
    """Return what `amount` every `count` intervals is worth a month, in minor units, not rounded."""
    return amount.minor * _PER_MONTH[interval] / count


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Recurring revenue of one currency over an interval.

    starting + new + reactivation + expansion - contraction - churn = ending. The movements
    are the customers': one of two subscriptions that ends is a contraction. The rates look
    at those customers alone that had revenue at the start, and compare its two ends; they
    are None where nobody had any.
    """

    currency: str
    starting: Money
    new: Money
    reactivation: Money
    expansion: Money
    contraction: Money
    churn: Money
    ending: Money
    committed: Money  # of `ending`, without the subscriptions that are set to end
    customers_at_start: int
    customers_lost: int  # had revenue at the start, have none at the end
    customers_at_end: int
    lost: Money  # what the lost ones were worth
    kept: Money  # of `starting`, what is left: a customer's growth does not count
    grown: Money  # what the customers of the start are worth at the end

    @property
    def yearly(self) -> Money:
        """ARR."""
        return self.ending.times(12)

    @property
    def per_customer(self) -> Money:
        """ARPU, a month; zero without customers."""
        if not self.customers_at_end:
            return Money.zero(self.currency)
        return self.ending.times(Fraction(1, self.customers_at_end))

    @property
    def customer_churn(self) -> Fraction | None:
        return _share(self.customers_lost, self.customers_at_start)

    @property
    def revenue_churn(self) -> Fraction | None:
        return _share(self.lost.minor, self.starting.minor)

    @property
    def net_retention(self) -> Fraction | None:
        """NRR."""
        return _share(self.grown.minor, self.starting.minor)

    @property
    def gross_retention(self) -> Fraction | None:
        """GRR, never above 1."""
        return _share(self.kept.minor, self.starting.minor)


def _share(part: int, whole: int) -> Fraction | None:
    return Fraction(part, whole) if whole else None
