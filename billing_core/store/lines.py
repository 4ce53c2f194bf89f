"""Selects on invoice lines that the rules of refunds, changes and corrections share."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from ..domain.balance import LineBalance
from ..domain.money import Money
from .invoice import CreditNoteLine, InvoiceLine


def lines_of(session: Session, invoice_id: UUID) -> list[InvoiceLine]:
    return list(
        session.scalars(
            select(InvoiceLine)
            .where(InvoiceLine.invoice_id == invoice_id)
            .order_by(InvoiceLine.position)
            .execution_options(populate_existing=True)
        )
    )


def balance_of_line(line: InvoiceLine, currency: str) -> LineBalance:
    return LineBalance(
        line.id,
        Money(line.net_minor, currency),
        Money(line.tax_minor, currency),
        Money(line.credited_minor, currency),
    )


def balances(session: Session, invoice_id: UUID | None, currency: str) -> list[LineBalance] | None:
    """Return what each line has left; None where there is no invoice."""
    if invoice_id is None:
        return None
    return [balance_of_line(line, currency) for line in lines_of(session, invoice_id)]


def note_lines(session: Session, credit_note_id: UUID) -> list[CreditNoteLine]:
    return list(
        session.scalars(
            select(CreditNoteLine).where(CreditNoteLine.credit_note_id == credit_note_id)
        )
    )
