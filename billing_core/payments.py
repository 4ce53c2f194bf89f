"""Taking money: the attempt is written before the gateway is called, and finished in one place.

An attempt without an answer is never replaced by a new one: the same key is asked about,
and sent again, until the gateway has answered.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from .domain import ledger as books
from .domain.balance import refundable as refundable_of
from .domain.money import Money
from .duplicates import announce_duplicates
from .errors import GatewayDeclined, GatewayUnreachable, NoPaymentMethod, NotFound
from .events import PaymentCaptured
from .ledger import post
from .ports import Begin, Gateway, Receipt, Tx
from .settlement import ChargeOutcome, settle_charges
from .store.base import add_rows
from .store.invoice import Invoice
from .store.lines import balances
from .store.locks import lock_all
from .store.payment import OPEN_ATTEMPTS, Payment, PaymentAttempt
from .store.subscription import PaymentMethod


@dataclass(frozen=True, slots=True)
class Collected:
    """What became of collecting one invoice. pending and unknown are settled later."""

    invoice_id: UUID
    state: Literal["paid", "pending", "unknown", "failed", "nothing_due", "no_method"]
    attempt_id: UUID | None = None
    payment_id: UUID | None = None
    code: str = ""


@dataclass(frozen=True, slots=True)
class ChargeOrder:
    """One attempt to be sent, once no transaction is open any more."""

    attempt_id: UUID
    invoice_id: UUID
    key: str
    method_token: str
    amount: Money
    fresh: bool  # False: it may have reached the gateway before


def collect_invoice(
    begin: Begin, gateway: Gateway, invoice_id: UUID, *, key: str | None = None
) -> Collected:
    """Charge what is due, once. An attempt without an answer is finished first, with its own key.

    `key` names a new attempt; the same key again tells what became of the first.
    """
    with begin() as tx:
        if key is not None and (earlier := _by_key(tx.session, key)):
            return earlier
        orders = write_attempts(tx, gateway, [invoice_id], key=key)
        if not orders:
            return _nothing_tosend_attempts(tx.session, invoice_id)
    return send_attempts(begin, gateway, orders)[0]


def collect_batch(
    begin: Begin,
    gateway: Gateway,
    invoice_ids: Sequence[UUID],
    *,
    together: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> list[Collected]:
    """Collect several invoices in two transactions; those with nothing to charge are left out."""
    with begin() as tx:
        orders = write_attempts(tx, gateway, invoice_ids)
    return send_attempts(begin, gateway, orders, together=together)


def settle_charge(begin: Begin, receipt: Receipt) -> Collected | None:
    """Book what the gateway says about one attempt. The second to tell finds nothing to do.

    None: we know no attempt with this key.
    """
    with begin() as tx:
        attempt = tx.session.scalars(
            select(PaymentAttempt).where(PaymentAttempt.key == receipt.key)
        ).first()
        if attempt is None:
            return None
        settled = settle_charges(tx, {attempt.id: ChargeOutcome.of(receipt)})
        return _told(settled[attempt.id])


def record_capture(
    tx: Tx,
    *,
    customer_id: UUID,
    amount: Money,
    gateway: str,
    gateway_ref: str,
    payment_method_id: UUID | None = None,
) -> UUID:
    """Book money that arrived without an invoice. The same gateway reference returns the same payment."""
    known = tx.session.scalar(
        select(Payment.id).where(Payment.gateway == gateway, Payment.gateway_ref == gateway_ref)
    )
    if known is not None:
        return known
    payment_id = tx.new_id()
    row = Payment(
        id=payment_id,
        customer_id=customer_id,
        payment_method_id=payment_method_id,
        gateway=gateway,
        gateway_ref=gateway_ref,
        currency=amount.currency,
        captured_minor=amount.minor,
        captured_at=tx.at,
    )
    tx.session.add(row)
    tx.session.flush()
    post(tx, books.payment_captured(payment_id, customer_id, amount, for_invoice=False))
    tx.emit(
        PaymentCaptured(
            payment_id=payment_id, customer_id=customer_id, invoice_id=None, amount=amount
        )
    )
    announce_duplicates(tx, customer_id, only=payment_id)
    return payment_id


def refundable(session: Session, payment_id: UUID) -> Money:
    """Return what a refund may still ask: left of the payment, and left on its invoice's lines."""
    payment = session.get(Payment, payment_id, populate_existing=True)
    if payment is None:
        raise NotFound("payment", payment_id)
    lines = balances(session, payment.invoice_id, payment.currency)
    return refundable_of(payment.balance, lines)


def invoices_to_collect(session: Session, at: datetime, limit: int = 100) -> list[UUID]:
    """Return open invoices that are due and that nobody has tried to charge yet.

    A run that died between billing and collecting leaves such invoices.
    """
    tried = exists().where(PaymentAttempt.invoice_id == Invoice.id)
    return list(
        session.scalars(
            select(Invoice.id)
            .where(
                Invoice.state == "open",
                Invoice.due_on <= at.date(),
                Invoice.payment_method_id.is_not(None),
                ~tried,
            )
            .order_by(Invoice.due_on, Invoice.id)
            .limit(limit)
        )
    )


def attempts_to_reconcile(session: Session, older_than: datetime, limit: int = 100) -> list[UUID]:
    """Return attempts without an answer since before `older_than`: init, pending or unknown."""
    return list(
        session.scalars(
            select(PaymentAttempt.id)
            .where(PaymentAttempt.state.in_(OPEN_ATTEMPTS), PaymentAttempt.changed_at < older_than)
            .order_by(PaymentAttempt.changed_at)
            .limit(limit)
        )
    )


