from datetime import date
from uuid import UUID

import pytest

from billing_core.errors import (
    ChangePending,
    DateTooEarly,
    LinesWaiting,
    NotFound,
    NothingToChange,
    PeriodUnpaid,
    StaleInputs,
    WrongState,
)
from billing_core.events import SubscriptionPaused, SubscriptionResumed
from billing_core.invoicing import run_billing
from billing_core.pauses import (
    PauseAsk,
    ask_from,
    cancel_pause,
    pause,
    pause_collection,
    payload_of,
    preview_pause,
)
from billing_core.resumptions import ResumeAsk, preview_resume, resume
from billing_core.resumptions import ask_from as resume_from
from billing_core.resumptions import payload_of as resume_payload
from billing_core.store.subscription import Subscription
from billing_core.subscriptions import cancel_at_period_end, uncancel, use_payment_method

from .conftest import Company, brl
from .life import (
    begun,
    canceled,
    changed,
    credit_of,
    invoices_of,
    lines_of,
    method,
    noon,
    paused,
    period,
    resumed,
    row_of,
)


def monthly(company: Company, minor: int = 24995) -> UUID:
    """A month paid on 2 March 2012, until 2 April."""
    company.at = noon(2012, 3, 2)
    id = begun(company, company.price("Mensal", minor))
    assert company.collect(invoices_of(company, id)[0].id).state == "paid"
    return id


def run(company: Company) -> None:
    assert run_billing(company.begin, company.gateways).faults == []


def test_a_pause_at_once_gives_the_rest_back_and_the_credit_pays_the_resumption(
    company: Company,
) -> None:
    """Kill Bill's figures: 249.95 x 29/31 = 233.82 back, 249.95 x 27/30 = 224.96 later."""
    id = monthly(company)
    company.at = noon(2012, 3, 4)
    done = paused(company, id, when="now")
    assert (done.state, done.on, done.credit) == ("paused", date(2012, 3, 4), brl(23382))
    [(amount, arithmetic)] = lines_of(company, done.invoice_id)
    assert (amount, arithmetic["days"], arithmetic["of_days"]) == (-23382, 29, 31)
    assert row_of(company, id).state == "paused"
    company.at = noon(2012, 4, 5)
    run(company)
    assert len(invoices_of(company, id)) == 2, "nothing is billed while it is paused"
    invoice = resumed(company, id)
    assert (invoice.total_minor, invoice.due_minor) == (22496, 0)
    assert credit_of(company, id) == 23382 - 22496
    assert period(company, id) == (date(2012, 4, 5), date(2012, 5, 2))
    assert len(company.told(SubscriptionPaused)) == len(company.told(SubscriptionResumed)) == 1
    company.at = noon(2012, 5, 2)
    run(company)
    assert period(company, id) == (date(2012, 5, 2), date(2012, 6, 2))
    assert [one.total_minor for one in invoices_of(company, id)][-1] == 24995


def test_a_pause_at_period_end_keeps_what_is_paid_and_resumes_with_a_new_period(
    company: Company,
) -> None:
    id = monthly(company)
    done = paused(company, id)
    assert (done.state, done.on, done.credit) == ("scheduled", date(2012, 4, 2), brl(0))
    assert row_of(company, id).state == "active"
    company.at = noon(2012, 4, 3)
    run(company)
    assert row_of(company, id).state == "paused"
    company.at = noon(2012, 4, 20)
    invoice = resumed(company, id)
    assert (invoice.total_minor, invoice.due_minor, invoice.reason) == (24995, 24995, "resume")
    row = row_of(company, id)
    assert (row.anchor_day, row.anchor_date) == (20, date(2012, 4, 20))
    assert period(company, id) == (date(2012, 4, 20), date(2012, 5, 20))
    assert company.collect(invoice.id).state == "paid"


