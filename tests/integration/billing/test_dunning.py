"""An unpaid invoice is asked for again by its rail's timetable, each step once, and then it ends."""

from datetime import date, datetime, timedelta
from typing import Literal
from uuid import UUID

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from billing_core.attempts import write_attempts
from billing_core.domain.dunning import Policy
from billing_core.domain.money import Money
from billing_core.dunning import DunningPlan, dunning_plan, overdue_of, policy_in_force, set_policy
from billing_core.dunning_run import carry_out_step, run_dunning
from billing_core.events import DunningEnded, DunningStepDue, PaymentFailed, SubscriptionCanceled
from billing_core.invoicing import run_billing
from billing_core.issuing import void
from billing_core.payments import collect_invoice
from billing_core.period_ends import end_subscription
from billing_core.store.dunning import DunningStep
from billing_core.store.invoice import Invoice
from billing_core.store.payment import PaymentAttempt
from billing_core.store.subscription import Subscription
from billing_core.subscriptions import NewMethod, add_payment_method, use_payment_method
from billing_core.write_offs import WriteOffAsk, write_off

from .conftest import Company, brl
from .test_refund_race import at_once
from .test_waiting_charges import consent, one_off

Kind = Literal["card", "pix", "pix_automatico", "boleto"]


class Debt:
    """One subscription whose renewal failed, and what is said about it."""

    def __init__(
        self, company: Company, *, code: str = "insufficient_funds", kind: Kind = "card"
    ) -> None:
        self.company = company
        company.gateway.behave_well()
        self.customer_id, self.subscription_id, _ = company.paying()
        if kind != "card":
            self.save(kind)
        company.forward(days=30)  # to the very day of the renewal
        self.decline(code)
        assert run_billing(company.begin, company.gateways).failed == 1
        self.invoice_id = company.invoice(self.customer_id).id
        self.failed_on = date(2026, 12, 16)

    def decline(self, code: str = "insufficient_funds") -> None:
        self.company.gateway.behave_well()
        self.company.gateway.behave("decline", on="charge", code=code, times=None)

    def save(self, kind: Kind = "card") -> UUID:
        """Save another method and charge it from now on."""
        with self.company.begin() as tx:
            method_id = add_payment_method(
                tx,
                NewMethod(customer_id=self.customer_id, kind=kind, token=f"tok_{tx.new_id()}"),
            )
            use_payment_method(tx, self.subscription_id, method_id)
        if kind == "pix_automatico":
            consent(self.company, method_id)
        return method_id

    def day(self, after: int) -> None:
        """Let a number of days pass since the failure, and the run do its work."""
        self.company.at = datetime.combine(
            self.failed_on + timedelta(days=after), self.company.at.timetz()
        )
        run_billing(self.company.begin, self.company.gateways)

    @property
    def plan(self) -> DunningPlan:
        with self.company.begin() as tx:
            found = dunning_plan(tx.session, self.invoice_id)
        assert found is not None
        return found

    @property
    def subscription(self) -> Subscription:
        with self.company.begin() as tx:
            return tx.session.get_one(Subscription, self.subscription_id)

    @property
    def invoice(self) -> Invoice:
        with self.company.begin() as tx:
            return tx.session.get_one(Invoice, self.invoice_id)

    def attempts(self) -> list[PaymentAttempt]:
        with self.company.begin() as tx:
            return list(
                tx.session.scalars(
                    select(PaymentAttempt)
                    .where(PaymentAttempt.invoice_id == self.invoice_id)
                    .order_by(PaymentAttempt.created_at)
                )
            )

    def outcomes(self) -> list[str]:
        return [step.outcome for step in self.plan.steps]


