"""Worked examples of public billing engines, to the cent, and the laws behind them."""

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_core.domain.calendar import first_bill_date, next_boundary, start_of
from billing_core.domain.discount import Discount, Off
from billing_core.domain.invoice import Asked, ask_back, ask_for
from billing_core.domain.money import Money
from billing_core.domain.pricing import Pricing
from billing_core.domain.proration import (
    Instants,
    Span,
    cycles_due,
    days_between,
    leading_fraction,
    trailing_fraction,
    used_until,
    without_trial,
)

PLENTY = Money(10**9, "USD")


def d(text: str) -> date:
    return date.fromisoformat(text)


def days(start: str, end: str, of_start: str, of_end: str) -> Span:
    return Span(d(start), d(end), d(of_start), d(of_end))


def whole(start: str, end: str) -> Span:
    return days(start, end, start, end)


def ask(minor: int, part: Span, *, quantity: int = 1, off: int = 0) -> Asked:
    charge = Pricing("per_unit", Money(minor, "USD")).charge(quantity)
    discount = Discount("coupon", amount=Money(off, "USD"))
    taken = Off(Money(off, "USD"), discount) if off else None
    return ask_for(charge, part, off=taken, tax=None)


def price(minor: int, part: Span, *, quantity: int = 1, off: int = 0) -> int:
    return ask(minor, part, quantity=quantity, off=off).parts.gross.minor


def unused(minor: int, part: Span, *, off: int = 0, left: Money = PLENTY) -> Asked:
    """Ask back a part of a period that was paid in full."""
    paid = ask(minor, Span(part.of_start, part.of_end, part.of_start, part.of_end), off=off)
    return ask_back(paid.parts.net, paid.arithmetic, part, left=left)


@pytest.mark.parametrize(
    ("minor", "start", "end", "period", "amount"),
    [
        pytest.param(24995, "2012-05-12", "2012-06-01", "2012-05-01", 16126, id="20-of-31-days"),
        pytest.param(24995, "2016-06-01", "2016-06-15", "2016-05-15", 11288, id="14-of-31-days"),
        pytest.param(24995, "2012-04-05", "2012-05-02", "2012-04-02", 22496, id="27-of-30-a-half"),
        pytest.param(24995, "2012-03-04", "2012-04-02", "2012-03-02", 23382, id="29-of-31-days"),
    ],
)
def test_a_part_of_a_month_costs_its_days(
    minor: int, start: str, end: str, period: str, amount: int
) -> None:
    of_end = next_boundary(d(period), anchor_day=d(period).day, interval="month")
    assert price(minor, Span(d(start), d(end), d(period), of_end)) == amount


@pytest.mark.parametrize(
    ("minor", "left", "of", "amount"),
    [(24995, 9, 30, 7499), (2995, 14, 28, 1498), (24995, 27, 30, 22496), (1995, 22, 30, 1463)],
)
def test_half_a_cent_goes_up(minor: int, left: int, of: int, amount: int) -> None:
    start = d("2026-01-01")
    part = Span(start, start + timedelta(days=left), start, start + timedelta(days=of))
    assert price(minor, part) == amount


@pytest.mark.parametrize(
    ("old", "new", "on", "start", "end", "left", "credit", "charge"),
    [
        pytest.param(
            10000, 30000, "2024-02-25", "2024-02-18", "2024-03-18", 10000, 7586, 22759, id="leap"
        ),
        pytest.param(
            24995, 995, "2012-05-02", "2012-05-01", "2012-06-01", 23995, 23995, 963, id="capped"
        ),
        pytest.param(
            59995, 995, "2012-05-07", "2012-05-01", "2012-06-01", 59995, 48383, 802, id="first"
        ),
        pytest.param(
            995, 2995, "2012-05-08", "2012-05-01", "2012-06-01", 802, 770, 2319, id="second"
        ),
        pytest.param(
            7990, 12990, "2026-11-17", "2026-11-05", "2026-12-05", 7990, 4794, 7794, id="mockup"
        ),
    ],
)
def test_a_change_takes_back_the_unused_part_and_charges_the_rest(
    old: int, new: int, on: str, start: str, end: str, left: int, credit: int, charge: int
) -> None:
    rest = days(on, end, start, end)
    assert unused(old, rest, left=Money(left, "USD")).parts.gross.minor == credit
    assert price(new, rest) == charge