def test_a_pause_can_end_on_a_day_that_was_named(company: Company) -> None:
    id = monthly(company)
    paused(company, id, resumes_on=date(2012, 4, 10))
    company.at = noon(2012, 4, 9)
    run(company)
    assert row_of(company, id).state == "paused"
    company.at = noon(2012, 4, 10)
    run(company)
    assert row_of(company, id).state == "active"
    assert period(company, id) == (date(2012, 4, 10), date(2012, 5, 10))
    newest = invoices_of(company, id)[-1]
    assert (newest.state, newest.total_minor) == ("paid", 24995)
    run(company)
    assert len(invoices_of(company, id)) == 2


def test_the_bill_day_can_be_kept_or_given_up_when_it_is_resumed(small_company: Company) -> None:
    id = monthly(small_company)
    paused(small_company, id)
    small_company.at = noon(2012, 4, 5)
    run(small_company)
    assert resumed(small_company, id, in_cycle=True).total_minor == 22496
    other = monthly(small_company, 10000)
    small_company.at = noon(2012, 3, 4)
    paused(small_company, other, when="now")
    small_company.at = noon(2012, 4, 5)
    assert resumed(small_company, other, in_cycle=False).total_minor == 10000


def test_a_pause_on_the_first_day_gives_all_back_and_the_same_day_is_billed_again(
    company: Company,
) -> None:
    id = monthly(company)
    assert paused(company, id, when="now").credit == brl(24995)
    invoice = resumed(company, id)
    assert (invoice.total_minor, invoice.due_minor) == (24995, 0)
    assert period(company, id) == (date(2012, 3, 2), date(2012, 4, 2))
    assert credit_of(company, id) == 0


def test_a_first_day_with_a_change_a_pause_and_a_return_is_billed_again(company: Company) -> None:
    id = monthly(company)
    done = changed(company, id, company.price("Outro", 30000), when="now")
    assert done.invoice_id is not None
    assert company.collect(done.invoice_id).state == "paid"
    assert paused(company, id, when="now").credit == brl(30000)
    invoice = resumed(company, id, in_cycle=False)
    assert (invoice.total_minor, invoice.due_minor) == (30000, 0)
    assert period(company, id) == (date(2012, 3, 2), date(2012, 4, 2))
    assert company.faults() == []


def test_a_second_pause_inside_a_stub_gives_back_what_the_stub_cost(company: Company) -> None:
    id = monthly(company)
    company.at = noon(2012, 3, 4)
    paused(company, id, when="now")
    company.at = noon(2012, 4, 5)
    resumed(company, id)
    assert paused(company, id, when="now").credit == brl(22496)
    company.at = noon(2012, 4, 22)
    assert resumed(company, id).total_minor == 8332  # 249.95 x 10/30
    company.at = noon(2012, 4, 27)
    assert paused(company, id, when="now").credit == brl(4166)  # 249.95 x 5/30


def test_nothing_is_left_to_give_back_on_the_last_day(small_company: Company) -> None:
    id = monthly(small_company)
    small_company.at = noon(2012, 4, 2)
    done = paused(small_company, id, when="now")
    assert (done.credit, done.invoice_id) == (brl(0), None)


def test_a_pause_waits_for_what_is_owed(company: Company) -> None:
    id = monthly(company)
    company.gateway.behave("decline", on="charge")
    company.at = noon(2012, 4, 2)
    run(company)
    assert row_of(company, id).state == "past_due"
    paused(company, id, resumes_on=date(2012, 5, 3))
    with company.begin() as tx, pytest.raises(NothingToChange):
        pause(tx, PauseAsk(subscription_id=id))
    company.gateway.behave("decline", on="charge", times=50)
    company.at = noon(2012, 5, 3)
    run(company)
    row = row_of(company, id)
    assert (row.state, row.next_bill_at, row.wakes_at) == ("past_due", None, None)
    company.gateway.behave_well()
    [owed] = [one.id for one in invoices_of(company, id) if one.state == "open"]
    assert company.collect(owed).state == "paid"
    assert row_of(company, id).state == "paused"
    run(company)
    assert row_of(company, id).state == "active", "the day to resume has come already"


