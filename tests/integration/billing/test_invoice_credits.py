"""A credit note lowers what is due first; what is more than that is given back, to the cent."""

from uuid import UUID

import pytest

from billing_core.credits import CreditAsk, credit_balance, give_credit
from billing_core.domain.credit_parts import CreditParts
from billing_core.domain.money import Money
from billing_core.domain.payee import read_payee
from billing_core.domain.refund_window import RefundWindow
from billing_core.errors import (
    AmountNotPositive,
    CurrencyMismatch,
    NotFound,
    RefundTooLarge,
    RefundWindowClosed,
    StaleInputs,
    WrongState,
)
from billing_core.events import InvoiceLowered
from billing_core.invoice_credits import (
    CreditNoteAsk,
    ask_from,
    credit_invoice,
    payload_of,
    preview_credit_note,
)
from billing_core.issuing import void
from billing_core.ledger import trial_balance
from billing_core.out_of_band import keep_payee
from billing_core.refunds import Windows, approve_refund
from billing_core.store.invoice import CreditNote, InvoiceLine
from billing_core.store.locks import lock_invoice
from billing_core.store.payment import Refund
from billing_core.store.subscription import Subscription

from .conftest import Company, brl

NONE = brl(0)


def ask(invoice_id: UUID, minor: int, **more: object) -> CreditNoteAsk:
    return CreditNoteAsk(invoice_id=invoice_id, amount=brl(minor), reason="x", **more)  # type: ignore[arg-type]


def open_with_credit(company: Company) -> tuple[UUID, UUID]:
    """Return (customer, invoice): 129.90, of which credit paid 50.00 and 79.90 is due."""
    customer_id, subscription_id, _ = company.paying()
    with company.begin() as tx:
        give_credit(tx, CreditAsk(customer_id=customer_id, amount=brl(5000), reason="sorry"))
    company.forward(days=31)
    return customer_id, company.renew(subscription_id)


def balance(company: Company, customer_id: UUID) -> Money:
    with company.begin() as tx:
        return credit_balance(tx.session, customer_id, "BRL")


def parts(pre: int = 0, refund: int = 0, credit: int = 0, transfer: int = 0) -> CreditParts:
    return CreditParts(
        pre_payment=brl(pre), refund=brl(refund), balance=brl(credit), out_of_band=brl(transfer)
    )


def test_an_open_invoice_asks_for_less(company: Company) -> None:
    customer_id, _ = company.start()
    invoice_id = company.invoice(customer_id).id
    request = ask(invoice_id, 3000, money_act_id=company.new_id())
    with company.begin() as tx:
        shown = preview_credit_note(tx.session, request, tx.at)
        assert ask_from(shown.payload) == request
        done = credit_invoice(tx, request, expected=shown.inputs_hash)
        assert credit_invoice(tx, request) == done
    rows = {row.item: (row.before, row.after) for row in shown.rows}
    assert rows["invoice.due"] == (brl(12990), brl(9990))
    assert done.parts == parts(pre=3000)
    invoice = company.invoice(customer_id)
    assert (invoice.due_minor, invoice.lowered_minor, invoice.state) == (9990, 3000, "open")
    [event] = company.told(InvoiceLowered)
    assert isinstance(event, InvoiceLowered)
    assert event.due == brl(9990)
    paid = company.collect(invoice_id)
    assert paid.payment_id is not None
    assert company.payment(paid.payment_id).captured_minor == 9990
    with company.begin() as tx:
        books = trial_balance(tx.session)
    assert (books["receivable", "BRL"], books["refunds", "BRL"]) == (NONE, brl(3000))


def test_what_is_more_than_due_returns_to_the_balance_that_paid_it(company: Company) -> None:
    customer_id, invoice_id = open_with_credit(company)
    with company.begin() as tx:
        shown = preview_credit_note(tx.session, ask(invoice_id, 10000), tx.at)
        done = credit_invoice(tx, ask(invoice_id, 10000), expected=shown.inputs_hash)
    rows = {row.item: (row.before, row.after) for row in shown.rows}
    assert rows["invoice.due"] == (brl(7990), NONE)
    assert rows["credit.balance"] == (NONE, brl(2010))
    assert rows["note.pre_payment"] == (NONE, brl(7990))
    assert rows["note.balance"] == (NONE, brl(2010))
    assert done.parts == parts(pre=7990, credit=2010)
    assert (company.invoice(customer_id).state, balance(company, customer_id)) == (
        "paid",
        brl(2010),
    )
    with company.begin() as tx, pytest.raises(RefundTooLarge) as refused:
        credit_invoice(tx, ask(invoice_id, 2991))
    assert refused.value.left == brl(2990)


def test_a_paid_invoice_gives_back_money_then_credit(company: Company) -> None:
    customer_id, invoice_id = open_with_credit(company)
    assert company.collect(invoice_id).state == "paid"
    with company.begin() as tx:
        shown = preview_credit_note(tx.session, ask(invoice_id, 10000), tx.at)
        done = credit_invoice(tx, ask(invoice_id, 10000))
        assert len(done.note_ids) == 2
        notes = [tx.session.get_one(CreditNote, id) for id in done.note_ids]
    assert done.parts == parts(refund=7990, credit=2010)
    assert {row.item for row in shown.rows} >= {"payment.left", "note.refund", "note.balance"}
    assert sum(note.amount_minor for note in notes) == 10000
    assert balance(company, customer_id) == brl(2010)


