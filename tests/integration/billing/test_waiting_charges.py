"""Charges that wait: for a customer who pays herself, for a gateway, or for nobody any more."""

from datetime import UTC, date, datetime, timedelta
from typing import Literal
from uuid import UUID

import pytest
from sqlalchemy import select

from billing_core.attempts import attempts_to_reconcile, invoices_to_collect, withdraw_attempts
from billing_core.domain.invoice import Draft, DraftLine
from billing_core.domain.money import Money
from billing_core.errors import KeyReused
from billing_core.events import LatePaymentArrived, PaymentCaptured, PaymentFailed
from billing_core.invoicing import run_billing
from billing_core.issuing import issue, void
from billing_core.ledger import trial_balance
from billing_core.payments import (
    collect_batch,
    collect_invoice,
    reconcile_attempt,
    settle_charge,
    withdraw_invoice,
)
from billing_core.ports import Receipt
from billing_core.store.invoice import Invoice
from billing_core.store.mandate import Mandate
from billing_core.store.payment import Payment, PaymentAttempt
from billing_core.store.subscription import PaymentMethod, Subscription
from billing_core.subscriptions import (
    NewMethod,
    StartSubscription,
    add_payment_method,
    start_subscription,
    use_payment_method,
)

from .conftest import Company, brl

Kind = Literal["card", "pix", "pix_automatico", "boleto"]


def waiting(company: Company, kind: Kind = "boleto") -> tuple[UUID, UUID, PaymentAttempt]:
    """Return (subscription, invoice, attempt): the customer has what she needs to pay."""
    customer_id = company.new_id()
    price_id = company.price(f"Plano {customer_id}")
    with company.begin() as tx:
        method_id = add_payment_method(
            tx, NewMethod(customer_id=customer_id, kind=kind, token=f"{kind}_{customer_id}")
        )
        subscription_id = start_subscription(
            tx,
            StartSubscription(
                customer_id=customer_id, price_id=price_id, payment_method_id=method_id
            ),
        )
    invoice_id = company.invoice(customer_id).id
    assert company.collect(invoice_id).state == "pending"
    return subscription_id, invoice_id, attempt_of(company, invoice_id)


def consent(company: Company, method_id: UUID) -> None:
    """Stand in for a payer who has accepted a standing consent."""
    with company.begin() as tx:
        method = tx.session.get_one(PaymentMethod, method_id)
        tx.session.add(
            Mandate(
                id=tx.new_id(),
                one_time_key=str(method_id),
                customer_id=method.customer_id,
                payment_method_id=method_id,
                gateway=method.gateway,
                gateway_ref=method.token,
                payer="p",
                currency="BRL",
                period="month",
                starts_on=tx.at.date(),
                state="accepted",
                ask_at=tx.at,
                requested_at=tx.at,
                changed_at=tx.at,
            )
        )


def one_off(company: Company, customer_id: UUID, method_id: UUID) -> UUID:
    """Issue an invoice that belongs to no subscription."""
    day = company.at.date()
    line = DraftLine(
        kind="adjustment",
        reason="one_off",
        label="Instalação",
        net=brl(5000),
        tax=brl(0),
        unit=brl(5000),
        quantity=1,
        arithmetic={},
        start=day,
        end=day,
    )
    with company.begin() as tx:
        [issued] = issue(
            tx,
            [
                Draft(
                    customer_id=customer_id,
                    subscription_id=None,
                    payment_method_id=method_id,
                    currency="BRL",
                    reason="reissue",
                    due_on=day,
                    start=None,
                    end=None,
                    lines=(line,),
                )
            ],
        )
    return issued.invoice_id


def attempt_of(company: Company, invoice_id: UUID) -> PaymentAttempt:
    """Return the newest attempt."""
    with company.begin() as tx:
        return tx.session.scalars(
            select(PaymentAttempt)
            .where(PaymentAttempt.invoice_id == invoice_id)
            .order_by(PaymentAttempt.created_at.desc(), PaymentAttempt.id.desc())
        ).all()[0]


