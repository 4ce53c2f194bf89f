"""Any life a subscription can have, over three years, in any order: every invariant holds after each step.

A failure prints the steps; `--hypothesis-seed` replays a run.
"""

import shutil
import tempfile
from calendar import monthrange
from collections import Counter
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import func, select

from billing_core.attempts import attempts_to_reconcile
from billing_core.catalog import PriceTerms
from billing_core.coupons import NewCoupon, add_coupon, redeem_coupon
from billing_core.credits import CreditAsk, give_credit
from billing_core.domain.calendar import local_date, start_of
from billing_core.domain.subscription import period_around
from billing_core.errors import NotAllowed
from billing_core.gateway_events import store_event
from billing_core.invoicing import run_billing
from billing_core.metrics import mrr_faults
from billing_core.payments import reconcile_attempt
from billing_core.plan_changes import bill_waiting_lines
from billing_core.refunds import (
    RefundAsk,
    give_back,
    reconcile_refund,
    refunds_to_reconcile,
    refunds_to_send,
    send_refund,
)
from billing_core.renewals import bill_many
from billing_core.store.catalog import Price
from billing_core.store.forecast import next_charge
from billing_core.store.invoice import Invoice, InvoiceLine
from billing_core.store.payment import Payment
from billing_core.store.subscription import BILLED, Subscription, SubscriptionItem
from billing_core.subscriptions import cancel_pause, uncancel
from tests.databases import fresh_sqlite

from .conftest import Company, brl
from .life import begun, canceled, changed, invoices_of, noon, paused, resumed, row_of
from .test_items import sell

END = noon(2029, 1, 31)
CHARGES = ("subscription", "proration_charge")
few = st.integers(0, 9)
modes = st.sampled_from(["now", "next_invoice", "period_end", "new_cycle"])


