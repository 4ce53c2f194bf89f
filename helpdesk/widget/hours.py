"""When somebody answers a chat at once. Plain values, no clock."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

Span = tuple[int, int]  # minutes of a day, from 0 to 1440; the end is not inside

DAY: Final = 24 * 60
LOOK_AHEAD: Final = 400  # days: somebody may close for a year
_SPAN = re.compile(r"\s*(\d{1,2}):(\d{2})\s*(?:-|\u2013|a|to)\s*(\d{1,2}):(\d{2})\s*")


class NoSpan(ValueError):
    """A text is not a list of hours such as `09:00-12:00, 13:00-18:00`."""


@dataclass(frozen=True, slots=True)
class Hours:
    """Opening hours on a wall clock. Without a zone it is always open."""

    zone: str = ""
    days: Mapping[int, tuple[Span, ...]] = field(default_factory=dict)  # Monday is 0
    closed: frozenset[date] = frozenset()  # holidays


def is_open(hours: Hours, at: datetime) -> bool:
    """Say whether an aware instant lies inside the hours."""
    if not hours.zone:
        return True
    local = at.astimezone(ZoneInfo(hours.zone))
    minute = local.hour * 60 + local.minute
    return any(start <= minute < end for start, end in _spans(hours, local.date()))


def next_opening(hours: Hours, at: datetime) -> datetime | None:
    """Return the next opening after an instant (UTC); None where there is none in sight."""
    if not hours.zone:
        return at
    zone = ZoneInfo(hours.zone)
    today = at.astimezone(zone).date()
    for ahead in range(LOOK_AHEAD):
        day = today + timedelta(days=ahead)
        for start, _ in _spans(hours, day):
            opening = datetime.combine(day, time(start // 60, start % 60), tzinfo=zone)
            if opening.astimezone(UTC) > at:
                return opening.astimezone(UTC)
    return None


def read_spans(text: str) -> tuple[Span, ...]:
    """Read the hours of one day, `09:00-12:00, 13:00-18:00`; "" is closed. Raises `NoSpan`."""
    spans: list[Span] = []
    for part in filter(None, (one.strip() for one in text.split(","))):
        found = _SPAN.fullmatch(part)
        if found is None:
            raise NoSpan(part)
        hour, minute, end_hour, end_minute = (int(one) for one in found.groups())
        start, end = hour * 60 + minute, end_hour * 60 + end_minute
        after_the_last = not spans or start >= spans[-1][1]
        if minute > 59 or end_minute > 59 or not 0 <= start < end <= DAY or not after_the_last:
            raise NoSpan(part)
        spans.append((start, end))
    return tuple(spans)


def write_spans(spans: tuple[Span, ...]) -> str:
    """Return hours as `read_spans` reads them."""
    return ", ".join(f"{_clock(start)}-{_clock(end)}" for start, end in spans)


def hours_from(data: Mapping[str, Any]) -> Hours:
    """Read hours as a row keeps them."""
    return Hours(
        zone=data.get("zone", ""),
        days={int(day): read_spans(text) for day, text in data.get("days", {}).items()},
        closed=frozenset(date.fromisoformat(day) for day in data.get("closed", ())),
    )


def hours_as_data(hours: Hours) -> dict[str, Any]:
    """Return hours as a row keeps them."""
    return {
        "zone": hours.zone,
        "days": {str(day): write_spans(spans) for day, spans in sorted(hours.days.items())},
        "closed": sorted(day.isoformat() for day in hours.closed),
    }


def _spans(hours: Hours, day: date) -> tuple[Span, ...]:
    return () if day in hours.closed else hours.days.get(day.weekday(), ())


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
