"""What a refund would give back, and by which ways. One computation serves preview, check and promise."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from .domain.balance import LineBalance, LineCredit, credit_line, line_share, spread
from .domain.calendar import local_date
from .domain.credit_order import CreditOrder, Shares, share
from .domain.money import Money, total
from .domain.refund_window import RefundWindow
from .errors import (
    AmountNotPositive,
    CurrencyMismatch,
    LineNotOfInvoice,
    NoRefundRail,
    NotFound,
    RefundTooLarge,
    RefundWindowClosed,
    WholeRefundOnly,
)
from .preview import ChangeRow, MoneyPreview, hash_inputs
from .store.forecast import balance_minor, main_subscription, next_charge
from .store.funds import credit_left, rail_of, zone_of
from .store.invoice import Invoice, InvoiceLine
from .store.lines import balances
from .store.payment import Payment

Windows = Mapping[str, Mapping[str, RefundWindow]]
"""Refund windows by gateway and rail; a rail that is not listed has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundAsk:
    """`amount` is all that is given back: as money, or as credit where credit had paid.

    `lines` says what each invoice line gives back, tax included; `quantities` says it in
    units. Without both it is spread over all. `order` decides what returns to the balance.
    """

    payment_id: UUID
    amount: Money
    reason: str
    money_act_id: UUID | None = None
    lines: tuple[tuple[UUID, Money], ...] = ()
    quantities: tuple[tuple[UUID, int], ...] = ()
    order: CreditOrder = "transaction_first"


@dataclass(frozen=True, slots=True)
class WindowState:
    """Until when the provider gives this payment back, and whether in parts."""

    rail: str
    window: RefundWindow
    paid_on: date  # local
    today: date  # local

    @property
    def last_day(self) -> date | None:
        return self.window.last_day(paid_on=self.paid_on)

    @property
    def open(self) -> bool:
        return self.window.open_on(self.today, paid_on=self.paid_on)

    @property
    def row(self) -> ChangeRow:
        last_day = self.last_day
        data = {"rail": self.rail, "partial": self.window.partial, "days": self.window.days}
        return ChangeRow("refund.window", last_day, last_day, data)


@dataclass(frozen=True, slots=True)
class ReturnPlan:
    """What is given back and what that rests on. `lines` is None for money without an invoice."""

    payment: Payment | None
    invoice: Invoice | None
    lines: list[LineBalance] | None
    credits: tuple[LineCredit, ...]
    amount: Money
    shares: Shares
    order: CreditOrder
    credit_left: Money
    window: WindowState | None = None

    @property
    def money_left(self) -> Money:
        return _money_left(self.payment, self.amount.currency)

    @property
    def left(self) -> Money:
        """What may still be given back, in whatever way the order allows."""
        return _left(self.money_left, self.credit_left, self.lines, self.order)

    @property
    def customer_id(self) -> UUID:
        owner = self.payment or self.invoice
        assert owner is not None
        return owner.customer_id

    @property
    def inputs(self) -> dict[str, Any]:
        return {
            "act": "refund",
            **(_rests_on(self.payment) if self.payment else {}),
            "lines": [[line.line_id, line.left] for line in self.lines or ()],
            "credits": [[credit.line_id, credit.gross] for credit in self.credits],
            "amount": self.amount,
            "shares": [self.order, self.shares.money, self.shares.balance],
            "credit_left": self.credit_left,
        }


def preview_refund(
    session: Session, ask: RefundAsk, at: datetime, *, windows: Windows | None = None
) -> MoneyPreview:
    """Raises what `promise_refund` would raise."""
    payment = session.get(Payment, ask.payment_id, populate_existing=True)
    if payment is None:
        raise NotFound("payment", ask.payment_id)
    plan = plan_refund(session, payment, ask, at, windows=windows)
    return MoneyPreview(
        act="refund",
        amount=ask.amount,
        charge_now=None,
        rows=tuple(refund_rows(session, plan, at)),
        lines=(),
        inputs_hash=hash_inputs(plan.inputs),
        payload=payload_of(ask),
    )


