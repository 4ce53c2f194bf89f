from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from billing_core.catalog import add_price, plans_on_sale
from billing_core.credits import CreditAsk, credit_balance, give_credit
from billing_core.domain.money import Money
from billing_core.errors import (
    ChangePending,
    CurrencyMismatch,
    NotFound,
    NothingToChange,
    PeriodUnpaid,
    PriceNotOnSale,
    RefundTooLarge,
    StaleInputs,
    WrongState,
)
from billing_core.events import PlanChanged, PlanChangeFailed, PlanChangeScheduled
from billing_core.invoicing import run_billing
from billing_core.refunds import RefundAsk, promise_refund
from billing_core.store.subscription import Subscription
from billing_core.subscriptions import (
    PlanChangeAsk,
    PlanChangeResult,
    ask_from,
    cancel_at_period_end,
    cancel_scheduled_change,
    change_plan,
    payload_of,
    preview_plan_change,
)

from .conftest import Company, brl


class Priya:
    """Plus at 79.90, paid on 5 November for 30 days; today is the 17th, so 18 of 30 are left."""

    def __init__(self, company: Company) -> None:
        self.company = company
        self.plus = company.price("Plus", 7990)
        self.family = company.price("Família", 12990)
        self.basic = company.price("Básico", 4990)
        company.at = datetime(2026, 11, 5, 12, 0, tzinfo=UTC)
        self.customer_id, self.subscription_id, self.payment_id = company.paying(self.plus)
        company.at = datetime(2026, 11, 17, 12, 0, tzinfo=UTC)

    def ask(self, price_id: UUID, **more: object) -> PlanChangeAsk:
        return PlanChangeAsk(
            subscription_id=self.subscription_id,
            new_price_id=price_id,
            **more,  # type: ignore[arg-type]
        )

    def change(self, price_id: UUID, **more: object) -> PlanChangeResult:
        with self.company.begin() as tx:
            return change_plan(tx, self.ask(price_id, **more))

    def row(self) -> Subscription:
        with self.company.begin() as tx:
            return tx.session.get_one(Subscription, self.subscription_id)

    def plan(self) -> str:
        subscription = self.company.account(self.customer_id).subscription
        assert subscription is not None
        return subscription.plan_name

    def credit(self) -> Money:
        with self.company.begin() as tx:
            return credit_balance(tx.session, self.customer_id, "BRL")


def test_an_upgrade_now_has_two_lines_and_applies_when_it_is_paid(company: Company) -> None:
    """The figures of the mock-up: 77.94 for the rest of Família, less 47.94 of Plus: 30.00."""
    priya = Priya(company)
    result = priya.change(priya.family)
    assert (result.state, result.net) == ("awaiting_payment", brl(3000))
    assert priya.plan() == "Plus"
    assert company.told(PlanChanged) == []
    assert result.invoice_id is not None
    unused, remaining = company.lines(result.invoice_id)
    assert (unused.kind, unused.label, unused.net_minor) == ("proration_credit", "Plus", -4794)
    assert (remaining.kind, remaining.net_minor) == ("proration_charge", 7794)
    assert (unused.arithmetic["days"], unused.arithmetic["of_days"]) == (18, 30)

    assert company.collect(result.invoice_id).state == "paid"
    assert priya.plan() == "Família"
    [event] = company.told(PlanChanged)
    assert isinstance(event, PlanChanged)
    assert (event.old_price_id, event.new_price_id) == (priya.plus, priya.family)
    company.at = datetime(2026, 12, 5, 12, 0, tzinfo=UTC)
    assert run_billing(company.begin, company.gateways).paid == 1
    newest = company.account(priya.customer_id).invoices[0]
    assert (newest.total, newest.period_start) == (brl(12990), date(2026, 12, 5))


def test_a_declined_upgrade_changes_nothing(company: Company) -> None:
    priya = Priya(company)
    company.gateway.behave("decline", on="charge", code="insufficient_funds")
    result = priya.change(priya.family)
    assert result.invoice_id is not None
    assert company.collect(result.invoice_id).state == "failed"
    assert priya.plan() == "Plus"
    view = company.account(priya.customer_id)
    assert view.subscription is not None
    assert (view.subscription.state, view.subscription.change) == ("active", None)
    assert [one.state for one in view.invoices] == ["void", "paid"]
    assert view.invoices[1].refundable == brl(7990), "the unused days are creditable again"
    [event] = company.told(PlanChangeFailed)
    assert isinstance(event, PlanChangeFailed)
    assert event.code == "insufficient_funds"
    assert priya.change(priya.family).state == "awaiting_payment"
    retried = company.account(priya.customer_id).invoices[0]
    assert company.collect(retried.invoice_id).state == "paid"
    assert priya.plan() == "Família"


