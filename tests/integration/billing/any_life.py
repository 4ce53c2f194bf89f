"""Any life a subscription can have, over three years, in any order."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import wraps
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from sqlalchemy import event, select

from billing_core.attempts import attempts_to_reconcile
from billing_core.catalog import PriceTerms
from billing_core.coupons import NewCoupon, add_coupon, redeem_coupon
from billing_core.credits import CreditAsk, give_credit
from billing_core.domain.calendar import local_date
from billing_core.errors import NotAllowed
from billing_core.gateway_events import store_event
from billing_core.invoicing import run_billing
from billing_core.payments import reconcile_attempt
from billing_core.plan_changes import bill_waiting_lines
from billing_core.refunds import (
    RefundAsk,
    reconcile_refund,
    refunds_to_reconcile,
    refunds_to_send,
    send_refund,
)
from billing_core.renewals import bill_many
from billing_core.store.forecast import next_charge
from billing_core.store.invoice import Invoice
from billing_core.store.payment import Payment
from billing_core.store.subscription import BILLED, Subscription, SubscriptionItem
from billing_core.subscriptions import cancel_pause, uncancel
from tests.databases import Rewindable, fresh_sqlite

from .conftest import Company, brl
from .invariants import (
    no_day_of_an_item_is_billed_twice,
    nothing_is_given_back_twice,
    periods_end_on_the_anchor,
    the_books_add_up,
    what_is_over_owes_no_periods,
)
from .life import begun, canceled, changed, given_back, noon, paused, resumed, row_of
from .test_items import sell

END = noon(2029, 1, 31)
CHARGES = ("subscription", "proration_charge")
few = st.integers(0, 9)
modes = st.sampled_from(["now", "next_invoice", "period_end", "new_cycle"])
days_between = st.sampled_from([0, 0, 0, 0, 0, 1, 6, 17, 31, 70, 200])


def act(**chosen: Any) -> Callable[[Callable[..., None]], Any]:
    """Make a rule that is preceded by some days: thirty acts take about three years."""

    def to_rule(function: Callable[..., None]) -> Any:
        @rule(later=days_between, **chosen)
        @wraps(function)
        def step(self: "AnyLife", later: int, **values: Any) -> None:
            self.live_on(later)
            function(self, **values)

        return step

    return to_rule


class Stage:
    """One company for all lives: its rows are put back to its first day before each."""

    def __init__(self, folder: Path) -> None:
        self.company = company = Company(fresh_sqlite(folder), synced=False)
        company.at = noon(2026, 1, 31)
        company.entropy = Random(1).randbytes
        company.open()
        self.plans = [
            company.price("A", 2990),
            company.price("B", 7990),
            company.price("C", 12990, terms=PriceTerms(proration="second")),
            company.price("D", 99900, interval="year"),
            company.price("E", 1490, interval="week"),
        ]
        self.extra = sell(company, "Telas", 990)
        with company.begin() as tx:
            add_coupon(tx, NewCoupon(code="DEZ", name="Dez", off="10", periods=3))
            add_coupon(tx, NewCoupon(code="CINCO", name="Cinco", off=brl(500), periods=None))
        self._rows = Rewindable(company.engine)
        self.written = True
        event.listen(company.engine, "before_cursor_execute", self._look)

    def _look(self, _connection: object, _cursor: object, statement: str, *_more: object) -> None:
        self.written |= not statement.startswith(("SELECT", "BEGIN"))

    def clear(self) -> None:
        self._rows.rewind()
        self.written = True
        self.company.at = noon(2026, 1, 31)
        self.company.entropy = Random(2).randbytes
        self.company.events.clear()

    def close(self) -> None:
        self._rows.close()
        self.company.close()


class AnyLife(RuleBasedStateMachine):
    def __init__(self, stage: Stage) -> None:
        super().__init__()
        stage.clear()
        self.stage, self.company = stage, stage.company
        self.plans, self.extra = stage.plans, stage.extra
        self.ids: list[UUID] = []
        self.cut: set[UUID] = set()  # a day was named on which service ends, at some time

    @invariant()
    def what_was_written_keeps_every_rule(self) -> None:
        """Look again only after a step that wrote: no rule of these depends on the time."""
        if self.stage.written:
            self.every_rule_holds()

    def every_rule_holds(self) -> None:
        with self.company.begin() as tx:
            the_books_add_up(tx.session)
            nothing_is_given_back_twice(tx.session)
            no_day_of_an_item_is_billed_twice(tx.session)
            periods_end_on_the_anchor(tx.session, self.cut)
            what_is_over_owes_no_periods(tx.session)
        self.stage.written = False

    def teardown(self) -> None:
        self.every_rule_holds()

    def one(self, which: int) -> UUID:
        if not self.ids:
            self.ids.append(begun(self.company, self.plans[0]))
        return self.ids[which % len(self.ids)]

    @act(plan=few, trial=st.sampled_from([0, 0, 0, 14]), bill_day=few, more=few)
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

    @act(which=few, plan=few, when=modes, quantity=st.sampled_from([None, 1, 2, 5]))
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

    @act(which=few, when=modes, quantity=st.integers(0, 3))
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

    @act(which=few)
    def bill_what_waits(self, which: int) -> None:
        id = self.one(which)
        if row_of(self.company, id).state in BILLED:
            with self.company.begin() as tx:
                invoice_id = bill_waiting_lines(tx, id)
            if invoice_id is not None:
                self.company.collect(invoice_id)

    @act(which=few, when=st.sampled_from(["now", "period_end"]), days=st.sampled_from([0, 9, 50]))
    def pause(self, which: int, when: str, days: int) -> None:
        day = self.company.at.date() + timedelta(days) if days else None
        with suppress(NotAllowed):
            paused(self.company, self.one(which), when=when, resumes_on=day)

    @act(which=few, in_cycle=st.sampled_from([None, True, False]))
    def resume(self, which: int, in_cycle: bool | None) -> None:
        with suppress(NotAllowed):
            invoice = resumed(self.company, self.one(which), in_cycle=in_cycle)
            self.company.collect(invoice.id)

    @act(
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

    @act(which=few)
    def take_back(self, which: int) -> None:
        with suppress(NotAllowed), self.company.begin() as tx:
            uncancel(tx, self.one_of(which))
            cancel_pause(tx, self.one_of(which))

    def one_of(self, which: int) -> UUID:
        return self.ids[which % len(self.ids)] if self.ids else self.company.new_id()

    @act(which=few, code=st.sampled_from(["DEZ", "CINCO"]))
    def redeem(self, which: int, code: str) -> None:
        id = self.one(which)
        with suppress(NotAllowed), self.company.begin() as tx:
            redeem_coupon(tx, id, code)

    @act(which=few, minor=st.integers(1, 9000))
    def credit(self, which: int, minor: int) -> None:
        customer_id = row_of(self.company, self.one(which)).customer_id
        with self.company.begin() as tx:
            give_credit(tx, CreditAsk(customer_id=customer_id, amount=brl(minor), reason="x"))

    @act(which=few, share=st.sampled_from([1, 2, 3, 1000]))
    def refund(self, which: int, share: int) -> None:
        with self.company.begin() as tx:
            rows = tx.session.execute(
                select(Payment.id, Payment.captured_minor).order_by(Payment.captured_at, Payment.id)
            ).all()
        if rows:
            id, captured = rows[which % len(rows)]
            ask = RefundAsk(payment_id=id, amount=brl(max(1, captured // share)), reason="x")
            with suppress(NotAllowed):
                given_back(self.company, ask)

    @act(
        how=st.sampled_from(["decline", "drop_before", "drop_after", "late"]),
        on=st.sampled_from(["charge", "charge", "refund"]),
    )
    def misbehave(self, how: Any, on: Any) -> None:
        self.company.gateway.behave(how, on=on)

    @act()
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

    def live_on(self, days: int) -> None:
        """Let time pass, the billing run at work at least every ten weeks."""
        while days and self.company.at < END:
            stride = min(days, 70)
            self.company.forward(days=stride)
            self.bill_all()
            days -= stride

    @act()
    def an_hour_passes(self) -> None:
        self.company.forward(hours=1)
        self.bill_all()

    def bill_all(self) -> None:
        company = self.company
        # Again, until nothing is left: a change was paid meanwhile, or a batch left one behind.
        made = 1
        while made:
            run = run_billing(company.begin, company.gateways, batch=5)
            assert run.faults == []
            made = run.invoices + run.paid + run.failed
        with company.begin() as tx:
            rows = tx.session.scalars(select(Subscription).where(Subscription.state.in_(BILLED)))
            for row in rows:
                waits = row.pending_invoice_id is not None or row.next_bill_at is None
                # The end of its service is settled when a charge has its answer.
                waits |= row.cancel_on is not None and row.cancel_on < row.current_period_end
                if not waits:
                    today = local_date(company.at, row.time_zone)
                    assert row.current_period_start <= today < row.current_period_end

    @act(which=few)
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