def test_a_yearly_charge_in_a_month_of_a_monthly_plan_is_a_part_of_its_own_year() -> None:
    assert price(239995, days("2012-05-12", "2013-05-01", "2012-05-01", "2013-05-01")) == 232762


def test_a_discount_comes_off_the_full_price_before_the_part() -> None:
    half = days("2025-06-16", "2025-07-01", "2025-06-01", "2025-07-01")
    assert price(3000, half, off=500) == 1250
    assert unused(2000, half, off=500).parts.gross.minor == 750


def test_a_line_explains_its_own_arithmetic() -> None:
    part = ask(7990, days("2026-11-17", "2026-12-05", "2026-11-05", "2026-12-05"), quantity=2)
    assert part.arithmetic == {
        "days": 18,
        "of_days": 30,
        "unit_minor": 7990,
        "quantity": 2,
        "currency": "USD",
        "from": "2026-11-17",
        "to": "2026-12-05",
    }
    assert part.parts.gross == Money(9588, "USD")


def test_a_capped_credit_says_so() -> None:
    rest = days("2012-05-02", "2012-06-01", "2012-05-01", "2012-06-01")
    assert unused(24995, rest, left=Money(23995, "USD")).arithmetic["cap_minor"] == 23995
    assert "cap_minor" not in unused(24995, rest).arithmetic


def test_a_plan_by_the_second_counts_real_seconds() -> None:
    at = datetime.fromtimestamp(1488568488, UTC)
    start, end = (datetime.fromtimestamp(one, UTC) for one in (1487030400, 1489449600))
    part = Span(at.date(), end.date(), start.date(), end.date(), Instants(at, end, start, end))
    assert part.fraction == Fraction(881112, 2419200)
    assert part.arithmetic == {
        "unit": "second",
        "seconds": 881112,
        "of_seconds": 2419200,
        "from": "2017-03-03",
        "to": "2017-03-14",
    }
    assert unused(1000, part).parts.gross.minor == 364


def test_a_day_of_23_hours_is_a_day_to_a_plan_by_the_day_only() -> None:
    ends = (d("2026-03-08"), d("2026-03-09"), d("2026-03-01"), d("2026-04-01"))
    instants = Instants(*(start_of(day, "America/New_York") for day in ends))
    by_day, by_second = Span(*ends), Span(*ends, instants)
    assert by_day.fraction == Fraction(1, 31)
    assert by_second.fraction == Fraction(23, 31 * 24 - 1)


@pytest.mark.parametrize(
    ("start", "end", "month_days", "counted"),
    [
        ("2023-05-23", "2023-06-15", 30, 22),
        ("2023-06-23", "2023-07-15", 30, 22),
        ("2023-02-23", "2023-03-15", 28, 20),
        ("2023-02-23", "2023-03-15", 30, 22),
        ("2023-05-15", "2023-05-23", 30, 8),
        ("2022-05-15", "2023-05-23", 30, 372),
        ("2023-05-23", "2023-06-15", None, 23),
    ],
)
def test_a_month_of_fixed_length_counts_alike_in_every_month(
    start: str, end: str, month_days: int | None, counted: int
) -> None:
    assert days_between(d(start), d(end), month_days=month_days) == counted


def test_a_fixed_month_is_the_measure_of_the_part_too() -> None:
    may = Span(d("2023-05-23"), d("2023-06-15"), d("2023-05-15"), d("2023-06-15"), month_days=30)
    assert may.fraction == Fraction(22, 30)
    assert price(1995, may) == 1463
    quarter = Span(
        d("2023-11-23"), d("2023-12-15"), d("2023-11-15"), d("2024-02-15"), month_days=30
    )
    assert quarter.of_days == 90


@pytest.mark.parametrize(
    ("start", "end", "kept"),
    [
        pytest.param("2012-07-10", "2012-07-20", ("2012-07-10", "2012-07-20"), id="inside"),
        pytest.param("2012-06-01", "2012-07-03", ("2012-06-30", "2012-07-03"), id="from-before"),
        pytest.param("2012-07-29", "2012-08-09", ("2012-07-29", "2012-07-31"), id="beyond"),
        pytest.param("2012-05-01", "2012-05-09", ("2012-06-30", "2012-06-30"), id="all-before"),
        pytest.param("2012-08-01", "2012-08-09", ("2012-07-31", "2012-07-31"), id="all-after"),
    ],
)
def test_only_what_lies_in_the_period_counts(start: str, end: str, kept: tuple[str, str]) -> None:
    found = days(start, end, "2012-06-30", "2012-07-31").within
    assert (found.start, found.end) == (d(kept[0]), d(kept[1]))


