"""Calls in the background: telephones are rung with no transaction open."""

from uuid import UUID

import structlog

from channels.port import SendError, Uncertain
from helpdesk.events.service import Actor, append_event
from helpdesk.jobs.port import job
from helpdesk.phone import calls
from helpdesk.phone.model import Call
from helpdesk.phone.port import Switchboard
from helpdesk.services import Services
from helpdesk.tickets.model import Ticket
from helpdesk.tickets.queries import lock_ticket

log = structlog.get_logger()


@job("ring_for_caller", queue="default")
def ring_for_caller(services: Services, call_id: str) -> None:
    """Ring the colleague who took a waiting call. Safe to run twice."""
    with services.begin() as tx:
        call = tx.session.get(Call, UUID(call_id))
        if call is None or call.state != "ringing" or not call.staff_id or not call.provider_id:
            return
        phone = calls.phone_of(tx, call.staff_id)
    board: object = services.adapters.get("voice")
    if not isinstance(board, Switchboard) or not phone:
        return
    try:
        board.ring_colleague(call.provider_id, to=phone, key=call_id, topic=call.topic)
    except SendError as fault:  # the caller hung up meanwhile, or nobody knows
        log.warning("caller not connected", call_id=call_id, why=str(fault))
        with services.begin() as tx:
            row = tx.session.get_one(Call, call.id, with_for_update=True)
            if row.state == "ringing" and not isinstance(fault, Uncertain):
                row.state, row.staff_id, row.why = "waiting", None, str(fault)[:200]


@job("place_phone_call", queue="default")
def place_phone_call(services: Services, call_id: str) -> None:
    """Ring a colleague, then the customer: once, whatever happens in between."""
    with services.begin() as tx:
        call = tx.session.get(Call, UUID(call_id), with_for_update=True)
        if call is None or call.state != "queued" or not call.staff_id:
            return
        call.state = "dialling"  # committed before anybody is rung
        phone = calls.phone_of(tx, call.staff_id)
        ticket = tx.session.get_one(Ticket, call.ticket_id)
        name, number = ticket.customer_name, call.number
    board: object = services.adapters.get("voice")
    if not isinstance(board, Switchboard) or not phone:
        _failed(services, call.id, "failed", "no telephone")
        return
    try:
        provider_id = board.bridge(
            colleague=phone,
            customer=number,
            line=services.settings.voice_number,
            name=name,
            key=call_id,
        )
    except SendError as fault:
        state = "uncertain" if isinstance(fault, Uncertain) else "failed"
        _failed(services, call.id, state, str(fault))
        return
    with services.begin() as tx:
        tx.session.get_one(Call, call.id, with_for_update=True).provider_id = provider_id


def _failed(services: Services, call_id: UUID, state: str, why: str) -> None:
    with services.begin() as tx:
        call = tx.session.get_one(Call, call_id)
        assert call.ticket_id is not None
        ticket = lock_ticket(tx, call.ticket_id)
        tx.session.refresh(call, with_for_update=True)
        if not calls.advance(call, state):
            return  # the network has told more since
        call.why = why[:200]
        append_event(
            tx,
            ticket,
            "call.failed",
            actor=Actor.system(),
            data={"call_id": str(call.id), "why": call.why},
        )


@job("close_forgotten_calls", queue="default", every="0 * * * * *")
def close_forgotten_calls(services: Services) -> None:
    """End calls of which nothing was heard any more."""
    calls.close_forgotten(services)
