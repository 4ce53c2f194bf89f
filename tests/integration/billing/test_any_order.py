"""Whatever happens, in whatever order: the books add up and no payment gives back more than it took."""

import random
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import pytest
from sqlalchemy import ColumnElement, func, select

from billing_core.attempts import attempts_to_reconcile, invoices_to_collect
from billing_core.catalog import plans_on_sale
from billing_core.corrections import ReissueAsk, reissue_invoice
from billing_core.credits import CreditAsk, give_credit
from billing_core.disputes import sync_dispute
from billing_core.domain.credit_order import ORDERS
from billing_core.errors import NotAllowed
from billing_core.gateway_events import events_to_read, read_event, store_event
from billing_core.invoice_credits import CreditNoteAsk, credit_invoice
from billing_core.invoicing import run_billing
from billing_core.payments import (
    reconcile_attempt,
    record_capture,
)
from billing_core.refunds import (
    RefundAsk,
    approve_refund,
    give_back,
    reconcile_refund,
    refunds_to_reconcile,
    refunds_to_send,
    release_refund,
    send_refund,
)
from billing_core.store.base import Base
from billing_core.store.dispute import Dispute
from billing_core.store.invoice import Invoice, InvoiceLine
from billing_core.store.payment import Payment, Refund
from billing_core.store.subscription import Subscription
from billing_core.subscriptions import PlanChangeAsk, change_plan
from billing_core.write_offs import WriteOffAsk, write_off
from tests.databases import fresh_sqlite

from .conftest import Company, brl

Row = TypeVar("Row", bound=Base)