def test_an_upgrade_without_an_answer_waits_for_it(company: Company) -> None:
    priya = Priya(company)
    company.gateway.behave("drop_after", on="charge")
    result = priya.change(priya.family)
    assert result.invoice_id is not None
    assert company.collect(result.invoice_id).state == "unknown"
    view = company.account(priya.customer_id).subscription
    assert view is not None
    assert view.change is not None
    assert (view.change.plan_name, view.change.invoice_id) == ("Família", result.invoice_id)
    with company.begin() as tx, pytest.raises(ChangePending):
        change_plan(tx, priya.ask(priya.basic))
    company.at = datetime(2026, 12, 5, 12, 0, tzinfo=UTC)
    assert run_billing(company.begin, company.gateways).invoices == 0, "the renewal waits as well"
    assert company.collect(result.invoice_id).state == "paid"
    assert run_billing(company.begin, company.gateways).paid == 1
    assert company.account(priya.customer_id).invoices[0].total == brl(12990)


def test_a_downgrade_now_goes_to_the_credit_balance_and_pays_the_next_invoice(
    company: Company,
) -> None:
    priya = Priya(company)
    result = priya.change(priya.basic)  # 29.94 for the rest of Básico, less 47.94
    assert (result.state, result.net) == ("applied", brl(-1800))
    assert priya.plan() == "Básico"
    assert priya.credit() == brl(1800)
    view = company.account(priya.customer_id)
    assert (view.invoices[0].state, view.invoices[0].total) == ("paid", brl(-1800))
    assert view.next_charge is not None
    assert (view.next_charge.gross, view.next_charge.credit, view.next_charge.amount) == (
        brl(4990),
        brl(1800),
        brl(3190),
    )
    company.at = datetime(2026, 12, 5, 12, 0, tzinfo=UTC)
    run_billing(company.begin, company.gateways)
    newest = company.account(priya.customer_id).invoices[0]
    assert (newest.total, newest.credit_applied, newest.paid) == (brl(4990), brl(1800), brl(3190))
    assert priya.credit() == brl(0)


def test_a_change_between_equal_prices_needs_no_money(small_company: Company) -> None:
    priya = Priya(small_company)
    result = priya.change(small_company.price("Plus antigo", 7990, interval="month"))
    assert (result.state, result.net) == ("applied", brl(0))
    assert priya.plan() == "Plus antigo"


def test_credit_pays_an_upgrade_first(company: Company) -> None:
    priya = Priya(company)
    with company.begin() as tx:
        give_credit(
            tx, CreditAsk(customer_id=priya.customer_id, amount=brl(5000), reason="courtesy")
        )
    with company.begin() as tx:
        preview = preview_plan_change(tx.session, priya.ask(priya.family), tx.at)
    assert (preview.amount, preview.charge_now) == (brl(3000), brl(0))
    assert priya.change(priya.family).state == "applied"
    assert priya.credit() == brl(2000)


def test_a_declined_upgrade_gives_the_credit_it_used_back(company: Company) -> None:
    priya = Priya(company)
    with company.begin() as tx:
        give_credit(
            tx, CreditAsk(customer_id=priya.customer_id, amount=brl(1000), reason="courtesy")
        )
    result = priya.change(priya.family)
    assert result.invoice_id is not None
    assert priya.credit() == brl(0)
    company.gateway.behave("decline", on="charge")
    company.collect(result.invoice_id)
    assert priya.credit() == brl(1000)


def test_a_second_change_credits_only_what_is_still_live(company: Company) -> None:
    """599.95 to 9.95 and on to 29.95, a day later: only the 8.02 paid for can come back."""
    high, low, mid = (
        company.price(name, minor) for name, minor in (("High", 59995), ("Low", 995), ("Mid", 2995))
    )
    company.at = datetime(2012, 5, 1, 15, 0, tzinfo=UTC)
    _, subscription_id, _ = company.paying(high)
    nets = []
    for day, price_id in ((7, low), (8, mid)):
        company.at = datetime(2012, 5, day, 15, 0, tzinfo=UTC)
        with company.begin() as tx:
            ask = PlanChangeAsk(subscription_id=subscription_id, new_price_id=price_id)
            result = change_plan(tx, ask)
        assert result.invoice_id is not None
        nets.append([line.net_minor for line in company.lines(result.invoice_id)])
    assert nets == [[-48383, 802], [-770, 2319]]