class AnyLife(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="any-life-"))
        self.company = Company(fresh_sqlite(self.folder)).open()
        self.company.at = noon(2026, 1, 31)
        self.company.entropy = Random(1).randbytes
        company = self.company
        self.plans = [
            company.price("A", 2990),
            company.price("B", 7990),
            company.price("C", 12990, terms=PriceTerms(proration="second")),
            company.price("D", 99900, interval="year"),
            company.price("E", 1490, interval="week"),
        ]
        self.extra = sell(company, "Telas", 990)
        self.ids: list[UUID] = []
        self.cut: set[UUID] = set()  # a day was named on which service ends, at some time
        with company.begin() as tx:
            add_coupon(tx, NewCoupon(code="DEZ", name="Dez", off="10", periods=3))
            add_coupon(tx, NewCoupon(code="CINCO", name="Cinco", off=brl(500), periods=None))

    def teardown(self) -> None:
        self.company.close()
        shutil.rmtree(self.folder)

    def one(self, which: int) -> UUID:
        if not self.ids:
            self.ids.append(begun(self.company, self.plans[0]))
        return self.ids[which % len(self.ids)]

    @rule(plan=few, trial=st.sampled_from([0, 0, 0, 14]), bill_day=few, more=few)
    def start(self, plan: int, trial: int, bill_day: int, more: int) -> None:
        if len(self.ids) < 4:
            ask: dict[str, Any] = {
                "trial_days": trial,
                "bill_day": [None, None, 1, 15, 31][bill_day % 5],
                "pay_first": more == 1,
                "coupon": {2: "DEZ", 3: "CINCO"}.get(more),
                "quantity": 1 + more % 3,
                "pays": more != 4,
            }
            self.ids.append(begun(self.company, self.plans[plan % 5], **ask))

    @rule(which=few, plan=few, when=modes, quantity=st.sampled_from([None, 1, 2, 5]))
    def change_plan(self, which: int, plan: int, when: str, quantity: int | None) -> None:
        with suppress(NotAllowed):
            done = changed(
                self.company,
                self.one(which),
                self.plans[plan % 5],
                when=when,
                quantity=quantity,
                as_of=self.company.at,
            )
            if done.invoice_id is not None and plan < 8:
                self.company.collect(done.invoice_id)

    @rule(which=few, when=modes, quantity=st.integers(0, 3))
    def change_add_on(self, which: int, when: str, quantity: int) -> None:
        id = self.one(which)
        with self.company.begin() as tx:
            items = tx.session.scalars(
                select(SubscriptionItem.id)
                .where(
                    SubscriptionItem.subscription_id == id,
                    SubscriptionItem.price_id == self.extra,
                    SubscriptionItem.ended_on.is_(None),
                )
                .order_by(SubscriptionItem.added_on)
            ).all()
        item_id = items[0] if items else self.company.new_id()
        with suppress(NotAllowed):
            done = changed(
                self.company, id, self.extra, item_id=item_id, quantity=quantity, when=when
            )
            if done.invoice_id is not None:
                self.company.collect(done.invoice_id)

    @rule(which=few)
    def bill_what_waits(self, which: int) -> None:
        id = self.one(which)
        if row_of(self.company, id).state in BILLED:
            with self.company.begin() as tx:
                invoice_id = bill_waiting_lines(tx, id)
            if invoice_id is not None:
                self.company.collect(invoice_id)

    @rule(which=few, when=st.sampled_from(["now", "period_end"]), days=st.sampled_from([0, 9, 50]))
    def pause(self, which: int, when: str, days: int) -> None:
        day = self.company.at.date() + timedelta(days) if days else None
        with suppress(NotAllowed):
            paused(self.company, self.one(which), when=when, resumes_on=day)

    @rule(which=few, in_cycle=st.sampled_from([None, True, False]))
    def resume(self, which: int, in_cycle: bool | None) -> None:
        with suppress(NotAllowed):
            invoice = resumed(self.company, self.one(which), in_cycle=in_cycle)
            self.company.collect(invoice.id)

    @rule(
        which=few,
        when=st.sampled_from(["now", "period_end", "period_end", "on_date"]),
        settle=st.sampled_from(["refund", "credit", "nothing"]),
        days=st.integers(1, 70),
    )
    def cancel(self, which: int, when: str, settle: str, days: int) -> None:
        day = self.company.at.date() + timedelta(days)
        with suppress(NotAllowed):
            canceled(self.company, self.one(which), when=when, settle=settle, on=day)
        if when == "on_date":
            self.cut.add(self.one(which))

    @rule(which=few)
    def take_back(self, which: int) -> None:
        with suppress(NotAllowed), self.company.begin() as tx:
            uncancel(tx, self.one_of(which))
            cancel_pause(tx, self.one_of(which))

    def one_of(self, which: int) -> UUID:
        return self.ids[which % len(self.ids)] if self.ids else self.company.new_id()

    @rule(which=few, code=st.sampled_from(["DEZ", "CINCO"]))
    def redeem(self, which: int, code: str) -> None:
        id = self.one(which)
        with suppress(NotAllowed), self.company.begin() as tx:
            redeem_coupon(tx, id, code)

    @rule(which=few, minor=st.integers(1, 9000))
    def credit(self, which: int, minor: int) -> None:
        customer_id = row_of(self.company, self.one(which)).customer_id
        with self.company.begin() as tx:
            give_credit(tx, CreditAsk(customer_id=customer_id, amount=brl(minor), reason="x"))

    @rule(which=few, share=st.sampled_from([1, 2, 3, 1000]))
    def refund(self, which: int, share: int) -> None:
        with self.company.begin() as tx:
            rows = tx.session.execute(
                select(Payment.id, Payment.captured_minor).order_by(Payment.captured_at, Payment.id)
            ).all()
        if rows:
            id, captured = rows[which % len(rows)]
            ask = RefundAsk(payment_id=id, amount=brl(max(1, captured // share)), reason="x")
            with suppress(NotAllowed), self.company.begin() as tx:
                give_back(tx, ask, held=False)

    @rule(
        how=st.sampled_from(["decline", "drop_before", "drop_after", "late"]),
        on=st.sampled_from(["charge", "charge", "refund"]),
    )
    def misbehave(self, how: Any, on: Any) -> None:
        self.company.gateway.behave(how, on=on)

    @rule()
    def hear(self) -> None:
        """Every answer that is missing comes in."""
        company = self.company
        for notice in company.gateway.settle_pending():
            with company.begin() as tx:
                store_event(tx, "sandbox", notice)
        company.forward(hours=2)
        with company.begin() as tx:
            attempts = attempts_to_reconcile(tx.session, company.at)
            sent = refunds_to_send(tx.session)
            refunds = refunds_to_reconcile(tx.session, company.at)
        for id in attempts:
            reconcile_attempt(company.begin, company.gateways, id)
        for id in sent:
            send_refund(company.begin, company.gateway, id)
        for id in refunds:
            reconcile_refund(company.begin, company.gateway, id)

    @rule(hours=st.sampled_from([1, 24, 24 * 6, 24 * 17, 24 * 31, 24 * 70]))
    def pass_time(self, hours: int) -> None:
        company = self.company
        if company.at < END:
            company.forward(hours=hours)
        # Again, until nothing is left: a change was paid meanwhile, or a batch left one behind.
        made = 1
        while made:
            run = run_billing(company.begin, company.gateways, batch=5)
            assert run.faults == []
            made = run.invoices + run.paid + run.failed
        for id in self.ids:
            row = row_of(company, id)
            today = local_date(company.at, row.time_zone)
            waits = row.pending_invoice_id is not None or row.next_bill_at is None
            # The end of its service is settled when a charge has its answer.
            waits |= row.cancel_on is not None and row.cancel_on < row.current_period_end
            if row.state in BILLED and not waits:
                assert row.current_period_start <= today < row.current_period_end

    @rule(which=few)
    def foretell(self, which: int) -> None:
        """What is shown as the next charge is what the next run asks for."""
        company, id = self.company, self.one(which)
        row = row_of(company, id)
        with company.begin() as tx:
            told = next_charge(tx.session, tx.session.get(Subscription, id), tx.at, credit=brl(0))
        if (
            told is None
            or row.next_bill_at is None
            or row.pending_invoice_id is not None
            or row.state not in BILLED
            or company.at >= END
        ):
            return
        company.at = max(company.at, row.next_bill_at)
        with company.begin() as tx:
            billed = bill_many(tx, [id])
        if row.cancel_on is not None and row.cancel_on < row.current_period_end:
            return  # its day has come, and was not looked at yet
        [invoice_id] = billed
        with company.begin() as tx:
            made = tx.session.get_one(Invoice, invoice_id)
            assert (made.total_minor, made.period_start, made.period_end) == (
                told.gross.minor,
                told.period_start,
                told.period_end,
            )
        with suppress(NotAllowed):  # nobody has said how it is to be paid
            company.collect(invoice_id)

    @invariant()
    def the_books_add_up(self) -> None:
        assert self.company.faults() == []
        with self.company.begin() as tx:
            assert list(mrr_faults(tx.session)) == []
            counted = tx.session.execute(
                select(Invoice.series, func.count(), func.max(Invoice.number)).group_by(
                    Invoice.series
                )
            )
            assert all(rows == highest for _, rows, highest in counted), "numbers have gaps"

    @invariant()
    def nothing_is_given_back_twice(self) -> None:
        with self.company.begin() as tx:
            for payment in tx.session.scalars(select(Payment)):
                assert payment.balance.left.minor >= 0
            for line in tx.session.scalars(select(InvoiceLine)):
                gross = max(0, line.net_minor + line.tax_minor)
                assert 0 <= line.credited_minor <= gross

    @invariant()
    def no_day_of_an_item_is_billed_twice(self) -> None:
        with self.company.begin() as tx:
            lines = tx.session.scalars(
                select(InvoiceLine)
                .join(Invoice, Invoice.id == InvoiceLine.invoice_id)
                .where(Invoice.state != "void", InvoiceLine.subscription_item_id.is_not(None))
            ).all()
        by_item: dict[UUID, Counter[date]] = {}
        for line in lines:
            start, end, item_id = line.period_start, line.period_end, line.subscription_item_id
            assert start is not None
            assert end is not None
            assert item_id is not None
            sign = 1 if line.kind in CHARGES else -1
            for offset in range((end - start).days):
                by_item.setdefault(item_id, Counter())[start + timedelta(offset)] += sign
        assert all(count in (0, 1) for days in by_item.values() for count in days.values())

    @invariant()
    def periods_end_on_the_anchor(self) -> None:
        with self.company.begin() as tx:
            rows = tx.session.execute(
                select(Subscription, Price.interval)
                .join(SubscriptionItem, SubscriptionItem.subscription_id == Subscription.id)
                .join(Price, Price.id == SubscriptionItem.price_id)
                .where(SubscriptionItem.added_on.is_(None), Subscription.state.in_(BILLED))
            ).all()
        for row, interval in rows:
            start, end = row.current_period_start, row.current_period_end
            assert row.next_bill_at in (None, start_of(end, row.time_zone))
            whole = period_around(
                start, anchor_date=row.anchor_date, anchor_day=row.anchor_day, interval=interval
            )
            assert start < end <= whole[1]
            if interval != "week" and row.id not in self.cut:
                assert end.day == min(row.anchor_day, monthrange(end.year, end.month)[1])

    @invariant()
    def what_is_over_owes_no_periods(self) -> None:
        for id in self.ids:
            row = row_of(self.company, id)
            if row.state in ("canceled", "incomplete_expired"):
                assert (row.next_bill_at, row.wakes_at) == (None, None)
                assert all(
                    one.period_start is None or one.period_start <= row.ended_on  # type: ignore[operator]
                    for one in invoices_of(self.company, id)
                    if one.state != "void"
                )


def test_any_life_keeps_every_invariant(full: bool) -> None:
    run_state_machine_as_test(
        AnyLife,
        settings=settings(
            max_examples=2000 if full else 3,
            stateful_step_count=30 if full else 20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            # A shorter story of the same fault would take an hour to find.
            phases=[Phase.explicit, Phase.reuse, Phase.generate],
        ),
    )
