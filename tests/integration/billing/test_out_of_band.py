"""A refund by bank transfer: approved by a second person, made by a third act, never by a gateway."""

from uuid import UUID

import pytest

from billing_core.credits import CreditAsk, credit_balance, give_credit
from billing_core.domain.payee import read_payee
from billing_core.errors import AmountNotPositive, NotFound, RefundTooLarge, StaleInputs, WrongState
from billing_core.events import RefundFailed, RefundRequested, RefundSucceeded
from billing_core.ledger import trial_balance
from billing_core.out_of_band import (
    TransferAsk,
    ask_from,
    begin_transfer,
    forget_payees,
    keep_payee,
    mark_not_transferred,
    mark_transferred,
    payload_of,
    preview_transfer,
    promise_transfer,
    transfers_to_make,
)
from billing_core.refunds import (
    RefundAsk,
    RefundOutcome,
    approve_refund,
    promise_refund,
    refund_to_send,
    refunds_to_reconcile,
    refunds_to_send,
    release_refund,
    settle_refund,
)
from billing_core.store.invoice import CreditNote
from billing_core.store.payee import BankPayee
from billing_core.store.payment import Refund

from .conftest import Company, brl

TYPED = {"holder": "Ana Prado", "document": "529.982.247-25", "pix_key": "ana@example.com"}


def payee(company: Company, customer_id: UUID) -> UUID:
    with company.begin() as tx:
        return keep_payee(tx, customer_id, read_payee(TYPED))


def ask(company: Company, minor: int = 5000) -> tuple[TransferAsk, UUID]:
    """Return an ask of a customer who paid, and her payment."""
    customer_id, _, payment_id = company.paying()
    request = TransferAsk(
        payment_id=payment_id,
        amount=brl(minor),
        reason="x",
        payee_id=payee(company, customer_id),
        money_act_id=company.new_id(),
    )
    return request, payment_id


def promise(company: Company, request: TransferAsk) -> UUID:
    with company.begin() as tx:
        return promise_transfer(tx, request)


def approved(company: Company, request: TransferAsk) -> UUID:
    refund_id = promise(company, request)
    with company.begin() as tx:
        approve_refund(tx, refund_id)
    return refund_id


def kept(company: Company, request: TransferAsk) -> BankPayee:
    with company.begin() as tx:
        return tx.session.get_one(BankPayee, request.payee_id)


def test_a_transfer_from_its_preview_to_the_books(company: Company) -> None:
    request, payment_id = ask(company)
    with company.begin() as tx:
        preview = preview_transfer(tx.session, request, tx.at)
        assert ask_from(preview.payload) == request
        assert "ana@example.com" not in str(preview)
        refund_id = promise_transfer(tx, request, expected=preview.inputs_hash)
        assert promise_transfer(tx, request) == refund_id
    assert company.payment(payment_id).reserved_minor == 5000
    [event] = company.told(RefundRequested)
    assert isinstance(event, RefundRequested)
    assert event.held
    with company.begin() as tx, pytest.raises(WrongState):
        begin_transfer(tx, refund_id)  # nobody has approved it
    with company.begin() as tx:
        approve_refund(tx, refund_id)
        assert transfers_to_make(tx.session) == [refund_id]
    with company.begin() as tx:
        order = begin_transfer(tx, refund_id)
    assert (order.amount, order.details["pix_key"]) == (brl(5000), "ana@example.com")
    with company.begin() as tx, pytest.raises(WrongState):
        begin_transfer(tx, refund_id)  # it is in somebody's hands
    for _ in range(2):
        with company.begin() as tx:
            mark_transferred(tx, refund_id, "E0001")
    assert kept(company, request).full is None
    assert kept(company, request).masked["pix_key"] == "a•••@example.com"
    assert len(company.told(RefundSucceeded)) == 1
    payment = company.payment(payment_id)
    assert (payment.refunded_minor, payment.reserved_minor) == (5000, 0)
    with company.begin() as tx:
        books = trial_balance(tx.session)
        note = tx.session.query(CreditNote).one()
        assert transfers_to_make(tx.session) == []
    assert (note.settled_by, note.state) == ("bank_transfer", "issued")
    assert books["bank_out_of_band", "BRL"] == brl(-5000)
    assert books["cash_at_gateway", "BRL"] == brl(12990)


def test_no_gateway_ever_hears_of_it(small_company: Company) -> None:
    company = small_company
    request, _ = ask(company)
    refund_id = approved(company, request)
    company.forward(days=3)
    assert refund_to_send(company.begin, refund_id) is None
    with company.begin() as tx:
        begin_transfer(tx, refund_id)
    company.forward(days=3)
    with company.begin() as tx:
        assert refunds_to_send(tx.session) == []
        assert refunds_to_reconcile(tx.session, company.at) == []
    assert settle_refund(company.begin, refund_id, RefundOutcome("failed")) == "sending"
    assert company.gateway.refunds() == []


