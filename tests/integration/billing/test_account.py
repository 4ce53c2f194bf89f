"""Credits, duplicates and the account as the console shows it."""

from datetime import UTC, date, datetime

import pytest
from sqlalchemy.exc import DBAPIError, IntegrityError

from billing_core.credits import (
    CreditAsk,
    Movement,
    ask_from,
    credit_balance,
    give_credit,
    move,
    payload_of,
    preview_credit,
)
from billing_core.domain import ledger as books
from billing_core.domain.ledger import Account, entry
from billing_core.domain.money import Money
from billing_core.duplicates import announce_duplicates, find_duplicate_charges
from billing_core.errors import AmountNotPositive, CurrencyMismatch, StaleInputs
from billing_core.events import CreditGiven, DuplicateChargeFound
from billing_core.ledger import post, verify_ledger
from billing_core.payments import record_capture
from billing_core.refunds import RefundAsk, promise_refund
from billing_core.store.ledger import CreditBalance
from billing_core.store.payment import Payment, Refund
from billing_core.subscriptions import StartSubscription, start_subscription

from .conftest import Company, brl
from .test_refund_race import at_once


def test_a_courtesy_credit_pays_the_next_invoice_first(company: Company) -> None:
    customer_id, subscription_id, _ = company.paying()
    ask = CreditAsk(customer_id=customer_id, amount=brl(2000), reason="our mistake")
    with company.begin() as tx:
        preview = preview_credit(tx.session, ask, tx.at)
    rows = {row.item: (row.before, row.after) for row in preview.rows}
    assert rows == {
        "credit.balance": (brl(0), brl(2000)),
        "next_charge": (brl(12990), brl(10990)),
    }
    with company.begin() as tx:
        give_credit(tx, ask, expected=preview.inputs_hash)
    [event] = company.told(CreditGiven)
    assert isinstance(event, CreditGiven)
    assert event.balance == brl(2000)
    view = company.account(customer_id)
    assert view.credit == brl(2000)
    assert view.next_charge is not None
    assert (view.next_charge.amount, view.next_charge.credit) == (brl(10990), brl(2000))
    company.forward(days=31)
    company.collect(company.renew(subscription_id))
    newest = company.account(customer_id).invoices[0]
    assert (newest.due, newest.paid, newest.payment_state) == (brl(10990), brl(10990), "paid")


def test_an_invoice_paid_by_credit_alone_charges_nobody(small_company: Company) -> None:
    company = small_company
    customer_id, subscription_id, _ = company.paying()
    with company.begin() as tx:
        give_credit(tx, CreditAsk(customer_id=customer_id, amount=brl(20000), reason="sorry"))
    company.forward(days=31)
    invoice_id = company.renew(subscription_id)
    assert company.collect(invoice_id).state == "nothing_due"
    view = company.account(customer_id)
    assert (view.invoices[0].payment_state, view.credit) == ("paid", brl(7010))
    assert view.next_charge is not None
    assert view.next_charge.amount == brl(5980)


def test_one_act_gives_credit_once_even_at_the_same_moment(company: Company) -> None:
    customer_id, _, _ = company.paying()
    ask = CreditAsk(
        customer_id=customer_id, amount=brl(500), reason="sorry", money_act_id=company.new_id()
    )

    def give() -> object:
        with company.begin() as tx:
            return give_credit(tx, ask)

    at_once(give, give)  # the second may be told so by the unique row
    assert give() == give()
    with company.begin() as tx:
        assert credit_balance(tx.session, customer_id, "BRL") == brl(500)


def test_credits_at_once_add_up(company: Company) -> None:
    customer_id, _, _ = company.paying()

    def give() -> object:
        with company.begin() as tx:
            return give_credit(
                tx, CreditAsk(customer_id=customer_id, amount=brl(100), reason="sorry")
            )

    at_once(*[give] * 5)
    with company.begin() as tx:
        assert credit_balance(tx.session, customer_id, "BRL") == brl(500)


def test_a_balance_never_goes_below_zero(company: Company) -> None:
    customer_id, _, _ = company.paying()
    with company.begin() as tx:
        give_credit(tx, CreditAsk(customer_id=customer_id, amount=brl(100), reason="sorry"))
    draw = Movement(
        customer_id=customer_id,
        amount=brl(-101),
        reason="applied",
        source_kind="invoice",
        source_id=company.new_id(),
    )
    with company.begin() as tx, pytest.raises(IntegrityError), tx.session.begin_nested():
        move(tx, draw)


@pytest.mark.parametrize(
    ("amount", "refusal"),
    [
        (brl(0), AmountNotPositive),
        (brl(-1), AmountNotPositive),
        (Money(1, "USD"), CurrencyMismatch),
    ],
)
def test_impossible_credits_are_refused(
    small_company: Company, amount: Money, refusal: type[Exception]
) -> None:
    customer_id, _, _ = small_company.paying()
    ask = CreditAsk(customer_id=customer_id, amount=amount, reason="x")
    with small_company.begin() as tx, pytest.raises(refusal):
        give_credit(tx, ask)


