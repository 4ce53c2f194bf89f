from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_core.domain.calendar import (
    advance,
    boundaries,
    calendar_anchor,
    calendar_month_start,
    first_bill_date,
    local_date,
    next_bill_date,
    next_boundary,
    nominal_period,
    period_at,
    period_before,
    read_rhythm,
    start_of,
)


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
    day = d("2026-01-01")
    with pytest.raises(ValueError, match="'fortnight'"):
        next_boundary(day, anchor_day=1, interval="fortnight")
    with pytest.raises(ValueError, match="'fortnight'"):
        period_at(day, anchor=day, interval="fortnight")
    with pytest.raises(ValueError, match="'fortnight'"):
        calendar_anchor(day, interval="fortnight")


@pytest.mark.parametrize(
    ("name", "rhythm"),
    [
        ("month", ("month", 1)),
        ("year", ("year", 1)),
        ("week", ("week", 1)),
        ("day", ("day", 1)),
        ("30_days", ("day", 30)),
        ("2_weeks", ("week", 2)),
        ("3_months", ("month", 3)),
        ("1_year", ("year", 1)),
        ("9999_days", ("day", 9999)),
        ("DAILY", ("day", 1)),
        ("WEEKLY", ("week", 1)),
        ("BIWEEKLY", ("week", 2)),
        ("MONTHLY", ("month", 1)),
        ("BIMONTHLY", ("month", 2)),
        ("QUARTERLY", ("month", 3)),
        ("quarter", ("month", 3)),
        ("half_year", ("month", 6)),
        ("SEMIANNUALLY", ("month", 6)),
        ("YEARLY", ("year", 1)),
        ("annual", ("year", 1)),
    ],
)
def test_a_rhythm_has_a_name(name: str, rhythm: tuple[str, int]) -> None:
    assert read_rhythm(name) == rhythm


@pytest.mark.parametrize("name", ["fortnight", "0_days", "10000_days", "30_days_", "a 30_days", ""])
def test_a_name_that_nobody_knows_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"no such interval: '{name}'$"):
        read_rhythm(name)


def test_boundaries_may_follow_another_day_than_the_first_one() -> None:
    found = boundaries(d("2012-04-30"), interval="month", periods=2, anchor_day=31)
    assert found == [d("2012-04-30"), d("2012-05-31"), d("2012-06-30")]


def test_a_boundary_far_away_comes_from_the_anchor() -> None:
    assert advance(d("2023-01-31"), 3, interval="month") == d("2023-04-30")
    assert advance(d("2023-01-31"), -2, interval="month") == d("2022-11-30")
    assert advance(d("2024-02-29"), 2, interval="year", count=2) == d("2028-02-29")
    assert advance(d("2016-04-08"), 7, interval="day", count=30) == d("2016-11-04")


@pytest.mark.parametrize(
    ("anchor", "day", "interval", "count", "period"),
    [
        ("2021-03-31", "2022-03-29", "month", 1, ("2022-02-28", "2022-03-31")),
        ("2021-03-31", "2022-03-31", "month", 1, ("2022-03-31", "2022-04-30")),
        ("2020-02-29", "2022-03-28", "year", 1, ("2022-02-28", "2023-02-28")),
        ("2020-02-29", "2022-02-27", "year", 1, ("2021-02-28", "2022-02-28")),
        ("2021-02-02", "2022-03-07", "week", 1, ("2022-03-01", "2022-03-08")),
        ("2021-02-02", "2021-02-17", "week", 2, ("2021-02-16", "2021-03-02")),
        ("2021-02-02", "2021-02-17", "day", 10, ("2021-02-12", "2021-02-22")),
        ("2021-01-31", "2021-07-30", "month", 3, ("2021-04-30", "2021-07-31")),
        ("2021-03-31", "2021-03-30", "month", 1, ("2021-02-28", "2021-03-31")),
        ("2021-03-31", "2020-12-31", "year", 1, ("2020-03-31", "2021-03-31")),
        ("2021-02-02", "2021-02-01", "week", 1, ("2021-01-26", "2021-02-02")),
        ("2021-02-02", "2021-01-23", "day", 10, ("2021-01-23", "2021-02-02")),
    ],
)
def test_a_day_lies_in_one_period(
    anchor: str, day: str, interval: str, count: int, period: tuple[str, str]
) -> None:
    found = period_at(d(day), anchor=d(anchor), interval=interval, count=count)
    assert found == (d(period[0]), d(period[1]))


@pytest.mark.parametrize(
    ("anchor", "day", "interval", "period"),
    [
        ("2019-04-30", "2020-03-30", "month", ("2020-02-29", "2020-03-30")),
        ("2020-02-29", "2025-02-28", "year", ("2024-02-29", "2025-02-28")),
        ("2021-02-02", "2022-03-07", "week", ("2022-02-22", "2022-03-01")),
    ],
)
def test_arrears_bill_the_period_that_is_over(
    anchor: str, day: str, interval: str, period: tuple[str, str]
) -> None:
    found = period_before(d(day), anchor=d(anchor), interval=interval)
    assert found == (d(period[0]), d(period[1]))


def test_arrears_of_several_intervals_bill_all_of_them() -> None:
    found = period_before(d("2021-07-31"), anchor=d("2021-01-31"), interval="month", count=3)
    assert found == (d("2021-04-30"), d("2021-07-31"))


