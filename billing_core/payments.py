"""Taking money: what was written as attempts is taken to the gateways, and settled in one place."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Literal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from .attempts import ChargeOrder, order_of, withdraw_attempts, write_attempts
from .domain import ledger as books
from .domain.balance import refundable as refundable_of
from .domain.money import Money
from .duplicates import announce_duplicates
from .errors import GatewayDeclined, GatewayUnreachable, KeyReused, NoPaymentMethod, NotFound
from .events import PaymentCaptured, PaymentsCaptured
from .ledger import post
from .ports import Begin, Gateway, Gateways, Receipt, Tx
from .settlement import ChargeOutcome, Settled, settle_charges
from .store.invoice import Invoice
from .store.lines import balances
from .store.payment import OPEN_ATTEMPTS, Payment, PaymentAttempt


@dataclass(frozen=True, slots=True)
class Collected:
    """What became of collecting one invoice. pending and unknown are settled later."""

    invoice_id: UUID
    state: Literal["paid", "pending", "unknown", "failed", "nothing_due", "no_method"]
    attempt_id: UUID | None = None
    payment_id: UUID | None = None
    code: str = ""


def collect_invoice(
    begin: Begin, gateways: Gateways, invoice_id: UUID, *, key: str | None = None
) -> Collected:
    """Charge what is due, once. An attempt without an answer is finished first, with its own key.

    `key` names a new attempt; the same key again tells what became of the first. A try by
    hand, by an agent or the customer, is this: it moves nothing in the plan of dunning.
    """
    with begin() as tx:
        if key is not None and (earlier := _by_key(tx.session, key)):
            return earlier
        orders = write_attempts(tx, [invoice_id], key=key, automatic=False)
        if not orders:
            return _nothing_to_send(tx.session, invoice_id)
    return send_attempts(begin, gateways, orders)[0]


def collect_batch(
    begin: Begin,
    gateways: Gateways,
    invoice_ids: Sequence[UUID],
    *,
    together: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> list[Collected]:
    """Collect several invoices in two transactions; those with nothing to charge are left out."""
    with begin() as tx:
        orders = write_attempts(tx, invoice_ids)
    return send_attempts(begin, gateways, orders, together=together)


def withdraw_invoice(begin: Begin, gateways: Gateways, invoice_id: UUID) -> Collected | None:
    """Stop a Pix code or boleto that waits for its money, so that another way can be used.

    It may be too late: then the invoice is paid. None: nothing was waiting.
    """
    with begin() as tx:
        withdraw_attempts(tx, [invoice_id])
        attempt_id = tx.session.scalar(
            select(PaymentAttempt.id).where(
                PaymentAttempt.invoice_id == invoice_id, PaymentAttempt.state.in_(OPEN_ATTEMPTS)
            )
        )
    return reconcile_attempt(begin, gateways, attempt_id) if attempt_id is not None else None


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
    captured = PaymentCaptured(
        payment_id=payment_id, customer_id=customer_id, invoice_id=None, amount=amount
    )
    tx.emit(captured)
    tx.emit(PaymentsCaptured(payments=(captured,)))
    announce_duplicates(tx, customer_id, only=payment_id)
    return payment_id


def refundable(session: Session, payment_id: UUID) -> Money:
    """Return what a refund may still ask: left of the payment, and left on its invoice's lines."""
    payment = session.get(Payment, payment_id, populate_existing=True)
    if payment is None:
        raise NotFound("payment", payment_id)
    lines = balances(session, payment.invoice_id, payment.currency)
    return refundable_of(payment.balance, lines)


def reconcile_attempt(begin: Begin, gateways: Gateways, attempt_id: UUID) -> Collected | None:
    """Ask the gateway what became of an attempt; send it, same key, if it never arrived.

    One that nobody wants paid any more, or whose time is over, is withdrawn instead: only
    the gateway's answer ends it, never its age. None: it has its answer already.
    """
    with begin() as tx:
        if tx.session.get(PaymentAttempt, attempt_id) is None:
            raise NotFound("payment attempt", attempt_id)
        order = order_of(tx, attempt_id)
    return send_attempts(begin, gateways, [order])[0] if order is not None else None


def send_attempts(
    begin: Begin,
    gateways: Gateways,
    orders: Sequence[ChargeOrder],
    *,
    together: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> list[Collected]:
    """Call the gateways with no transaction open, then settle everything they said in one."""
    if not orders:
        return []
    with together():
        outcomes = {order.attempt_id: _ask(gateways, order) for order in orders}
    with begin() as tx:
        settled = settle_charges(tx, outcomes)
        return [_told(settled[order.attempt_id]) for order in orders]


def _ask(gateways: Gateways, order: ChargeOrder) -> ChargeOutcome:
    gateway = gateways.get(order.gateway)
    if gateway is None:  # not set up any more: it cannot answer, so nothing is known
        return ChargeOutcome("unknown", code="no_such_gateway")
    try:
        receipt = _carry_out(gateway, order)
    except GatewayDeclined as declined:
        return ChargeOutcome("failed", code=declined.code)
    except GatewayUnreachable:
        return ChargeOutcome("unknown")
    except KeyReused:  # it holds another charge under our key: a person must look
        return ChargeOutcome("unknown", code="key_reused")
    outcome = ChargeOutcome.of(receipt)
    if order.task == "expire" and outcome.code == "withdrawn":
        return replace(outcome, code="expired")
    return outcome


def _carry_out(gateway: Gateway, order: ChargeOrder) -> Receipt:
    known = gateway.find_charge(order.key) if order.task != "charge" else None
    if order.task in ("withdraw", "expire"):
        if known is None:  # it never arrived
            return Receipt(order.key, "", "failed", order.amount, code="withdrawn")
        return gateway.withdraw(key=order.key) if known.state == "pending" else known
    if known is not None:
        return known
    if order.refusal:  # nothing has arrived, and nothing may
        raise GatewayDeclined(order.refusal)
    return gateway.charge(
        method_token=order.method_token,
        amount=order.amount,
        key=order.key,
        reference=str(order.invoice_id),
        due_on=order.due_on,
    )


def _told(one: Settled) -> Collected:
    states: dict[str, Literal["paid", "pending", "unknown", "failed"]] = {
        "success": "paid",
        "pending": "pending",
        "failed": "failed",
    }
    state = states.get(one.state, "unknown")
    return Collected(one.invoice_id, state, one.attempt_id, one.payment_id, one.code)


def _by_key(session: Session, key: str) -> Collected | None:
    """Return what became of a finished attempt; one without an answer is taken up again."""
    found = session.scalars(select(PaymentAttempt).where(PaymentAttempt.key == key)).first()
    if found is None or found.state in OPEN_ATTEMPTS:
        return None
    return _told(
        Settled(found.id, found.invoice_id, found.state, found.payment_id, found.failure_code)
    )


def _nothing_to_send(session: Session, invoice_id: UUID) -> Collected:
    invoice = session.get(Invoice, invoice_id)
    if invoice is None:
        raise NotFound("invoice", invoice_id)
    if invoice.state == "open":
        raise NoPaymentMethod(invoice_id)
    return Collected(invoice_id, "nothing_due")
