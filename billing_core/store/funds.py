"""Where an invoice's money came from, and how much of each source is still there."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from ..domain.money import Money
from ..errors import ChangePending, RefundTooLarge
from .invoice import CreditNote, Invoice
from .locks import lock_all, lock_invoice, lock_payment
from .payment import Payment
from .subscription import PaymentMethod, Subscription


def credit_left(session: Session, invoice: Invoice | None, currency: str) -> Money:
    """Return what the invoice drew from the credit balance and has not returned or promised."""
    if invoice is None:
        return Money.zero(currency)
    returned = session.scalar(
        select(
            func.coalesce(func.sum(CreditNote.amount_minor - CreditNote.from_payment_minor), 0)
        ).where(
            CreditNote.invoice_id == invoice.id,
            CreditNote.settled_by == "credit",
            CreditNote.state != "void",
        )
    )
    # A negative total gave credit; none of it came from the customer.
    return Money(max(0, invoice.credit_applied_minor) - int(returned or 0), currency)


def lock_funds(session: Session, payment_id: UUID) -> Payment:
    """Lock a payment, and its invoice first: credit and lines are counted by one at a time.

    Raises `NotFound`.
    """
    invoice_id = session.scalar(select(Payment.invoice_id).where(Payment.id == payment_id))
    if invoice_id is not None:
        lock_invoice(session, invoice_id)
    return lock_payment(session, payment_id)


def lock_invoice_funds(session: Session, invoice_id: UUID) -> Invoice:
    """Lock subscription, invoice and payments, in the global order. Raises `NotFound`."""
    owner = select(Invoice.subscription_id).where(Invoice.id == invoice_id)
    lock_all(session, select(Subscription).where(Subscription.id.in_(owner)))
    invoice = lock_invoice(session, invoice_id)
    lock_all(session, select(Payment).where(Payment.invoice_id == invoice_id).order_by(Payment.id))
    return invoice


def check_not_pending(session: Session, invoice: Invoice) -> None:
    """Raise `ChangePending` where a plan change waits for this invoice's payment."""
    waiting = session.scalar(
        select(Subscription.id).where(Subscription.pending_invoice_id == invoice.id)
    )
    if waiting is not None:
        raise ChangePending(waiting, invoice.id)


def payments_for(session: Session, invoice_id: UUID) -> Sequence[Payment]:
    """Return an invoice's payments, the one with most left first."""
    found = session.scalars(
        select(Payment)
        .where(Payment.invoice_id == invoice_id)
        .order_by(Payment.id)
        .execution_options(populate_existing=True)
    ).all()
    return sorted(found, key=lambda payment: -payment.balance.left.minor)


def rail_of(session: Session, payment: Payment) -> str:
    """Return how a payment came in; `original` where we do not know the method."""
    if payment.payment_method_id is None:
        return "original"
    return session.get_one(PaymentMethod, payment.payment_method_id).kind


def zone_of(session: Session, payment: Payment) -> str:
    """Return the time zone in which a payment's days are counted: its customer's."""
    mine = select(Invoice.subscription_id).where(Invoice.id == payment.invoice_id).scalar_subquery()
    found = session.scalar(
        select(Subscription.time_zone)
        .where((Subscription.id == mine) | (Subscription.customer_id == payment.customer_id))
        .order_by((Subscription.id == mine).desc(), Subscription.started_at.desc())
        .limit(1)
    )
    return found or "UTC"


def take(session: Session, payment: Payment, column: str, amount: Money) -> None:
    """Count an amount more in a column of a locked payment.

    One guarded statement decides, so that a race has one winner. Raises `RefundTooLarge` to
    the other one, with what is left.
    """
    spent = (
        Payment.refunded_minor
        + Payment.reserved_minor
        + Payment.disputed_minor
        + Payment.credited_minor
    )
    counted = getattr(Payment, column)
    touched = session.execute(
        update(Payment)
        .where(Payment.id == payment.id, spent + amount.minor <= Payment.captured_minor)
        .values({counted: counted + amount.minor})
        .returning(Payment.id)
        .execution_options(synchronize_session=False)
    ).all()
    session.refresh(payment)
    if len(touched) != 1:
        raise RefundTooLarge(amount, payment.balance.left)
