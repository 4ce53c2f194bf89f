"""Changes of quantity, add-ons and cycles, in every mode; by the second where the price says so."""

from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

import pytest

from billing_core.catalog import PriceTerms, set_tax_rate
from billing_core.coupons import NewCoupon, add_coupon
from billing_core.domain.proration import Span
from billing_core.errors import (
    CurrencyMismatch,
    LinesWaiting,
    NotFound,
    NothingToChange,
    PriceNotOnSale,
    RhythmMismatch,
    StaleInputs,
    WrongState,
)
from billing_core.invoicing import run_billing
from billing_core.item_lines import lines_for
from billing_core.pending_changes import apply_paid_change
from billing_core.plan_change_rules import PlanChangeAsk, ask_from, payload_of, usual_when
from billing_core.plan_changes import change_plan, preview_line, preview_plan_change
from billing_core.refunds import RefundAsk, give_back
from billing_core.store.payment import Payment
from billing_core.store.subscription import Subscription, SubscriptionItem
from billing_core.store.terms import terms_of

from .conftest import Company, brl
from .life import begun, changed, credit_of, invoices_of, lines_of, noon, period, row_of
from .test_items import sell


class Plus:
    """60.00 for April, two seats of 30.00, paid; today is the 11th, so 20 of 30 days are left."""

    def __init__(self, company: Company, **more: object) -> None:
        self.company = company
        company.at = noon(2026, 4, 1)
        self.price_id = company.price("Plus", 3000, terms=PriceTerms(**more))  # type: ignore[arg-type]
        self.id = begun(company, self.price_id, quantity=2)
        assert company.collect(invoices_of(company, self.id)[0].id).state == "paid"
        company.at = noon(2026, 4, 11)

    def pay(self) -> None:
        assert self.company.collect(invoices_of(self.company, self.id)[-1].id).state == "paid"

    def run(self, day: date) -> None:
        self.company.at = noon(day.year, day.month, day.day)
        assert run_billing(self.company.begin, self.company.gateways).faults == []

    def items(self) -> list[tuple[UUID, int, date | None]]:
        with self.company.begin() as tx:
            rows = tx.session.query(SubscriptionItem).filter_by(subscription_id=self.id)
            ordered = rows.order_by(SubscriptionItem.added_on.isnot(None), SubscriptionItem.id)
            return [(one.price_id, one.quantity, one.ended_on) for one in ordered]

    def newest(self) -> list[int]:
        return [net for net, _ in lines_of(self.company, invoices_of(self.company, self.id)[-1].id)]


def test_more_seats_are_two_lines_and_apply_when_they_are_paid(company: Company) -> None:
    plus = Plus(company)
    done = changed(company, plus.id, plus.price_id, quantity=3)
    assert (done.state, done.net, plus.newest()) == ("awaiting_payment", brl(2000), [-4000, 6000])
    assert [quantity for _, quantity, _ in plus.items()] == [2]
    plus.pay()
    assert [quantity for _, quantity, _ in plus.items()] == [3]
    plus.run(date(2026, 5, 1))
    assert plus.newest() == [9000]


def test_fewer_seats_at_period_end_cost_less_from_then_on(company: Company) -> None:
    plus = Plus(company)
    assert changed(company, plus.id, plus.price_id, quantity=1, when="period_end").net == brl(0)
    plus.run(date(2026, 5, 1))
    assert (plus.newest(), [quantity for _, quantity, _ in plus.items()]) == ([3000], [1])


def test_on_the_next_invoice_the_change_is_at_once_and_its_lines_wait(company: Company) -> None:
    plus = Plus(company)
    dear = company.price("Max", 9000)
    with company.begin() as tx:
        ask = PlanChangeAsk(subscription_id=plus.id, new_price_id=dear, when="next_invoice")
        shown = preview_plan_change(tx.session, ask, tx.at)
    rows = {row.item: (row.before, row.after) for row in shown.rows}
    assert rows["next_charge"] == (brl(6000), brl(18000 + 8000))
    done = changed(company, plus.id, dear, when="next_invoice")
    assert (done.state, done.invoice_id, done.net) == ("applied", None, brl(8000))
    assert plus.items() == [(dear, 2, None)]
    assert len(invoices_of(company, plus.id)) == 1
    coming = company.account(row_of(company, plus.id).customer_id).next_charge
    assert coming is not None
    assert coming.amount == brl(26000)
    with company.begin() as tx, pytest.raises(LinesWaiting):
        change_plan(tx, PlanChangeAsk(subscription_id=plus.id, new_price_id=plus.price_id))
    plus.run(date(2026, 5, 1))
    assert plus.newest() == [-4000, 12000, 18000]
    assert invoices_of(company, plus.id)[-1].state == "paid"
    plus.run(date(2026, 6, 1))
    assert plus.newest() == [18000], "what waited was billed once"


