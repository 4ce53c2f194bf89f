"""The delivery log: what left, what waits, and what a person must look at."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select, true
from sqlalchemy.orm import Session

from helpdesk.errors import InvalidInput
from helpdesk.outbox.model import Outbound, OutboundAttempt
from helpdesk.outbox.states import ON_ITS_WAY
from helpdesk.staff.agent import Agent
from helpdesk.tickets.model import Ticket
from helpdesk.tickets.queries import visible_to
from helpdesk.web.input import refuse_unknown

PAGE: Final = 50
MOST_COUNTED: Final = 100
MOST_ATTEMPTS: Final = 20  # shown, the newest
TOO_OLD: Final = timedelta(minutes=15)  # in the queue

# What may be looked at, each with its condition. A message is dead when a day of tries
# ended without success; failed, when the other side said no for good.
KINDS: Final[dict[str, ColumnElement[bool]]] = {
    "attention": Outbound.state.in_(("uncertain", "failed")),
    "waiting": Outbound.state.in_(ON_ITS_WAY),
    "uncertain": Outbound.state == "uncertain",
    "failed": and_(Outbound.state == "failed", Outbound.dead_at.is_(None)),
    "dead": and_(Outbound.state == "failed", Outbound.dead_at.is_not(None)),
    "sent": Outbound.state.in_(("sent", "delivered", "read")),
    "cancelled": Outbound.state == "cancelled",
    "all": true(),
}


@dataclass(frozen=True, slots=True)
class AttemptRow:
    position: int
    at: datetime
    outcome: str
    why: str


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """One message to one recipient."""

    id: str
    number: int  # of the conversation
    subject: str
    channel: str
    recipient: str  # "" where it says nothing to a person
    cc: bool  # gets a copy
    state: str  # as stored, and "dead"
    at: datetime  # written
    sent_at: datetime | None
    next_try_at: datetime | None  # waiting
    attempts: int
    error: str
    tries: tuple[AttemptRow, ...]

    @property
    def for_a_person(self) -> bool:
        return self.state in ("uncertain", "failed", "dead")


@dataclass(frozen=True, slots=True)
class Alarms:
    """What is wrong now. Counts end at `MOST_COUNTED`."""

    oldest_s: int  # age of the oldest message that has not left
    waiting: int
    uncertain: int
    failed: int
    dead: int

    @property
    def too_old(self) -> bool:
        return self.oldest_s > TOO_OLD.total_seconds()


@dataclass(frozen=True, slots=True)
class LogScreen:
    rows: tuple[DeliveryRow, ...]
    alarms: Alarms
    kind: str
    kinds: tuple[str, ...] = tuple(KINDS)
    more: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class LogAsk:
    kind: str = "attention"
    after: UUID | None = None

    @classmethod
    def parse(cls, query: Mapping[str, str]) -> "LogAsk":
        """Read `kind` and `after`. Raises `InvalidInput`."""
        refuse_unknown(query, "kind", "after")
        kind = query.get("kind") or "attention"
        if kind not in KINDS:
            raise InvalidInput("kind", "This is not one of the choices.")
        try:
            return cls(kind, UUID(query["after"]) if query.get("after") else None)
        except ValueError:
            raise InvalidInput("after", "This is not an id.") from None


def log_screen(session: Session, agent: Agent, ask: LogAsk, *, at: datetime) -> LogScreen:
    """Return a page of the log, newest first, of conversations that this person may see."""
    wanted = (
        select(Outbound, Ticket)
        .join(Ticket, Ticket.id == Outbound.ticket_id)
        .where(visible_to(agent), KINDS[ask.kind])
        .order_by(Outbound.id.desc())  # ids are in the order of time
        .limit(PAGE + 1)
    )
    if ask.after is not None:
        wanted = wanted.where(Outbound.id < ask.after)
    found = session.execute(wanted).all()
    tries = _tries(session, [row.id for row, _ in found])
    return LogScreen(
        rows=tuple(_row(row, ticket, tries.get(row.id, ())) for row, ticket in found[:PAGE]),
        alarms=alarms(session, at),
        kind=ask.kind,
        more=str(found[PAGE - 1][0].id) if len(found) > PAGE else "",
    )


def alarms(session: Session, at: datetime) -> Alarms:
    """Return how the outbox is, of all conversations."""
    oldest = session.scalar(
        select(func.min(Outbound.created_at)).where(
            Outbound.state.in_(ON_ITS_WAY), or_(Outbound.attempts > 0, Outbound.not_before <= at)
        )
    )
    return Alarms(
        oldest_s=max(int((at - oldest).total_seconds()), 0) if oldest else 0,
        **{kind: _count(session, kind) for kind in ("waiting", "uncertain", "failed", "dead")},
    )


def _count(session: Session, kind: str) -> int:
    some = select(Outbound.id).where(KINDS[kind]).limit(MOST_COUNTED).subquery()
    return session.scalar(select(func.count()).select_from(some)) or 0


def _tries(session: Session, ids: Iterable[UUID]) -> dict[UUID, tuple[AttemptRow, ...]]:
    found: dict[UUID, tuple[AttemptRow, ...]] = {}
    rows = session.scalars(
        select(OutboundAttempt)
        .join(Outbound, Outbound.id == OutboundAttempt.outbound_id)
        .where(
            OutboundAttempt.outbound_id.in_(list(ids)),
            OutboundAttempt.position > Outbound.attempts - MOST_ATTEMPTS,
        )
        .order_by(OutboundAttempt.outbound_id, OutboundAttempt.position.desc())
    )
    for one in rows:
        line = AttemptRow(one.position, one.at, one.outcome, one.why)
        found[one.outbound_id] = (*found.get(one.outbound_id, ()), line)
    return found


def _row(row: Outbound, ticket: Ticket, tries: tuple[AttemptRow, ...]) -> DeliveryRow:
    return DeliveryRow(
        id=str(row.id),
        number=ticket.number,
        subject=ticket.subject,
        channel=row.channel,
        recipient=ticket.customer_name if row.channel == "chat" else row.recipient,
        cc=row.cc,
        state="dead" if row.state == "failed" and row.dead_at else row.state,
        at=row.created_at,
        sent_at=row.sent_at,
        next_try_at=row.not_before if row.state == "queued" else None,
        attempts=row.attempts,
        error=row.last_error,
        tries=tries,
    )
