"""Putting a wrong charge right: an open invoice is replaced, a paid one gets a credit note.

One computation (`_plan`) serves preview, check and execution.
"""

from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from .credit_notes import NewNote, issue_note, note_amounts, write_note
from .credits import Movement, credit_balance, move
from .domain import ledger as books
from .domain.balance import LineCredit, check_refund, credit_line
from .domain.invoice import Draft, DraftLine, apply_credit
from .domain.money import Money, total
from .errors import (
    AmountNotPositive,
    ChangePending,
    CurrencyMismatch,
    LineNotOfInvoice,
    NotFound,
    NothingToChange,
    PaidOnlyLower,
    RefundTooLarge,
    StaleInputs,
    WrongState,
)
from .events import InvoiceReissued
from .issuing import issue, void
from .ledger import post
from .ports import Tx
from .preview import ChangeRow, MoneyPreview, hash_inputs
from .refunds import RefundAsk, promise_refund
from .store.invoice import CreditNote, Invoice, InvoiceLine
from .store.lines import balance_of_line, balances, lines_of
from .store.locks import lock_all, lock_invoice, lock_subscription
from .store.payment import OPEN_ATTEMPTS, Payment, PaymentAttempt, Refund
from .store.subscription import Subscription


@dataclass(frozen=True, slots=True, kw_only=True)
class ReissueAsk:
    """`lines` says what the named lines should have cost; the others stay as they are."""

    invoice_id: UUID
    lines: tuple[tuple[UUID, Money], ...]  # (line, right net amount)
    reason: str
    settle_by: Literal["refund", "credit"] = "refund"  # for a paid invoice
    money_act_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Reissue:
    """`invoice_id`: the replacement of an open invoice. `refund_id`: to be sent."""

    invoice_id: UUID | None
    refund_id: UUID | None
    credit_note_id: UUID | None
    difference: Money  # negative: the customer pays less


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a correction rests on. `credits` is what a paid invoice's lines give back."""

    invoice: Invoice
    lines: list[InvoiceLine]
    right: dict[UUID, Money]
    credits: tuple[LineCredit, ...]
    difference: Money
    balance: Money
    payment: Payment | None

    @property
    def inputs(self) -> dict[str, Any]:
        invoice, payment = self.invoice, self.payment
        return {
            "act": "reissue",
            "invoice": [invoice.id, invoice.state, invoice.total_minor, invoice.due_minor],
            "lines": [[line.id, line.net_minor, line.credited_minor] for line in self.lines],
            "right": [[id, amount] for id, amount in self.right.items()],
            "balance": self.balance,
            "payment": [payment.id, payment.balance.left] if payment else None,
        }


def preview_reissue(session: Session, ask: ReissueAsk, at: datetime) -> MoneyPreview:  # noqa: ARG001  (every preview has the same shape)
    """Raises what `reissue_invoice` would raise."""
    invoice = session.get(Invoice, ask.invoice_id, populate_existing=True)
    if invoice is None:
        raise NotFound("invoice", ask.invoice_id)
    plan = _plan(session, invoice, ask)
    return MoneyPreview(
        act="reissue",
        amount=abs(plan.difference),
        charge_now=None,
        rows=tuple(_rows(plan, ask)),
        lines=(),
        inputs_hash=hash_inputs(plan.inputs),
        payload=payload_of(ask),
    )


def reissue_invoice(
    tx: Tx, ask: ReissueAsk, *, held: bool = False, expected: str | None = None
) -> Reissue:
    """Correct it. `held` concerns a refund only: its money is reserved and waits for approval.

    An open invoice with an attempt without an answer is refused (`WrongState`): it may be
    paid by now. The same `money_act_id` corrects once.
    """
    invoice = _lock(tx, ask.invoice_id)
    if earlier := _earlier(tx.session, ask):
        return earlier
    plan = _plan(tx.session, invoice, ask)
    if expected is not None and hash_inputs(plan.inputs) != expected:
        raise StaleInputs
    if invoice.state == "open":
        done = _replace(tx, plan, ask)
    elif ask.settle_by == "credit":
        done = _give_credit(tx, plan, ask)
    else:
        done = _give_back(tx, plan, ask, held=held)
    tx.emit(
        InvoiceReissued(
            invoice_id=invoice.id,
            new_invoice_id=done.invoice_id,
            credit_note_id=done.credit_note_id,
            refund_id=done.refund_id,
            customer_id=invoice.customer_id,
            money_act_id=ask.money_act_id,
            difference=done.difference,
        )
    )
    return done


