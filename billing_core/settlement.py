"""The one place where a charge's outcome becomes a payment, a paid invoice and a ledger entry."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import ColumnElement, Row, bindparam, select, update
from sqlalchemy.orm import Session

from .attempts import withdraw_attempts
from .domain import ledger as books
from .domain.money import Money
from .dunning import note_failure, stop_dunning
from .events import LatePaymentArrived, PaymentCaptured, PaymentFailed, PaymentsCaptured
from .ledger import post
from .pending_changes import abandon_change, apply_paid_change
from .period_ends import go_on_when_paid
from .ports import PayBy, Receipt, Tx
from .store.base import add_rows
from .store.invoice import Invoice
from .store.payment import Payment, PaymentAttempt
from .store.subscription import Subscription
from .write_offs import owe_again

LONGEST_WAIT = timedelta(hours=1)  # before a gateway is asked again about the same attempt


@dataclass(frozen=True, slots=True)
class ChargeOutcome:
    """What is known about one attempt now. `amount` None: as much as was asked for."""

    state: Literal["success", "pending", "failed", "unknown"]
    ref: str = ""
    code: str = ""
    amount: Money | None = None
    pay_by: PayBy | None = None

    @classmethod
    def of(cls, receipt: Receipt) -> "ChargeOutcome":
        words: dict[str, Literal["success", "pending", "failed"]] = {
            "succeeded": "success",
            "pending": "pending",
            "failed": "failed",
        }
        state = words[receipt.state]
        return cls(state, receipt.ref, receipt.code, receipt.amount, receipt.pay_by)


@dataclass(slots=True)
class Settled:
    """One attempt, as it stands after its outcome was booked."""

    attempt_id: UUID
    invoice_id: UUID
    state: str
    payment_id: UUID | None
    code: str


@dataclass(frozen=True, slots=True)
class _Charge:
    """An outcome beside the rows it concerns, all of them locked."""

    attempt: Row[Any]
    invoice_state: str
    subscription: Row[Any] | None
    outcome: ChargeOutcome
    amount: Money  # what came, or what was asked for
    pays: bool
    """False: money for what is paid or void by now, or of another amount. No invoice owns it."""

    @property
    def is_plain(self) -> bool:
        """Nothing follows from the payment but the payment."""
        return (
            self.subscription is not None
            and self.subscription.state == "active"
            and self.subscription.pending_invoice_id != self.attempt.invoice_id
            and self.attempt.state != "failed"
        )


def settle_charges(tx: Tx, outcomes: Mapping[UUID, ChargeOutcome]) -> dict[UUID, Settled]:
    """Book outcomes by attempt; return how each stands. One that is booked already changes nothing.

    Success after failure counts: the money is there. Nothing undoes a success.
    """
    charges = _locked(tx.session, outcomes)
    settled = {
        one.attempt.id: Settled(
            one.attempt.id,
            one.attempt.invoice_id,
            one.attempt.state,
            one.attempt.payment_id,
            one.attempt.failure_code,
        )
        for one in charges
    }
    captured = []
    for charge in charges:
        before, after = charge.attempt.state, charge.outcome.state
        if after == "success" and before != "success":
            captured.append(charge)
        elif after != "success" and before not in ("success", "failed"):
            _keep(tx, charge, settled[charge.attempt.id])
    _capture(tx, captured, settled)
    return settled


def _locked(session: Session, outcomes: Mapping[UUID, ChargeOutcome]) -> list[_Charge]:
    """Lock subscriptions, invoices and attempts, in the global order. Rows, not objects: a run is long."""
    mine = select(PaymentAttempt.invoice_id).where(PaymentAttempt.id.in_(outcomes))
    owners = select(Invoice.subscription_id).where(Invoice.id.in_(mine))
    subscriptions = _lock(
        session,
        (Subscription.id, Subscription.state, Subscription.pending_invoice_id),
        Subscription.id.in_(owners),
    )
    invoices = _lock(
        session, (Invoice.id, Invoice.state, Invoice.subscription_id), Invoice.id.in_(mine)
    )
    attempts = _lock(
        session,
        (
            PaymentAttempt.id,
            PaymentAttempt.invoice_id,
            PaymentAttempt.customer_id,
            PaymentAttempt.payment_method_id,
            PaymentAttempt.payment_id,
            PaymentAttempt.gateway,
            PaymentAttempt.rail,
            PaymentAttempt.currency,
            PaymentAttempt.amount_minor,
            PaymentAttempt.state,
            PaymentAttempt.failure_code,
            PaymentAttempt.created_at,
        ),
        PaymentAttempt.id.in_(outcomes),
    )
    result = []
    for id, attempt in attempts.items():
        invoice = invoices[attempt.invoice_id]
        asked, outcome = Money(attempt.amount_minor, attempt.currency), outcomes[id]
        amount = outcome.amount or asked
        pays = invoice.state in ("open", "uncollectible") and amount == asked
        owner = subscriptions.get(invoice.subscription_id)
        result.append(_Charge(attempt, invoice.state, owner, outcome, amount, pays))
    return result


def _lock(
    session: Session, columns: Sequence[Any], which: ColumnElement[bool]
) -> dict[UUID, Row[Any]]:
    id = columns[0]
    query = select(*columns).where(which).order_by(id).with_for_update(key_share=True)
    return {row.id: row for row in session.execute(query)}


def _capture(tx: Tx, charges: Sequence[_Charge], settled: Mapping[UUID, Settled]) -> None:
    if not charges:
        return
    rows = [_payment_row(tx, charge) for charge in charges]
    add_rows(tx.session, Payment, rows)
    _mark_paid(tx, [row["invoice_id"] for row in rows if row["invoice_id"] is not None])
    _mark_captured(tx, charges, rows)
    written_off = [one for one in charges if one.pays and one.invoice_state == "uncollectible"]
    owe_again(tx, [one.attempt.invoice_id for one in written_off])
    post(tx, *(_entry(charge, row) for charge, row in zip(charges, rows, strict=True)))
    for charge, row in zip(charges, rows, strict=True):
        one = settled[charge.attempt.id]
        one.state, one.payment_id, one.code = "success", row["id"], ""
        if charge.pays and not charge.is_plain:
            _after_payment(tx, charge)
    _announce(tx, charges, rows)


def _mark_paid(tx: Tx, invoice_ids: Sequence[UUID]) -> None:
    tx.session.execute(
        update(Invoice)
        .where(Invoice.id.in_(invoice_ids))
        .values(state="paid", paid_at=tx.at)
        .execution_options(synchronize_session=False)
    )


def _mark_captured(tx: Tx, charges: Sequence[_Charge], rows: Sequence[dict[str, Any]]) -> None:
    table = PaymentAttempt.metadata.tables[PaymentAttempt.__tablename__]
    tx.session.connection().execute(
        update(table)
        .where(table.c.id == bindparam("attempt"))
        .values(
            state="success", failure_code="", changed_at=tx.at, payment_id=bindparam("payment")
        ),
        [
            {"attempt": charge.attempt.id, "payment": row["id"]}
            for charge, row in zip(charges, rows, strict=True)
        ],
    )


def _payment_row(tx: Tx, charge: _Charge) -> dict[str, Any]:
    attempt = charge.attempt
    return {
        "id": tx.new_id(),
        "customer_id": attempt.customer_id,
        "invoice_id": attempt.invoice_id if charge.pays else None,
        "payment_method_id": attempt.payment_method_id,
        "gateway": attempt.gateway,
        "gateway_ref": charge.outcome.ref,
        "currency": charge.amount.currency,
        "captured_minor": charge.amount.minor,
        "captured_at": tx.at,
    }


def _entry(charge: _Charge, row: dict[str, Any]) -> books.Entry:
    return books.payment_captured(
        row["id"], charge.attempt.customer_id, charge.amount, for_invoice=charge.pays
    )


def _announce(tx: Tx, charges: Sequence[_Charge], rows: Sequence[dict[str, Any]]) -> None:
    captured = tuple(
        PaymentCaptured(
            payment_id=row["id"],
            customer_id=charge.attempt.customer_id,
            invoice_id=row["invoice_id"],
            amount=charge.amount,
        )
        for charge, row in zip(charges, rows, strict=True)
    )
    for event in captured:
        tx.emit(event)
    for charge, event in zip(charges, captured, strict=True):
        if event.invoice_id is None:
            tx.emit(
                LatePaymentArrived(
                    payment_id=event.payment_id,
                    customer_id=event.customer_id,
                    invoice_id=charge.attempt.invoice_id,
                    rail=charge.attempt.rail,
                    amount=event.amount,
                )
            )
    tx.emit(PaymentsCaptured(payments=captured))


def _after_payment(tx: Tx, charge: _Charge) -> None:
    """Do what a payment leads to where more than a payment was waiting for it."""
    invoice_id = charge.attempt.invoice_id
    stop_dunning(tx, invoice_id)
    withdraw_attempts(tx, [invoice_id])  # another one may wait where this one had failed before
    if charge.subscription is None:
        return
    subscription = tx.session.get_one(Subscription, charge.subscription.id, populate_existing=True)
    apply_paid_change(tx, subscription, invoice_id)
    go_on_when_paid(tx, subscription)


def _keep(tx: Tx, charge: _Charge, settled: Settled) -> None:
    """Write down an outcome that brought no money."""
    outcome, row = charge.outcome, charge.attempt
    attempt = tx.session.get_one(PaymentAttempt, row.id, populate_existing=True)
    attempt.state, attempt.failure_code = outcome.state, outcome.code
    attempt.changed_at = tx.at
    # The longer it takes, the rarer the question: a boleto waits for days.
    attempt.ask_at = tx.at + min((tx.at - row.created_at) / 4, LONGEST_WAIT)
    if outcome.pay_by is not None:
        attempt.pay_by = _dump(outcome.pay_by)
    _ask_when_it_expires(attempt, tx.at)
    settled.state, settled.code = outcome.state, outcome.code
    tx.session.flush()
    if outcome.state == "failed" and outcome.code != "withdrawn":
        _fail(tx, charge, attempt)


def _ask_when_it_expires(attempt: PaymentAttempt, at: datetime) -> None:
    until = (attempt.pay_by or {}).get("expires_at")
    if until is not None and (expires_at := datetime.fromisoformat(until)) > at:
        attempt.ask_at = min(attempt.ask_at, expires_at)


def _dump(pay_by: PayBy) -> dict[str, Any]:
    """As JSON, for whoever shows the customer how to pay."""
    until = pay_by.expires_at
    return {
        "rail": pay_by.rail,
        "code": pay_by.code,
        "barcode": pay_by.barcode,
        "expires_at": until.isoformat() if until is not None else None,
    }


def _fail(tx: Tx, charge: _Charge, attempt: PaymentAttempt) -> None:
    abandoned = False
    if charge.subscription is not None:
        id = charge.subscription.id
        abandoned = abandon_change(tx, id, attempt.invoice_id, charge.outcome.code)
        subscription = tx.session.get_one(Subscription, id)
        if not abandoned and subscription.state == "active":
            subscription.become("past_due")
    if not abandoned and charge.invoice_state == "open":
        note_failure(tx, attempt)
    tx.emit(
        PaymentFailed(
            attempt_id=attempt.id,
            customer_id=attempt.customer_id,
            invoice_id=attempt.invoice_id,
            amount=Money(attempt.amount_minor, attempt.currency),
            code=charge.outcome.code,
        )
    )
