"""Reading what gateways have pushed, and telling people what only the gateway knew."""

from uuid import UUID

import structlog
from sqlalchemy import select

from billing_core.errors import GatewayUnreachable
from billing_core.events import GatewayNoticeKept, RefundMadeOutside
from billing_core.gateway_events import events_to_read, postpone_event, read_event
from billing_core.store.payment import Refund
from helpdesk.customers.findings import ticket_at_work
from helpdesk.db import UnitOfWork
from helpdesk.events.model import Event
from helpdesk.events.reactions import Reactions
from helpdesk.events.service import Actor, append_event, audit
from helpdesk.services import Services
from helpdesk.tickets.queries import lock_ticket

log = structlog.get_logger()

MADE_OUTSIDE = "money.outside"


def connect(reactions: Reactions) -> None:
    reactions.on(GatewayNoticeKept, hear_of_notice)
    reactions.on(RefundMadeOutside, hear_of_outside_refund)


def hear_of_notice(tx: UnitOfWork, event: GatewayNoticeKept) -> None:
    """Have a notice read if and only if it is kept."""
    tx.enqueue("read_gateway_event", str(event.notice_id), key=f"notice:{event.notice_id}")


def hear_of_outside_refund(tx: UnitOfWork, event: RefundMadeOutside) -> None:
    """Have it told in a job of its own: billing holds the payment here, others the ticket first."""
    tx.enqueue("tell_of_outside_refund", str(event.refund_id), key=f"outside:{event.refund_id}")


def read_due(services: Services) -> None:
    """Read every notice whose turn it is. One that cannot be read keeps no other waiting."""
    with services.reading() as session:
        due = events_to_read(session, services.clock())
    for notice_id in due:
        try:
            read_event(services.begin, services.gateways, notice_id)
        except GatewayUnreachable as silence:  # it waits for its next turn already
            log.info("gateway silent", notice=str(notice_id), why=str(silence))
        except Exception as fault:  # whatever it is, the others must have theirs
            log.exception("gateway notice not read", notice=str(notice_id))
            postpone_event(services.begin, notice_id, f"{type(fault).__name__}: {fault}")


def tell_of_outside_refund(services: Services, refund_id: UUID) -> None:
    """Write it into the customer's open conversation, or into the audit trail. Once."""
    with services.begin() as tx:
        refund = tx.session.get_one(Refund, refund_id)
        ticket_id = ticket_at_work(tx, refund.customer_id)
        ticket = lock_ticket(tx, ticket_id) if ticket_id is not None else None
        told = tx.session.scalars(select(Event.data).where(Event.kind == MADE_OUTSIDE))
        if any(data["refund_id"] == str(refund_id) for data in told):
            return
        data = {
            "refund_id": str(refund_id),
            "payment_id": str(refund.payment_id),
            "customer_id": str(refund.customer_id),
            "amount_minor": refund.amount_minor,
            "currency": refund.currency,
            "gateway": refund.gateway,
        }
        if ticket is None:
            audit(tx, MADE_OUTSIDE, actor=Actor.system(), data=data)
        else:
            append_event(tx, ticket, MADE_OUTSIDE, actor=Actor.system(), data=data)
