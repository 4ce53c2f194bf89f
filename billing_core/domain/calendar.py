"""Local billing dates. Every boundary comes from the original anchor day, so nothing drifts."""

from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


def local_date(at: datetime, time_zone: str) -> date:
    """Return the customer's date at an instant."""
    return at.astimezone(ZoneInfo(time_zone)).date()


def start_of(day: date, time_zone: str) -> datetime:
    """Return the UTC instant at which a local date begins, also where midnight is skipped."""
    return datetime.combine(day, time.min, ZoneInfo(time_zone)).astimezone(UTC)


def next_boundary(boundary: date, *, anchor_day: int, interval: str, count: int = 1) -> date:
    """Return the boundary after this one.

    31 January is followed by 28 February, and that by 31 March, where the anchor day is 31.
    """
    match interval:
        case "day":
            return boundary + timedelta(days=count)
        case "week":
            return boundary + timedelta(weeks=count)
        case "month":
            return _on_anchor(boundary, count, anchor_day)
        case "year":
            return _on_anchor(boundary, 12 * count, anchor_day)
    raise ValueError(f"no such interval: {interval!r}")


def boundaries(anchor: date, *, interval: str, count: int = 1, periods: int) -> list[date]:
    """Return the first `periods` + 1 boundaries; the anchor itself comes first."""
    days = [anchor]
    for _ in range(periods):
        days.append(next_boundary(days[-1], anchor_day=anchor.day, interval=interval, count=count))
    return days


def _on_anchor(boundary: date, months: int, anchor_day: int) -> date:
    year, month = divmod(boundary.year * 12 + boundary.month - 1 + months, 12)
    month += 1
    return date(year, month, min(anchor_day, monthrange(year, month)[1]))
