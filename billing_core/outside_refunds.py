"""Refunds that somebody made in the provider's own screens: booked as they are, once.

The money has left already, so nobody approves anything and no window counts. It is booked
only where our books can carry it; where they cannot, the notice stays parked and a person
has to look (see reconcile.py).
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from .domain.money import Money
from .errors import NotAllowed, NotFound, NothingToChange, StaleInputs, WrongState
from .events import RefundMadeOutside
from .ports import Begin, Gateway, Receipt, Tx
from .preview import MoneyPreview
from .refund_plan import RefundAsk, plan_refund, preview_refund
from .refund_settlement import RefundOutcome, settle
from .refund_steps import about, step, write_refund
from .store.funds import lock_funds
from .store.payment import Payment, Refund
from .store.reconciliation import ReconciliationItem

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
    try:
        _book(tx, payment, receipt)
    except NotAllowed as refusal:
        return f"our books cannot carry it: {refusal}"
    return ""


def preview_missed_refund(
    session: Session, item_id: UUID, payment_id: UUID, at: datetime
) -> MoneyPreview:
    """Return what booking a refund that only the gateway tells of would do. Raises as the act does."""
    amount = _missed(session.get(ReconciliationItem, item_id), item_id).theirs
    assert amount is not None
    return preview_refund(session, _ask(payment_id, amount), at)


def book_missed_refund(
    begin: Begin, gateway: Gateway, item_id: UUID, payment_id: UUID, *, note: str, by: UUID
) -> UUID:
    """Book a refund made outside whose notice never came, onto the payment that a person names.

    The gateway is asked about it first, and must say what its report said. The line of the
    report agrees afterwards and keeps the note. Returns the refund; twice is once.

    Raises:
        NotFound: no such line or payment. WrongState: the line is no refund that we miss.
        NothingToChange: no note. StaleInputs: the gateway tells something else when asked.
        RefundTooLarge: the payment does not have so much left.
        GatewayUnreachable: nothing is known and nothing was booked.
    """
    if not note.strip():
        raise NothingToChange
    with begin() as tx:
        item = tx.session.get(ReconciliationItem, item_id)
        booked = refund_by_ref(tx.session, gateway.name, item.ref) if item is not None else None
        if booked is not None:
            return booked
        known = _missed(item, item_id)
        ref, amount = known.ref, known.theirs
    receipt = gateway.find_refund(ref)
    if receipt is None or (receipt.state, receipt.amount) != ("succeeded", amount):
        raise StaleInputs
    with begin() as tx:
        payment = lock_funds(tx.session, payment_id)
        item = tx.session.get_one(ReconciliationItem, item_id, with_for_update=True)
        if payment.gateway != gateway.name or item.gateway != gateway.name:
            raise NotFound("payment", payment_id)
        booked = refund_by_ref(tx.session, gateway.name, ref)
        if booked is None:
            booked = _book(tx, payment, receipt)
            item.state, item.source_id, item.changed_at = "matched", booked, tx.at
            item.ours_minor, item.ours_currency = receipt.amount.minor, receipt.amount.currency
            item.note, item.resolved_by = note.strip(), by
            tx.session.flush()
        return booked


def _missed(item: ReconciliationItem | None, item_id: UUID) -> ReconciliationItem:
    if item is None:
        raise NotFound("reconciliation item", item_id)
    if (item.kind, item.state) != ("refund", "missing_here"):
        raise WrongState("reconciliation item", item_id, item.state)
    return item


def _ask(payment_id: UUID, amount: Money) -> RefundAsk:
    return RefundAsk(payment_id=payment_id, amount=amount, reason=REASON, order="all_transaction")


def _book(tx: Tx, payment: Payment, receipt: Receipt) -> UUID:
    plan = plan_refund(tx.session, payment, _ask(payment.id, receipt.amount), tx.at)
    refund = write_refund(tx, plan, reason=REASON, money_act_id=None, held=False)
    refund.origin = "outside"
    step(tx, refund, "sending")
    settle(tx, refund, RefundOutcome.of(receipt))
    tx.emit(RefundMadeOutside(**about(refund)))
    return refund.id


def refund_by_ref(session: Session, gateway: str, ref: str) -> UUID | None:
    """Return the refund that a gateway knows by this reference, whoever made it."""
    return session.scalar(
        select(Refund.id).where(Refund.gateway == gateway, Refund.gateway_ref == ref)
    )
