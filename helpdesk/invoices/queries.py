"""One invoice with everything its document says, for those who may see its customer."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, exists, func, select, true
from sqlalchemy.orm import Session

from billing_core.domain.money import Money
from billing_core.instructions import Instructions, payment_instructions
from billing_core.invoices import InvoiceBridge, invoice_bridge
from billing_core.store.invoice import Invoice, InvoiceLine
from billing_core.store.lines import lines_of
from billing_core.store.payment import Payment
from helpdesk.customers.model import Customer
from helpdesk.errors import NotFound
from helpdesk.staff.agent import Agent
from helpdesk.tickets.model import Ticket
from helpdesk.tickets.queries import visible_to


@dataclass(frozen=True, slots=True)
class Document:
    """`paid` is what was received and not given back."""

    invoice: Invoice
    lines: tuple[InvoiceLine, ...]
    customer: Customer
    bridge: InvoiceBridge | None
    instructions: Instructions | None
    paid: Money


def document_visible_to(session: Session, agent: Agent, invoice_id: UUID) -> Document:
    """Raises `NotFound`, also for the invoice of a customer this person may not see."""
    found = session.execute(
        select(Invoice, Customer)
        .join(Customer, Customer.id == Invoice.customer_id)
        .where(Invoice.id == invoice_id, _customer_visible_to(agent))
    ).first()
    if found is None:
        raise NotFound("invoice")
    invoice, customer = found
    paid = session.scalar(
        select(func.sum(Payment.captured_minor - Payment.refunded_minor)).where(
            Payment.invoice_id == invoice_id
        )
    )
    return Document(
        invoice=invoice,
        lines=tuple(lines_of(session, invoice_id)),
        customer=customer,
        bridge=invoice_bridge(session, invoice_id),
        instructions=payment_instructions(session, invoice_id),
        paid=Money(int(paid or 0), invoice.currency),
    )


def _customer_visible_to(agent: Agent) -> ColumnElement[bool]:
    """Whoever sees a conversation with the customer sees the customer's invoices."""
    if agent.may("ticket.read_all"):
        return true()
    return exists().where(Ticket.customer_id == Customer.id, visible_to(agent))
