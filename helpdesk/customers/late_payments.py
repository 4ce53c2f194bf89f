"""Money that came too late becomes a conversation of its own: a person decides what happens to it.

A boleto that was withdrawn can be paid for days, and a second copy beside the first.
"""

from typing import Final
from uuid import UUID

from sqlalchemy import select

from billing_core.events import LatePaymentArrived
from billing_core.store.invoice import Invoice
from billing_core.store.locks import lock_payment
from helpdesk.customers.own_tickets import open_about
from helpdesk.db import UnitOfWork
from helpdesk.events.model import Event
from helpdesk.events.service import Actor, append_event
from helpdesk.services import Services
from helpdesk.tickets.model import Ticket

_SUBJECTS: Final = {
    "pt_BR": "Pagamento atrasado: dinheiro à espera de uma decisão",
    "en": "Late payment: money waits for a decision",
}


def hear_of_late_payment(tx: UnitOfWork, event: LatePaymentArrived) -> None:
    """React to late money: a job opens the ticket. The two commit together, or neither does."""
    tx.enqueue(
        "open_late_payment",
        str(event.payment_id),
        str(event.invoice_id),
        key=f"late-payment-{event.payment_id}",
    )


def open_late_payment(services: Services, payment_id: UUID, invoice_id: UUID) -> UUID:
    """Open the ticket about a late payment and return it. The second time it is the first one's."""
    with services.begin() as tx:
        payment = lock_payment(tx.session, payment_id)  # two at once: one waits, then finds it
        known = tx.session.scalar(
            select(Event.ticket_id).where(
                Event.kind == "payment.late",
                Event.at >= payment.captured_at,
                Event.data["payment_id"].as_string() == str(payment_id),
            )
        )
        if known is not None:
            return known
        invoice = tx.session.get(Invoice, invoice_id)
        ticket = open_about(
            tx,
            _SUBJECTS[services.settings.language],
            customer_id=payment.customer_id,
            subscription_id=invoice.subscription_id if invoice else None,
        )
        ticket.money_at_stake_minor = payment.captured_minor
        ticket.money_currency = payment.currency
        _tell(tx, ticket, payment_id, invoice)
        return ticket.id


def _tell(tx: UnitOfWork, ticket: Ticket, payment_id: UUID, invoice: Invoice | None) -> None:
    append_event(
        tx,
        ticket,
        "payment.late",
        actor=Actor.system(),
        data={
            "payment_id": str(payment_id),
            "invoice_number": invoice.number if invoice else "",
            "amount_minor": ticket.money_at_stake_minor,
            "currency": ticket.money_currency,
        },
    )
