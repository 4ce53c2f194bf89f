"""Charges that look like one charge made twice."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from ..domain.balance import refundable
from ..domain.money import Money
from .invoice import Invoice
from .lines import balances
from .payment import Payment
from .views import DuplicateCharge

WINDOW = timedelta(hours=24)


def find_duplicate_charges(session: Session, customer_id: UUID) -> list[DuplicateCharge]:
    """Return pairs with the same customer, amount and method, captured within 24 hours.

    The surplus one has no invoice, or paid an invoice that the other had paid already.
    Pairs with nothing left to give back are not named.
    """
    payments = session.scalars(
        select(Payment)
        .where(Payment.customer_id == customer_id)
        .order_by(Payment.captured_at, Payment.id)
    ).all()
    found = []
    for surplus in payments:
        twins = [twin for twin in payments if _is_twin(surplus, twin)]
        if not twins:
            continue
        left = refundable(surplus.balance, balances(session, surplus.invoice_id, surplus.currency))
        if left.minor > 0:
            # Prefer the one with an invoice: it explains what the money was for.
            twin = min(twins, key=lambda one: (one.invoice_id is None, one.captured_at))
            found.append(_pair(session, surplus, twin, left))
    return found


def _is_twin(surplus: Payment, twin: Payment) -> bool:
    alike = (
        twin.id != surplus.id
        and twin.currency == surplus.currency
        and twin.captured_minor == surplus.captured_minor
        and twin.payment_method_id == surplus.payment_method_id
        and abs(twin.captured_at - surplus.captured_at) <= WINDOW
    )
    if not alike:
        return False
    earlier = (twin.captured_at, twin.id) < (surplus.captured_at, surplus.id)
    if surplus.invoice_id is None:
        return earlier or twin.invoice_id is not None
    return earlier and twin.invoice_id == surplus.invoice_id


def _pair(session: Session, surplus: Payment, twin: Payment, left: Money) -> DuplicateCharge:
    invoice = session.get(Invoice, twin.invoice_id) if twin.invoice_id else None
    return DuplicateCharge(
        payment_id=surplus.id,
        twin_payment_id=twin.id,
        customer_id=surplus.customer_id,
        amount=Money(surplus.captured_minor, surplus.currency),
        refundable=left,
        captured_at=surplus.captured_at,
        twin_captured_at=twin.captured_at,
        invoice_id=twin.invoice_id,
        number=invoice.name if invoice else "",
    )
