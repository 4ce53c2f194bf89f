"""Giving money back: promised under lock, sent without one, settled once.

What is asked and what it would do: refund_plan.py. What the gateway answers:
refund_settlement.py. Both are named here too.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from .domain.money import Money
from .domain.refund import OUT_OF_BAND, UNANSWERED
from .errors import GatewayDeclined, GatewayUnreachable, StaleInputs, WrongState
from .events import RefundReleased, RefundRequested
from .ports import Begin, Gateway, Tx
from .preview import hash_inputs
from .refund_plan import (
    RefundAsk,
    ReturnPlan,
    Windows,
    amount_of_units,
    ask_from,
    payload_of,
    plan_refund,
    preview_refund,
)
from .refund_settlement import RefundOutcome, settle_refund
from .refund_steps import (
    about,
    give_up,
    let_go,
    lock_refund_of,
    step,
    void_balance_note,
    write_balance_note,
    write_refund,
)
from .store.funds import lock_funds
from .store.invoice import CreditNote
from .store.payment import Payment, Refund

__all__ = [
    "GivenBack",
    "RefundAsk",
    "RefundOrder",
    "RefundOutcome",
    "Windows",
    "amount_of_units",
    "approve_refund",
    "ask_from",
    "carry_out_return",
    "give_back",
    "given_back_by",
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
class GivenBack:
    """`refund_id` is to be sent. `credit_note_id` alone: all of it is credit, and done.

    Neither: it is held, and a credit has nothing to reserve; give it back when approved.
    """

    refund_id: UUID | None = None
    credit_note_id: UUID | None = None
    balance_note_id: UUID | None = None  # of a refund of which a part is credit


def give_back(
    tx: Tx,
    ask: RefundAsk,
    *,
    held: bool,
    expected: str | None = None,
    windows: Windows | None = None,
) -> GivenBack:
    """Reserve the money, write the credit notes, and let what was credit be credit again.

    `held`: it waits for `approve_refund`. `expected` is the preview's inputs hash: the
    account changed since raises `StaleInputs`. The same `money_act_id` gives back once.

    Raises:
        RefundTooLarge: carries what is left, also for the loser of a race.
        RefundWindowClosed: with `windows`, when the provider takes no such refund.
    """
    payment = lock_funds(tx.session, ask.payment_id)
    if earlier := given_back_by(tx.session, ask.money_act_id):
        return earlier
    plan = plan_refund(tx.session, payment, ask, tx.at, windows=windows)
    if expected is not None and hash_inputs(plan.inputs) != expected:
        raise StaleInputs
    return carry_out_return(tx, plan, reason=ask.reason, money_act_id=ask.money_act_id, held=held)


def carry_out_return(
    tx: Tx,
    plan: ReturnPlan,
    *,
    reason: str,
    money_act_id: UUID | None,
    held: bool,
    payee_id: UUID | None = None,
) -> GivenBack:
    """Do what a plan says, for whatever act it was made. Payment and invoice are locked.

    With `payee_id` the money goes by a transfer, which is `held` always.
    """
    if not plan.shares.money:
        if held:
            return GivenBack()
        note_id = write_balance_note(tx, plan, reason=reason, money_act_id=money_act_id)
        return GivenBack(None, note_id)
    refund = write_refund(
        tx, plan, reason=reason, money_act_id=money_act_id, held=held, payee_id=payee_id
    )
    if not held:
        let_go(tx, refund)
    tx.emit(RefundRequested(**about(refund), held=held))
    return GivenBack(refund.id, refund.credit_note_id, refund.balance_note_id)


def promise_refund(
    tx: Tx,
    ask: RefundAsk,
    *,
    held: bool,
    expected: str | None = None,
    windows: Windows | None = None,
) -> UUID:
    """Give back an ask of which money is a part. Returns the refund's id, which is its key.

    Raises as `give_back` does.
    """
    refund_id = give_back(tx, ask, held=held, expected=expected, windows=windows).refund_id
    if refund_id is None:
        raise AssertionError("this moves no money: use give_back")
    return refund_id


def given_back_by(session: Session, money_act_id: UUID | None) -> GivenBack | None:
    """Return what an act has given back already."""
    if money_act_id is None:
        return None
    refund = session.scalars(select(Refund).where(Refund.money_act_id == money_act_id)).first()
    if refund is not None:
        return GivenBack(refund.id, refund.credit_note_id, refund.balance_note_id)
    note_id = session.scalar(
        select(CreditNote.id).where(
            CreditNote.money_act_id == money_act_id, CreditNote.settled_by == "credit"
        )
    )
    return GivenBack(None, note_id) if note_id else None


def approve_refund(tx: Tx, refund_id: UUID) -> None:
    """Let a held refund go. Approving twice is once."""
    refund = lock_refund_of(tx, refund_id)
    if refund.state == "released":
        raise WrongState("refund", refund_id, refund.state)
    if refund.state == "awaiting_approval":
        step(tx, refund, "requested")
        let_go(tx, refund)
        tx.emit(RefundRequested(**about(refund), held=False))


def release_refund(tx: Tx, refund_id: UUID, why: str) -> None:
    """Give up a refund that was never sent: refused, expired, withdrawn. The reservation ends.

    What had become credit by then stays the customer's.
    """
    refund = lock_refund_of(tx, refund_id)
    if refund.state == "released":
        return
    if refund.state not in ("awaiting_approval", "requested"):
        raise WrongState("refund", refund_id, refund.state)
    if refund.state == "awaiting_approval":
        void_balance_note(tx, refund)
    step(tx, refund, "released", code=why)
    give_up(tx, refund)
    tx.emit(RefundReleased(**about(refund), why=why))


def refund_to_send(begin: Begin, refund_id: UUID) -> RefundOrder | None:
    """Mark it `sending` and return what to send. None: held, answered, or not for a gateway.

    One that is `unknown` stays so while it is sent again, with the same key.
    """
    with begin() as tx:
        refund = lock_refund_of(tx, refund_id)
        sendable = refund.state in ("requested", "sending", "unknown")
        if refund.rail == OUT_OF_BAND or not sendable:
            return None
        if refund.state == "requested":
            step(tx, refund, "sending")
        payment = tx.session.get_one(Payment, refund.payment_id)
        return RefundOrder(
            refund.id, payment.gateway, payment.gateway_ref, refund.amount, str(refund.id)
        )


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
    """Return refunds without a final answer: sending, pending or unknown, oldest first.

    Those a person transfers are no gateway's to answer.
    """
    return _in_states(session, UNANSWERED, limit, Refund.changed_at < older_than)


def refunds_to_send(session: Session, limit: int = 100) -> list[UUID]:
    """Return refunds that nobody has sent yet: a lost wake-up costs seconds, never a refund."""
    return _in_states(session, ("requested",), limit)


def _in_states(session: Session, states: tuple[str, ...], limit: int, *more: Any) -> list[UUID]:
    return list(
        session.scalars(
            select(Refund.id)
            .where(Refund.state.in_(states), Refund.rail != OUT_OF_BAND, *more)
            .order_by(Refund.changed_at, Refund.id)
            .limit(limit)
        )
    )
