from dataclasses import replace
from uuid import UUID

import pytest
from sqlalchemy import func, select

from billing_core.corrections import (
    Reissue,
    ReissueAsk,
    ask_from,
    payload_of,
    preview_reissue,
    reissue_invoice,
)
from billing_core.credits import CreditAsk, credit_balance, give_credit
from billing_core.domain.money import Money
from billing_core.domain.refund_window import RefundWindow
from billing_core.errors import (
    AmountNotPositive,
    ChangePending,
    CurrencyMismatch,
    LineNotOfInvoice,
    NotFound,
    NothingToChange,
    PaidOnlyLower,
    RefundTooLarge,
    RefundWindowClosed,
    StaleInputs,
    WrongState,
)
from billing_core.events import InvoiceReissued, RefundRequested
from billing_core.invoicing import bill_subscription
from billing_core.ledger import trial_balance
from billing_core.refunds import RefundAsk, Windows, promise_refund, send_refund
from billing_core.store.invoice import CreditNote, Invoice, InvoiceLine
from billing_core.subscriptions import PlanChangeAsk, change_plan

from .conftest import Company, brl

CARD_90: Windows = {"sandbox": {"card": RefundWindow(90)}}


def ask(company: Company, invoice_id: UUID, right: int = 9990, **more: object) -> ReissueAsk:
    [line] = company.lines(invoice_id)
    return ReissueAsk(
        invoice_id=invoice_id,
        lines=((line.id, brl(right)),),
        reason="wrong price",
        **more,  # type: ignore[arg-type]
    )


def correct(company: Company, request: ReissueAsk, **more: object) -> Reissue:
    with company.begin() as tx:
        return reissue_invoice(tx, request, **more)  # type: ignore[arg-type]


def credit(company: Company, customer_id: UUID) -> Money:
    with company.begin() as tx:
        return credit_balance(tx.session, customer_id, "BRL")


def test_an_open_invoice_is_voided_and_issued_again(company: Company) -> None:
    customer_id, subscription_id = company.start()
    wrong = company.invoice(customer_id)
    company.forward(hours=1)
    done = correct(company, ask(company, wrong.id))
    assert done.difference == brl(-3000)
    new, old = company.account(customer_id).invoices
    assert (old.state, new.state, new.total) == ("void", "open", brl(9990))
    assert new.previous_invoice_id == old.invoice_id
    assert new.lines[0].arithmetic["corrected_from_minor"] == 12990
    assert new.number == "FAT-2026-00002"
    assert company.collect(new.invoice_id).state == "paid"
    with company.begin() as tx:
        books = trial_balance(tx.session)
        slots = tx.session.scalars(select(InvoiceLine.invoice_id).where(InvoiceLine.holds_slot))
        assert slots.all() == [new.invoice_id]
        assert bill_subscription(tx, subscription_id) is None
    assert (books["revenue", "BRL"], books["receivable", "BRL"]) == (brl(-9990), brl(0))
    [event] = company.told(InvoiceReissued)
    assert isinstance(event, InvoiceReissued)
    assert (event.invoice_id, event.new_invoice_id) == (old.invoice_id, new.invoice_id)


def test_an_open_invoice_may_become_dearer(small_company: Company) -> None:
    customer_id, _ = small_company.start()
    done = correct(small_company, ask(small_company, small_company.invoice(customer_id).id, 19990))
    assert done.difference == brl(7000)
    assert small_company.invoice(customer_id).due_minor == 19990


def test_credit_follows_the_invoice_that_replaces(company: Company) -> None:
    customer_id, subscription_id, _ = company.paying()
    with company.begin() as tx:
        give_credit(tx, CreditAsk(customer_id=customer_id, amount=brl(5000), reason="sorry"))
    company.forward(days=31)
    invoice_id = company.renew(subscription_id)
    assert company.invoice(customer_id).due_minor == 7990
    request = ask(company, invoice_id, 3000)
    with company.begin() as tx:
        preview = preview_reissue(tx.session, request, tx.at)
    rows = {row.item: (row.before, row.after) for row in preview.rows}
    assert rows == {
        "line": (brl(12990), brl(3000)),
        "invoice.total": (brl(12990), brl(3000)),
        "invoice.due": (brl(7990), brl(0)),
        "credit.balance": (brl(0), brl(2000)),
    }
    correct(company, request, expected=preview.inputs_hash)
    assert company.invoice(customer_id).state == "paid"
    assert credit(company, customer_id) == brl(2000)


