"""The middle column: header, clocks, composer, and the earlier conversations."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from babel.core import Locale
from sqlalchemy import select
from sqlalchemy.orm import Session

from helpdesk.customers.model import Customer
from helpdesk.inbox.threading import follow_merges
from helpdesk.outbox.queries import ReplyChannel, cc_of_last_answer, reply_channels
from helpdesk.phone.queries import templates, window_until
from helpdesk.realtime.presence import Viewer
from helpdesk.sla.queries import clocks_of
from helpdesk.sla.rules import Clock
from helpdesk.staff.agent import Agent
from helpdesk.staff.model import Staff
from helpdesk.tickets.desk import CARRY_FILES
from helpdesk.tickets.model import Draft, Message, Ticket
from helpdesk.tickets.queries import drafts_of, tags_of, visible_to
from helpdesk.tickets.screen import (
    Colleague,
    ComposerChannel,
    ComposerScreen,
    ConversationScreen,
    PastTicket,
    RelatedTicket,
    SlaChip,
    TimelineScreen,
)
from helpdesk.tickets.timeline import Writer, timeline_screen
from helpdesk.web.formats import Formats
from helpdesk.web.screen import Person, person

MOST_COLLEAGUES = 100
EARLIER = 3


@dataclass(frozen=True, slots=True)
class Desk:
    """Who reads, how they like their figures, and who else is looking."""

    agent: Agent
    formats: Formats
    company: str
    viewers: tuple[Viewer, ...] = ()
    has_line: bool = False  # calls can be made from here

    def writer(self) -> Writer:
        return Writer(self.formats, self.company, self.agent.may("ticket.reply"))


def conversation_screen(session: Session, ticket: Ticket, desk: Desk) -> ConversationScreen:
    """Return the whole column, timeline included."""
    return _screen(session, ticket, desk, timeline_screen(session, ticket, desk.writer()))


def header_screen(session: Session, ticket: Ticket, desk: Desk) -> ConversationScreen:
    """Return what the header shows; the timeline is empty."""
    return _screen(session, ticket, desk, TimelineScreen(str(ticket.id), ticket.last_seq, ()))


def _screen(
    session: Session, ticket: Ticket, desk: Desk, timeline: TimelineScreen
) -> ConversationScreen:
    customer = session.get(Customer, ticket.customer_id) if ticket.customer_id else None
    chips = _chips(ticket, clocks_of(session, ticket.id))
    others = [one for one in desk.viewers if one.id != str(desk.agent.id)]
    return ConversationScreen(
        ticket_id=str(ticket.id),
        number=ticket.number,
        subject=ticket.subject,
        category=ticket.category,  # type: ignore[arg-type]  # a CHECK keeps the words
        customer_name=ticket.customer_name or f"#{ticket.number}",
        timeline=timeline,
        composer=_composer(session, ticket, desk),
        first=chips.get("first_response"),
        next=chips.get("next_response"),
        resolution=chips.get("resolution"),
        tags=tuple(tags_of(session, ticket.id)),
        assignee=_assignee(session, ticket),
        snoozed_until=ticket.snoozed_until,
        viewers=tuple(person(one.name, key=one.id) for one in others),
        colleagues=_colleagues(session, desk.agent),
        customer_language=_language(customer, desk),
        customer_place=_place(customer, desk.formats),
        past=_joined(session, ticket, desk.agent) + _past(session, ticket, desk.agent),
        related=_other(session, ticket.related_id, desk.agent),
        merged_into=_other(session, ticket.merged_into_id, desk.agent),
        may_call=desk.has_line and desk.agent.may("call.place"),
    )


def _chips(ticket: Ticket, clocks: list[Clock]) -> dict[str, SlaChip]:
    """Return one chip for each metric: the latest cycle, where it still says something."""
    chips: dict[str, SlaChip] = {}
    for clock in clocks:  # cycles in order: the latest wins
        chip = _chip(ticket, clock)
        if chip is None or (clock.metric == "next_response" and chip.state == "met"):
            chips.pop(clock.metric, None)
        else:
            chips[clock.metric] = chip
    return chips


def _chip(ticket: Ticket, clock: Clock) -> SlaChip | None:
    match clock.state:
        case "fulfilled":
            return SlaChip("met", took_s=clock.consumed_s)
        case "paused":
            return SlaChip("hold", reason="snoozed" if ticket.snoozed_until else "customer")
        case "running" if clock.due_at is not None:
            return SlaChip("running", due_at=clock.due_at, target_s=clock.target_s)
    return None


def _composer(session: Session, ticket: Ticket, desk: Desk) -> ComposerScreen:
    drafts = drafts_of(session, desk.agent.id, ticket.id)
    now = desk.formats.now
    ways = tuple(_way(session, ticket, way, now) for way in reply_channels(session, ticket))
    keys = [way.key for way in ways]
    reply, note = drafts.get("reply"), drafts.get("note")
    chosen = reply.channel if reply and reply.channel in keys else (keys[0] if keys else "note")
    return ComposerScreen(
        ticket_id=str(ticket.id),
        channels=ways,
        channel=chosen,
        message_id=str(uuid4()),
        reply_draft=reply.body if reply else "",
        note_draft=note.body if note else "",
        language=_spoken(session, ticket),
        may_reply=desk.agent.may("ticket.reply"),
        may_note=desk.agent.may("ticket.note"),
        templates="whatsapp" in keys and bool(templates(session, usable=True)),
        attach=any(way.key in CARRY_FILES for way in ways),
        **(_cc(session, ticket, ways, reply) if "email" in keys else {}),
    )


def _cc(
    session: Session, ticket: Ticket, ways: Iterable[ComposerChannel], draft: Draft | None
) -> dict[str, Any]:
    """Return who gets a copy, and who might: nobody does before a person has said so.

    A stranger may have written in the customer's name and put herself in Cc.
    """
    going = {way.address for way in ways}
    kept = cc_of_last_answer(session, ticket.id)
    cc = draft.cc if draft else ", ".join(one for one in kept if one not in going)
    named = session.scalar(
        select(Message.facts)
        .where(
            Message.ticket_id == ticket.id,
            Message.channel == "email",
            Message.direction == "in",
            Message.auto == "",
        )
        .order_by(Message.seq.desc())
        .limit(1)
    )
    going |= {one.strip() for one in cc.split(",")}
    guesses = (named or {}).get("cc", "").split(", ")
    return {"cc": cc, "cc_guesses": tuple(one for one in guesses if one and one not in going)}


def _way(session: Session, ticket: Ticket, way: ReplyChannel, now: datetime) -> ComposerChannel:
    if way.opted_out:
        return ComposerChannel(way.channel, way.label, limit="opted_out")  # type: ignore[arg-type]
    if way.channel == "sms":
        return ComposerChannel("sms", way.label, limit="sms_parts")
    if way.channel == "whatsapp":
        until = window_until(session, way.recipient)
        is_open = until is not None and until > now
        return ComposerChannel(
            "whatsapp", way.label, limit="whatsapp_window" if is_open else "closed", until=until
        )
    return ComposerChannel(
        way.channel,  # type: ignore[arg-type]  # the outbox knows no other words
        way.label,
        subject=ticket.subject if way.channel == "email" else "",
    )


def _spoken(session: Session, ticket: Ticket) -> str:
    """Return the language of the customer's last words, as `lang` wants it."""
    language = session.scalar(
        select(Message.language)
        .where(Message.ticket_id == ticket.id, Message.direction == "in", Message.language != "")
        .order_by(Message.seq.desc())
        .limit(1)
    )
    return (language or "").replace("_", "-")


