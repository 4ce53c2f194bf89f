from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_core.domain.calendar import boundaries, local_date, next_boundary, start_of


def d(text: str) -> date:
    return date.fromisoformat(text)


@pytest.mark.parametrize(
    ("anchor", "interval", "expected"),
    [
        pytest.param(
            "2023-01-31",
            "month",
            ["2023-02-28", "2023-03-31", "2023-04-30"],
            id="31-january-never-drifts",
        ),
        pytest.param(
            "2024-01-31", "month", ["2024-02-29", "2024-03-31", "2024-04-30"], id="leap-year"
        ),
        pytest.param(
            "2024-01-30", "month", ["2024-02-29", "2024-03-30", "2024-04-30"], id="the-30th"
        ),
        pytest.param("2023-12-15", "month", ["2024-01-15", "2024-02-15"], id="over-new-year"),
        pytest.param(
            "2020-02-29",
            "year",
            ["2021-02-28", "2022-02-28", "2023-02-28", "2024-02-29"],
            id="29-february-yearly",
        ),
        pytest.param("2026-11-17", "week", ["2026-11-24", "2026-12-01"], id="weekly"),
        pytest.param("2026-12-30", "day", ["2026-12-31", "2027-01-01"], id="daily"),
    ],
)
def test_boundaries_come_from_the_original_anchor(
    anchor: str, interval: str, expected: list[str]
) -> None:
    found = boundaries(d(anchor), interval=interval, periods=len(expected))
    assert found == [d(anchor), *map(d, expected)]


def test_thirty_days_are_thirty_days() -> None:
    found = boundaries(d("2016-04-08"), interval="day", count=30, periods=7)
    assert found[-1] == d("2016-11-04")


@given(
    st.dates(date(2000, 1, 1), date(2090, 1, 1)),
    st.sampled_from(["day", "week", "month", "year"]),
    st.integers(1, 12),
)
def test_the_next_boundary_is_always_later(anchor: date, interval: str, count: int) -> None:
    days = boundaries(anchor, interval=interval, count=count, periods=24 if count < 3 else 5)
    assert all(before < after for before, after in pairwise(days))


@given(st.dates(date(2000, 1, 1), date(2090, 1, 1)))
def test_twelve_months_are_one_year(anchor: date) -> None:
    monthly = boundaries(anchor, interval="month", periods=12)[-1]
    assert monthly == boundaries(anchor, interval="year", periods=1)[-1]


def test_an_unknown_interval_is_a_defect() -> None:
    with pytest.raises(ValueError, match="fortnight"):
        next_boundary(d("2026-01-01"), anchor_day=1, interval="fortnight")


@pytest.mark.parametrize(
    ("instant", "zone", "expected"),
    [
        ("2023-03-01T03:47:56+00:00", "America/New_York", "2023-02-28"),
        ("2015-12-01T07:01:01+00:00", "America/Los_Angeles", "2015-11-30"),
        ("2026-11-17T02:59:00+00:00", "America/Sao_Paulo", "2026-11-16"),
        ("2026-11-17T03:00:00+00:00", "America/Sao_Paulo", "2026-11-17"),
        ("2026-11-17T15:00:00+00:00", "Pacific/Kiritimati", "2026-11-18"),
    ],
)
def test_a_day_is_the_customers_day(instant: str, zone: str, expected: str) -> None:
    assert local_date(datetime.fromisoformat(instant), zone) == d(expected)


@pytest.mark.parametrize(
    ("day", "zone"),
    [
        ("2018-11-04", "America/Sao_Paulo"),  # midnight did not exist
        ("2018-02-18", "America/Sao_Paulo"),  # 23:00 happened twice the evening before
        ("2026-03-29", "Europe/Lisbon"),
        ("2026-11-01", "America/New_York"),
        ("2026-06-01", "UTC"),
    ],
)
def test_a_day_begins_on_that_day_whatever_the_clocks_do(day: str, zone: str) -> None:
    start = start_of(d(day), zone)
    assert start.tzinfo is UTC
    assert local_date(start, zone) == d(day)
    assert local_date(start - timedelta(microseconds=1), zone) == d(day) - timedelta(days=1)
