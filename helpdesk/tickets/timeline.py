"""The timeline: messages, notes, money and grey lines in the order they happened.

A step of something already shown (a message delivered, a refund settled) gives that item
again, at its own place and with its own id, so that a page replaces it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing_core.domain.money import Money
from helpdesk.customers.model import Customer
from helpdesk.events.model import Event
from helpdesk.inbox.model import Attachment as AttachmentRow
from helpdesk.outbox.model import Outbound
from helpdesk.outbox.service import may_take_back
from helpdesk.outbox.words import is_late, say_error
from helpdesk.phone.segments import count_segments
from helpdesk.phone.timeline import call_words
from helpdesk.staff.model import Staff
from helpdesk.tickets.amounts import charges_of, marked
from helpdesk.tickets.dispute_words import dispute_words
from helpdesk.tickets.model import Message, Ticket
from helpdesk.tickets.screen import (
    Attachment,
    CopyItem,
    DayLine,
    MessageItem,
    NoteItem,
    SystemLine,
    TimelineItem,
    TimelineScreen,
    plain,
)
from helpdesk.tickets.slips import money_slips
from helpdesk.web.formats import Formats
from helpdesk.web.screen import person

WINDOW = 200  # lines of the record that one answer covers
SAID = ("message.received", "message.sent", "note.added")


@dataclass(frozen=True, slots=True)
class Writer:
    """Who reads, and in whose name the product speaks."""

    formats: Formats
    company: str
    may_send: bool = True


@dataclass(slots=True)
class _Rows:
    """What the lines of the record point at, fetched once for all."""

    messages: dict[UUID, Message] = field(default_factory=dict)
    outbound: dict[UUID, Outbound] = field(default_factory=dict)
    copies: dict[UUID, list[Outbound]] = field(default_factory=dict)
    files: dict[UUID, list[AttachmentRow]] = field(default_factory=dict)
    names: dict[UUID, str] = field(default_factory=dict)
    charges: dict[int, str] = field(default_factory=dict)


def timeline_screen(
    session: Session, ticket: Ticket, writer: Writer, *, after: int = 0
) -> TimelineScreen:
    """Return what is new or changed since the line `after`; the newest part where it is much."""
    newest = session.scalars(
        select(Event)
        .where(Event.ticket_id == ticket.id, Event.seq > after)
        .order_by(Event.seq.desc())
        .limit(WINDOW)
    ).all()
    events = newest[::-1]
    rows = _fetch(session, events)
    rows.charges = charges_of(session, ticket.customer_id)
    items: list[TimelineItem] = list(_messages(rows, writer))
    items += money_slips(session, ticket, events, rows.names, writer.formats)
    items += [line for event in events if (line := _system_line(event, rows.names, writer))]
    items.sort(key=lambda item: item.seq)
    return TimelineScreen(
        ticket_id=str(ticket.id),
        # What was read, not what the row says: a line in between must not be skipped.
        last_seq=max((event.seq or 0 for event in events), default=after),
        items=tuple(_with_days(items, after, writer.formats)),
    )


def events_after(session: Session, ticket_id: UUID, after: int) -> list[dict[str, object]]:
    """Return the hints that somebody has missed: seq and kind, nothing else."""
    found = session.execute(
        select(Event.seq, Event.kind)
        .where(Event.ticket_id == ticket_id, Event.seq > after)
        .order_by(Event.seq.desc())
        .limit(WINDOW)
    )
    missed: list[dict[str, object]] = [{"seq": seq, "kind": kind} for seq, kind in found]
    return missed[::-1]


def _fetch(session: Session, events: Sequence[Event]) -> _Rows:
    rows = _Rows()
    wanted = {UUID(event.data["message_id"]) for event in events if "message_id" in event.data}
    for message in session.scalars(select(Message).where(Message.id.in_(wanted))):
        rows.messages[message.id] = message
    for sending in session.scalars(
        select(Outbound).where(Outbound.message_id.in_(wanted)).order_by(Outbound.id)
    ):
        if sending.cc:
            rows.copies.setdefault(sending.message_id, []).append(sending)
        else:
            rows.outbound[sending.message_id] = sending
    for file in session.scalars(
        select(AttachmentRow)
        .where(AttachmentRow.message_id.in_(wanted))
        .order_by(AttachmentRow.name)
    ):
        rows.files.setdefault(file.message_id, []).append(file)
    rows.names = _names(session, events)
    return rows


def _names(session: Session, events: Iterable[Event]) -> dict[UUID, str]:
    """Return the names of the staff and customers that the lines speak of."""
    ids: set[UUID] = set()
    for event in events:
        if event.actor_id is not None:
            ids.add(event.actor_id)
        ids |= {UUID(event.data[key]) for key in ("to", "customer_id") if _is_id(event.data, key)}
    staff = session.execute(select(Staff.id, Staff.name).where(Staff.id.in_(ids)))
    customers = session.execute(select(Customer.id, Customer.name).where(Customer.id.in_(ids)))
    return {row.id: row.name for found in (staff, customers) for row in found}


def _is_id(data: dict[str, object], key: str) -> bool:
    value = data.get(key)
    return isinstance(value, str) and len(value) == 36


def _messages(rows: _Rows, writer: Writer) -> Iterator[MessageItem | NoteItem]:
    seen: set[str] = set()
    for message in sorted(rows.messages.values(), key=lambda one: one.seq):
        author = person(message.author_name or writer.company, key=str(message.author_id or ""))
        if message.visibility == "note":
            yield NoteItem(message.seq, author, message.at, plain(message.body), id=str(message.id))
            continue
        sending = rows.outbound.get(message.id)
        yield MessageItem(
            seq=message.seq,
            direction=message.direction,  # type: ignore[arg-type]  # CHECKs keep the words
            channel=message.channel,  # type: ignore[arg-type]
            author=author,
            at=message.at,
            body=marked(message.reply_text or message.body, rows.charges),
            id=str(message.id),
            full_name=author.name not in seen,
            language=message.language.replace("_", "-"),
            state=sending.state if sending else "",  # type: ignore[arg-type]
            state_at=sending.sent_at if sending else None,
            error=_fault(sending, writer) if sending else "",
            parts=count_segments(message.body).count if message.channel == "sms" and sending else 0,
            attachments=tuple(
                Attachment(file.name, f"/attachments/{file.id}", file.size, file.media_type)
                for file in rows.files.get(message.id, ())
                if f"/attachments/{file.id}" != message.media_url  # the player has it
            ),
            html_url=f"/messages/{message.id}/original" if message.html_blob else "",
            whole_url=f"/messages/{message.id}/whole" if _is_shortened(message) else "",
            trust=message.trust if message.channel == "email" else "",
            auto=message.auto,
            facts=message.facts,
            recording_url=message.media_url,
            seconds=message.media_seconds,
            retry=sending is not None and _is_stuck(sending) and writer.may_send,
            copies=tuple(
                CopyItem(str(one.id), one.recipient, one.state, _fault(one, writer))  # type: ignore[arg-type]
                for one in rows.copies.get(message.id, ())
            ),
            undo_until=_undo_until(sending, writer),
        )
        seen.add(author.name)


def _is_stuck(sending: Outbound) -> bool:
    return sending.state in ("failed", "uncertain") or is_late(sending.state, sending.last_error)


def _fault(sending: Outbound, writer: Writer) -> str:
    return say_error(sending.last_error, writer.formats.gettext) if _is_stuck(sending) else ""


def _undo_until(sending: Outbound | None, writer: Writer) -> datetime | None:
    """Return until when this reader may stop a message; None where she cannot."""
    if sending is None or not writer.may_send or not may_take_back(sending, writer.formats.now):
        return None
    return sending.not_before


def _is_shortened(message: Message) -> bool:
    return bool(message.reply_text) and message.reply_text.split() != message.body.split()


def _system_line(event: Event, names: dict[UUID, str], writer: Writer) -> SystemLine | None:
    """Return the grey line of an event; None for what is shown otherwise, or not at all."""
    code, what = _words(event, names, writer)
    if not code or event.seq is None:
        return None
    who = names.get(event.actor_id, "") if event.actor_id else ""
    return SystemLine(event.seq, code, event.at, {"who": who, "what": what}, id=str(event.seq))


def _words(event: Event, names: dict[UUID, str], writer: Writer) -> tuple[str, str]:
    data = event.data
    match event.kind:
        case "ticket.opened":
            return "created", ""
        case "ticket.assigned":
            to = names.get(UUID(data["to"]), "") if data["to"] else ""
            if to and event.actor_id == UUID(data["to"]):
                return "taken", ""
            return ("assigned", to) if to else ("unassigned", "")
        case "ticket.status" if data["to"] in ("solved", "closed"):
            return "solved", ""
        case "ticket.status" if data["from"] in ("solved", "closed"):
            return "reopened", ""
        case "ticket.tagged":
            code = "tagged" if data["added"] else "untagged"
            return code, ", ".join(data["added"] or data["removed"])
        case "ticket.snoozed" if data["until"]:
            return "snoozed", writer.formats.entry(datetime.fromisoformat(data["until"]))
        case "ticket.snoozed":
            return "woken", ""
        case "money.outside":
            amount = Money(data["amount_minor"], data["currency"])
            return "refunded_outside", writer.formats.money(amount)
        case "money.contradicted":
            amount = Money(data["amount_minor"], data["currency"])
            return "refund_contradicted", writer.formats.money(amount)
        case "dispute.opened" | "dispute.changed":
            return dispute_words(data, writer.formats)
        case "payment.late":
            amount = Money(data["amount_minor"], data["currency"])
            return "payment_late", writer.formats.money(amount)
        case "consent.ended":
            return "consent_ended", ""
        case "phone.opted_out" | "phone.opted_in":
            return event.kind.partition(".")[2], data["number"]
        case "message.file_lost":
            return "file_lost", say_error(data["why"], writer.formats.gettext)
        case kind if kind.startswith("call."):
            return call_words(kind, data, writer.formats)
        case "ticket.merged" | "ticket.joined" | "ticket.unrelated":
            return event.kind.partition(".")[2], f"#{data['number']}"
        case "customer.linked":
            return "customer_linked", names.get(UUID(data["customer_id"]), "")
    return "", ""


def _with_days(
    items: Iterable[TimelineItem], after: int, formats: Formats
) -> Iterator[TimelineItem]:
    """Put a line before the first new item of each day."""
    shown: date | None = None
    for item in items:
        if item.seq > after and not isinstance(item, DayLine):
            day = formats.local(item.at).date()
            if day != shown:
                yield DayLine(day, seq=item.seq, id=day.isoformat())
                shown = day
        yield item
