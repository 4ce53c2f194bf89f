"""An invoice that is dropped or replaced: what it had used up, and what becomes of the subscription."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from billing_core.corrections import ReissueAsk, preview_reissue
from billing_core.coupons import NewCoupon, add_coupon, redeem_coupon, remove_coupon
from billing_core.credits import CreditAsk, credit_balance, give_credit
from billing_core.errors import (
    BeingCharged,
    ChangePending,
    CouponNotForThis,
    NotFound,
    PaperWaiting,
    StaleInputs,
    WrongState,
)
from billing_core.events import InvoiceVoided, LatePaymentArrived, SubscriptionActivated
from billing_core.invoice_credits import CreditNoteAsk, credit_invoice
from billing_core.invoicing import run_billing
from billing_core.payments import reconcile_attempt, withdraw_invoice
from billing_core.plan_change_rules import PlanChangeAsk
from billing_core.plan_changes import bill_waiting_lines, preview_plan_change
from billing_core.store.catalog import Coupon, CouponRedemption
from billing_core.store.subscription import Subscription
from billing_core.turns import run_turns
from billing_core.usage import NewUsage, record_usage, unbilled_usage
from billing_core.voids import VoidAsk, ask_from, payload_of, preview_void, void_invoice
from billing_core.write_offs import WriteOffAsk, write_off

from .conftest import Company, brl
from .life import begun, changed, invoices_of, method, noon, period, row_of
from .test_corrections import ask as right_amount
from .test_corrections import correct
from .test_items import add_item, sell
from .test_waiting_charges import attempt_of, one_off, state_of, waiting

THREE = NewCoupon(code="TRES", name="", off="10", periods=3)


def voided(company: Company, invoice_id: UUID, **more: object) -> UUID:
    """Void an invoice as its preview says."""
    ask = VoidAsk(invoice_id=invoice_id, reason="our_mistake", **more)  # type: ignore[arg-type]
    with company.begin() as tx:
        shown = preview_void(tx.session, ask, tx.at)
        assert ask_from(shown.payload) == ask
    with company.begin() as tx:
        return void_invoice(tx, ask, expected=shown.inputs_hash)


def with_coupon(company: Company, new: NewCoupon = THREE) -> tuple[UUID, UUID]:
    """Return (subscription, invoice): a period of a hundred is open, with the coupon."""
    with company.begin() as tx:
        add_coupon(tx, new)
    id = begun(company, company.price(f"Plano {new.code}", 10000), coupon=new.code)
    return id, invoices_of(company, id)[-1].id


def with_usage(company: Company) -> tuple[UUID, UUID]:
    """Return (subscription, measured item): twelve calls are not billed yet."""
    _, subscription_id, _ = company.paying(company.price("Plano", 5000))
    calls = sell(company, "Chamadas", 100, model="usage", meter="calls")
    item_id = add_item(company, subscription_id, calls)
    with company.begin() as tx:
        record_usage(tx, NewUsage(item_id=item_id, quantity=12, used_at=tx.at, key="a"))
    return subscription_id, item_id


def right_line(invoice_id: UUID, line_id: UUID, minor: int) -> ReissueAsk:
    return ReissueAsk(invoice_id=invoice_id, lines=((line_id, brl(minor)),), reason="our_mistake")


def on(company: Company, subscription_id: UUID) -> tuple[int | None, bool, date | None]:
    """Return what a subscription's newest coupon has left, whether it lasts, and its cover."""
    with company.begin() as tx:
        one = tx.session.scalars(
            select(CouponRedemption)
            .where(CouponRedemption.subscription_id == subscription_id)
            .order_by(CouponRedemption.id.desc())
        ).first()
        assert one is not None
        return one.periods_left, one.live, one.covered_until


def next_total(company: Company, subscription_id: UUID) -> int:
    company.at += timedelta(days=31)
    company.renew(subscription_id)
    return invoices_of(company, subscription_id)[-1].total_minor


# ---- what is there again ----