def test_a_paid_invoice_may_be_settled_by_transfer(company: Company) -> None:
    customer_id, invoice_id = open_with_credit(company)
    company.collect(invoice_id)
    typed = {"holder": "Ana", "document": "529.982.247-25", "pix_key": "ana@example.com"}
    with company.begin() as tx:
        payee_id = keep_payee(tx, customer_id, read_payee(typed))
        request = ask(invoice_id, 10000, payee_id=payee_id, money_act_id=company.new_id())
        assert ask_from(payload_of(request)) == request
        done = credit_invoice(tx, request)
        assert credit_invoice(tx, request) == done
    assert done.parts == parts(transfer=7990, credit=2010)
    assert done.refund_id is not None
    assert balance(company, customer_id) == NONE  # it waits for the second person
    with company.begin() as tx:
        assert tx.session.get_one(Refund, done.refund_id).state == "awaiting_approval"
        approve_refund(tx, done.refund_id)
    assert balance(company, customer_id) == brl(2010)


def test_a_void_takes_back_what_credit_notes_took_off(company: Company) -> None:
    customer_id, _ = company.start()
    invoice_id = company.invoice(customer_id).id
    with company.begin() as tx:
        credit_invoice(tx, ask(invoice_id, 3000))
    with company.begin() as tx:
        void(tx, lock_invoice(tx.session, invoice_id))
    with company.begin() as tx:
        books = trial_balance(tx.session)
        [line] = tx.session.query(InvoiceLine).filter_by(invoice_id=invoice_id)
        assert line.credited_minor == 0
        assert tx.session.query(CreditNote).one().state == "void"
    assert {books[account, "BRL"] for account in ("receivable", "revenue", "refunds")} == {NONE}


def test_a_late_customer_who_owes_nothing_any_more_goes_on(company: Company) -> None:
    customer_id, subscription_id, _ = company.paying()
    company.forward(days=31)
    invoice_id = company.renew(subscription_id)
    company.gateway.behave("decline", on="charge")
    company.collect(invoice_id)
    with company.begin() as tx:
        assert tx.session.get_one(Subscription, subscription_id).state == "past_due"
        credit_invoice(tx, ask(invoice_id, 12990))
    assert company.invoice(customer_id).state == "paid"
    with company.begin() as tx:
        assert tx.session.get_one(Subscription, subscription_id).state == "active"


def test_a_named_line_gives_back_itself(small_company: Company) -> None:
    company = small_company
    customer_id, _ = company.start()
    invoice_id = company.invoice(customer_id).id
    [line] = company.lines(invoice_id)
    with company.begin() as tx:
        credit_invoice(tx, ask(invoice_id, 700, lines=((line.id, brl(700)),)))
    assert company.lines(invoice_id)[0].credited_minor == 700


def test_bad_asks_are_refused(small_company: Company) -> None:
    company = small_company
    customer_id, _ = company.start()
    invoice_id = company.invoice(customer_id).id
    dollars = CreditNoteAsk(invoice_id=invoice_id, amount=Money(1, "USD"), reason="x")
    bad = [
        (ask(company.new_id(), 1), NotFound),
        (dollars, CurrencyMismatch),
        (ask(invoice_id, 0), AmountNotPositive),
        (ask(invoice_id, 12991), RefundTooLarge),
    ]
    for one, refusal in bad:
        with company.begin() as tx, pytest.raises(refusal):
            preview_credit_note(tx.session, one, tx.at)
    with company.begin() as tx, pytest.raises(StaleInputs):
        credit_invoice(tx, ask(invoice_id, 1), expected="another")
    company.gateway.behave("drop_before", on="charge")
    company.collect(invoice_id)
    with company.begin() as tx, pytest.raises(WrongState):
        credit_invoice(tx, ask(invoice_id, 1))  # it may be paid by now


def test_a_void_invoice_has_nothing_to_credit(small_company: Company) -> None:
    company = small_company
    customer_id, _ = company.start()
    invoice_id = company.invoice(customer_id).id
    with company.begin() as tx:
        void(tx, lock_invoice(tx.session, invoice_id))
        with pytest.raises(WrongState):
            credit_invoice(tx, ask(invoice_id, 1))


def test_money_of_a_credit_note_keeps_to_the_providers_window(small_company: Company) -> None:
    company = small_company
    customer_id, _, _ = company.paying()
    invoice_id = company.invoice(customer_id).id
    windows: Windows = {"sandbox": {"card": RefundWindow(90)}}
    with company.begin() as tx:
        shown = preview_credit_note(tx.session, ask(invoice_id, 100), tx.at, windows=windows)
        assert "refund.window" in {row.item for row in shown.rows}
    company.forward(days=91)
    with company.begin() as tx, pytest.raises(RefundWindowClosed):
        credit_invoice(tx, ask(invoice_id, 100), windows=windows)