def test_a_pause_to_come_is_taken_back(small_company: Company) -> None:
    id = monthly(small_company)
    paused(small_company, id, resumes_on=date(2012, 5, 1))
    with small_company.begin() as tx:
        cancel_pause(tx, id)
    assert (row_of(small_company, id).pause_at_period_end, row_of(small_company, id).wakes_at) == (
        False,
        None,
    )
    paused(small_company, id, when="now")
    with small_company.begin() as tx, pytest.raises(WrongState):
        cancel_pause(tx, id)


def test_what_cannot_be_paused_or_resumed_is_refused_with_its_reason(
    small_company: Company,
) -> None:
    company = small_company
    id = monthly(company)

    def refused(error: type[Exception], **more: object) -> None:
        with company.begin() as tx, pytest.raises(error):
            pause(tx, PauseAsk(subscription_id=id, **more))  # type: ignore[arg-type]

    with company.begin() as tx, pytest.raises(NotFound):
        preview_pause(tx.session, PauseAsk(subscription_id=company.new_id()), tx.at)
    with company.begin() as tx, pytest.raises(NotFound):
        preview_resume(tx.session, ResumeAsk(subscription_id=company.new_id()), tx.at)
    with company.begin() as tx, pytest.raises(WrongState):
        resume(tx, ResumeAsk(subscription_id=id))
    refused(DateTooEarly, resumes_on=date(2012, 4, 2))
    refused(DateTooEarly, when="now", resumes_on=date(2012, 3, 2))
    with company.begin() as tx:
        cancel_at_period_end(tx, id)
    refused(WrongState)
    with company.begin() as tx:
        uncancel(tx, id)
    dear = company.price("Caro", 99900)
    changed(company, id, dear, when="next_invoice")
    refused(LinesWaiting, when="now")
    other = monthly(company, 10000)
    assert changed(company, other, dear).state == "awaiting_payment"
    with company.begin() as tx, pytest.raises(ChangePending):
        pause(tx, PauseAsk(subscription_id=other))
    unpaid = begun(company, dear)
    with company.begin() as tx, pytest.raises(PeriodUnpaid):
        pause(tx, PauseAsk(subscription_id=unpaid, when="now"))
    canceled(company, unpaid, when="now")
    with company.begin() as tx, pytest.raises(WrongState):
        pause(tx, PauseAsk(subscription_id=unpaid))


def test_an_older_debt_forbids_a_pause_at_once(small_company: Company) -> None:
    company = small_company
    id = monthly(company)
    company.gateway.behave("decline", on="charge")
    company.at = noon(2012, 4, 2)
    run(company)
    old = invoices_of(company, id)[-1]
    with company.begin() as tx:
        company.at = noon(2012, 5, 2)
    invoice_id = company.renew(id)
    assert company.collect(invoice_id).state == "paid"
    assert old.state == "open"
    with company.begin() as tx, pytest.raises(WrongState):
        pause(tx, PauseAsk(subscription_id=id, when="now"))


def test_one_act_pauses_once_and_resumes_once(company: Company) -> None:
    id = monthly(company)
    ask = PauseAsk(subscription_id=id, when="now", money_act_id=company.new_id())
    with company.begin() as tx:
        first = pause(tx, ask)
    with company.begin() as tx:
        assert pause(tx, ask) == first
    again = ResumeAsk(subscription_id=id, money_act_id=company.new_id())
    with company.begin() as tx:
        invoice_id = resume(tx, again)
    with company.begin() as tx:
        assert resume(tx, again) == invoice_id
    with company.begin() as tx, pytest.raises(AssertionError):
        resume(tx, ResumeAsk(subscription_id=id, money_act_id=ask.money_act_id))


