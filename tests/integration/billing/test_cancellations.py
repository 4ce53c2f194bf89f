from datetime import date
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from billing_core.cancellations import (
    CancelAsk,
    ask_from,
    cancel,
    cancel_at_period_end,
    payload_of,
    preview_cancel,
    uncancel,
)
from billing_core.catalog import PriceTerms, set_tax_rate
from billing_core.corrections import ReissueAsk, reissue_invoice
from billing_core.coupons import NewCoupon, add_coupon
from billing_core.errors import (
    ChangePending,
    DateTooEarly,
    LinesWaiting,
    NotFound,
    NothingToChange,
    StaleInputs,
    WrongState,
)
from billing_core.events import SubscriptionCanceled
from billing_core.invoicing import run_billing
from billing_core.payments import reconcile_attempt
from billing_core.plan_changes import bill_waiting_lines
from billing_core.refunds import RefundAsk, give_back, send_refund
from billing_core.starts import StartSubscription, start_subscription
from billing_core.store.forecast import next_charge
from billing_core.store.payment import Payment, PaymentAttempt
from billing_core.store.subscription import Subscription
from billing_core.store.views import NextCharge

from .conftest import Company, brl
from .life import (
    begun,
    canceled,
    changed,
    credit_of,
    invoices_of,
    lines_of,
    noon,
    paused,
    resumed,
    row_of,
)


def taxed(company: Company, **more: Any) -> UUID:
    """31.00 net with 20 % tax, paid for January; today 15 of 31 days are used."""
    with company.begin() as tx:
        set_tax_rate(tx, "ISS", name="Imposto", percent="20")
    company.at = noon(2026, 1, 1)
    price_id = company.price("Mensal", 3100, terms=PriceTerms(tax_code="ISS"))
    id = begun(company, price_id, **more)
    assert company.collect(invoices_of(company, id)[0].id).state == "paid"
    company.at = noon(2026, 1, 16)
    return id


def coming(company: Company, id: UUID) -> NextCharge | None:
    with company.begin() as tx:
        return next_charge(tx.session, tx.session.get(Subscription, id), tx.at, credit=brl(0))


def run(company: Company) -> None:
    assert run_billing(company.begin, company.gateways).faults == []


def payment_of(company: Company) -> Payment:
    with company.begin() as tx:
        return tx.session.query(Payment).one()


def test_a_paid_period_cut_short_is_refunded_for_its_unused_days(company: Company) -> None:
    """Lago: 16.00 net of 31.00 are unused, 19.20 with tax."""
    id = taxed(company)
    done = canceled(company, id, when="now", settle="refund")
    assert (done.state, done.refunded, done.credited) == ("canceled", brl(1920), brl(0))
    [refund_id] = done.refund_ids
    assert send_refund(company.begin, company.gateway, refund_id) == "succeeded"
    assert payment_of(company).refunded_minor == 1920
    row = row_of(company, id)
    assert (row.state, row.ended_on, row.next_bill_at) == ("canceled", date(2026, 1, 16), None)
    [event] = company.told(SubscriptionCanceled)
    assert isinstance(event, SubscriptionCanceled)
    assert event.why == "asked"


def test_what_a_refund_gave_back_before_is_not_given_back_again(company: Company) -> None:
    """Lago: after a note of 2.00 net, 14.00 net and 16.80 with tax are left to give back."""
    id = taxed(company)
    with company.begin() as tx:
        ask = RefundAsk(payment_id=tx.session.query(Payment).one().id, amount=brl(240), reason="x")
        give_back(tx, ask, held=False)
    assert canceled(company, id, when="now", settle="refund").refunded == brl(1680)


def test_a_coupon_is_taken_off_what_is_given_back(company: Company) -> None:
    """5.00 off 31.00: 16/31 of 26.00 is 13.42 net, 16.10 with tax."""
    with company.begin() as tx:
        add_coupon(tx, NewCoupon(code="CINCO", name="Cinco", off=brl(500)))
    id = taxed(company, coupon="CINCO")
    done = canceled(company, id, when="now", settle="refund")
    assert done.refunded == brl(1610)


