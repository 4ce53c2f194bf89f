"""The arithmetic of the board. Plain values in, figures out; no database, no clock.

Percentiles are nearest-rank: each one is a time that somebody really waited. A promise is
decided when it is kept or when its time is up, whichever comes first; a cycle that is
open and overdue is a broken promise, and one that was cancelled in time is none at all.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import dropwhile
from typing import Literal
from uuid import UUID

from helpdesk.sla.rules import Metric

METRICS: tuple[Metric, ...] = ("first_response", "next_response", "resolution")
AGES = (timedelta(hours=1), timedelta(hours=4), timedelta(hours=24))  # and older

Pause = tuple[datetime, datetime | None]  # None: never resumed


@dataclass(frozen=True, slots=True)
class Answered:
    """One cycle that was fulfilled."""

    ticket_id: UUID
    metric: Metric
    cycle: int
    channel: str
    target_s: int  # 0 where nothing was promised
    started_at: datetime
    ended_at: datetime
    kept: bool  # false where it was fulfilled after its time was up
    staff_id: UUID | None = None
    pauses: tuple[Pause, ...] = ()


@dataclass(frozen=True, slots=True)
class Broken:
    """One promise whose time ran out."""

    ticket_id: UUID
    metric: Metric
    channel: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Spread:
    """How long things took, in seconds. All None where n is 0."""

    n: int = 0
    p50: int | None = None
    p90: int | None = None
    p95: int | None = None


@dataclass(frozen=True, slots=True)
class Attainment:
    """Promises that were decided."""

    met: int = 0
    breached: int = 0

    @property
    def due(self) -> int:
        return self.met + self.breached

    @property
    def per_mille(self) -> int | None:
        """Kept promises in thousandths, rounded down: 99.96 % is not 100 %."""
        return self.met * 1000 // self.due if self.due else None


@dataclass(frozen=True, slots=True)
class Figures:
    """What the board says about one stretch of time."""

    spreads: dict[Metric, Spread]
    attainment: Attainment
    attainment_by_channel: dict[str, Attainment]
    next_response_by_channel: dict[str, Spread]


@dataclass(frozen=True, slots=True)
class Window:
    """One stretch of the chart."""

    at: datetime
    spread: Spread


def waited_s(cycle: Answered) -> int:
    """Return the whole seconds that counted: from start to end without the pauses."""
    counted = cycle.ended_at - cycle.started_at
    for begin, end in cycle.pauses:
        counted -= (end or cycle.ended_at) - begin
    return max(int(counted.total_seconds()), 0)


def percentile(ordered: Sequence[int], percent: int) -> int:
    """Return the nearest-rank percentile of ascending values. There is at least one."""
    rank = -(-len(ordered) * percent // 100)
    return ordered[max(rank, 1) - 1]


def spread(values: Iterable[int]) -> Spread:
    ordered = sorted(values)
    if not ordered:
        return Spread()
    return Spread(
        len(ordered), percentile(ordered, 50), percentile(ordered, 90), percentile(ordered, 95)
    )


def figures(answered: Sequence[Answered], broken: Sequence[Broken]) -> Figures:
    """Put the board's figures together from what was answered and what ran out in a stretch."""
    kept = [cycle for cycle in answered if cycle.target_s and cycle.kept]
    channels = sorted({c.channel for c in kept} | {b.channel for b in broken})
    answers = [cycle for cycle in answered if cycle.metric == "next_response"]
    return Figures(
        spreads={
            metric: spread(waited_s(c) for c in answered if c.metric == metric)
            for metric in METRICS
        },
        attainment=Attainment(len(kept), len(broken)),
        attainment_by_channel={
            channel: Attainment(
                sum(c.channel == channel for c in kept),
                sum(b.channel == channel for b in broken),
            )
            for channel in channels
        },
        next_response_by_channel={
            channel: spread(waited_s(c) for c in answers if c.channel == channel)
            for channel in sorted({c.channel for c in answers})
        },
    )


def windows(
    answered: Iterable[Answered], *, since: datetime, until: datetime, step: timedelta
) -> list[Window]:
    """Return one spread for each `step` of [since, until), empty ones included."""
    boxes: list[list[int]] = [[] for _ in range(-((since - until) // step))]
    for cycle in answered:
        place = (cycle.ended_at - since) // step
        if 0 <= place < len(boxes):
            boxes[place].append(waited_s(cycle))
    return [Window(since + step * n, spread(box)) for n, box in enumerate(boxes)]


def typical_target(answered: Iterable[Answered]) -> tuple[int, bool] | None:
    """Return the median promise in seconds and whether all promises were the same."""
    targets = sorted(cycle.target_s for cycle in answered if cycle.target_s)
    if not targets:
        return None
    return percentile(targets, 50), targets[0] == targets[-1]


Trend = Literal["faster", "slower", "same"]


def change(now: int | None, then: int | None) -> tuple[int, Trend] | None:
    """Return by how many per cent a time differs from another one; None: nothing to compare."""
    if now is None or not then:
        return None
    per_cent = round((now - then) * 100 / then)
    trend: Trend = "same" if per_cent == 0 else "slower" if per_cent > 0 else "faster"
    return abs(per_cent), trend


def spark(
    values: Sequence[int | None], *, width: int, height: int, target: int | None = None
) -> tuple[str, str] | None:
    """Return the SVG paths of a small line and of its target; None with fewer than two points.

    The line begins with the first value there is.
    """
    values = list(dropwhile(lambda value: value is None, values))
    points = [(n, value) for n, value in enumerate(values) if value is not None]
    if len(points) < 2:
        return None
    levels = [value for _, value in points] + ([target] if target is not None else [])
    low, high = min(levels), max(levels)
    room = (high - low) or 1

    def y(value: int) -> str:
        return f"{height - (value - low) * height / room:.1f}"

    step = width / (len(values) - 1)
    line = " L".join(f"{n * step:.1f} {y(value)}" for n, value in points)
    dashes = f"M0 {y(target)} L{width} {y(target)}" if target is not None else ""
    return f"M{line}", dashes