def test_what_waits_to_be_credited_cannot_be_refunded_meanwhile(company: Company) -> None:
    plus = Plus(company)
    changed(company, plus.id, company.price("Max", 9000), when="next_invoice")
    with company.begin() as tx:
        payment = tx.session.query(Payment).one()
        ask = RefundAsk(payment_id=payment.id, amount=brl(2000), reason="x")
        give_back(tx, ask, held=False)
        with pytest.raises(Exception, match="left"):
            give_back(tx, RefundAsk(payment_id=payment.id, amount=brl(1), reason="x"), held=False)


def test_a_credit_that_waits_is_more_than_the_next_invoice(small_company: Company) -> None:
    company = small_company
    plus = Plus(company)
    changed(company, plus.id, company.price("Mini", 100), when="next_invoice")
    plus.run(date(2026, 5, 1))
    assert (plus.newest(), credit_of(company, plus.id)) == ([-4000, 133, 200], 3667)


def test_a_new_cycle_costs_the_full_price_from_today(company: Company) -> None:
    plus = Plus(company)
    done = changed(company, plus.id, company.price("Max", 9000), when="new_cycle")
    assert (done.net, plus.newest()) == (brl(14000), [-4000, 18000])
    assert row_of(company, plus.id).anchor_day == 1
    plus.pay()
    row = row_of(company, plus.id)
    assert (row.anchor_day, row.anchor_date) == (11, date(2026, 4, 11))
    assert period(company, plus.id) == (date(2026, 4, 11), date(2026, 5, 11))
    plus.run(date(2026, 5, 11))
    assert plus.newest() == [18000]


def test_the_same_plan_can_begin_a_new_cycle(small_company: Company) -> None:
    plus = Plus(small_company)
    assert changed(small_company, plus.id, plus.price_id, when="new_cycle").net == brl(2000)


def test_a_new_rhythm_cannot_wait_for_the_old_bill_day(small_company: Company) -> None:
    company = small_company
    plus = Plus(company)
    yearly = company.price("Anual", 30000, interval="year")
    done = changed(company, plus.id, yearly, when="next_invoice")
    assert (done.state, plus.newest()) == ("awaiting_payment", [-4000, 60000])


def test_an_add_on_comes_and_goes_in_mid_period(company: Company) -> None:
    plus = Plus(company)
    extra, item_id = sell(company, "Telas", 900), company.new_id()
    done = changed(company, plus.id, extra, item_id=item_id, quantity=2)
    assert (done.net, plus.newest()) == (brl(1200), [1200])
    plus.pay()
    assert plus.items() == [(plus.price_id, 2, None), (extra, 2, None)]
    company.at = noon(2026, 4, 21)
    done = changed(company, plus.id, extra, item_id=item_id, quantity=0)
    assert (done.net, plus.newest(), credit_of(company, plus.id)) == (brl(-600), [-600], 600)
    assert plus.items() == [(plus.price_id, 2, None), (extra, 2, date(2026, 4, 21))]
    plus.run(date(2026, 5, 1))
    assert plus.newest() == [6000]


def test_an_add_on_can_be_scheduled_to_come_and_to_go(company: Company) -> None:
    plus = Plus(company)
    extra, item_id = sell(company, "Telas", 900), company.new_id()
    changed(company, plus.id, extra, item_id=item_id, when="period_end")
    plus.run(date(2026, 5, 1))
    assert plus.newest() == [6000, 900]
    changed(company, plus.id, extra, item_id=item_id, quantity=0, when="period_end")
    plus.run(date(2026, 6, 1))
    assert plus.newest() == [6000]


def test_a_new_cycle_takes_the_add_ons_along(company: Company) -> None:
    plus = Plus(company)
    extra = sell(company, "Telas", 900)
    changed(company, plus.id, extra, item_id=company.new_id())
    plus.pay()
    changed(company, plus.id, plus.price_id, when="new_cycle")
    assert plus.newest() == [-4000, -600, 6000, 900]


