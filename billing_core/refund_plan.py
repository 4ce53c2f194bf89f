"""What a refund would give back. One computation serves preview, check and promise."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from .domain.balance import (
    LineBalance,
    LineCredit,
    check_refund,
    credit_line,
    refundable,
    spread,
)
from .domain.money import Money, total
from .errors import CurrencyMismatch, LineNotOfInvoice, NotFound, RefundTooLarge
from .preview import ChangeRow, MoneyPreview, hash_inputs
from .store.forecast import balance_minor, main_subscription, next_charge
from .store.invoice import Invoice
from .store.lines import balances
from .store.payment import Payment


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundAsk:
    """`lines` says what each invoice line gives back, tax included; else it is spread over all."""

    payment_id: UUID
    amount: Money
    reason: str
    money_act_id: UUID | None = None
    lines: tuple[tuple[UUID, Money], ...] = ()


@dataclass(frozen=True, slots=True)
class RefundPlan:
    """What a refund rests on and gives back. `lines` is None for money without an invoice."""

    payment: Payment
    lines: list[LineBalance] | None
    credits: list[LineCredit]
    amount: Money

    @property
    def inputs(self) -> dict[str, Any]:
        balance = self.payment.balance
        return {
            "act": "refund",
            "payment": [self.payment.id, balance.captured, balance.refunded],
            "promised": [balance.reserved, balance.disputed],
            "lines": [[line.line_id, line.left] for line in self.lines or ()],
            "credits": [[credit.line_id, credit.gross] for credit in self.credits],
            "amount": self.amount,
        }


def preview_refund(session: Session, ask: RefundAsk, at: datetime) -> MoneyPreview:
    """Raises what `promise_refund` would raise."""
    payment = session.get(Payment, ask.payment_id, populate_existing=True)
    if payment is None:
        raise NotFound("payment", ask.payment_id)
    plan = plan_refund(session, payment, ask)
    return MoneyPreview(
        act="refund",
        amount=ask.amount,
        charge_now=None,
        rows=tuple(_rows(session, plan, at)),
        lines=(),
        inputs_hash=hash_inputs(plan.inputs),
        payload=payload_of(ask),
    )


def plan_refund(session: Session, payment: Payment, ask: RefundAsk) -> RefundPlan:
    """Check the ask against what is left and split it over the lines."""
    lines = balances(session, payment.invoice_id, payment.currency)
    check_refund(payment.balance, ask.amount, lines)
    if not ask.lines:
        credits = spread(ask.amount, lines) if lines else []
        return RefundPlan(payment, lines, credits, ask.amount)
    known = {line.line_id: line for line in lines or ()}
    credits = []
    for line_id, amount in ask.lines:
        if line_id not in known:
            raise LineNotOfInvoice(line_id, payment.invoice_id)
        if amount.currency != payment.currency:
            raise CurrencyMismatch(payment.currency, amount.currency)
        credits.append(credit_line(known.pop(line_id), amount))
    named = total((credit.gross for credit in credits), payment.currency)
    if named != ask.amount:
        raise RefundTooLarge(ask.amount, named)
    return RefundPlan(payment, lines, credits, ask.amount)


def payload_of(ask: RefundAsk) -> dict[str, Any]:
    """Return the ask as JSON values; `ask_from` reads it back."""
    return {
        "payment_id": str(ask.payment_id),
        "amount_minor": ask.amount.minor,
        "currency": ask.amount.currency,
        "reason": ask.reason,
        "money_act_id": str(ask.money_act_id) if ask.money_act_id else None,
        "lines": [[str(line_id), amount.minor] for line_id, amount in ask.lines],
    }


def ask_from(payload: dict[str, Any]) -> RefundAsk:
    act, currency = payload.get("money_act_id"), payload["currency"]
    return RefundAsk(
        payment_id=UUID(payload["payment_id"]),
        amount=Money(payload["amount_minor"], currency),
        reason=payload["reason"],
        money_act_id=UUID(act) if act else None,
        lines=tuple((UUID(id), Money(minor, currency)) for id, minor in payload["lines"]),
    )


def _rows(session: Session, plan: RefundPlan, at: datetime) -> list[ChangeRow]:
    payment, amount = plan.payment, plan.amount
    balance = payment.balance
    kept = balance.captured - balance.refunded
    left = refundable(balance, plan.lines)
    rows = [
        ChangeRow("payment.kept", kept, kept - amount, {"payment_id": str(payment.id)}),
        ChangeRow("payment.left", left, left - amount),
    ]
    if payment.invoice_id is not None:
        invoice = session.get_one(Invoice, payment.invoice_id)
        on_lines = total((line.left for line in plan.lines or ()), payment.currency)
        data = {"number": invoice.name, "invoice_id": str(invoice.id)}
        rows.append(ChangeRow("invoice.left", on_lines, on_lines - amount, data))
    credit = Money(balance_minor(session, payment.customer_id, payment.currency), payment.currency)
    rows.append(ChangeRow("credit.balance", credit, credit))
    subscription = main_subscription(session, payment.customer_id)
    coming = next_charge(session, subscription, at, credit=credit)
    if coming is not None:
        data = {"on": coming.on.isoformat()}
        rows.append(ChangeRow("next_charge", coming.amount, coming.amount, data))
    if subscription is not None:
        rows.append(ChangeRow("subscription.state", subscription.state, subscription.state))
    return rows
