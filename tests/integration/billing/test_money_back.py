"""What credit had paid returns as credit, windows are known before, and late truths are booked or told."""

from datetime import date
from uuid import UUID

import pytest

from billing_core.credits import CreditAsk, credit_balance, give_credit
from billing_core.disputes import record_dispute
from billing_core.domain.credit_order import CreditOrder
from billing_core.domain.money import Money
from billing_core.domain.refund_window import RefundWindow
from billing_core.errors import (
    LineNotOfInvoice,
    LineTooSmall,
    NoRefundRail,
    NotFound,
    RefundTooLarge,
    RefundWindowClosed,
    WholeRefundOnly,
)
from billing_core.events import RefundContradicted, RefundSucceeded
from billing_core.ledger import trial_balance
from billing_core.payments import record_capture
from billing_core.ports import DisputeNotice
from billing_core.refunds import (
    GivenBack,
    RefundAsk,
    RefundOutcome,
    Windows,
    amount_of_units,
    approve_refund,
    ask_from,
    give_back,
    payload_of,
    preview_refund,
    promise_refund,
    release_refund,
    send_refund,
    settle_refund,
)
from billing_core.store.funds import take
from billing_core.store.invoice import CreditNote
from billing_core.store.payment import Payment, Refund

from .conftest import Company, brl

CARD_180: Windows = {"sandbox": {"card": RefundWindow(180)}}


def partly_by_credit(company: Company, credit: int = 5000) -> tuple[UUID, UUID]:
    """Return (customer, payment) of an invoice of 129.90 of which credit paid a part."""
    customer_id, subscription_id, _ = company.paying()
    with company.begin() as tx:
        give_credit(tx, CreditAsk(customer_id=customer_id, amount=brl(credit), reason="sorry"))
    company.forward(days=31)
    payment_id = company.collect(company.renew(subscription_id)).payment_id
    assert payment_id is not None
    return customer_id, payment_id


def balance(company: Company, customer_id: UUID) -> Money:
    with company.begin() as tx:
        return credit_balance(tx.session, customer_id, "BRL")


def ask(payment_id: UUID, minor: int, **more: object) -> RefundAsk:
    return RefundAsk(payment_id=payment_id, amount=brl(minor), reason="x", **more)  # type: ignore[arg-type]


def give(company: Company, request: RefundAsk, *, held: bool = False) -> GivenBack:
    with company.begin() as tx:
        return give_back(tx, request, held=held)


def state_of(company: Company, refund_id: UUID) -> Refund:
    with company.begin() as tx:
        return tx.session.get_one(Refund, refund_id)


@pytest.mark.parametrize(
    ("order", "money", "credit"),
    [("transaction_first", 7990, 2010), ("credit_first", 5000, 5000), ("all_credit", 0, 10000)],
)
def test_what_credit_paid_returns_in_the_order_that_was_chosen(
    company: Company, order: CreditOrder, money: int, credit: int
) -> None:
    customer_id, payment_id = partly_by_credit(company)
    request = ask(payment_id, 10000, order=order, money_act_id=company.new_id())
    with company.begin() as tx:
        preview = preview_refund(tx.session, request, tx.at)
        given = give_back(tx, request, held=False, expected=preview.inputs_hash)
        assert give_back(tx, request, held=False).refund_id == given.refund_id
    rows = {row.item: (row.before, row.after) for row in preview.rows}
    assert rows["credit.balance"] == (brl(0), brl(credit))
    assert rows["payment.left"] == (brl(12990), brl(2990))
    if given.refund_id is not None:
        assert state_of(company, given.refund_id).amount == brl(money)
        assert send_refund(company.begin, company.gateway, given.refund_id) == "succeeded"
    assert balance(company, customer_id) == brl(credit)
    payment = company.payment(payment_id)
    assert payment.refunded_minor == money
    assert payment.credited_minor == (5000 if order == "all_credit" else 0)
    with company.begin() as tx:
        notes = tx.session.query(CreditNote).all()
        assert sum(note.amount_minor for note in notes) == 10000
        assert {note.credit_order for note in notes} == {order}
        assert {note.state for note in notes} == {"issued"}
    # The rest is still there, and no more than the rest.
    with pytest.raises(RefundTooLarge) as refused:
        give(company, ask(payment_id, 2991, order=order))
    assert refused.value.left == brl(2990)
    give(company, ask(payment_id, 2990, order=order))


def test_money_alone_never_returns_what_credit_paid(small_company: Company) -> None:
    _, payment_id = partly_by_credit(small_company)
    with pytest.raises(RefundTooLarge) as refused:
        give(small_company, ask(payment_id, 8000, order="all_transaction"))
    assert refused.value.left == brl(7990)


def test_what_credit_paid_returns_once_while_the_money_is_disputed(small_company: Company) -> None:
    company = small_company
    _, payment_id = partly_by_credit(company)
    ref = company.payment(payment_id).gateway_ref
    with company.begin() as tx:
        notice = DisputeNotice("dp_1", ref, "needs_response", "fraud", brl(7990), None)
        record_dispute(tx, "sandbox", notice)
    give(company, ask(payment_id, 5000))
    with pytest.raises(RefundTooLarge) as refused:
        give(company, ask(payment_id, 1))
    assert refused.value.left == brl(0)


