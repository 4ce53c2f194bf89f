"""The queue: one row of the ticket table for each line, next deadline first.

A page is one bounded select on an index; the figures beside it are one bounded count.
Nothing here grows with the number of tickets.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, case, func, literal, or_, select
from sqlalchemy.orm import Session

from billing_core.domain.money import Money
from helpdesk.errors import InvalidInput
from helpdesk.sla.rules import NEVER
from helpdesk.staff.agent import Agent
from helpdesk.tickets.model import ReadMark, Ticket, TicketTag
from helpdesk.tickets.queries import visible_to
from helpdesk.tickets.screen import QueueGroup, QueueRow, QueueScreen, SlaChip

VIEWS = ("mine", "unassigned", "all", "waiting", "solved")
PAGE = 50
COUNTED = 1000  # no figure beside the queue is counted further
SOON = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Reader:
    """Who looks at the queue, when, and where her day ends."""

    agent: Agent
    now: datetime
    zone: tzinfo

    def day_end(self) -> datetime:
        tomorrow = self.now.astimezone(self.zone).date() + timedelta(days=1)
        return datetime.combine(tomorrow, time(), tzinfo=self.zone).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class QueueAsk:
    view: str
    channel: str = ""
    after: str = ""  # cursor of the page before
    current: int | None = None


def first_view(session: Session, agent: Agent) -> str:
    """Return the view to open with: her own queue, or all where she has none."""
    found = session.scalar(
        select(Ticket.id).where(*_in_view("mine", agent), visible_to(agent)).limit(1)
    )
    return "all" if found is None else "mine"


def queue_screen(session: Session, reader: Reader, ask: QueueAsk) -> QueueScreen:
    """Return one page of a view. Raises `InvalidInput` for a cursor that is not ours."""
    rows = session.execute(_page(reader, ask)).all()
    page = rows[:PAGE]
    tags = _tags(session, [ticket.id for ticket, _ in page])
    figures = _figures(session, reader, ask.view)
    channels: dict[str, int] = {}
    totals: dict[str, int] = {}
    for channel, group, count in figures:
        channels[channel] = channels.get(channel, 0) + count
        if not ask.channel or channel == ask.channel:
            totals[group] = totals.get(group, 0) + count
    return QueueScreen(
        view=ask.view,
        total=sum(totals.values()),
        groups=_grouped(reader, ask.view, page, tags, totals),
        channels=channels,
        channel=ask.channel,
        views=VIEWS,
        late=totals.get("late", 0),
        current=ask.current,
        next_page=_cursor(page[-1][0], ask.view) if len(rows) > PAGE else "",
    )


def _page(reader: Reader, ask: QueueAsk) -> Select[Ticket, int | None]:
    read = and_(ReadMark.ticket_id == Ticket.id, ReadMark.staff_id == reader.agent.id)
    page = (
        select(Ticket, ReadMark.seq)
        .join(ReadMark, read, isouter=True)
        .where(visible_to(reader.agent), *_in_view(ask.view, reader.agent))
        .limit(PAGE + 1)
    )
    if ask.channel:
        page = page.where(Ticket.last_channel == ask.channel)
    if ask.view == "solved":
        page = page.order_by(Ticket.solved_at.desc(), Ticket.id.desc())
    else:
        page = page.order_by(Ticket.next_due_at, Ticket.id)
    if ask.after:
        at, ticket_id = _read_cursor(ask.after)
        page = page.where(
            or_(Ticket.solved_at < at, and_(Ticket.solved_at == at, Ticket.id < ticket_id))
            if ask.view == "solved"
            else or_(Ticket.next_due_at > at, and_(Ticket.next_due_at == at, Ticket.id > ticket_id))
        )
    return page


def _in_view(view: str, agent: Agent) -> tuple[ColumnElement[bool], ...]:
    if view in ("waiting", "solved"):
        return (Ticket.category == view, Ticket.spam.is_(False))
    shown: tuple[ColumnElement[bool], ...] = (Ticket.category == "open", Ticket.spam.is_(False))
    if view == "mine":
        return (*shown, Ticket.assignee_id == agent.id)
    if view == "unassigned":
        return (*shown, Ticket.assignee_id.is_(None))
    return shown


def _figures(session: Session, reader: Reader, view: str) -> Sequence[tuple[str, str, int]]:
    """Return (channel, group, count) over at most `COUNTED` tickets of a view."""
    looked_at = (
        select(Ticket.last_channel.label("channel"), Ticket.next_due_at.label("due"))
        .where(visible_to(reader.agent), *_in_view(view, reader.agent))
        .order_by(Ticket.next_due_at, Ticket.id)
        .limit(COUNTED)
        .subquery()
    )
    if view in ("waiting", "solved"):
        group: ColumnElement[str] = literal(view)
    else:
        group = case(
            (looked_at.c.due <= reader.now, "late"),
            (looked_at.c.due <= reader.now + SOON, "soon"),
            (looked_at.c.due < reader.day_end(), "today"),
            else_="later",
        )
    counted = select(looked_at.c.channel, group.label("span"), func.count()).group_by(
        looked_at.c.channel, "span"
    )
    return [(channel, span, count) for channel, span, count in session.execute(counted)]


def _grouped(
    reader: Reader,
    view: str,
    page: Sequence[tuple[Ticket, int | None]],
    tags: dict[UUID, tuple[str, ...]],
    totals: dict[str, int],
) -> tuple[QueueGroup, ...]:
    """Cut a page, which is in order, where the span of the deadline changes."""
    groups: dict[str, list[QueueRow]] = {}
    for ticket, read in page:
        code = view if view in ("waiting", "solved") else span_of(ticket.next_due_at, reader)
        groups.setdefault(code, []).append(_row(ticket, read or 0, tags.get(ticket.id, ())))
    return tuple(
        QueueGroup(code, max(totals.get(code, 0), len(rows)), tuple(rows))  # type: ignore[arg-type]
        for code, rows in groups.items()
    )


def span_of(due_at: datetime, reader: Reader) -> str:
    """Say in which group of the queue a deadline lies."""
    if due_at <= reader.now:
        return "late"
    if due_at <= reader.now + SOON:
        return "soon"
    return "today" if due_at < reader.day_end() else "later"


def _row(ticket: Ticket, read: int, tags: tuple[str, ...]) -> QueueRow:
    stake = None
    if ticket.money_at_stake_minor and ticket.money_currency:
        stake = Money(ticket.money_at_stake_minor, ticket.money_currency)
    return QueueRow(
        ticket_id=str(ticket.id),
        number=ticket.number,
        channel=ticket.last_channel,  # type: ignore[arg-type]  # a CHECK keeps the words
        name=ticket.customer_name or f"#{ticket.number}",
        snippet=ticket.snippet or ticket.subject,
        sla=next_chip(ticket),
        last_at=ticket.last_message_at,
        last_seq=ticket.last_seq,
        at_stake=stake,
        tags=tags,
        unread=ticket.said_seq > read,
    )


def next_chip(ticket: Ticket) -> SlaChip | None:
    """Return what the row says of time: the next deadline, or what it waits for."""
    if ticket.due_metric and ticket.next_due_at != NEVER:
        return SlaChip("running", due_at=ticket.next_due_at, target_s=ticket.due_target_s)
    if ticket.category == "waiting":
        return SlaChip("hold", reason="snoozed" if ticket.snoozed_until else "customer")
    return None


def _tags(session: Session, ticket_ids: list[UUID]) -> dict[UUID, tuple[str, ...]]:
    found: dict[UUID, tuple[str, ...]] = {}
    rows = session.execute(
        select(TicketTag.ticket_id, TicketTag.tag)
        .where(TicketTag.ticket_id.in_(ticket_ids))
        .order_by(TicketTag.tag)
    )
    for ticket_id, tag in rows:
        found[ticket_id] = (*found.get(ticket_id, ()), tag)
    return found


def _cursor(ticket: Ticket, view: str) -> str:
    at = ticket.solved_at if view == "solved" else ticket.next_due_at
    assert at is not None
    return urlsafe_b64encode(f"{at.isoformat()} {ticket.id}".encode()).decode().rstrip("=")


def _read_cursor(text: str) -> tuple[datetime, UUID]:
    try:
        plain = urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
        at, ticket_id = plain.split(" ")
        moment = datetime.fromisoformat(at)
        if moment.tzinfo is None:
            raise ValueError("naive")
        return moment, UUID(ticket_id)
    except ValueError:
        raise InvalidInput("after", "This page of the queue does not exist.") from None
