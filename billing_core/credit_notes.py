"""Credit notes: a draft while the money is promised, numbered when it has moved, void if it never does."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from .credits import Movement, move
from .domain import ledger as books
from .domain.balance import LineCredit
from .domain.money import Money, total
from .events import InvoiceLowered
from .ledger import post
from .ports import Tx
from .store.invoice import CreditNote, CreditNoteLine, Invoice
from .store.lines import note_lines
from .store.locks import add_credited
from .store.numbers import take_numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class NewNote:
    """`credits` is empty for money without an invoice.

    `settled_by` is refund, credit, due or bank_transfer; `from_payment` is the part of a
    credit that was paid with money.
    """

    customer_id: UUID
    invoice_id: UUID | None
    settled_by: str
    amount: Money
    reason: str
    money_act_id: UUID | None
    credits: tuple[LineCredit, ...]
    credit_order: str = ""
    from_payment: int = 0  # minor units


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
        credit_order=new.credit_order,
        from_payment_minor=new.from_payment,
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
    """Number a note. One that has its number already keeps it."""
    note = tx.session.get_one(CreditNote, note_id)
    note.state, note.issued_at = "issued", note.issued_at or tx.at
    if note.number is None:
        note.series = f"NC-{tx.at.year}"
        note.number = take_numbers(tx.session, note.series, 1)[0]
    tx.session.flush()


def void_note(tx: Tx, note_id: UUID) -> None:
    """The money did not move after all: the lines have their amounts back."""
    note = tx.session.get_one(CreditNote, note_id)
    note.state = "void"
    tx.session.flush()
    for line in note_lines(tx.session, note_id):
        add_credited(tx.session, line.invoice_line_id, -line.net_minor - line.tax_minor)


def revive_note(tx: Tx, note_id: UUID) -> None:
    """The money moved although the note was void: its amounts count again, the caller has checked."""
    for line in note_lines(tx.session, note_id):
        add_credited(tx.session, line.invoice_line_id, line.net_minor + line.tax_minor)
    issue_note(tx, note_id)


def note_amounts(session: Session, note_id: UUID, amount: Money) -> tuple[Money, Money]:
    """Return (net, tax) of a note. Without an invoice there is no tax to take back."""
    tax = Money(sum(line.tax_minor for line in note_lines(session, note_id)), amount.currency)
    return amount - tax, tax


def settle_by_credit(tx: Tx, note_id: UUID) -> UUID:
    """Issue a draft whose amount goes to the customer's balance. Returns the credit entry."""
    note = tx.session.get_one(CreditNote, note_id)
    amount = Money(note.amount_minor, note.currency)
    entry_id, _ = move(
        tx,
        Movement(
            customer_id=note.customer_id,
            amount=amount,
            reason="correction",
            source_kind="credit_note",
            source_id=note.id,
            note=note.reason,
            money_act_id=note.money_act_id,
        ),
    )
    net, tax = note_amounts(tx.session, note.id, amount)
    post(
        tx,
        books.credited_to_balance(
            note.id, note.customer_id, net=net, tax=tax, for_invoice=note.invoice_id is not None
        ),
    )
    issue_note(tx, note.id)
    return entry_id


def lower_due(tx: Tx, invoice: Invoice, new: NewNote) -> UUID:
    """Take a credit note off what an open invoice (locked) still asks for. At zero it counts as paid.

    Returns the note. What to do about a subscription that owed it is the caller's part.
    """
    note_id = write_note(tx, new)
    amount = new.amount
    invoice.due_minor -= amount.minor
    invoice.lowered_minor += amount.minor
    if invoice.due_minor == 0:
        invoice.state, invoice.paid_at = "paid", tx.at
    tx.session.flush()
    net, tax = note_amounts(tx.session, note_id, amount)
    post(tx, books.due_lowered(note_id, new.customer_id, net=net, tax=tax))
    issue_note(tx, note_id)
    tx.emit(
        InvoiceLowered(
            invoice_id=invoice.id,
            customer_id=invoice.customer_id,
            credit_note_id=note_id,
            money_act_id=new.money_act_id,
            amount=amount,
            due=Money(invoice.due_minor, invoice.currency),
        )
    )
    return note_id


def raise_due_again(tx: Tx, invoice: Invoice) -> None:
    """Take back what credit notes took off an invoice (locked) that is about to be void."""
    notes = tx.session.scalars(
        select(CreditNote)
        .where(
            CreditNote.invoice_id == invoice.id,
            CreditNote.settled_by == "due",
            CreditNote.state == "issued",
        )
        .order_by(CreditNote.id)
    ).all()
    for note in notes:
        amount = Money(note.amount_minor, note.currency)
        net, tax = note_amounts(tx.session, note.id, amount)
        void_note(tx, note.id)
        post(tx, books.due_raised(note.id, note.customer_id, net=net, tax=tax))
    back = total((Money(note.amount_minor, note.currency) for note in notes), invoice.currency)
    invoice.due_minor += back.minor
    invoice.lowered_minor -= back.minor
    tx.session.flush()
