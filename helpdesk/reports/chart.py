"""What the response-time chart draws and says. Numbers for the eye, a sentence for the ear."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Any

from helpdesk.reports import rules
from helpdesk.reports.rules import Answered, Window
from helpdesk.sla.rules import Metric

STEP = timedelta(minutes=15)
WORKDAY_BEGINS = 8  # the chart starts here, or with the first answer where that is earlier
MINUTE, HOUR = 60, 3600


@dataclass(frozen=True, slots=True)
class Summary:
    """The facts of one curve, for a sentence. Seconds."""

    metric: Metric
    n: int
    highest: int
    highest_at: datetime
    latest: int
    target: int | None


@dataclass(frozen=True, slots=True)
class Words:
    """How the reader's language says it; the chart itself knows no language."""

    summary: Callable[[Summary], str]
    nothing: Callable[[Metric], str]
    target: Callable[[int, bool], str]  # seconds, whether all promises are the same


def chart(
    answered: Sequence[Answered],
    *,
    since: datetime,
    until: datetime,
    zone: tzinfo,
    words: Words,
) -> dict[str, Any]:
    """Return one curve for each metric, as JSON that static/reports/live.js reads.

    `at` holds epoch seconds of each window's start; `p50`, `p90` and `p95` are in `unit`
    seconds, null where nobody was answered.
    """
    begin = _begin(answered, since, until, zone)
    return {
        "zone": str(zone),
        "metrics": {
            metric: _curve(
                metric,
                [cycle for cycle in answered if cycle.metric == metric],
                (begin, until),
                words,
            )
            for metric in rules.METRICS
        },
    }


def _begin(
    answered: Sequence[Answered], since: datetime, until: datetime, zone: tzinfo
) -> datetime:
    opening = since.astimezone(zone).replace(hour=WORKDAY_BEGINS).astimezone(since.tzinfo)
    first = min((cycle.ended_at for cycle in answered), default=until)
    begin = min(opening, first, until - 4 * STEP)
    return since + max((begin - since) // STEP, 0) * STEP


def _curve(
    metric: Metric, answered: Sequence[Answered], span: tuple[datetime, datetime], words: Words
) -> dict[str, Any]:
    boxes = rules.windows(answered, since=span[0], until=span[1], step=STEP)
    filled = [box for box in boxes if box.spread.n]
    target = rules.typical_target(answered)
    highest = max((box.spread.p95 or 0 for box in filled), default=0)
    unit = HOUR if highest >= 3 * HOUR else MINUTE

    def scaled(seconds: int | None) -> float | None:
        return None if seconds is None else round(seconds / unit, 2)

    return {
        "unit": unit,
        "n": sum(box.spread.n for box in filled),
        "at": [int(box.at.timestamp()) for box in boxes],
        "p50": [scaled(box.spread.p50) for box in boxes],
        "p90": [scaled(box.spread.p90) for box in boxes],
        "p95": [scaled(box.spread.p95) for box in boxes],
        "target": scaled(target[0]) if target else None,
        "targetLabel": words.target(*target) if target else "",
        "summary": _summary(metric, filled, target[0] if target else None, words),
    }


def _summary(metric: Metric, filled: Sequence[Window], target: int | None, words: Words) -> str:
    if not filled:
        return words.nothing(metric)
    top = max(filled, key=lambda box: box.spread.p90 or 0)
    return words.summary(
        Summary(
            metric,
            sum(box.spread.n for box in filled),
            top.spread.p90 or 0,
            top.at,
            filled[-1].spread.p90 or 0,
            target,
        )
    )
