from contextlib import nullcontext
from datetime import date
from itertools import product
from typing import Any

import pytest

from billing_core.domain.subscription import (
    BILLED,
    EDGES,
    LIVE,
    RENEWING,
    STATES,
    check_edge,
    period_around,
    period_from,
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
    ("day", "start", "end"),
    [
        pytest.param("2026-01-31", "2026-01-31", "2026-02-28", id="the-anchor-itself"),
        pytest.param("2026-02-27", "2026-01-31", "2026-02-28", id="the-last-day"),
        pytest.param("2026-02-28", "2026-02-28", "2026-03-31", id="a-clamped-boundary"),
        pytest.param("2029-03-01", "2029-02-28", "2029-03-31", id="years-later"),
        pytest.param("2026-01-10", "2025-12-31", "2026-01-31", id="a-leading-stub"),
    ],
)
def test_a_day_lies_in_one_period_of_the_rhythm(day: str, start: str, end: str) -> None:
    found = period_around(
        date.fromisoformat(day), anchor_date=date(2026, 1, 31), anchor_day=31, interval="month"
    )
    assert found == (date.fromisoformat(start), date.fromisoformat(end))


def test_a_step_that_does_not_exist_says_which() -> None:
    with pytest.raises(IllegalEdge) as refused:
        check_edge("canceled", "active")
    assert (refused.value.kind, refused.value.before, refused.value.after) == (
        "subscription",
        "canceled",
        "active",
    )


def test_a_period_of_several_intervals_has_all_of_them() -> None:
    quarter: dict[str, Any] = {
        "anchor_date": date(2026, 1, 31),
        "anchor_day": 31,
        "interval": "month",
    }
    assert period_around(date(2026, 6, 1), count=3, **quarter) == (
        date(2026, 4, 30),
        date(2026, 7, 31),
    )
    assert period_around(date(2026, 1, 1), count=3, **quarter) == (
        date(2025, 10, 31),
        date(2026, 1, 31),
    )


@pytest.mark.parametrize(
    ("start", "leaves_on", "end"),
    [
        ("2026-03-31", None, "2026-04-30"),
        ("2026-04-10", None, "2026-04-30"),  # after one that was cut short
        ("2026-01-20", None, "2026-01-31"),  # a leading stub
        ("2026-03-31", "2026-04-10", "2026-04-10"),
        ("2026-03-31", "2026-05-10", "2026-04-30"),
    ],
)
def test_a_period_goes_to_the_next_bill_day_or_the_end_of_the_service(
    start: str, leaves_on: str | None, end: str
) -> None:
    found = period_from(
        date.fromisoformat(start),
        anchor_date=date(2026, 1, 31),
        anchor_day=31,
        interval="month",
        leaves_on=date.fromisoformat(leaves_on) if leaves_on else None,
    )
    assert found == (date.fromisoformat(start), date.fromisoformat(end))
    two: dict[str, Any] = {
        "anchor_date": date(2026, 1, 1),
        "anchor_day": 1,
        "interval": "month",
        "count": 2,
    }
    assert period_from(date(2026, 3, 5), **two)[1] == date(2026, 5, 1)
