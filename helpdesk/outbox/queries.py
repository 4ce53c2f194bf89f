"""Selects of what leaves and of where an answer may go."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session, aliased

from channels.port import Receipt
from helpdesk.customers.model import Handle
from helpdesk.errors import NotFound
from helpdesk.inbox.model import Attachment, MailIndex
from helpdesk.inbox.threading import id_hash
from helpdesk.outbox.model import Outbound
from helpdesk.outbox.states import ON_ITS_WAY
from helpdesk.phone.queries import opted_out
from helpdesk.tickets.model import Message, Participant, Ticket

# The kind of address that each channel writes to. A call cannot be answered in writing.
ADDRESSED_BY: Final = {"email": "email", "whatsapp": "whatsapp", "sms": "phone", "chat": "chat"}

# Notes never leave: every select of what is sent carries this.
LEAVES: Final[tuple[ColumnElement[bool], ...]] = (
    Message.visibility == "public",
    Message.direction == "out",
)


@dataclass(frozen=True, slots=True)
class ReplyChannel:
    """A way to answer: the address is known to be the customer's."""

    channel: str
    recipient_kind: str
    recipient: str
    label: str  # what a person reads; "" where the address says nothing
    opted_out: bool = False  # the customer asked for no more messages there


def reply_channels(session: Session, ticket: Ticket) -> list[ReplyChannel]:
    """Return the ways to answer, the one the customer used last first, closed ones last."""
    last = "sms" if ticket.last_channel == "voice" else ticket.last_channel
    known = dict.fromkeys([*ADDRESSED_BY, last])  # a channel of an adapter's own may be the last
    order = sorted(known, key=lambda channel: channel != last)
    found = [reply_channel(session, ticket, channel) for channel in order]
    return sorted((one for one in found if one is not None), key=lambda one: one.opted_out)


def reply_channel(session: Session, ticket: Ticket, channel: str) -> ReplyChannel | None:
    """Return whom an answer on this channel goes to: the participant who wrote last.

    Without one, an address that the customer has proven; never one that she only typed, and
    never somebody who only gets copies, even where she wrote last.
    """
    kind = ADDRESSED_BY.get(channel)
    if kind is None:
        return None if channel == "voice" else _own_address(session, ticket, channel)
    if kind == "chat":  # the conversation is the address, whoever the visitor proved to be
        return ReplyChannel(channel, kind, ticket.chat_key, "") if ticket.chat_key else None
    recipient = _last_writer(session, ticket, kind) or _proven_handle(session, ticket, kind)
    if recipient is None:
        return None
    closed = opted_out(session, channel, recipient) is not None
    return ReplyChannel(channel, kind, recipient, recipient, opted_out=closed)


def _own_address(session: Session, ticket: Ticket, channel: str) -> ReplyChannel | None:
    """Return whoever wrote last on a channel that has addresses of its own."""
    recipient = session.scalar(
        select(Participant.value)
        .join(Message, Message.ticket_id == Participant.ticket_id)
        .where(
            Participant.ticket_id == ticket.id,
            Participant.kind == "external",
            Message.channel == channel,
            Message.direction == "in",
            Message.author_handle == Participant.value,
        )
        .order_by(Message.seq.desc())
        .limit(1)
    )
    return ReplyChannel(channel, "external", recipient, recipient) if recipient else None


def _last_writer(session: Session, ticket: Ticket, kind: str) -> str | None:
    taking_part = session.scalars(
        select(Participant.value)
        .where(Participant.ticket_id == ticket.id, Participant.kind == kind, ~Participant.cc)
        .order_by(Participant.id.desc())
    ).all()
    if not taking_part:
        return None
    wrote_last = session.scalar(
        select(Message.author_handle)
        .where(
            Message.ticket_id == ticket.id,
            Message.direction == "in",
            Message.auto == "",
            Message.author_handle.in_(taking_part),
        )
        .order_by(Message.seq.desc())
        .limit(1)
    )
    return wrote_last or taking_part[0]


