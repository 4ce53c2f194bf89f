"""The one place where a charge's outcome becomes a payment, a paid invoice and a ledger entry."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import exists, select

from .domain import ledger as books
from .domain.money import Money
from .events import PaymentCaptured, PaymentFailed
from .ledger import post
from .plan_changes import abandon_change, apply_paid_change
from .ports import Receipt, Tx
from .store.base import add_rows
from .store.invoice import Invoice
from .store.locks import lock_all
from .store.payment import Payment, PaymentAttempt
from .store.subscription import Subscription


@dataclass(frozen=True, slots=True)
class ChargeOutcome:
    """What is known about one attempt now."""

    state: Literal["success", "pending", "failed", "unknown"]
    ref: str = ""
    code: str = ""

    @classmethod
    def of(cls, receipt: Receipt) -> "ChargeOutcome":
        words: dict[str, Literal["success", "pending", "failed"]] = {
            "succeeded": "success",
            "pending": "pending",
            "failed": "failed",
        }
        return cls(words[receipt.state], receipt.ref, receipt.code)


@dataclass(frozen=True, slots=True)
class _Charge:
    attempt: PaymentAttempt
    invoice: Invoice
    subscription: Subscription | None
    outcome: ChargeOutcome


def settle_charges(tx: Tx, outcomes: Mapping[UUID, ChargeOutcome]) -> dict[UUID, PaymentAttempt]:
    """Book outcomes by attempt; return the attempts. One that is booked already changes nothing.

    Success after failure counts: the money is there. Nothing undoes a success.
    """
    charges = _locked(tx, outcomes)
    captured = [
        charge
        for charge in charges
        if charge.outcome.state == "success" and charge.attempt.state != "success"
    ]
    for charge in charges:
        before, after = charge.attempt.state, charge.outcome.state
        if after == "success" or before in ("success", "failed"):
            continue
        charge.attempt.state, charge.attempt.changed_at = after, tx.at
        charge.attempt.failure_code = charge.outcome.code
        if after == "failed":
            _fail(tx, charge)
    _capture(tx, captured)
    return {charge.attempt.id: charge.attempt for charge in charges}


def _locked(tx: Tx, outcomes: Mapping[UUID, ChargeOutcome]) -> list[_Charge]:
    """Lock subscriptions, invoices and attempts, in the global order."""
    session = tx.session
    mine = select(PaymentAttempt.invoice_id).where(PaymentAttempt.id.in_(outcomes))
    owners = select(Invoice.subscription_id).where(Invoice.id.in_(mine))
    subscriptions = {
        row.id: row
        for row in lock_all(
            session,
            select(Subscription).where(Subscription.id.in_(owners)).order_by(Subscription.id),
        )
    }
    invoices = {
        row.id: row
        for row in lock_all(
            session, select(Invoice).where(Invoice.id.in_(mine)).order_by(Invoice.id)
        )
    }
    attempts = lock_all(
        session,
        select(PaymentAttempt).where(PaymentAttempt.id.in_(outcomes)).order_by(PaymentAttempt.id),
    )
    result = []
    for attempt in attempts:
        invoice = invoices[attempt.invoice_id]
        owner = subscriptions.get(invoice.subscription_id) if invoice.subscription_id else None
        result.append(_Charge(attempt, invoice, owner, outcomes[attempt.id]))
    return result


def _capture(tx: Tx, charges: Sequence[_Charge]) -> None:
    if not charges:
        return
    rows, entries = [], []
    for charge in charges:
        attempt, invoice = charge.attempt, charge.invoice
        payment_id = tx.new_id()
        # Money for an invoice that is paid or void by now belongs to no invoice: it is owed back.
        pays = invoice.state in ("open", "uncollectible")
        if pays:
            invoice.state, invoice.paid_at = "paid", tx.at
        rows.append(_payment_row(tx, charge, payment_id, invoice.id if pays else None))
        amount = Money(attempt.amount_minor, attempt.currency)
        entries.append(
            books.payment_captured(payment_id, attempt.customer_id, amount, for_invoice=pays)
        )
    add_rows(tx.session, Payment, rows)
    for charge, row in zip(charges, rows, strict=True):
        attempt = charge.attempt
        attempt.state, attempt.changed_at = "success", tx.at
        attempt.payment_id, attempt.failure_code = row["id"], ""
    tx.session.flush()
    post(tx, *entries)
    for charge, row in zip(charges, rows, strict=True):
        if row["invoice_id"] is not None:
            _after_payment(tx, charge)
        tx.emit(
            PaymentCaptured(
                payment_id=row["id"],
                customer_id=charge.attempt.customer_id,
                invoice_id=row["invoice_id"],
                amount=Money(charge.attempt.amount_minor, charge.attempt.currency),
            )
        )


def _payment_row(
    tx: Tx, charge: _Charge, payment_id: UUID, invoice_id: UUID | None
) -> dict[str, Any]:
    attempt = charge.attempt
    return {
        "id": payment_id,
        "customer_id": attempt.customer_id,
        "invoice_id": invoice_id,
        "payment_method_id": attempt.payment_method_id,
        "gateway": attempt.gateway,
        "gateway_ref": charge.outcome.ref,
        "currency": attempt.currency,
        "captured_minor": attempt.amount_minor,
        "captured_at": tx.at,
    }


def _after_payment(tx: Tx, charge: _Charge) -> None:
    subscription = charge.subscription
    if subscription is None:
        return
    apply_paid_change(tx, subscription, charge.invoice.id)
    if subscription.state == "past_due" and not _owes(tx, subscription):
        subscription.state = "active"


def _owes(tx: Tx, subscription: Subscription) -> bool:
    return bool(
        tx.session.scalar(
            select(
                exists().where(Invoice.subscription_id == subscription.id, Invoice.state == "open")
            )
        )
    )


def _fail(tx: Tx, charge: _Charge) -> None:
    attempt, subscription = charge.attempt, charge.subscription
    if subscription is not None:
        abandoned = abandon_change(tx, subscription.id, charge.invoice.id, charge.outcome.code)
        if not abandoned and subscription.state == "active":
            subscription.state = "past_due"
    tx.emit(
        PaymentFailed(
            attempt_id=attempt.id,
            customer_id=attempt.customer_id,
            invoice_id=attempt.invoice_id,
            amount=Money(attempt.amount_minor, attempt.currency),
            code=charge.outcome.code,
        )
    )