def test_ten_blocked_days_of_31_are_given_back() -> None:
    assert price(24995, days("2012-07-10", "2012-07-20", "2012-06-30", "2012-07-31")) == 8063


@pytest.mark.parametrize(
    ("last_counts", "amount"), [pytest.param(True, 32000, id="with"), pytest.param(False, 31000)]
)
def test_the_day_of_a_termination_counts_where_it_was_used(last_counts: bool, amount: int) -> None:
    part = used_until(
        d("2024-06-20"),
        since=d("2024-05-20"),
        start=d("2024-04-15"),
        end=d("2024-07-15"),
        last_counts=last_counts,
    )
    assert price(91000, part) == amount


def test_a_trial_takes_its_days_off_and_no_more() -> None:
    month = days("2022-03-15", "2022-04-01", "2022-03-01", "2022-04-01")
    assert price(100, without_trial(month, 3)) == 45
    assert price(100, without_trial(month, 0)) == 55
    assert price(100, without_trial(month, 40)) == 0


@pytest.mark.parametrize(
    ("start", "bill", "interval", "fraction"),
    [
        ("2023-05-23", "2023-06-15", "month", Fraction(23, 31)),
        ("2023-06-23", "2023-07-15", "month", Fraction(22, 30)),
        ("2024-02-23", "2024-03-15", "month", Fraction(21, 29)),
        ("2011-01-31", "2012-01-15", "year", Fraction(349, 365)),
    ],
)
def test_a_leading_stub_is_a_part_of_the_period_that_would_have_ended_with_it(
    start: str, bill: str, interval: str, fraction: Fraction
) -> None:
    found = leading_fraction(d(start), d(bill), first_bill=d(bill), interval=interval)
    assert found == fraction


def test_stubs_of_fixed_months_count_fixed_days() -> None:
    start, bill = d("2023-05-23"), d("2023-06-15")
    lead = leading_fraction(start, bill, first_bill=bill, interval="month", month_days=30)
    assert lead == Fraction(22, 30)
    assert trailing_fraction(start, bill, interval="month", month_days=30) == Fraction(22, 30)


@pytest.mark.parametrize(
    ("last", "end", "count", "fraction"),
    [
        ("2023-06-23", "2023-07-15", 1, Fraction(22, 30)),
        pytest.param("2010-03-02", "2010-06-02", 1, Fraction(92, 31), id="longer-than-a-period"),
        ("2010-03-02", "2010-06-02", 3, Fraction(1)),
    ],
)
def test_a_trailing_stub_is_a_part_of_the_period_that_began_with_it(
    last: str, end: str, count: int, fraction: Fraction
) -> None:
    found = trailing_fraction(d(last), d(end), interval="month", count=count)
    assert found == fraction


def cycles(
    start: str,
    target: str,
    bill_day: int,
    *,
    end: str = "",
    interval: str = "month",
    count: int = 1,
) -> Fraction:
    return cycles_due(
        d(start),
        target=d(target),
        first_bill=first_bill_date(d(start), bill_day=bill_day, interval=interval, count=count),
        bill_day=bill_day,
        interval=interval,
        count=count,
        end=d(end) if end else None,
    )


