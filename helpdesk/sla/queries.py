"""Selects over targets, clocks and metric events."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from helpdesk.sla.model import MetricEvent, SlaClock, SlaTarget
from helpdesk.sla.rules import Clock, Metric, Step

_TARGETS = select(SlaTarget.metric, SlaTarget.target_s).where(
    SlaTarget.channel == bindparam("channel")
)


def open_clocks(session: Session, ticket_id: UUID) -> dict[Metric, SlaClock]:
    """Return the running and paused clocks of one ticket: at most one for each metric."""
    rows = session.scalars(
        select(SlaClock).where(
            SlaClock.ticket_id == ticket_id, SlaClock.state.in_(("running", "paused"))
        )
    )
    return {row.metric: row for row in rows}  # type: ignore[misc]  # a CHECK keeps the words


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
