"""The same figures once more, the slow way: from every raw step, sharing no code with the rest.

Tests hold the board against this. It reads the whole record, replays each cycle by hand
and finds percentiles by counting, so that a mistake in a select or in `rules` shows.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from helpdesk.reports.rules import Attainment, Figures, Spread

NOTHING = timedelta(0)


class RawStep(Protocol):
    """What a row of `metric_event` has."""

    ticket_id: UUID
    metric: str
    cycle: int
    position: int
    kind: str
    at: datetime
    channel: str
    target_s: int


def recount(steps: Iterable[RawStep], *, since: datetime, until: datetime) -> Figures:
    """Return the figures of [since, until) as they stand at `until`."""
    cycles: dict[tuple[UUID, str, int], list[RawStep]] = defaultdict(list)
    for step in steps:
        if step.at < until:
            cycles[step.ticket_id, step.metric, step.cycle].append(step)
    times: dict[tuple[str, str], list[int]] = defaultdict(list)
    verdicts: dict[str, list[bool]] = defaultdict(list)
    for story in cycles.values():
        story.sort(key=lambda step: step.position)
        first, last = story[0], story[-1]
        if last.kind == "fulfil" and last.at >= since:
            times[first.metric, first.channel].append(_seconds(_counted(story, last.at)))
        verdict = _verdict(story, until)
        if verdict is not None and since <= verdict[0] < until:
            verdicts[first.channel].append(verdict[1])
    return Figures(
        spreads={
            metric: _spread([t for (m, _), ts in times.items() if m == metric for t in ts])
            for metric in ("first_response", "next_response", "resolution")
        },
        attainment=_attainment([v for vs in verdicts.values() for v in vs]),
        attainment_by_channel={channel: _attainment(v) for channel, v in sorted(verdicts.items())},
        next_response_by_channel={
            channel: _spread(ts)
            for (metric, channel), ts in sorted(times.items())
            if metric == "next_response"
        },
    )


def _counted(story: Sequence[RawStep], until: datetime) -> timedelta:
    """Add up the stretches in which the clock ran."""
    total, running_since = NOTHING, None
    for step in story:
        if step.kind in ("activate", "resume"):
            running_since = step.at
        elif step.kind in ("pause", "fulfil", "cancel") and running_since is not None:
            total += step.at - running_since
            running_since = None
    return total + (until - running_since if running_since is not None else NOTHING)


def _verdict(story: Sequence[RawStep], until: datetime) -> tuple[datetime, bool] | None:
    """Say when a promise was decided, and whether it was kept; None: not decided, or none made."""
    if not story[0].target_s:
        return None
    for step in story:
        if step.kind == "breach":
            return step.at, False
    if story[-1].kind == "fulfil":
        return story[-1].at, True
    if story[-1].kind in ("cancel", "pause"):
        return None
    over = _counted(story, until) - timedelta(seconds=story[0].target_s)
    return (until - over, False) if over > NOTHING else None


def _seconds(length: timedelta) -> int:
    return length // timedelta(seconds=1)


def _spread(values: Sequence[int]) -> Spread:
    if not values:
        return Spread()
    return Spread(len(values), *(_at_least(values, share) for share in (50, 90, 95)))


def _at_least(values: Sequence[int], per_cent: int) -> int:
    """Return the smallest value that at least so many per cent of all values do not exceed."""
    return min(
        value
        for value in values
        if 100 * sum(other <= value for other in values) >= per_cent * len(values)
    )


def _attainment(verdicts: Sequence[bool]) -> Attainment:
    return Attainment(verdicts.count(True), verdicts.count(False))
