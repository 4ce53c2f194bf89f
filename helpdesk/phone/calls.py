"""The life of a call: what the telephone network tells of it, and what people do with it.

What it tells comes in any order and more than once, so a state only moves forward.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select

from channels.port import CallReport
from helpdesk.db import UnitOfWork
from helpdesk.errors import Conflict, NotFound
from helpdesk.events.service import Actor, append_event
from helpdesk.inbox.phrases import phrase
from helpdesk.phone.model import Call, StaffPhone
from helpdesk.phone.queries import call_of_report, call_under_way
from helpdesk.phone.words import CALL_GONE, CALL_RUNNING, NO_PHONE_OF_YOURS, NO_VOICE
from helpdesk.services import Services
from helpdesk.settings import Settings
from helpdesk.sla import service as sla
from helpdesk.staff.agent import Agent
from helpdesk.tickets.model import Ticket, TicketTag
from helpdesk.tickets.queries import lock_ticket, lock_ticket_visible_to

FORGOTTEN_AFTER: Final = timedelta(hours=4)  # longer than any call may last
DIALLING_AFTER: Final = timedelta(minutes=5)

# What is later in a call's life overrules what is earlier, whenever it is told.
_RANK: Final = {
    "queued": 0,
    "dialling": 1,
    "greeted": 1,
    "uncertain": 2,
    "waiting": 2,
    "ringing": 3,
    "talking": 4,
    "missed": 5,
    "failed": 5,
    "voicemail": 6,
    "ended": 7,
}


@dataclass(frozen=True, slots=True)
class Told:
    """One report about a call, with the rows that it is about, locked."""

    tx: UnitOfWork
    settings: Settings
    call: Call
    ticket: Ticket
    report: CallReport


def note_call(
    tx: UnitOfWork, settings: Settings, report: CallReport, ticket: Ticket | None
) -> Call | None:
    """Write down how far a call has come; return it, None where it is not known and is over.

    `ticket` is the locked conversation that the same delivery belongs to, if it does.
    """
    call = call_of_report(tx.session, report)
    if call is None:
        if report.step != "waiting" or ticket is None:
            return None  # a call that never waited is told by its message alone
        call = _begin(tx, report, ticket)
    if ticket is None and call.ticket_id is not None:
        ticket = lock_ticket(tx, call.ticket_id)
    if ticket is not None:
        call.ticket_id = ticket.id
        _STEPS[report.step](Told(tx, settings, call, ticket, report))
    return call


def answer_call(services: Services, agent: Agent, call_id: UUID) -> None:
    """A colleague takes a waiting call: her telephone rings, and then they are connected.

    Raises `Conflict` where it is somebody else's by now, or she has named no telephone.
    """
    with services.begin() as tx:
        call = tx.session.get(Call, call_id)
        if call is None or call.ticket_id is None:
            raise NotFound("call")
        ticket = lock_ticket_visible_to(tx, agent, call.ticket_id)
        tx.session.refresh(call, with_for_update=True)
        _phone_of(tx, agent)
        if call.state != "waiting":
            raise Conflict(CALL_GONE)
        call.state, call.staff_id = "ringing", agent.id
        append_event(
            tx, ticket, "call.taken", actor=Actor.staff(agent.id), data={"call_id": str(call.id)}
        )
        tx.enqueue("ring_for_caller", str(call.id))


def place_call(services: Services, agent: Agent, ticket_id: UUID, number: str, *, key: str) -> UUID:
    """Ring the colleague who asks, then the customer. One click is one call.

    `number` is one of the customer's own. Raises `Conflict` where a call of this
    conversation is under way, no line is set up, or she has named no telephone.
    """
    with services.begin() as tx:
        ticket = lock_ticket_visible_to(tx, agent, ticket_id)
        known = tx.session.scalar(select(Call).where(Call.key == key))
        if known is not None:
            return known.id
        if not services.settings.voice_number or "voice" not in services.adapters:
            raise Conflict(NO_VOICE)
        _phone_of(tx, agent)
        if call_under_way(tx.session, ticket.id, "out"):
            raise Conflict(CALL_RUNNING)
        call = Call(
            id=tx.new_id(),
            direction="out",
            number=number,
            ticket_id=ticket.id,
            staff_id=agent.id,
            state="queued",
            began_at=tx.at,
            key=key,
        )
        tx.session.add(call)
        _settle_callbacks(tx, number)
        append_event(
            tx,
            ticket,
            "call.placed",
            actor=Actor.staff(agent.id),
            data={"call_id": str(call.id), "number": number},
        )
        tx.session.flush()
        tx.enqueue("place_phone_call", str(call.id), key=str(call.id))
        return call.id


def close_forgotten(services: Services) -> None:
    """End calls of which nothing was heard any more: a report may be lost for good."""
    now = services.clock()
    with services.reading() as session:
        stale = session.scalars(
            select(Call.id).where(
                Call.state.in_(("dialling", "waiting", "ringing", "talking")),
                Call.began_at < now - DIALLING_AFTER,
            )
        ).all()
    for call_id in stale:
        with services.begin() as tx:
            call = tx.session.get_one(Call, call_id, with_for_update=True)
            if call.state == "dialling" and call.provider_id is None:
                call.state, call.why = "uncertain", "the calling process ended"
            elif call.began_at < tx.at - FORGOTTEN_AFTER:
                advance(call, "ended" if call.state == "talking" else "missed")
                call.ended_at = tx.at


def advance(call: Call, state: str) -> bool:
    """Give a call its next state. False where it is further already."""
    if _RANK[state] <= _RANK[call.state]:
        return False
    call.state = state
    return True


def phone_of(tx: UnitOfWork, staff_id: UUID) -> str:
    """Return where a colleague takes calls: a number, `client:<id>`, or "" for nowhere."""
    found = tx.session.get(StaffPhone, staff_id)
    return found.number if found else ""


def _phone_of(tx: UnitOfWork, agent: Agent) -> str:
    number = phone_of(tx, agent.id)
    if not number:
        raise Conflict(NO_PHONE_OF_YOURS)
    return number


def _begin(tx: UnitOfWork, report: CallReport, ticket: Ticket) -> Call:
    call = Call(
        id=tx.new_id(),
        provider_id=report.call_id,
        direction="in",
        number=report.number,
        ticket_id=ticket.id,
        state="greeted",
        began_at=tx.at,
    )
    tx.session.add(call)
    return call


def _waiting(told: Told) -> None:
    call, report = told.call, told.report
    if not advance(call, "waiting"):
        return
    call.topic = report.topic
    _tell(told, "call.waiting", topic=report.topic)
    if report.topic == "billing":
        _mark_billing(told)


def _mark_billing(told: Told) -> None:
    """The caller said that it is about charges: the team that looks after money finds it."""
    tx, ticket = told.tx, told.ticket
    tag = phrase(told.settings.language, "billing_tag")
    if tx.session.get(TicketTag, (ticket.id, tag)) is None:
        tx.session.add(TicketTag(ticket_id=ticket.id, tag=tag))
        append_event(
            tx, ticket, "ticket.tagged", actor=Actor.system(), data={"added": [tag], "removed": []}
        )


def _callback(told: Told) -> None:
    tx, call = told.tx, told.call
    if call.callback_at is None:
        call.callback_at = tx.at
        _tell(told, "call.callback")


def _talked(told: Told) -> None:
    tx, call, report = told.tx, told.call, told.report
    if not advance(call, "ended"):
        return
    call.talk_s, call.ended_at = report.duration_s, tx.at
    call.answered_at = tx.at - timedelta(seconds=report.duration_s)
    if call.staff_id is not None:
        sla.staff_answered(tx, told.ticket, call.staff_id)
    _tell(told, "call.talked", seconds=report.duration_s, direction=call.direction)


def _colleague_missed(told: Told) -> None:
    """Our side did not pick up: a caller goes on waiting, a call of ours has failed."""
    tx, call, report = told.tx, told.call, told.report
    if call.direction == "out":
        if advance(call, "failed"):
            call.why, call.ended_at = report.reason, tx.at
            _tell(told, "call.unanswered", by="colleague")
    elif call.state == "ringing":
        call.state = "waiting"
        _tell(told, "call.unanswered", by="colleague")
        call.staff_id = None


def _customer_missed(told: Told) -> None:
    tx, call, report = told.tx, told.call, told.report
    if advance(call, "failed"):
        call.why, call.ended_at = report.reason, tx.at
        _tell(told, "call.unanswered", by="customer")


def _voicemail(told: Told) -> None:
    tx, call = told.tx, told.call
    if advance(call, "voicemail"):
        call.ended_at = tx.at


def _over(told: Told) -> None:
    """The line is free again. Whoever was still waiting was missed, unless she asked for a call."""
    tx, call = told.tx, told.call
    if call.direction == "out":
        _customer_missed(told)
    elif advance(call, "missed"):
        call.ended_at = tx.at
        if call.callback_at is None:
            _tell(told, "call.missed")


_STEPS: Final = {
    "waiting": _waiting,
    "callback": _callback,
    "talked": _talked,
    "colleague_missed": _colleague_missed,
    "customer_missed": _customer_missed,
    "voicemail": _voicemail,
    "over": _over,
}


def _settle_callbacks(tx: UnitOfWork, number: str) -> None:
    """Somebody calls back: nobody else needs to."""
    for call in tx.session.scalars(
        select(Call).where(
            Call.number == number, Call.callback_at.is_not(None), Call.called_back_at.is_(None)
        )
    ):
        call.called_back_at = tx.at


def _tell(told: Told, kind: str, **data: Any) -> None:
    staff_id = told.call.staff_id
    actor = Actor.staff(staff_id) if staff_id else Actor.system()
    append_event(
        told.tx, told.ticket, kind, actor=actor, data={"call_id": str(told.call.id), **data}
    )
