"""Changing a conversation: the helpers every feature goes through.

Each takes the open transaction and a ticket that is locked or was made in it, and leaves
row, timeline, clocks and hints agreeing. What agents do themselves is in desk.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from helpdesk.db import UnitOfWork, insert_of
from helpdesk.events.service import Actor, append_event
from helpdesk.sla import service as sla
from helpdesk.sla.rules import NEVER
from helpdesk.staff.agent import Agent
from helpdesk.tickets.model import Message, ReadMark, Ticket, TicketStatus
from helpdesk.tickets.numbers import next_number
from helpdesk.tickets.queries import note_locked
from helpdesk.widget.line import number_message

SNIPPET_LENGTH = 160


@dataclass(frozen=True, slots=True)
class NewTicket:
    subject: str
    channel: str
    customer_id: UUID | None = None
    customer_name: str = ""
    chat_key: str = ""
    subscription_id: UUID | None = None
    related_id: UUID | None = None  # possibly the same matter
    parent_id: UUID | None = None  # the closed ticket that this one follows
    team_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerMessage:
    channel: str
    author_name: str
    author_handle: str
    body: str
    reply_text: str
    customer_id: UUID | None = None
    html_blob: str | None = None
    language: str = ""
    trust: str = ""
    auto: str = ""  # anything but "" is a machine: it moves no clock and reopens nothing
    facts: Mapping[str, str] = field(default_factory=dict)
    client_msg_id: str | None = None
    media_url: str = ""
    media_seconds: int = 0


def open_ticket(tx: UnitOfWork, new: NewTicket) -> Ticket:
    """Open a ticket with the next number. Its first message is added by the caller."""
    ticket = Ticket(
        id=tx.new_id(),
        number=next_number(tx, "ticket"),
        subject=new.subject,
        status="new",
        category="open",
        priority="normal",
        customer_id=new.customer_id,
        customer_name=new.customer_name,
        subscription_id=new.subscription_id,
        team_id=new.team_id,
        next_due_at=NEVER,
        due_metric="",
        due_target_s=0,
        last_seq=0,
        last_hash="",
        said_seq=0,
        snippet="",
        last_channel=new.channel,
        first_channel=new.channel,
        last_message_at=tx.at,
        chat_key=new.chat_key,
        parent_id=new.parent_id,
        related_id=new.related_id,
        spam=False,
        created_at=tx.at,
    )
    tx.add(ticket)
    note_locked(tx, ticket)
    append_event(
        tx,
        ticket,
        "ticket.opened",
        actor=Actor.customer(new.customer_id),
        data={"channel": new.channel},
    )
    return ticket


def add_customer_message(tx: UnitOfWork, ticket: Ticket, said: CustomerMessage) -> Message:
    """Add what the customer, or a machine in her name, said.

    A person's message opens a waiting or solved ticket again and starts the clocks.
    """
    message = _add(
        tx,
        ticket,
        Message(
            channel=said.channel,
            direction="in",
            visibility="public",
            author_kind="customer",
            author_id=said.customer_id,
            author_name=said.author_name,
            author_handle=said.author_handle,
            body=said.body,
            reply_text=said.reply_text,
            html_blob=said.html_blob,
            language=said.language,
            trust=said.trust,
            auto=said.auto,
            facts=dict(said.facts),
            client_msg_id=said.client_msg_id,
            media_url=said.media_url,
            media_seconds=said.media_seconds,
        ),
        actor=Actor.customer(said.customer_id),
        kind="message.received",
    )
    if not said.auto:
        if ticket.category in ("waiting", "solved"):
            set_status(tx, ticket, "open", actor=Actor.customer(said.customer_id))
        sla.customer_wrote(tx, ticket, said.channel)
    return message


def add_staff_message(
    tx: UnitOfWork,
    ticket: Ticket,
    agent: Agent,
    *,
    channel: str,
    body: str,
    visibility: str,
    client_msg_id: str | None,
) -> Message:
    """Add what a member of staff wrote. A public one answers the customer; a note moves no clock.

    It leaves nowhere by itself: the caller queues it with `outbox.service.queue_message`.
    """
    public = visibility == "public"
    message = _add(
        tx,
        ticket,
        Message(
            channel=channel,
            direction="out",
            visibility=visibility,
            author_kind="staff",
            author_id=agent.id,
            author_name=agent.name,
            body=body,
            reply_text=body,
            client_msg_id=client_msg_id,
        ),
        actor=Actor.staff(agent.id),
        kind="message.sent" if public else "note.added",
    )
    if public:
        if ticket.status == "new":
            set_status(tx, ticket, "open", actor=Actor.staff(agent.id))
        sla.staff_answered(tx, ticket, agent.id)
    mark_read(tx, ticket.id, agent.id, message.seq)
    return message


def add_system_message(tx: UnitOfWork, ticket: Ticket, *, channel: str, body: str) -> Message:
    """Add an answer that the product wrote, such as the news that a refund went out.

    It moves no clock, and like a reply it leaves only once the caller has queued it.
    """
    return _add(
        tx,
        ticket,
        Message(
            channel=channel,
            direction="out",
            visibility="public",
            author_kind="system",
            author_name="",
            body=body,
            reply_text=body,
        ),
        actor=Actor.system(),
        kind="message.sent",
    )


def add_system_note(tx: UnitOfWork, ticket: Ticket, *, channel: str, body: str) -> Message:
    """Add something that only the team sees and that the product wrote. It moves no clock."""
    return _add(
        tx,
        ticket,
        Message(
            channel=channel,
            direction="out",
            visibility="note",
            author_kind="system",
            author_name="",
            body=body,
            reply_text=body,
        ),
        actor=Actor.system(),
        kind="note.added",
    )


def link_ticket_to_customer(
    tx: UnitOfWork,
    ticket: Ticket,
    customer_id: UUID,
    subscription_id: UUID | None,
    *,
    actor: Actor,
    customer_name: str = "",
) -> None:
    """Say whose ticket this is. The same customer again is a no-op but for the subscription."""
    known = ticket.customer_id == customer_id
    ticket.customer_id = customer_id
    if subscription_id is not None:
        ticket.subscription_id = subscription_id
    elif not known:
        ticket.subscription_id = None  # never another customer's
    ticket.customer_name = customer_name or ticket.customer_name
    if not known:
        append_event(
            tx, ticket, "customer.linked", actor=actor, data={"customer_id": str(customer_id)}
        )


def set_status(tx: UnitOfWork, ticket: Ticket, code: str, *, actor: Actor) -> bool:
    """Give a ticket another status and let its clocks follow. False when it has it already."""
    if ticket.status == code:
        return False
    status = tx.session.get_one(TicketStatus, code)
    was, before = ticket.category, ticket.status
    ticket.status, ticket.category = status.code, status.category
    if status.category != "waiting":
        ticket.snoozed_until = None
    if status.category == "solved":
        ticket.solved_at = tx.at
    elif status.category != "closed":
        ticket.solved_at = None
    append_event(tx, ticket, "ticket.status", actor=actor, data={"from": before, "to": code})
    if was != status.category:
        sla.category_changed(tx, ticket, was, staff_id=actor.id if actor.kind == "staff" else None)
    return True


def mark_read(tx: UnitOfWork, ticket_id: UUID, staff_id: UUID, seq: int) -> None:
    """Remember how far somebody has read. It never goes back; two tabs may race."""
    insert = insert_of(tx.session)
    wanted = insert(ReadMark).values(staff_id=staff_id, ticket_id=ticket_id, seq=seq)
    tx.session.execute(
        wanted.on_conflict_do_update(
            index_elements=[ReadMark.staff_id, ReadMark.ticket_id],
            set_={"seq": wanted.excluded.seq},
            where=ReadMark.seq < wanted.excluded.seq,
        )
    )


def snippet_of(text: str) -> str:
    """Return the one line that the queue shows of a message."""
    line = " ".join(text.split(maxsplit=SNIPPET_LENGTH)[:SNIPPET_LENGTH])  # more than fit
    return line if len(line) <= SNIPPET_LENGTH else line[: SNIPPET_LENGTH - 1] + "…"


def _add(tx: UnitOfWork, ticket: Ticket, message: Message, *, actor: Actor, kind: str) -> Message:
    """Give a message its place in the timeline. The row and its event share the seq."""
    message.id = tx.new_id()
    message.ticket_id = ticket.id
    message.at = tx.at
    message.seq = append_event(tx, ticket, kind, actor=actor, data={"message_id": str(message.id)})
    ticket.said_seq = message.seq
    tx.add(message)
    if message.visibility == "public":
        ticket.snippet = snippet_of(message.reply_text or message.body)
        ticket.last_channel = message.channel
        ticket.last_message_at = tx.at
    if message.visibility == "public" and message.channel == "chat" and ticket.chat_key:
        number_message(tx, ticket.chat_key, message.id)
    return message
