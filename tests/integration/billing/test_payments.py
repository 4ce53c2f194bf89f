from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from billing_core.attempts import attempts_to_reconcile, write_attempts
from billing_core.errors import NoPaymentMethod, NotFound, TransactionOpen
from billing_core.events import DuplicateChargeFound, PaymentCaptured, PaymentFailed
from billing_core.gateway_events import read_event, store_event
from billing_core.ledger import trial_balance
from billing_core.payments import (
    collect_batch,
    collect_invoice,
    reconcile_attempt,
    record_capture,
    refundable,
    settle_charge,
)
from billing_core.ports import Receipt
from billing_core.store.payment import Payment, PaymentAttempt
from billing_core.subscriptions import (
    NewMethod,
    StartSubscription,
    add_payment_method,
    start_subscription,
    use_payment_method,
)

from .conftest import Company, brl
from .test_refund_race import at_once


def attempts(company: Company) -> list[PaymentAttempt]:
    with company.begin() as tx:
        return list(tx.session.query(PaymentAttempt).order_by(PaymentAttempt.created_at).all())


def test_an_invoice_is_paid_once_however_often_it_is_collected(company: Company) -> None:
    customer_id, _ = company.start()
    invoice_id = company.invoice(customer_id).id
    first = company.collect(invoice_id)
    assert first.state == "paid"
    assert first.payment_id is not None
    assert company.collect(invoice_id).state == "nothing_due"
    assert len(company.gateway.charges()) == 1
    assert company.invoice(customer_id).state == "paid"
    assert len(company.told(PaymentCaptured)) == 1


def test_two_collectors_at_once_charge_once(company: Company) -> None:
    price_id = company.price()
    for number in range(1, 5):
        customer_id, _ = company.start(price_id)
        invoice_id = company.invoice(customer_id).id

        def collect(invoice_id: UUID = invoice_id) -> str:
            return company.collect(invoice_id).state

        results = at_once(collect, collect)
        assert set(results) <= {"paid", "nothing_due"}, results
        assert "paid" in results
        assert len(company.gateway.charges()) == number
    assert len(company.told(PaymentCaptured)) == 4


def test_a_key_names_an_attempt_for_ever(small_company: Company) -> None:
    company = small_company
    customer_id, _ = company.start()
    invoice_id = company.invoice(customer_id).id
    company.gateway.behave("decline", on="charge")
    for _ in range(2):
        done = collect_invoice(company.begin, company.gateways, invoice_id, key="press-1")
        assert (done.state, done.code) == ("failed", "card_declined")
    again = collect_invoice(company.begin, company.gateways, invoice_id, key="press-2")
    assert again.state == "paid"
    assert len(company.told(PaymentFailed)) == 1


def test_an_unknown_outcome_is_asked_about_and_never_charged_again(company: Company) -> None:
    customer_id, _ = company.start()
    invoice_id = company.invoice(customer_id).id
    company.gateway.behave("drop_after", on="charge")
    assert company.collect(invoice_id).state == "unknown"
    assert company.invoice(customer_id).state == "open"
    assert company.account(customer_id).invoices[0].payment_state == "unknown"
    with company.begin() as tx:
        assert attempts_to_reconcile(tx.session, company.at) == []
        [attempt_id] = attempts_to_reconcile(tx.session, company.at + timedelta(minutes=1))
    done = reconcile_attempt(company.begin, company.gateways, attempt_id)
    assert done is not None
    assert done.state == "paid"
    assert reconcile_attempt(company.begin, company.gateways, attempt_id) is None
    assert len(company.gateway.charges()) == len(attempts(company)) == 1


def test_a_charge_that_never_arrived_is_sent_with_its_own_key(company: Company) -> None:
    customer_id, _ = company.start()
    company.gateway.behave("drop_before", on="charge")
    invoice_id = company.invoice(customer_id).id
    assert company.collect(invoice_id).state == "unknown"
    assert company.gateway.charges() == []
    assert company.collect(invoice_id).state == "paid"
    [attempt] = attempts(company)
    assert company.gateway.charges()[0].key == attempt.key


def test_a_crash_before_the_call_is_picked_up_by_the_next_collector(company: Company) -> None:
    customer_id, _ = company.start()
    invoice_id = company.invoice(customer_id).id
    with company.begin() as tx:
        write_attempts(tx, [invoice_id])
    assert company.account(customer_id).invoices[0].payment_state == "pending"
    assert company.collect(invoice_id).state == "paid"
    assert len(attempts(company)) == 1


def test_a_crash_after_the_call_finds_the_charge_again(company: Company) -> None:
    customer_id, _ = company.start()
    invoice_id = company.invoice(customer_id).id
    with company.begin() as tx:
        [order] = write_attempts(tx, [invoice_id])
    company.gateway.charge(
        method_token=order.method_token,
        amount=order.amount,
        key=order.key,
        reference=str(invoice_id),
    )
    assert company.collect(invoice_id).state == "paid"
    assert len(company.gateway.charges()) == 1


