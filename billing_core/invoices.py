"""Invoices once they are issued: why they differ, and the number of their tax document."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from .domain.bridge import Billed, BilledLine, Step, bridge
from .domain.money import Money
from .errors import NotFound, WrongState
from .ports import Tx
from .store.invoice import Invoice
from .store.lines import lines_of
from .store.locks import lock_invoice

REGULAR = ("start", "renewal", "reissue")
"""Reasons of the invoices of whole periods, and of those that replace them."""


@dataclass(frozen=True, slots=True)
class InvoiceBridge:
    """From one invoice to the next. `before` and `after` are totals less the credit used.

    The steps' amounts add up to `after` - `before`.
    """

    previous_id: UUID
    previous_number: str
    previous_start: date | None
    before: Money
    after: Money
    steps: tuple[Step, ...]


def invoice_bridge(session: Session, invoice_id: UUID) -> InvoiceBridge | None:
    """Return why an invoice differs from the one before it; None: it is the first.

    The one before is what it replaces, or else the subscription's last invoice of a whole
    period: a change in between shows as what it changed. Raises `NotFound`.
    """
    invoice = session.get(Invoice, invoice_id, populate_existing=True)
    if invoice is None:
        raise NotFound("invoice", invoice_id)
    earlier = _earlier(session, invoice)
    if earlier is None:
        return None
    return InvoiceBridge(
        previous_id=earlier.id,
        previous_number=earlier.name,
        previous_start=earlier.period_start,
        before=_asked(earlier),
        after=_asked(invoice),
        steps=bridge(_billed(session, earlier), _billed(session, invoice)),
    )


def set_tax_document(tx: Tx, invoice_id: UUID, number: str) -> None:
    """Note the number of the municipality's NFS-e, once. The same number again is fine.

    Raises:
        NotFound: no such invoice.
        WrongState: the invoice is not issued, or has another number already.
    """
    invoice = lock_invoice(tx.session, invoice_id)
    if invoice.tax_document == number:
        return
    if invoice.state == "draft":
        raise WrongState("invoice", invoice_id, invoice.state)
    if invoice.tax_document is not None:
        raise WrongState("invoice", invoice_id, f"documented as {invoice.tax_document}")
    invoice.tax_document = number
    tx.session.flush()


def _earlier(session: Session, invoice: Invoice) -> Invoice | None:
    if invoice.previous_invoice_id is not None:
        return session.get(Invoice, invoice.previous_invoice_id)
    if invoice.subscription_id is None:
        return None
    return session.scalars(
        select(Invoice)
        .where(
            Invoice.subscription_id == invoice.subscription_id,
            Invoice.reason.in_(REGULAR),
            Invoice.state.in_(("open", "paid", "uncollectible")),
            or_(
                Invoice.issued_at < invoice.issued_at,
                and_(Invoice.issued_at == invoice.issued_at, Invoice.number < invoice.number),
            ),
        )
        .order_by(Invoice.issued_at.desc(), Invoice.number.desc())
        .limit(1)
    ).first()


def _asked(invoice: Invoice) -> Money:
    return Money(invoice.total_minor - invoice.credit_applied_minor, invoice.currency)


def _billed(session: Session, invoice: Invoice) -> Billed:
    lines = tuple(
        BilledLine(
            kind=line.kind,
            label=line.label,
            item_id=line.subscription_item_id,
            price_id=line.price_id,
            gross=Money(line.net_minor + line.tax_minor, invoice.currency),
            arithmetic=line.arithmetic,
        )
        for line in lines_of(session, invoice.id)
    )
    return Billed(lines, Money(invoice.credit_applied_minor, invoice.currency))
