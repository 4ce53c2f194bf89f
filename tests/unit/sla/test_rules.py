"""The arithmetic of one clock."""

from datetime import UTC, datetime, timedelta

import pytest

from helpdesk.sla.rules import (
    Clock,
    IllegalStep,
    Step,
    StepKind,
    is_late,
    replay,
)

NOON = datetime(2026, 11, 17, 12, 0, tzinfo=UTC)


def after(**delta: float) -> datetime:
    return NOON + timedelta(**delta)


def run(*steps: tuple[StepKind, datetime], target_s: int = 3600) -> Clock:
    """Replay the steps of one resolution cycle."""
    made = [
        Step("resolution", 1, position, kind, at, "email", target_s)
        for position, (kind, at) in enumerate(steps, start=1)
    ]
    return replay(made)["resolution", 1]


def test_a_new_clock_is_due_when_its_whole_target_has_passed() -> None:
    clock = run(("activate", NOON))
    assert (clock.state, clock.due_at) == ("running", after(hours=1))


def test_without_a_promise_time_is_measured_and_never_due() -> None:
    clock = run(("activate", NOON), ("fulfil", after(hours=5)), target_s=0)
    assert (clock.due_at, clock.consumed_s, clock.breached_at) == (None, 5 * 3600, None)


def test_time_on_hold_does_not_count() -> None:
    steps: list[tuple[StepKind, datetime]] = [("activate", NOON), ("pause", after(minutes=20))]
    assert run(*steps).due_at is None
    resumed = run(*steps, ("resume", after(hours=10)))
    assert resumed.due_at == after(hours=10, minutes=40)
    done = run(*steps, ("resume", after(hours=10)), ("fulfil", after(hours=10, minutes=5)))
    assert (done.consumed_s, done.ended_at) == (25 * 60, after(hours=10, minutes=5))


def test_a_promise_broken_before_a_hold_is_still_broken_after_it() -> None:
    clock = run(
        ("activate", NOON),
        ("breach", after(hours=1)),
        ("pause", after(hours=2)),
        ("resume", after(hours=3)),
    )
    assert clock.due_at == after(hours=2)  # an hour before it runs again: late at once
    assert not is_late(clock, after(hours=4))  # written down already


def test_a_clock_is_late_from_the_instant_it_falls_due() -> None:
    clock = run(("activate", NOON))
    assert not is_late(clock, after(minutes=59, seconds=59))
    assert is_late(clock, after(hours=1))


def test_an_answer_while_on_hold_adds_nothing() -> None:
    clock = run(("activate", NOON), ("pause", after(minutes=1)), ("fulfil", after(hours=9)))
    assert (clock.consumed_s, clock.state) == (60, "fulfilled")


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param(("pause",), id="nothing-runs-yet"),
        pytest.param(("activate", "activate"), id="started-twice"),
        pytest.param(("activate", "resume"), id="resumed-while-running"),
        pytest.param(("activate", "pause", "pause"), id="paused-twice"),
        pytest.param(("activate", "pause", "breach"), id="broken-while-on-hold"),
        pytest.param(("activate", "breach", "breach"), id="broken-twice"),
        pytest.param(("activate", "fulfil", "cancel"), id="ended-twice"),
        pytest.param(("activate", "cancel", "resume"), id="resumed-after-its-end"),
    ],
)
def test_impossible_histories_are_refused(steps: tuple[StepKind, ...]) -> None:
    with pytest.raises(IllegalStep):
        run(*((kind, NOON) for kind in steps))


def test_a_missing_step_is_noticed() -> None:
    first = Step("resolution", 1, 1, "activate", NOON, "email", 60)
    third = Step("resolution", 1, 3, "fulfil", NOON, "email", 60)
    with pytest.raises(IllegalStep):
        replay([first, third])
