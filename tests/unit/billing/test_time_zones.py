"""Ten years of bill dates in forty time zones: always later, always back on the anchor day."""

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from billing_core.domain.calendar import boundaries, local_date, period_at, start_of

ZONES = [
    "Africa/Cairo",
    "Africa/Casablanca",
    "Africa/Johannesburg",
    "Africa/Lagos",
    "America/Argentina/Buenos_Aires",
    "America/Asuncion",
    "America/Bogota",
    "America/Caracas",
    "America/Havana",
    "America/Los_Angeles",
    "America/Manaus",
    "America/Mexico_City",
    "America/New_York",
    "America/Noronha",
    "America/Nuuk",
    "America/Phoenix",
    "America/Rio_Branco",
    "America/Santiago",
    "America/Sao_Paulo",
    "America/St_Johns",
    "Antarctica/Troll",
    "Asia/Amman",
    "Asia/Beirut",
    "Asia/Damascus",
    "Asia/Gaza",
    "Asia/Kathmandu",
    "Asia/Kolkata",
    "Asia/Pyongyang",
    "Asia/Tehran",
    "Asia/Tokyo",
    "Atlantic/Azores",
    "Australia/Lord_Howe",
    "Australia/Sydney",
    "Europe/Dublin",
    "Europe/Lisbon",
    "Europe/Moscow",
    "Pacific/Apia",
    "Pacific/Auckland",
    "Pacific/Chatham",
    "Pacific/Kiritimati",
]


def check_ten_years(zone: str, anchor_day: int, first_year: int) -> None:
    january = date(first_year, 1, anchor_day)
    days = boundaries(january, interval="month", periods=120)
    assert days[-1] == date(first_year + 10, 1, anchor_day)
    for day in days:
        assert day.day == min(anchor_day, monthrange(day.year, day.month)[1])
    starts = [start_of(day, zone) for day in days]
    for (day, following), (start, later) in zip(pairwise(days), pairwise(starts), strict=True):
        assert day < following
        assert timedelta(days=27) < later - start < timedelta(days=32)
        assert period_at(day, anchor=january, interval="month") == (day, following)
        # The customer's date at the start is the bill date itself, never the day before:
        # a run at that instant bills this period and none twice.
        if day not in MISSING.get(zone, ()):
            assert local_date(start, zone) == day
        assert local_date(later - timedelta(seconds=1), zone) < following


MISSING = {"Pacific/Apia": (date(2011, 12, 30),)}
"""Dates that a zone left out: their first instant is the next date's."""


def test_there_are_forty_zones_without_repetition() -> None:
    assert len(set(ZONES)) == len(ZONES) == 40


@pytest.mark.parametrize("zone", ZONES)
def test_ten_years_of_boundaries_return_to_the_anchor_day(zone: str) -> None:
    place = ZONES.index(zone)
    for anchor_day in {1, 31, 28 + place % 3}:
        check_ten_years(zone, anchor_day, 2009)


@pytest.mark.slow
@pytest.mark.parametrize("zone", ZONES)
def test_ten_years_of_boundaries_return_to_every_anchor_day(zone: str) -> None:
    for anchor_day in range(1, 32):
        check_ten_years(zone, anchor_day, 2009)
        check_ten_years(zone, anchor_day, 2024)


@pytest.mark.parametrize(
    ("zone", "day", "begins"),
    [
        pytest.param("America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00", id="Sao-Paulo"),
        pytest.param("America/Asuncion", "2019-10-06", "2019-10-06T04:00", id="Asuncion"),
        pytest.param("America/Havana", "2026-03-08", "2026-03-08T05:00", id="Havana"),
        pytest.param("America/Santiago", "2019-09-08", "2019-09-08T04:00", id="Santiago"),
        pytest.param("Africa/Cairo", "2024-04-26", "2024-04-25T22:00", id="Cairo"),
        pytest.param("Asia/Beirut", "2026-03-29", "2026-03-28T22:00", id="Beirut"),
        pytest.param("America/Toronto", "1919-03-31", "1919-03-31T04:30", id="gap-over-midnight"),
        pytest.param("Pacific/Apia", "2011-12-31", "2011-12-30T10:00", id="after-the-lost-day"),
        pytest.param("Pacific/Apia", "2011-12-30", "2011-12-30T10:00", id="the-lost-day-itself"),
    ],
)
def test_a_day_without_midnight_begins_after_the_gap(zone: str, day: str, begins: str) -> None:
    found = start_of(date.fromisoformat(day), zone)
    assert found == datetime.fromisoformat(f"{begins}+00:00")
    assert found.tzinfo is UTC


def test_a_midnight_that_comes_twice_counts_the_first_time() -> None:
    found = start_of(date(2026, 11, 1), "America/Havana")
    assert found == datetime(2026, 11, 1, 4, tzinfo=UTC)
    again = found + timedelta(hours=1)
    assert again.astimezone(ZoneInfo("America/Havana")).time() == datetime.min.time()
