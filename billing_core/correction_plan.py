"""What a correction of a wrong charge rests on and leads to. One computation for preview and execution."""

from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from .attempts import SELF_PAID
from .credits import credit_balance
from .domain.balance import LineBalance
from .domain.credit_order import CreditOrder
from .domain.invoice import DraftLine, apply_credit
from .domain.money import Money, total
from .domain.tax import TaxRule
from .errors import (
    AmountNotPositive,
    BeingCharged,
    CurrencyMismatch,
    LineNotOfInvoice,
    NothingToChange,
    PaidOnlyLower,
    PaperWaiting,
    WrongState,
)
from .preview import ChangeRow
from .refund_plan import ReturnPlan, Windows, plan_return, with_window
from .store.funds import check_not_pending, payments_for
from .store.invoice import Invoice, InvoiceLine
from .store.lines import balance_of_line, lines_of
from .store.payment import OPEN_ATTEMPTS, PaymentAttempt

REPLACEABLE = ("open", "uncollectible")
"""States of an invoice that nobody has paid: it is voided and issued again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReissueAsk:
    """`lines` says what the named lines should have cost; the others stay as they are.

    A paid invoice gives the difference back: as money first (`refund`; what the customer's
    credit had paid returns there), or all of it as credit.
    """

    invoice_id: UUID
    lines: tuple[tuple[UUID, Money], ...]  # (line, right net amount)
    reason: str
    settle_by: Literal["refund", "credit"] = "refund"
    money_act_id: UUID | None = None

    @property
    def order(self) -> CreditOrder:
        return "transaction_first" if self.settle_by == "refund" else "all_credit"


@dataclass(frozen=True, slots=True)
class Papers:
    """Boletos and Pix codes that wait to be paid: withdrawn together with their invoice.

    The gateway hears of it afterwards. One that is paid all the same is late money: it is
    booked without an invoice, and somebody decides.
    """

    waiting: tuple[PaymentAttempt, ...] = ()

    @property
    def inputs(self) -> list[Any]:
        return [[one.id, one.state, one.amount_minor] for one in self.waiting]

    @property
    def rows(self) -> list[ChangeRow]:
        return [
            ChangeRow(
                "payment.waiting",
                Money(one.amount_minor, one.currency),
                Money.zero(one.currency),
                {"rail": one.rail, "attempt_id": str(one.id)},
            )
            for one in self.waiting
        ]


@dataclass(frozen=True, slots=True)
class CorrectionPlan:
    """`back` is what a paid invoice gives back; None: it is replaced, and `papers` are withdrawn."""

    invoice: Invoice
    lines: list[InvoiceLine]
    right: dict[UUID, Money]
    back: ReturnPlan | None
    difference: Money
    balance: Money
    papers: Papers = Papers()

    @property
    def inputs(self) -> dict[str, Any]:
        invoice = self.invoice
        return {
            "act": "reissue",
            "invoice": [invoice.id, invoice.state, invoice.total_minor, invoice.due_minor],
            "lines": [[line.id, line.net_minor, line.credited_minor] for line in self.lines],
            "right": [[id, amount] for id, amount in self.right.items()],
            "balance": self.balance,
            "back": self.back.inputs if self.back else None,
            "papers": self.papers.inputs,
        }


def plan_correction(
    session: Session,
    invoice: Invoice,
    ask: ReissueAsk,
    at: datetime,
    *,
    windows: Windows | None = None,
) -> CorrectionPlan:
    """Raises what `reissue_invoice` names."""
    if invoice.state not in (*REPLACEABLE, "paid"):
        raise WrongState("invoice", invoice.id, invoice.state)
    lines = lines_of(session, invoice.id)
    right = _right_amounts(invoice, lines, ask)
    balance = credit_balance(session, invoice.customer_id, invoice.currency)
    if invoice.state in REPLACEABLE:
        papers = papers_to_withdraw(session, invoice)
        if all(line.net_minor == right[line.id].minor for line in lines if line.id in right):
            raise NothingToChange
        before = Money(invoice.total_minor - invoice.lowered_minor, invoice.currency)
        after = total((corrected(line, right, invoice).gross for line in lines), invoice.currency)
        return CorrectionPlan(invoice, lines, right, None, after - before, balance, papers)
    named = _too_much(invoice, lines, right)
    amount = total((gross for _, gross in named), invoice.currency)
    payment = next(iter(payments_for(session, invoice.id)), None)
    back = plan_return(session, invoice, payment, amount, order=ask.order, named=named)
    if windows is not None:
        back = with_window(session, back, at, windows)
    return CorrectionPlan(invoice, lines, right, back, -amount, balance)


def papers_to_withdraw(session: Session, invoice: Invoice) -> Papers:
    """Return what must be withdrawn before an unpaid invoice can go.

    Raises:
        BeingCharged: it may be paid by now: a charge has no answer yet.
        ChangePending: a plan change waits for it.
    """
    check_not_pending(session, invoice)
    unanswered = session.scalars(
        select(PaymentAttempt)
        .where(PaymentAttempt.invoice_id == invoice.id, PaymentAttempt.state.in_(OPEN_ATTEMPTS))
        .order_by(PaymentAttempt.id)
        .execution_options(populate_existing=True)
    ).all()
    if any(one.state != "pending" or one.rail not in SELF_PAID for one in unanswered):
        raise BeingCharged(invoice.id)
    return Papers(tuple(unanswered))


def check_not_charged(session: Session, invoice: Invoice) -> None:
    """Raise where an unpaid invoice may be paid by now as it stands, or a plan change waits for it."""
    if papers_to_withdraw(session, invoice).waiting:
        raise PaperWaiting(invoice.id)


def corrected(line: InvoiceLine, right: dict[UUID, Money], invoice: Invoice) -> DraftLine:
    """Return the line as it should have been; tax and discount follow the net amount."""
    was = Money(line.net_minor, invoice.currency)
    net = right.get(line.id, was)
    tax = Money(line.tax_minor, invoice.currency)
    discount = Money(line.discount_minor, invoice.currency)
    arithmetic = dict(line.arithmetic)
    if net != was:
        share = Fraction(net.minor, was.minor)
        tax, discount = tax.times(share), discount.times(share)
        # What the arithmetic leads to, however often the line is corrected.
        arithmetic.setdefault("corrected_from_minor", was.minor)
        if "tax" in arithmetic:
            arithmetic["tax"] = TaxRule.from_arithmetic(arithmetic["tax"]).told(tax)
    return DraftLine(
        kind=line.kind,
        reason=line.reason,
        label=line.label,
        net=net,
        unit=Money(line.unit_minor, invoice.currency),
        quantity=line.quantity,
        arithmetic=arithmetic,
        start=line.period_start,
        end=line.period_end,
        tax=tax,
        discount=discount,
        holds_slot=line.holds_slot,
        item_id=line.subscription_item_id,
        price_id=line.price_id,
        credits_line_id=line.credits_line_id,
    )


def correction_rows(plan: CorrectionPlan) -> list[ChangeRow]:
    invoice = plan.invoice
    credited = sum(line.credited_minor for line in plan.lines)
    before = Money(invoice.total_minor - credited, invoice.currency)
    data = {"number": invoice.name, "invoice_id": str(invoice.id)}
    rows = [
        ChangeRow(
            "line",
            Money(line.net_minor, invoice.currency),
            plan.right[line.id],
            {"label": line.label, "line_id": str(line.id)},
        )
        for line in plan.lines
        if line.id in plan.right
    ]
    rows.append(ChangeRow("invoice.total", before, before + plan.difference, data))
    if plan.back is None:
        return rows + _rows_of_replacing(plan, before + plan.difference)
    return rows + _rows_of_giving_back(plan, plan.back)


def _rows_of_replacing(plan: CorrectionPlan, after: Money) -> list[ChangeRow]:
    invoice = plan.invoice
    free = plan.balance + Money(invoice.credit_applied_minor, invoice.currency)
    used = apply_credit(after, free)
    return [
        ChangeRow("invoice.due", Money(invoice.due_minor, invoice.currency), after - used),
        ChangeRow("credit.balance", plan.balance, free - used),
        *plan.papers.rows,
    ]


def _rows_of_giving_back(plan: CorrectionPlan, back: ReturnPlan) -> list[ChangeRow]:
    rows = []
    if back.payment is not None and back.shares.money:
        left = back.payment.balance.left
        rows.append(ChangeRow("payment.left", left, left - back.shares.money))
    if back.window is not None:
        rows.append(back.window.row)
    rows.append(ChangeRow("credit.balance", plan.balance, plan.balance + back.shares.balance))
    return rows


def _right_amounts(
    invoice: Invoice, lines: list[InvoiceLine], ask: ReissueAsk
) -> dict[UUID, Money]:
    """Only what was charged can be corrected; a line that gives back follows another one."""
    charged = {line.id for line in lines if line.net_minor > 0}
    right: dict[UUID, Money] = {}
    for line_id, amount in ask.lines:
        if line_id not in charged:
            raise LineNotOfInvoice(line_id, invoice.id)
        if amount.currency != invoice.currency:
            raise CurrencyMismatch(invoice.currency, amount.currency)
        if amount.minor < 0:
            raise AmountNotPositive(amount)
        right[line_id] = amount
    if not right:
        raise NothingToChange
    return right


def _too_much(
    invoice: Invoice, lines: list[InvoiceLine], right: dict[UUID, Money]
) -> list[tuple[UUID, Money]]:
    """Return what each named line was charged too much, tax included."""
    result = []
    for line in lines:
        if line.id not in right:
            continue
        left: LineBalance = balance_of_line(line, invoice.currency)
        back = left.left - corrected(line, right, invoice).gross
        if back.minor < 0:
            raise PaidOnlyLower(line.id, left.left, right[line.id])
        if back:
            result.append((line.id, back))
    if not result:
        raise NothingToChange
    return result
