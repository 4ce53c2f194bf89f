"""The arithmetic of the board, against counting by hand."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpdesk.reports import recount, rules
from helpdesk.reports.rules import Answered, Attainment, Spread
from helpdesk.reports.service import age_bars

NINE = datetime(2026, 11, 17, 12, tzinfo=UTC)


def answered(ended_after: int, **facts: object) -> Answered:
    values: dict[str, object] = {
        "ticket_id": UUID(int=1),
        "metric": "first_response",
        "cycle": 1,
        "channel": "chat",
        "target_s": 120,
        "started_at": NINE,
        "ended_at": NINE + timedelta(seconds=ended_after),
        "kept": True,
    }
    return Answered(**(values | facts))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "spread"),
    [
        pytest.param([], Spread(), id="nobody"),
        pytest.param([7], Spread(1, 7, 7, 7), id="one"),
        pytest.param([4, 1, 3, 2], Spread(4, 2, 4, 4), id="an-even-number-takes-a-real-value"),
        pytest.param(list(range(1, 101)), Spread(100, 50, 90, 95), id="a-hundred"),
    ],
)
def test_a_percentile_is_a_time_that_somebody_waited(values: list[int], spread: Spread) -> None:
    assert rules.spread(values) == spread


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=60))
def test_percentiles_agree_with_counting(values: list[int]) -> None:
    assert rules.spread(values) == recount._spread(values)


def test_pauses_do_not_count_also_when_the_last_one_never_ended() -> None:
    def at(seconds: int) -> datetime:
        return NINE + timedelta(seconds=seconds)

    assert rules.waited_s(answered(100)) == 100
    assert rules.waited_s(answered(100, pauses=((at(10), at(40)),))) == 70
    assert rules.waited_s(answered(100, pauses=((at(10), at(40)), (at(90), None)))) == 60


def test_attainment_is_rounded_down_and_silent_where_nothing_was_due() -> None:
    assert Attainment(2999, 1).per_mille == 999
    assert Attainment(7, 0).per_mille == 1000
    assert Attainment().per_mille is None


def test_windows_cover_the_whole_stretch_and_an_edge_belongs_to_the_later_one() -> None:
    quarter = timedelta(minutes=15)
    found = rules.windows(
        [answered(0), answered(899), answered(900), answered(3600)],
        since=NINE,
        until=NINE + timedelta(minutes=40),
        step=quarter,
    )
    assert [window.spread.n for window in found] == [2, 1, 0]
    assert [window.at for window in found] == [NINE, NINE + quarter, NINE + 2 * quarter]


@pytest.mark.parametrize(
    ("now", "then", "told"),
    [(90, 100, (10, "faster")), (110, 100, (10, "slower")), (100, 100, (0, "same")),
     (100, None, None), (None, 100, None), (100, 0, None)],
)  # fmt: skip
def test_a_change_is_told_only_where_there_is_something_to_compare(
    now: int | None, then: int | None, told: tuple[int, str] | None
) -> None:
    assert rules.change(now, then) == told


def test_the_target_of_mixed_promises_says_that_they_are_mixed() -> None:
    assert rules.typical_target([answered(1), answered(2)]) == (120, True)
    mixed = [answered(1), answered(2, target_s=900), answered(3, target_s=900)]
    assert rules.typical_target(mixed) == (900, False)
    assert rules.typical_target([answered(1, target_s=0)]) is None


def test_a_small_line_stays_in_its_box_and_needs_two_points() -> None:
    assert rules.spark([5], width=180, height=30) is None
    assert rules.spark([None, 5, None], width=180, height=30) is None
    line, target = rules.spark([0, None, 10], width=180, height=30, target=20) or ("", "")
    assert line == "M0.0 30.0 L180.0 15.0"
    assert target == "M0 0.0 L180 0.0"


@given(st.lists(st.integers(0, 500), min_size=4, max_size=4), st.integers(1, 3000))
def test_age_bars_lie_one_after_another_inside_the_box(ages: list[int], more: int) -> None:
    longest = max(sum(ages), more)
    bars = age_bars(ages, longest)
    assert [bar.age for bar in bars] == [n for n, count in enumerate(ages) if count]
    for before, after in pairwise(bars):
        assert after.x >= before.x
    assert all(bar.x + bar.width <= 101 for bar in bars)