def test_a_soft_decline_is_tried_on_days_2_7_14_and_21_and_then_the_subscription_ends(
    company: Company,
) -> None:
    debt = Debt(company)
    assert debt.subscription.state == "past_due"
    plan = debt.plan
    assert [(step.act, (step.on - debt.failed_on).days) for step in plan.steps] == [
        ("retry", 2),
        ("retry", 7),
        ("retry", 14),
        ("retry", 21),
        ("end", 21),
    ]
    assert (plan.next_on, plan.retries_left) == (date(2026, 12, 18), 4)
    tried = []
    for after in range(1, 23):
        before = len(debt.attempts())
        debt.day(after)
        debt.day(after)
        tried += [after] * (len(debt.attempts()) - before)
    assert tried == [2, 7, 14, 21]
    assert debt.outcomes() == ["started"] * 4 + ["ended"]
    assert (debt.plan.next_on, debt.plan.retries_made) == (None, 4)
    ended = debt.subscription
    assert (ended.state, ended.ended_on) == ("canceled", date(2027, 1, 6))
    assert debt.invoice.state == "open", "the debt itself is not forgiven"
    [told] = company.told(DunningEnded)
    assert isinstance(told, DunningEnded)
    assert (told.ending, told.due) == ("canceled", brl(12990))
    [over] = company.told(SubscriptionCanceled)
    assert isinstance(over, SubscriptionCanceled)
    assert over.why == "debt"
    assert [one.n for one in company.told(DunningStepDue) if isinstance(one, DunningStepDue)] == [
        1,
        2,
        3,
        4,
    ]


def test_a_retry_that_succeeds_stops_the_rest(company: Company) -> None:
    debt = Debt(company)
    company.gateway.behave_well()
    debt.day(2)
    assert debt.outcomes() == ["started", *["stopped"] * 4]
    assert (debt.subscription.state, debt.invoice.state) == ("active", "paid")
    assert debt.plan.steps[0].result == "success"
    debt.day(25)
    assert len(debt.attempts()) == 2


def test_a_hard_decline_is_not_retried_and_ends_at_the_deadline(company: Company) -> None:
    debt = Debt(company, code="lost_card")
    assert debt.plan.next_on == date(2027, 1, 6)
    assert debt.plan.retries_left == 0
    for after in range(1, 21):
        debt.day(after)
    assert len(debt.attempts()) == 1
    assert debt.subscription.state == "past_due"
    debt.day(21)
    assert debt.subscription.state == "canceled"


def test_a_hard_decline_of_a_retry_ends_the_retries(company: Company) -> None:
    debt = Debt(company)
    debt.decline("stolen_card")
    debt.day(2)
    assert debt.outcomes() == ["started", "skipped", "skipped", "skipped", "waiting"]
    debt.day(20)
    assert len(debt.attempts()) == 2


def test_another_method_is_tried_at_once_and_brings_the_retries_back(company: Company) -> None:
    debt = Debt(company, code="lost_card")
    debt.day(3)
    method_id = debt.save()
    debt.decline("insufficient_funds")
    debt.day(3)
    tries = debt.attempts()
    assert [one.payment_method_id for one in tries][1:] == [method_id]
    assert debt.plan.retries_made == 0, "it was no step of the plan"
    assert debt.outcomes() == ["skipped", "waiting", "waiting", "waiting", "waiting"]
    debt.day(4)
    assert len(debt.attempts()) == 2
    company.gateway.behave_well()
    debt.day(7)
    assert debt.subscription.state == "active"


def test_a_try_by_hand_moves_nothing_in_the_plan(company: Company) -> None:
    debt = Debt(company)
    before = debt.plan
    for number in range(3):
        done = collect_invoice(
            company.begin, company.gateways, debt.invoice_id, key=f"press-{number}"
        )
        assert done.state == "failed"
    assert debt.plan == before
    assert len(debt.attempts()) == 4


def test_a_charge_without_an_answer_holds_every_step_back(company: Company) -> None:
    """Silence is no failure: neither a retry nor the end comes before the gateway has spoken."""
    debt = Debt(company)
    company.gateway.behave_well()
    company.gateway.behave("late", on="charge")
    debt.day(2)
    debt.day(30)
    assert debt.outcomes() == ["started", *["waiting"] * 4]
    assert debt.subscription.state == "past_due"
    assert len(debt.attempts()) == 2