def test_a_paid_invoice_gets_a_credit_note_and_a_refund(company: Company) -> None:
    customer_id, _, payment_id = company.paying()
    invoice_id = company.invoice(customer_id).id
    request = ask(company, invoice_id, money_act_id=company.new_id())
    with company.begin() as tx:
        preview = preview_reissue(tx.session, request, tx.at)
    assert preview.amount == brl(3000)
    rows = {row.item: (row.before, row.after) for row in preview.rows}
    assert rows["payment.left"] == (brl(12990), brl(9990))
    assert rows["invoice.total"] == (brl(12990), brl(9990))
    done = correct(company, request, expected=preview.inputs_hash)
    assert correct(company, request) == done
    assert done.refund_id is not None
    assert company.payment(payment_id).reserved_minor == 3000
    assert send_refund(company.begin, company.gateway, done.refund_id) == "succeeded"
    view = company.account(customer_id).invoices[0]
    assert (view.payment_state, view.refundable) == ("part_refunded", brl(9990))
    with company.begin() as tx:
        note = tx.session.get_one(CreditNote, done.credit_note_id)
        assert (note.state, note.amount_minor, note.invoice_id) == ("issued", 3000, invoice_id)


def test_a_held_correction_waits_with_its_money_reserved(small_company: Company) -> None:
    company = small_company
    customer_id, _, payment_id = company.paying()
    done = correct(company, ask(company, company.invoice(customer_id).id), held=True)
    assert done.refund_id is not None
    assert company.payment(payment_id).reserved_minor == 3000
    assert send_refund(company.begin, company.gateway, done.refund_id) is None
    [event] = company.told(RefundRequested)
    assert isinstance(event, RefundRequested)
    assert event.held


def test_a_paid_invoice_may_be_settled_by_credit(company: Company) -> None:
    customer_id, _, payment_id = company.paying()
    invoice_id = company.invoice(customer_id).id
    request = ask(company, invoice_id, settle_by="credit", money_act_id=company.new_id())
    with company.begin() as tx:
        preview = preview_reissue(tx.session, request, tx.at)
    rows = {row.item: (row.before, row.after) for row in preview.rows}
    assert rows["credit.balance"] == (brl(0), brl(3000))
    done = correct(company, request)
    assert correct(company, request) == done
    assert (done.refund_id, done.difference) == (None, brl(-3000))
    assert credit(company, customer_id) == brl(3000)
    with company.begin() as tx:
        assert tx.session.get_one(CreditNote, done.credit_note_id).number == 1
        with pytest.raises(RefundTooLarge) as refused:
            promise_refund(
                tx,
                RefundAsk(payment_id=payment_id, amount=brl(12990), reason="other"),
                held=False,
            )
    assert refused.value.left == brl(9990), "what became credit is not refunded as well"


def test_the_same_correction_twice_has_nothing_left_to_do(small_company: Company) -> None:
    company = small_company
    customer_id, _, _ = company.paying()
    request = ask(company, company.invoice(customer_id).id, settle_by="credit")
    correct(company, request)
    with pytest.raises(NothingToChange):
        correct(company, request)
    assert credit(company, customer_id) == brl(3000)


def test_an_act_replaces_an_open_invoice_once(small_company: Company) -> None:
    company = small_company
    customer_id, _ = company.start()
    request = ask(company, company.invoice(customer_id).id, money_act_id=company.new_id())
    assert correct(company, request) == correct(company, request)
    with company.begin() as tx:
        assert tx.session.scalar(select(func.count()).select_from(Invoice)) == 2


def test_what_was_paid_from_the_balance_returns_there_and_never_as_money(company: Company) -> None:
    customer_id, subscription_id, _ = company.paying()
    with company.begin() as tx:
        give_credit(tx, CreditAsk(customer_id=customer_id, amount=brl(12990), reason="sorry"))
    company.forward(days=31)
    invoice_id = company.renew(subscription_id)
    done = correct(company, ask(company, invoice_id))
    assert done.refund_id is None
    assert credit(company, customer_id) == brl(3000)
    correct(company, ask(company, invoice_id, 4990, settle_by="credit"))
    assert credit(company, customer_id) == brl(8000)


def test_an_invoice_paid_by_both_gives_back_both(company: Company) -> None:
    customer_id, subscription_id, _ = company.paying()
    with company.begin() as tx:
        give_credit(tx, CreditAsk(customer_id=customer_id, amount=brl(5000), reason="sorry"))
    company.forward(days=31)
    invoice_id = company.renew(subscription_id)
    payment_id = company.collect(invoice_id).payment_id
    assert payment_id is not None
    request = ask(company, invoice_id, 2990, money_act_id=company.new_id())
    with company.begin() as tx:
        preview = preview_reissue(tx.session, request, tx.at)
    rows = {row.item: (row.before, row.after) for row in preview.rows}
    assert rows["payment.left"] == (brl(7990), brl(0))
    assert rows["credit.balance"] == (brl(0), brl(2010))
    done = correct(company, request, expected=preview.inputs_hash)
    assert correct(company, request) == done
    assert done.difference == brl(-10000)
    assert done.refund_id is not None
    assert send_refund(company.begin, company.gateway, done.refund_id) == "succeeded"
    assert company.payment(payment_id).refunded_minor == 7990
    assert credit(company, customer_id) == brl(2010)