def payload_of(ask: ReissueAsk) -> dict[str, Any]:
    """Return the ask as JSON values; `ask_from` reads it back."""
    return {
        "invoice_id": str(ask.invoice_id),
        "lines": [[str(id), amount.minor, amount.currency] for id, amount in ask.lines],
        "reason": ask.reason,
        "settle_by": ask.settle_by,
        "money_act_id": str(ask.money_act_id) if ask.money_act_id else None,
    }


def ask_from(payload: dict[str, Any]) -> ReissueAsk:
    act = payload.get("money_act_id")
    return ReissueAsk(
        invoice_id=UUID(payload["invoice_id"]),
        lines=tuple((UUID(id), Money(minor, currency)) for id, minor, currency in payload["lines"]),
        reason=payload["reason"],
        settle_by=payload["settle_by"],
        money_act_id=UUID(act) if act else None,
    )


def _lock(tx: Tx, invoice_id: UUID) -> Invoice:
    """Lock subscription, invoice and payments, in the global order."""
    found = tx.session.execute(
        select(Invoice.subscription_id).where(Invoice.id == invoice_id)
    ).first()
    if found is None:
        raise NotFound("invoice", invoice_id)
    if found.subscription_id is not None:
        lock_subscription(tx.session, found.subscription_id)
    invoice = lock_invoice(tx.session, invoice_id)
    paid_by = select(Payment).where(Payment.invoice_id == invoice_id).order_by(Payment.id)
    lock_all(tx.session, paid_by)
    return invoice


def _plan(session: Session, invoice: Invoice, ask: ReissueAsk) -> _Plan:
    if invoice.state not in ("open", "paid"):
        raise WrongState("invoice", invoice.id, invoice.state)
    lines = lines_of(session, invoice.id)
    right = _right_amounts(invoice, lines, ask)
    balance = credit_balance(session, invoice.customer_id, invoice.currency)
    if invoice.state == "open":
        _check_open(session, invoice)
        before = Money(invoice.total_minor, invoice.currency)
        after = total((_corrected(line, right, invoice).gross for line in lines), invoice.currency)
        if all(line.net_minor == right[line.id].minor for line in lines if line.id in right):
            raise NothingToChange
        return _Plan(invoice, lines, right, (), after - before, balance, None)
    credits = _credits(invoice, lines, right)
    amount = total((credit.gross for credit in credits), invoice.currency)
    payment = None
    if ask.settle_by == "refund":
        payment = _payment(session, invoice, amount)
        check_refund(payment.balance, amount, balances(session, invoice.id, invoice.currency))
    return _Plan(invoice, lines, right, credits, -amount, balance, payment)


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


def _check_open(session: Session, invoice: Invoice) -> None:
    unanswered = exists().where(
        PaymentAttempt.invoice_id == invoice.id, PaymentAttempt.state.in_(OPEN_ATTEMPTS)
    )
    if session.scalar(select(unanswered)):
        raise WrongState("invoice", invoice.id, "being charged")
    if invoice.subscription_id is not None:
        subscription = session.get_one(Subscription, invoice.subscription_id)
        if subscription.pending_invoice_id == invoice.id:
            raise ChangePending(subscription.id, invoice.id)


def _credits(
    invoice: Invoice, lines: list[InvoiceLine], right: dict[UUID, Money]
) -> tuple[LineCredit, ...]:
    result = []
    for line in lines:
        if line.id not in right:
            continue
        left = balance_of_line(line, invoice.currency)
        back = left.left - _corrected(line, right, invoice).gross
        if back.minor < 0:
            raise PaidOnlyLower(line.id, left.left, right[line.id])
        if back:
            result.append(credit_line(left, back))
    if not result:
        raise NothingToChange
    return tuple(result)


def _payment(session: Session, invoice: Invoice, amount: Money) -> Payment:
    """Return the payment of this invoice that has most left."""
    payments = session.scalars(
        select(Payment)
        .where(Payment.invoice_id == invoice.id)
        .execution_options(populate_existing=True)
    ).all()
    if not payments:  # paid by the credit balance alone
        raise RefundTooLarge(amount, Money.zero(invoice.currency))
    return max(payments, key=lambda payment: payment.balance.left.minor)


def _corrected(line: InvoiceLine, right: dict[UUID, Money], invoice: Invoice) -> DraftLine:
    """Return the line as it should have been; tax follows the net amount."""
    was = Money(line.net_minor, invoice.currency)
    net = right.get(line.id, was)
    tax = Money(line.tax_minor, invoice.currency)
    arithmetic = dict(line.arithmetic)
    if net != was:
        tax = tax.times(Fraction(net.minor, was.minor))
        arithmetic["corrected_from_minor"] = was.minor
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
        holds_slot=line.holds_slot,
        item_id=line.subscription_item_id,
        price_id=line.price_id,
        credits_line_id=line.credits_line_id,
    )


