"""Mailing what a visitor who has left did not read: each answer at most once.

Where it goes, by ADR 9: to the address that her site has signed or that her account has
proven; to the one she gave in the form only while nobody vouches for her. The mail makes
nobody a participant: an answer from that address does, by the token in its Reply-To.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import Session

from helpdesk.customers.model import Handle
from helpdesk.db import UnitOfWork
from helpdesk.inbox.phrases import phrase
from helpdesk.outbox.model import Outbound
from helpdesk.outbox.queries import ReplyChannel
from helpdesk.outbox.service import queue_message
from helpdesk.services import Services
from helpdesk.tickets.model import Message
from helpdesk.tickets.queries import lock_ticket
from helpdesk.tickets.service import add_system_message
from helpdesk.widget.model import Conversation, Entry, FollowUp
from helpdesk.widget.queries import BEFORE
from helpdesk.widget.setup import setup_of
from helpdesk.widget.slips import proven_customer

log = structlog.get_logger()

LEFT_CLOSED_MIN: Final = 1  # she was told that the answer comes by mail
TOO_LATE: Final = timedelta(days=3)  # what was written before is no news
AT_ONCE: Final = 100  # conversations of one sweep
MOST_ANSWERS: Final = 20  # of one mail; the rest go with the next


@dataclass(frozen=True, slots=True)
class Unread:
    """What waits in one conversation, oldest first."""

    chat_key: str
    ticket_id: UUID
    since: datetime


def mail_what_was_not_read(services: Services) -> int:
    """Mail the unread answers whose time has come; return to how many visitors."""
    if "email" not in services.adapters:
        return 0
    with services.reading() as session:
        waiting = _waiting(session, services.clock())
    sent = 0
    for one in waiting:
        try:
            sent += _mail(services, one)
        except Exception:  # one conversation must not hold up the others
            log.exception("unread answers not mailed", ticket_id=str(one.ticket_id))
    return sent


def address_of(session: Session, row: Conversation) -> str:
    """Return where a conversation may go on by mail, "" where it may not."""
    if row.email_by == "site":
        return row.email
    if not row.subject:
        return row.email  # anonymous: she gave it for this; it reaches nothing of anybody
    customer = proven_customer(session, row.subject)
    if customer is None:
        return ""
    return (
        session.scalar(
            select(Handle.value)
            .where(
                Handle.customer_id == customer.id,
                Handle.kind == "email",
                Handle.verified_at.is_not(None),
            )
            .order_by(Handle.verified_at.desc())
            .limit(1)
        )
        or ""
    )


def _waiting(session: Session, now: datetime) -> list[Unread]:
    """Return conversations with an answer that nobody has read for a minute or more."""
    rows = session.execute(
        select(Entry.chat_key, Message.ticket_id, Message.at)
        .join(Message, Message.id == Entry.message_id)
        .join(Outbound, Outbound.message_id == Message.id)
        .join(Conversation, Conversation.chat_key == Entry.chat_key)
        .where(
            *_unread(),
            Message.at <= now - timedelta(minutes=LEFT_CLOSED_MIN),
            Message.at > now - TOO_LATE,
            (Conversation.email != "") | (Conversation.subject != ""),
        )
        .order_by(Message.at, Entry.seq)
        .limit(AT_ONCE * MOST_ANSWERS)
    )
    first: dict[str, Unread] = {}
    for chat_key, ticket_id, at in rows:
        first.setdefault(chat_key, Unread(chat_key, ticket_id, at))
    return list(first.values())[:AT_ONCE]


def _unread() -> tuple[ColumnElement[bool], ...]:
    """What a person wrote in the chat, what is not read, and what no mail has carried."""
    return (
        Message.author_kind == "staff",
        Message.channel == "chat",
        Message.visibility == "public",
        Outbound.channel == "chat",
        Outbound.state.in_(BEFORE["read"]),
        ~exists().where(FollowUp.answer_id == Message.id),
    )


def _mail(services: Services, one: Unread) -> bool:
    """Write one mail, in a transaction that also says which answers it carries."""
    with services.begin() as tx:
        row = tx.session.get_one(Conversation, one.chat_key)
        setup = setup_of(tx.session, services.settings, row.widget_key)
        wait = LEFT_CLOSED_MIN if row.left_closed else setup.mail_after_min
        address = address_of(tx.session, row)
        if not address or one.since > tx.at - timedelta(minutes=wait):
            return False
        ticket = lock_ticket(tx, one.ticket_id)
        answers = _answers(tx, one)
        if not answers or ticket.merged_into_id is not None:
            return False
        language = row.language.replace("-", "_") or services.settings.language
        body = _text(answers, "pt_BR" if language.startswith("pt") else "en")
        mail = add_system_message(tx, ticket, channel="email", body=body)
        queue_message(tx, ticket, mail, to=ReplyChannel("email", "email", address, address))
        tx.session.add_all(FollowUp(answer_id=said.id, mail_id=mail.id) for said in answers)
        return True


def _answers(tx: UnitOfWork, one: Unread) -> Sequence[Message]:
    """Return what is unread now, under the lock of the ticket; she may have come back."""
    return tx.session.scalars(
        select(Message)
        .join(Entry, Entry.message_id == Message.id)
        .join(Outbound, Outbound.message_id == Message.id)
        .where(*_unread(), Entry.chat_key == one.chat_key, Message.ticket_id == one.ticket_id)
        .order_by(Entry.seq)
        .limit(MOST_ANSWERS)
    ).all()


def _text(answers: Sequence[Message], language: str) -> str:
    said = "\n\n".join(f"{one.author_name.split()[0]}:\n{one.body}" for one in answers)
    opening = phrase(language, "unread_answers")
    return f"{opening}\n\n{said}\n\n{phrase(language, 'answer_this_mail')}"
