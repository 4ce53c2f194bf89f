"""The life of a dispute: which notice moves it, where the money is, what our answer makes of it."""

from itertools import product

import pytest

from billing_core.domain.dispute import (
    ANSWERABLE,
    EDGES,
    INQUIRY,
    KEPT,
    LOST,
    OPEN,
    STATES,
    State,
    answered,
    hold_of,
    may_follow,
    stage_of,
)


def test_every_state_is_an_inquiry_open_lost_or_kept() -> None:
    assert sorted((*INQUIRY, *OPEN, *LOST, *KEPT)) == sorted(STATES)
    assert set(EDGES) == set(STATES)
    assert set(ANSWERABLE) < {*INQUIRY, *OPEN}


@pytest.mark.parametrize("state", STATES)
def test_a_state_has_a_stage_and_says_where_the_money_is(state: State) -> None:
    expected = {
        **dict.fromkeys(INQUIRY, ("inquiry", "none")),
        **dict.fromkeys(OPEN, ("dispute", "held")),
        **dict.fromkeys(LOST, ("closed", "lost")),
        **dict.fromkeys(KEPT, ("closed", "none")),
    }
    assert (stage_of(state), hold_of(state)) == expected[state]


@pytest.mark.parametrize(("before", "after"), list(product(STATES, STATES)))
def test_a_notice_moves_forward_only_and_an_answer_anywhere(before: State, after: State) -> None:
    assert may_follow(before, after, asked=False) == (before != after and after in EDGES[before])
    assert may_follow(before, after, asked=True) == (before != after)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("early_warning", "won"),
        ("warning_needs_response", "warning_closed"),
        ("warning_under_review", "needs_response"),
        ("warning_closed", "lost"),
        ("needs_response", "prevented"),
        ("under_review", "pre_arbitration"),
        ("pre_arbitration", "lost"),
        ("won", "pre_arbitration"),
        ("lost", "pre_arbitration"),
    ],
)
def test_a_dispute_goes_on(before: State, after: State) -> None:
    assert may_follow(before, after, asked=False)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("under_review", "needs_response"),
        ("pre_arbitration", "under_review"),
        ("won", "needs_response"),
        ("accepted", "won"),
        ("expired", "lost"),
        ("prevented", "needs_response"),
    ],
)
def test_a_late_notice_changes_nothing(before: State, after: State) -> None:
    assert not may_follow(before, after, asked=False)


@pytest.mark.parametrize(
    ("before", "contested", "after"),
    [
        ("early_warning", True, "warning_under_review"),
        ("warning_needs_response", True, "warning_under_review"),
        ("needs_response", True, "under_review"),
        ("pre_arbitration", True, "under_review"),
        ("needs_response", False, "accepted"),
        ("early_warning", False, "accepted"),
    ],
)
def test_our_answer_is_under_review_or_gives_in(
    before: State, contested: bool, after: State
) -> None:
    assert answered(before, contested=contested) == after
