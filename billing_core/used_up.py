"""What an invoice had used up: usage, lines that waited for it, a period of a coupon.

An invoice that is void asks for nothing, so all of it is there again; one that is issued
anew takes it over.
"""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.orm import Session

from .coupons import hand_back_period
from .ports import Tx
from .store.catalog import UsageRecord
from .store.invoice import Invoice, InvoiceLine
from .store.subscription import Subscription, WaitingLine
from .waiting_lines import wait_again


def give_back_used(tx: Tx, invoice: Invoice, lines: Sequence[InvoiceLine]) -> None:
    """Let what a voided invoice had used up be asked for, or taken off, by another one.

    The caller holds the subscription's lock, and has counted back what the lines credited.
    """
    if invoice.subscription_id is None:
        return
    _point_usage(tx.session, invoice.id, None)
    wait_again(tx.session, invoice.id)
    subscription = tx.session.get_one(Subscription, invoice.subscription_id)
    until = _covered_until(subscription, invoice, lines)
    if until is not None:
        hand_back_period(tx, subscription.id, until)


def hand_over_used(session: Session, old_id: UUID, new_id: UUID) -> None:
    """Let the invoice that replaces another one own what that one had used up."""
    _point_usage(session, old_id, new_id)
    session.execute(
        update(WaitingLine)
        .where(WaitingLine.invoice_id == old_id)
        .values(invoice_id=new_id)
        .execution_options(synchronize_session=False)
    )


def _point_usage(session: Session, old_id: UUID, new_id: UUID | None) -> None:
    session.execute(
        update(UsageRecord)
        .where(UsageRecord.invoice_id == old_id)
        .values(invoice_id=new_id)
        .execution_options(synchronize_session=False)
    )


def _covered_until(
    subscription: Subscription, invoice: Invoice, lines: Sequence[InvoiceLine]
) -> date | None:
    """Return the end of the period that the invoice asked for; a change within one uses no coupon."""
    if subscription.pending_invoice_id == invoice.id:
        return invoice.period_end if subscription.pending_new_cycle else None
    return next((line.period_end for line in lines if line.kind == "subscription"), None)
