from contextlib import nullcontext
from datetime import date
from itertools import product

import pytest

from billing_core.domain.subscription import (
    BILLED,
    EDGES,
    LIVE,
    RENEWING,
    STATES,
    check_edge,
    first_boundary,
)
from billing_core.errors import IllegalEdge

LEGAL = {
    ("incomplete", "active"),
    ("incomplete", "incomplete_expired"),
    ("trialing", "active"),
    ("trialing", "paused"),
    ("trialing", "canceled"),
    ("active", "past_due"),
    ("active", "paused"),
    ("active", "canceled"),
    ("past_due", "active"),
    ("past_due", "unpaid"),
    ("past_due", "canceled"),
    ("unpaid", "active"),
    ("unpaid", "canceled"),
    ("paused", "active"),
    ("paused", "canceled"),
}


@pytest.mark.parametrize(("before", "after"), list(product(STATES, STATES)))
def test_a_subscription_moves_along_the_listed_edges_only(before: str, after: str) -> None:
    with nullcontext() if (before, after) in LEGAL else pytest.raises(IllegalEdge):
        check_edge(before, after)


def test_only_what_is_live_can_be_ended_and_only_what_is_billed_or_tried_renews() -> None:
    assert set(EDGES) == set(STATES)
    assert {before for before, after in LEGAL if after == "canceled"} == set(LIVE)
    assert set(BILLED) < set(RENEWING) < set(LIVE)
    assert [state for state in STATES if not EDGES[state]] == ["incomplete_expired", "canceled"]


@pytest.mark.parametrize(
    ("start", "day", "interval", "before", "after"),
    [
        pytest.param("2012-05-23", 15, "month", "2012-05-15", "2012-06-15", id="day-has-passed"),
        pytest.param("2024-02-23", 15, "month", "2024-02-15", "2024-03-15", id="leap-february"),
        pytest.param("2012-05-03", 15, "month", "2012-04-15", "2012-05-15", id="day-to-come"),
        pytest.param("2012-02-16", 30, "month", "2012-01-30", "2012-02-29", id="clamped"),
        pytest.param("2012-04-30", 31, "month", "2012-04-30", "2012-04-30", id="clamped-today"),
        pytest.param("2012-05-15", 15, "month", "2012-05-15", "2012-05-15", id="that-very-day"),
        pytest.param("2012-01-31", 30, "year", "2012-01-30", "2013-01-30", id="next-year"),
        pytest.param("2012-01-10", 15, "year", "2011-01-15", "2012-01-15", id="this-year"),
        pytest.param("2012-01-10", 15, "week", "2012-01-10", "2012-01-10", id="weeks-have-none"),
    ],
)
def test_a_start_before_its_bill_day_meets_it_next(
    start: str, day: int, interval: str, before: str, after: str
) -> None:
    found = first_boundary(date.fromisoformat(start), anchor_day=day, interval=interval)
    assert found == (date.fromisoformat(before), date.fromisoformat(after))


def test_a_stub_of_a_quarter_is_measured_against_the_quarter() -> None:
    found = first_boundary(date(2026, 5, 23), anchor_day=15, interval="month", count=3)
    assert found == (date(2026, 3, 15), date(2026, 6, 15))
