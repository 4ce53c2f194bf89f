"""Refunds that somebody made in the provider's own screens: booked as they are, once.

The money has left already, so nobody approves anything and no window counts. It is booked
only where our books can carry it; where they cannot, the notice stays parked and a person
has to look (see reconcile.py).
"""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from .errors import NotAllowed
from .events import RefundMadeOutside
from .ports import Receipt, Tx
from .refund_plan import RefundAsk, plan_refund
from .refund_settlement import RefundOutcome, settle
from .refund_steps import about, step, write_refund
from .store.funds import lock_funds
from .store.payment import Payment, Refund

REASON = "made_outside"


def record_outside_refund(tx: Tx, gateway: str, payment_ref: str, receipt: Receipt) -> str:
    """Book a refund that we did not ask for. Returns why it cannot be booked now; empty when it was.

    Only one that has succeeded has moved money; one that failed is nothing to book.
    """
    if receipt.state == "pending":
        return "the gateway has not decided it yet"
    if receipt.state == "failed":
        return ""
    payment_id = tx.session.scalar(
        select(Payment.id).where(Payment.gateway == gateway, Payment.gateway_ref == payment_ref)
    )
    if payment_id is None:
        return "no payment of ours"
    payment = lock_funds(tx.session, payment_id)
    if refund_by_ref(tx.session, gateway, receipt.ref) is not None:  # another worker was faster
        return ""
    ask = RefundAsk(
        payment_id=payment_id, amount=receipt.amount, reason=REASON, order="all_transaction"
    )
    try:
        plan = plan_refund(tx.session, payment, ask, tx.at)
    except NotAllowed as refusal:
        return f"our books cannot carry it: {refusal}"
    refund = write_refund(tx, plan, reason=REASON, money_act_id=None, held=False)
    refund.origin = "outside"
    step(tx, refund, "sending")
    settle(tx, refund, RefundOutcome.of(receipt))
    tx.emit(RefundMadeOutside(**about(refund)))
    return ""


def refund_by_ref(session: Session, gateway: str, ref: str) -> UUID | None:
    """Return the refund that a gateway knows by this reference, whoever made it."""
    return session.scalar(
        select(Refund.id).where(Refund.gateway == gateway, Refund.gateway_ref == ref)
    )
