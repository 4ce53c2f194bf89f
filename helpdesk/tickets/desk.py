"""What people do with a conversation: one use case for each button of the console.

Each opens the transaction and locks the ticket through the eyes of whoever asks, so what
she may not see she cannot change: `NotFound`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import delete

from helpdesk.db import UnitOfWork
from helpdesk.errors import Conflict, InvalidInput
from helpdesk.events.service import Actor, append_event
from helpdesk.inbox.files import KeptFile, attach
from helpdesk.inbox.masking import mask_text
from helpdesk.mailboxes.queries import leads_to_us, without_tag
from helpdesk.outbox.service import queue_message
from helpdesk.services import Services
from helpdesk.settings import Settings
from helpdesk.staff.agent import Agent
from helpdesk.staff.model import Staff
from helpdesk.tickets.model import Draft, Message, Ticket, TicketTag
from helpdesk.tickets.queries import (
    colleague_answered_after,
    lock_ticket_visible_to,
    message_by_client_id,
    tags_of,
    ticket_visible_to,
)
from helpdesk.tickets.service import add_staff_message, mark_read, set_status

CARRY_FILES = ("chat", "email")
THEN = {"": None, "waiting": "pending", "solved": "solved"}
CATEGORY_STATUS = {"open": "open", "waiting": "pending", "solved": "solved"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyAsk:
    """`client_msg_id` names the click: the same one again is the same message."""

    channel: str
    body: str
    client_msg_id: str
    seen_seq: int | None = None  # how far the timeline was shown; None: the sender cannot know
    anyway: bool = False  # she was told of a colleague's answer and sends hers all the same
    then: str = ""  # a key of THEN
    files: tuple[KeptFile, ...] = ()  # on disk already; CARRY_FILES says where they may go
    cc: tuple[str, ...] = ()  # addresses that get a copy of a mail


def reply(services: Services, agent: Agent, ticket_id: UUID, ask: ReplyAsk) -> Message:
    """Answer the customer, once for each `client_msg_id`.

    Raises `Conflict` where a colleague answered meanwhile (unless `anyway`), where the
    conversation is closed, and where the customer cannot be reached on that channel.
    """
    with services.begin() as tx:
        ticket = lock_ticket_visible_to(tx, agent, ticket_id)
        if earlier := _posted_before(tx, agent, ticket_id, ask.client_msg_id):
            return earlier
        if ticket.category == "closed":
            raise Conflict("This conversation is closed. Open a new one to write again.")
        if (
            ask.seen_seq is not None
            and not ask.anyway
            and colleague_answered_after(tx.session, ticket.id, ask.seen_seq, agent.id)
        ):
            raise Conflict("A colleague answered while you were writing. Read it, then send again.")
        _check_cc(tx, services.settings, ask.cc)
        message = add_staff_message(
            tx,
            ticket,
            agent,
            channel=ask.channel,
            body=mask_text(ask.body),
            visibility="public",
            client_msg_id=ask.client_msg_id,
        )
        for file in ask.files:
            attach(tx, message.id, file, attachment_id=uuid4())
        # A chat is talked, not posted: nobody takes a spoken word back.
        hold_s = 0 if ask.channel == "chat" else services.settings.undo_send_s
        queue_message(tx, ticket, message, hold_s=hold_s, cc=ask.cc)
        if status := THEN[ask.then]:
            set_status(tx, ticket, status, actor=Actor.staff(agent.id))
        _drop_draft(tx, agent, ticket_id, "reply")
        return message


def note(
    services: Services, agent: Agent, ticket_id: UUID, *, body: str, client_msg_id: str
) -> Message:
    """Write something that only the team sees, once for each `client_msg_id`."""
    with services.begin() as tx:
        ticket = lock_ticket_visible_to(tx, agent, ticket_id)
        if earlier := _posted_before(tx, agent, ticket_id, client_msg_id):
            return earlier
        message = add_staff_message(
            tx,
            ticket,
            agent,
            channel=ticket.last_channel,
            body=mask_text(body),
            visibility="note",
            client_msg_id=client_msg_id,
        )
        _drop_draft(tx, agent, ticket_id, "note")
        return message


def change_category(services: Services, agent: Agent, ticket_id: UUID, category: str) -> None:
    """Resolve a conversation, open it again, or have it wait. Already so: nothing happens."""
    with services.begin() as tx:
        ticket = lock_ticket_visible_to(tx, agent, ticket_id)
        if ticket.category == category:
            return
        if ticket.category == "closed":
            raise Conflict("This conversation is closed. Open a new one to write again.")
        set_status(tx, ticket, CATEGORY_STATUS[category], actor=Actor.staff(agent.id))


def assign(services: Services, agent: Agent, ticket_id: UUID, staff_id: UUID | None) -> None:
    """Give a conversation to somebody, or to nobody. Raises `InvalidInput` for who left."""
    with services.begin() as tx:
        ticket = lock_ticket_visible_to(tx, agent, ticket_id)
        if staff_id is not None:
            colleague = tx.session.get(Staff, staff_id)
            if colleague is None or colleague.disabled_at is not None:
                raise InvalidInput("assignee", "Nobody with this name works here.")
        if ticket.assignee_id == staff_id:
            return
        before, ticket.assignee_id = ticket.assignee_id, staff_id
        append_event(
            tx,
            ticket,
            "ticket.assigned",
            actor=Actor.staff(agent.id),
            data={"from": _text(before), "to": _text(staff_id)},
        )
        if ticket.status == "new" and staff_id is not None:
            set_status(tx, ticket, "open", actor=Actor.staff(agent.id))


def tag(
    services: Services,
    agent: Agent,
    ticket_id: UUID,
    *,
    add: frozenset[str] = frozenset(),
    remove: frozenset[str] = frozenset(),
) -> None:
    """Put words on a conversation and take others off. What is so already is not told."""
    with services.begin() as tx:
        ticket = lock_ticket_visible_to(tx, agent, ticket_id)
        known = set(tags_of(tx.session, ticket_id))
        added, removed = sorted(add - known - remove), sorted(remove & known)
        for word in added:
            tx.session.add(TicketTag(ticket_id=ticket_id, tag=word))
        tx.session.execute(
            delete(TicketTag).where(TicketTag.ticket_id == ticket_id, TicketTag.tag.in_(removed))
        )
        if added or removed:
            append_event(
                tx,
                ticket,
                "ticket.tagged",
                actor=Actor.staff(agent.id),
                data={"added": added, "removed": removed},
            )


def snooze(services: Services, agent: Agent, ticket_id: UUID, until: datetime | None) -> None:
    """Put a conversation aside until an instant; None wakes it now.

    It waits meanwhile. The customer's next message wakes it, and so does an answer that
    falls due: `wake` says when.
    """
    with services.begin() as tx:
        ticket = lock_ticket_visible_to(tx, agent, ticket_id)
        if ticket.category in ("solved", "closed"):
            raise Conflict("A resolved conversation cannot be snoozed. Open it again first.")
        if until is None:
            wake(tx, ticket, actor=Actor.staff(agent.id))
            return
        if until <= tx.at:
            raise InvalidInput("for", "This moment has passed.")
        set_status(tx, ticket, "pending", actor=Actor.staff(agent.id))
        ticket.snoozed_until = until
        append_event(
            tx,
            ticket,
            "ticket.snoozed",
            actor=Actor.staff(agent.id),
            data={"until": until.isoformat()},
        )


def wake(tx: UnitOfWork, ticket: Ticket, *, actor: Actor) -> None:
    """Bring a snoozed conversation back. The ticket is locked; one that is awake stays so."""
    if ticket.snoozed_until is None:
        return
    append_event(tx, ticket, "ticket.snoozed", actor=actor, data={"until": None})
    set_status(tx, ticket, "open", actor=actor)


def save_draft(
    services: Services, agent: Agent, ticket_id: UUID, *,
    kind: str, channel: str, body: str, cc: str = "",
) -> None:  # fmt: skip
    """Keep what somebody has begun to write; nothing left of it deletes it."""
    with services.begin() as tx:
        ticket_visible_to(tx.session, agent, ticket_id)
        if not body.strip():
            _drop_draft(tx, agent, ticket_id, kind)
            return
        draft = tx.session.get(Draft, (agent.id, ticket_id, kind), with_for_update=True)
        if draft is None:
            draft = Draft(staff_id=agent.id, ticket_id=ticket_id, kind=kind)
            tx.session.add(draft)
        draft.channel, draft.body, draft.saved_at = channel, mask_text(body), tx.at
        draft.cc = cc


def read(services: Services, agent: Agent, ticket_id: UUID, seq: int) -> None:
    """Remember that somebody has read a conversation up to `seq`, never past its end."""
    with services.begin() as tx:
        ticket = ticket_visible_to(tx.session, agent, ticket_id)
        mark_read(tx, ticket_id, agent.id, min(seq, ticket.last_seq))
    services.relay.tell_visitor(ticket.chat_key, "hint", {"seq": seq})  # her messages are read


def _check_cc(tx: UnitOfWork, settings: Settings, addresses: Iterable[str]) -> None:
    """Refuse a copy to ourselves: it would come in again as mail."""
    for one in addresses:
        ours = without_tag(one) == settings.mail_address.lower()
        if ours or leads_to_us(tx.session, one):
            raise InvalidInput("cc", "A copy to one of our own mailboxes is of no use.")


def _posted_before(
    tx: UnitOfWork, agent: Agent, ticket_id: UUID, client_msg_id: str
) -> Message | None:
    earlier = message_by_client_id(tx.session, agent.id, client_msg_id)
    if earlier is not None and earlier.ticket_id != ticket_id:
        raise Conflict("This message was already sent in another conversation.")
    return earlier


def _drop_draft(tx: UnitOfWork, agent: Agent, ticket_id: UUID, kind: str) -> None:
    tx.session.execute(
        delete(Draft).where(
            Draft.staff_id == agent.id, Draft.ticket_id == ticket_id, Draft.kind == kind
        )
    )


def _text(staff_id: UUID | None) -> str | None:
    return str(staff_id) if staff_id else None