def test_a_voided_invoice_is_asked_for_by_nobody_and_its_credit_returns(company: Company) -> None:
    customer_id, subscription_id, _ = company.paying()
    with company.begin() as tx:
        give_credit(tx, CreditAsk(customer_id=customer_id, amount=brl(5000), reason="sorry"))
    company.forward(days=31)
    invoice_id = company.renew(subscription_id)
    ask = VoidAsk(invoice_id=invoice_id, reason="our_mistake", money_act_id=company.new_id())
    with company.begin() as tx:
        shown = preview_void(tx.session, ask, tx.at)
    assert (shown.act, shown.amount) == ("void", brl(7990))
    rows = {row.item: (row.before, row.after) for row in shown.rows}
    assert rows == {
        "invoice.state": ("open", "void"),
        "invoice.due": (brl(7990), brl(0)),
        "credit.balance": (brl(0), brl(5000)),
    }
    with company.begin() as tx:
        assert void_invoice(tx, ask, expected=shown.inputs_hash) == invoice_id
        assert void_invoice(tx, ask) == invoice_id, "twice is once"
        assert credit_balance(tx.session, customer_id, "BRL") == brl(5000)
    assert run_billing(company.begin, company.gateways).invoices == 0
    [event] = company.told(InvoiceVoided)
    assert isinstance(event, InvoiceVoided)
    assert (event.due, event.money_act_id) == (brl(7990), ask.money_act_id)


def test_a_void_invoice_lets_its_usage_be_billed_again(company: Company) -> None:
    subscription_id, item_id = with_usage(company)
    company.forward(days=31)
    voided(company, company.renew(subscription_id))
    with company.begin() as tx:
        assert unbilled_usage(tx.session, item_id) == 12
    assert next_total(company, subscription_id) == 5000 + 1200


def test_an_invoice_that_is_issued_again_keeps_its_usage(company: Company) -> None:
    subscription_id, item_id = with_usage(company)
    company.forward(days=31)
    first = company.renew(subscription_id)
    usage = company.lines(first)[0]
    again = correct(company, right_line(first, usage.id, 600)).invoice_id
    assert again is not None
    with company.begin() as tx:
        assert unbilled_usage(tx.session, item_id) == 0
    voided(company, again)
    with company.begin() as tx:
        assert unbilled_usage(tx.session, item_id) == 12, "the newest of them owned it"


def test_lines_that_had_waited_wait_again_and_credit_what_they_take_back_once(
    company: Company,
) -> None:
    company.at = noon(2026, 4, 1)
    id = begun(company, company.price("Caro", 30000))
    first = invoices_of(company, id)[0]
    company.collect(first.id)
    company.at = noon(2026, 4, 16)
    changed(company, id, company.price("Duplo", 60000), when="next_invoice")
    with company.begin() as tx:
        waiting_id = bill_waiting_lines(tx, id)
    assert waiting_id is not None
    assert company.lines(first.id)[0].credited_minor == 15000
    voided(company, waiting_id)
    assert company.lines(first.id)[0].credited_minor == 15000
    company.at = noon(2026, 5, 1)
    run_billing(company.begin, company.gateways)
    assert invoices_of(company, id)[-1].total_minor == -15000 + 30000 + 60000


def test_a_void_invoice_hands_its_coupon_back(company: Company) -> None:
    id, first = with_coupon(company)
    company.collect(first)
    assert on(company, id) == (2, True, date(2026, 12, 16))
    company.at += timedelta(days=31)
    voided(company, company.renew(id))
    assert on(company, id) == (2, True, date(2026, 12, 16)), "as before that invoice"
    assert [next_total(company, id) for _ in range(3)] == [9000, 9000, 10000]


def test_the_last_period_of_a_coupon_comes_back_to_life(small_company: Company) -> None:
    company = small_company
    once = replace(THREE, code="UMA", periods=1)
    id, first = with_coupon(company, once)
    assert on(company, id)[:2] == (0, False)
    voided(company, first)
    assert on(company, id) == (1, True, None)
    assert [next_total(company, id) for _ in range(2)] == [9000, 10000]


def test_a_coupon_without_end_has_nothing_to_count(small_company: Company) -> None:
    id, first = with_coupon(small_company, replace(THREE, periods=None))
    voided(small_company, first)
    assert on(small_company, id) == (None, True, None)


