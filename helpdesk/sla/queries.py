"""Selects over targets, clocks and metric events."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from helpdesk.answers import answer_ahead, answered
from helpdesk.sla.model import MetricEvent, SlaClock, SlaTarget
from helpdesk.sla.rules import Clock, Metric, Step

_OPEN: Final = ("running", "paused")
_OPEN_CLOCKS = select(SlaClock).where(
    SlaClock.ticket_id.in_(bindparam("tickets", expanding=True)), SlaClock.state.in_(_OPEN)
)
OPEN_CLOCKS: Final = "open_clocks"
_PROMISED: Final = "sla_targets"
_TARGETS = select(SlaTarget.metric, SlaTarget.target_s).where(
    SlaTarget.channel == bindparam("channel")
)


def open_clocks(session: Session, ticket_id: UUID) -> dict[Metric, SlaClock]:
    """Return the running and paused clocks of one ticket: at most one for each metric."""
    rows = answered(
        session,
        OPEN_CLOCKS,
        ticket_id,
        lambda: session.scalars(_OPEN_CLOCKS, {"tickets": [ticket_id]}).all(),
    )
    # An answer given ahead may hold what has ended since.
    return {row.metric: row for row in rows if row.state in _OPEN}  # type: ignore[misc]  # a CHECK keeps the words


def ask_ahead_for_clocks(
    session: Session, ticket_ids: Collection[UUID], *, channels: Iterable[str]
) -> None:
    """Find the open clocks of many locked tickets at once, and what the channels promise."""
    open_clocks: dict[UUID, list[SlaClock]] = {one: [] for one in ticket_ids}
    if open_clocks:
        for row in session.scalars(_OPEN_CLOCKS, {"tickets": list(open_clocks)}):
            open_clocks[row.ticket_id].append(row)
    answer_ahead(session, OPEN_CLOCKS, open_clocks)
    answer_ahead(session, _PROMISED, {one: targets_of(session, one) for one in channels})


def cycles_so_far(session: Session, ticket_id: UUID, metric: Metric) -> int:
    """Return the number of the latest cycle, 0 where there was none."""
    found = session.scalar(
        select(func.max(SlaClock.cycle)).where(
            SlaClock.ticket_id == ticket_id, SlaClock.metric == metric
        )
    )
    return found or 0


def has_been_answered(session: Session, ticket_id: UUID) -> bool:
    """Say whether a person has ever answered this customer on this ticket."""
    found = session.scalar(
        select(SlaClock.id)
        .where(
            SlaClock.ticket_id == ticket_id,
            SlaClock.metric == "first_response",
            SlaClock.state == "fulfilled",
        )
        .limit(1)
    )
    return found is not None


def targets_of(session: Session, channel: str) -> dict[str, int]:
    """Return the promised seconds by metric; what is not promised is not there."""
    return answered(session, _PROMISED, channel, lambda: _targets_of(session, channel))


def _targets_of(session: Session, channel: str) -> dict[str, int]:
    # Past the session: nothing that waits to be written has to do with it.
    found = session.connection().execute(_TARGETS, {"channel": channel})
    return {metric: target_s for metric, target_s in found}  # noqa: C416  (rows are not pairs to mypy)


def late_tickets(session: Session, at: datetime, *, limit: int) -> list[UUID]:
    """Return tickets with a running clock past its due date that nobody has written down."""
    rows = session.scalars(
        select(SlaClock.ticket_id)
        .where(
            SlaClock.state == "running",
            SlaClock.due_at <= at,
            SlaClock.breached_at.is_(None),
        )
        .order_by(SlaClock.due_at)
        .limit(limit)
    )
    return list(dict.fromkeys(rows))


def steps_of(session: Session, ticket_id: UUID) -> list[Step]:
    """Return the raw steps of one ticket, in an order that `rules.replay` accepts."""
    rows = session.scalars(
        select(MetricEvent)
        .where(MetricEvent.ticket_id == ticket_id)
        .order_by(MetricEvent.metric, MetricEvent.cycle, MetricEvent.position)
    )
    return [
        Step(
            row.metric,  # type: ignore[arg-type]  # CHECKs keep the words
            row.cycle,
            row.position,
            row.kind,  # type: ignore[arg-type]
            row.at,
            row.channel,
            row.target_s,
            row.staff_id,
        )
        for row in rows
    ]


def clocks_of(session: Session, ticket_id: UUID) -> list[Clock]:
    """Return every clock of one ticket, oldest cycle first."""
    rows = session.scalars(
        select(SlaClock)
        .where(SlaClock.ticket_id == ticket_id)
        .order_by(SlaClock.metric, SlaClock.cycle)
    )
    return [as_clock(row) for row in rows]


def as_clock(row: SlaClock) -> Clock:
    return Clock(
        metric=row.metric,  # type: ignore[arg-type]  # CHECKs keep the words
        cycle=row.cycle,
        channel=row.channel,
        target_s=row.target_s,
        started_at=row.started_at,
        due_at=row.due_at,
        consumed_s=row.consumed_s,
        resumed_at=row.resumed_at,
        breached_at=row.breached_at,
        ended_at=row.ended_at,
        state=row.state,  # type: ignore[arg-type]
        position=row.position,
    )
