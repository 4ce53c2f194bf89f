"""Selects behind the board. Steps of clocks for times and promises, tickets for what is open."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, func, select
from sqlalchemy.orm import Session, aliased

from helpdesk.reports.rules import AGES, METRICS, Answered, Broken, Pause
from helpdesk.sla.model import BacklogSnapshot, MetricEvent, SlaClock
from helpdesk.staff.agent import Agent
from helpdesk.staff.model import Staff, Team
from helpdesk.tickets.model import Ticket
from helpdesk.tickets.queries import visible_to


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose figures: everything the reader may see, or one channel or team of it."""

    agent: Agent
    channel: str = ""
    team_id: UUID | None = None

    def narrow(self, found: Any, rows: Any) -> Any:
        """Limit a select over `rows`, which have a channel and a ticket_id."""
        if self.channel:
            found = found.where(rows.channel == self.channel)
        if self.team_id is not None or not self.agent.may("ticket.read_all"):
            found = found.join(Ticket, Ticket.id == rows.ticket_id).where(visible_to(self.agent))
        if self.team_id is not None:
            found = found.where(Ticket.team_id == self.team_id)
        return found

    def tickets(self) -> list[ColumnElement[bool]]:
        """Return the conditions on tickets that are open for us."""
        conditions = [visible_to(self.agent), Ticket.category == "open", Ticket.spam.is_(False)]
        if self.channel:
            conditions.append(Ticket.last_channel == self.channel)
        if self.team_id is not None:
            conditions.append(Ticket.team_id == self.team_id)
        return conditions


def answered_between(
    session: Session, scope: Scope, since: datetime, until: datetime
) -> list[Answered]:
    """Return the cycles fulfilled in [since, until), oldest first."""
    end, begin, late = aliased(MetricEvent), aliased(MetricEvent), aliased(MetricEvent)
    found = (
        select(end, begin.at, late.at)
        .join(begin, and_(*_same_cycle(begin, end), begin.position == 1))
        .outerjoin(late, and_(*_same_cycle(late, end), late.kind == "breach"))
        .where(end.metric.in_(METRICS), end.kind == "fulfil", end.at >= since, end.at < until)
        .order_by(end.at, end.id)
    )
    pauses = _pauses(session, since, until)
    return [
        Answered(
            ticket_id=row.ticket_id,
            metric=row.metric,
            cycle=row.cycle,
            channel=row.channel,
            target_s=row.target_s,
            started_at=started_at,
            ended_at=row.at,
            kept=broken_at is None,
            staff_id=row.staff_id,
            pauses=tuple(pauses.get((row.ticket_id, row.metric, row.cycle), ())),
        )
        for row, started_at, broken_at in session.execute(scope.narrow(found, end))
    ]


def _same_cycle(one: Any, other: Any) -> tuple[ColumnElement[bool], ...]:
    return (
        one.ticket_id == other.ticket_id,
        one.metric == other.metric,
        one.cycle == other.cycle,
    )


def _pauses(
    session: Session, since: datetime, until: datetime
) -> dict[tuple[UUID, str, int], list[Pause]]:
    """Return the pauses of every cycle fulfilled in the stretch. Most have none."""
    end, step = aliased(MetricEvent), aliased(MetricEvent)
    rows = session.execute(
        select(step.ticket_id, step.metric, step.cycle, step.kind, step.at)
        .join(end, and_(*_same_cycle(step, end)))
        .where(end.metric.in_(METRICS), end.kind == "fulfil", end.at >= since, end.at < until)
        .where(step.kind.in_(("pause", "resume")))
        .order_by(step.ticket_id, step.metric, step.cycle, step.position)
    )
    pauses: dict[tuple[UUID, str, int], list[Pause]] = defaultdict(list)
    for ticket_id, metric, cycle, kind, at in rows:
        known = pauses[ticket_id, metric, cycle]
        if kind == "pause":
            known.append((at, None))
        else:
            known[-1] = (known[-1][0], at)
    return pauses


