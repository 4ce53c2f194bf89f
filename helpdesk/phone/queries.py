"""Selects over who may be written to, templates, lines and calls."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from channels.port import CallReport
from helpdesk.customers.handles import spellings
from helpdesk.errors import NotFound
from helpdesk.phone.model import Call, MessageTemplate, OptOut, PhoneLine, RefusedDelivery
from helpdesk.phone.words import OPTED_OUT, WINDOW_CLOSED
from helpdesk.tickets.model import Message

WRITTEN: Final = ("sms", "whatsapp")  # channels that a customer can opt out of
WHATSAPP_WINDOW: Final = timedelta(hours=24)  # free text only so long after her last word
MOST_SHOWN: Final = 200
UNDER_WAY: Final = ("queued", "dialling", "greeted", "waiting", "ringing", "talking")


def opted_out(session: Session, channel: str, number: str) -> OptOut | None:
    """Return the wish for no more messages that holds for a number on a channel."""
    if channel not in WRITTEN:
        return None
    return session.scalar(
        select(OptOut)
        .where(
            OptOut.channel == channel,
            OptOut.number.in_(spellings("phone", number)),
            OptOut.ended_at.is_(None),
        )
        .limit(1)
    )


def window_until(session: Session, number: str) -> datetime | None:
    """Return until when free text may go to a WhatsApp number; None where it never wrote."""
    last = session.scalar(
        select(func.max(Message.at)).where(
            Message.channel == "whatsapp",
            Message.direction == "in",
            Message.author_handle.in_(spellings("whatsapp", number)),
        )
    )
    return last + WHATSAPP_WINDOW if last else None


def why_not(
    session: Session, channel: str, number: str, at: datetime, *, template: bool = False
) -> str:
    """Return the sentence that says why a text must not be sent now; "" where it may."""
    if opted_out(session, channel, number) is not None:
        return OPTED_OUT
    if channel == "whatsapp" and not template:
        until = window_until(session, number)
        if until is None or until <= at:
            return WINDOW_CLOSED
    return ""


def opt_outs(session: Session) -> Sequence[OptOut]:
    """Return whose wish for no more messages holds, the latest first."""
    return session.scalars(
        select(OptOut)
        .where(OptOut.ended_at.is_(None))
        .order_by(OptOut.opted_out_at.desc(), OptOut.number)
        .limit(MOST_SHOWN)
    ).all()


def templates(session: Session, *, usable: bool = False) -> Sequence[MessageTemplate]:
    """Return the approved texts by name; with `usable` only those that may be sent."""
    wanted = select(MessageTemplate).order_by(MessageTemplate.name, MessageTemplate.language)
    if usable:
        wanted = wanted.where(MessageTemplate.state == "approved")
    return session.scalars(wanted.limit(MOST_SHOWN)).all()


def template(session: Session, template_id: UUID) -> MessageTemplate:
    """Return one approved text. Raises `NotFound`."""
    found = session.get(MessageTemplate, template_id)
    if found is None:
        raise NotFound("template")
    return found


def call_of_report(session: Session, report: CallReport) -> Call | None:
    """Return the call that a report speaks of, locked: by our key, or the provider's id."""
    key = _as_id(report.key)
    wanted = Call.id == key if key else Call.provider_id == report.call_id
    return session.scalar(select(Call).where(wanted).with_for_update())


def _as_id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def call_under_way(session: Session, ticket_id: UUID, direction: str) -> bool:
    """Say whether a call of this conversation is going on."""
    found = session.scalar(
        select(Call.id)
        .where(
            Call.ticket_id == ticket_id,
            Call.direction == direction,
            Call.state.in_(UNDER_WAY),
        )
        .limit(1)
    )
    return found is not None


def line_of(session: Session, number: str) -> PhoneLine | None:
    return session.get(PhoneLine, number)


def refusals(session: Session) -> dict[str, RefusedDelivery]:
    """Return the last refused delivery of each channel."""
    return {row.channel: row for row in session.scalars(select(RefusedDelivery))}
