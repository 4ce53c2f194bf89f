"""Single steps of a refund's life, each inside the caller's transaction."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select

from .credit_notes import NewNote, settle_by_credit, void_note, write_note
from .dispute_holds import hold_disputed
from .domain.balance import LineCredit, divide
from .domain.money import Money
from .domain.refund import OUT_OF_BAND, check_edge
from .errors import NotFound
from .ports import Tx
from .refund_plan import ReturnPlan
from .store.funds import rail_of, take
from .store.locks import lock_payment, lock_refund
from .store.payee import BankPayee
from .store.payment import Payment, Refund


def lock_refund_of(tx: Tx, refund_id: UUID) -> Refund:
    """Lock the payment, then the refund: the one order for both."""
    payment_id = tx.session.scalar(select(Refund.payment_id).where(Refund.id == refund_id))
    if payment_id is None:
        raise NotFound("refund", refund_id)
    lock_payment(tx.session, payment_id)
    return lock_refund(tx.session, refund_id)


def step(tx: Tx, refund: Refund, after: str, *, code: str = "") -> None:
    check_edge(refund.state, after)
    refund.state, refund.failure_code, refund.changed_at = after, code, tx.at
    if after in ("succeeded", "failed", "released"):
        forget_payee(tx, refund)
    tx.session.flush()


def forget_payee(tx: Tx, refund: Refund) -> None:
    """Nobody has to type the bank details any more: keep what is masked."""
    payee = tx.session.get(BankPayee, refund.payee_id) if refund.payee_id else None
    if payee is not None and payee.full is not None:
        payee.full, payee.forgotten_at = None, tx.at


def about(refund: Refund) -> dict[str, Any]:
    """Return what every event of a refund tells."""
    return {
        "refund_id": refund.id,
        "payment_id": refund.payment_id,
        "customer_id": refund.customer_id,
        "money_act_id": refund.money_act_id,
        "amount": refund.amount,
    }


def write_refund(
    tx: Tx,
    plan: ReturnPlan,
    *,
    reason: str,
    money_act_id: UUID | None,
    held: bool,
    payee_id: UUID | None = None,
) -> Refund:
    """Reserve the money part of a plan and write its refund, its note and the balance's note.

    Raises `RefundTooLarge` to the loser of a race, with what is left.
    """
    payment, money = plan.payment, plan.shares.money
    assert payment is not None
    take(tx.session, payment, "reserved_minor", money)
    for_money, for_balance = divide(plan.credits, plan.lines or (), money)
    why = _Why(reason, money_act_id)
    way = "bank_transfer" if payee_id else "refund"
    refund = _refund_of(tx, payment, money, why, payee_id)
    refund.credit_note_id = _note(tx, plan, way, money, for_money, why)
    if plan.shares.balance:
        balance = plan.shares.balance
        refund.balance_note_id = _note(tx, plan, "credit", balance, for_balance, why)
    refund.state = "awaiting_approval" if held else "requested"
    tx.session.add(refund)
    tx.session.flush()
    return refund


def _refund_of(
    tx: Tx, payment: Payment, money: Money, why: "_Why", payee_id: UUID | None
) -> Refund:
    """Return the row, not yet added: its notes come first."""
    return Refund(
        id=tx.new_id(),
        money_act_id=why.money_act_id,
        payment_id=payment.id,
        payee_id=payee_id,
        customer_id=payment.customer_id,
        currency=payment.currency,
        amount_minor=money.minor,
        rail=OUT_OF_BAND if payee_id else rail_of(tx.session, payment),
        reason=why.reason,
        gateway=OUT_OF_BAND if payee_id else payment.gateway,
        requested_at=tx.at,
        changed_at=tx.at,
    )


def write_balance_note(tx: Tx, plan: ReturnPlan, *, reason: str, money_act_id: UUID | None) -> UUID:
    """Give back a plan that moves no money: all of it becomes the customer's credit, at once."""
    from_payment = max(0, plan.shares.balance.minor - max(0, plan.credit_left.minor))
    if from_payment:
        assert plan.payment is not None
        money = Money(from_payment, plan.amount.currency)
        take(tx.session, plan.payment, "credited_minor", money)
    why = _Why(reason, money_act_id, from_payment)
    note_id = _note(tx, plan, "credit", plan.shares.balance, plan.credits, why)
    settle_by_credit(tx, note_id)
    return note_id


def let_go(tx: Tx, refund: Refund) -> None:
    """A refund may be sent for the first time: what belongs to the balance goes there now."""
    if refund.balance_note_id is not None:
        settle_by_credit(tx, refund.balance_note_id)


def give_up(tx: Tx, refund: Refund) -> None:
    """End a reservation: the money can be promised again, or a dispute may claim it."""
    payment = tx.session.get_one(Payment, refund.payment_id)
    payment.reserved_minor -= refund.amount_minor
    tx.session.flush()
    void_note(tx, refund.credit_note_id)
    hold_disputed(tx, payment)


def void_balance_note(tx: Tx, refund: Refund) -> None:
    """The act is off before anything moved: neither does the balance."""
    if refund.balance_note_id is not None:
        void_note(tx, refund.balance_note_id)


@dataclass(frozen=True, slots=True)
class _Why:
    """What a note tells beside its amounts. `from_payment`: minor units of it that were money."""

    reason: str
    money_act_id: UUID | None
    from_payment: int = 0


def _note(
    tx: Tx,
    plan: ReturnPlan,
    settled_by: str,
    amount: Money,
    credits: tuple[LineCredit, ...],
    why: _Why,
) -> UUID:
    return write_note(
        tx,
        NewNote(
            customer_id=plan.customer_id,
            invoice_id=plan.invoice.id if plan.invoice else None,
            settled_by=settled_by,
            amount=amount,
            reason=why.reason,
            money_act_id=why.money_act_id,
            credits=credits,
            credit_order=plan.order,
            from_payment=why.from_payment,
        ),
    )