class Walk:
    """One company that random people do random things to. The seed replays it."""

    def __init__(self, company: Company, seed: int) -> None:
        self.company, self.dice = company, random.Random(seed)
        for name, minor in (("A", 4990), ("B", 7990), ("C", 12990)):
            company.price(name, minor)
        company.price("D", 99900, interval="year")
        with company.begin() as tx:
            self.prices = [one.price_id for one in plans_on_sale(tx.session)]
        for _ in range(3):
            company.start(self.dice.choice(self.prices))
        self.acts: list[Callable[[], object]] = [
            self.pass_time,
            self.bill,
            self.misbehave,
            self.refund,
            self.decide,
            self.send,
            self.credit,
            self.correct,
            self.change,
            self.capture,
            self.hear,
            self.bounce,
            self.credit_note,
            self.write_off,
            self.dispute,
            self.decide_dispute,
        ]

    def step(self) -> None:
        with suppress(NotAllowed):  # a refusal changes nothing: the invariants prove it
            self.dice.choice(self.acts)()

    def any_of(self, row: type[Row], *where: ColumnElement[bool]) -> Row | None:
        with self.company.begin() as tx:
            found = tx.session.scalars(select(row).where(*where)).all()
        return self.dice.choice(found) if found else None

    def pass_time(self) -> None:
        self.company.forward(hours=self.dice.choice([1, 5, 24, 24 * 10, 24 * 31]))

    def bill(self) -> None:
        company = self.company
        run_billing(company.begin, company.gateways, batch=self.dice.choice([1, 10]))
        with company.begin() as tx:
            left = invoices_to_collect(tx.session, company.at)
        for invoice_id in left:
            company.collect(invoice_id)

    def misbehave(self) -> None:
        self.company.gateway.behave(
            self.dice.choice(["decline", "drop_before", "drop_after", "late"]),
            on=self.dice.choice(["charge", "refund"]),
        )

    def refund(self) -> None:
        payment = self.any_of(Payment)
        if payment is not None:
            minor = self.dice.choice([1, payment.captured_minor // 2, payment.captured_minor])
            with self.company.begin() as tx:
                ask = RefundAsk(payment_id=payment.id, amount=brl(minor), reason="x")
                give_back(tx, ask, held=self.dice.random() < 0.5)  # or all of it to the balance

    def decide(self) -> None:
        refund = self.any_of(Refund, Refund.state == "awaiting_approval")
        if refund is not None:
            with self.company.begin() as tx:
                if self.dice.random() < 0.5:
                    approve_refund(tx, refund.id)
                else:
                    release_refund(tx, refund.id, "refused")

    def send(self) -> None:
        with self.company.begin() as tx:
            ids = refunds_to_send(tx.session)
        for id in ids:
            send_refund(self.company.begin, self.company.gateway, id)

    def credit(self) -> None:
        one = self.any_of(Subscription)
        assert one is not None
        with self.company.begin() as tx:
            ask = CreditAsk(
                customer_id=one.customer_id, amount=brl(self.dice.randint(1, 9000)), reason="x"
            )
            give_credit(tx, ask)

    def correct(self) -> None:
        line = self.any_of(InvoiceLine)
        assert line is not None
        with self.company.begin() as tx:
            reissue_invoice(
                tx,
                ReissueAsk(
                    invoice_id=line.invoice_id,
                    lines=((line.id, brl(self.dice.randint(0, 20000))),),
                    reason="x",
                    settle_by=self.dice.choice(["refund", "credit"]),
                ),
            )

    def credit_note(self) -> None:
        invoice = self.any_of(Invoice)
        assert invoice is not None
        with self.company.begin() as tx:
            ask = CreditNoteAsk(
                invoice_id=invoice.id,
                amount=brl(self.dice.randint(1, 20000)),
                reason="x",
                order=self.dice.choice(ORDERS),
            )
            credit_invoice(tx, ask)

    def write_off(self) -> None:
        invoice = self.any_of(Invoice, Invoice.state == "open")
        if invoice is not None:
            with self.company.begin() as tx:
                write_off(tx, WriteOffAsk(invoice_id=invoice.id, reason="x"))

    def dispute(self) -> None:
        payment, charges = self.any_of(Payment), self.company.gateway.charges()
        if payment is not None and payment.balance.left:
            [key] = [one.key for one in charges if one.ref == payment.gateway_ref]
            minor = self.dice.randint(1, payment.balance.left.minor)  # the sandbox keeps to it
            event = self.company.gateway.open_dispute(key, brl(minor))
            with self.company.begin() as tx:
                stored = store_event(tx, "sandbox", event)
            read_event(self.company.begin, self.company.gateways, stored)

    def decide_dispute(self) -> None:
        dispute = self.any_of(Dispute, Dispute.held == "held")
        if dispute is not None:
            gateway = self.company.gateway
            gateway.decide_dispute(dispute.gateway_ref, won=self.dice.random() < 0.5)
            sync_dispute(self.company.begin, gateway, dispute.id)

    def change(self) -> None:
        one = self.any_of(Subscription)
        assert one is not None
        with self.company.begin() as tx:
            ask = PlanChangeAsk(
                subscription_id=one.id,
                new_price_id=self.dice.choice(self.prices),
                when=self.dice.choice(["now", "period_end"]),
            )
            invoice_id = change_plan(tx, ask).invoice_id
        if invoice_id is not None:
            self.company.collect(invoice_id)

    def capture(self) -> None:
        payment = self.any_of(Payment)
        if payment is not None:
            keys = [
                one.key for one in self.company.gateway.charges() if one.ref == payment.gateway_ref
            ]
            if not keys or keys[0].endswith(":repeated"):
                return
            if f"{keys[0]}:repeated" in {one.key for one in self.company.gateway.charges()}:
                return
            again = self.company.gateway.repeat_capture(keys[0])
            with self.company.begin() as tx:
                record_capture(
                    tx,
                    customer_id=payment.customer_id,
                    amount=again.amount,
                    gateway="sandbox",
                    gateway_ref=again.ref,
                    payment_method_id=payment.payment_method_id,
                )

    def hear(self) -> None:
        company = self.company
        for notice in company.gateway.settle_pending(succeed=self.dice.random() < 0.7):
            with company.begin() as tx:
                store_event(tx, "sandbox", notice)
        self.reconcile()

    def bounce(self) -> None:
        refund = self.any_of(Refund, Refund.state == "succeeded")
        if refund is not None:
            notice = self.company.gateway.bounce_refund(str(refund.id))
            with self.company.begin() as tx:
                stored = store_event(tx, "sandbox", notice)
            read_event(self.company.begin, self.company.gateways, stored)

    def reconcile(self) -> None:
        company = self.company
        company.forward(minutes=1)
        with company.begin() as tx:
            notices = events_to_read(tx.session, company.at)
            attempts = attempts_to_reconcile(tx.session, company.at)
            refunds = refunds_to_reconcile(tx.session, company.at)
        for id in notices:
            read_event(company.begin, company.gateways, id)
        for id in attempts:
            reconcile_attempt(company.begin, company.gateways, id)
        for id in refunds:
            reconcile_refund(company.begin, company.gateway, id)

    def check(self) -> None:
        company = self.company
        assert company.faults() == []
        with company.begin() as tx:
            for payment in tx.session.scalars(select(Payment)):
                assert payment.balance.left.minor >= 0
            for line in tx.session.scalars(select(InvoiceLine)):
                gross = max(0, line.net_minor + line.tax_minor)
                assert 0 <= line.credited_minor <= gross
            counted = tx.session.execute(
                select(Invoice.series, func.count(), func.max(Invoice.number)).group_by(
                    Invoice.series
                )
            )
            assert all(rows == highest for _, rows, highest in counted), "numbers have gaps"

    def agree_with_the_gateway(self) -> None:
        """When every answer is in, both sides tell of the same money."""
        company = self.company
        company.gateway.behave_well()
        company.gateway.settle_pending()
        self.reconcile()
        theirs = {
            one.ref: one.amount.minor
            for one in company.gateway.charges()
            if one.state == "succeeded"
        }
        back = sum(
            one.amount.minor for one in company.gateway.refunds() if one.state == "succeeded"
        )
        with company.begin() as tx:
            ours = {
                one.gateway_ref: one.captured_minor for one in tx.session.scalars(select(Payment))
            }
            refunded = tx.session.scalar(select(func.sum(Payment.refunded_minor))) or 0
        assert ours == theirs
        assert refunded == back


@pytest.mark.parametrize("seed", range(6))
def test_any_order_of_acts_keeps_the_books(tmp_path: Path, seed: int, full: bool) -> None:
    for round_ in range(20 if full else 1):
        folder = tmp_path / str(round_)
        folder.mkdir()
        company = Company(fresh_sqlite(folder)).open()
        try:
            walk = Walk(company, seed=seed * 1000 + round_)
            for number in range(60):
                walk.step()
                if number % 10 == 9:
                    walk.check()
            walk.agree_with_the_gateway()
            walk.check()
        finally:
            company.close()
