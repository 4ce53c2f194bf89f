"""Dropping an invoice that should never have been: nobody asks for it, nothing replaces it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from .asks import dump_ask, load_ask
from .correction_plan import REPLACEABLE, Papers, papers_to_withdraw
from .credits import credit_balance
from .domain.money import Money
from .errors import NotFound, StaleInputs, WrongState
from .events import InvoiceVoided
from .issuing import void
from .period_ends import go_on_when_paid
from .ports import Tx
from .preview import ChangeRow, MoneyPreview, hash_inputs
from .store.funds import lock_invoice_funds
from .store.invoice import Invoice
from .store.subscription import Subscription


@dataclass(frozen=True, slots=True, kw_only=True)
class VoidAsk:
    invoice_id: UUID
    reason: str
    money_act_id: UUID | None = None


def preview_void(session: Session, ask: VoidAsk, at: datetime) -> MoneyPreview:  # noqa: ARG001  (every preview has the same shape)
    """Raises what `void_invoice` would raise."""
    invoice = session.get(Invoice, ask.invoice_id, populate_existing=True)
    if invoice is None:
        raise NotFound("invoice", ask.invoice_id)
    papers = _check(session, invoice)
    due = Money(invoice.due_minor, invoice.currency)
    balance = credit_balance(session, invoice.customer_id, invoice.currency)
    data = {"number": invoice.name, "invoice_id": str(invoice.id)}
    rows = (
        ChangeRow("invoice.state", invoice.state, "void", data),
        ChangeRow("invoice.due", due, Money.zero(invoice.currency)),
        ChangeRow(
            "credit.balance",
            balance,
            balance + Money(invoice.credit_applied_minor, invoice.currency),
        ),
    )
    return MoneyPreview(
        act="void",
        amount=due,
        charge_now=None,
        rows=(*rows, *papers.rows),
        lines=(),
        inputs_hash=hash_inputs(_inputs(invoice, papers)),
        payload=payload_of(ask),
    )


def void_invoice(tx: Tx, ask: VoidAsk, *, expected: str | None = None) -> UUID:
    """Void an unpaid invoice and return its id. Twice is once.

    What had been used up is there again: usage goes on the next invoice, a coupon covers a
    later period, credit returns. The subscription keeps its period, and goes on where
    nothing else is owed.

    Raises:
        WrongState: neither open nor written off; a paid one gets a credit note.
        BeingCharged, ChangePending: it may be paid by now, or a plan change waits for it.
        StaleInputs: it changed since the preview with the hash `expected`.
    """
    invoice = lock_invoice_funds(tx.session, ask.invoice_id)
    if invoice.state == "void":
        return invoice.id
    papers = _check(tx.session, invoice)
    if expected is not None and hash_inputs(_inputs(invoice, papers)) != expected:
        raise StaleInputs
    due = Money(invoice.due_minor, invoice.currency)
    void(tx, invoice)
    if invoice.subscription_id is not None:
        go_on_when_paid(tx, tx.session.get_one(Subscription, invoice.subscription_id))
    tx.emit(
        InvoiceVoided(
            invoice_id=invoice.id,
            customer_id=invoice.customer_id,
            subscription_id=invoice.subscription_id,
            money_act_id=ask.money_act_id,
            due=due,
        )
    )
    return invoice.id


def payload_of(ask: VoidAsk) -> dict[str, Any]:
    """Return the ask as JSON values; `ask_from` reads it back."""
    return dump_ask(ask)


def ask_from(payload: dict[str, Any]) -> VoidAsk:
    return load_ask(VoidAsk, payload)


def _check(session: Session, invoice: Invoice) -> Papers:
    if invoice.state not in REPLACEABLE:
        raise WrongState("invoice", invoice.id, invoice.state)
    return papers_to_withdraw(session, invoice)


def _inputs(invoice: Invoice, papers: Papers) -> dict[str, Any]:
    return {
        "act": "void",
        "invoice": [invoice.id, invoice.state, invoice.due_minor, invoice.credit_applied_minor],
        "papers": papers.inputs,
    }