def _replace(tx: Tx, plan: _Plan, ask: ReissueAsk) -> Reissue:
    invoice = plan.invoice
    draft = Draft(
        customer_id=invoice.customer_id,
        subscription_id=invoice.subscription_id,
        payment_method_id=invoice.payment_method_id,
        currency=invoice.currency,
        reason="reissue",
        due_on=max(invoice.due_on, tx.at.date()),
        start=invoice.period_start,
        end=invoice.period_end,
        lines=tuple(_corrected(line, plan.right, invoice) for line in plan.lines),
        previous_invoice_id=invoice.id,
        money_act_id=ask.money_act_id,
    )
    void(tx, invoice)
    [issued] = issue(tx, [draft])
    return Reissue(issued.invoice_id, None, None, plan.difference)


def _give_back(tx: Tx, plan: _Plan, ask: ReissueAsk, *, held: bool) -> Reissue:
    if plan.payment is None:
        raise AssertionError("a refund needs a payment")
    refund_id = promise_refund(
        tx,
        RefundAsk(
            payment_id=plan.payment.id,
            amount=-plan.difference,
            reason=ask.reason,
            money_act_id=ask.money_act_id,
            lines=tuple((credit.line_id, credit.gross) for credit in plan.credits),
        ),
        held=held,
    )
    note_id = tx.session.get_one(Refund, refund_id).credit_note_id
    return Reissue(None, refund_id, note_id, plan.difference)


def _give_credit(tx: Tx, plan: _Plan, ask: ReissueAsk) -> Reissue:
    customer_id, amount = plan.invoice.customer_id, -plan.difference
    note_id = write_note(
        tx,
        NewNote(
            customer_id=customer_id,
            invoice_id=plan.invoice.id,
            settled_by="credit",
            amount=amount,
            reason=ask.reason,
            money_act_id=ask.money_act_id,
            credits=plan.credits,
        ),
    )
    move(
        tx,
        Movement(
            customer_id=customer_id,
            amount=amount,
            reason="correction",
            source_kind="credit_note",
            source_id=note_id,
            note=ask.reason,
            money_act_id=ask.money_act_id,
        ),
    )
    net, tax = note_amounts(tx.session, note_id, amount)
    post(tx, books.credited_to_balance(note_id, customer_id, net=net, tax=tax))
    issue_note(tx, note_id)
    return Reissue(None, None, note_id, plan.difference)


def _earlier(session: Session, ask: ReissueAsk) -> Reissue | None:
    act = ask.money_act_id
    if act is None:
        return None
    new = session.scalars(select(Invoice).where(Invoice.money_act_id == act)).first()
    if new is not None:
        old = session.get_one(Invoice, ask.invoice_id)
        difference = Money(new.total_minor - old.total_minor, new.currency)
        return Reissue(new.id, None, None, difference)
    note = session.scalars(select(CreditNote).where(CreditNote.money_act_id == act)).first()
    if note is None:
        return None
    refund_id = session.scalar(select(Refund.id).where(Refund.credit_note_id == note.id))
    return Reissue(None, refund_id, note.id, -Money(note.amount_minor, note.currency))


def _rows(plan: _Plan, ask: ReissueAsk) -> list[ChangeRow]:
    invoice = plan.invoice
    was = Money(invoice.total_minor, invoice.currency)
    credited = Money(sum(line.credited_minor for line in plan.lines), invoice.currency)
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
    rows.append(ChangeRow("invoice.total", was - credited, was - credited + plan.difference, data))
    if invoice.state == "open":
        due = Money(invoice.due_minor, invoice.currency)
        free = plan.balance + Money(invoice.credit_applied_minor, invoice.currency)
        used = apply_credit(was + plan.difference, free)
        rows.append(ChangeRow("invoice.due", due, was + plan.difference - used))
        rows.append(ChangeRow("credit.balance", plan.balance, free - used))
    elif ask.settle_by == "credit":
        rows.append(ChangeRow("credit.balance", plan.balance, plan.balance - plan.difference))
    elif plan.payment is not None:
        left = plan.payment.balance.left
        rows.append(ChangeRow("payment.left", left, left + plan.difference))
        rows.append(ChangeRow("credit.balance", plan.balance, plan.balance))
    return rows
