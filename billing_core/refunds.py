"""Giving money back: promised under lock, sent without one, settled once.

What is asked and what it would do: refund_plan.py, named here too.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from .credit_notes import NewNote, issue_note, note_amounts, void_note, write_note
from .domain import ledger as books
from .domain.money import Money
from .domain.refund import UNANSWERED, check_edge
from .errors import (
    GatewayDeclined,
    GatewayUnreachable,
    NotFound,
    RefundTooLarge,
    StaleInputs,
    WrongState,
)
from .events import (
    RefundFailed,
    RefundReleased,
    RefundRequested,
    RefundSucceeded,
    RefundUnknown,
)
from .ledger import post
from .ports import Begin, Gateway, Receipt, Tx
from .preview import hash_inputs
from .refund_plan import RefundAsk, RefundPlan, ask_from, payload_of, plan_refund, preview_refund
from .store.locks import lock_payment, lock_refund
from .store.payment import Payment, Refund
from .store.subscription import PaymentMethod

__all__ = [
    "RefundAsk",
    "RefundOrder",
    "RefundOutcome",
    "approve_refund",
    "ask_from",
    "payload_of",
    "preview_refund",
    "promise_refund",
    "reconcile_refund",
    "refund_to_send",
    "refunds_to_reconcile",
    "refunds_to_send",
    "release_refund",
    "send_refund",
    "settle_refund",
]


@dataclass(frozen=True, slots=True)
class RefundOrder:
    """What to send. The key is the refund's id and never changes."""

    refund_id: UUID
    gateway: str
    payment_ref: str
    amount: Money
    key: str


@dataclass(frozen=True, slots=True)
class RefundOutcome:
    state: Literal["pending", "succeeded", "failed", "unknown"]
    ref: str | None = None
    code: str = ""

    @classmethod
    def of(cls, receipt: Receipt) -> "RefundOutcome":
        return cls(receipt.state, receipt.ref, receipt.code)


def promise_refund(tx: Tx, ask: RefundAsk, *, held: bool, expected: str | None = None) -> UUID:
    """Reserve the money and write the credit note. Returns the refund's id, which is its key.

    `held`: it waits for `approve_refund`. `expected` is the preview's inputs hash: the
    account changed since raises `StaleInputs`. The same `money_act_id` returns the same refund.

    Raises:
        RefundTooLarge: carries what is left, also for the loser of a race.
    """
    payment = lock_payment(tx.session, ask.payment_id)
    if ask.money_act_id is not None:
        earlier = tx.session.scalar(
            select(Refund.id).where(Refund.money_act_id == ask.money_act_id)
        )
        if earlier is not None:
            return earlier
    plan = plan_refund(tx.session, payment, ask)
    if expected is not None and hash_inputs(plan.inputs) != expected:
        raise StaleInputs
    _reserve(tx, payment, ask.amount)
    refund = _write(tx, plan, ask, held=held)
    tx.emit(RefundRequested(**_about(refund), held=held))
    return refund.id


def approve_refund(tx: Tx, refund_id: UUID) -> None:
    """Let a held refund go. Approving twice is once."""
    refund = _lock(tx, refund_id)
    if refund.state == "released":
        raise WrongState("refund", refund_id, refund.state)
    if refund.state == "awaiting_approval":
        _step(tx, refund, "requested")
        tx.emit(RefundRequested(**_about(refund), held=False))


def release_refund(tx: Tx, refund_id: UUID, why: str) -> None:
    """Give up a refund that was never sent: refused, expired, withdrawn. The reservation ends."""
    refund = _lock(tx, refund_id)
    if refund.state == "released":
        return
    if refund.state not in ("awaiting_approval", "requested"):
        raise WrongState("refund", refund_id, refund.state)
    _step(tx, refund, "released", code=why)
    _return_reservation(tx, refund)
    void_note(tx, refund.credit_note_id)
    tx.emit(RefundReleased(**_about(refund), why=why))