def test_the_unused_days_can_stay_as_credit(company: Company) -> None:
    id = taxed(company)
    done = canceled(company, id, when="now", settle="credit")
    assert (done.refunded, done.credited, done.refund_ids) == (brl(0), brl(1920), ())
    assert credit_of(company, id) == 1920
    assert (payment_of(company).reserved_minor, payment_of(company).refunded_minor) == (0, 0)
    newest = invoices_of(company, id)[-1]
    assert (newest.reason, newest.state, newest.total_minor) == ("cancel", "paid", -1920)


def test_nothing_comes_back_unless_asked(small_company: Company) -> None:
    id = taxed(small_company)
    done = canceled(small_company, id, when="now")
    assert (done.refunded, done.credited, done.lowered) == (brl(0), brl(0), brl(0))


@pytest.mark.parametrize("settle", ["refund", "credit"])
def test_an_open_invoice_is_lowered_to_what_was_used(company: Company, settle: str) -> None:
    company.at = noon(2026, 1, 1)
    id = begun(company, company.price("Mensal", 3100))
    company.at = noon(2026, 1, 16)
    done = canceled(company, id, when="now", settle=settle)
    assert (done.lowered, done.refunded, done.credited) == (brl(1600), brl(0), brl(0))
    [invoice] = invoices_of(company, id)
    assert (invoice.state, invoice.due_minor) == ("open", 1500)
    assert company.collect(invoice.id).state == "paid"


def test_an_invoice_that_is_being_charged_holds_the_cancellation(small_company: Company) -> None:
    company = small_company
    id = begun(company, company.price("Mensal", 3100))
    company.gateway.behave("drop_after", on="charge")
    assert company.collect(invoices_of(company, id)[0].id).state == "unknown"
    with company.begin() as tx, pytest.raises(WrongState):
        cancel(tx, CancelAsk(subscription_id=id, when="now", settle="credit"))


def test_a_cancellation_waits_on_its_day_for_the_answer_to_a_charge(company: Company) -> None:
    id = taxed(company)
    canceled(company, id, when="on_date", on=date(2026, 3, 1), settle="credit")
    company.gateway.behave("drop_after", on="charge")
    company.at = noon(2026, 2, 1)
    run(company)
    canceled(company, id, when="on_date", on=date(2026, 2, 15), settle="credit")
    with company.begin() as tx:
        unknown = select(PaymentAttempt.id).where(PaymentAttempt.state == "unknown")
        attempt_id = tx.session.scalars(unknown).one()
    for day in (noon(2026, 2, 15), noon(2026, 3, 1)):
        company.at = day
        run(company)
        assert (row_of(company, id).state, len(invoices_of(company, id))) == ("active", 2)
    done = reconcile_attempt(company.begin, company.gateways, attempt_id)
    assert done is not None
    assert done.state == "paid"
    company.forward(hours=2)
    run(company)
    row = row_of(company, id)
    assert (row.state, row.ended_on, row.next_bill_at) == ("canceled", date(2026, 2, 15), None)
    reasons = {one.reason for one in invoices_of(company, id)}
    assert reasons == {"start", "renewal", "cancel"}
    assert credit_of(company, id) == 1860  # 14 of 28 days


def test_what_an_earlier_change_paid_for_becomes_credit_even_if_refunds_are_asked(
    company: Company,
) -> None:
    """A downgrade pays for itself out of the old plan: no payment shows it, so no card gets it."""
    company.at = noon(2026, 4, 1)
    id = begun(company, company.price("Caro", 6000))
    assert company.collect(invoices_of(company, id)[0].id).state == "paid"
    company.at = noon(2026, 4, 11)
    assert changed(company, id, company.price("Barato", 3000)).net == brl(-2000)
    company.at = noon(2026, 4, 21)
    done = canceled(company, id, when="now", settle="refund")
    assert (done.refunded, done.credited) == (brl(0), brl(1000))
    assert credit_of(company, id) == 3000