def test_a_held_refund_gives_its_credit_when_it_is_approved(company: Company) -> None:
    customer_id, payment_id = partly_by_credit(company)
    first = give(company, ask(payment_id, 10000), held=True)
    assert first.refund_id is not None
    assert balance(company, customer_id) == brl(0)
    with company.begin() as tx:
        release_refund(tx, first.refund_id, "refused")
    second = give(company, ask(payment_id, 12990), held=True)
    assert second.refund_id is not None
    with company.begin() as tx:
        approve_refund(tx, second.refund_id)
        approve_refund(tx, second.refund_id)
    assert balance(company, customer_id) == brl(5000)
    with company.begin() as tx:
        release_refund(tx, second.refund_id, "withdrawn")  # the money stays, the credit is hers
    assert balance(company, customer_id) == brl(5000)
    assert company.payment(payment_id).balance.left == brl(7990)


def test_a_held_act_that_moves_no_money_does_nothing_yet(small_company: Company) -> None:
    company = small_company
    customer_id, payment_id = partly_by_credit(company)
    request = ask(payment_id, 100, order="all_credit")
    assert give(company, request, held=True) == GivenBack()
    assert balance(company, customer_id) == brl(0)
    with company.begin() as tx, pytest.raises(AssertionError):
        promise_refund(tx, request, held=False)


def test_an_act_that_gave_credit_gives_it_once(small_company: Company) -> None:
    company = small_company
    customer_id, payment_id = partly_by_credit(company)
    request = ask(payment_id, 100, order="all_credit", money_act_id=company.new_id())
    assert give(company, request) == give(company, request)
    assert balance(company, customer_id) == brl(100)


def test_money_without_an_invoice_can_become_credit(company: Company) -> None:
    customer_id, _, _ = company.paying()
    with company.begin() as tx:
        payment_id = record_capture(
            tx, customer_id=customer_id, amount=brl(4000), gateway="sandbox", gateway_ref="ch_x"
        )
    give(company, ask(payment_id, 1500, order="all_credit"))
    assert balance(company, customer_id) == brl(1500)
    with company.begin() as tx:
        assert trial_balance(tx.session)["unapplied_payments", "BRL"] == brl(-2500)
    with pytest.raises(RefundTooLarge):
        give(company, ask(payment_id, 2501))


def test_units_of_a_line_are_given_back_to_the_cent(company: Company) -> None:
    customer_id, _ = company.start(company.price(minor=3333), quantity=3)
    invoice = company.invoice(customer_id)
    payment_id = company.collect(invoice.id).payment_id
    assert payment_id is not None
    [line] = company.lines(invoice.id)
    given = []
    for units in (1, 2):
        with company.begin() as tx:
            amount = amount_of_units(tx.session, payment_id, [(line.id, units)])
        request = ask(payment_id, amount.minor, quantities=((line.id, units),))
        assert ask_from(payload_of(request)) == request
        given.append(amount.minor)
        give(company, request)
    assert given == [3333, 6666]
    with company.begin() as tx:
        with pytest.raises(LineTooSmall):
            amount_of_units(tx.session, payment_id, [(line.id, 1)])
        with pytest.raises(LineNotOfInvoice):
            amount_of_units(tx.session, payment_id, [(company.new_id(), 1)])
        with pytest.raises(NotFound):
            amount_of_units(tx.session, company.new_id(), [(line.id, 1)])


def test_the_window_is_shown_before_anything_is_promised(company: Company) -> None:
    _, _, payment_id = company.paying()
    with company.begin() as tx:
        preview = preview_refund(tx.session, ask(payment_id, 100), tx.at, windows=CARD_180)
    [row] = [row for row in preview.rows if row.item == "refund.window"]
    assert row.after == date(2027, 5, 15)
    assert row.data == {"rail": "card", "partial": True, "days": 180}
    company.forward(days=180)
    with company.begin() as tx:
        preview_refund(tx.session, ask(payment_id, 100), tx.at, windows=CARD_180)
    company.forward(days=1)
    with company.begin() as tx, pytest.raises(RefundWindowClosed) as refused:
        promise_refund(tx, ask(payment_id, 100), held=False, windows=CARD_180)
    assert refused.value.last_day == date(2027, 5, 15)
    assert refused.value.alternatives == ("credit", "out_of_band")
    assert company.payment(payment_id).reserved_minor == 0
    with company.begin() as tx:  # as credit it needs no window
        give_back(tx, ask(payment_id, 100, order="all_credit"), held=False, windows=CARD_180)