@given(
    st.dates(date(2000, 1, 1), date(2060, 1, 1)),
    st.integers(-3000, 9000),
    st.sampled_from(["day", "week", "month", "year"]),
    st.integers(1, 12),
)
def test_periods_leave_no_day_out_and_share_none(
    anchor: date, days: int, interval: str, count: int
) -> None:
    day = anchor + timedelta(days=days)
    start, end = period_at(day, anchor=anchor, interval=interval, count=count)
    assert start <= day < end
    if start > date(1990, 1, 1):
        before = period_before(day, anchor=anchor, interval=interval, count=count)
        assert before[1] == start
        assert before[0] < start


@pytest.mark.parametrize(
    ("start", "bill_day", "interval", "first"),
    [
        ("2012-01-31", 30, "month", "2012-02-29"),
        ("2012-02-16", 14, "month", "2012-03-14"),
        ("2012-02-16", 30, "month", "2012-02-29"),
        ("2012-02-16", 30, "year", "2012-02-29"),
        ("2012-01-31", 30, "year", "2013-01-30"),
        ("2012-03-02", 3, "month", "2012-03-03"),
        ("2012-03-04", 3, "month", "2012-04-03"),
        ("2012-07-16", 15, "month", "2012-08-15"),
        ("2012-07-15", 15, "month", "2012-07-15"),
        ("2012-07-16", 15, "week", "2012-07-16"),
        ("2012-07-16", 15, "day", "2012-07-16"),
    ],
)
def test_the_first_bill_waits_for_its_day(
    start: str, bill_day: int, interval: str, first: str
) -> None:
    assert first_bill_date(d(start), bill_day=bill_day, interval=interval) == d(first)


def test_a_bill_day_that_has_passed_costs_a_whole_period() -> None:
    found = first_bill_date(d("2012-01-31"), bill_day=15, interval="month", count=3)
    assert found == d("2012-04-15")


@pytest.mark.parametrize(
    ("after", "bill_day", "interval", "count", "following"),
    [
        ("2012-04-30", 31, "month", 1, "2012-05-31"),
        ("2012-04-10", 31, "month", 1, "2012-04-30"),
        ("2012-04-15", 15, "month", 3, "2012-07-15"),
        ("2012-04-15", 15, "week", 2, "2012-04-29"),
        ("2012-05-12", 1, "year", 1, "2013-05-01"),
    ],
)
def test_the_next_bill_is_always_later(
    after: str, bill_day: int, interval: str, count: int, following: str
) -> None:
    found = next_bill_date(d(after), bill_day=bill_day, interval=interval, count=count)
    assert found == d(following)


def test_a_nominal_period_knows_no_anchor() -> None:
    ends = nominal_period(d("2026-05-31"), interval="month", ends=True)
    begins = nominal_period(d("2026-01-31"), interval="month", count=3, ends=False)
    assert ends == (d("2026-04-30"), d("2026-05-31"))
    assert begins == (d("2026-01-31"), d("2026-04-30"))


@pytest.mark.parametrize(
    ("day", "interval", "count", "anchor"),
    [
        ("2026-11-18", "day", 1, "2026-11-18"),
        ("2026-11-18", "week", 1, "2026-11-16"),
        ("2026-11-16", "week", 1, "2026-11-16"),
        ("2026-11-18", "month", 1, "2026-11-01"),
        ("2026-11-18", "month", 3, "2026-10-01"),
        ("2026-01-31", "month", 3, "2026-01-01"),
        ("2026-07-01", "month", 6, "2026-07-01"),
        ("2026-11-18", "year", 1, "2026-01-01"),
    ],
)
def test_the_calendar_has_periods_of_its_own(
    day: str, interval: str, count: int, anchor: str
) -> None:
    assert calendar_anchor(d(day), interval=interval, count=count) == d(anchor)


def test_a_calendar_period_is_one_interval_unless_told_otherwise() -> None:
    assert calendar_anchor(d("2026-11-18"), interval="month") == d("2026-11-01")
    assert calendar_anchor(d("2026-12-18"), interval="month") == d("2026-12-01")


@pytest.mark.parametrize(
    ("ago", "month"), [(0, "2022-02-01T05:00"), (1, "2022-01-01T05:00"), (13, "2021-01-01T05:00")]
)
def test_a_local_month_begins_at_its_own_midnight(ago: int, month: str) -> None:
    at = datetime(2022, 3, 1, tzinfo=UTC)  # still February in New York
    found = calendar_month_start(at, "America/New_York", months_ago=ago)
    assert found == datetime.fromisoformat(f"{month}+00:00")


def test_a_local_month_is_the_running_one_unless_told_otherwise() -> None:
    at = datetime(2022, 3, 1, 12, tzinfo=UTC)
    assert calendar_month_start(at, "UTC") == datetime(2022, 3, 1, tzinfo=UTC)


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


def test_the_next_bill_counts_every_interval_of_its_period() -> None:
    found = next_bill_date(d("2012-04-16"), bill_day=15, interval="month", count=3)
    assert found == d("2012-07-15")
    assert next_bill_date(d("2012-04-15"), bill_day=15, interval="month") == d("2012-05-15")


def test_a_nominal_period_that_ends_counts_every_interval() -> None:
    found = nominal_period(d("2026-05-31"), interval="month", count=3, ends=True)
    assert found == (d("2026-02-28"), d("2026-05-31"))