def test_a_correction_by_refund_keeps_to_the_providers_window(small_company: Company) -> None:
    company = small_company
    customer_id, _, _ = company.paying()
    request = ask(company, company.invoice(customer_id).id)
    with company.begin() as tx:
        preview = preview_reissue(tx.session, request, tx.at, windows=CARD_90)
    assert [row.item for row in preview.rows if row.item == "refund.window"]
    company.forward(days=91)
    with company.begin() as tx, pytest.raises(RefundWindowClosed):
        reissue_invoice(tx, request, windows=CARD_90)
    with company.begin() as tx:
        reissue_invoice(tx, replace(request, settle_by="credit"), windows=CARD_90)


def test_a_line_corrected_twice_still_tells_what_it_came_from(small_company: Company) -> None:
    company = small_company
    customer_id, _ = company.start()
    for right in (9990, 4990):
        correct(company, ask(company, company.invoice(customer_id).id, right))
    [line] = company.lines(company.invoice(customer_id).id)
    assert (line.net_minor, line.arithmetic["corrected_from_minor"]) == (4990, 12990)


def test_an_invoice_that_may_be_paid_by_now_is_left_alone(company: Company) -> None:
    customer_id, _ = company.start()
    invoice_id = company.invoice(customer_id).id
    company.gateway.behave("drop_after", on="charge")
    company.collect(invoice_id)
    with pytest.raises(WrongState):
        correct(company, ask(company, invoice_id))
    assert company.collect(invoice_id).state == "paid"


def test_the_invoice_of_a_waiting_plan_change_is_left_alone(small_company: Company) -> None:
    company = small_company
    customer_id, subscription_id, _ = company.paying()
    company.forward(minutes=1)
    dearer = company.price("Dearer", 99900)
    with company.begin() as tx:
        change_plan(tx, PlanChangeAsk(subscription_id=subscription_id, new_price_id=dearer))
    invoice_id = company.invoice(customer_id).id
    credit_line, charge_line = company.lines(invoice_id)
    request = ReissueAsk(
        invoice_id=invoice_id, lines=((charge_line.id, brl(1)),), reason="wrong price"
    )
    with pytest.raises(ChangePending):
        correct(company, request)
    negative = ReissueAsk(
        invoice_id=invoice_id, lines=((credit_line.id, brl(1)),), reason="wrong price"
    )
    with pytest.raises(LineNotOfInvoice):
        correct(company, negative)


def test_impossible_corrections_are_refused(small_company: Company) -> None:
    company = small_company
    customer_id, _ = company.start()
    open_id = company.invoice(customer_id).id
    [line] = company.lines(open_id)

    def of(*lines: tuple[UUID, Money]) -> ReissueAsk:
        return ReissueAsk(invoice_id=open_id, lines=lines, reason="x")

    for request, refusal in (
        (of((line.id, brl(12990))), NothingToChange),
        (of(), NothingToChange),
        (of((line.id, brl(-1))), AmountNotPositive),
        (of((line.id, Money(1, "USD"))), CurrencyMismatch),
        (of((company.new_id(), brl(1))), LineNotOfInvoice),
    ):
        with pytest.raises(refusal):
            correct(company, request)
    company.collect(open_id)
    with pytest.raises(PaidOnlyLower):
        correct(company, of((line.id, brl(12991))))
    nobody = ReissueAsk(invoice_id=company.new_id(), lines=((line.id, brl(1)),), reason="x")
    with pytest.raises(NotFound):
        correct(company, nobody)
    with company.begin() as tx, pytest.raises(NotFound):
        preview_reissue(tx.session, nobody, tx.at)


def test_a_void_invoice_stays_void(small_company: Company) -> None:
    company = small_company
    customer_id, _ = company.start()
    first = company.invoice(customer_id).id
    correct(company, ask(company, first))
    with pytest.raises(WrongState):
        correct(company, ask(company, first, 1))


def test_a_preview_of_an_invoice_that_was_paid_since_is_refused(company: Company) -> None:
    customer_id, _ = company.start()
    request = ask(company, company.invoice(customer_id).id)
    with company.begin() as tx:
        preview = preview_reissue(tx.session, request, tx.at)
    company.collect(request.invoice_id)
    with pytest.raises(StaleInputs):
        correct(company, request, expected=preview.inputs_hash)


def test_the_ask_survives_its_payload(small_company: Company) -> None:
    for act in (None, small_company.new_id()):
        request = ReissueAsk(
            invoice_id=small_company.new_id(),
            lines=((small_company.new_id(), brl(5)),),
            reason="x",
            settle_by="credit",
            money_act_id=act,
        )
        assert ask_from(payload_of(request)) == request