def state_of(company: Company, invoice_id: UUID) -> str:
    with company.begin() as tx:
        return tx.session.get_one(Invoice, invoice_id).state


def reconcile(company: Company) -> list[str]:
    """Ask about everything whose turn it is, a minute later."""
    with company.begin() as tx:
        ids = attempts_to_reconcile(tx.session, company.at - timedelta(minutes=1))
    done = [reconcile_attempt(company.begin, company.gateways, id) for id in ids]
    return [one.state for one in done if one is not None]


@pytest.mark.parametrize(
    ("kind", "until"), [("pix", date(2026, 11, 17)), ("boleto", date(2026, 11, 19))]
)
def test_what_the_customer_needs_to_pay_is_kept(company: Company, kind: Kind, until: date) -> None:
    _, _, attempt = waiting(company, kind)
    assert (attempt.rail, attempt.due_on) == (kind, until)
    assert attempt.pay_by is not None
    assert attempt.pay_by["rail"] == kind
    assert attempt.pay_by["code"]
    assert bool(attempt.pay_by["barcode"]) is (kind == "boleto")
    day_after = datetime.combine(until + timedelta(days=1), datetime.min.time(), UTC)
    assert datetime.fromisoformat(attempt.pay_by["expires_at"]) == day_after


def test_a_boleto_that_is_paid_pays_the_invoice(company: Company) -> None:
    _, invoice_id, attempt = waiting(company)
    company.gateway.receive_payment(attempt.key)
    company.forward(hours=2)
    assert reconcile(company) == ["paid"]
    assert state_of(company, invoice_id) == "paid"
    assert company.told(LatePaymentArrived) == []


def test_the_longer_a_charge_waits_the_rarer_it_is_asked_about(company: Company) -> None:
    """So that the many that wait for days leave room for those that wait for seconds."""
    _, _, attempt = waiting(company)
    asked = 0
    for _ in range(24 * 60):
        company.forward(minutes=1)
        asked += len(reconcile(company))
    assert 24 <= asked <= 60
    assert attempt_of(company, attempt.invoice_id).state == "pending"


def test_only_the_gateways_word_ends_a_charge_whose_time_is_over(company: Company) -> None:
    subscription_id, invoice_id, _ = waiting(company)
    company.forward(days=5)
    company.gateway.behave("drop_before", on="find", times=None)
    assert reconcile(company) == ["unknown"]
    assert attempt_of(company, invoice_id).state == "unknown", "age alone decides nothing"
    company.gateway.behave_well()
    company.forward(days=1)
    assert reconcile(company) == ["failed"]
    attempt = attempt_of(company, invoice_id)
    assert (attempt.state, attempt.failure_code) == ("failed", "expired")
    [told] = company.told(PaymentFailed)
    assert isinstance(told, PaymentFailed)
    assert told.code == "expired"
    with company.begin() as tx:
        assert tx.session.get_one(Subscription, subscription_id).state == "past_due"


def test_a_boleto_paid_in_its_last_minute_is_paid(company: Company) -> None:
    _, invoice_id, attempt = waiting(company)
    company.forward(days=5)
    company.gateway.receive_payment(attempt.key)
    assert reconcile(company) == ["paid"]
    assert state_of(company, invoice_id) == "paid"


def test_a_void_invoice_withdraws_what_waits_for_it(company: Company) -> None:
    subscription_id, invoice_id, attempt = waiting(company)
    with company.begin() as tx:
        void(tx, tx.session.get_one(Invoice, invoice_id))
        assert withdraw_attempts(tx, [invoice_id]) == 0, "it is marked already"
    assert attempt_of(company, invoice_id).withdraw_asked_at == company.at
    company.forward(minutes=2)
    assert reconcile(company) == ["failed"]
    assert attempt_of(company, invoice_id).failure_code == "withdrawn"
    found = company.gateway.find_charge(attempt.key)
    assert found is not None
    assert (found.state, found.code) == ("failed", "withdrawn")
    assert company.told(PaymentFailed) == [], "nobody failed to pay"
    with company.begin() as tx:
        assert tx.session.get_one(Subscription, subscription_id).state == "active"