def test_the_credit_of_a_change_is_capped_by_what_the_line_has_left(company: Company) -> None:
    """10.00 of 249.95 was refunded: of the unused 241.89 only 239.95 can come back."""
    high, low = company.price("High", 24995), company.price("Low", 995)
    company.at = datetime(2012, 5, 1, 15, 0, tzinfo=UTC)
    _, subscription_id, payment_id = company.paying(high)
    with company.begin() as tx:
        promise_refund(
            tx, RefundAsk(payment_id=payment_id, amount=brl(1000), reason="other"), held=False
        )
    company.at = datetime(2012, 5, 2, 15, 0, tzinfo=UTC)
    with company.begin() as tx:
        ask = PlanChangeAsk(subscription_id=subscription_id, new_price_id=low)
        result = change_plan(tx, ask)
    assert result.net == brl(-23032)
    assert result.invoice_id is not None
    unused, remaining = company.lines(result.invoice_id)
    assert (unused.net_minor, remaining.net_minor) == (-23995, 963)


def test_days_that_were_credited_cannot_be_refunded_as_well(company: Company) -> None:
    priya = Priya(company)
    priya.change(priya.basic)
    with company.begin() as tx, pytest.raises(RefundTooLarge) as refused:
        promise_refund(
            tx,
            RefundAsk(payment_id=priya.payment_id, amount=brl(7990), reason="other"),
            held=False,
        )
    assert refused.value.left == brl(7990 - 4794)


def test_another_rhythm_starts_a_new_cycle_today(company: Company) -> None:
    priya = Priya(company)
    yearly = company.price("Família anual", 129900, interval="year")
    result = priya.change(yearly)
    assert result.net == brl(129900 - 4794)
    assert result.invoice_id is not None
    assert company.collect(result.invoice_id).state == "paid"
    row = priya.row()
    assert (row.anchor_date, row.anchor_day) == (date(2026, 11, 17), 17)
    assert (row.current_period_start, row.current_period_end) == (
        date(2026, 11, 17),
        date(2027, 11, 17),
    )
    company.at = datetime(2027, 11, 17, 12, 0, tzinfo=UTC)
    assert run_billing(company.begin, company.gateways).paid == 1
    assert priya.row().current_period_end == date(2028, 11, 17)


def test_a_change_at_period_end_charges_nothing_now(company: Company) -> None:
    priya = Priya(company)
    with company.begin() as tx:
        ask = priya.ask(priya.basic, when="period_end")
        preview = preview_plan_change(tx.session, ask, tx.at)
    assert (preview.amount, preview.charge_now, preview.lines) == (brl(0), None, ())
    result = priya.change(priya.basic, when="period_end")
    assert (result.state, result.on) == ("scheduled", date(2026, 12, 5))
    assert priya.plan() == "Plus"
    view = company.account(priya.customer_id)
    assert view.subscription is not None
    assert view.subscription.change is not None
    assert view.subscription.change.plan_name == "Básico"
    assert view.next_charge is not None
    assert (view.next_charge.why, view.next_charge.amount) == ("scheduled_change", brl(4990))
    company.at = datetime(2026, 12, 5, 12, 0, tzinfo=UTC)
    run_billing(company.begin, company.gateways)
    assert priya.plan() == "Básico"
    assert company.account(priya.customer_id).invoices[0].total == brl(4990)
    assert len(company.told(PlanChangeScheduled)) == len(company.told(PlanChanged)) == 1


def test_a_scheduled_change_of_rhythm_moves_the_anchor_to_that_day(small_company: Company) -> None:
    company = small_company
    company.at = datetime(2027, 1, 31, 12, 0, tzinfo=UTC)
    _, subscription_id, _ = company.paying()
    yearly = company.price("Anual", 99900, interval="year")
    with company.begin() as tx:
        change_plan(
            tx,
            PlanChangeAsk(subscription_id=subscription_id, new_price_id=yearly, when="period_end"),
        )
    company.at = datetime(2027, 2, 28, 12, 0, tzinfo=UTC)
    run_billing(company.begin, company.gateways)
    with company.begin() as tx:
        row = tx.session.get_one(Subscription, subscription_id)
    assert (row.anchor_day, row.current_period_end) == (28, date(2028, 2, 28))


def test_a_scheduled_change_can_be_replaced_and_forgotten(small_company: Company) -> None:
    priya = Priya(small_company)
    priya.change(priya.basic, when="period_end")
    priya.change(priya.family, when="period_end")
    assert priya.row().scheduled_price_id == priya.family
    with small_company.begin() as tx:
        cancel_scheduled_change(tx, priya.subscription_id)
    assert priya.row().scheduled_price_id is None