@pytest.mark.parametrize(
    ("start", "target", "bill_day", "end", "interval", "due"),
    [
        pytest.param("2012-02-01", "2012-02-19", 1, "2012-02-15", "month", "14/29", id="leap"),
        pytest.param("2010-06-17", "2010-07-17", 17, "2010-07-25", "month", "39/31", id="trail"),
        pytest.param("2011-01-01", "2011-03-07", 15, "2011-02-27", "month", "408/217", id="both"),
        pytest.param("2011-01-31", "2011-02-24", 15, "", "year", "349/365", id="a-long-lead"),
        pytest.param("2011-01-31", "2011-01-30", 15, "", "year", "0", id="before-it-begins"),
        pytest.param("2011-01-31", "2011-01-31", 31, "", "month", "1", id="on-its-first-day"),
        pytest.param("2011-01-31", "2011-03-01", 31, "", "month", "2", id="no-stub"),
        pytest.param("2011-01-31", "2011-02-28", 31, "", "month", "2", id="on-a-bill-date"),
        pytest.param("2011-01-31", "2011-04-29", 31, "", "month", "3", id="the-anchor-holds"),
        pytest.param("2011-01-10", "2011-06-01", 15, "2011-01-12", "month", "2/31", id="all-lead"),
        pytest.param("2011-01-10", "2011-06-01", 15, "2011-01-15", "month", "5/31", id="lead-only"),
        pytest.param("2011-01-10", "2011-06-01", 15, "2011-01-10", "month", "0", id="never-began"),
        pytest.param("2011-01-10", "2011-01-11", 15, "2011-02-20", "month", "5/31", id="not-yet"),
        pytest.param("2026-01-01", "2026-01-15", 1, "", "week", "3", id="weeks"),
    ],
)
def test_whole_cycles_and_both_stubs_are_due_in_advance(
    start: str, target: str, bill_day: int, end: str, interval: str, due: str
) -> None:
    assert cycles(start, target, bill_day, end=end, interval=interval) == Fraction(due)


def test_a_quarterly_plan_is_due_by_quarters() -> None:
    assert cycles("2011-01-15", "2011-07-15", 15, count=3) == 3


periods = st.dates(date(2000, 1, 1), date(2090, 1, 1)).map(
    lambda start: (start, next_boundary(start, anchor_day=start.day, interval="month"))
)


def cut(period: tuple[date, date], data: st.DataObject) -> list[Span]:
    """Cut a period into parts at any days."""
    start, end = period
    inside = st.sets(st.integers(1, (end - start).days - 1), max_size=6)
    days_in = [start + timedelta(days=one) for one in sorted(data.draw(inside))]
    return [Span(*ends, start, end) for ends in pairwise([start, *days_in, end])]


@given(st.integers(0, 10**9), st.integers(1, 50), periods, st.data())
def test_parts_of_a_period_differ_from_the_whole_by_half_a_unit_each_at_most(
    minor: int, quantity: int, period: tuple[date, date], data: st.DataObject
) -> None:
    parts = cut(period, data)
    asked = sum(price(minor, part, quantity=quantity) for part in parts)
    assert 2 * abs(asked - minor * quantity) <= len(parts)
    assert price(minor, Span(*period, *period), quantity=quantity) == minor * quantity


@given(st.integers(-(10**9), 10**9), periods, st.data())
def test_where_parts_must_add_up_the_largest_remainders_take_what_rounding_left(
    minor: int, period: tuple[date, date], data: st.DataObject
) -> None:
    parts = cut(period, data)
    shares = Money(minor, "USD").allocate([part.days for part in parts])
    assert sum(share.minor for share in shares) == minor
    for part, share in zip(parts, shares, strict=True):
        assert abs(share.minor - minor * part.fraction) < 1


@given(st.integers(0, 10**9), periods, st.data())
def test_what_is_kept_and_what_is_given_back_make_the_whole(
    minor: int, period: tuple[date, date], data: st.DataObject
) -> None:
    rest = cut(period, data)[-1]
    paid = Money(minor, "USD")
    back = unused(minor, rest, left=paid).parts.gross
    assert Money(0, "USD") <= back <= paid
    again = unused(minor, rest, left=paid - back).parts.gross
    assert back + again <= paid


def test_stubs_of_a_quarterly_plan_are_parts_of_a_quarter() -> None:
    lead = leading_fraction(
        d("2011-03-16"), d("2011-04-15"), first_bill=d("2011-04-15"), interval="month", count=3
    )
    assert lead == Fraction(30, 90)
    assert cycles("2011-03-16", "2011-03-16", 15, count=3) == Fraction(91, 92)
    ended = cycles("2011-01-15", "2011-09-09", 15, count=3, end="2011-05-15")
    assert ended == 1 + Fraction(30, 91)


def test_a_month_is_one_month_unless_told_otherwise() -> None:
    due = cycles_due(
        d("2011-01-15"),
        target=d("2011-03-14"),
        first_bill=d("2011-01-15"),
        bill_day=15,
        interval="month",
    )
    assert due == 2


def test_a_subscription_that_never_began_owes_nothing_before_its_first_bill() -> None:
    assert cycles("2011-01-10", "2011-01-10", 10, end="2011-01-10") == 0