def test_what_credit_had_paid_is_credit_again(company: Company) -> None:
    """A pause gave 233.82, and the resumption cost 224.96 of it: half of that comes back."""
    company.at = noon(2012, 3, 2)
    id = begun(company, company.price("Mensal", 24995))
    assert company.collect(invoices_of(company, id)[0].id).state == "paid"
    company.at = noon(2012, 3, 4)
    paused(company, id, when="now")
    company.at = noon(2012, 4, 2)
    assert resumed(company, id).due_minor == 24995 - 23382
    company.collect(invoices_of(company, id)[-1].id)
    company.at = noon(2012, 4, 17)
    with company.begin() as tx:
        shown = preview_cancel(
            tx.session, CancelAsk(subscription_id=id, when="now", settle="refund"), tx.at
        )
    assert shown.amount == brl(12498)
    with company.begin() as tx:
        done = cancel(tx, CancelAsk(subscription_id=id, when="now", settle="refund"))
    # Of the paid 249.95, 124.98 are consumed: the rounded cent becomes credit.
    assert (done.refunded, done.credited) == (brl(12497), brl(1))
    assert credit_of(company, id) == 12498 - (24995 - 23382)


def test_a_cancellation_on_a_date_cuts_the_paid_period_there(company: Company) -> None:
    id = taxed(company)
    done = canceled(company, id, when="on_date", on=date(2026, 1, 22), settle="credit")
    assert (done.state, done.on) == ("scheduled", date(2026, 1, 22))
    company.at = noon(2026, 1, 21)
    run(company)
    assert row_of(company, id).state == "active"
    company.at = noon(2026, 1, 24)  # the run is late; the day is not
    run(company)
    row = row_of(company, id)
    assert (row.state, row.ended_on) == ("canceled", date(2026, 1, 22))
    assert credit_of(company, id) == 1200  # 10 of 31 days, with tax


def test_the_last_period_is_billed_up_to_the_date_only(company: Company) -> None:
    id = taxed(company)
    canceled(company, id, when="on_date", on=date(2026, 2, 15))
    company.at = noon(2026, 2, 1)
    run(company)
    newest = invoices_of(company, id)[-1]
    [(net, arithmetic)] = lines_of(company, newest.id)
    assert (net, arithmetic["days"], arithmetic["of_days"]) == (1550, 14, 28)
    assert (newest.state, newest.period_end) == ("paid", date(2026, 2, 15))
    company.at = noon(2026, 2, 15)
    run(company)
    row = row_of(company, id)
    assert (row.state, row.ended_on) == ("canceled", date(2026, 2, 15))
    assert (len(invoices_of(company, id)), credit_of(company, id)) == (2, 0)


def test_a_cancellation_is_taken_back(company: Company) -> None:
    id = taxed(company)
    canceled(company, id)
    with company.begin() as tx:
        uncancel(tx, id)
    canceled(company, id, when="on_date", on=date(2026, 1, 20))
    with company.begin() as tx:
        uncancel(tx, id)
    row = row_of(company, id)
    assert (row.cancel_at_period_end, row.cancel_on, row.wakes_at) == (False, None, None)
    company.at = noon(2026, 2, 1)
    run(company)
    assert (row_of(company, id).state, len(invoices_of(company, id))) == ("active", 2)
    canceled(company, id, when="now")
    with company.begin() as tx, pytest.raises(WrongState):
        uncancel(tx, id)


def test_a_period_cut_short_by_a_cancellation_that_is_taken_back_goes_on_where_it_ended(
    company: Company,
) -> None:
    """31.00 net for a month: 14 of 28 days are 15.50, and so are the other 14."""
    id = taxed(company)
    canceled(company, id, when="on_date", on=date(2026, 2, 15))
    told = []
    for day in (noon(2026, 2, 1), noon(2026, 2, 15), noon(2026, 3, 1)):
        charge = coming(company, id)
        assert charge is not None
        told.append((charge.gross.minor, charge.period_start, charge.period_end))
        company.at = day
        run(company)
        with company.begin() as tx:
            uncancel(tx, id)
    assert told == [
        (1860, date(2026, 2, 1), date(2026, 2, 15)),
        (1860, date(2026, 2, 15), date(2026, 3, 1)),
        (3720, date(2026, 3, 1), date(2026, 4, 1)),
    ]
    billed = sorted(invoices_of(company, id), key=lambda one: one.number or 0)[1:]
    assert [(one.total_minor, one.period_start, one.period_end) for one in billed] == told


