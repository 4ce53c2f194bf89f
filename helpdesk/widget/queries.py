"""What a visitor may see: the public chat messages of the conversation she holds the secret of.

Nothing else of a ticket is here: no note, no mail, no other channel. The money in it is in
`slips.py`, for those who prove more.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from helpdesk.outbox.model import Outbound
from helpdesk.staff.model import Staff
from helpdesk.tickets.model import Message, Participant, ReadMark, Ticket

PAGE = 50
AT_WORK = ("open", "waiting")
BEFORE = {  # what a receipt is still news for
    "delivered": ("queued", "sending", "uncertain", "sent"),
    "read": ("queued", "sending", "uncertain", "sent", "delivered"),
}

# Where something stands in a conversation, which may span several tickets.
Place = tuple[int, int]  # ticket number, seq


@dataclass(frozen=True, slots=True)
class ChatItem:
    """One bubble."""

    place: Place
    id: UUID
    mine: bool  # the visitor's own
    author: str
    text: str
    at: datetime
    read: bool  # one of the staff has seen it
    client_msg_id: str  # as her browser named it; "" for an answer


@dataclass(frozen=True, slots=True)
class ChatPage:
    """A page of a conversation, oldest first. `earlier`: there are older ones."""

    items: tuple[ChatItem, ...]
    earlier: bool


@dataclass(frozen=True, slots=True)
class ChatState:
    """How the conversation stands now."""

    agent_name: str = ""  # "" while nobody has taken it
    agent_here: bool = False
    solved_at: datetime | None = None


def page_of(session: Session, chat_key: str, *, before: UUID | None = None) -> ChatPage:
    """Return the newest page, or the one that ends before a message."""
    read_up_to = (
        select(func.max(ReadMark.seq))
        .where(ReadMark.ticket_id == Message.ticket_id)
        .scalar_subquery()
    )
    wanted = (
        select(Ticket.number, Message, read_up_to)
        .join(Ticket, Ticket.id == Message.ticket_id)
        .where(*_hers(chat_key))
        .order_by(Ticket.number.desc(), Message.seq.desc())
        .limit(PAGE + 1)
    )
    if before is not None:
        place = _place(session, chat_key, before)
        if place is None:
            return ChatPage((), earlier=False)
        wanted = wanted.where(_up_to(place, inclusive=False))
    found = session.execute(wanted).all()
    items = tuple(
        ChatItem(
            place=(number, message.seq),
            id=message.id,
            mine=message.direction == "in",
            author=message.author_name,
            text=message.reply_text or message.body,
            at=message.at,
            read=message.seq <= (read_seq or 0),
            client_msg_id=_own_name(message),
        )
        for number, message, read_seq in reversed(found[:PAGE])
    )
    return ChatPage(items, earlier=len(found) > PAGE)


def state_of(session: Session, chat_key: str) -> ChatState:
    """Say who answers this conversation, and whether it is settled.

    That is whose conversation it is; while it is nobody's, who wrote to her last.
    """
    ticket = current_ticket(session, chat_key)
    if ticket is None:
        return ChatState()
    staff_id = ticket.assignee_id or session.scalar(
        select(Message.author_id)
        .where(
            Message.ticket_id == ticket.id,
            Message.channel == "chat",
            Message.visibility == "public",
            Message.author_kind == "staff",
        )
        .order_by(Message.seq.desc())
        .limit(1)
    )
    staff = session.get(Staff, staff_id) if staff_id else None
    if staff is None:
        return ChatState(solved_at=ticket.solved_at)
    return ChatState(staff.name, staff.availability == "available", ticket.solved_at)


def current_ticket(session: Session, chat_key: str) -> Ticket | None:
    """Return the ticket in which a conversation goes on; None when there is none yet."""
    return session.scalars(
        select(Ticket).where(Ticket.chat_key == chat_key).order_by(*_newest_first()).limit(1)
    ).one_or_none()


def written_by_another(session: Session, chat_key: str, subject: str) -> bool:
    """Say whether somebody else has proven herself in this conversation before."""
    found = session.scalar(
        select(Participant.id)
        .join(Ticket, Ticket.id == Participant.ticket_id)
        .where(
            Ticket.chat_key == chat_key,
            Participant.kind == "external",
            Participant.value != subject,
        )
        .limit(1)
    )
    return found is not None


def keys_to_settle(session: Session, chat_key: str, message_id: UUID, state: str) -> Sequence[str]:
    """Return the keys of her answers up to a message for which `state` is news, oldest first."""
    place = _place(session, chat_key, message_id)
    if place is None:
        return ()
    return session.scalars(
        select(Outbound.key)
        .join(Message, Message.id == Outbound.message_id)
        .join(Ticket, Ticket.id == Message.ticket_id)
        .where(*_hers(chat_key), Outbound.channel == "chat", Outbound.state.in_(BEFORE[state]))
        .where(_up_to(place, inclusive=True))
        .order_by(Ticket.number, Message.seq)
        .limit(2 * PAGE)
    ).all()


def _hers(chat_key: str) -> tuple[ColumnElement[bool], ...]:
    """Every select of messages for a visitor carries this."""
    return (
        Ticket.chat_key == chat_key,
        Message.channel == "chat",
        Message.visibility == "public",
    )


def _newest_first() -> tuple[ColumnElement[bool] | ColumnElement[int], ...]:
    return Ticket.category.in_(AT_WORK).desc(), Ticket.number.desc()


def _place(session: Session, chat_key: str, message_id: UUID) -> Place | None:
    found = session.execute(
        select(Ticket.number, Message.seq)
        .join(Ticket, Ticket.id == Message.ticket_id)
        .where(*_hers(chat_key), Message.id == message_id)
    ).one_or_none()
    return (found.number, found.seq) if found is not None else None


def _up_to(place: Place, *, inclusive: bool) -> ColumnElement[bool]:
    number, seq = place
    within = Message.seq <= seq if inclusive else Message.seq < seq
    return or_(Ticket.number < number, and_(Ticket.number == number, within))


def _own_name(message: Message) -> str:
    """Return the id that the browser gave; the row carries the conversation's key before it."""
    if message.direction != "in" or not message.client_msg_id:
        return ""
    return message.client_msg_id.rpartition(":")[2]
