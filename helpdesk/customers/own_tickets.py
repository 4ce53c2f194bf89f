"""Conversations that nobody began: something happened to a customer's money, and a person must look."""

from uuid import UUID

from helpdesk.customers.findings import ticket_at_work
from helpdesk.customers.model import Customer
from helpdesk.customers.queries import living_customer
from helpdesk.db import UnitOfWork
from helpdesk.errors import NotFound
from helpdesk.tickets.model import Ticket
from helpdesk.tickets.service import NewTicket, open_ticket, snippet_of


def open_about(
    tx: UnitOfWork,
    subject: str,
    *,
    customer_id: UUID,
    subscription_id: UUID | None,
    urgent: bool = True,
) -> Ticket:
    """Open a ticket beside the one the customer has at work, on the channel she uses."""
    customer = _customer(tx, customer_id)
    found = ticket_at_work(tx, customer.id) if customer else None
    earlier = tx.session.get_one(Ticket, found) if found else None
    ticket = open_ticket(
        tx,
        NewTicket(
            subject=subject,
            channel=earlier.last_channel if earlier else "email",
            customer_id=customer.id if customer else None,
            customer_name=customer.name if customer else "",
            subscription_id=subscription_id,
            related_id=earlier.id if earlier else None,
        ),
    )
    ticket.priority, ticket.snippet = "high" if urgent else "normal", snippet_of(subject)
    return ticket


def _customer(tx: UnitOfWork, customer_id: UUID) -> Customer | None:
    """Return whose money it is; None: nobody that the helpdesk knows, and a person must look."""
    try:
        return living_customer(tx.session, customer_id)
    except NotFound:
        return None