def test_a_coupon_that_was_removed_or_replaced_does_not_come_back(small_company: Company) -> None:
    company = small_company
    id, first = with_coupon(company)
    with company.begin() as tx:
        remove_coupon(tx, id)
    voided(company, first)
    assert on(company, id)[1] is False
    once = replace(THREE, code="UMA", periods=1)
    other, second = with_coupon(company, once)
    with company.begin() as tx:
        add_coupon(tx, replace(THREE, code="OUTRA", off="50"))
        company.at += timedelta(seconds=1)
        redeem_coupon(tx, other, "OUTRA")
    voided(company, second)
    assert next_total(company, other) == 5000, "one coupon at a time"


def test_a_corrected_invoice_keeps_its_coupon(small_company: Company) -> None:
    company = small_company
    id, first = with_coupon(company)
    [line] = company.lines(first)
    correct(company, right_line(first, line.id, 8000))
    assert on(company, id) == (2, True, date(2026, 12, 16))


def test_a_subscription_nobody_paid_for_uses_up_no_coupon(company: Company) -> None:
    with company.begin() as tx:
        coupon_id = add_coupon(tx, replace(THREE, most=1))
    price_id = company.price("Plano", 10000)
    id = begun(company, price_id, coupon="TRES", pay_first=True)
    with pytest.raises(CouponNotForThis):
        begun(company, price_id, coupon="TRES")
    company.forward(hours=24)
    assert run_turns(company.begin) == []
    assert row_of(company, id).state == "incomplete_expired"
    with company.begin() as tx:
        assert tx.session.get_one(Coupon, coupon_id).redeemed == 0
    assert on(company, id)[1] is False
    begun(company, price_id, coupon="TRES")


# ---- a new cycle uses a coupon too ----


def test_a_new_cycle_uses_up_a_period_of_the_coupon(company: Company) -> None:
    id, first = with_coupon(company)
    company.collect(first)
    company.at += timedelta(days=10)
    done = changed(company, id, company.price("Dobro", 20000), when="new_cycle")
    assert done.invoice_id is not None
    assert company.lines(done.invoice_id)[-1].net_minor == 18000
    company.collect(done.invoice_id)
    assert on(company, id) == (1, True, date(2026, 12, 26))
    assert [next_total(company, id) for _ in range(2)] == [18000, 20000]


@pytest.mark.parametrize(("periods", "then"), [(2, 20000), (3, 18000), (None, 18000)])
def test_the_preview_of_a_new_cycle_knows_what_is_left_of_the_coupon(
    small_company: Company, periods: int | None, then: int
) -> None:
    company = small_company
    id, first = with_coupon(company, replace(THREE, periods=periods))
    company.collect(first)
    company.at += timedelta(days=10)
    dearer = company.price("Dobro", 20000)
    ask = PlanChangeAsk(subscription_id=id, new_price_id=dearer, when="new_cycle")
    with company.begin() as tx:
        shown = preview_plan_change(tx.session, ask, tx.at)
    [row] = [row for row in shown.rows if row.item == "next_charge"]
    assert row.after == brl(then)
    done = changed(company, id, dearer, when="new_cycle")
    assert done.invoice_id is not None
    company.collect(done.invoice_id)
    assert next_total(company, id) == then


def test_a_new_cycle_that_is_declined_gives_its_coupon_back(company: Company) -> None:
    id, first = with_coupon(company)
    company.collect(first)
    company.at += timedelta(days=10)
    done = changed(company, id, company.price("Dobro", 20000), when="new_cycle")
    assert done.invoice_id is not None
    company.gateway.behave("decline", on="charge")
    company.collect(done.invoice_id)
    assert on(company, id) == (2, True, date(2026, 12, 16))


def test_a_change_within_the_period_that_is_declined_uses_no_coupon(small_company: Company) -> None:
    company = small_company
    id, first = with_coupon(company)
    company.collect(first)
    company.at += timedelta(days=10)
    done = changed(company, id, company.price("Dobro", 20000))
    assert done.invoice_id is not None
    company.gateway.behave("decline", on="charge")
    company.collect(done.invoice_id)
    assert on(company, id) == (2, True, date(2026, 12, 16))