def test_nothing_is_foretold_for_service_that_ends(small_company: Company) -> None:
    company = small_company
    id = taxed(company)

    canceled(company, id, when="on_date", on=date(2026, 2, 1))
    assert coming(company, id) is None
    with company.begin() as tx:
        uncancel(tx, id)
    assert coming(company, id) is not None
    paused(company, id)
    assert coming(company, id) is None


def test_what_is_paused_is_cancelled_at_once(small_company: Company) -> None:
    company = small_company
    id = taxed(company)
    paused(company, id, when="now")
    done = canceled(company, id)
    assert (done.state, row_of(company, id).state) == ("canceled", "canceled")


def test_lines_that_wait_are_billed_first_or_when_it_ends(company: Company) -> None:
    dear = company.price("Caro", 6200)
    ids: list[UUID] = []
    for _ in range(2):
        id = begun(company, company.price(f"Mensal {len(ids)}", 3100))
        company.collect(invoices_of(company, id)[0].id)
        changed(company, id, dear, when="next_invoice")
        ids.append(id)
    with company.begin() as tx, pytest.raises(LinesWaiting):
        cancel(tx, CancelAsk(subscription_id=ids[0], when="now"))
    with company.begin() as tx:
        invoice_id = bill_waiting_lines(tx, ids[0])
    assert invoice_id == invoices_of(company, ids[0])[-1].id
    with company.begin() as tx:
        assert bill_waiting_lines(tx, ids[0]) is None
    canceled(company, ids[0], when="now")
    canceled(company, ids[1])
    company.forward(days=31)
    run(company)
    assert row_of(company, ids[1]).state == "canceled"
    assert [one.total_minor for one in invoices_of(company, ids[1])] == [3100, 3100]


def test_what_cannot_be_cancelled_is_refused_with_its_reason(small_company: Company) -> None:
    company = small_company
    id = taxed(company)

    def refused(error: type[Exception], **more: object) -> None:
        with company.begin() as tx, pytest.raises(error):
            cancel(tx, CancelAsk(subscription_id=id, **more))  # type: ignore[arg-type]

    with company.begin() as tx, pytest.raises(NotFound):
        preview_cancel(tx.session, CancelAsk(subscription_id=company.new_id()), tx.at)
    refused(DateTooEarly, when="on_date")
    refused(DateTooEarly, when="on_date", on=date(2026, 1, 16))
    canceled(company, id)
    refused(NothingToChange)
    with company.begin() as tx:
        uncancel(tx, id)
    assert changed(company, id, company.price("Caro", 9900)).state == "awaiting_payment"
    refused(ChangePending)
    assert company.collect(invoices_of(company, id)[-1].id).state == "paid"
    canceled(company, id, when="now")
    refused(WrongState)


def test_one_act_cancels_once(company: Company) -> None:
    id = taxed(company)
    ask = CancelAsk(subscription_id=id, when="now", settle="refund", money_act_id=company.new_id())
    with company.begin() as tx:
        first = cancel(tx, ask)
    with company.begin() as tx:
        assert cancel(tx, ask) == first
    assert payment_of(company).reserved_minor == 1920


def test_a_preview_of_another_day_is_refused(small_company: Company) -> None:
    company = small_company
    id = taxed(company)
    ask = CancelAsk(subscription_id=id, when="now", settle="credit")
    with company.begin() as tx:
        shown = preview_cancel(tx.session, ask, tx.at)
    company.forward(days=1)
    with company.begin() as tx, pytest.raises(StaleInputs):
        cancel(tx, ask, expected=shown.inputs_hash)


def test_the_ask_survives_its_payload(small_company: Company) -> None:
    new_id = small_company.new_id
    for ask in (
        CancelAsk(subscription_id=new_id()),
        CancelAsk(
            subscription_id=new_id(),
            when="on_date",
            on=date(2026, 1, 2),
            settle="credit",
            money_act_id=new_id(),
        ),
    ):
        assert ask_from(payload_of(ask)) == ask