def _assignee(session: Session, ticket: Ticket) -> Person | None:
    if ticket.assignee_id is None:
        return None
    name = session.scalar(select(Staff.name).where(Staff.id == ticket.assignee_id))
    return person(name or "?", key=str(ticket.assignee_id))


def _colleagues(session: Session, agent: Agent) -> tuple[Colleague, ...]:
    """Return whom a conversation can be given to: the reader first."""
    rows = session.execute(
        select(Staff.id, Staff.name, Staff.availability)
        .where(Staff.disabled_at.is_(None))
        .order_by(Staff.id != agent.id, Staff.name)
        .limit(MOST_COLLEAGUES)
    )
    return tuple(Colleague(str(row.id), row.name, row.availability) for row in rows)


def _language(customer: Customer | None, desk: Desk) -> str:
    """Return the customer's language in the reader's words; "" where it is the same."""
    if customer is None or customer.language[:2] == desk.agent.language[:2]:
        return ""
    spoken = Locale.parse(customer.language, sep="_")
    return spoken.get_language_name(desk.formats.locale) or ""


def _place(customer: Customer | None, formats: Formats) -> str:
    if customer is None or customer.time_zone == str(formats.zone):
        return ""
    city = customer.time_zone.rpartition("/")[2].replace("_", " ")
    return f"{city} {formats.now.astimezone(ZoneInfo(customer.time_zone)):%H:%M}"


def _past(session: Session, ticket: Ticket, agent: Agent) -> tuple[PastTicket, ...]:
    """Return the customer's earlier conversations that this reader may see, oldest first."""
    if ticket.customer_id is None:
        return ()
    rows = session.scalars(
        select(Ticket)
        .where(
            visible_to(agent),
            Ticket.customer_id == ticket.customer_id,
            Ticket.id != ticket.id,
            Ticket.merged_into_id.is_(None),
            Ticket.created_at <= ticket.created_at,
        )
        .order_by(Ticket.created_at.desc())
        .limit(EARLIER)
    ).all()
    return tuple(
        PastTicket(one.number, one.subject, one.first_channel, one.solved_at)  # type: ignore[arg-type]
        for one in reversed(rows)
    )


def _joined(session: Session, ticket: Ticket, agent: Agent) -> tuple[PastTicket, ...]:
    """Return the conversations that were joined to this one."""
    rows = session.scalars(
        select(Ticket)
        .where(visible_to(agent), Ticket.merged_into_id == ticket.id)
        .order_by(Ticket.created_at)
        .limit(EARLIER)
    )
    return tuple(
        PastTicket(one.number, one.subject, one.first_channel, None)  # type: ignore[arg-type]
        for one in rows
    )


def _other(session: Session, ticket_id: UUID | None, agent: Agent) -> RelatedTicket | None:
    """Return the living conversation that an id leads to; None where this reader may not see it."""
    found = session.get(Ticket, ticket_id) if ticket_id else None
    if found is None:
        return None
    living = session.scalar(
        select(Ticket).where(visible_to(agent), Ticket.id == follow_merges(session, found)[-1].id)
    )
    if living is None:
        return None
    return RelatedTicket(living.number, living.subject, living.customer_name)
