"""Worked examples of public billing engines, to the cent, and the laws behind them."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_core.domain.calendar import next_boundary
from billing_core.domain.money import Money
from billing_core.domain.proration import PlanSwitch, Rate, Span, full_period, portion, switch_plan

PLENTY = 10**9


def d(text: str) -> date:
    return date.fromisoformat(text)


def monthly(minor: int, currency: str = "USD", quantity: int = 1) -> Rate:
    return Rate(Money(minor, currency), quantity, "month", 1)


def switch(
    old: int,
    new: int,
    *,
    on: str,
    start: str,
    end: str,
    creditable: int = PLENTY,
) -> PlanSwitch:
    return switch_plan(
        monthly(old),
        monthly(new),
        on=d(on),
        start=d(start),
        end=d(end),
        anchor_day=d(start).day,
        creditable=Money(creditable, "USD"),
    )


@pytest.mark.parametrize(
    ("price", "start", "end", "period", "amount"),
    [
        pytest.param(24995, "2012-05-12", "2012-06-01", "2012-05-01", 16126, id="20-of-31-days"),
        pytest.param(24995, "2016-06-01", "2016-06-15", "2016-05-15", 11288, id="14-of-31-days"),
        pytest.param(24995, "2012-04-05", "2012-05-02", "2012-04-02", 22496, id="27-of-30-a-half"),
        pytest.param(24995, "2012-03-04", "2012-04-02", "2012-03-02", 23382, id="29-of-31-days"),
    ],
)
def test_a_part_of_a_month_costs_its_days(
    price: int, start: str, end: str, period: str, amount: int
) -> None:
    of_end = next_boundary(d(period), anchor_day=d(period).day, interval="month")
    part = portion(monthly(price), Span(d(start), d(end), d(period), of_end))
    assert part.amount == Money(amount, "USD")


@pytest.mark.parametrize(
    ("price", "days", "of_days", "amount"),
    [(24995, 9, 30, 7499), (2995, 14, 28, 1498), (24995, 27, 30, 22496), (1995, 22, 30, 1463)],
)
def test_half_a_cent_goes_up(price: int, days: int, of_days: int, amount: int) -> None:
    start = d("2026-01-01")
    span = Span(start, start + timedelta(days=days), start, start + timedelta(days=of_days))
    assert portion(monthly(price), span).amount == Money(amount, "USD")


@pytest.mark.parametrize(
    ("old", "new", "on", "start", "end", "creditable", "unused", "remaining"),
    [
        pytest.param(
            10000, 30000, "2024-02-25", "2024-02-18", "2024-03-18", PLENTY, 7586, 22759, id="leap"
        ),
        pytest.param(
            24995, 995, "2012-05-02", "2012-05-01", "2012-06-01", 23995, 23995, 963, id="capped"
        ),
        pytest.param(
            59995, 995, "2012-05-07", "2012-05-01", "2012-06-01", PLENTY, 48383, 802, id="first"
        ),
        pytest.param(
            995, 2995, "2012-05-08", "2012-05-01", "2012-06-01", 802, 770, 2319, id="second"
        ),
        pytest.param(
            7990, 12990, "2026-11-17", "2026-11-05", "2026-12-05", PLENTY, 4794, 7794, id="mockup"
        ),
    ],
)
def test_a_change_takes_back_the_unused_part_and_charges_the_rest(
    old: int,
    new: int,
    on: str,
    start: str,
    end: str,
    creditable: int,
    unused: int,
    remaining: int,
) -> None:
    result = switch(old, new, on=on, start=start, end=end, creditable=creditable)
    assert (result.unused.amount.minor, result.remaining.amount.minor) == (unused, remaining)
    assert result.net == Money(remaining - unused, "USD")
    assert (result.period_start, result.period_end) == (d(start), d(end))


def test_another_rhythm_starts_a_full_period_on_that_day() -> None:
    result = switch_plan(
        monthly(24995),
        Rate(Money(239995, "USD"), 1, "year", 1),
        on=d("2012-05-12"),
        start=d("2012-05-01"),
        end=d("2012-06-01"),
        anchor_day=1,
        creditable=Money(PLENTY, "USD"),
    )
    assert result.unused.amount == Money(16126, "USD")
    assert result.remaining.amount == Money(239995, "USD")
    assert (result.period_start, result.period_end) == (d("2012-05-12"), d("2013-05-12"))
    assert result.anchor_day == 12


def test_a_line_explains_its_own_arithmetic() -> None:
    part = portion(
        monthly(7990, "BRL", quantity=2),
        Span(d("2026-11-17"), d("2026-12-05"), d("2026-11-05"), d("2026-12-05")),
    )
    assert part.arithmetic == {
        "days": 18,
        "of_days": 30,
        "unit_minor": 7990,
        "quantity": 2,
        "currency": "BRL",
        "from": "2026-11-17",
        "to": "2026-12-05",
    }
    assert part.amount == Money(9588, "BRL")


def test_a_capped_line_says_so() -> None:
    capped = switch(
        24995, 995, on="2012-05-02", start="2012-05-01", end="2012-06-01", creditable=23995
    )
    assert capped.unused.arithmetic["cap_minor"] == 23995
    free = switch(24995, 995, on="2012-05-02", start="2012-05-01", end="2012-06-01")
    assert "cap_minor" not in free.unused.arithmetic


@given(
    st.integers(0, 10**9),
    st.integers(1, 50),
    st.dates(date(2000, 1, 1), date(2090, 1, 1)),
    st.data(),
)
def test_used_and_unused_days_make_the_whole_period(
    minor: int, quantity: int, start: date, data: st.DataObject
) -> None:
    rate = monthly(minor, quantity=quantity)
    end = next_boundary(start, anchor_day=start.day, interval="month")
    on = start + timedelta(days=data.draw(st.integers(0, (end - start).days)))
    used = portion(rate, Span(start, on, start, end)).amount.minor
    unused = portion(rate, Span(on, end, start, end)).amount.minor
    # Each part is rounded once, so the two may differ from the whole by one unit.
    assert abs(used + unused - rate.full.minor) <= 1
    assert full_period(rate, start, end).amount == rate.full