def reconcile_attempt(begin: Begin, gateway: Gateway, attempt_id: UUID) -> Collected | None:
    """Ask the gateway what became of an attempt; send it, same key, if it never arrived.

    None: it has its answer already.
    """
    with begin() as tx:
        attempt = tx.session.get(PaymentAttempt, attempt_id)
        if attempt is None:
            raise NotFound("payment attempt", attempt_id)
        if attempt.state not in OPEN_ATTEMPTS:
            return None
        order = _order(tx.session, attempt)
    return send_attempts(begin, gateway, [order])[0]


def write_attempts(
    tx: Tx, gateway: Gateway, invoice_ids: Sequence[UUID], *, key: str | None = None
) -> list[ChargeOrder]:
    """Write the attempts to charge what is due, or take up those without an answer."""
    invoices = lock_all(
        tx.session,
        select(Invoice)
        .where(Invoice.id.in_(invoice_ids), Invoice.state == "open", Invoice.due_minor > 0)
        .order_by(Invoice.id),
    )
    ids = [invoice.id for invoice in invoices]
    orders: list[ChargeOrder] = []
    unanswered = tx.session.scalars(
        select(PaymentAttempt).where(
            PaymentAttempt.invoice_id.in_(ids), PaymentAttempt.state.in_(OPEN_ATTEMPTS)
        )
    ).all()
    orders += [_order(tx.session, attempt) for attempt in unanswered]
    busy = {attempt.invoice_id for attempt in unanswered}
    tokens = _tokens(tx.session, invoices)
    rows = []
    for invoice in invoices:
        if invoice.id in busy or invoice.payment_method_id not in tokens:
            continue
        token = tokens[invoice.payment_method_id]
        order = _new_order(tx, invoice, key=key, method_token=token)
        orders.append(order)
        rows.append(_attempt_row(tx, gateway, invoice, order))
    if rows:
        add_rows(tx.session, PaymentAttempt, rows)
    return orders


def _new_order(tx: Tx, invoice: Invoice, *, key: str | None, method_token: str) -> ChargeOrder:
    id = tx.new_id()
    amount = Money(invoice.due_minor, invoice.currency)
    return ChargeOrder(id, invoice.id, key or str(id), method_token, amount, fresh=True)


def _attempt_row(
    tx: Tx, gateway: Gateway, invoice: Invoice, order: ChargeOrder
) -> dict[str, object]:
    return {
        "id": order.attempt_id,
        "key": order.key,
        "invoice_id": invoice.id,
        "customer_id": invoice.customer_id,
        "payment_method_id": invoice.payment_method_id,
        "gateway": gateway.name,
        "currency": invoice.currency,
        "amount_minor": invoice.due_minor,
        "state": "init",
        "created_at": tx.at,
        "changed_at": tx.at,
    }


def _tokens(session: Session, invoices: Sequence[Invoice]) -> dict[UUID | None, str]:
    found = session.execute(
        select(PaymentMethod.id, PaymentMethod.token).where(
            PaymentMethod.id.in_({invoice.payment_method_id for invoice in invoices})
        )
    )
    return dict(found.all())


def _order(session: Session, attempt: PaymentAttempt) -> ChargeOrder:
    token = session.scalars(
        select(PaymentMethod.token).where(PaymentMethod.id == attempt.payment_method_id)
    ).one()
    amount = Money(attempt.amount_minor, attempt.currency)
    return ChargeOrder(attempt.id, attempt.invoice_id, attempt.key, token, amount, fresh=False)


def send_attempts(
    begin: Begin,
    gateway: Gateway,
    orders: Sequence[ChargeOrder],
    *,
    together: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> list[Collected]:
    """Call the gateway with no transaction open, then settle everything it said in one."""
    if not orders:
        return []
    with together():
        outcomes = {order.attempt_id: _charge(gateway, order) for order in orders}
    with begin() as tx:
        settled = settle_charges(tx, outcomes)
        return [_told(settled[order.attempt_id]) for order in orders]


def _charge(gateway: Gateway, order: ChargeOrder) -> ChargeOutcome:
    try:
        if not order.fresh and (receipt := gateway.find_charge(order.key)):
            return ChargeOutcome.of(receipt)
        return ChargeOutcome.of(
            gateway.charge(
                method_token=order.method_token,
                amount=order.amount,
                key=order.key,
                reference=str(order.invoice_id),
            )
        )
    except GatewayDeclined as declined:
        return ChargeOutcome("failed", code=declined.code)
    except GatewayUnreachable:
        return ChargeOutcome("unknown")


def _told(attempt: PaymentAttempt) -> Collected:
    states: dict[str, Literal["paid", "pending", "unknown", "failed"]] = {
        "success": "paid",
        "pending": "pending",
        "failed": "failed",
    }
    state = states.get(attempt.state, "unknown")
    return Collected(
        attempt.invoice_id, state, attempt.id, attempt.payment_id, attempt.failure_code
    )


def _by_key(session: Session, key: str) -> Collected | None:
    """Return what became of a finished attempt; one without an answer is taken up again."""
    found = session.scalars(select(PaymentAttempt).where(PaymentAttempt.key == key)).first()
    if found is None or found.state in OPEN_ATTEMPTS:
        return None
    return _told(found)


def _nothing_tosend_attempts(session: Session, invoice_id: UUID) -> Collected:
    invoice = session.get(Invoice, invoice_id)
    if invoice is None:
        raise NotFound("invoice", invoice_id)
    if invoice.state == "open":
        raise NoPaymentMethod(invoice_id)
    return Collected(invoice_id, "nothing_due")
