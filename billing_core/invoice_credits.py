"""A credit note on an invoice: it lowers what is due first, and gives back what is more than that."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from .correction_plan import check_not_charged
from .credit_notes import NewNote, lower_due
from .credits import credit_balance
from .domain.balance import LineCredit, divide
from .domain.credit_order import CreditOrder, Shares
from .domain.credit_parts import CreditParts, before_payment, parts_of
from .domain.money import Money, total
from .dunning import stop_dunning
from .errors import (
    AmountNotPositive,
    CurrencyMismatch,
    NotFound,
    RefundTooLarge,
    StaleInputs,
    WrongState,
)
from .period_ends import go_on_when_paid
from .ports import Tx
from .preview import ChangeRow, MoneyPreview, hash_inputs
from .refund_plan import ReturnPlan, Windows, line_credits, plan_return, with_window
from .refunds import carry_out_return
from .store.funds import credit_left, lock_invoice_funds, payments_for
from .store.invoice import CreditNote, Invoice
from .store.lines import balances
from .store.payment import Refund
from .store.subscription import Subscription


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditNoteAsk:
    """`lines` says what each line gives back, tax included; else it is spread over all."""

    invoice_id: UUID
    amount: Money
    reason: str
    lines: tuple[tuple[UUID, Money], ...] = ()
    order: CreditOrder = "transaction_first"
    payee_id: UUID | None = None  # a transfer by hand instead of the gateway's refund; always held
    money_act_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Credited:
    """`note_ids` in the order of the ids. `refund_id` is to be sent, or approved."""

    note_ids: tuple[UUID, ...]
    refund_id: UUID | None
    parts: CreditParts


@dataclass(frozen=True, slots=True)
class _Plan:
    invoice: Invoice
    parts: CreditParts
    for_due: tuple[LineCredit, ...]
    back: ReturnPlan | None
    balance: Money

    @property
    def inputs(self) -> dict[str, Any]:
        invoice = self.invoice
        return {
            "act": "credit_note",
            "invoice": [invoice.id, invoice.state, invoice.total_minor, invoice.due_minor],
            "pre_payment": self.parts.pre_payment,
            "for_due": [[credit.line_id, credit.gross] for credit in self.for_due],
            "back": self.back.inputs if self.back else None,
            "balance": self.balance,
        }


def preview_credit_note(
    session: Session, ask: CreditNoteAsk, at: datetime, *, windows: Windows | None = None
) -> MoneyPreview:
    """Raises what `credit_invoice` would raise."""
    invoice = session.get(Invoice, ask.invoice_id, populate_existing=True)
    if invoice is None:
        raise NotFound("invoice", ask.invoice_id)
    plan = _plan(session, invoice, ask, at, windows)
    return MoneyPreview(
        act="credit_note",
        amount=ask.amount,
        charge_now=None,
        rows=tuple(_rows(plan)),
        lines=(),
        inputs_hash=hash_inputs(plan.inputs),
        payload=payload_of(ask),
    )


def credit_invoice(
    tx: Tx,
    ask: CreditNoteAsk,
    *,
    held: bool = False,
    expected: str | None = None,
    windows: Windows | None = None,
) -> Credited:
    """Write the notes and settle them. The same `money_act_id` credits once.

    An open invoice whose due becomes zero counts as paid. `held`, and always a transfer by
    hand, concerns money only: it is reserved and waits for approval.

    Raises:
        WrongState: not open or paid, or being charged at this moment.
        RefundTooLarge: carries what the invoice has left.
        RefundWindowClosed: with `windows`, when the provider takes no such refund.
        StaleInputs: it changed since the preview with the hash `expected`.
    """
    invoice = lock_invoice_funds(tx.session, ask.invoice_id)
    if earlier := _earlier(tx.session, ask):
        return earlier
    plan = _plan(tx.session, invoice, ask, tx.at, windows)
    if expected is not None and hash_inputs(plan.inputs) != expected:
        raise StaleInputs
    notes = [_lower(tx, plan, ask)] if plan.parts.pre_payment else []
    refund_id = None
    if plan.back is not None:
        given = carry_out_return(
            tx,
            plan.back,
            reason=ask.reason,
            money_act_id=ask.money_act_id,
            held=held or ask.payee_id is not None,
            payee_id=ask.payee_id,
        )
        refund_id = given.refund_id
        notes += [id for id in (given.credit_note_id, given.balance_note_id) if id is not None]
    return Credited(tuple(sorted(notes)), refund_id, plan.parts)


def payload_of(ask: CreditNoteAsk) -> dict[str, Any]:
    """Return the ask as JSON values; `ask_from` reads it back."""
    return {
        "invoice_id": str(ask.invoice_id),
        "amount_minor": ask.amount.minor,
        "currency": ask.amount.currency,
        "reason": ask.reason,
        "lines": [[str(line_id), amount.minor] for line_id, amount in ask.lines],
        "order": ask.order,
        "payee_id": str(ask.payee_id) if ask.payee_id else None,
        "money_act_id": str(ask.money_act_id) if ask.money_act_id else None,
    }


def ask_from(payload: dict[str, Any]) -> CreditNoteAsk:
    act, payee, currency = payload["money_act_id"], payload["payee_id"], payload["currency"]
    return CreditNoteAsk(
        invoice_id=UUID(payload["invoice_id"]),
        amount=Money(payload["amount_minor"], currency),
        reason=payload["reason"],
        lines=tuple((UUID(id), Money(minor, currency)) for id, minor in payload["lines"]),
        order=payload["order"],
        payee_id=UUID(payee) if payee else None,
        money_act_id=UUID(act) if act else None,
    )


def _plan(
    session: Session,
    invoice: Invoice,
    ask: CreditNoteAsk,
    at: datetime,
    windows: Windows | None,
) -> _Plan:
    balance = credit_balance(session, invoice.customer_id, invoice.currency)
    if invoice.state == "open":
        return _plan_of_open(session, invoice, ask, balance)
    if invoice.state != "paid":
        raise WrongState("invoice", invoice.id, invoice.state)
    payment = next(iter(payments_for(session, invoice.id)), None)
    back = plan_return(session, invoice, payment, ask.amount, order=ask.order, named=ask.lines)
    if windows is not None and ask.payee_id is None:
        back = with_window(session, back, at, windows)
    nothing = Money.zero(invoice.currency)
    parts = parts_of(nothing, back.shares, out_of_band=ask.payee_id is not None)
    return _Plan(invoice, parts, (), back, balance)


def _plan_of_open(session: Session, invoice: Invoice, ask: CreditNoteAsk, balance: Money) -> _Plan:
    """What is more than the amount due was paid by the customer's credit, and returns there."""
    check_not_charged(session, invoice)
    currency = invoice.currency
    if ask.amount.currency != currency:
        raise CurrencyMismatch(currency, ask.amount.currency)
    if ask.amount.minor <= 0:
        raise AmountNotPositive(ask.amount)
    due, pool = Money(invoice.due_minor, currency), credit_left(session, invoice, currency)
    lines = balances(session, invoice.id, currency) or []
    left = min(due + pool, total((line.left for line in lines), currency))
    if ask.amount > left:
        raise RefundTooLarge(ask.amount, left)
    credits = line_credits(invoice, lines, ask.amount, ask.lines)
    pre = before_payment(ask.amount, due)
    for_due, for_rest = divide(credits, lines, pre)
    rest, back = ask.amount - pre, None
    if rest:
        nothing = Money.zero(currency)
        shares = Shares(nothing, rest)
        back = ReturnPlan(None, invoice, lines, for_rest, rest, shares, ask.order, pool)
    parts = parts_of(pre, back.shares if back else None, out_of_band=False)
    return _Plan(invoice, parts, for_due, back, balance)