def test_a_new_cycle_ends_what_an_older_coupon_covered(small_company: Company) -> None:
    company = small_company
    id, first = with_coupon(company, replace(THREE, code="UMA", periods=1))
    company.collect(first)
    company.at += timedelta(days=10)
    done = changed(company, id, company.price("Dobro", 20000), when="new_cycle")
    assert done.invoice_id is not None
    company.collect(done.invoice_id)
    assert on(company, id) == (0, False, date(2026, 11, 26))
    company.at += timedelta(days=5)
    dearer = changed(company, id, company.price("Triplo", 60000))
    assert dearer.invoice_id is not None
    assert [line.discount_minor for line in company.lines(dearer.invoice_id)] == [0, 0]


# ---- what becomes of the subscription ----


def owing(company: Company, state: str) -> UUID:
    """Return a subscription whose second month was declined; it is July by now."""
    company.at = noon(2012, 3, 2)
    id = begun(company, company.price("Mensal", 3000))
    company.collect(invoices_of(company, id)[0].id)
    company.gateway.behave("decline", on="charge", times=50)
    company.at = noon(2012, 4, 2)
    run_billing(company.begin, company.gateways)
    if state == "unpaid":
        with company.begin() as tx:
            tx.session.get_one(Subscription, id).become("unpaid")
        company.at = noon(2012, 7, 18)
    company.gateway.behave_well()
    assert row_of(company, id).state == state
    return id


def _credited(company: Company, invoice_id: UUID) -> None:
    ask = CreditNoteAsk(invoice_id=invoice_id, amount=brl(3000), reason="goodwill")
    with company.begin() as tx:
        credit_invoice(tx, ask)


def _corrected(company: Company, invoice_id: UUID) -> None:
    correct(company, right_amount(company, invoice_id, 0))


def _voided(company: Company, invoice_id: UUID) -> None:
    voided(company, invoice_id)


@pytest.mark.parametrize("way", [_credited, _corrected, _voided])
def test_an_unpaid_subscription_that_owes_nothing_any_more_goes_on_from_today(
    company: Company, way: Callable[[Company, UUID], None]
) -> None:
    """However the debt went away, the months without service are not asked for."""
    id = owing(company, "unpaid")
    way(company, invoices_of(company, id)[-1].id)
    assert row_of(company, id).state == "active"
    run_billing(company.begin, company.gateways)
    assert period(company, id) == (date(2012, 7, 18), date(2012, 8, 2))
    assert invoices_of(company, id)[-1].total_minor == 1452  # 15 of 31 days


@pytest.mark.parametrize("way", [_credited, _corrected, _voided])
def test_a_subscription_past_due_that_owes_nothing_any_more_is_active(
    small_company: Company, way: Callable[[Company, UUID], None]
) -> None:
    id = owing(small_company, "past_due")
    way(small_company, invoices_of(small_company, id)[-1].id)
    assert row_of(small_company, id).state == "active"
    assert period(small_company, id) == (date(2012, 4, 2), date(2012, 5, 2))


def test_a_first_invoice_that_was_forgiven_activates_the_subscription(
    small_company: Company,
) -> None:
    company = small_company
    id = begun(company, company.price("Mensal", 3000), pay_first=True)
    _credited(company, invoices_of(company, id)[-1].id)
    row = row_of(company, id)
    assert (row.state, row.pay_first_by, row.wakes_at) == ("active", None, None)
    assert len(company.told(SubscriptionActivated)) == 1


def test_what_is_owed_still_keeps_it_past_due(small_company: Company) -> None:
    id = owing(small_company, "past_due")
    correct(small_company, right_amount(small_company, invoices_of(small_company, id)[-1].id, 2000))
    assert row_of(small_company, id).state == "past_due"


# ---- what may be voided ----


def test_what_was_written_off_may_be_voided_and_what_was_paid_may_not(
    small_company: Company,
) -> None:
    company = small_company
    _, subscription_id, _ = company.paying()
    with pytest.raises(WrongState):
        voided(company, invoices_of(company, subscription_id)[0].id)
    company.forward(days=31)
    invoice_id = company.renew(subscription_id)
    with company.begin() as tx:
        write_off(tx, WriteOffAsk(invoice_id=invoice_id, reason="lost"))
    voided(company, invoice_id)
    with pytest.raises(NotFound):
        voided(company, company.new_id())


