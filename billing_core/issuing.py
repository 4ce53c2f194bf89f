"""Numbered invoices out of drafts, and their end. Helpers; what is due: renewals.py."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from .attempts import withdraw_attempts
from .credit_notes import raise_due_again
from .credits import Movement, balances_of, move
from .domain import ledger as books
from .domain.invoice import Draft, DraftLine, apply_credit
from .domain.money import Money, total
from .dunning import stop_dunning
from .errors import WrongState
from .events import InvoiceIssued
from .ledger import post
from .ports import Tx
from .store.base import add_rows
from .store.invoice import Invoice, InvoiceLine
from .store.lines import lines_of
from .store.locks import add_credited
from .store.numbers import take_numbers
from .used_up import give_back_used
from .waiting_lines import mark_billed
from .write_offs import owe_again


@dataclass(frozen=True, slots=True)
class Issued:
    """`due` is what is left to collect after the credit balance."""

    invoice_id: UUID
    number: str
    total: Money
    due: Money


@dataclass(frozen=True, slots=True)
class _Numbered:
    """A draft with its id, its number and the credit it uses."""

    id: UUID
    draft: Draft
    total: Money
    used: Money
    due: Money
    series: str
    number: int

    @property
    def name(self) -> str:
        return f"{self.series}-{self.number:05d}"

    def entry(self) -> books.Entry:
        lines, currency = self.draft.lines, self.draft.currency
        return books.invoice_issued(
            self.id,
            self.draft.customer_id,
            net=total((line.net for line in lines), currency),
            tax=self.draft.tax,
            credit_applied=self.used,
        )

    def event(self) -> InvoiceIssued:
        return InvoiceIssued(
            invoice_id=self.id,
            number=self.name,
            customer_id=self.draft.customer_id,
            subscription_id=self.draft.subscription_id,
            total=self.total,
            due=self.due,
        )


def issue(tx: Tx, drafts: Sequence[Draft]) -> list[Issued]:
    """Number the drafts, draw on the credit balances, book them. Nothing due means paid at once.

    The caller has locked the subscriptions. Takes lines, balances and numbers, in that order.
    """
    if not drafts:
        return []
    for line in (line for draft in drafts for line in draft.lines):
        if line.credits_line_id is not None and line.gross and line.waiting_id is None:
            add_credited(tx.session, line.credits_line_id, -line.gross.minor)
    numbered = [
        _Numbered(tx.new_id(), draft, asked, used, asked - used, _series(tx, draft), number)
        for draft, (asked, used), number in zip(
            drafts, _credit_used(tx, drafts), _numbers(tx, drafts), strict=True
        )
    ]
    add_rows(tx.session, Invoice, [_invoice_row(tx, one) for one in numbered])
    lines = [row for one in numbered for row in _line_rows(tx, one)]
    add_rows(tx.session, InvoiceLine, lines)
    mark_billed(
        tx.session,
        {
            line.waiting_id: one.id
            for one in numbered
            for line in one.draft.lines
            if line.waiting_id is not None
        },
    )
    post(tx, *(one.entry() for one in numbered if one.total))
    for one in numbered:
        if one.used:
            move(tx, _movement(one))
        tx.emit(one.event())
    return [Issued(one.id, one.name, one.total, one.due) for one in numbered]


def void(tx: Tx, invoice: Invoice, *, issued_again: bool = False) -> None:
    """Void an open invoice (locked by the caller): its slot is free, its credit is back, the books say so.

    What it had used up is there again too, unless it is `issued_again`: then `hand_over_used`
    is the caller's part.
    """
    if invoice.state not in ("open", "uncollectible"):
        raise WrongState("invoice", invoice.id, invoice.state)
    if invoice.state == "uncollectible":
        owe_again(tx, [invoice.id])
    raise_due_again(tx, invoice)
    invoice.state, invoice.voided_at = "void", tx.at
    withdraw_attempts(tx, [invoice.id])
    stop_dunning(tx, invoice.id)
    currency = invoice.currency
    lines = lines_of(tx.session, invoice.id)
    for line in lines:
        line.holds_slot = False
    tx.session.flush()
    for line in lines:
        if line.credits_line_id is not None and line.net_minor + line.tax_minor:
            add_credited(tx.session, line.credits_line_id, line.net_minor + line.tax_minor)
    if not issued_again:
        give_back_used(tx, invoice, lines)
    used = Money(invoice.credit_applied_minor, currency)
    net = Money(sum(line.net_minor for line in lines), currency)
    tax = Money(sum(line.tax_minor for line in lines), currency)
    post(
        tx,
        books.invoice_voided(
            invoice.id, invoice.customer_id, net=net, tax=tax, credit_applied=used
        ),
    )
    if used:
        move(
            tx,
            Movement(
                customer_id=invoice.customer_id,
                amount=used,
                reason="returned",
                source_kind="invoice",
                source_id=invoice.id,
                money_act_id=invoice.money_act_id,
            ),
        )


def _numbers(tx: Tx, drafts: Sequence[Draft]) -> list[int]:
    """One series a year; several drafts take their numbers in one statement."""
    by_series: dict[str, list[int]] = {}
    for place, draft in enumerate(drafts):
        by_series.setdefault(_series(tx, draft), []).append(place)
    numbers = [0] * len(drafts)
    for series in sorted(by_series):
        taken = take_numbers(tx.session, series, len(by_series[series]))
        for place, number in zip(by_series[series], taken, strict=True):
            numbers[place] = number
    return numbers


def _series(tx: Tx, draft: Draft) -> str:
    return f"{draft.series}-{tx.at.year}"


def _credit_used(tx: Tx, drafts: Sequence[Draft]) -> list[tuple[Money, Money]]:
    """Return each draft's total and what it uses of the balance that those before it have left."""
    balances = balances_of(tx.session, sorted({draft.customer_id for draft in drafts}))
    result = []
    for draft in drafts:
        asked, key = draft.total, (draft.customer_id, draft.currency)
        balance = balances.get(key, Money.zero(draft.currency))
        used = apply_credit(asked, balance)
        balances[key] = balance - used
        result.append((asked, used))
    return result


