"""A debt that is given up is booked as lost, and is no loss once somebody pays it."""

import pytest

from billing_core.corrections import ReissueAsk, reissue_invoice
from billing_core.errors import ChangePending, NotFound, StaleInputs, WrongState
from billing_core.events import InvoiceRecovered, InvoiceWrittenOff
from billing_core.issuing import void
from billing_core.ledger import trial_balance
from billing_core.payments import reconcile_attempt
from billing_core.store.locks import lock_invoice
from billing_core.subscriptions import PlanChangeAsk, change_plan
from billing_core.write_offs import (
    WriteOffAsk,
    ask_from,
    payload_of,
    preview_write_off,
    write_off,
)

from .conftest import Company, brl


def book(company: Company, *accounts: str) -> list[int]:
    with company.begin() as tx:
        books = trial_balance(tx.session)
    return [books.get((account, "BRL"), brl(0)).minor for account in accounts]


def give_up(company: Company) -> tuple[WriteOffAsk, str]:
    """Write the first invoice of a new customer off; return the ask and what was shown."""
    customer_id, _ = company.start()
    ask = WriteOffAsk(invoice_id=company.invoice(customer_id).id, reason="unreachable")
    with company.begin() as tx:
        shown = preview_write_off(tx.session, ask, tx.at)
        assert ask_from(shown.payload) == ask
        rows = {row.item: (row.before, row.after) for row in shown.rows}
        assert rows == {
            "invoice.state": ("open", "uncollectible"),
            "invoice.due": (brl(12990), brl(12990)),
            "bad_debt": (brl(0), brl(12990)),
        }
        write_off(tx, ask, expected=shown.inputs_hash)
    return ask, shown.inputs_hash


def test_a_write_off_does_what_its_preview_said_and_once(company: Company) -> None:
    ask, _ = give_up(company)
    with company.begin() as tx:
        assert write_off(tx, ask) == ask.invoice_id
    assert book(company, "receivable", "bad_debt") == [0, 12990]
    [event] = company.told(InvoiceWrittenOff)
    assert isinstance(event, InvoiceWrittenOff)
    assert event.due == brl(12990)


def test_paying_it_later_brings_the_loss_back(company: Company) -> None:
    customer_id, _ = company.start()
    invoice_id = company.invoice(customer_id).id
    company.gateway.behave("drop_after", on="charge")
    unknown = company.collect(invoice_id)
    assert unknown.state == "unknown"
    with company.begin() as tx:
        write_off(tx, WriteOffAsk(invoice_id=invoice_id, reason="unreachable"))
    assert unknown.attempt_id is not None
    reconcile_attempt(company.begin, company.gateways, unknown.attempt_id)
    assert company.invoice(customer_id).state == "paid"
    assert book(company, "receivable", "bad_debt", "cash_at_gateway") == [0, 0, 12990]
    assert len(company.told(InvoiceRecovered)) == 1


def test_a_written_off_invoice_may_be_voided(company: Company) -> None:
    ask, _ = give_up(company)
    with company.begin() as tx:
        void(tx, lock_invoice(tx.session, ask.invoice_id))
    assert book(company, "receivable", "bad_debt", "revenue") == [0, 0, 0]


def test_a_written_off_wrong_charge_is_issued_again(company: Company) -> None:
    ask, _ = give_up(company)
    [line] = company.lines(ask.invoice_id)
    with company.begin() as tx:
        done = reissue_invoice(
            tx,
            ReissueAsk(invoice_id=ask.invoice_id, lines=((line.id, brl(9990)),), reason="wrong"),
        )
    assert done.invoice_id is not None
    assert company.collect(done.invoice_id).state == "paid"
    assert book(company, "receivable", "bad_debt", "revenue") == [0, 0, -9990]


def test_only_what_is_open_and_as_it_was_shown_is_written_off(small_company: Company) -> None:
    company = small_company
    customer_id, subscription_id, _ = company.paying()
    ask = WriteOffAsk(invoice_id=company.invoice(customer_id).id, reason="x")
    with company.begin() as tx:
        with pytest.raises(WrongState):
            preview_write_off(tx.session, ask, tx.at)
        stranger = WriteOffAsk(invoice_id=company.new_id(), reason="x")
        with pytest.raises(NotFound):
            preview_write_off(tx.session, stranger, tx.at)
        with pytest.raises(NotFound):
            write_off(tx, stranger)
    company.forward(days=31)
    open_one = WriteOffAsk(
        invoice_id=company.renew(subscription_id), reason="x", money_act_id=company.new_id()
    )
    assert ask_from(payload_of(open_one)) == open_one
    with company.begin() as tx, pytest.raises(StaleInputs):
        write_off(tx, open_one, expected="another")


def test_the_invoice_of_a_waiting_plan_change_is_not_written_off(small_company: Company) -> None:
    company = small_company
    _, subscription_id, _ = company.paying()
    company.forward(minutes=1)
    dearer = company.price("Dearer", 99900)
    with company.begin() as tx:
        asked = PlanChangeAsk(subscription_id=subscription_id, new_price_id=dearer, when="now")
        invoice_id = change_plan(tx, asked).invoice_id
        assert invoice_id is not None
        with pytest.raises(ChangePending):
            write_off(tx, WriteOffAsk(invoice_id=invoice_id, reason="x"))