def _proven_handle(session: Session, ticket: Ticket, kind: str) -> str | None:
    if ticket.customer_id is None:
        return None
    return session.scalar(
        select(Handle.value)
        .where(
            Handle.customer_id == ticket.customer_id,
            Handle.kind == kind,
            Handle.verified_at.is_not(None),
        )
        .order_by(Handle.verified_at.desc())
        .limit(1)
    )


def message_to_send(session: Session, outbound_id: UUID) -> Message | None:
    """Return the text of a message on its way; None for what must never leave."""
    return session.scalar(
        select(Message)
        .join(Outbound, Outbound.message_id == Message.id)
        .where(Outbound.id == outbound_id, *LEAVES)
    )


def older_waits(session: Session, row: Outbound) -> bool:
    """Say whether an earlier message of the same conversation has yet to go."""
    mine = aliased(Message)
    found = session.scalar(
        select(Outbound.id)
        .join(mine, mine.id == Outbound.message_id)
        .where(Outbound.id == row.id, _behind(mine).exists())
    )
    return found is not None


def next_in_line(session: Session, row: Outbound) -> Sequence[UUID]:
    """Return what waits in the same conversation and has nothing before it any more."""
    mine = aliased(Message)
    return session.scalars(
        select(Outbound.id)
        .join(mine, mine.id == Outbound.message_id)
        .where(
            Outbound.ticket_id == row.ticket_id,
            Outbound.channel == row.channel,
            Outbound.state == "queued",
            ~_behind(mine).exists(),
        )
        .order_by(mine.seq, Outbound.id)
    ).all()


def _behind(mine: type[Message]) -> Select[UUID]:
    """Select what an outbound message, `mine` its text, must let go first.

    A copy that does not leave holds up nobody but whom it goes to.
    """
    earlier, before = aliased(Message), aliased(Outbound)
    return (
        select(before.id)
        .join(earlier, earlier.id == before.message_id)
        .where(
            before.ticket_id == Outbound.ticket_id,
            before.channel == Outbound.channel,
            before.state.in_(ON_ITS_WAY),
            or_(~before.cc, before.recipient == Outbound.recipient),
            earlier.seq < mine.seq,
        )
        .correlate(Outbound, mine)
    )


def due(session: Session, at: datetime, channel: str, *, limit: int) -> Sequence[UUID]:
    """Return what may go now on a channel, oldest first.

    What must wait for an earlier message of its conversation is left out: a long queue
    behind one that fails would hide everybody else's.
    """
    mine = aliased(Message)
    return session.scalars(
        select(Outbound.id)
        .join(mine, mine.id == Outbound.message_id)
        .where(
            Outbound.channel == channel,
            Outbound.state == "queued",
            Outbound.not_before <= at,
            ~_behind(mine).exists(),
        )
        .order_by(Outbound.not_before, Outbound.id)
        .limit(limit)
    ).all()


def tried_since(session: Session, channel: str, since: datetime, *, most: int) -> int:
    """Return how many messages of a channel were tried after `since`, counting up to `most`."""
    tried = (
        select(Outbound.id)
        .where(Outbound.channel == channel, Outbound.last_try_at > since)
        .limit(most)
        .subquery()
    )
    return session.scalar(select(func.count()).select_from(tried)) or 0


def abandoned(session: Session, at: datetime, *, limit: int) -> Sequence[UUID]:
    """Return what was being sent by a process that is no more."""
    return session.scalars(
        select(Outbound.id)
        .where(Outbound.state == "sending", Outbound.leased_until < at)
        .order_by(Outbound.leased_until)
        .limit(limit)
    ).all()