def _lower(tx: Tx, plan: _Plan, ask: CreditNoteAsk) -> UUID:
    invoice = plan.invoice
    note_id = lower_due(
        tx,
        invoice,
        NewNote(
            customer_id=invoice.customer_id,
            invoice_id=invoice.id,
            settled_by="due",
            amount=plan.parts.pre_payment,
            reason=ask.reason,
            money_act_id=ask.money_act_id,
            credits=plan.for_due,
            credit_order=ask.order,
        ),
    )
    if invoice.state == "paid":
        stop_dunning(tx, invoice.id)
        if invoice.subscription_id is not None:
            go_on_when_paid(tx, tx.session.get_one(Subscription, invoice.subscription_id))
    return note_id


def _earlier(session: Session, ask: CreditNoteAsk) -> Credited | None:
    if ask.money_act_id is None:
        return None
    notes = session.scalars(
        select(CreditNote).where(CreditNote.money_act_id == ask.money_act_id)
    ).all()
    if not notes:
        return None
    by_way = {note.settled_by: Money(note.amount_minor, note.currency) for note in notes}
    nothing = Money.zero(ask.amount.currency)
    parts = CreditParts(
        pre_payment=by_way.get("due", nothing),
        refund=by_way.get("refund", nothing),
        balance=by_way.get("credit", nothing),
        out_of_band=by_way.get("bank_transfer", nothing),
    )
    refund_id = session.scalar(select(Refund.id).where(Refund.money_act_id == ask.money_act_id))
    return Credited(tuple(sorted(note.id for note in notes)), refund_id, parts)


def _rows(plan: _Plan) -> list[ChangeRow]:
    invoice, parts = plan.invoice, plan.parts
    data = {"number": invoice.name, "invoice_id": str(invoice.id)}
    due = Money(invoice.due_minor if invoice.state == "open" else 0, invoice.currency)
    rows = [ChangeRow("invoice.due", due, due - parts.pre_payment, data)]
    if plan.back is not None and plan.back.payment is not None and plan.back.shares.money:
        left = plan.back.payment.balance.left
        rows.append(ChangeRow("payment.left", left, left - plan.back.shares.money))
    if plan.back is not None and plan.back.window is not None:
        rows.append(plan.back.window.row)
    rows.append(ChangeRow("credit.balance", plan.balance, plan.balance + parts.balance))
    nothing = Money.zero(invoice.currency)
    for way in ("pre_payment", "refund", "balance", "out_of_band"):
        amount: Money = getattr(parts, way)
        if amount:
            rows.append(ChangeRow(f"note.{way}", nothing, amount))
    return rows