def test_a_cancellation_drops_what_was_scheduled(small_company: Company) -> None:
    company = small_company
    id = taxed(company)
    changed(company, id, company.price("Caro", 9900), when="period_end")
    with company.begin() as tx:
        assert cancel_at_period_end(tx, id) == date(2026, 2, 1)
    assert row_of(company, id).scheduled_price_id is None


def test_a_corrected_line_gives_back_what_it_was_corrected_to(company: Company) -> None:
    company.at = noon(2026, 1, 1)
    id = begun(company, company.price("Mensal", 3100))
    [line] = company.lines(invoices_of(company, id)[0].id)
    with company.begin() as tx:
        ask = ReissueAsk(
            invoice_id=line.invoice_id,
            lines=((line.id, brl(1550)),),
            reason="x",
            settle_by="credit",
        )
        reissue_invoice(tx, ask)
    assert company.collect(invoices_of(company, id)[-1].id).state == "paid"
    company.at = noon(2026, 1, 16)
    assert canceled(company, id, when="now", settle="credit").credited == brl(800)


def test_seconds_count_where_the_price_says_so(company: Company) -> None:
    """At noon of the 16th, 15 days and a half of 31 are left, half of the part that was bought."""
    company.at = noon(2026, 1, 1)
    dear = company.price("Caro", 6200, terms=PriceTerms(proration="second"))
    id = begun(company, company.price("Mensal", 3100, terms=PriceTerms(proration="second")))
    assert company.collect(invoices_of(company, id)[0].id).state == "paid"
    company.at = noon(2026, 1, 8)
    assert changed(company, id, dear).net == brl(2350)  # 23.5 of 31 days, 31.00 more
    assert company.collect(invoices_of(company, id)[-1].id).state == "paid"
    company.at = noon(2026, 1, 16)
    assert canceled(company, id, when="now", settle="credit").credited == brl(3100)


def test_a_free_line_gives_nothing_back(small_company: Company) -> None:
    company = small_company
    with company.begin() as tx:
        add_coupon(tx, NewCoupon(code="TUDO", name="Tudo", off="100", periods=None))
    id = begun(company, company.price("Mensal", 3100), coupon="TUDO")
    done = canceled(company, id, when="now", settle="refund")
    assert (done.refunded, done.credited) == (brl(0), brl(0))


def test_a_pending_change_holds_the_day_until_it_is_settled(company: Company) -> None:
    id = taxed(company)
    canceled(company, id, when="on_date", on=date(2026, 1, 20))
    with company.begin() as tx:
        tx.session.get_one(Subscription, id).pending_invoice_id = company.new_id()
    company.at = noon(2026, 1, 20)
    run(company)
    assert row_of(company, id).state == "active"
    with company.begin() as tx:
        tx.session.get_one(Subscription, id).pending_invoice_id = None
    company.forward(hours=1)
    run(company)
    assert (row_of(company, id).state, row_of(company, id).ended_on) == (
        "canceled",
        date(2026, 1, 20),
    )


def test_a_period_that_was_never_billed_has_nothing_to_settle(small_company: Company) -> None:
    company = small_company
    id = begun_elsewhere(company)
    with company.begin() as tx, pytest.raises(WrongState):
        cancel(tx, CancelAsk(subscription_id=id, when="now", settle="credit"))


def begun_elsewhere(company: Company) -> UUID:
    """A subscription that another system bills."""
    start = StartSubscription(
        customer_id=company.new_id(),
        price_id=company.price(),
        payment_method_id=None,
        system="legado",
    )
    with company.begin() as tx:
        return start_subscription(tx, start)


def test_a_payment_in_dispute_gives_no_credit(company: Company) -> None:
    id = taxed(company)
    with company.begin() as tx:
        payment = tx.session.query(Payment).one()
        payment.disputed_minor = payment.captured_minor
    ask = CancelAsk(subscription_id=id, when="now", settle="refund")
    with company.begin() as tx:
        assert preview_cancel(tx.session, ask, tx.at).amount == brl(0)
        tx.session.query(Payment).one().disputed_minor = 0
