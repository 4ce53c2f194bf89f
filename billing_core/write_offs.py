"""Giving up on an invoice's money. It can still be paid, and then it was no loss after all."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from .asks import dump_ask, load_ask
from .domain import ledger as books
from .domain.money import Money
from .dunning import stop_dunning
from .errors import NotFound, StaleInputs, WrongState
from .events import InvoiceRecovered, InvoiceWrittenOff
from .ledger import post
from .ports import Tx
from .preview import ChangeRow, MoneyPreview, hash_inputs
from .store.funds import check_not_pending, lock_invoice_funds
from .store.invoice import Invoice


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteOffAsk:
    invoice_id: UUID
    reason: str
    money_act_id: UUID | None = None


def preview_write_off(session: Session, ask: WriteOffAsk, at: datetime) -> MoneyPreview:  # noqa: ARG001  (every preview has the same shape)
    """Raises what `write_off` would raise."""
    invoice = session.get(Invoice, ask.invoice_id, populate_existing=True)
    if invoice is None:
        raise NotFound("invoice", ask.invoice_id)
    _check(session, invoice)
    due = Money(invoice.due_minor, invoice.currency)
    data = {"number": invoice.name, "invoice_id": str(invoice.id)}
    return MoneyPreview(
        act="write_off",
        amount=due,
        charge_now=None,
        rows=(
            ChangeRow("invoice.state", invoice.state, "uncollectible", data),
            ChangeRow("invoice.due", due, due),  # it may still be paid
            ChangeRow("bad_debt", Money.zero(invoice.currency), due),
        ),
        lines=(),
        inputs_hash=hash_inputs(_inputs(invoice)),
        payload=payload_of(ask),
    )


def write_off(tx: Tx, ask: WriteOffAsk, *, expected: str | None = None) -> UUID:
    """Mark an open invoice uncollectible and book its debt as lost. Returns the invoice's id.

    Nobody asks for the money again; whoever pays it later pays it. Twice is once. The
    subscription stays as it is.

    Raises:
        WrongState: it is not open.
        ChangePending: a plan change waits for its payment.
        StaleInputs: it changed since the preview with the hash `expected`.
    """
    invoice = lock_invoice_funds(tx.session, ask.invoice_id)
    if invoice.state == "uncollectible":
        return invoice.id
    _check(tx.session, invoice)
    if expected is not None and hash_inputs(_inputs(invoice)) != expected:
        raise StaleInputs
    invoice.state = "uncollectible"
    tx.session.flush()
    stop_dunning(tx, invoice.id)
    due = Money(invoice.due_minor, invoice.currency)
    post(tx, books.written_off(invoice.id, invoice.customer_id, due))
    tx.emit(
        InvoiceWrittenOff(
            invoice_id=invoice.id,
            customer_id=invoice.customer_id,
            subscription_id=invoice.subscription_id,
            money_act_id=ask.money_act_id,
            due=due,
        )
    )
    return invoice.id


def owe_again(tx: Tx, invoice_ids: Iterable[UUID]) -> None:
    """Take written-off invoices (locked) back into the receivables: they are being paid or voided."""
    ids = tuple(invoice_ids)
    if not ids:
        return
    invoices = tx.session.scalars(
        select(Invoice).where(Invoice.id.in_(ids)).order_by(Invoice.id)
    ).all()
    for invoice in invoices:
        due = Money(invoice.due_minor, invoice.currency)
        post(tx, books.recovered(invoice.id, invoice.customer_id, due))
        tx.emit(InvoiceRecovered(invoice_id=invoice.id, customer_id=invoice.customer_id, due=due))


def payload_of(ask: WriteOffAsk) -> dict[str, Any]:
    """Return the ask as JSON values; `ask_from` reads it back."""
    return dump_ask(ask)


def ask_from(payload: dict[str, Any]) -> WriteOffAsk:
    return load_ask(WriteOffAsk, payload)


def _check(session: Session, invoice: Invoice) -> None:
    if invoice.state != "open":
        raise WrongState("invoice", invoice.id, invoice.state)
    check_not_pending(session, invoice)


def _inputs(invoice: Invoice) -> dict[str, Any]:
    return {
        "act": "write_off",
        "invoice": [invoice.id, invoice.state, invoice.total_minor, invoice.due_minor],
    }