def plan_refund(
    session: Session,
    payment: Payment,
    ask: RefundAsk,
    at: datetime,
    *,
    windows: Windows | None = None,
) -> ReturnPlan:
    """Check the ask against what is left and against the provider's window."""
    invoice = None
    if payment.invoice_id is not None:
        invoice = session.get_one(Invoice, payment.invoice_id, populate_existing=True)
    named = ask.lines + _in_money(session, ask, payment.currency)
    plan = plan_return(session, invoice, payment, ask.amount, order=ask.order, named=named)
    return plan if windows is None else with_window(session, plan, at, windows)


def with_window(session: Session, plan: ReturnPlan, at: datetime, windows: Windows) -> ReturnPlan:
    """Return the plan with the provider's window; what moves no money needs none.

    Raises:
        RefundWindowClosed: too late, never possible, or not in parts.
    """
    if plan.payment is None or not plan.shares.money:
        return plan
    state = window_state(session, plan.payment, at, windows)
    if state is None:
        return plan
    if state.last_day is None:
        raise NoRefundRail(state.rail, None)
    if not state.open:
        raise RefundWindowClosed(state.rail, state.last_day)
    if not state.window.partial and plan.shares.money.minor != plan.payment.captured_minor:
        raise WholeRefundOnly(state.rail, state.last_day)
    return replace(plan, window=state)


def plan_return(
    session: Session,
    invoice: Invoice | None,
    payment: Payment | None,
    amount: Money,
    *,
    order: CreditOrder,
    named: Sequence[tuple[UUID, Money]] = (),
) -> ReturnPlan:
    """Split an amount over lines and over the ways back, by what is left of each.

    Raises:
        CurrencyMismatch, AmountNotPositive, LineNotOfInvoice, LineTooSmall: the ask is wrong.
        RefundTooLarge: carries what is left.
    """
    currency = payment.currency if payment else invoice.currency if invoice else amount.currency
    if amount.currency != currency:
        raise CurrencyMismatch(currency, amount.currency)
    if amount.minor <= 0:
        raise AmountNotPositive(amount)
    lines = balances(session, invoice.id if invoice else None, currency)
    pool = credit_left(session, invoice, currency)
    money = _money_left(payment, currency)
    left = _left(money, pool, lines, order)
    if amount > left:
        raise RefundTooLarge(amount, left)
    credits = line_credits(invoice, lines, amount, named)
    shares = share(order, amount, money_left=money, credit_left=pool)
    return ReturnPlan(payment, invoice, lines, credits, amount, shares, order, pool)


def window_state(
    session: Session, payment: Payment, at: datetime, windows: Windows
) -> WindowState | None:
    """Return how a payment stands to its provider's window; None where the provider sets none."""
    rail = rail_of(session, payment)
    window = windows.get(payment.gateway, {}).get(rail)
    if window is None:
        return None
    zone = zone_of(session, payment)
    return WindowState(rail, window, local_date(payment.captured_at, zone), local_date(at, zone))


def _rests_on(payment: Payment) -> dict[str, Any]:
    balance = payment.balance
    return {
        "payment": [payment.id, balance.captured, balance.refunded],
        "promised": [balance.reserved, balance.disputed, balance.credited],
    }


def _money_left(payment: Payment | None, currency: str) -> Money:
    return payment.balance.left if payment is not None else Money.zero(currency)


def _left(
    money: Money, pool: Money, lines: Sequence[LineBalance] | None, order: CreditOrder
) -> Money:
    left = money if order == "all_transaction" else money + pool
    if lines is not None:
        left = min(left, total((line.left for line in lines), left.currency))
    return max(left, Money.zero(left.currency))


def line_credits(
    invoice: Invoice | None,
    lines: Sequence[LineBalance] | None,
    amount: Money,
    named: Sequence[tuple[UUID, Money]],
) -> tuple[LineCredit, ...]:
    """Split an amount over an invoice's lines: as named, or by what each has left."""
    if not named:
        return tuple(spread(amount, lines)) if lines else ()
    known = {line.line_id: line for line in lines or ()}
    credits = []
    for line_id, part in named:
        if line_id not in known:
            raise LineNotOfInvoice(line_id, invoice.id if invoice else None)
        if part.currency != amount.currency:
            raise CurrencyMismatch(amount.currency, part.currency)
        credits.append(credit_line(known.pop(line_id), part))
    said = total((credit.gross for credit in credits), amount.currency)
    if said != amount:
        raise RefundTooLarge(amount, said)
    return tuple(credits)