def test_a_credit_previewed_on_another_balance_is_refused(small_company: Company) -> None:
    customer_id, _, _ = small_company.paying()
    ask = CreditAsk(customer_id=customer_id, amount=brl(100), reason="x")
    with small_company.begin() as tx:
        preview = preview_credit(tx.session, ask, tx.at)
        give_credit(tx, ask)
    with small_company.begin() as tx, pytest.raises(StaleInputs):
        give_credit(tx, ask, expected=preview.inputs_hash)


def test_a_customer_without_a_subscription_may_have_credit(small_company: Company) -> None:
    ask = CreditAsk(customer_id=small_company.new_id(), amount=brl(100), reason="x")
    with small_company.begin() as tx:
        preview = preview_credit(tx.session, ask, tx.at)
        give_credit(tx, ask)
    assert [row.item for row in preview.rows] == ["credit.balance"]


def test_a_credit_ask_survives_its_payload(small_company: Company) -> None:
    for act in (None, small_company.new_id()):
        ask = CreditAsk(
            customer_id=small_company.new_id(), amount=brl(3), reason="x", money_act_id=act
        )
        assert ask_from(payload_of(ask)) == ask


@pytest.mark.parametrize("table", ["ledger_entry", "ledger_line", "credit_entry"])
@pytest.mark.parametrize("verb", ["update", "delete"])
def test_the_books_cannot_be_rewritten(company: Company, table: str, verb: str) -> None:
    customer_id, _, _ = company.paying()
    with company.begin() as tx:
        give_credit(tx, CreditAsk(customer_id=customer_id, amount=brl(1), reason="x"))
    column = {"ledger_line": "account"}.get(table, "reason")
    statement = {
        "update": f"UPDATE {table} SET {column} = 'x'",
        "delete": f"DELETE FROM {table}",
    }[verb]
    with pytest.raises(DBAPIError, match="append-only"), company.engine.begin() as connection:
        connection.exec_driver_sql(statement)


def test_nothing_is_booked_twice(company: Company) -> None:
    customer_id, _, payment_id = company.paying()
    again = books.payment_captured(payment_id, customer_id, brl(1), for_invoice=True)
    with company.begin() as tx, pytest.raises(IntegrityError), tx.session.begin_nested():
        post(tx, again)


def test_every_kind_of_fault_in_the_books_is_named(sqlite_url: str) -> None:
    company = Company(sqlite_url).open()
    try:
        customer_id, _, payment_id = company.paying()
        with company.begin() as tx:
            give_credit(tx, CreditAsk(customer_id=customer_id, amount=brl(100), reason="x"))
            ask = RefundAsk(payment_id=payment_id, amount=brl(100), reason="x")
            refund_id = promise_refund(tx, ask, held=False)
        assert company.faults() == []
        with company.begin() as tx:
            tx.session.get_one(CreditBalance, (customer_id, "BRL")).balance_minor = 99
            refund = tx.session.get_one(Refund, refund_id)
            refund.state = "sending"
            tx.session.flush()
            refund.state = "succeeded"
            payment = tx.session.get_one(Payment, payment_id)
            payment.refunded_minor = 50
            one_sided = entry(
                "test",
                ("test", company.new_id()),
                customer_id,
                debit=[(Account.REVENUE, brl(1))],
                credit=[(Account.REVENUE, brl(1))],
            )
            object.__setattr__(one_sided, "legs", one_sided.legs[:1])
            post(tx, one_sided)
        with company.begin() as tx:
            faults = verify_ledger(tx.session)
        for word in (
            "is off by 1",
            "cash_at_gateway: the books say 12990 BRL, the rows 12940",
            "customer_credit: the books say -100 BRL, the rows -99",
            f"customer {customer_id}: the balance says 99, its entries 100",
            f"payment {payment_id}: its refunds do not add up",
            f"refund {refund_id}: settled, but not in the books",
        ):
            assert any(word in fault for fault in faults), (word, faults)
        assert len(faults) == 6
    finally:
        company.close()


def capture(company: Company, payment_id: object, minor: int = 12990, ref: str = "ch_x") -> None:
    paid = company.payment(payment_id)  # type: ignore[arg-type]
    with company.begin() as tx:
        record_capture(
            tx,
            customer_id=paid.customer_id,
            amount=Money(minor, paid.currency),
            gateway=paid.gateway,
            gateway_ref=ref,
            payment_method_id=paid.payment_method_id,
        )


@pytest.mark.parametrize(
    ("hours", "minor", "found"),
    [
        pytest.param(0.1, 12990, True, id="minutes-later"),
        pytest.param(24, 12990, True, id="a-day-later"),
        pytest.param(24.1, 12990, False, id="later-than-a-day"),
        pytest.param(0.1, 12991, False, id="another-amount"),
    ],
)
def test_a_second_capture_within_a_day_is_a_duplicate(
    company: Company, hours: float, minor: int, found: bool
) -> None:
    customer_id, _, payment_id = company.paying()
    company.forward(hours=hours)
    capture(company, payment_id, minor)
    assert bool(company.told(DuplicateChargeFound)) is found
    pairs = company.account(customer_id).duplicates
    assert len(pairs) == int(found)
    for pair in pairs:
        assert pair.twin_payment_id == payment_id
        assert pair.number == company.invoice(customer_id).name
        assert pair.refundable == brl(12990)


