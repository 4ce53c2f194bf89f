"""The arithmetic of clocks: steps in, clocks out. Plain values, no database.

A reply clock runs from the oldest unanswered message of the customer to the next public
answer by a person. A resolution clock runs from the customer's message to the solution and
stands still while we wait for her. Seconds are calendar seconds.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import UUID

Metric = Literal["first_response", "next_response", "resolution"]
StepKind = Literal["activate", "pause", "resume", "fulfil", "breach", "cancel"]
ClockState = Literal["running", "paused", "fulfilled", "cancelled"]

REPLY_METRICS: tuple[Metric, ...] = ("first_response", "next_response")
NEVER = datetime(9999, 1, 1, tzinfo=UTC)  # due date of a ticket to which nothing is owed


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened to one clock. `position` orders the steps of a cycle from 1."""

    metric: Metric
    cycle: int
    position: int
    kind: StepKind
    at: datetime
    channel: str
    target_s: int  # 0 where nothing was promised
    staff_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Clock:
    """One cycle of one metric, as its steps so far leave it."""

    metric: Metric
    cycle: int
    channel: str
    target_s: int
    started_at: datetime
    due_at: datetime | None
    consumed_s: int
    resumed_at: datetime | None
    breached_at: datetime | None
    ended_at: datetime | None
    state: ClockState
    position: int  # of the last step

    @property
    def open(self) -> bool:
        return self.state in ("running", "paused")


class IllegalStep(ValueError):
    """A step that its clock cannot take, such as resuming one that runs."""


# From each state, the steps that may follow. Breach changes no state and happens once.
LEGAL: dict[ClockState, tuple[StepKind, ...]] = {
    "running": ("pause", "fulfil", "breach", "cancel"),
    "paused": ("resume", "fulfil", "cancel"),
    "fulfilled": (),
    "cancelled": (),
}


def start(step: Step) -> Clock:
    """Return the clock that an `activate` step begins."""
    if step.kind != "activate":
        raise IllegalStep(f"{step.kind} before activate")
    return Clock(
        metric=step.metric,
        cycle=step.cycle,
        channel=step.channel,
        target_s=step.target_s,
        started_at=step.at,
        due_at=due_at(step.at, step.target_s, 0),
        consumed_s=0,
        resumed_at=step.at,
        breached_at=None,
        ended_at=None,
        state="running",
        position=step.position,
    )


def advance(clock: Clock, step: Step) -> Clock:
    """Return the clock after one more step. Raises `IllegalStep`."""
    if step.kind not in LEGAL[clock.state] or step.position != clock.position + 1:
        raise IllegalStep(f"{step.kind} at {step.position} on {clock}")
    moved = replace(clock, position=step.position)
    match step.kind:
        case "breach":
            if clock.breached_at is not None:
                raise IllegalStep("a cycle is breached once")
            return replace(moved, breached_at=step.at)
        case "resume":
            left = due_at(step.at, clock.target_s, clock.consumed_s)
            return replace(moved, state="running", resumed_at=step.at, due_at=left)
        case "pause":
            consumed = consumed_at(clock, step.at)
            return replace(moved, state="paused", consumed_s=consumed, resumed_at=None, due_at=None)
    ended: ClockState = "fulfilled" if step.kind == "fulfil" else "cancelled"
    return replace(
        moved,
        state=ended,
        consumed_s=consumed_at(clock, step.at),
        resumed_at=None,
        ended_at=step.at,
    )


def replay(steps: Iterable[Step]) -> dict[tuple[Metric, int], Clock]:
    """Return every clock of one ticket, by metric and cycle, from its raw steps.

    Steps of one cycle come in the order of their positions; cycles may be interleaved.
    Raises `IllegalStep`.
    """
    clocks: dict[tuple[Metric, int], Clock] = {}
    for step in steps:
        key = (step.metric, step.cycle)
        clocks[key] = advance(clocks[key], step) if key in clocks else start(step)
    return clocks


def due_at(running_since: datetime, target_s: int, consumed_s: int) -> datetime | None:
    """Return when the target is used up; None where nothing was promised.

    Lies before `running_since` when more than the target was consumed already.
    """
    if target_s == 0:
        return None
    return running_since + timedelta(seconds=target_s - consumed_s)


def consumed_at(clock: Clock, at: datetime) -> int:
    """Return the whole seconds that have counted so far. Never negative."""
    if clock.resumed_at is None:
        return clock.consumed_s
    return clock.consumed_s + max(int((at - clock.resumed_at).total_seconds()), 0)


def is_late(clock: Clock, at: datetime) -> bool:
    """Say whether the promise is broken at `at` and nobody has written it down yet."""
    return (
        clock.state == "running"
        and clock.breached_at is None
        and clock.due_at is not None
        and clock.due_at <= at
    )