def refund_to_send(begin: Begin, refund_id: UUID) -> RefundOrder | None:
    """Mark it `sending` and return what to send. None: it is held, or already answered.

    One that is `unknown` stays so while it is sent again, with the same key.
    """
    with begin() as tx:
        refund = _lock(tx, refund_id)
        if refund.state not in ("requested", "sending", "unknown"):
            return None
        if refund.state == "requested":
            _step(tx, refund, "sending")
        payment = tx.session.get_one(Payment, refund.payment_id)
        return RefundOrder(
            refund.id, payment.gateway, payment.gateway_ref, refund.amount, str(refund.id)
        )


def settle_refund(begin: Begin, refund_id: UUID, outcome: RefundOutcome) -> str:
    """Book what the gateway said, once; return the refund's state. The second teller changes nothing.

    Only `succeeded -> failed` undoes anything: the bank sent the money back.
    """
    with begin() as tx:
        refund = _lock(tx, refund_id)
        before, after = refund.state, outcome.state
        late = before in ("succeeded", "failed", "released") and (before, after) != (
            "succeeded",
            "failed",
        )
        # `pending` is the gateway's word; that we then got no answer takes nothing back.
        if late or before == after or (before == "pending" and after == "unknown"):
            return before
        _step(tx, refund, after, code=outcome.code)
        refund.gateway_ref = outcome.ref or refund.gateway_ref
        match before, after:
            case "succeeded", "failed":
                _reverse(tx, refund)
            case _, "succeeded":
                _succeed(tx, refund)
            case _, "failed":
                _return_reservation(tx, refund)
                void_note(tx, refund.credit_note_id)
                tx.emit(RefundFailed(**_about(refund), code=outcome.code))
            case _, "unknown":
                tx.emit(RefundUnknown(**_about(refund)))
        return after


def send_refund(begin: Begin, gateway: Gateway, refund_id: UUID) -> str | None:
    """Send one promised refund and settle it. Safe to run twice, and after a crash anywhere.

    None: it is held, or already answered.
    """
    order = refund_to_send(begin, refund_id)
    if order is None:
        return None
    # No transaction is open here: the gateway may take 30 seconds to answer.
    try:
        receipt = gateway.refund(payment_ref=order.payment_ref, amount=order.amount, key=order.key)
        outcome = RefundOutcome.of(receipt)
    except GatewayDeclined as declined:
        outcome = RefundOutcome("failed", code=declined.code)
    except GatewayUnreachable:
        outcome = RefundOutcome("unknown")
    return settle_refund(begin, refund_id, outcome)


def reconcile_refund(begin: Begin, gateway: Gateway, refund_id: UUID) -> str | None:
    """Ask the gateway what became of a refund without an answer; send it if it never arrived."""
    try:
        receipt = gateway.find_refund(str(refund_id))
    except GatewayUnreachable:
        return None
    if receipt is None:
        return send_refund(begin, gateway, refund_id)
    return settle_refund(begin, refund_id, RefundOutcome.of(receipt))


def refunds_to_reconcile(session: Session, older_than: datetime, limit: int = 100) -> list[UUID]:
    """Return refunds without a final answer: sending, pending or unknown, oldest first."""
    return _in_states(session, UNANSWERED, limit, Refund.changed_at < older_than)


def refunds_to_send(session: Session, limit: int = 100) -> list[UUID]:
    """Return refunds that nobody has sent yet: a lost wake-up costs seconds, never a refund."""
    return _in_states(session, ("requested",), limit)


def _reserve(tx: Tx, payment: Payment, amount: Money) -> None:
    """One guarded statement decides: it touches the row, or somebody was faster."""
    spent = Payment.refunded_minor + Payment.reserved_minor + Payment.disputed_minor
    touched = tx.session.execute(
        update(Payment)
        .where(Payment.id == payment.id, spent + amount.minor <= Payment.captured_minor)
        .values(reserved_minor=Payment.reserved_minor + amount.minor)
        .returning(Payment.id)
        .execution_options(synchronize_session=False)
    ).all()
    tx.session.refresh(payment)
    if len(touched) != 1:
        raise RefundTooLarge(amount, payment.balance.left)