def test_a_run_that_was_away_tries_once_a_day(company: Company) -> None:
    debt = Debt(company)
    debt.day(15)
    debt.day(15)
    assert debt.plan.retries_made == 1
    debt.day(16)
    assert debt.plan.retries_made == 2
    debt.day(17)
    assert debt.plan.retries_made == 3
    debt.day(18)
    assert debt.plan.retries_made == 3
    assert len(debt.attempts()) == 4


def test_two_runs_at_once_do_each_step_once(company: Company) -> None:
    debts = [Debt(company)]
    company.gateway.behave_well()
    for _ in range(3):
        company.at = datetime(2026, 11, 16, 12, 0, tzinfo=company.at.tzinfo)
        debts.append(Debt(company))
    company.forward(days=2)
    company.gateway.behave_well()

    def run() -> int:
        return len(run_dunning(company.begin, company.gateways, batch=3).collected)

    results = at_once(run, run)
    assert all(isinstance(one, int) for one in results), results
    for debt in debts:
        assert len(debt.attempts()) == 2
        assert debt.outcomes()[0] == "started"


def test_a_crash_after_the_step_leaves_an_attempt_that_is_finished_once(company: Company) -> None:
    debt = Debt(company)
    company.gateway.behave_well()
    company.forward(days=2)

    class Crash(BaseException):
        pass

    def die(**_: object) -> None:
        raise Crash

    company.gateway.charge, charge = die, company.gateway.charge  # type: ignore[method-assign,assignment]
    with pytest.raises(Crash):
        run_dunning(company.begin, company.gateways)
    company.gateway.charge = charge  # type: ignore[method-assign]
    assert debt.outcomes()[0] == "started"
    assert run_dunning(company.begin, company.gateways).collected == []
    assert company.collect(debt.invoice_id).state == "paid"
    assert len(debt.attempts()) == 2
    assert len([one for one in company.gateway.charges() if one.state == "succeeded"]) == 2


@pytest.mark.parametrize("kind", ["pix", "boleto"])
def test_what_the_customer_pays_herself_gets_a_reminder_and_a_second_copy(
    company: Company, kind: Kind
) -> None:
    debt = Debt(company, kind=kind, code="expired")
    assert [(step.act, (step.on - debt.failed_on).days) for step in debt.plan.steps] == [
        ("remind", 1),
        ("second_copy", 4),
        ("end", 21),
    ]
    company.gateway.behave_well()
    company.gateway.behave("late", on="charge")
    debt.day(1)
    assert debt.outcomes() == ["told", "waiting", "waiting"]
    assert len(debt.attempts()) == 1
    debt.day(4)
    first, second = debt.attempts()
    assert second.state == "pending"
    assert second.key != first.key
    assert second.due_on == date(2026, 12, 20) + timedelta(days={"pix": 1, "boleto": 3}[kind])
    acts = [one.act for one in company.told(DunningStepDue) if isinstance(one, DunningStepDue)]
    assert acts == ["remind", "second_copy"]


def test_pix_automatico_is_tried_three_times_within_seven_days(company: Company) -> None:
    debt = Debt(company, kind="pix_automatico")
    tried = []
    for after in range(1, 21):
        before = len(debt.attempts())
        debt.day(after)
        tried += [after] * (len(debt.attempts()) - before)
    assert tried == [2, 4, 7]
    debt.day(21)
    assert debt.subscription.state == "canceled"


def test_a_late_run_keeps_pix_automatico_within_its_seven_days(company: Company) -> None:
    debt = Debt(company, kind="pix_automatico")
    debt.day(6)
    debt.day(7)
    debt.day(8)
    assert debt.outcomes() == ["started", "started", "skipped", "waiting"]
    assert len(debt.attempts()) == 3


