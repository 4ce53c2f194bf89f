"""What one person may do with money alone, and from where on a second person is asked.

Three bounds at once: one act, everything this person asked for in the last 24 hours, and
everything anybody asked for on this customer in the last 24 hours. The sums are what keeps
ten acts of 100 from being one of 1,000.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from billing_core.domain.money import Money

WINDOW = timedelta(hours=24)

# Acts that moved nothing and never will: they use up no limit.
NOT_COUNTED = ("refused", "expired", "failed")

Bound = Literal["", "act", "day", "customer", "currency", "transfer"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Minor units of one currency; 0 lets nothing through alone."""

    act: int
    day: int
    customer: int
    currency: str


@dataclass(frozen=True, slots=True)
class Spent:
    """What was asked for inside the window, in the limits' currency."""

    by_agent: int
    on_customer: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """`bound` names the first limit that is passed; "" lets the act go ahead alone.

    `limit` is that bound's size and `used` what of it was used before this act. A
    `transfer` is by hand, so it needs a second person whatever its size.
    """

    bound: Bound
    limit: Money | None = None
    used: Money | None = None

    @property
    def needs_approval(self) -> bool:
        return self.bound != ""


def judge(amount: Money, limits: Limits, spent: Spent) -> Verdict:
    """Say whether an act needs a second person, and because of which bound.

    Limits are kept in one currency; an act in another always needs one.
    """
    if amount.minor == 0:
        return Verdict("")
    if amount.currency != limits.currency:
        return Verdict("currency")

    def passed(bound: Bound, limit: int, used: int) -> Verdict | None:
        if used + amount.minor <= limit:
            return None
        return Verdict(bound, Money(limit, limits.currency), Money(used, limits.currency))

    return (
        passed("act", limits.act, 0)
        or passed("day", limits.day, spent.by_agent)
        or passed("customer", limits.customer, spent.on_customer)
        or Verdict("")
    )
