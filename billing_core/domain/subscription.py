"""The life of a subscription. Only these edges exist; a trigger in the database holds the same list.

Paused collection, a cancellation to come and a pause to come are flags, not states.
"""

from datetime import date, timedelta
from typing import Literal, get_args

from ..errors import IllegalEdge
from .calendar import next_boundary

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


def first_boundary(
    start: date, *, anchor_day: int, interval: str, count: int = 1
) -> tuple[date, date]:
    """Return (boundary before, boundary after) of a start that waits for its bill day.

    The stub from `start` to the second is a part of the period between both. A bill day
    before the start day is met in the next month or, yearly, in the next year. Days and
    weeks have no bill day: the start is the boundary.
    """
    if interval in ("day", "week") or start.day == anchor_day:
        return start, start
    first_of_month = start.replace(day=1)
    here = next_boundary(_month_before(first_of_month), interval="month", anchor_day=anchor_day)
    if here == start:
        return start, start
    if here > start:
        return _back(here, anchor_day=anchor_day, interval=interval, count=count), here
    after = next_boundary(here, count=1, anchor_day=anchor_day, interval=interval)
    return _back(after, anchor_day=anchor_day, interval=interval, count=count), after


def _month_before(first_of_month: date) -> date:
    return (first_of_month - timedelta(days=1)).replace(day=1)


def _back(boundary: date, *, anchor_day: int, interval: str, count: int) -> date:
    return next_boundary(boundary, anchor_day=anchor_day, interval=interval, count=-count)