def test_a_transfer_the_bank_did_not_take_frees_the_money(company: Company) -> None:
    request, payment_id = ask(company)
    refund_id = approved(company, request)
    with company.begin() as tx:
        begin_transfer(tx, refund_id)
    for _ in range(2):
        with company.begin() as tx:
            mark_not_transferred(tx, refund_id, "account_closed")
    assert company.payment(payment_id).balance.left == brl(12990)
    assert kept(company, request).full is None
    [event] = company.told(RefundFailed)
    assert isinstance(event, RefundFailed)
    assert event.code == "account_closed"
    with company.begin() as tx, pytest.raises(WrongState):
        mark_transferred(tx, refund_id, "E0001")


def test_a_transfer_is_marked_by_whoever_took_it_in_hand(small_company: Company) -> None:
    company = small_company
    request, _ = ask(company)
    refund_id = approved(company, request)
    with company.begin() as tx:
        with pytest.raises(WrongState):
            mark_transferred(tx, refund_id, "E0001")
        with pytest.raises(WrongState):
            mark_not_transferred(tx, refund_id, "x")
        release_refund(tx, refund_id, "withdrawn")
    assert kept(company, request).full is None


def test_one_transfer_of_the_bank_is_one_refund(small_company: Company) -> None:
    company = small_company
    first, second = (approved(company, ask(company)[0]) for _ in range(2))
    with company.begin() as tx:
        begin_transfer(tx, first)
        begin_transfer(tx, second)
        mark_transferred(tx, first, "E0001")
        with pytest.raises(WrongState):
            mark_transferred(tx, second, "E0001")


def test_what_a_gateway_refunds_is_not_marked_by_hand(small_company: Company) -> None:
    company = small_company
    _, _, payment_id = company.paying()
    with company.begin() as tx:
        refund_id = promise_refund(
            tx, RefundAsk(payment_id=payment_id, amount=brl(1), reason="x"), held=False
        )
        with pytest.raises(WrongState):
            begin_transfer(tx, refund_id)


def test_the_part_that_credit_paid_is_never_transferred(company: Company) -> None:
    customer_id, subscription_id, _ = company.paying()
    with company.begin() as tx:
        give_credit(tx, CreditAsk(customer_id=customer_id, amount=brl(5000), reason="sorry"))
    company.forward(days=31)
    payment_id = company.collect(company.renew(subscription_id)).payment_id
    assert payment_id is not None
    request = TransferAsk(
        payment_id=payment_id,
        amount=brl(12990),
        reason="x",
        payee_id=payee(company, customer_id),
    )
    refund_id = approved(company, request)
    with company.begin() as tx:
        assert tx.session.get_one(Refund, refund_id).amount == brl(7990)
        assert credit_balance(tx.session, customer_id, "BRL") == brl(5000)


def test_bad_asks_are_refused(small_company: Company) -> None:
    company = small_company
    request, payment_id = ask(company)
    stranger = company.new_id()
    bad = [
        (TransferAsk(payment_id=stranger, amount=brl(1), reason="", payee_id=stranger), NotFound),
        (TransferAsk(payment_id=payment_id, amount=brl(1), reason="", payee_id=stranger), NotFound),
        (
            TransferAsk(
                payment_id=payment_id, amount=brl(12991), reason="", payee_id=request.payee_id
            ),
            RefundTooLarge,
        ),
        (
            TransferAsk(
                payment_id=payment_id,
                amount=brl(1),
                reason="",
                payee_id=request.payee_id,
                order="all_credit",
            ),
            AmountNotPositive,
        ),
    ]
    for one, refusal in bad:
        with company.begin() as tx, pytest.raises(refusal):
            preview_transfer(tx.session, one, tx.at)
    with company.begin() as tx, pytest.raises(StaleInputs):
        promise_transfer(tx, request, expected="another")
    assert ask_from(payload_of(bad[1][0])) == bad[1][0]


def test_details_that_nobody_came_to_use_are_forgotten(small_company: Company) -> None:
    company = small_company
    unused, _ = ask(company)
    used, _ = ask(company)
    promise(company, used)
    company.forward(days=2)
    with company.begin() as tx:
        assert forget_payees(tx, company.at) == 1
        assert forget_payees(tx, company.at) == 0
    assert kept(company, unused).full is None
    assert kept(company, used).full is not None
    with company.begin() as tx, pytest.raises(WrongState):
        preview_transfer(tx.session, unused, tx.at)