def test_a_rail_without_a_way_back_and_one_that_takes_the_whole_only(
    small_company: Company,
) -> None:
    company = small_company
    _, _, payment_id = company.paying()
    with company.begin() as tx:
        never: Windows = {"sandbox": {"card": RefundWindow(None)}}
        with pytest.raises(NoRefundRail) as refused:
            preview_refund(tx.session, ask(payment_id, 100), tx.at, windows=never)
        assert refused.value.last_day is None
        whole: Windows = {"sandbox": {"card": RefundWindow(90, partial=False)}}
        with pytest.raises(WholeRefundOnly) as in_parts:
            preview_refund(tx.session, ask(payment_id, 100), tx.at, windows=whole)
        assert in_parts.value.alternatives[0] == "whole"
        preview_refund(tx.session, ask(payment_id, 12990), tx.at, windows=whole)
        preview = preview_refund(tx.session, ask(payment_id, 100), tx.at, windows={})
        assert "refund.window" not in {row.item for row in preview.rows}


def test_a_payment_of_a_customer_without_a_subscription_counts_its_days_in_utc(
    small_company: Company,
) -> None:
    company = small_company
    windows: Windows = {"sandbox": {"original": RefundWindow(1)}}
    with company.begin() as tx:
        payment_id = record_capture(
            tx,
            customer_id=company.new_id(),
            amount=brl(4000),
            gateway="sandbox",
            gateway_ref="ch_x",
        )
        preview = preview_refund(tx.session, ask(payment_id, 100), tx.at, windows=windows)
    [row] = [row for row in preview.rows if row.item == "refund.window"]
    assert row.after == date(2026, 11, 17)


def test_the_statement_that_reserves_has_the_last_word(company: Company) -> None:
    _, _, payment_id = company.paying()
    with company.begin() as tx:
        payment = tx.session.get_one(Payment, payment_id)
        with pytest.raises(RefundTooLarge) as refused:
            take(tx.session, payment, "reserved_minor", brl(12991))
    assert refused.value.left == brl(12990)


def failed_refund(company: Company, payment_id: UUID, minor: int) -> UUID:
    given = give(company, ask(payment_id, minor))
    assert given.refund_id is not None
    company.gateway.behave("decline", on="refund")
    assert send_refund(company.begin, company.gateway, given.refund_id) == "failed"
    return given.refund_id


def test_a_failed_refund_that_did_succeed_is_booked_after_all(company: Company) -> None:
    _, _, payment_id = company.paying()
    refund_id = failed_refund(company, payment_id, 5000)
    outcome = RefundOutcome("succeeded", "re_late")
    for _ in range(2):
        assert settle_refund(company.begin, refund_id, outcome) == "succeeded"
    payment = company.payment(payment_id)
    assert (payment.refunded_minor, payment.balance.left) == (5000, brl(7990))
    with company.begin() as tx:
        note = tx.session.query(CreditNote).one()
        assert note.state == "issued"
    assert len(company.told(RefundSucceeded)) == 1


def test_a_refund_may_come_back_and_go_again(company: Company) -> None:
    _, _, payment_id = company.paying()
    given = give(company, ask(payment_id, 5000))
    assert given.refund_id is not None
    send_refund(company.begin, company.gateway, given.refund_id)
    for word in ("failed", "succeeded", "failed", "succeeded"):
        outcome = RefundOutcome(word)
        assert settle_refund(company.begin, given.refund_id, outcome) == word
        assert company.faults() == []
    assert company.payment(payment_id).refunded_minor == 5000
    with company.begin() as tx:
        note = tx.session.query(CreditNote).one()
        assert (note.state, note.number) == ("issued", 1)


def test_a_late_success_that_nothing_is_left_for_is_told_and_kept(company: Company) -> None:
    _, _, payment_id = company.paying()
    refund_id = failed_refund(company, payment_id, 9000)
    give(company, ask(payment_id, 9000))
    for _ in range(2):
        outcome = RefundOutcome("succeeded", "re_late")
        assert settle_refund(company.begin, refund_id, outcome) == "failed"
    row = state_of(company, refund_id)
    assert row.contradicted_at == company.at
    [event] = company.told(RefundContradicted)
    assert isinstance(event, RefundContradicted)
    assert (event.before, event.left, event.amount) == ("failed", brl(3990), brl(9000))


def test_a_success_of_what_was_never_sent_is_a_contradiction(small_company: Company) -> None:
    company = small_company
    _, _, payment_id = company.paying()
    given = give(company, ask(payment_id, 9000), held=True)
    assert given.refund_id is not None
    with company.begin() as tx:
        release_refund(tx, given.refund_id, "refused")
    outcome = RefundOutcome("succeeded")
    assert settle_refund(company.begin, given.refund_id, outcome) == "released"
    assert len(company.told(RefundContradicted)) == 1


def test_lines_that_were_credited_since_contradict_a_late_success(small_company: Company) -> None:
    company = small_company
    _, payment_id = partly_by_credit(company)
    refund_id = failed_refund(company, payment_id, 7000)
    give(company, ask(payment_id, 5000, order="credit_first"))
    give(company, ask(payment_id, 2000, order="all_credit"))
    assert settle_refund(company.begin, refund_id, RefundOutcome("succeeded")) == "failed"
    assert company.payment(payment_id).refunded_minor == 0