def _write(tx: Tx, plan: RefundPlan, ask: RefundAsk, *, held: bool) -> Refund:
    payment = plan.payment
    note_id = write_note(
        tx,
        NewNote(
            customer_id=payment.customer_id,
            invoice_id=payment.invoice_id,
            settled_by="refund",
            amount=ask.amount,
            reason=ask.reason,
            money_act_id=ask.money_act_id,
            credits=tuple(plan.credits),
        ),
    )
    method = (
        tx.session.get(PaymentMethod, payment.payment_method_id)
        if payment.payment_method_id
        else None
    )
    refund = Refund(
        id=tx.new_id(),
        money_act_id=ask.money_act_id,
        payment_id=payment.id,
        credit_note_id=note_id,
        customer_id=payment.customer_id,
        currency=payment.currency,
        amount_minor=ask.amount.minor,
        rail=method.kind if method else "original",
        reason=ask.reason,
        state="awaiting_approval" if held else "requested",
        gateway=payment.gateway,
        requested_at=tx.at,
        changed_at=tx.at,
    )
    tx.session.add(refund)
    tx.session.flush()
    return refund


def _lock(tx: Tx, refund_id: UUID) -> Refund:
    """Lock the payment, then the refund: the one order for both."""
    payment_id = tx.session.scalar(select(Refund.payment_id).where(Refund.id == refund_id))
    if payment_id is None:
        raise NotFound("refund", refund_id)
    lock_payment(tx.session, payment_id)
    return lock_refund(tx.session, refund_id)


def _step(tx: Tx, refund: Refund, after: str, *, code: str = "") -> None:
    check_edge(refund.state, after)
    refund.state, refund.failure_code, refund.changed_at = after, code, tx.at
    tx.session.flush()


def _succeed(tx: Tx, refund: Refund) -> None:
    payment = tx.session.get_one(Payment, refund.payment_id)
    payment.reserved_minor -= refund.amount_minor
    payment.refunded_minor += refund.amount_minor
    issue_note(tx, refund.credit_note_id)
    _book(tx, refund, payment, books.refund_settled)
    tx.emit(RefundSucceeded(**_about(refund)))


def _reverse(tx: Tx, refund: Refund) -> None:
    """The money is ours again and can be given back another way."""
    payment = tx.session.get_one(Payment, refund.payment_id)
    payment.refunded_minor -= refund.amount_minor
    void_note(tx, refund.credit_note_id)
    _book(tx, refund, payment, books.refund_reversed)
    tx.emit(RefundFailed(**_about(refund), code=refund.failure_code, reversed=True))


def _book(tx: Tx, refund: Refund, payment: Payment, make: Any) -> None:
    net, tax = note_amounts(tx.session, refund.credit_note_id, refund.amount)
    with_invoice = payment.invoice_id is not None
    post(tx, make(refund.id, refund.customer_id, net=net, tax=tax, for_invoice=with_invoice))


def _return_reservation(tx: Tx, refund: Refund) -> None:
    payment = tx.session.get_one(Payment, refund.payment_id)
    payment.reserved_minor -= refund.amount_minor
    tx.session.flush()


def _about(refund: Refund) -> dict[str, Any]:
    return {
        "refund_id": refund.id,
        "payment_id": refund.payment_id,
        "customer_id": refund.customer_id,
        "money_act_id": refund.money_act_id,
        "amount": refund.amount,
    }


def _in_states(session: Session, states: tuple[str, ...], limit: int, *more: Any) -> list[UUID]:
    return list(
        session.scalars(
            select(Refund.id)
            .where(Refund.state.in_(states), *more)
            .order_by(Refund.changed_at, Refund.id)
            .limit(limit)
        )
    )
