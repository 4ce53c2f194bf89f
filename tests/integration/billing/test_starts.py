from datetime import date, timedelta
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError

from billing_core.catalog import PriceTerms, withdraw_price
from billing_core.coupons import NewCoupon, add_coupon
from billing_core.credits import CreditAsk, give_credit
from billing_core.errors import (
    CurrencyMismatch,
    NoSuchCode,
    PriceNotOnSale,
    RhythmMismatch,
    StaleInputs,
)
from billing_core.errors import NotAllowed as Refused
from billing_core.events import (
    SubscriptionActivated,
    SubscriptionCanceled,
    SubscriptionExpired,
    SubscriptionStarted,
)
from billing_core.invoicing import run_billing
from billing_core.starts import StartSubscription, preview_start, start_subscription
from billing_core.store.catalog import CouponRedemption
from billing_core.subscriptions import live_duplicates
from billing_core.turns import due_turns, run_turns, take_turn

from .conftest import Company, brl
from .life import begun, canceled, changed, invoices_of, lines_of, noon, period, resumed, row_of
from .test_items import sell


def run(company: Company) -> None:
    assert run_billing(company.begin, company.gateways).faults == []


def totals(company: Company, id: UUID) -> list[tuple[str, str, int]]:
    return [(one.reason, one.state, one.total_minor) for one in invoices_of(company, id)]


@pytest.mark.parametrize(
    ("start", "day", "days", "of_days", "amount"),
    [
        pytest.param(date(2012, 5, 23), 15, 23, 31, 1480, id="23-may-to-15-june"),
        pytest.param(date(2024, 2, 23), 15, 21, 29, 1445, id="leap-february"),
    ],
)
def test_a_start_before_its_bill_day_is_billed_for_a_part(
    company: Company, start: date, day: int, days: int, of_days: int, amount: int
) -> None:
    """Kill Bill: 19.95 x 23/31 and x 21/29."""
    company.at = noon(start.year, start.month, start.day)
    id = begun(company, company.price("Mensal", 1995), bill_day=day)
    [invoice] = invoices_of(company, id)
    [(net, arithmetic)] = lines_of(company, invoice.id)
    assert (net, arithmetic["days"], arithmetic["of_days"]) == (amount, days, of_days)
    assert company.collect(invoice.id).state == "paid"
    company.at += timedelta(days=days)
    run(company)
    newest = invoices_of(company, id)[-1]
    assert (newest.total_minor, newest.state) == (1995, "paid")
    assert (newest.period_start, row_of(company, id).anchor_day) == (start + timedelta(days), day)


def test_a_start_on_its_bill_day_has_no_stub(small_company: Company) -> None:
    small_company.at = noon(2012, 4, 30)
    id = begun(small_company, small_company.price(), bill_day=31)
    assert period(small_company, id) == (date(2012, 4, 30), date(2012, 5, 31))
    assert totals(small_company, id) == [("start", "open", 12990)]


def test_a_change_inside_a_leading_stub_is_measured_by_the_whole_month(company: Company) -> None:
    company.at = noon(2012, 5, 23)
    id = begun(company, company.price("Mensal", 3100), bill_day=15)
    assert company.collect(invoices_of(company, id)[0].id).state == "paid"
    company.at = noon(2012, 6, 5)
    done = changed(company, id, company.price("Maior", 6200))
    assert [net for net, _ in lines_of(company, done.invoice_id)] == [-1000, 2000]


def test_a_plan_starts_with_its_add_ons_on_one_invoice(company: Company) -> None:
    extra = sell(company, "Telas", 990)
    id = begun(company, company.price("Família", 12990), add_ons=((extra, 3),))
    [invoice] = invoices_of(company, id)
    assert [net for net, _ in lines_of(company, invoice.id)] == [12990, 2970]
    assert company.told(SubscriptionStarted)


def test_a_coupon_counts_from_the_first_invoice(company: Company) -> None:
    with company.begin() as tx:
        add_coupon(tx, NewCoupon(code="TRES", name="Três meses", off=brl(1000), periods=3))
    id = begun(company, company.price("Família", 12990), coupon="TRES")
    assert totals(company, id) == [("start", "open", 11990)]
    with company.begin() as tx:
        assert tx.session.query(CouponRedemption).one().periods_left == 2


def test_a_plan_of_use_alone_has_no_first_invoice(small_company: Company) -> None:
    company = small_company
    terms = PriceTerms(model="usage", meter="minutes")
    id = begun(company, company.price("Minutos", 5, terms=terms))
    assert (row_of(company, id).state, invoices_of(company, id)) == ("active", [])