def test_the_discount_comes_off_before_the_part_and_the_credit_has_the_one_that_was_given(
    company: Company,
) -> None:
    """Polar: 20 - 5, half of it back: 7.50; 30 - 5, half of it: 12.50. The coupon is over by then."""
    with company.begin() as tx:
        add_coupon(tx, NewCoupon(code="CINCO", name="Cinco", off=brl(500), periods=1))
    company.at = noon(2026, 4, 1)
    id = begun(company, company.price("Vinte", 2000), coupon="CINCO")
    assert company.collect(invoices_of(company, id)[0].id).state == "paid"
    company.at = noon(2026, 4, 16)
    done = changed(company, id, company.price("Trinta", 3000))
    assert [net for net, _ in lines_of(company, done.invoice_id)] == [-750, 1250]


def test_both_lines_carry_their_tax(company: Company) -> None:
    with company.begin() as tx:
        set_tax_rate(tx, "ISS", name="Imposto", percent="5")
    plus = Plus(company, tax_code="ISS")
    dear = company.price("Max", 9000, terms=PriceTerms(tax_code="ISS"))
    done = changed(company, plus.id, dear)
    assert done.invoice_id is not None
    lines = company.lines(done.invoice_id)
    assert [(line.net_minor, line.tax_minor) for line in lines] == [(-4000, -200), (12000, 600)]
    assert done.net == brl(8400)


def test_a_price_by_the_second_is_prorated_by_the_second_and_the_preview_holds_its_instant(
    company: Company,
) -> None:
    plus = Plus(company, proration="second")
    dear = company.price("Max", 9000, terms=PriceTerms(proration="second"))
    ask = PlanChangeAsk(subscription_id=plus.id, new_price_id=dear)
    with company.begin() as tx:
        shown = preview_plan_change(tx.session, ask, tx.at)
    company.forward(minutes=50)
    with company.begin() as tx, pytest.raises(StaleInputs):
        change_plan(tx, ask, expected=shown.inputs_hash)
    with company.begin() as tx:
        done = change_plan(tx, ask_from(shown.payload), expected=shown.inputs_hash)
    assert done.net == shown.amount
    back, ahead = lines_of(company, done.invoice_id)
    # From noon on the 11th: 19 days and a half of 30.
    assert (back[0], back[1]["seconds"], back[1]["of_seconds"]) == (-3900, 1684800, 2592000)
    assert ahead[0] == 11700


def test_an_instant_is_held_for_an_hour(small_company: Company) -> None:
    plus = Plus(small_company, proration="second")
    old = small_company.at - timedelta(minutes=61)
    dear = small_company.price("Max", 9000)
    ask = PlanChangeAsk(subscription_id=plus.id, new_price_id=dear, as_of=old)
    with small_company.begin() as tx, pytest.raises(StaleInputs):
        change_plan(tx, ask)


def test_dearer_is_at_once_and_cheaper_at_period_end_unless_asked_otherwise(
    small_company: Company,
) -> None:
    company = small_company
    plus = Plus(company)

    def when(price_id: UUID, **more: object) -> str:
        ask = PlanChangeAsk(subscription_id=plus.id, new_price_id=price_id, **more)  # type: ignore[arg-type]
        with company.begin() as tx:
            return usual_when(tx.session, ask)

    assert when(company.price("Max", 9000)) == "now"
    assert when(company.price("Mini", 100)) == "period_end"
    assert when(company.price("Anual", 30000, interval="year")) == "period_end"
    assert when(company.price("Anual caro", 40000, interval="year")) == "now"
    assert when(plus.price_id, quantity=1) == "period_end"
    assert when(sell(company, "Telas", 900), item_id=company.new_id()) == "now"
    with pytest.raises(PriceNotOnSale):
        when(company.new_id())
    with pytest.raises(NotFound), company.begin() as tx:
        usual_when(
            tx.session,
            PlanChangeAsk(subscription_id=company.new_id(), new_price_id=plus.price_id),
        )


def test_what_an_item_cannot_become_is_refused_with_its_reason(small_company: Company) -> None:
    company = small_company
    plus = Plus(company)

    def refused(error: type[Exception], price_id: UUID, **more: object) -> None:
        ask = PlanChangeAsk(subscription_id=plus.id, new_price_id=price_id, **more)  # type: ignore[arg-type]
        with company.begin() as tx, pytest.raises(error):
            change_plan(tx, ask)

    extra = sell(company, "Telas", 900)
    refused(NothingToChange, plus.price_id, quantity=2)
    refused(NothingToChange, extra, item_id=company.new_id(), quantity=0)
    refused(NothingToChange, plus.price_id, quantity=0)
    refused(CurrencyMismatch, company.price("E", 100, currency="EUR"))
    yearly = company.price("Anual", 30000, interval="year")
    refused(RhythmMismatch, yearly, item_id=company.new_id())
    item_id = company.new_id()
    changed(company, plus.id, extra, item_id=item_id)
    plus.pay()
    refused(RhythmMismatch, yearly)
    refused(NothingToChange, extra, item_id=item_id, quantity=1)
    changed(company, plus.id, extra, item_id=item_id, quantity=0)
    refused(WrongState, extra, item_id=item_id)
    assert changed(company, plus.id, extra, item_id=company.new_id()).state == "applied"
    refused(WrongState, plus.price_id, quantity=0)