def test_the_preview_is_what_happens(company: Company) -> None:
    priya = Priya(company)
    with company.begin() as tx:
        preview = preview_plan_change(tx.session, priya.ask(priya.family), tx.at)
    assert (preview.amount, preview.charge_now) == (brl(3000), brl(3000))
    rows = {row.item: (row.before, row.after) for row in preview.rows}
    assert rows == {
        "plan": ("Plus", "Família"),
        "period_end": (date(2026, 12, 5), date(2026, 12, 5)),
        "credit.balance": (brl(0), brl(0)),
        "next_charge": (brl(7990), brl(12990)),
    }
    with company.begin() as tx:
        result = change_plan(tx, priya.ask(priya.family), expected=preview.inputs_hash)
    assert result.invoice_id is not None
    made = company.lines(result.invoice_id)
    assert [(line.kind, brl(line.net_minor), line.arithmetic) for line in made] == [
        (line.kind, line.amount, line.arithmetic) for line in preview.lines
    ]


@pytest.mark.parametrize("when", ["now", "period_end"])
def test_a_preview_of_another_day_or_account_is_refused(company: Company, when: str) -> None:
    priya = Priya(company)
    ask = priya.ask(priya.family, when=when)
    with company.begin() as tx:
        preview = preview_plan_change(tx.session, ask, tx.at)
        give_credit(tx, CreditAsk(customer_id=priya.customer_id, amount=brl(1), reason="courtesy"))
    with company.begin() as tx, pytest.raises(StaleInputs):
        change_plan(tx, ask, expected=preview.inputs_hash)


def test_one_act_changes_once(company: Company) -> None:
    priya = Priya(company)
    act = company.new_id()
    first = priya.change(priya.family, money_act_id=act)
    assert priya.change(priya.family, money_act_id=act) == first
    assert first.invoice_id is not None
    company.collect(first.invoice_id)
    assert priya.change(priya.family, money_act_id=act).state == "applied"
    assert len(company.account(priya.customer_id).invoices) == 2


def test_what_cannot_be_changed_is_refused_with_its_reason(small_company: Company) -> None:
    company = small_company
    priya = Priya(company)
    dollars = company.price("Plus US", 1500, currency="USD")
    with company.begin() as tx:
        old = priya.basic
        [plan_id] = {one.plan_id for one in plans_on_sale(tx.session) if one.price_id == old}
        new = add_price(tx, plan_id, amount=brl(5990))
    with company.begin() as tx:
        on_sale = {one.price_id for one in plans_on_sale(tx.session, "BRL")}
        assert new in on_sale
        assert old not in on_sale
        for price_id, refusal in (
            (priya.plus, NothingToChange),
            (old, PriceNotOnSale),
            (company.new_id(), PriceNotOnSale),
            (dollars, CurrencyMismatch),
        ):
            with pytest.raises(refusal):
                preview_plan_change(tx.session, priya.ask(price_id), tx.at)
        nobody = PlanChangeAsk(subscription_id=company.new_id(), new_price_id=new)
        with pytest.raises(NotFound):
            preview_plan_change(tx.session, nobody, tx.at)
        with pytest.raises(NotFound):
            add_price(tx, company.new_id(), amount=brl(1))
    with company.begin() as tx:
        cancel_at_period_end(tx, priya.subscription_id)
    with company.begin() as tx, pytest.raises(WrongState):
        change_plan(tx, priya.ask(priya.family))
    company.forward(days=40)
    run_billing(company.begin, company.gateways)
    with company.begin() as tx:
        with pytest.raises(WrongState):
            change_plan(tx, priya.ask(priya.family))
        with pytest.raises(WrongState):
            cancel_at_period_end(tx, priya.subscription_id)


def test_days_that_were_not_paid_cannot_be_credited(small_company: Company) -> None:
    company = small_company
    _, subscription_id = company.start()
    ask = PlanChangeAsk(subscription_id=subscription_id, new_price_id=company.price("Other", 100))
    with company.begin() as tx, pytest.raises(PeriodUnpaid):
        preview_plan_change(tx.session, ask, tx.at)


def test_the_ask_survives_its_payload(small_company: Company) -> None:
    for act in (None, small_company.new_id()):
        ask = PlanChangeAsk(
            subscription_id=small_company.new_id(),
            new_price_id=small_company.new_id(),
            when="period_end",
            reason="asked",
            money_act_id=act,
        )
        assert ask_from(payload_of(ask)) == ask
