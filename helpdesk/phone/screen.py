"""What the telephone screens show. Plain values, no Flask."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from channels.port import Check
from helpdesk.phone.hours import WEEKDAYS, write_spans
from helpdesk.phone.model import Call, MessageTemplate, OptOut, PhoneLine, RefusedDelivery
from helpdesk.phone.queries import MOST_SHOWN, line_of, opt_outs, refusals, templates
from helpdesk.staff.agent import Agent
from helpdesk.staff.model import Staff
from helpdesk.tickets.model import Ticket
from helpdesk.tickets.queries import visible_to

RECENT = 30


@dataclass(frozen=True, slots=True)
class CallRow:
    id: UUID
    number: str  # of the ticket
    ticket: int
    name: str
    telephone: str
    direction: str
    state: str
    topic: str
    at: datetime
    callback_at: datetime | None
    talk_s: int
    staff: str


@dataclass(frozen=True, slots=True)
class CallsScreen:
    waiting: Sequence[CallRow]
    callbacks: Sequence[CallRow]
    recent: Sequence[CallRow]
    my_phone: str  # a number, "browser", or ""
    has_softphone: bool
    is_set_up: bool
    problem: str = ""


@dataclass(frozen=True, slots=True)
class LineScreen:
    number: str
    channels: Sequence[str]
    language: str
    greeting: str
    closed_greeting: str
    takes_queue: bool
    days: Sequence[str]  # hours as typed, Monday first
    refused: Sequence[RefusedDelivery]


@dataclass(frozen=True, slots=True)
class LinesScreen:
    lines: Sequence[LineScreen]
    opt_outs: Sequence[OptOut]
    templates: Sequence[MessageTemplate]
    problem: str = ""
    field: str = ""
    typed: dict[str, str] | None = None


@dataclass(frozen=True, slots=True)
class CheckScreen:
    number: str
    channel: str
    checks: Sequence[Check]
    refused: RefusedDelivery | None


def calls_screen(
    session: Session,
    agent: Agent,
    *,
    my_phone: str,
    has_softphone: bool,
    is_set_up: bool,
    problem: str = "",
) -> CallsScreen:
    """Return the calls that this person may see: who waits, who wants a call, the latest."""
    wanted = (
        select(Call, Ticket, Staff.name)
        .join(Ticket, Ticket.id == Call.ticket_id)
        .outerjoin(Staff, Staff.id == Call.staff_id)
        .where(visible_to(agent))
    )
    waiting = wanted.where(Call.state.in_(("waiting", "ringing")), Call.direction == "in")
    callbacks = wanted.where(Call.callback_at.is_not(None), Call.called_back_at.is_(None))
    return CallsScreen(
        waiting=_rows(session, waiting.order_by(Call.began_at).limit(MOST_SHOWN)),
        callbacks=_rows(session, callbacks.order_by(Call.callback_at).limit(MOST_SHOWN)),
        recent=_rows(session, wanted.order_by(Call.began_at.desc()).limit(RECENT)),
        my_phone="browser" if my_phone.startswith("client:") else my_phone,
        has_softphone=has_softphone,
        is_set_up=is_set_up,
        problem=problem,
    )


def lines_screen(
    session: Session,
    numbers: dict[str, list[str]],
    *,
    problem: str = "",
    field: str = "",
    typed: dict[str, str] | None = None,
) -> LinesScreen:
    refused = refusals(session)
    return LinesScreen(
        lines=[
            _line(number, channels, line_of(session, number), refused)
            for number, channels in numbers.items()
        ],
        opt_outs=opt_outs(session),
        templates=templates(session),
        problem=problem,
        field=field,
        typed=typed,
    )


def _line(
    number: str, channels: list[str], row: PhoneLine | None, refused: dict[str, RefusedDelivery]
) -> LineScreen:
    hours = row.hours if row else {}
    return LineScreen(
        number=number,
        channels=channels,
        language=row.language if row else "pt_BR",
        greeting=row.greeting if row else "",
        closed_greeting=row.closed_greeting if row else "",
        takes_queue=row.takes_queue if row else True,
        days=[write_spans(hours.get(str(n), ())) for n in range(WEEKDAYS)],
        refused=[refused[channel] for channel in channels if channel in refused],
    )


def _rows(session: Session, wanted: object) -> list[CallRow]:
    return [
        CallRow(
            id=call.id,
            number=str(ticket.number),
            ticket=ticket.number,
            name=ticket.customer_name,
            telephone=call.number,
            direction=call.direction,
            state=call.state,
            topic=call.topic,
            at=call.began_at,
            callback_at=call.callback_at,
            talk_s=call.talk_s,
            staff=name or "",
        )
        for call, ticket, name in session.execute(wanted)  # type: ignore[call-overload]  # a select
    ]