def test_a_coupon_without_end_stays(small_company: Company) -> None:
    company = small_company
    with company.begin() as tx:
        add_coupon(tx, NewCoupon(code="SEMPRE", name="Sempre", off="10", periods=None))
    id = begun(company, company.price("Família", 10000), coupon="SEMPRE")
    company.forward(days=31)
    run(company)
    assert [one.total_minor for one in invoices_of(company, id)] == [9000, 9000]


def test_a_trial_costs_nothing_and_is_billed_when_it_ends(company: Company) -> None:
    company.at = noon(2026, 1, 10)
    id = begun(company, company.price("Família", 12990, terms=PriceTerms(trial_days=14)))
    assert (row_of(company, id).state, invoices_of(company, id)) == ("trialing", [])
    company.at = noon(2026, 1, 23)
    run(company)
    assert row_of(company, id).state == "trialing"
    company.at = noon(2026, 1, 24)
    run(company)
    row = row_of(company, id)
    assert (row.state, row.anchor_day) == ("active", 24)
    assert period(company, id) == (date(2026, 1, 24), date(2026, 2, 24))
    assert totals(company, id) == [("start", "paid", 12990)]
    assert len(company.told(SubscriptionActivated)) == 1


def test_a_trial_can_be_followed_by_a_stub(small_company: Company) -> None:
    company = small_company
    company.at = noon(2026, 1, 10)
    id = begun(company, company.price("Família", 3100), trial_days=7, bill_day=1)
    company.at = noon(2026, 1, 17)
    run(company)
    assert totals(company, id) == [("start", "paid", 1500)]  # 15 of 31 days
    assert period(company, id) == (date(2026, 1, 17), date(2026, 2, 1))


@pytest.mark.parametrize(("then", "state"), [("pause", "paused"), ("cancel", "canceled")])
def test_a_trial_without_a_payment_method_is_not_billed(
    company: Company, then: str, state: str
) -> None:
    company.at = noon(2026, 1, 10)
    id = begun(company, company.price(), pays=False, trial_days=7, trial_without_method=then)
    company.at = noon(2026, 1, 20)
    run(company)
    assert (row_of(company, id).state, invoices_of(company, id)) == (state, [])
    if state == "canceled":
        [event] = company.told(SubscriptionCanceled)
        assert isinstance(event, SubscriptionCanceled)
        assert (event.why, event.on) == ("no_method", date(2026, 1, 17))
    else:
        assert resumed(company, id).due_minor == 12990
        assert row_of(company, id).anchor_day == 20


def test_a_plan_changes_for_nothing_in_a_trial(company: Company) -> None:
    company.at = noon(2026, 1, 10)
    id = begun(company, company.price(), trial_days=7)
    assert changed(company, id, company.price("Maior", 19990)).state == "applied"
    company.at = noon(2026, 1, 17)
    run(company)
    assert [one.total_minor for one in invoices_of(company, id)] == [19990]


def test_a_trial_can_be_cancelled(small_company: Company) -> None:
    company = small_company
    company.at = noon(2026, 1, 10)
    price_id = company.price()
    ids = [begun(company, price_id, trial_days=7) for _ in range(2)]
    assert canceled(company, ids[0], when="now", settle="refund").refunded == brl(0)
    canceled(company, ids[1])
    company.at = noon(2026, 1, 17)
    run(company)
    assert [row_of(company, id).state for id in ids] == ["canceled", "canceled"]
    assert [invoices_of(company, id) for id in ids] == [[], []]


def test_what_must_be_paid_first_is_incomplete_until_it_is(company: Company) -> None:
    id = begun(company, company.price(), pay_first=True)
    assert row_of(company, id).state == "incomplete"
    assert company.collect(invoices_of(company, id)[0].id).state == "paid"
    row = row_of(company, id)
    assert (row.state, row.wakes_at, row.pay_first_by) == ("active", None, None)
    company.forward(days=31)
    run(company)
    assert [one.state for one in invoices_of(company, id)] == ["paid", "paid"]


def test_what_is_not_paid_in_23_hours_expires_and_its_invoice_is_void(company: Company) -> None:
    id = begun(company, company.price(), pay_first=True)
    company.gateway.behave("decline", on="charge")
    assert company.collect(invoices_of(company, id)[0].id).state == "failed"
    assert row_of(company, id).state == "incomplete"
    company.forward(hours=22, minutes=59)
    run(company)
    assert row_of(company, id).state == "incomplete"
    company.forward(minutes=1)
    run(company)
    row = row_of(company, id)
    assert (row.state, row.wakes_at, row.next_bill_at) == ("incomplete_expired", None, None)
    assert totals(company, id) == [("start", "void", 12990)]
    assert len(company.told(SubscriptionExpired)) == 1
    company.forward(days=60)
    run(company)
    assert len(invoices_of(company, id)) == 1