def test_a_card_plan_that_moved_to_pix_automatico_keeps_the_schemes_window(
    company: Company,
) -> None:
    debt = Debt(company)
    debt.save("pix_automatico")
    with company.begin() as tx:
        tx.session.get_one(Subscription, debt.subscription_id).collection_paused = True
    debt.day(2)  # nobody charges while the collection is paused
    assert len(debt.attempts()) == 1
    with company.begin() as tx:
        tx.session.get_one(Subscription, debt.subscription_id).collection_paused = False
        assert len(run_orders := write_attempts(tx, [debt.invoice_id])) == 1
    assert run_orders[0].due_on == date(2026, 12, 18)
    debt.day(3)
    debt.day(14)
    assert debt.outcomes()[0] == "waiting", "the first charge by the mandate has no answer yet"


def test_no_method_is_left_to_try(company: Company) -> None:
    debt = Debt(company)
    with company.begin() as tx:
        tx.session.get_one(Subscription, debt.subscription_id).payment_method_id = None
        tx.session.get_one(Invoice, debt.invoice_id).payment_method_id = None
    debt.day(2)
    assert debt.outcomes()[0] == "skipped"


def test_a_void_invoice_is_not_asked_for(company: Company) -> None:
    debt = Debt(company)
    with company.begin() as tx:
        void(tx, tx.session.get_one(Invoice, debt.invoice_id))
    assert debt.outcomes() == ["stopped"] * 5
    assert debt.plan.next_on is None
    debt.day(30)
    assert len(debt.attempts()) == 1
    assert company.told(DunningEnded) == []


@pytest.mark.parametrize("change", ["invoice", "subscription"])
def test_what_ended_in_another_way_is_let_go_when_its_day_comes(
    company: Company, change: str
) -> None:
    debt = Debt(company)
    with company.begin() as tx:
        if change == "invoice":
            write_off(tx, WriteOffAsk(invoice_id=debt.invoice_id, reason="x"))
        else:
            end_subscription(
                tx,
                tx.session.get_one(Subscription, debt.subscription_id),
                on=debt.failed_on,
                why="asked",
            )
    debt.day(2)
    assert debt.outcomes() == ["stopped"] * 5
    assert len(debt.attempts()) == 1


@pytest.mark.parametrize(
    ("ending", "state"), [("canceled", "canceled"), ("unpaid", "unpaid"), ("past_due", "past_due")]
)
def test_the_policy_says_what_becomes_of_the_subscription(
    company: Company, ending: Literal["canceled", "unpaid", "past_due"], state: str
) -> None:
    with company.begin() as tx:
        set_policy(tx, Policy(card_days=(1,), deadline_days=2, ending=ending, grace_days=7))
    debt = Debt(company)
    assert debt.plan.benefits_until == date(2026, 12, 23)
    debt.day(1)
    debt.day(2)
    assert debt.subscription.state == state
    [told] = company.told(DunningEnded)
    assert isinstance(told, DunningEnded)
    assert told.ending == ending


def test_unpaid_becomes_active_when_it_is_paid_after_all(company: Company) -> None:
    with company.begin() as tx:
        set_policy(tx, Policy(card_days=(), deadline_days=1, ending="unpaid"))
    debt = Debt(company)
    debt.day(1)
    assert debt.subscription.state == "unpaid"
    company.gateway.behave_well()
    assert company.collect(debt.invoice_id).state == "paid"
    assert debt.subscription.state == "active"


def test_the_end_of_a_subscription_lets_go_of_its_other_invoices(company: Company) -> None:
    with company.begin() as tx:
        set_policy(tx, Policy(card_days=(2, 40), deadline_days=40))
    debt = Debt(company)
    debt.day(31)  # the next month fails as well
    later = company.invoice(debt.customer_id).id
    assert later != debt.invoice_id
    for after in (32, 40, 41):
        debt.day(after)
    assert debt.subscription.state == "canceled"
    with company.begin() as tx:
        plan = dunning_plan(tx.session, later)
    assert plan is not None
    assert {step.outcome for step in plan.steps} <= {"started", "stopped"}


