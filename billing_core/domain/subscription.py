"""The life of a subscription. Only these edges exist; a trigger in the database holds the same list.

Paused collection, a cancellation to come and a pause to come are flags, not states.
"""

from datetime import date, timedelta
from typing import Literal, get_args

from ..errors import IllegalEdge
from .calendar import next_boundary, nominal_period

State = Literal[
    "incomplete",
    "incomplete_expired",
    "trialing",
    "active",
    "past_due",
    "unpaid",
    "paused",
    "canceled",
]
STATES: tuple[str, ...] = get_args(State)

EDGES: dict[str, tuple[str, ...]] = {
    "incomplete": ("active", "incomplete_expired"),
    "incomplete_expired": (),
    "trialing": ("active", "paused", "canceled"),
    "active": ("past_due", "paused", "canceled"),
    "past_due": ("active", "unpaid", "canceled"),
    "unpaid": ("active", "canceled"),
    "paused": ("active", "canceled"),
    "canceled": (),
}

RENEWING = ("trialing", "active", "past_due")
"""States in which a new period begins when the running one ends."""

LIVE = (*RENEWING, "unpaid", "paused")
"""States that are not over, and may still be ended."""

BILLED = ("active", "past_due")
"""States in which the running period has an invoice."""

TIME_TO_PAY_FIRST = timedelta(hours=23)
"""How long an incomplete subscription waits for its first payment."""


def check_edge(before: str, after: str) -> None:
    if after not in EDGES[before]:
        raise IllegalEdge("subscription", before, after)


def period_around(
    day: date, *, anchor_date: date, anchor_day: int, interval: str, count: int = 1
) -> tuple[date, date]:
    """Return the period, in the rhythm that began on `anchor_date`, that `day` lies in.

    A day before the anchor lies in the period that ends there: a leading stub is a part
    of it.
    """
    if day < anchor_date:
        return nominal_period(anchor_date, interval=interval, count=count, ends=True)
    start = anchor_date
    while True:
        end = next_boundary(start, anchor_day=anchor_day, interval=interval, count=count)
        if day < end:
            return start, end
        start = end


def period_from(
    start: date,
    *,
    anchor_date: date,
    anchor_day: int,
    interval: str,
    count: int = 1,
    leaves_on: date | None = None,
) -> tuple[date, date]:
    """Return the period that begins on `start`: to the next bill day, or the end of the service.

    One that begins between two bill days, because the one before was cut short, ends on the
    next of them; `period_around` says what it is a part of.
    """
    _, end = period_around(
        start, anchor_date=anchor_date, anchor_day=anchor_day, interval=interval, count=count
    )
    return start, end if leaves_on is None else min(end, leaves_on)