def test_a_payment_without_an_answer_holds_the_expiry(company: Company) -> None:
    id = begun(company, company.price(), pay_first=True)
    company.gateway.behave("drop_after", on="charge")
    assert company.collect(invoices_of(company, id)[0].id).state == "unknown"
    company.forward(hours=23)
    assert run_turns(company.begin) == []
    assert row_of(company, id).state == "incomplete"
    assert company.collect(invoices_of(company, id)[0].id).state == "paid"
    assert row_of(company, id).state == "active"


def test_a_start_that_credit_pays_is_active_at_once(small_company: Company) -> None:
    company = small_company
    customer_id = company.new_id()
    with company.begin() as tx:
        give_credit(tx, CreditAsk(customer_id=customer_id, amount=brl(20000), reason="courtesy"))
    start = StartSubscription(
        customer_id=customer_id, price_id=company.price(), payment_method_id=None, pay_first=True
    )
    with company.begin() as tx:
        shown = preview_start(tx.session, start, tx.at)
        id = start_subscription(tx, start)
    assert (shown.amount, shown.charge_now) == (brl(12990), brl(0))
    assert row_of(company, id).state == "active"


def test_what_cannot_be_started_is_refused_with_its_reason(small_company: Company) -> None:
    company = small_company
    price_id = company.price()

    def refused(error: type[Refused], **more: object) -> None:
        ask = {"customer_id": company.new_id(), "price_id": price_id, "payment_method_id": None}
        with company.begin() as tx, pytest.raises(error):
            start_subscription(tx, StartSubscription(**(ask | more)))  # type: ignore[arg-type]

    refused(PriceNotOnSale, price_id=company.new_id())
    refused(NoSuchCode, coupon="NADA")
    refused(CurrencyMismatch, add_ons=((company.price("E", 100, currency="EUR"), 1),))
    refused(RhythmMismatch, add_ons=((company.price("A", 100, interval="year"), 1),))
    with company.begin() as tx:
        withdraw_price(tx, price_id)
    refused(PriceNotOnSale)


def test_a_start_whose_preview_is_stale_is_refused(small_company: Company) -> None:
    company = small_company
    start = StartSubscription(
        customer_id=company.new_id(), price_id=company.price(), payment_method_id=None
    )
    with company.begin() as tx:
        shown = preview_start(tx.session, start, tx.at)
    company.forward(days=1)
    with company.begin() as tx, pytest.raises(StaleInputs):
        start_subscription(tx, start, expected=shown.inputs_hash)


def test_two_live_subscriptions_to_one_product_are_found(company: Company) -> None:
    customer_id, first, _ = company.paying()
    company.forward(days=1)
    other = company.price("Outro", 4990)
    with company.begin() as tx:
        ask = StartSubscription(
            customer_id=customer_id,
            price_id=other,
            payment_method_id=None,
        )
        second = start_subscription(tx, ask)
    with company.begin() as tx:
        assert live_duplicates(tx.session, customer_id) == [(first, second)]
    canceled(company, first, when="now")
    with company.begin() as tx:
        assert live_duplicates(tx.session, customer_id) == []


def test_the_database_refuses_a_step_that_does_not_exist(company: Company) -> None:
    _, id, _ = company.paying()
    canceled(company, id, when="now")
    with pytest.raises(IntegrityError, match="subscription, no s"), company.begin() as tx:
        tx.session.execute(
            text("UPDATE subscription SET state = 'active' WHERE state = 'canceled'")
        )


def test_a_turn_is_taken_once_and_one_at_fault_is_named(
    small_company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    company = small_company
    price_id = company.price()
    bad, good = (begun(company, price_id, pay_first=True) for _ in range(2))
    company.forward(hours=23)
    with company.begin() as tx:
        assert set(due_turns(tx.session, tx.at)) == {bad, good}

    def fail(tx: object, id: UUID) -> None:
        if id == bad:
            raise RuntimeError("spilt coffee")
        take_turn(tx, id)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr("billing_core.turns.take_turn", fail)
        assert run_turns(company.begin) == [(bad, "RuntimeError: spilt coffee")]
    assert row_of(company, good).state == "incomplete_expired"
    assert run_turns(company.begin) == []
    assert row_of(company, bad).state == "incomplete_expired"
    with company.begin() as tx:
        take_turn(tx, bad)


def test_turns_wait_for_a_database_that_is_away(
    small_company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    company = small_company
    id = begun(company, company.price(), pay_first=True)
    company.forward(hours=23)

    def fail(tx: object, id: UUID) -> None:
        raise OperationalError("select", {}, Exception("gone"))

    with monkeypatch.context() as patched:
        patched.setattr("billing_core.turns.take_turn", fail)
        with pytest.raises(OperationalError):
            run_turns(company.begin)
    assert row_of(company, id).state == "incomplete"