def outbound_of_receipt(session: Session, receipt: Receipt) -> Outbound | None:
    """Return the message that a receipt speaks of: by our key, the provider's id, our mail id."""
    if receipt.key:
        found = session.scalar(
            select(Outbound).where(Outbound.channel == receipt.channel, Outbound.key == receipt.key)
        )
        if found is not None:
            return found
    found = session.scalar(
        select(Outbound).where(
            Outbound.channel == receipt.channel, Outbound.provider_id == receipt.provider_id
        )
    )
    if found is not None or receipt.channel != "email":
        return found
    rows = session.scalars(
        select(Outbound)
        .join(MailIndex, MailIndex.message_id == Outbound.message_id)
        .where(MailIndex.message_id_hash == id_hash(receipt.provider_id))
        .order_by(Outbound.cc)
    ).all()
    named = (one for one in rows if one.envelope.get("message_id") == receipt.provider_id)
    return next(named, rows[0] if rows else None)


def mail_thread(session: Session, ticket_id: UUID, *, before_seq: int) -> list[tuple[str, str]]:
    """Return (Message-ID, direction) of the mails of a conversation, oldest first."""
    rows = session.execute(
        select(MailIndex.header_id, Message.direction)
        .join(Message, Message.id == MailIndex.message_id)
        .where(
            Message.ticket_id == ticket_id,
            Message.channel == "email",
            Message.visibility == "public",
            Message.seq < before_seq,
            MailIndex.header_id != "",
        )
        .order_by(Message.seq)
    )
    return [(header_id, direction) for header_id, direction in rows]


def outbound_of_message(session: Session, message_id: UUID) -> Outbound | None:
    """Return a message on its way to whom it is meant for; its copies are left out."""
    return session.scalar(select(Outbound).where(Outbound.message_id == message_id, ~Outbound.cc))


def message_of(session: Session, row_id: UUID) -> UUID:
    """Return which message a row of the outbox carries. Raises `NotFound`."""
    found = session.scalar(select(Outbound.message_id).where(Outbound.id == row_id))
    if found is None:
        raise NotFound("outbound")
    return found


def copies_of(session: Session, message_id: UUID) -> Sequence[Outbound]:
    """Return the copies of a message, in the order their recipients were named."""
    return session.scalars(
        select(Outbound).where(Outbound.message_id == message_id, Outbound.cc).order_by(Outbound.id)
    ).all()


def cc_of_last_answer(session: Session, ticket_id: UUID) -> Sequence[str]:
    """Return who got a copy of the last mail of this conversation that anybody of ours wrote."""
    last = session.scalar(
        select(Message.id)
        .where(
            Message.ticket_id == ticket_id,
            Message.channel == "email",
            Message.author_kind == "staff",
            *LEAVES,
        )
        .order_by(Message.seq.desc())
        .limit(1)
    )
    return [one.recipient for one in copies_of(session, last)] if last else []


def oldest_unanswered(session: Session, ticket_id: UUID) -> Message | None:
    """Return the first thing a customer said since anybody's last public answer that stands."""
    answered = session.scalar(
        select(func.max(Message.seq))
        .outerjoin(Outbound, and_(Outbound.message_id == Message.id, ~Outbound.cc))
        .where(
            Message.ticket_id == ticket_id,
            *LEAVES,
            Message.author_kind == "staff",
            or_(Outbound.state.is_(None), Outbound.state != "cancelled"),
        )
    )
    return session.scalar(
        select(Message)
        .where(
            Message.ticket_id == ticket_id,
            Message.direction == "in",
            Message.auto == "",
            Message.seq > (answered or 0),
        )
        .order_by(Message.seq)
        .limit(1)
    )


def files_of(session: Session, outbound_id: UUID) -> Sequence[Attachment]:
    """Return the files of a message on its way, in the order they were added."""
    return session.scalars(
        select(Attachment)
        .join(Outbound, Outbound.message_id == Attachment.message_id)
        .where(Outbound.id == outbound_id)
        .order_by(Attachment.name, Attachment.id)
    ).all()