def _movement(one: _Numbered) -> Movement:
    return Movement(
        customer_id=one.draft.customer_id,
        amount=-one.used,
        reason="applied" if one.used.minor > 0 else one.draft.reason,
        source_kind="invoice",
        source_id=one.id,
        money_act_id=one.draft.money_act_id,
    )


def _invoice_row(tx: Tx, one: _Numbered) -> dict[str, object]:
    draft, due = one.draft, one.due
    return {
        "id": one.id,
        "series": one.series,
        "number": one.number,
        "customer_id": draft.customer_id,
        "subscription_id": draft.subscription_id,
        "payment_method_id": draft.payment_method_id,
        "state": "open" if due else "paid",
        "reason": draft.reason,
        "currency": draft.currency,
        "period_start": draft.start,
        "period_end": draft.end,
        "discount_minor": draft.discount.minor,
        "tax_minor": draft.tax.minor,
        "total_minor": one.total.minor,
        "credit_applied_minor": one.used.minor,
        "due_minor": due.minor,
        "issued_at": tx.at,
        "due_on": draft.due_on,
        "paid_at": None if due else tx.at,
        "previous_invoice_id": draft.previous_invoice_id,
        "money_act_id": draft.money_act_id,
    }


def _line_rows(tx: Tx, one: _Numbered) -> list[dict[str, object]]:
    mine = {"invoice_id": one.id, "subscription_id": one.draft.subscription_id}
    return [_line_row(tx, line, position) | mine for position, line in enumerate(one.draft.lines)]


def _line_row(tx: Tx, line: DraftLine, position: int) -> dict[str, object]:
    return {
        "id": tx.new_id(),
        "position": position,
        "kind": line.kind,
        "reason": line.reason,
        "holds_slot": line.holds_slot,
        "subscription_item_id": line.item_id,
        "price_id": line.price_id,
        "credits_line_id": line.credits_line_id,
        "label": line.label,
        "period_start": line.start,
        "period_end": line.end,
        "quantity": line.quantity,
        "unit_minor": line.unit.minor,
        "arithmetic": line.arithmetic,
        "net_minor": line.net.minor,
        "discount_minor": line.discount.minor if line.discount else 0,
        "tax_minor": line.tax.minor,
        "credited_minor": 0,
    }