def test_an_invoice_without_a_subscription_may_be_voided(small_company: Company) -> None:
    company = small_company

    def alone() -> UUID:
        customer_id = company.new_id()
        return one_off(company, customer_id, method(company, customer_id))

    dropped, corrected, forgiven = alone(), alone(), alone()
    voided(company, dropped)
    correct(company, right_amount(company, corrected, 0))
    with company.begin() as tx:
        credit_invoice(tx, CreditNoteAsk(invoice_id=forgiven, amount=brl(5000), reason="goodwill"))
    assert [state_of(company, id) for id in (dropped, corrected, forgiven)] == [
        "void",
        "void",
        "paid",
    ]


def test_a_preview_that_is_out_of_date_voids_nothing(small_company: Company) -> None:
    company = small_company
    customer_id, _ = company.start()
    ask = VoidAsk(invoice_id=company.invoice(customer_id).id, reason="", money_act_id=None)
    assert payload_of(ask)["money_act_id"] is None
    with company.begin() as tx, pytest.raises(StaleInputs):
        void_invoice(tx, ask, expected="another")


def test_an_invoice_that_a_change_waits_for_is_not_voided(small_company: Company) -> None:
    company = small_company
    _, subscription_id, _ = company.paying()
    company.forward(days=1)
    done = changed(company, subscription_id, company.price("Dobro", 30000))
    assert done.invoice_id is not None
    with pytest.raises(ChangePending):
        voided(company, done.invoice_id)


# ---- a boleto that waits ----


@pytest.mark.parametrize("kind", ["boleto", "pix"])
def test_a_waiting_paper_is_withdrawn_together_with_the_invoice_it_was_for(
    company: Company, kind: str
) -> None:
    _, invoice_id, attempt = waiting(company, kind)  # type: ignore[arg-type]
    request = right_amount(company, invoice_id)
    with company.begin() as tx:
        shown = preview_reissue(tx.session, request, tx.at)
    [row] = [row for row in shown.rows if row.item == "payment.waiting"]
    assert (row.before, row.after, row.data["rail"]) == (brl(12990), brl(0), kind)
    done = correct(company, request, expected=shown.inputs_hash)
    assert done.invoice_id is not None
    withdraw_invoice(company.begin, company.gateways, invoice_id)
    old = attempt_of(company, invoice_id)
    assert (old.id, old.state, old.failure_code) == (attempt.id, "failed", "withdrawn")
    run_billing(company.begin, company.gateways)
    new = attempt_of(company, done.invoice_id)
    assert (new.state, new.amount_minor, new.rail) == ("pending", 9990, kind)


def test_a_paper_paid_before_its_correction_makes_the_preview_stale(company: Company) -> None:
    _, invoice_id, attempt = waiting(company)
    ask = VoidAsk(invoice_id=invoice_id, reason="our_mistake")
    with company.begin() as tx:
        shown = preview_void(tx.session, ask, tx.at)
        assert [row.item for row in shown.rows][-1] == "payment.waiting"
    company.gateway.receive_payment(attempt.key)
    reconcile_attempt(company.begin, company.gateways, attempt.id)
    with company.begin() as tx, pytest.raises(WrongState):
        void_invoice(tx, ask, expected=shown.inputs_hash)


def test_a_paper_paid_after_its_withdrawal_is_late_money_and_never_lost(company: Company) -> None:
    _, invoice_id, attempt = waiting(company)
    voided(company, invoice_id)
    company.gateway.receive_payment(attempt.key)
    reconcile_attempt(company.begin, company.gateways, attempt.id)
    [late] = company.told(LatePaymentArrived)
    assert isinstance(late, LatePaymentArrived)
    assert (late.invoice_id, late.amount) == (invoice_id, brl(12990))


def test_a_charge_without_an_answer_is_waited_for(small_company: Company) -> None:
    company = small_company
    customer_id, _ = company.start()
    invoice_id = company.invoice(customer_id).id
    company.gateway.behave("drop_after", on="charge")
    company.collect(invoice_id)
    with pytest.raises(BeingCharged):
        voided(company, invoice_id)


def test_a_credit_note_does_not_change_what_a_waiting_paper_asks_for(
    small_company: Company,
) -> None:
    _, invoice_id, _ = waiting(small_company)
    ask = CreditNoteAsk(invoice_id=invoice_id, amount=brl(3000), reason="goodwill")
    with small_company.begin() as tx, pytest.raises(PaperWaiting):
        credit_invoice(tx, ask)
