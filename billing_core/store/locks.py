"""Rows taken for change.

One global order, so that no two transactions wait for each other:
subscription -> invoice -> payment -> refund -> invoice line -> credit balance -> number series.
"""

from collections.abc import Sequence
from typing import TypeVar
from uuid import UUID

from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session

from ..errors import NotFound
from .base import Base
from .invoice import Invoice, InvoiceLine
from .payment import Payment, Refund
from .subscription import Subscription

Row = TypeVar("Row", bound=Base)


def lock_subscription(session: Session, id: UUID) -> Subscription:
    return _lock(session, select(Subscription).where(Subscription.id == id), "subscription", id)


def lock_invoice(session: Session, id: UUID) -> Invoice:
    return _lock(session, select(Invoice).where(Invoice.id == id), "invoice", id)


def lock_payment(session: Session, id: UUID) -> Payment:
    return _lock(session, select(Payment).where(Payment.id == id), "payment", id)


def lock_refund(session: Session, id: UUID) -> Refund:
    return _lock(session, select(Refund).where(Refund.id == id), "refund", id)


def lock_all(session: Session, query: Select[Row], *, skip_locked: bool = False) -> Sequence[Row]:
    """Lock and re-read every row of the query, in the query's order."""
    # NO KEY: rows that point here may still be inserted by others.
    locking = query.with_for_update(key_share=True, skip_locked=skip_locked)
    return session.scalars(locking.execution_options(populate_existing=True)).all()


def add_credited(session: Session, line_id: UUID, minor: int) -> None:
    """Count an amount as given back on a line (or, negative, no longer). Never beyond its total."""
    credited = InvoiceLine.credited_minor + minor
    changed = session.execute(
        update(InvoiceLine)
        .where(
            InvoiceLine.id == line_id,
            credited >= 0,
            credited <= InvoiceLine.net_minor + InvoiceLine.tax_minor,
        )
        .values(credited_minor=credited)
        .returning(InvoiceLine.id)
        .execution_options(synchronize_session=False)
    ).all()
    if len(changed) != 1:
        raise AssertionError(f"line {line_id} cannot have {minor} more given back")


def _lock(session: Session, query: Select[Row], kind: str, id: UUID) -> Row:
    rows = lock_all(session, query)
    if not rows:
        raise NotFound(kind, id)
    return rows[0]
