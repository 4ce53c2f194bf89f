"""What a customer needs to pay an open invoice herself: a Pix code or a boleto that waits."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from .domain.money import Money
from .ports import PayBy
from .store.invoice import Invoice
from .store.payment import PaymentAttempt


@dataclass(frozen=True, slots=True)
class Instructions:
    attempt_id: UUID
    amount: Money
    due_on: date | None  # the local day until which it can be paid
    pay_by: PayBy


def payment_instructions(session: Session, invoice_id: UUID) -> Instructions | None:
    """Return how the customer can pay the invoice now; None: nothing waits for her.

    What is being withdrawn is not shown any more. What has expired is, until the gateway
    has confirmed that: see `pay_by.expires_at`.
    """
    attempt = session.scalars(
        select(PaymentAttempt)
        .join(Invoice, Invoice.id == PaymentAttempt.invoice_id)
        .where(
            PaymentAttempt.invoice_id == invoice_id,
            PaymentAttempt.state == "pending",
            PaymentAttempt.withdraw_asked_at.is_(None),
            Invoice.state == "open",
        )
    ).first()
    if attempt is None or attempt.pay_by is None:
        return None
    said = attempt.pay_by
    until = said["expires_at"]
    pay_by = PayBy(
        rail=said["rail"],
        code=said["code"],
        barcode=said["barcode"],
        expires_at=datetime.fromisoformat(until) if until is not None else None,
    )
    amount = Money(attempt.amount_minor, attempt.currency)
    return Instructions(attempt.id, amount, attempt.due_on, pay_by)