def test_too_little_is_not_worth_asking_for(company: Company) -> None:
    with company.begin() as tx:
        set_policy(tx, Policy(minimums={"BRL": brl(15000), "JPY": Money(2000, "JPY")}))
        assert policy_in_force(tx.session) == Policy(
            minimums={"BRL": brl(15000), "JPY": Money(2000, "JPY")}
        )
    debt = Debt(company)
    debt.day(2)
    assert debt.outcomes()[0] == "skipped"
    debt.day(31)  # two months are 259.80 together
    debt.day(32)
    with company.begin() as tx:
        [overdue] = overdue_of(tx.session, debt.customer_id, company.at.date()).values()
    assert (overdue.total, overdue.since, overdue.state) == (
        brl(25980),
        date(2026, 12, 16),
        "no_changes",
    )
    assert "ended" not in debt.outcomes()[:4]


def test_what_is_overdue_is_told_by_currency_and_sinks(small_company: Company) -> None:
    company = small_company
    debt = Debt(company)
    with company.begin() as tx:
        assert overdue_of(tx.session, debt.customer_id, debt.failed_on) == {}
        late = overdue_of(tx.session, debt.customer_id, debt.failed_on + timedelta(days=41))
    assert late["BRL"].state == "no_service"


def test_an_invoice_that_never_failed_has_no_plan(small_company: Company) -> None:
    customer_id, _ = small_company.start()
    invoice_id = small_company.invoice(customer_id).id
    with small_company.begin() as tx:
        assert dunning_plan(tx.session, invoice_id) is None


def test_an_invoice_without_a_subscription_is_dunned_by_itself(company: Company) -> None:
    debt = Debt(company)
    method_id = debt.attempts()[0].payment_method_id
    lonely = one_off(company, debt.customer_id, method_id)
    assert company.collect(lonely).state == "failed"
    for after in (2, 7, 14, 21, 22):
        debt.day(after)
    with company.begin() as tx:
        plan = dunning_plan(tx.session, lonely)
    assert plan is not None
    assert [step.outcome for step in plan.steps] == ["started"] * 4 + ["ended"]
    endings = [one.ending for one in company.told(DunningEnded) if isinstance(one, DunningEnded)]
    assert sorted(endings) == ["", "canceled"]


def test_one_invoice_at_fault_does_not_stop_the_others(small_company: Company) -> None:
    company = small_company
    first = Debt(company)
    company.at = datetime(2026, 11, 16, 12, 0, tzinfo=company.at.tzinfo)
    company.gateway.behave_well()
    second = Debt(company)
    with company.begin() as tx:
        tx.session.get_one(Subscription, first.subscription_id).time_zone = "Nowhere/At_All"
    company.forward(days=2)
    run = run_dunning(company.begin, company.gateways, batch=10)
    assert [(id, fault.split(":")[0]) for id, fault in run.faults] == [
        (first.invoice_id, "ZoneInfoNotFoundError")
    ]
    assert len(second.attempts()) == 2


def test_a_plan_is_written_once_for_an_invoice(company: Company) -> None:
    debt = Debt(company)
    with company.begin() as tx:
        count = tx.session.scalar(
            select(func.count()).where(DunningStep.invoice_id == debt.invoice_id)
        )
    debt.day(2)
    with company.begin() as tx:
        assert count == tx.session.scalar(
            select(func.count()).where(DunningStep.invoice_id == debt.invoice_id)
        )
    assert len(company.told(PaymentFailed)) == 2


def test_a_step_whose_day_has_not_come_is_left_alone(small_company: Company) -> None:
    debt = Debt(small_company)
    with small_company.begin() as tx:
        assert carry_out_step(tx, debt.invoice_id) == ("", [])
    assert debt.plan.retries_left == 4


def test_a_database_that_is_away_stops_the_dunning(
    small_company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    Debt(small_company)
    small_company.forward(days=2)

    def away(*_: object) -> None:
        raise OperationalError("select", {}, Exception("away"))

    monkeypatch.setattr("billing_core.dunning_run.carry_out_step", away)
    with pytest.raises(OperationalError):
        run_dunning(small_company.begin, small_company.gateways)
