"""Selects of tickets and messages, and the one rule of who may see them."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select, true
from sqlalchemy.orm import Session

from helpdesk.answers import answer_ahead, answered
from helpdesk.db import UnitOfWork
from helpdesk.errors import NotFound
from helpdesk.inbox.model import Attachment
from helpdesk.staff.agent import Agent
from helpdesk.tickets.model import Draft, Message, ReadMark, Ticket, TicketTag

_LOCKED: Final = "ticket_locked"


def visible_to(agent: Agent) -> ColumnElement[bool]:
    """Return the condition that every select of tickets for a person carries.

    Supervisors and admins see all; an agent sees what belongs to no team, to her own
    team, or to herself.
    """
    if agent.may("ticket.read_all"):
        return true()
    hers = [Ticket.team_id.is_(None), Ticket.assignee_id == agent.id]
    if agent.team_id is not None:
        hers.append(Ticket.team_id == agent.team_id)
    return or_(*hers)


def ticket_visible_to(session: Session, agent: Agent, ticket_id: UUID) -> Ticket:
    """Return one ticket. Raises `NotFound`, also where it exists for others."""
    found = session.scalar(select(Ticket).where(Ticket.id == ticket_id, visible_to(agent)))
    if found is None:
        raise NotFound("ticket")
    return found


def numbered_ticket_visible_to(session: Session, agent: Agent, number: int) -> Ticket:
    """Return the ticket people know by this number. Raises `NotFound`."""
    found = session.scalar(select(Ticket).where(Ticket.number == number, visible_to(agent)))
    if found is None:
        raise NotFound("ticket")
    return found


def lock_ticket(tx: UnitOfWork, ticket_id: UUID) -> Ticket:
    """Return one ticket that nobody else can change until this transaction ends.

    Raises `NotFound`.
    """
    # key_share: rows that only point at the ticket, such as drafts, need not wait.
    found = answered(
        tx.session,
        _LOCKED,
        ticket_id,
        lambda: tx.session.get(
            Ticket, ticket_id, with_for_update={"key_share": True}, populate_existing=True
        ),
    )
    if found is None:
        raise NotFound("ticket")
    return found


def lock_ahead(tx: UnitOfWork, ticket_ids: Iterable[UUID]) -> None:
    """Lock many tickets at once, in an order in which no two who want the same get stuck."""
    rows = tx.session.scalars(
        select(Ticket)
        .where(Ticket.id.in_(set(ticket_ids)))
        .order_by(Ticket.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    answer_ahead(tx.session, _LOCKED, {row.id: row for row in rows})


def note_locked(tx: UnitOfWork, ticket: Ticket) -> None:
    """Remember that a ticket is locked: nobody else sees one that was made just now."""
    answer_ahead(tx.session, _LOCKED, {ticket.id: ticket})


def ticket_of(session: Session, ticket_id: UUID) -> Ticket | None:
    """Return a ticket to look at, locked or not."""
    return answered(session, _LOCKED, ticket_id, lambda: session.get(Ticket, ticket_id))


def lock_ticket_visible_to(tx: UnitOfWork, agent: Agent, ticket_id: UUID) -> Ticket:
    """Lock a ticket for somebody's act. Raises `NotFound`, also where it exists for others."""
    ticket = lock_ticket(tx, ticket_id)
    ticket_visible_to(tx.session, agent, ticket_id)
    return ticket


def message_by_client_id(session: Session, author_id: UUID, client_msg_id: str) -> Message | None:
    """Return what this author has already posted under this id."""
    return session.scalar(
        select(Message).where(
            Message.author_id == author_id, Message.client_msg_id == client_msg_id
        )
    )


def colleague_answered_after(session: Session, ticket_id: UUID, seq: int, agent_id: UUID) -> bool:
    """Say whether another member of staff has answered in public since `seq`."""
    found = session.scalar(
        select(Message.id)
        .where(
            Message.ticket_id == ticket_id,
            Message.seq > seq,
            Message.visibility == "public",
            Message.author_kind == "staff",
            Message.author_id != agent_id,
        )
        .limit(1)
    )
    return found is not None


def tags_of(session: Session, ticket_id: UUID) -> list[str]:
    return list(
        session.scalars(
            select(TicketTag.tag).where(TicketTag.ticket_id == ticket_id).order_by(TicketTag.tag)
        )
    )


def drafts_of(session: Session, staff_id: UUID, ticket_id: UUID) -> dict[str, Draft]:
    """Return what somebody has begun to write on a ticket, by kind: reply, note."""
    rows = session.scalars(
        select(Draft).where(Draft.staff_id == staff_id, Draft.ticket_id == ticket_id)
    )
    return {row.kind: row for row in rows}


def read_up_to(session: Session, staff_id: UUID, ticket_id: UUID) -> int:
    """Return the seq up to which somebody has read a ticket, 0 for never opened."""
    mark = session.get(ReadMark, (staff_id, ticket_id))
    return mark.seq if mark else 0


def attachment_visible_to(session: Session, agent: Agent, attachment_id: UUID) -> Attachment:
    """Return one file of a message. Raises `NotFound`."""
    found = session.scalar(
        select(Attachment)
        .join(Message, Message.id == Attachment.message_id)
        .join(Ticket, Ticket.id == Message.ticket_id)
        .where(Attachment.id == attachment_id, visible_to(agent))
    )
    if found is None:
        raise NotFound("attachment")
    return found


def message_visible_to(session: Session, agent: Agent, message_id: UUID) -> Message:
    """Return one message. Raises `NotFound`."""
    found = session.scalar(
        select(Message)
        .join(Ticket, Ticket.id == Message.ticket_id)
        .where(Message.id == message_id, visible_to(agent))
    )
    if found is None:
        raise NotFound("message")
    return found


def snoozed_and_due(session: Session, at: datetime, *, limit: int) -> list[UUID]:
    """Return snoozed tickets whose time has come, or whose owed answer falls due first."""
    return list(
        session.scalars(
            select(Ticket.id)
            .where(
                Ticket.category == "waiting",
                Ticket.snoozed_until.is_not(None),
                or_(Ticket.snoozed_until <= at, Ticket.next_due_at <= at),
            )
            .order_by(Ticket.snoozed_until)
            .limit(limit)
        )
    )