def test_a_preview_of_another_day_is_refused(small_company: Company) -> None:
    company = small_company
    id = monthly(company)
    ask = PauseAsk(subscription_id=id, when="now")
    with company.begin() as tx:
        shown = preview_pause(tx.session, ask, tx.at)
    company.forward(days=1)
    with company.begin() as tx, pytest.raises(StaleInputs):
        pause(tx, ask, expected=shown.inputs_hash)
    paused(company, id, when="now")
    back = ResumeAsk(subscription_id=id)
    with company.begin() as tx:
        coming = preview_resume(tx.session, back, tx.at)
    company.forward(days=1)
    with company.begin() as tx, pytest.raises(StaleInputs):
        resume(tx, back, expected=coming.inputs_hash)


def test_the_asks_survive_their_payloads(small_company: Company) -> None:
    new_id = small_company.new_id
    for ask in (
        PauseAsk(subscription_id=new_id()),
        PauseAsk(
            subscription_id=new_id(),
            when="now",
            resumes_on=date(2026, 1, 2),
            money_act_id=new_id(),
        ),
    ):
        assert ask_from(payload_of(ask)) == ask
    for back in (
        ResumeAsk(subscription_id=new_id()),
        ResumeAsk(subscription_id=new_id(), in_cycle=True, money_act_id=new_id()),
    ):
        assert resume_from(resume_payload(back)) == back


def test_paused_collection_bills_but_does_not_charge(company: Company) -> None:
    id = monthly(company)
    with company.begin() as tx:
        pause_collection(tx, id, True)
    company.at = noon(2012, 4, 2)
    run(company)
    row, newest = row_of(company, id), invoices_of(company, id)[-1]
    assert (row.state, newest.state, newest.total_minor) == ("active", "open", 24995)
    with company.begin() as tx:
        pause_collection(tx, id, False)
    run(company)
    assert invoices_of(company, id)[-1].state == "paid"


def test_a_change_that_waited_for_the_periods_end_comes_with_the_resumption(
    small_company: Company,
) -> None:
    company = small_company
    id = monthly(company)
    yearly = company.price("Anual", 120000, interval="year")
    changed(company, id, yearly, when="period_end")
    paused(company, id)
    company.at = noon(2012, 4, 5)
    run(company)
    invoice = resumed(company, id)
    assert invoice.total_minor == 120000
    assert period(company, id) == (date(2012, 4, 5), date(2013, 4, 5))


def test_what_was_unpaid_goes_on_from_the_day_it_is_paid(company: Company) -> None:
    """The months without service are not asked for; the bill day stays."""
    id = monthly(company, 3000)
    company.gateway.behave("decline", on="charge", times=50)
    company.at = noon(2012, 4, 2)
    run(company)
    with company.begin() as tx:
        tx.session.get_one(Subscription, id).become("unpaid")
    company.at = noon(2012, 7, 18)
    run(company)
    company.gateway.behave_well()
    [owed] = [one.id for one in invoices_of(company, id) if one.state == "open"]
    assert company.collect(owed).state == "paid"
    run(company)
    assert period(company, id) == (date(2012, 7, 18), date(2012, 8, 2))
    assert [one.total_minor for one in invoices_of(company, id)] == [
        3000,
        3000,
        1452,
    ]  # 15 of 31 days


def test_what_was_unpaid_for_days_only_keeps_its_period(small_company: Company) -> None:
    company = small_company
    id = monthly(company, 3000)
    company.gateway.behave("decline", on="charge")
    company.at = noon(2012, 4, 2)
    run(company)
    with company.begin() as tx:
        tx.session.get_one(Subscription, id).become("unpaid")
    company.collect(invoices_of(company, id)[-1].id)
    assert row_of(company, id).state == "active"
    assert period(company, id) == (date(2012, 4, 2), date(2012, 5, 2))


def test_the_method_it_is_charged_by_must_be_the_customers(small_company: Company) -> None:
    company = small_company
    id = monthly(company)
    mine = method(company, row_of(company, id).customer_id)
    with company.begin() as tx:
        use_payment_method(tx, id, mine)
    assert row_of(company, id).payment_method_id == mine
    other = method(company, company.new_id())
    with company.begin() as tx, pytest.raises(NotFound):
        use_payment_method(tx, id, other)