def test_money_for_a_void_invoice_belongs_to_no_invoice_and_is_told(company: Company) -> None:
    """A boleto can be paid days after it was withdrawn: the money is matched, never lost."""
    _, invoice_id, attempt = waiting(company)
    with company.begin() as tx:
        void(tx, tx.session.get_one(Invoice, invoice_id))
    company.forward(minutes=2)
    assert reconcile(company) == ["failed"]
    late = Receipt(attempt.key, "ch_late", "succeeded", brl(12990))
    for _ in range(2):
        done = settle_charge(company.begin, late)
        assert done is not None
        assert done.state == "paid"
    [told] = company.told(LatePaymentArrived)
    assert isinstance(told, LatePaymentArrived)
    assert (told.invoice_id, told.rail, told.amount) == (invoice_id, "boleto", brl(12990))
    assert state_of(company, invoice_id) == "void"
    with company.begin() as tx:
        payment = tx.session.get_one(Payment, told.payment_id)
        assert payment.invoice_id is None
        assert trial_balance(tx.session)["unapplied_payments", "BRL"] == brl(-12990)


def test_money_of_another_amount_pays_nothing_by_itself(company: Company) -> None:
    _, invoice_id, attempt = waiting(company)
    settle_charge(company.begin, Receipt(attempt.key, "ch_odd", "succeeded", brl(12000)))
    assert state_of(company, invoice_id) == "open"
    [told] = company.told(LatePaymentArrived)
    assert isinstance(told, LatePaymentArrived)
    assert told.amount == brl(12000)


def test_another_way_to_pay_is_used_once_the_first_is_withdrawn(company: Company) -> None:
    subscription_id, invoice_id, first = waiting(company)
    with company.begin() as tx:
        card = add_payment_method(
            tx, NewMethod(customer_id=first.customer_id, kind="card", token="tok_new")
        )
        use_payment_method(tx, subscription_id, card)
        assert invoices_to_collect(tx.session, company.at) == [], "the boleto still waits"
    done = withdraw_invoice(company.begin, company.gateways, invoice_id)
    assert done is not None
    assert (done.state, done.code) == ("failed", "withdrawn")
    assert company.collect(invoice_id).state == "paid"
    with company.begin() as tx:
        [payment] = tx.session.scalars(select(Payment)).all()
    assert payment.payment_method_id == card
    assert withdraw_invoice(company.begin, company.gateways, invoice_id) is None


def test_a_withdrawal_that_comes_too_late_finds_the_invoice_paid(company: Company) -> None:
    _, invoice_id, attempt = waiting(company)
    company.gateway.receive_payment(attempt.key)
    done = withdraw_invoice(company.begin, company.gateways, invoice_id)
    assert done is not None
    assert done.state == "paid"
    assert state_of(company, invoice_id) == "paid"


def test_a_charge_that_never_arrived_needs_no_withdrawing(company: Company) -> None:
    customer_id, _ = company.start()
    invoice_id = company.invoice(customer_id).id
    company.gateway.behave("drop_before", on="charge")
    assert company.collect(invoice_id).state == "unknown"
    done = withdraw_invoice(company.begin, company.gateways, invoice_id)
    assert done is not None
    assert (done.state, done.code) == ("failed", "withdrawn")
    assert company.gateway.charges() == []