def test_a_duplicate_that_is_being_refunded_is_not_offered_again(company: Company) -> None:
    customer_id, _, payment_id = company.paying()
    capture(company, payment_id)
    with company.begin() as tx:
        [pair] = find_duplicate_charges(tx.session, customer_id)
        ask = RefundAsk(payment_id=pair.payment_id, amount=brl(12990), reason="duplicate")
        promise_refund(tx, ask, held=False)
    with company.begin() as tx:
        assert find_duplicate_charges(tx.session, customer_id) == []
        assert announce_duplicates(tx, customer_id) == []


def test_the_same_invoice_paid_twice_is_a_duplicate(small_company: Company) -> None:
    company = small_company
    customer_id, _, payment_id = company.paying()
    capture(company, payment_id)
    with company.begin() as tx:
        second = tx.session.query(Payment).filter_by(gateway_ref="ch_x").one()
        second.invoice_id = tx.session.get_one(Payment, payment_id).invoice_id
        [pair] = announce_duplicates(tx, customer_id)
    assert (pair.payment_id, pair.twin_payment_id) in (
        (second.id, payment_id),
        (payment_id, second.id),
    )


def test_two_stray_captures_are_a_pair_too(small_company: Company) -> None:
    customer_id = small_company.new_id()
    for ref in ("ch_1", "ch_2"):
        with small_company.begin() as tx:
            record_capture(
                tx, customer_id=customer_id, amount=brl(5), gateway="sandbox", gateway_ref=ref
            )
        small_company.forward(minutes=1)
    view = small_company.account(customer_id)
    assert [pair.number for pair in view.duplicates] == [""]
    assert (view.subscription, view.next_charge, view.currency) == (None, None, "BRL")
    assert view.payments_without_invoice[0].gateway_ref == "ch_2"
    assert view.payments_without_invoice[0].method is None


def test_the_account_of_marianas_mockup(company: Company) -> None:
    """Família on the 16th, charged twice: day 2 of 30, next charge 16 December."""
    company.at = datetime(2026, 10, 16, 12, 0, tzinfo=UTC)
    customer_id, subscription_id, _ = company.paying(company.price("Família", 12990))
    company.at = datetime(2026, 11, 16, 12, 0, tzinfo=UTC)
    paid = company.collect(company.renew(subscription_id))
    company.forward(minutes=14)
    capture(company, paid.payment_id)
    company.at = datetime(2026, 11, 17, 17, 28, tzinfo=UTC)
    view = company.account(customer_id)
    sub = view.subscription
    assert sub is not None
    assert (sub.plan_name, sub.price, sub.state) == ("Família", brl(12990), "active")
    assert (sub.day, sub.days, sub.anchor_day) == (2, 30, 16)
    assert sub.method is not None
    assert (sub.method.kind, sub.method.brand, sub.method.last4) == ("card", "visa", "4417")
    assert sub.started_on == date(2026, 10, 16)
    coming = view.next_charge
    assert coming is not None
    assert (coming.amount, coming.on, coming.why, coming.days_left) == (
        brl(12990),
        date(2026, 12, 16),
        "renewal",
        29,
    )
    assert (coming.period_start, coming.period_end) == (date(2026, 12, 16), date(2027, 1, 16))
    assert [one.number for one in view.invoices] == ["FAT-2026-00002", "FAT-2026-00001"]
    assert view.paid_total == brl(3 * 12990)
    assert [one.payment_id for one in view.duplicates] == [
        one.payment_id for one in view.payments_without_invoice
    ]
    assert view.open_refunds == ()
    assert view.methods == (sub.method,)


def test_an_open_refund_is_shown_until_it_is_settled(small_company: Company) -> None:
    customer_id, _, payment_id = small_company.paying()
    with small_company.begin() as tx:
        ask = RefundAsk(payment_id=payment_id, amount=brl(100), reason="other")
        refund_id = promise_refund(tx, ask, held=True)
    [shown] = small_company.account(customer_id).open_refunds
    assert (shown.refund_id, shown.state, shown.amount) == (
        refund_id,
        "awaiting_approval",
        brl(100),
    )


def test_an_empty_account_is_empty(small_company: Company) -> None:
    view = small_company.account(small_company.new_id())
    assert (view.subscriptions, view.invoices, view.paid_total) == ((), (), brl(0))


def test_a_subscription_billed_elsewhere_gets_no_invoice_of_ours(small_company: Company) -> None:
    customer_id = small_company.new_id()
    price_id = small_company.price()
    with small_company.begin() as tx:
        start_subscription(
            tx,
            StartSubscription(
                customer_id=customer_id,
                price_id=price_id,
                payment_method_id=None,
                system="stripe",
            ),
        )
    view = small_company.account(customer_id)
    assert view.invoices == ()
    assert view.subscription is not None
    assert view.subscription.system == "stripe"
