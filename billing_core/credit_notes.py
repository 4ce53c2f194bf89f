"""Credit notes: a draft while the money is promised, numbered when it has moved, void if it never does."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.orm import Session

from .domain.balance import LineCredit
from .domain.money import Money
from .ports import Tx
from .store.invoice import CreditNote, CreditNoteLine
from .store.lines import note_lines
from .store.locks import add_credited
from .store.numbers import take_numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class NewNote:
    """`credits` is empty for money without an invoice."""

    customer_id: UUID
    invoice_id: UUID | None
    settled_by: str  # refund | credit
    amount: Money
    reason: str
    money_act_id: UUID | None
    credits: tuple[LineCredit, ...]


def write_note(tx: Tx, new: NewNote) -> UUID:
    """Write a draft and count its amounts on the lines at once, so nothing is promised twice."""
    note = CreditNote(
        id=tx.new_id(),
        series=f"NC-{tx.at.year}",
        customer_id=new.customer_id,
        invoice_id=new.invoice_id,
        state="draft",
        settled_by=new.settled_by,
        currency=new.amount.currency,
        amount_minor=new.amount.minor,
        reason=new.reason,
        money_act_id=new.money_act_id,
        created_at=tx.at,
    )
    tx.session.add(note)
    tx.session.flush()
    for credit in new.credits:
        add_credited(tx.session, credit.line_id, credit.gross.minor)
    if new.credits:
        tx.session.execute(
            insert(CreditNoteLine),
            [
                {
                    "credit_note_id": note.id,
                    "invoice_line_id": credit.line_id,
                    "net_minor": credit.net.minor,
                    "tax_minor": credit.tax.minor,
                }
                for credit in new.credits
            ],
        )
    return note.id


def issue_note(tx: Tx, note_id: UUID) -> None:
    note = tx.session.get_one(CreditNote, note_id)
    note.series = f"NC-{tx.at.year}"
    note.state, note.issued_at = "issued", tx.at
    note.number = take_numbers(tx.session, note.series, 1)[0]
    tx.session.flush()


def void_note(tx: Tx, note_id: UUID) -> None:
    """The money did not move after all: the lines have their amounts back."""
    note = tx.session.get_one(CreditNote, note_id)
    note.state = "void"
    tx.session.flush()
    for line in note_lines(tx.session, note_id):
        add_credited(tx.session, line.invoice_line_id, -line.net_minor - line.tax_minor)


def note_amounts(session: Session, note_id: UUID, amount: Money) -> tuple[Money, Money]:
    """Return (net, tax) of a note. Without an invoice there is no tax to take back."""
    tax = Money(sum(line.tax_minor for line in note_lines(session, note_id)), amount.currency)
    return amount - tax, tax