def amount_of_units(
    session: Session, payment_id: UUID, quantities: Sequence[tuple[UUID, int]]
) -> Money:
    """Return what so many units of each line cost, tax included: what a refund of them may ask."""
    payment = session.get(Payment, payment_id, populate_existing=True)
    if payment is None:
        raise NotFound("payment", payment_id)
    units = _units(session, payment.invoice_id, quantities, payment.currency)
    return total((amount for _, amount in units), payment.currency)


def _in_money(session: Session, ask: RefundAsk, currency: str) -> tuple[tuple[UUID, Money], ...]:
    if not ask.quantities:
        return ()
    payment = session.get_one(Payment, ask.payment_id)
    return _units(session, payment.invoice_id, ask.quantities, currency)


def _units(
    session: Session,
    invoice_id: UUID | None,
    quantities: Sequence[tuple[UUID, int]],
    currency: str,
) -> tuple[tuple[UUID, Money], ...]:
    known = {line.line_id: line for line in balances(session, invoice_id, currency) or ()}
    result = []
    for line_id, units in quantities:
        if line_id not in known:
            raise LineNotOfInvoice(line_id, invoice_id)
        of = session.get_one(InvoiceLine, line_id).quantity
        result.append((line_id, line_share(known[line_id], units, of=of)))
    return tuple(result)


def payload_of(ask: RefundAsk) -> dict[str, Any]:
    """Return the ask as JSON values; `ask_from` reads it back."""
    return {
        "payment_id": str(ask.payment_id),
        "amount_minor": ask.amount.minor,
        "currency": ask.amount.currency,
        "reason": ask.reason,
        "money_act_id": str(ask.money_act_id) if ask.money_act_id else None,
        "lines": [[str(line_id), amount.minor] for line_id, amount in ask.lines],
        "quantities": [[str(line_id), units] for line_id, units in ask.quantities],
        "order": ask.order,
    }


def ask_from(payload: dict[str, Any]) -> RefundAsk:
    act, currency = payload.get("money_act_id"), payload["currency"]
    return RefundAsk(
        payment_id=UUID(payload["payment_id"]),
        amount=Money(payload["amount_minor"], currency),
        reason=payload["reason"],
        money_act_id=UUID(act) if act else None,
        lines=tuple((UUID(id), Money(minor, currency)) for id, minor in payload["lines"]),
        quantities=tuple((UUID(id), units) for id, units in payload["quantities"]),
        order=payload["order"],
    )


def refund_rows(session: Session, plan: ReturnPlan, at: datetime) -> list[ChangeRow]:
    """Return everything a refund changes, and what it leaves as it is."""
    payment, money = plan.payment, plan.shares.money
    assert payment is not None
    balance = payment.balance
    kept = balance.captured - balance.refunded
    rows = [
        ChangeRow("payment.kept", kept, kept - money, {"payment_id": str(payment.id)}),
        ChangeRow("payment.left", plan.left, plan.left - plan.amount),
    ]
    if plan.window is not None:
        rows.append(plan.window.row)
    if plan.invoice is not None:
        on_lines = total((line.left for line in plan.lines or ()), payment.currency)
        data = {"number": plan.invoice.name, "invoice_id": str(plan.invoice.id)}
        rows.append(ChangeRow("invoice.left", on_lines, on_lines - plan.amount, data))
    credit = Money(balance_minor(session, payment.customer_id, payment.currency), payment.currency)
    then = credit + plan.shares.balance
    rows.append(ChangeRow("credit.balance", credit, then))
    subscription = main_subscription(session, payment.customer_id)
    coming = next_charge(session, subscription, at, credit=credit)
    if coming is not None:
        later = next_charge(session, subscription, at, credit=then) or coming
        data = {"on": coming.on.isoformat()}
        rows.append(ChangeRow("next_charge", coming.amount, later.amount, data))
    if subscription is not None:
        rows.append(ChangeRow("subscription.state", subscription.state, subscription.state))
    return rows
