"""What speaks for a charge: the conversation about it, what was sold, and what was given back.

Made only from what the agent who answers may read; notes among colleagues stay inside.
"""

from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing_core.store.dispute import Dispute
from billing_core.store.invoice import Invoice
from billing_core.store.lines import lines_of
from billing_core.store.payment import Payment, Refund
from helpdesk.errors import NotFound
from helpdesk.tickets.model import Message
from helpdesk.tickets.queries import ticket_visible_to

if TYPE_CHECKING:
    from helpdesk.web.access import Agent

LONGEST = 20_000  # characters of one field; providers take no more


def evidence_for(
    session: Session, agent: "Agent", ticket_id: UUID, dispute_id: UUID
) -> dict[str, str]:
    """Return texts by field: customer, charge, refunds, communication. Empty ones are left out.

    Times are UTC, amounts plain: the reader is the payer's bank.

    Raises:
        NotFound: the ticket, or a dispute that is not its customer's.
    """
    dispute, payment = disputed_of(session, agent, ticket_id, dispute_id)
    ticket = ticket_visible_to(session, agent, ticket_id)
    fields = {
        "customer": ticket.customer_name,
        "charge": _charge(session, payment),
        "refunds": _refunds(session, dispute),
        "communication": _communication(session, ticket_id),
    }
    return {name: text[-LONGEST:] for name, text in fields.items() if text}


def disputed_of(
    session: Session, agent: "Agent", ticket_id: UUID, dispute_id: UUID
) -> tuple[Dispute, Payment]:
    """Return a dispute of the ticket's customer with its payment. Raises `NotFound`."""
    ticket = ticket_visible_to(session, agent, ticket_id)
    dispute = session.get(Dispute, dispute_id)
    if dispute is None or dispute.customer_id != ticket.customer_id:
        raise NotFound("dispute")
    return dispute, session.get_one(Payment, dispute.payment_id)


def _charge(session: Session, payment: Payment) -> str:
    captured = payment.balance.captured
    rows = [
        f"Charged {captured} on {payment.captured_at:%Y-%m-%d %H:%M} UTC, {payment.gateway_ref}."
    ]
    if payment.invoice_id is not None:
        invoice = session.get_one(Invoice, payment.invoice_id)
        rows.append(f"Invoice {invoice.name} of {invoice.issued_at:%Y-%m-%d}:")
        for line in lines_of(session, invoice.id):
            days = f", {line.period_start} to {line.period_end}" if line.period_start else ""
            rows.append(f"- {line.quantity} x {line.label}{days}")
    return "\n".join(rows)


def _refunds(session: Session, dispute: Dispute) -> str:
    """What of this payment has gone back already answers that part of the dispute."""
    gone = session.scalars(
        select(Refund)
        .where(Refund.payment_id == dispute.payment_id, Refund.state == "succeeded")
        .order_by(Refund.changed_at)
    )
    return "\n".join(
        f"Refunded {one.amount} on {one.changed_at:%Y-%m-%d %H:%M} UTC, {one.gateway_ref}."
        for one in gone
    )


def _communication(session: Session, ticket_id: UUID) -> str:
    said = session.scalars(
        select(Message)
        .where(Message.ticket_id == ticket_id, Message.visibility == "public")
        .order_by(Message.seq)
    )
    return "\n\n".join(
        f"{one.at:%Y-%m-%d %H:%M} UTC, {_who(one)}:\n{one.reply_text or one.body}" for one in said
    )


def _who(message: Message) -> str:
    return "customer" if message.author_kind == "customer" else "merchant"
