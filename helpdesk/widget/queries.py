"""What a visitor may see: the public chat messages of the conversation she holds the secret of.

Nothing else of a ticket is here: no note, no mail, no other channel. The money in it is in
`slips.py`, for those who prove more.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, func, select
from sqlalchemy.orm import Session

from helpdesk.inbox.model import Attachment
from helpdesk.outbox.model import Outbound
from helpdesk.staff.model import Staff
from helpdesk.tickets.model import Message, Participant, ReadMark, Ticket
from helpdesk.widget.model import Conversation, Entry

PAGE = 50
AT_WORK = ("open", "waiting")
BEFORE = {  # what a receipt is still news for
    "delivered": ("queued", "sending", "uncertain", "sent"),
    "read": ("queued", "sending", "uncertain", "sent", "delivered"),
}

# Where something stands in a conversation: the number of a message, and what follows it.
Place = tuple[int, int]


@dataclass(frozen=True, slots=True)
class ChatFile:
    """A file of a bubble. The conversation's secret fetches its bytes."""

    id: UUID
    name: str
    media_type: str  # decided by us
    size: int  # bytes


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
    files: tuple[ChatFile, ...] = ()


@dataclass(frozen=True, slots=True)
class ChatPage:
    """A page of a conversation, oldest first. `earlier`, `later`: there are more that way."""

    items: tuple[ChatItem, ...]
    earlier: bool
    later: bool = False
    last_seq: int = 0  # of the whole conversation
    read_seq: int = 0  # the newest message of hers that one of the staff has read


@dataclass(frozen=True, slots=True)
class ChatState:
    """How the conversation stands now."""

    agent_name: str = ""  # "" while nobody has taken it
    agent_here: bool = False
    solved_at: datetime | None = None


def page_of(
    session: Session, chat_key: str, *, before: UUID | None = None, after: int | None = None
) -> ChatPage:
    """Return the newest page, the one that ends before a message, or the one after number N.

    Numbers have no holes: who holds all up to N and asks after N misses nothing.
    """
    last_seq, read_seq = last_seq_of(session, chat_key), read_seq_of(session, chat_key)
    wanted = _messages(chat_key)
    if after is not None:
        found = session.execute(
            wanted.where(Entry.seq > after).order_by(Entry.seq).limit(PAGE + 1)
        ).all()
        items = _items(session, found[:PAGE])
        return ChatPage(items, after > 0, len(found) > PAGE, last_seq, read_seq)
    if before is not None:
        seq = _seq(session, chat_key, before)
        if seq is None:
            return ChatPage((), earlier=False)
        wanted = wanted.where(Entry.seq < seq)
    found = session.execute(wanted.order_by(Entry.seq.desc()).limit(PAGE + 1)).all()
    items = _items(session, found[PAGE - 1 :: -1])
    return ChatPage(items, len(found) > PAGE, False, last_seq, read_seq)


def last_seq_of(session: Session, chat_key: str) -> int:
    """Return the number of the newest message of a conversation, 0 where there is none."""
    return (
        session.scalar(select(Conversation.last_seq).where(Conversation.chat_key == chat_key)) or 0
    )


def is_reachable(session: Session, chat_key: str) -> bool:
    """Say whether the visitor, or her site for her, has named an address to answer to."""
    row = session.get(Conversation, chat_key)
    return row is not None and bool(row.email or row.subject)


def read_seq_of(session: Session, chat_key: str) -> int:
    """Return the number of the visitor's newest message that one of the staff has read."""
    ticket = current_ticket(session, chat_key)
    if ticket is None:
        return 0
    read_up_to = session.scalar(
        select(func.max(ReadMark.seq)).where(ReadMark.ticket_id == ticket.id)
    )
    found = session.scalar(
        select(func.max(Entry.seq))
        .join(Message, Message.id == Entry.message_id)
        .where(
            *_hers(chat_key),
            Message.ticket_id == ticket.id,
            Message.direction == "in",
            Message.seq <= (read_up_to or 0),
        )
    )
    return found or 0


def anchor_of(session: Session, chat_key: str, ticket_id: UUID, seq: int) -> int:
    """Return the number of the last message before line `seq` of one ticket's timeline."""
    found = session.scalar(
        select(func.max(Entry.seq))
        .join(Message, Message.id == Entry.message_id)
        .where(*_hers(chat_key), Message.ticket_id == ticket_id, Message.seq < seq)
    )
    return found or 0


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
    seq = _seq(session, chat_key, message_id)
    if seq is None:
        return ()
    return session.scalars(
        select(Outbound.key)
        .join(Message, Message.id == Outbound.message_id)
        .join(Entry, Entry.message_id == Message.id)
        .where(*_hers(chat_key), Outbound.channel == "chat", Outbound.state.in_(BEFORE[state]))
        .where(Entry.seq <= seq)
        .order_by(Entry.seq)
        .limit(2 * PAGE)
    ).all()


def _messages(chat_key: str) -> Select[Entry, Message, int | None]:
    read_up_to = (
        select(func.max(ReadMark.seq))
        .where(ReadMark.ticket_id == Message.ticket_id)
        .scalar_subquery()
    )
    return (
        select(Entry, Message, read_up_to)
        .join(Message, Message.id == Entry.message_id)
        .where(*_hers(chat_key))
    )


def _items(
    session: Session, rows: Sequence[Row[Entry, Message, int | None]]
) -> tuple[ChatItem, ...]:
    files: dict[UUID, list[ChatFile]] = {}
    ids = [message.id for _, message, _ in rows]
    for file in session.scalars(select(Attachment).where(Attachment.message_id.in_(ids))):
        about = ChatFile(file.id, file.name, file.media_type, file.size)
        files.setdefault(file.message_id, []).append(about)
    return tuple(_item(row, files.get(row[1].id, [])) for row in rows)


def _item(row: Row[Entry, Message, int | None], files: list[ChatFile]) -> ChatItem:
    entry, message, read_up_to = row
    return ChatItem(
        place=(entry.seq, 0),
        id=message.id,
        mine=message.direction == "in",
        author=message.author_name,
        text=message.reply_text or message.body,
        at=message.at,
        read=message.seq <= (read_up_to or 0),
        client_msg_id=_own_name(message),
        files=tuple(sorted(files, key=lambda file: file.name)),
    )


def _hers(chat_key: str) -> tuple[ColumnElement[bool], ...]:
    """Every select of messages for a visitor carries this."""
    return (
        Entry.chat_key == chat_key,
        Message.channel == "chat",
        Message.visibility == "public",
    )


def _newest_first() -> tuple[ColumnElement[bool] | ColumnElement[int], ...]:
    return Ticket.category.in_(AT_WORK).desc(), Ticket.number.desc()


def _seq(session: Session, chat_key: str, message_id: UUID) -> int | None:
    return session.scalar(
        select(Entry.seq)
        .join(Message, Message.id == Entry.message_id)
        .where(*_hers(chat_key), Message.id == message_id)
    )


def _own_name(message: Message) -> str:
    """Return the id that the browser gave; the row carries the conversation's key before it."""
    if message.direction != "in" or not message.client_msg_id:
        return ""
    return message.client_msg_id.rpartition(":")[2]
