"""The things an act is about, as the agent sees them: which charge, which card, which plan.

Frozen with the preview, so that approver, drawer and timeline name them the same way later.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing_core.corrections import ReissueAsk
from billing_core.credits import CreditAsk
from billing_core.errors import NotFound
from billing_core.out_of_band import TransferAsk
from billing_core.refunds import RefundAsk
from billing_core.store.catalog import Plan, Price
from billing_core.store.payee import BankPayee
from billing_core.store.queries import account_of
from billing_core.store.views import (
    AccountView,
    InvoiceView,
    MethodView,
    PaymentView,
    SubscriptionView,
)
from billing_core.subscriptions import PlanChangeAsk
from helpdesk.billing_desk.acts import Request
from helpdesk.billing_desk.frozen import money_kept

INVOICES = 60  # how far back a charge can be chosen


def about(session: Session, customer_id: UUID, request: Request, at: datetime) -> dict[str, Any]:
    """Return JSON values: ids and dates as text, amounts as [minor, currency]."""
    account = account_of(session, customer_id, at, invoices=INVOICES)
    match request.ask:
        case RefundAsk() as ask:
            facts = _refund(account, ask)
        case TransferAsk() as ask:
            facts = _refund(account, ask) | {"method": _payee(session, ask.payee_id)}
        case CreditAsk() as ask:
            facts = {"amount": money_kept(ask.amount)}
        case ReissueAsk() as ask:
            facts = _reissue(account, ask)
        case PlanChangeAsk() as ask:
            facts = _plan_change(session, account, ask)
    facts["reason"] = request.ask.reason
    facts["courtesy"] = money_kept(request.courtesy.amount) if request.courtesy else None
    return facts


def payments_of(account: AccountView) -> list[tuple[PaymentView, InvoiceView | None]]:
    """Return every payment with its invoice, newest first."""
    found: list[tuple[PaymentView, InvoiceView | None]] = [
        (payment, None) for payment in account.payments_without_invoice
    ]
    found += [(payment, bill) for bill in account.invoices for payment in bill.payments]
    return sorted(found, key=lambda one: one[0].captured_at, reverse=True)


def _refund(account: AccountView, ask: RefundAsk | TransferAsk) -> dict[str, Any]:
    for payment, invoice in payments_of(account):
        if payment.payment_id == ask.payment_id:
            return {
                "payment_id": str(payment.payment_id),
                "captured_at": payment.captured_at.isoformat(),
                "captured": money_kept(payment.captured),
                "amount": money_kept(ask.amount),
                "number": invoice.number if invoice else "",
                "method": _method(payment.method),
            }
    raise NotFound("payment", ask.payment_id)


def _payee(session: Session, payee_id: UUID) -> dict[str, str]:
    """Return to whom a transfer goes, masked as it is kept."""
    masked = session.get_one(BankPayee, payee_id).masked
    to = masked.get("pix_key") or "{bank} {branch} {account}".format_map(masked)
    return {"kind": "bank_transfer", "brand": "", "last4": to}


def _reissue(account: AccountView, ask: ReissueAsk) -> dict[str, Any]:
    invoice = next((one for one in account.invoices if one.invoice_id == ask.invoice_id), None)
    if invoice is None:
        raise NotFound("invoice", ask.invoice_id)
    lines = {line.line_id: line for line in invoice.lines}
    payment = invoice.payments[0] if invoice.payments else None
    return {
        "invoice_id": str(invoice.invoice_id),
        "number": invoice.number,
        "invoice_state": invoice.state,
        "issued_at": invoice.issued_at.isoformat(),
        "total": money_kept(invoice.total),
        "settle_by": ask.settle_by,
        "method": _method(payment.method) if payment else None,
        "lines": [
            {
                "label": lines[line_id].label,
                "was": money_kept(lines[line_id].net - lines[line_id].credited),
                "right": money_kept(right),
            }
            for line_id, right in ask.lines
            if line_id in lines
        ],
    }


def _plan_change(session: Session, account: AccountView, ask: PlanChangeAsk) -> dict[str, Any]:
    subscription = subscription_in(account, ask.subscription_id)
    now, then = _plan(session, subscription.price_id), _plan(session, ask.new_price_id)
    return {
        "subscription_id": str(subscription.subscription_id),
        "when": ask.when,
        "from": now[1].name,
        "to": then[1].name,
        "from_amount": money_kept(subscription.price),
        "to_amount": [then[0].unit_minor * subscription.quantity, then[0].currency],
        "interval": then[0].interval,
        "interval_count": then[0].interval_count,
        "from_interval": subscription.interval,
        "from_interval_count": subscription.interval_count,
        "period_start": subscription.period_start.isoformat(),
        "period_end": subscription.period_end.isoformat(),
        "method": _method(subscription.method),
        "gains": [
            [name, _feature(now[1].features.get(name)), _feature(value)]
            for name, value in then[1].features.items()
        ],
    }


def subscription_in(account: AccountView, subscription_id: UUID) -> SubscriptionView:
    """Raises billing's `NotFound`."""
    for one in account.subscriptions:
        if one.subscription_id == subscription_id:
            return one
    raise NotFound("subscription", subscription_id)


def _plan(session: Session, price_id: UUID) -> tuple[Price, Plan]:
    found = session.execute(
        select(Price, Plan).join(Plan, Plan.id == Price.plan_id).where(Price.id == price_id)
    ).first()
    if found is None:
        raise NotFound("price", price_id)
    return found[0], found[1]


def _feature(value: object) -> str:
    return "" if value is None else str(value)


def _method(method: MethodView | None) -> dict[str, str] | None:
    if method is None:
        return None
    return {"kind": method.kind, "brand": method.brand, "last4": method.last4}