def test_an_old_charge_that_succeeds_after_all_withdraws_the_one_that_waits(
    company: Company,
) -> None:
    customer_id, _ = company.start()
    invoice_id = company.invoice(customer_id).id
    company.gateway.behave("decline", on="charge")
    assert company.collect(invoice_id).state == "failed"
    declined = attempt_of(company, invoice_id)
    company.forward(minutes=1)
    company.gateway.behave("late", on="charge")
    assert company.collect(invoice_id).state == "pending"
    settle_charge(company.begin, Receipt(declined.key, "ch_1", "succeeded", brl(12990)))
    assert state_of(company, invoice_id) == "paid"
    company.forward(minutes=2)
    assert reconcile(company) == ["failed"]
    assert attempt_of(company, invoice_id).failure_code == "withdrawn"
    assert len(company.told(PaymentCaptured)) == 1


def test_a_gateway_that_is_gone_gives_no_answer(company: Company) -> None:
    customer_id, _ = company.start()
    invoice_id = company.invoice(customer_id).id
    done = collect_invoice(company.begin, {}, invoice_id)
    assert (done.state, done.code) == ("unknown", "no_such_gateway")
    assert company.collect(invoice_id).state == "paid"


def test_a_key_that_holds_another_charge_is_left_to_a_person(company: Company) -> None:
    customer_id, _ = company.start()
    invoice_id = company.invoice(customer_id).id

    def refuse(**_: object) -> Receipt:
        raise KeyReused("k")

    company.gateway.charge = refuse  # type: ignore[method-assign]
    done = company.collect(invoice_id)
    assert (done.state, done.code) == ("unknown", "key_reused")


def test_each_invoice_goes_to_the_gateway_of_its_method(company: Company) -> None:
    asked: list[tuple[str, Money]] = []

    class Other:
        def charge(self, *, key: str, amount: Money, **_: object) -> Receipt:
            asked.append((key, amount))
            return Receipt(key, f"ref_{key}", "succeeded", amount)

    company.gateways["other"] = Other()  # type: ignore[assignment]
    company.paying()
    customer_id = company.new_id()
    with company.begin() as tx:
        method_id = add_payment_method(
            tx,
            NewMethod(customer_id=customer_id, kind="card", gateway="other", token="tok_other"),
        )
    price_id = company.price("Outro")
    with company.begin() as tx:
        start_subscription(
            tx,
            StartSubscription(
                customer_id=customer_id, price_id=price_id, payment_method_id=method_id
            ),
        )
    company.forward(days=31)
    run = run_billing(company.begin, company.gateways, batch=10)
    assert (run.invoices, run.paid) == (2, 3)
    assert [amount for _, amount in asked] == [brl(12990)] * 2
    with company.begin() as tx:
        names = tx.session.scalars(select(Payment.gateway).order_by(Payment.gateway)).all()
    assert names == ["other", "other", "sandbox", "sandbox"]


def test_nothing_is_charged_by_itself_while_the_collection_is_paused(company: Company) -> None:
    customer_id, subscription_id = company.start()
    with company.begin() as tx:
        tx.session.get_one(Subscription, subscription_id).collection_paused = True
    company.forward(days=31)
    run = run_billing(company.begin, company.gateways)
    assert (run.invoices, run.paid) == (1, 0)
    invoice_id = company.invoice(customer_id).id
    assert collect_batch(company.begin, company.gateways, [invoice_id]) == []
    assert company.collect(invoice_id).state == "paid", "by hand it may be"


def test_an_invoice_without_a_subscription_counts_its_days_in_utc(company: Company) -> None:
    _, _, attempt = waiting(company, "pix")
    company.at = datetime(2026, 11, 18, 1, 0, tzinfo=UTC)  # the 17th in São Paulo
    invoice_id = one_off(company, attempt.customer_id, attempt.payment_method_id)
    assert company.collect(invoice_id).state == "pending"
    assert attempt_of(company, invoice_id).due_on == date(2026, 11, 19)


def test_an_invoice_without_a_subscription_is_paid_like_any_other(company: Company) -> None:
    customer_id, _, payment_id = company.paying()
    method_id = company.payment(payment_id).payment_method_id
    assert method_id is not None
    invoice_id = one_off(company, customer_id, method_id)
    assert company.collect(invoice_id).state == "paid"
    assert state_of(company, invoice_id) == "paid"
