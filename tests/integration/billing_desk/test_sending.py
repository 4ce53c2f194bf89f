"""What the gateway answers, or does not, and what the act, the books and the timeline make of it."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from billing_core import refunds
from billing_core.cancellations import CancelAsk, cancel
from billing_core.corrections import ReissueAsk
from billing_core.credits import CreditAsk, credit_balance
from billing_core.invoicing import run_billing
from billing_core.ledger import verify_ledger
from billing_core.refunds import RefundAsk, RefundOutcome
from billing_core.store.subscription import Subscription
from billing_core.subscriptions import PlanChangeAsk
from helpdesk.billing_desk import sending, service
from helpdesk.billing_desk.acts import Request
from helpdesk.db import UnitOfWork
from helpdesk.jobs.port import run_job
from tests.conftest import TestClock, drain
from tests.integration.billing_desk.world import Crash, Desk, brl


def confirmed(desk: Desk, request: Request | None = None) -> UUID:
    shown = service.open_preview(
        desk.services, desk.ana, desk.ticket_id, request or desk.refund(60_00)
    )
    return service.confirm(
        desk.services, desk.ana, shown.id, one_time_key=str(uuid4()), accepted=True
    )


def assert_refunded_once(desk: Desk, act_id: UUID) -> None:
    act = desk.act(act_id)
    assert act.state == "succeeded"
    assert act.subject_id is not None
    assert len(desk.gateway.refunds) == 1
    assert len(desk.ledger_entries(act.subject_id)) == 1
    assert (desk.payment().refunded_minor, desk.payment().reserved_minor) == (60_00, 0)
    assert desk.timeline().count("money.succeeded") == 1
    with desk.services.reading() as session:
        assert verify_ledger(session) == []


def test_a_declined_refund_fails_and_gives_its_reservation_back(desk_on_both: Desk) -> None:
    desk = desk_on_both
    act_id = confirmed(desk)
    desk.gateway.mood = "decline"
    drain(desk.services)
    act = desk.act(act_id)
    assert (act.state, act.failure) == ("failed", "do_not_honor")
    assert (desk.payment().refunded_minor, desk.payment().reserved_minor) == (0, 0)
    assert desk.timeline()[-1] == "money.failed"


def test_a_refund_that_billing_promised_by_itself_is_sent_by_the_sweep(
    desk_on_both: Desk, clock: TestClock
) -> None:
    """A cancellation that waited for its date gives money back, and nobody asked for an act."""
    desk = desk_on_both
    with desk.services.begin() as tx:
        subscription = tx.session.scalars(select(Subscription)).one()
        on = subscription.current_period_start + timedelta(days=10)
        cancel(
            tx,
            CancelAsk(subscription_id=subscription.id, when="on_date", on=on, settle="refund"),
        )
    clock.forward(days=11)
    run_billing(desk.services.begin, desk.services.gateways)
    reserved = desk.payment().reserved_minor
    assert reserved > 0
    assert desk.gateway.refunds == {}
    sending.reconcile(desk.services)
    assert [one.amount.minor for one in desk.gateway.refunds.values()] == [reserved]
    assert (desk.payment().refunded_minor, desk.payment().reserved_minor) == (reserved, 0)
    act_id = confirmed(desk, desk.refund(1_00))
    sending.reconcile(desk.services)
    assert desk.act(act_id).state == "approved", "an act's refund is its own job's business"
    assert len(desk.gateway.refunds) == 1


@pytest.mark.parametrize("mood", ["drop_before", "drop_after"])
def test_an_answer_that_never_came_is_unknown_until_the_gateway_says(
    desk_on_both: Desk, clock: TestClock, mood: str
) -> None:
    desk = desk_on_both
    act_id = confirmed(desk)
    desk.gateway.mood = mood
    drain(desk.services)
    assert desk.act(act_id).state == "unknown"
    assert desk.payment().reserved_minor == 60_00
    desk.gateway.mood = ""
    clock.forward(seconds=59)
    sending.reconcile(desk.services)
    assert desk.act(act_id).state == "unknown"  # not yet asked
    clock.forward(seconds=2)
    sending.reconcile(desk.services)
    sending.reconcile(desk.services)
    drain(desk.services)
    assert_refunded_once(desk, act_id)


def test_age_alone_never_decides(desk: Desk, clock: TestClock) -> None:
    act_id = confirmed(desk)
    desk.gateway.mood = "drop_before"
    drain(desk.services)
    for _ in range(5):
        clock.forward(days=30)
        sending.reconcile(desk.services)
    assert desk.act(act_id).state == "unknown"
    assert desk.payment().reserved_minor == 60_00


def test_a_crash_between_the_gateways_success_and_our_books_refunds_once(
    desk_on_both: Desk, clock: TestClock
) -> None:
    desk = desk_on_both
    act_id = confirmed(desk)
    desk.gateway.mood = "crash_after"
    with pytest.raises(Crash):
        run_job(desk.services, "send_refund", (str(act_id),))
    assert desk.act(act_id).state == "sending"
    desk.gateway.mood = ""
    clock.forward(seconds=61)
    run_job(desk.services, "reconcile_money", ())
    drain(desk.services)  # the durable job runs again as well
    assert_refunded_once(desk, act_id)


def test_a_crash_while_settling_refunds_once(
    desk_on_both: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = desk_on_both
    act_id = confirmed(desk)
    emit = UnitOfWork.emit

    def die(tx: UnitOfWork, event: object) -> None:
        emit(tx, event)
        raise Crash

    monkeypatch.setattr(UnitOfWork, "emit", die)
    with pytest.raises(Crash):
        run_job(desk.services, "send_refund", (str(act_id),))
    monkeypatch.undo()
    assert desk.payment().refunded_minor == 0  # rolled back as a whole
    drain(desk.services)
    assert_refunded_once(desk, act_id)


def test_a_lost_wake_up_costs_a_minute_and_not_the_refund(desk: Desk, clock: TestClock) -> None:
    act_id = confirmed(desk)
    desk.services.db.jobs.close()  # the job is gone
    sending.reconcile(desk.services)
    assert desk.act(act_id).state == "approved"
    clock.forward(seconds=60)
    sending.reconcile(desk.services)
    drain(desk.services)
    assert_refunded_once(desk, act_id)


def test_the_webhook_and_the_job_end_in_the_same_place(desk: Desk) -> None:
    act_id = confirmed(desk)
    desk.gateway.mood = "drop_after"
    drain(desk.services)
    refund = desk.refund_rows()[0]
    receipt = desk.gateway.refunds[str(refund.id)]
    for _ in range(3):
        refunds.settle_refund(desk.services.begin, refund.id, RefundOutcome.of(receipt))
    run_job(desk.services, "send_refund", (str(act_id),))
    assert_refunded_once(desk, act_id)


def test_a_bank_that_sends_the_money_back_reverses_the_act(desk: Desk) -> None:
    act_id = confirmed(desk)
    drain(desk.services)
    refund = desk.refund_rows()[0]
    refunds.settle_refund(
        desk.services.begin, refund.id, RefundOutcome("failed", code="account_closed")
    )
    assert desk.act(act_id).state == "reversed"
    assert desk.payment().refunded_minor == 0
    assert desk.timeline()[-1] == "money.reversed"


def test_a_courtesy_is_given_after_the_refund_and_once(desk: Desk) -> None:
    ask = Request(
        RefundAsk(payment_id=desk.payment_id, amount=brl(60_00), reason="duplicate"),
        CreditAsk(customer_id=desk.customer_id, amount=brl(20_00), reason="duplicate"),
    )
    act_id = confirmed(desk, ask)
    with desk.services.reading() as session:
        assert credit_balance(session, desk.customer_id, "BRL") == brl(0)
    drain(desk.services)
    sending.finish(desk.services, act_id)
    assert_refunded_once(desk, act_id)
    with desk.services.reading() as session:
        assert credit_balance(session, desk.customer_id, "BRL") == brl(20_00)


def test_a_credit_is_there_at_once(desk_on_both: Desk) -> None:
    desk = desk_on_both
    ask = CreditAsk(customer_id=desk.customer_id, amount=brl(15_00), reason="goodwill")
    act_id = confirmed(desk, Request(ask))
    assert desk.act(act_id).state == "succeeded"
    with desk.services.reading() as session:
        assert credit_balance(session, desk.customer_id, "BRL") == brl(15_00)
    assert desk.timeline() == ["money.previewed", "money.requested", "money.succeeded"]


def plan_change(desk: Desk, plan: str, when: str) -> Request:
    return Request(
        PlanChangeAsk(
            subscription_id=desk.subscription_id,
            new_price_id=desk.prices[plan],
            when=when,  # type: ignore[arg-type]
            reason="order_change",
        )
    )


def test_a_change_at_the_period_end_is_settled_at_once(desk: Desk) -> None:
    act_id = confirmed(desk, plan_change(desk, "Basic", "period_end"))
    assert desk.act(act_id).state == "succeeded"
    assert desk.plan_name_price() == desk.prices["Plus"]


def test_a_change_that_costs_more_applies_once_it_is_paid(desk_on_both: Desk) -> None:
    desk = desk_on_both
    act_id = confirmed(desk, plan_change(desk, "Family", "now"))
    assert desk.act(act_id).state == "approved"
    assert desk.plan_name_price() == desk.prices["Plus"]
    drain(desk.services)
    assert desk.act(act_id).state == "succeeded"
    assert desk.plan_name_price() == desk.prices["Family"]
    assert len(desk.gateway.charges) == 2


def test_a_change_whose_payment_is_declined_changes_nothing(desk_on_both: Desk) -> None:
    desk = desk_on_both
    act_id = confirmed(desk, plan_change(desk, "Family", "now"))
    desk.gateway.mood = "decline"
    drain(desk.services)
    act = desk.act(act_id)
    assert (act.state, act.failure) == ("failed", "do_not_honor")
    assert desk.plan_name_price() == desk.prices["Plus"]


def test_a_change_whose_payment_got_no_answer_waits_for_it(desk: Desk, clock: TestClock) -> None:
    act_id = confirmed(desk, plan_change(desk, "Family", "now"))
    desk.gateway.mood = "drop_after"
    drain(desk.services)
    assert desk.act(act_id).state == "unknown"
    desk.gateway.mood = ""
    clock.forward(seconds=61)
    sending.reconcile(desk.services)
    assert desk.act(act_id).state == "succeeded"
    assert desk.plan_name_price() == desk.prices["Family"]
    assert len(desk.gateway.charges) == 2


def test_a_change_that_costs_less_leaves_a_credit(desk: Desk) -> None:
    act_id = confirmed(desk, plan_change(desk, "Basic", "now"))
    assert desk.act(act_id).state == "succeeded"
    assert desk.plan_name_price() == desk.prices["Basic"]
    with desk.services.reading() as session:
        assert credit_balance(session, desk.customer_id, "BRL") == brl(60_00)


@pytest.mark.parametrize(("settle_by", "job_runs"), [("refund", True), ("credit", False)])
def test_a_wrong_charge_is_put_right(desk: Desk, settle_by: str, job_runs: bool) -> None:
    from sqlalchemy import select

    from billing_core.store.invoice import InvoiceLine

    with desk.services.reading() as session:
        line = session.scalars(select(InvoiceLine)).one()
    ask = ReissueAsk(
        invoice_id=line.invoice_id,
        lines=((line.id, brl(70_00)),),
        reason="our_mistake",
        settle_by=settle_by,  # type: ignore[arg-type]
    )
    act_id = confirmed(desk, Request(ask))
    assert desk.act(act_id).state == ("approved" if job_runs else "succeeded")
    drain(desk.services)
    assert desk.act(act_id).state == "succeeded"
    with desk.services.reading() as session:
        credit = credit_balance(session, desk.customer_id, "BRL")
    refunded = desk.payment().refunded_minor
    assert (refunded, credit.minor) == ((30_00, 0) if job_runs else (0, 30_00))