def test_an_add_on_that_was_not_paid_never_was(company: Company) -> None:
    plus = Plus(company)
    extra = sell(company, "Telas", 900)
    company.gateway.behave("decline", on="charge")
    changed(company, plus.id, extra, item_id=company.new_id())
    invoice = invoices_of(company, plus.id)[-1]
    assert company.collect(invoice.id).state == "failed"
    plus.run(date(2026, 5, 1))
    assert plus.newest() == [6000]


def test_a_measured_item_changes_at_period_end_only(small_company: Company) -> None:
    company = small_company
    plus = Plus(company)
    first, second = (sell(company, f"Uso {n}", 5, model="usage", meter="minutes") for n in range(2))
    item_id = company.new_id()
    changed(company, plus.id, first, item_id=item_id, when="period_end")
    plus.run(date(2026, 5, 1))
    ask = PlanChangeAsk(subscription_id=plus.id, new_price_id=second, item_id=item_id)
    with company.begin() as tx, pytest.raises(WrongState):
        change_plan(tx, ask)
    changed(company, plus.id, second, item_id=item_id, when="period_end")


def test_the_whole_ask_survives_its_payload(small_company: Company) -> None:
    new_id = small_company.new_id
    ask = PlanChangeAsk(
        subscription_id=new_id(),
        new_price_id=new_id(),
        when="new_cycle",
        reason="x",
        money_act_id=new_id(),
        item_id=new_id(),
        quantity=3,
        as_of=small_company.at,
    )
    assert ask_from(payload_of(ask)) == ask


@pytest.mark.parametrize("when", ["now", "next_invoice", "period_end", "new_cycle"])
def test_one_act_changes_once_in_every_mode(company: Company, when: str) -> None:
    plus = Plus(company)
    dear = company.price("Max", 9000)
    ask = PlanChangeAsk(
        subscription_id=plus.id,
        new_price_id=dear,
        when=when,  # type: ignore[arg-type]
        money_act_id=company.new_id(),
    )
    with company.begin() as tx:
        first = change_plan(tx, ask)
    with company.begin() as tx:
        assert change_plan(tx, ask) == first
    if first.invoice_id is not None:
        plus.pay()
        with company.begin() as tx:
            assert change_plan(tx, ask).state == "applied"
    plus.run(date(2026, 5, 11))
    assert plus.items() == [(dear, 2, None)]


@pytest.mark.parametrize("lost", ["pending_price_id", "pending_on"])
def test_a_pending_change_that_has_lost_its_terms_is_a_defect(
    small_company: Company, lost: str
) -> None:
    company = small_company
    plus = Plus(company)
    changed(company, plus.id, company.price("Max", 9000))
    with company.begin() as tx:
        setattr(tx.session.get_one(Subscription, plus.id), lost, None)
    with company.begin() as tx:
        row = tx.session.get_one(Subscription, plus.id)
        assert row.pending_invoice_id is not None
        with pytest.raises(AssertionError, match="incomplete"):
            apply_paid_change(tx, row, row.pending_invoice_id)
        tx.session.rollback()


def test_a_pending_change_that_has_lost_its_invoice_is_a_defect(small_company: Company) -> None:
    company = small_company
    plus = Plus(company)
    nowhere = company.new_id()
    with company.begin() as tx:
        row = tx.session.get_one(Subscription, plus.id)
        apply_paid_change(tx, row, nowhere)  # not its invoice: nothing happens
        row.pending_invoice_id = nowhere
        with pytest.raises(AssertionError, match="lost its invoice"):
            apply_paid_change(tx, row, nowhere)
        row.pending_invoice_id = None


def test_a_line_without_days_cannot_be_shown_as_a_part_of_a_period(small_company: Company) -> None:
    plus = Plus(small_company)
    with small_company.begin() as tx:
        terms = terms_of(tx.session, plus.id)[plus.id]
    [line] = lines_for(
        terms.main,
        Span(date(2026, 4, 1), date(2026, 5, 1), date(2026, 4, 1), date(2026, 5, 1)),
        kind="subscription",
        reason="period",
    )
    with pytest.raises(AssertionError):
        preview_line(replace(line, start=None))
