"""Refunds that somebody made in the provider's own screens: booked as they are, once.

The money has left already, so nobody approves anything here. It is booked only where our
books can carry it; where they cannot, a person has to look (see reconcile.py).
"""

from uuid import UUID

from sqlalchemy import select

from .credit_notes import NewNote, issue_note, note_amounts, write_note
from .dispute_holds import hold_disputed
from .domain import ledger as books
from .errors import NotAllowed
from .events import RefundMadeOutside
from .ledger import post
from .ports import Receipt, Tx
from .refund_plan import RefundAsk, plan_refund
from .store.locks import lock_payment
from .store.payment import Payment, Refund
from .store.subscription import PaymentMethod

REASON = "made_outside"


def record_outside_refund(tx: Tx, gateway: str, payment_ref: str, receipt: Receipt) -> str:
    """Book a refund we did not ask for. Returns why it cannot be booked now; empty when it was.

    Only one that has succeeded moves money; a pending or failed one is nothing to book.
    """
    payment_id = tx.session.scalar(
        select(Payment.id).where(Payment.gateway == gateway, Payment.gateway_ref == payment_ref)
    )
    if payment_id is None:
        return "no payment of ours"
    if receipt.state != "succeeded":
        return "" if receipt.state == "failed" else "the gateway has not decided it yet"
    payment = lock_payment(tx.session, payment_id)
    known = tx.session.scalar(
        select(Refund.id).where(Refund.gateway == gateway, Refund.gateway_ref == receipt.ref)
    )
    if known is not None:  # another worker was faster
        return ""
    ask = RefundAsk(
        payment_id=payment_id, amount=receipt.amount, reason=REASON, order="all_transaction"
    )
    payment.disputed_minor = 0  # a dispute's claim gives way: the refund is what answers it
    tx.session.flush()
    try:
        plan = plan_refund(tx.session, payment, ask, tx.at)
    except NotAllowed as refusal:
        hold_disputed(tx, payment)
        return f"more than our books have left: {refusal}"
    note_id = write_note(
        tx,
        NewNote(
            customer_id=payment.customer_id,
            invoice_id=payment.invoice_id,
            settled_by="refund",
            amount=receipt.amount,
            reason=REASON,
            money_act_id=None,
            credits=tuple(plan.credits),
        ),
    )
    _write(tx, payment, note_id=note_id, receipt=receipt)
    hold_disputed(tx, payment)
    return ""


def _write(tx: Tx, payment: Payment, *, note_id: UUID, receipt: Receipt) -> None:
    method = (
        tx.session.get(PaymentMethod, payment.payment_method_id)
        if payment.payment_method_id
        else None
    )
    refund = Refund(
        id=tx.new_id(),
        origin="outside",
        money_act_id=None,
        payment_id=payment.id,
        credit_note_id=note_id,
        customer_id=payment.customer_id,
        currency=payment.currency,
        amount_minor=receipt.amount.minor,
        rail=method.kind if method else "original",
        reason=REASON,
        state="succeeded",
        gateway=payment.gateway,
        gateway_ref=receipt.ref,
        times_settled=1,
        requested_at=tx.at,
        changed_at=tx.at,
    )
    tx.session.add(refund)
    payment.refunded_minor += refund.amount_minor  # the row is locked, and was checked
    tx.session.flush()
    issue_note(tx, note_id)
    net, tax = note_amounts(tx.session, note_id, refund.amount)
    for_invoice = payment.invoice_id is not None
    post(
        tx,
        books.refund_settled(
            refund.id, refund.customer_id, net=net, tax=tax, for_invoice=for_invoice
        ),
    )
    tx.emit(
        RefundMadeOutside(
            refund_id=refund.id,
            payment_id=payment.id,
            customer_id=refund.customer_id,
            money_act_id=None,
            amount=refund.amount,
        )
    )
