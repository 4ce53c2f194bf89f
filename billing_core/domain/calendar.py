"""Local billing dates. Every boundary comes from the original anchor day, so nothing drifts.

A rhythm is an interval (day, week, month, year) and a count. Where a function takes both
an anchor and an anchor day, the day is the one that was asked for: a subscription begun on
30 April with bill day 31 is billed on 31 May.
"""

import re
from bisect import bisect_left
from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

_MONTHS = {"month": 1, "year": 12}
_DAYS = {"day": 1, "week": 7}

_NAMED = {
    "daily": ("day", 1),
    "weekly": ("week", 1),
    "biweekly": ("week", 2),
    "monthly": ("month", 1),
    "bimonthly": ("month", 2),
    "quarter": ("month", 3),
    "quarterly": ("month", 3),
    "half_year": ("month", 6),
    "semiannually": ("month", 6),
    "yearly": ("year", 1),
    "annual": ("year", 1),
}
_COUNTED = re.compile(r"([1-9][0-9]{0,3})_(day|week|month|year)s?")


def read_rhythm(name: str) -> tuple[str, int]:
    """Return the interval and count of a name: "month", "quarter", "30_days", "weekly".

    Upper case reads the same. Raises ValueError for a name nobody knows.
    """
    folded = name.lower()
    if folded in _MONTHS or folded in _DAYS:
        return folded, 1
    if folded in _NAMED:
        return _NAMED[folded]
    if counted := _COUNTED.fullmatch(folded):
        return counted[2], int(counted[1])
    raise ValueError(f"no such interval: {name!r}")


@lru_cache(maxsize=1024)
def local_date(at: datetime, time_zone: str) -> date:
    """Return the customer's date at an instant."""
    return at.astimezone(ZoneInfo(time_zone)).date()


@lru_cache(maxsize=1024)  # a run asks for the same few days again and again
def start_of(day: date, time_zone: str) -> datetime:
    """Return the first UTC instant of a local date.

    Where midnight is skipped that is the instant after the gap; where it comes twice, the
    first. A date that a zone left out altogether begins and ends with the gap.
    """
    zone = ZoneInfo(time_zone)
    midnight = datetime.combine(day, time.min, zone)
    readings = [midnight.replace(fold=fold).astimezone(UTC) for fold in (0, 1)]
    # The two differ around a change of clocks only; then the day begins between them.
    first, width = min(readings), abs(readings[0] - readings[1]) // timedelta(seconds=1)

    def begun(second: int) -> bool:
        return (first + timedelta(seconds=second)).astimezone(zone).date() >= day

    return first + timedelta(seconds=bisect_left(range(width), True, key=begun))


def next_boundary(boundary: date, *, anchor_day: int, interval: str, count: int = 1) -> date:
    """Return the boundary after this one; a negative count goes back.

    31 January is followed by 28 February, and that by 31 March, where the anchor day is 31.
    """
    if interval in _DAYS:
        return boundary + timedelta(days=_DAYS[interval] * count)
    if interval in _MONTHS:
        return _on_anchor(boundary, _MONTHS[interval] * count, anchor_day)
    raise ValueError(f"no such interval: {interval!r}")


def boundaries(
    anchor: date, *, interval: str, count: int = 1, periods: int, anchor_day: int | None = None
) -> list[date]:
    """Return the first `periods` + 1 boundaries; the anchor itself comes first."""
    bill_day = anchor.day if anchor_day is None else anchor_day
    days = [anchor]
    for _ in range(periods):
        days.append(next_boundary(days[-1], anchor_day=bill_day, interval=interval, count=count))
    return days


def advance(anchor: date, periods: int, *, interval: str, count: int = 1) -> date:
    """Return the boundary so many periods after the anchor; negative ones lie before it."""
    return next_boundary(anchor, anchor_day=anchor.day, interval=interval, count=count * periods)


def period_at(day: date, *, anchor: date, interval: str, count: int = 1) -> tuple[date, date]:
    """Return start and end of the period that contains a date, also of one before the anchor."""
    if interval in _DAYS:
        index = (day - anchor).days // (_DAYS[interval] * count)
    elif interval in _MONTHS:
        months = 12 * (day.year - anchor.year) + day.month - anchor.month
        index = months // (_MONTHS[interval] * count)
    else:
        raise ValueError(f"no such interval: {interval!r}")
    start = advance(anchor, index, interval=interval, count=count)
    if start > day:  # the month has come, its bill day has not
        index -= 1
        start = advance(anchor, index, interval=interval, count=count)
    return start, advance(anchor, index + 1, interval=interval, count=count)


def period_before(day: date, *, anchor: date, interval: str, count: int = 1) -> tuple[date, date]:
    """Return the last period that is over on a date: what is billed then in arrears."""
    start, _ = period_at(day, anchor=anchor, interval=interval, count=count)
    return period_at(start - timedelta(days=1), anchor=anchor, interval=interval, count=count)


def first_bill_date(start: date, *, bill_day: int, interval: str, count: int = 1) -> date:
    """Return the first bill date on or after a start (Kill Bill's rule).

    The bill day counts in the start's own month; where it has passed, one whole period is
    added: a year for a yearly plan. Days and weeks know no bill day and begin at once.
    """
    if interval in _DAYS:
        return start
    proposed = _on_anchor(start, 0, bill_day)
    if proposed >= start:
        return proposed
    return next_boundary(proposed, anchor_day=bill_day, interval=interval, count=count)


def next_bill_date(after: date, *, bill_day: int, interval: str, count: int = 1) -> date:
    """Return the first bill date strictly after a date. It always moves forward."""
    first = first_bill_date(after, bill_day=bill_day, interval=interval, count=count)
    if first > after:
        return first
    return next_boundary(first, anchor_day=bill_day, interval=interval, count=count)


def nominal_period(day: date, *, interval: str, count: int = 1, ends: bool) -> tuple[date, date]:
    """Return one whole period that begins on a date, or ends on it: the measure of a stub.

    It knows no anchor: 31 May less a month is 30 April.
    """
    other = advance(day, -1 if ends else 1, interval=interval, count=count)
    return (other, day) if ends else (day, other)


def calendar_anchor(day: date, *, interval: str, count: int = 1) -> date:
    """Return the start of the calendar's own period: a Monday, a 1st, a quarter, 1 January.

    Months are grouped from January on, so a count must divide twelve to mean anything.
    """
    match interval:
        case "day":
            return day
        case "week":
            return day - timedelta(days=day.weekday())
        case "month":
            return date(day.year, (day.month - 1) // count * count + 1, 1)
        case "year":
            return date(day.year, 1, 1)
    raise ValueError(f"no such interval: {interval!r}")


def calendar_month_start(at: datetime, time_zone: str, *, months_ago: int = 0) -> datetime:
    """Return the UTC instant at which the local month of an instant began, or an earlier one."""
    first = _on_anchor(local_date(at, time_zone), -months_ago, 1)
    return start_of(first, time_zone)


def _on_anchor(boundary: date, months: int, anchor_day: int) -> date:
    year, month = divmod(boundary.year * 12 + boundary.month - 1 + months, 12)
    month += 1
    return date(year, month, min(anchor_day, monthrange(year, month)[1]))
