"""Short ways to do things to subscriptions, each previewed first: the preview is what happens."""

from dataclasses import replace
from datetime import UTC, date, datetime
from uuid import UUID

import pytest
from sqlalchemy import select

from billing_core.cancellations import CancelAsk, CancelResult, cancel, preview_cancel
from billing_core.credits import credit_balance
from billing_core.errors import RefundTooLarge
from billing_core.pauses import PauseAsk, PauseResult, pause, preview_pause
from billing_core.plan_change_rules import PlanChangeAsk
from billing_core.plan_changes import PlanChangeResult, change_plan, preview_plan_change
from billing_core.refunds import RefundAsk, give_back, preview_refund
from billing_core.resumptions import ResumeAsk, preview_resume, resume
from billing_core.starts import StartSubscription, preview_start, start_subscription
from billing_core.store.invoice import Invoice
from billing_core.store.payment import Payment
from billing_core.store.subscription import Subscription
from billing_core.subscriptions import NewMethod, add_payment_method

from .conftest import Company, brl


def noon(year: int, month: int, day: int) -> datetime:
    """15:00 UTC: noon in São Paulo."""
    return datetime(year, month, day, 15, 0, tzinfo=UTC)


def row_of(company: Company, subscription_id: UUID) -> Subscription:
    with company.begin() as tx:
        return tx.session.get_one(Subscription, subscription_id)


def method(company: Company, customer_id: UUID) -> UUID:
    with company.begin() as tx:
        new = NewMethod(customer_id=customer_id, kind="card", token=f"tok_{company.new_id()}")
        return add_payment_method(tx, new)


def begun(company: Company, price_id: UUID, *, pays: bool = True, **more: object) -> UUID:
    """Start a subscription for a new customer, as its preview says."""
    customer_id = company.new_id()
    start = StartSubscription(
        customer_id=customer_id,
        price_id=price_id,
        payment_method_id=method(company, customer_id) if pays else None,
        **more,  # type: ignore[arg-type]
    )
    with company.begin() as tx:
        shown = preview_start(tx.session, start, tx.at)
    with company.begin() as tx:
        id = start_subscription(tx, start, expected=shown.inputs_hash)
    invoices = invoices_of(company, id)
    assert sum(one.total_minor for one in invoices) == shown.amount.minor
    return id


def invoices_of(company: Company, subscription_id: UUID) -> list[Invoice]:
    with company.begin() as tx:
        return list(
            tx.session.scalars(
                select(Invoice)
                .where(Invoice.subscription_id == subscription_id)
                .order_by(Invoice.issued_at, Invoice.number)
            )
        )


def lines_of(company: Company, invoice_id: UUID | None) -> list[tuple[int, dict[str, object]]]:
    assert invoice_id is not None
    return [(line.net_minor, line.arithmetic) for line in company.lines(invoice_id)]


def credit_of(company: Company, subscription_id: UUID) -> int:
    customer_id = row_of(company, subscription_id).customer_id
    with company.begin() as tx:
        return credit_balance(tx.session, customer_id, "BRL").minor


def paused(company: Company, subscription_id: UUID, **more: object) -> PauseResult:
    ask = PauseAsk(subscription_id=subscription_id, **more)  # type: ignore[arg-type]
    before = credit_of(company, subscription_id)
    with company.begin() as tx:
        shown = preview_pause(tx.session, ask, tx.at)
    with company.begin() as tx:
        done = pause(tx, ask, expected=shown.inputs_hash)
    assert done.credit == shown.amount
    assert credit_of(company, subscription_id) == before + shown.amount.minor
    return done


def resumed(company: Company, subscription_id: UUID, **more: object) -> Invoice:
    ask = ResumeAsk(subscription_id=subscription_id, **more)  # type: ignore[arg-type]
    with company.begin() as tx:
        shown = preview_resume(tx.session, ask, tx.at)
    with company.begin() as tx:
        invoice_id = resume(tx, ask, expected=shown.inputs_hash)
        invoice = tx.session.get_one(Invoice, invoice_id)
    assert (brl(invoice.total_minor), brl(invoice.due_minor)) == (shown.amount, shown.charge_now)
    return invoice


def canceled(company: Company, subscription_id: UUID, **more: object) -> CancelResult:
    ask = CancelAsk(subscription_id=subscription_id, **more)  # type: ignore[arg-type]
    before = credit_of(company, subscription_id)
    with company.begin() as tx:
        shown = preview_cancel(tx.session, ask, tx.at)
    with company.begin() as tx:
        done = cancel(tx, ask, expected=shown.inputs_hash)
    assert done.refunded + done.credited + done.lowered == shown.amount
    # What credit had paid returns to it inside a refund.
    gained = credit_of(company, subscription_id) - before
    assert done.credited.minor <= gained <= done.credited.minor + done.refunded.minor
    return done


def changed(
    company: Company, subscription_id: UUID, price_id: UUID, **more: object
) -> PlanChangeResult:
    ask = PlanChangeAsk(subscription_id=subscription_id, new_price_id=price_id, **more)  # type: ignore[arg-type]
    with company.begin() as tx:
        shown = preview_plan_change(tx.session, ask, tx.at)
    with company.begin() as tx:
        done = change_plan(tx, ask, expected=shown.inputs_hash)
    assert abs(done.net) == shown.amount
    return done


def given_back(company: Company, ask: RefundAsk) -> None:
    """Promise a refund: what its preview leaves is what a next one finds."""
    with company.begin() as tx:
        shown = preview_refund(tx.session, ask, tx.at)
    rows = {row.item: row.after for row in shown.rows}
    with company.begin() as tx:
        give_back(tx, ask, held=False, expected=shown.inputs_hash)
        customer_id = tx.session.get_one(Payment, ask.payment_id).customer_id
        assert rows["credit.balance"] == credit_balance(tx.session, customer_id, "BRL")
    too_much = replace(ask, amount=brl(10**9))
    with company.begin() as tx, pytest.raises(RefundTooLarge) as refusal:
        preview_refund(tx.session, too_much, tx.at)
    assert rows["payment.left"] == refusal.value.left


def period(company: Company, subscription_id: UUID) -> tuple[date, date]:
    row = row_of(company, subscription_id)
    return row.current_period_start, row.current_period_end