def broken_between(
    session: Session, scope: Scope, since: datetime, until: datetime
) -> list[Broken]:
    """Return the promises whose time ran out in [since, until), also the unwritten ones."""
    written = select(
        MetricEvent.ticket_id, MetricEvent.metric, MetricEvent.channel, MetricEvent.at
    ).where(
        MetricEvent.metric.in_(METRICS),
        MetricEvent.kind == "breach",
        MetricEvent.at >= since,
        MetricEvent.at < until,
    )
    # The sweep writes a breach some seconds late; the board does not wait for it.
    unwritten = select(
        SlaClock.ticket_id, SlaClock.metric, SlaClock.channel, SlaClock.due_at
    ).where(
        SlaClock.state == "running",
        SlaClock.breached_at.is_(None),
        SlaClock.due_at >= since,
        SlaClock.due_at < until,
    )
    return [
        Broken(*row)
        for found, rows in ((written, MetricEvent), (unwritten, SlaClock))
        for row in session.execute(scope.narrow(found, rows))
    ]


@dataclass(frozen=True, slots=True)
class Backlog:
    """Open tickets of one channel: how old, how many nobody has, how many are late."""

    channel: str
    open: int
    ages: tuple[int, ...]  # one for each of AGES, then older
    unassigned: int
    past_due: int


def backlog(session: Session, scope: Scope, now: datetime) -> list[Backlog]:
    """Return the open tickets by the channel they were last written on, most first."""

    def count(condition: ColumnElement[bool]) -> ColumnElement[int]:
        return func.sum(case((condition, 1), else_=0))

    limits = [now - age for age in AGES]
    younger = [count(Ticket.created_at > limit) for limit in limits]
    rows = session.execute(
        select(
            Ticket.last_channel,
            func.count(),
            count(Ticket.assignee_id.is_(None)),
            count(Ticket.next_due_at <= now),
            *younger,
        )
        .where(*scope.tickets())
        .group_by(Ticket.last_channel)
    )
    found = []
    for channel, total, unassigned, late, *upto in rows:
        steps = [0, *(int(n) for n in upto), total]
        ages = tuple(after - before for before, after in pairwise(steps))
        found.append(Backlog(channel, total, ages, int(unassigned), int(late)))
    return sorted(found, key=lambda one: (-one.open, one.channel))


def backlog_before(
    session: Session, since: datetime, until: datetime, channel: str
) -> list[tuple[datetime, int]]:
    """Return how many tickets were open at each full hour of [since, until)."""
    found = (
        select(BacklogSnapshot.at, func.sum(BacklogSnapshot.open))
        .where(BacklogSnapshot.at >= since, BacklogSnapshot.at < until)
        .group_by(BacklogSnapshot.at)
        .order_by(BacklogSnapshot.at)
    )
    if channel:
        found = found.where(BacklogSnapshot.channel == channel)
    return [(at, int(count)) for at, count in session.execute(found)]


def due_before(
    session: Session, scope: Scope, limit_at: datetime, *, limit: int
) -> list[tuple[Ticket, Staff | None]]:
    """Return open tickets that fall due before an instant, the latest first, with their owners."""
    rows = session.execute(
        select(Ticket, Staff)
        .outerjoin(Staff, Staff.id == Ticket.assignee_id)
        .where(*scope.tickets(), Ticket.next_due_at < limit_at)
        .order_by(Ticket.next_due_at, Ticket.id)
        .limit(limit)
    )
    return [(ticket, owner) for ticket, owner in rows]


def count_due(session: Session, scope: Scope, after: datetime, before: datetime) -> int:
    """Return how many open tickets fall due in (after, before)."""
    found = session.scalar(
        select(func.count())
        .select_from(Ticket)
        .where(*scope.tickets(), Ticket.next_due_at > after, Ticket.next_due_at < before)
    )
    return found or 0


def people(session: Session) -> list[Staff]:
    """Return who works here."""
    return list(
        session.scalars(select(Staff).where(Staff.disabled_at.is_(None)).order_by(Staff.name))
    )


def teams(session: Session) -> list[Team]:
    return list(session.scalars(select(Team).order_by(Team.name)))


def open_by_owner(session: Session, scope: Scope) -> dict[UUID, dict[str, int]]:
    """Return how many open tickets each person has, by channel."""
    rows = session.execute(
        select(Ticket.assignee_id, Ticket.last_channel, func.count())
        .where(*scope.tickets(), Ticket.assignee_id.is_not(None))
        .group_by(Ticket.assignee_id, Ticket.last_channel)
    )
    owned: dict[UUID, dict[str, int]] = defaultdict(dict)
    for owner, channel, count in rows:
        if owner is not None:
            owned[owner][channel] = count
    return owned
