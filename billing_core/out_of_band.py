"""Refunds by bank transfer, for money that no gateway gives back: boletos, closed windows.

A second person always approves; a third act, at the bank, is done by a person who then
says so here. Nothing of it is ever sent to a gateway.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from .domain.credit_order import CreditOrder
from .domain.money import Money
from .domain.payee import Payee
from .domain.refund import OUT_OF_BAND
from .errors import AmountNotPositive, NotFound, StaleInputs, WrongState
from .events import RefundFailed, RefundRequested
from .ports import Tx
from .preview import ChangeRow, MoneyPreview, hash_inputs
from .refund_plan import RefundAsk, ReturnPlan, plan_refund, refund_rows
from .refund_settlement import succeed
from .refund_steps import about, give_up, lock_refund_of, step, write_refund
from .refunds import given_back_by
from .store.funds import lock_funds
from .store.payee import BankPayee
from .store.payment import Payment, Refund


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferAsk:
    """`payee_id` comes from `keep_payee`. `lines` and `order` are those of a refund."""

    payment_id: UUID
    amount: Money
    reason: str
    payee_id: UUID
    money_act_id: UUID | None = None
    lines: tuple[tuple[UUID, Money], ...] = ()
    order: CreditOrder = "transaction_first"

    @property
    def as_refund(self) -> RefundAsk:
        return RefundAsk(
            payment_id=self.payment_id,
            amount=self.amount,
            reason=self.reason,
            money_act_id=self.money_act_id,
            lines=self.lines,
            order=self.order,
        )


@dataclass(frozen=True, slots=True)
class TransferOrder:
    """What the person at the bank types."""

    refund_id: UUID
    amount: Money
    details: dict[str, Any]


def keep_payee(tx: Tx, customer_id: UUID, payee: Payee) -> UUID:
    """Keep bank details; the full ones only until the transfer they are for has ended.

    Details of an ask that is never confirmed are forgotten by `forget_payees`.
    """
    row = BankPayee(
        id=tx.new_id(),
        customer_id=customer_id,
        kind=payee.kind,
        masked=payee.masked,
        full=payee.full,
        fingerprint=payee.fingerprint,
        created_at=tx.at,
    )
    tx.session.add(row)
    tx.session.flush()
    return row.id


def preview_transfer(session: Session, ask: TransferAsk, at: datetime) -> MoneyPreview:
    """Raises what `promise_transfer` would raise."""
    payment = session.get(Payment, ask.payment_id, populate_existing=True)
    if payment is None:
        raise NotFound("payment", ask.payment_id)
    plan, payee = _plan(session, payment, ask, at)
    row = ChangeRow("refund.payee", None, payee.kind, dict(payee.masked))
    return MoneyPreview(
        act="out_of_band",
        amount=ask.amount,
        charge_now=None,
        rows=(*refund_rows(session, plan, at), row),
        lines=(),
        inputs_hash=hash_inputs(_inputs(plan, payee)),
        payload=payload_of(ask),
    )


def promise_transfer(tx: Tx, ask: TransferAsk, *, expected: str | None = None) -> UUID:
    """Reserve the money and write the credit note; it waits for `approve_refund`. Returns the refund.

    The same `money_act_id` returns the same refund.

    Raises:
        RefundTooLarge, LineTooSmall and the like: as a refund.
        AmountNotPositive: nothing of it would be money.
        NotFound: no such payee of this customer.
        WrongState: the bank details were forgotten.
    """
    payment = lock_funds(tx.session, ask.payment_id)
    earlier = given_back_by(tx.session, ask.money_act_id)
    if earlier is not None and earlier.refund_id is not None:
        return earlier.refund_id
    plan, payee = _plan(tx.session, payment, ask, tx.at)
    if expected is not None and hash_inputs(_inputs(plan, payee)) != expected:
        raise StaleInputs
    refund = write_refund(
        tx,
        plan,
        reason=ask.reason,
        money_act_id=ask.money_act_id,
        held=True,
        payee_id=payee.id,
    )
    tx.emit(RefundRequested(**about(refund), held=True))
    return refund.id


def begin_transfer(tx: Tx, refund_id: UUID) -> TransferOrder:
    """Take an approved transfer in hand and return what to type; nobody else can take it.

    Raises:
        WrongState: not approved, in somebody's hands, or over.
    """
    refund = _lock(tx, refund_id)
    if refund.state != "requested":
        raise WrongState("refund", refund_id, refund.state)
    step(tx, refund, "sending")
    payee = tx.session.get_one(BankPayee, refund.payee_id)
    return TransferOrder(refund.id, refund.amount, dict(payee.full or {}))


def mark_transferred(tx: Tx, refund_id: UUID, reference: str) -> None:
    """Book a transfer that a person has made. `reference` is the bank's; the same one twice is once.

    Raises:
        WrongState: nobody took it in hand, it ended otherwise, or the reference is another's.
    """
    refund = _lock(tx, refund_id)
    if refund.state == "succeeded" and refund.gateway_ref == reference:
        return
    if refund.state != "sending":
        raise WrongState("refund", refund_id, refund.state)
    used_by = tx.session.scalar(
        select(Refund.id).where(Refund.gateway == OUT_OF_BAND, Refund.gateway_ref == reference)
    )
    if used_by is not None:
        raise WrongState("refund", used_by, f"booked as {reference}")
    refund.gateway_ref = reference
    step(tx, refund, "succeeded")
    succeed(tx, refund)


def mark_not_transferred(tx: Tx, refund_id: UUID, code: str) -> None:
    """The bank did not take it (a closed account, say): the money can be given back another way.

    Raises:
        WrongState: nobody took it in hand, or it ended otherwise.
    """
    refund = _lock(tx, refund_id)
    if refund.state == "failed":
        return
    if refund.state != "sending":
        raise WrongState("refund", refund_id, refund.state)
    step(tx, refund, "failed", code=code)
    give_up(tx, refund)
    tx.emit(RefundFailed(**about(refund), code=code))


def transfers_to_make(session: Session, limit: int = 100) -> list[UUID]:
    """Return approved transfers that nobody has made yet, oldest first; taken ones included."""
    return list(
        session.scalars(
            select(Refund.id)
            .where(Refund.rail == OUT_OF_BAND, Refund.state.in_(("requested", "sending")))
            .order_by(Refund.requested_at, Refund.id)
            .limit(limit)
        )
    )


def forget_payees(tx: Tx, older_than: datetime) -> int:
    """Forget bank details that no refund came to use. Return how many."""
    unused = tx.session.scalars(
        select(BankPayee).where(
            BankPayee.forgotten_at.is_(None),
            BankPayee.created_at < older_than,
            BankPayee.id.not_in(select(Refund.payee_id).where(Refund.payee_id.is_not(None))),
        )
    ).all()
    for payee in unused:
        payee.full, payee.forgotten_at = None, tx.at
    tx.session.flush()
    return len(unused)


def payload_of(ask: TransferAsk) -> dict[str, Any]:
    """Return the ask as JSON values, without bank details; `ask_from` reads it back."""
    return {
        "payment_id": str(ask.payment_id),
        "amount_minor": ask.amount.minor,
        "currency": ask.amount.currency,
        "reason": ask.reason,
        "payee_id": str(ask.payee_id),
        "money_act_id": str(ask.money_act_id) if ask.money_act_id else None,
        "lines": [[str(line_id), amount.minor] for line_id, amount in ask.lines],
        "order": ask.order,
    }


def ask_from(payload: dict[str, Any]) -> TransferAsk:
    act, currency = payload.get("money_act_id"), payload["currency"]
    return TransferAsk(
        payment_id=UUID(payload["payment_id"]),
        amount=Money(payload["amount_minor"], currency),
        reason=payload["reason"],
        payee_id=UUID(payload["payee_id"]),
        money_act_id=UUID(act) if act else None,
        lines=tuple((UUID(id), Money(minor, currency)) for id, minor in payload["lines"]),
        order=payload["order"],
    )


def _plan(
    session: Session, payment: Payment, ask: TransferAsk, at: datetime
) -> tuple[ReturnPlan, BankPayee]:
    payee = session.get(BankPayee, ask.payee_id, populate_existing=True)
    if payee is None or payee.customer_id != payment.customer_id:
        raise NotFound("payee", ask.payee_id)
    if payee.full is None:
        raise WrongState("payee", payee.id, "forgotten")
    plan = plan_refund(session, payment, ask.as_refund, at)
    if not plan.shares.money:
        raise AmountNotPositive(plan.shares.money)
    return plan, payee


def _inputs(plan: ReturnPlan, payee: BankPayee) -> dict[str, Any]:
    return plan.inputs | {"act": "out_of_band", "payee": payee.fingerprint}


def _lock(tx: Tx, refund_id: UUID) -> Refund:
    refund = lock_refund_of(tx, refund_id)
    if refund.rail != OUT_OF_BAND:
        raise WrongState("refund", refund_id, f"sent by {refund.rail}")
    return refund
