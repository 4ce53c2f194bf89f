"""What billing finds odd about a customer, written into her open ticket."""

from uuid import UUID

from sqlalchemy import select

from billing_core.duplicates import find_duplicate_charges
from billing_core.events import DuplicateChargeFound, PaymentsCaptured
from billing_core.store.views import DuplicateCharge
from helpdesk.db import UnitOfWork
from helpdesk.events.model import Event
from helpdesk.events.service import Actor, append_event
from helpdesk.services import Services
from helpdesk.tickets.model import Ticket
from helpdesk.tickets.queries import lock_ticket

AT_WORK = ("open", "waiting")


def note_duplicates(tx: UnitOfWork, ticket: Ticket) -> int:
    """Write each pair of doubled charges into the timeline once; return how many were new.

    The ticket must be locked. The money at stake is what could still be given back.
    """
    if ticket.customer_id is None:
        return 0
    pairs = find_duplicate_charges(tx.session, ticket.customer_id)
    known = _noted(tx, ticket)
    fresh = [pair for pair in pairs if str(pair.payment_id) not in known]
    for pair in fresh:
        append_event(tx, ticket, "duplicate.detected", actor=Actor.system(), data=_told(pair))
    if pairs:
        currency = pairs[0].refundable.currency
        same = [pair.refundable.minor for pair in pairs if pair.refundable.currency == currency]
        ticket.money_at_stake_minor, ticket.money_currency = sum(same), currency
    return len(fresh)


def look_again(services: Services, customer_id: UUID) -> None:
    """Look for doubled charges of a customer who has an open ticket. Safe to run twice."""
    with services.begin() as tx:
        found = ticket_at_work(tx, customer_id)
        if found is not None:
            note_duplicates(tx, lock_ticket(tx, found))


def hear_of_charges(tx: UnitOfWork, event: PaymentsCaptured) -> None:
    """React to charges: have the open tickets of their customers looked at.

    In jobs of their own: billing holds the payments here, and others lock the ticket first.
    """
    at_work = tx.session.scalars(
        select(Ticket.customer_id)
        .where(
            Ticket.customer_id.in_({one.customer_id for one in event.payments}),
            Ticket.category.in_(AT_WORK),
        )
        .distinct()
    ).all()
    for customer_id in at_work:
        tx.enqueue("look_for_duplicates", str(customer_id))


def hear_of_duplicate(tx: UnitOfWork, event: DuplicateChargeFound) -> None:
    if ticket_at_work(tx, event.customer_id) is not None:
        tx.enqueue("look_for_duplicates", str(event.customer_id))


def ticket_at_work(tx: UnitOfWork, customer_id: UUID) -> UUID | None:
    """Return the customer's newest ticket that is not solved."""
    """Return a customer's open conversation, the one with the newest message."""
    return tx.session.scalar(
        select(Ticket.id)
        .where(Ticket.customer_id == customer_id, Ticket.category.in_(AT_WORK))
        .order_by(Ticket.last_message_at.desc(), Ticket.id.desc())
        .limit(1)
    )


def _noted(tx: UnitOfWork, ticket: Ticket) -> set[str]:
    told = tx.session.scalars(
        select(Event.data).where(Event.ticket_id == ticket.id, Event.kind == "duplicate.detected")
    )
    return {data["payment_id"] for data in told}


def _told(pair: DuplicateCharge) -> dict[str, object]:
    return {
        "payment_id": str(pair.payment_id),
        "twin_payment_id": str(pair.twin_payment_id),
        "payment_ids": [str(pair.twin_payment_id), str(pair.payment_id)],
        "amount_minor": pair.amount.minor,
        "currency": pair.amount.currency,
        "times": [pair.twin_captured_at.isoformat(), pair.captured_at.isoformat()],
        "invoice_number": pair.number,
    }