@pytest.mark.parametrize(("succeed", "state"), [(True, "paid"), (False, "failed")])
def test_a_late_answer_settles_the_attempt(company: Company, succeed: bool, state: str) -> None:
    customer_id, _ = company.start()
    invoice_id = company.invoice(customer_id).id
    company.gateway.behave("late", on="charge")
    assert company.collect(invoice_id).state == "pending"
    assert company.collect(invoice_id).state == "pending"
    [notice] = company.gateway.settle_pending(succeed=succeed)
    for _ in range(2):
        with company.begin() as tx:
            stored = store_event(tx, "sandbox", notice)
        assert read_event(company.begin, company.gateways, stored) == "read"
    assert company.account(customer_id).invoices[0].payment_state == state
    assert len(company.told(PaymentCaptured)) == int(succeed)


def test_money_that_arrives_for_a_paid_invoice_belongs_to_no_invoice(company: Company) -> None:
    """An attempt was declined, another paid; then the gateway says that the first had gone through."""
    customer_id, _ = company.start()
    invoice_id = company.invoice(customer_id).id
    company.gateway.behave("decline", on="charge")
    declined = company.collect(invoice_id)
    assert company.collect(invoice_id).state == "paid"
    [first] = [one for one in attempts(company) if one.id == declined.attempt_id]
    late = Receipt(first.key, "ch_late", "succeeded", brl(first.amount_minor))
    done = settle_charge(company.begin, late)
    assert done is not None
    assert done.state == "paid"
    view = company.account(customer_id)
    assert [one.payment_id for one in view.payments_without_invoice] == [done.payment_id]
    assert [one.payment_id for one in view.duplicates] == [done.payment_id]
    with company.begin() as tx:
        assert trial_balance(tx.session)["unapplied_payments", "BRL"] == brl(-12990)
    settle_charge(company.begin, late)
    assert len(company.told(PaymentCaptured)) == 2


def test_a_word_about_an_unknown_key_is_nobodys(small_company: Company) -> None:
    receipt = Receipt("nobody", "ch_1", "succeeded", brl(1))
    assert settle_charge(small_company.begin, receipt) is None


def test_without_a_method_nothing_is_charged(small_company: Company) -> None:
    company = small_company
    customer_id = company.new_id()
    price_id = company.price()
    with company.begin() as tx:
        subscription_id = start_subscription(
            tx,
            StartSubscription(customer_id=customer_id, price_id=price_id, payment_method_id=None),
        )
    invoice_id = company.invoice(customer_id).id
    with pytest.raises(NoPaymentMethod):
        company.collect(invoice_id)
    assert collect_batch(company.begin, company.gateways, [invoice_id]) == []
    with pytest.raises(NotFound):
        company.collect(company.new_id())
    stranger = company.invoice(company.start(price_id)[0]).payment_method_id
    assert stranger is not None
    with company.begin() as tx:
        method_id = add_payment_method(
            tx, NewMethod(customer_id=customer_id, kind="pix", token="pix-1")
        )
        use_payment_method(tx, subscription_id, method_id)
        with pytest.raises(NotFound):
            use_payment_method(tx, subscription_id, stranger)
    company.forward(days=31)
    assert company.collect(company.renew(subscription_id)).state == "paid"


def test_the_same_capture_is_recorded_once(company: Company) -> None:
    customer_id, _, payment_id = company.paying()
    paid = company.payment(payment_id)
    ids = set()
    for _ in range(2):
        with company.begin() as tx:
            ids.add(
                record_capture(
                    tx,
                    customer_id=customer_id,
                    amount=brl(12990),
                    gateway="sandbox",
                    gateway_ref="ch_again",
                    payment_method_id=paid.payment_method_id,
                )
            )
    assert len(ids) == 1
    [found] = company.told(DuplicateChargeFound)
    assert isinstance(found, DuplicateChargeFound)
    assert (found.payment_id, found.twin_payment_id) == (ids.pop(), payment_id)


def test_the_database_refuses_to_give_back_more_than_was_captured(company: Company) -> None:
    _, _, payment_id = company.paying()
    for change in (
        {"refunded_minor": 12991},
        {"reserved_minor": 12000, "disputed_minor": 1000},
        {"refunded_minor": -1},
    ):
        statement = update(Payment).where(Payment.id == payment_id).values(**change)
        with company.begin() as tx, pytest.raises(IntegrityError), tx.session.begin_nested():
            tx.session.execute(statement)
    with company.begin() as tx:
        assert refundable(tx.session, payment_id) == brl(12990)
        with pytest.raises(NotFound):
            refundable(tx.session, company.new_id())


def test_the_gateway_is_never_called_inside_a_transaction(small_company: Company) -> None:
    with small_company.begin(), pytest.raises(TransactionOpen):
        small_company.gateway.find_charge("any")


def test_an_attempt_that_does_not_exist_is_not_found(small_company: Company) -> None:
    with pytest.raises(NotFound):
        reconcile_attempt(small_company.begin, small_company.gateways, small_company.new_id())
