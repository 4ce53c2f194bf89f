"""Each period is billed once, on its local day, and the run survives whatever stops it."""

from contextlib import nullcontext
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError, OperationalError

from billing_core.attempts import invoices_to_collect
from billing_core.events import InvoiceIssued
from billing_core.gateways.sandbox import Sandbox
from billing_core.invoicing import bill_subscription, due_subscriptions, run_billing
from billing_core.ledger import trial_balance
from billing_core.payments import collect_batch
from billing_core.store.invoice import Invoice, InvoiceLine
from billing_core.store.subscription import Subscription
from billing_core.subscriptions import cancel_at_period_end, uncancel
from tests.databases import fresh_sqlite

from .conftest import Company, brl
from .test_refund_race import at_once


def subscription_of(company: Company, id: UUID) -> Subscription:
    with company.begin() as tx:
        return tx.session.get_one(Subscription, id)


def periods(company: Company, subscription_id: UUID) -> list[tuple[date | None, date | None]]:
    with company.begin() as tx:
        rows = tx.session.execute(
            select(Invoice.period_start, Invoice.period_end)
            .where(Invoice.subscription_id == subscription_id)
            .order_by(Invoice.period_start)
        )
        return [(start, end) for start, end in rows]


def test_a_subscription_starts_with_an_open_numbered_invoice(company: Company) -> None:
    customer_id, subscription_id = company.start(company.price("Família", 12990))
    invoice = company.invoice(customer_id)
    assert (invoice.name, invoice.state, invoice.reason) == ("FAT-2026-00001", "open", "start")
    assert (invoice.period_start, invoice.period_end) == (date(2026, 11, 16), date(2026, 12, 16))
    [line] = company.lines(invoice.id)
    assert line.label == "Família"
    assert line.arithmetic == {
        "days": 30,
        "of_days": 30,
        "unit_minor": 12990,
        "quantity": 1,
        "currency": "BRL",
        "from": "2026-11-16",
        "to": "2026-12-16",
    }
    [event] = company.told(InvoiceIssued)
    assert isinstance(event, InvoiceIssued)
    assert (event.subscription_id, event.due) == (subscription_id, brl(12990))


def test_the_first_day_is_the_customers_day(small_company: Company) -> None:
    """At 02:30 UTC it is still the day before in São Paulo."""
    company = small_company
    company.at = datetime(2026, 11, 17, 2, 30, tzinfo=UTC)
    _, subscription_id = company.start()
    row = subscription_of(company, subscription_id)
    assert (row.anchor_date, row.anchor_day) == (date(2026, 11, 16), 16)
    assert row.next_bill_at == datetime(2026, 12, 16, 3, 0, tzinfo=UTC)


def test_a_year_of_renewals_never_drifts_from_the_31st(company: Company) -> None:
    company.at = datetime(2027, 1, 31, 12, 0, tzinfo=UTC)
    customer_id, subscription_id = company.start()
    for _ in range(370):
        company.forward(days=1)
        run_billing(company.begin, company.gateways)
    starts = [start for start, _ in periods(company, subscription_id)]
    assert starts[:5] == [
        date(2027, 1, 31),
        date(2027, 2, 28),
        date(2027, 3, 31),
        date(2027, 4, 30),
        date(2027, 5, 31),
    ]
    assert len(starts) == 13
    account = company.account(customer_id)
    assert account.invoices[0].payment_state == "paid"
    with company.begin() as tx:
        numbers = tx.session.execute(
            select(Invoice.series, func.count(), func.max(Invoice.number)).group_by(Invoice.series)
        ).all()
    assert all(count == highest for _, count, highest in numbers), "numbers have gaps"


def test_nothing_is_billed_before_its_day_or_twice(company: Company) -> None:
    _, subscription_id = company.start()
    with company.begin() as tx:
        assert bill_subscription(tx, subscription_id) is None
        assert due_subscriptions(tx.session, tx.at) == []
    company.at = datetime(2026, 12, 16, 2, 59, tzinfo=UTC)  # one minute to midnight
    with company.begin() as tx:
        assert bill_subscription(tx, subscription_id) is None
    company.forward(minutes=1)
    with company.begin() as tx:
        assert due_subscriptions(tx.session, tx.at) == [subscription_id]
        assert bill_subscription(tx, subscription_id) is not None
        assert bill_subscription(tx, subscription_id) is None
    assert len(periods(company, subscription_id)) == 2


def test_two_runs_at_once_bill_each_period_once(company: Company) -> None:
    price_id = company.price()
    ids = [company.paying(price_id)[1] for _ in range(6)]
    company.forward(days=31)

    def run() -> int:
        return run_billing(company.begin, company.gateways, batch=2).invoices

    results = at_once(run, run)
    assert sum(one for one in results if isinstance(one, int)) == 6, results
    for id in ids:
        assert len(periods(company, id)) == 2
    assert len(company.gateway.charges()) == 12


def test_a_run_catches_up_every_missed_period_in_order(company: Company) -> None:
    _, subscription_id, _ = company.paying()
    company.forward(days=100)
    result = run_billing(company.begin, company.gateways, batch=10)
    assert (result.invoices, result.paid, result.faults) == (3, 3, [])
    found = periods(company, subscription_id)
    assert [end for _, end in found[:-1]] == [start for start, _ in found[1:]]
    assert run_billing(company.begin, company.gateways).invoices == 0


def test_a_period_that_has_its_invoice_keeps_it(company: Company) -> None:
    """The subscription forgot that it was billed: the slot on the line knows."""
    _, subscription_id = company.start()
    company.forward(days=31)
    first = company.renew(subscription_id)
    with company.begin() as tx:
        row = tx.session.get_one(Subscription, subscription_id)
        row.current_period_end = row.current_period_start
        row.current_period_start = date(2026, 11, 16)
        row.next_bill_at = tx.at
    with company.begin() as tx:
        assert bill_subscription(tx, subscription_id) == first
    assert len(periods(company, subscription_id)) == 2


def test_the_database_refuses_a_second_line_for_a_slot(company: Company) -> None:
    customer_id, _ = company.start()
    [line] = company.lines(company.invoice(customer_id).id)
    copy = {column.name: getattr(line, column.name) for column in InvoiceLine.__table__.columns} | {
        "id": company.new_id(),
        "position": 1,
    }
    with pytest.raises(IntegrityError), company.begin() as tx:
        tx.session.add(InvoiceLine(**copy))


def test_one_subscription_at_fault_does_not_stop_the_others(small_company: Company) -> None:
    company = small_company
    price_id = company.price()
    ids = [company.start(price_id)[1] for _ in range(3)]
    with company.begin() as tx:
        tx.session.get_one(Subscription, ids[1]).time_zone = "Nowhere/At_All"
    company.forward(days=31)
    for batch in (10, 1):
        result = run_billing(company.begin, company.gateways, batch=batch)
        assert [id for id, _ in result.faults] == [ids[1]]
        assert result.faults[0][1].startswith("ZoneInfoNotFoundError")
    assert [len(periods(company, id)) for id in ids] == [2, 1, 2]


def test_a_database_that_is_away_stops_the_run(small_company: Company) -> None:
    company = small_company
    company.start()
    company.forward(days=31)
    with company.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE invoice_line RENAME TO lost")
    with pytest.raises(OperationalError):
        run_billing(company.begin, company.gateways, batch=10)
    with company.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE lost RENAME TO invoice_line")
    assert run_billing(company.begin, company.gateways).invoices == 1


def test_a_declined_renewal_makes_the_subscription_past_due_until_it_is_paid(
    company: Company,
) -> None:
    customer_id, subscription_id, _ = company.paying()
    company.forward(days=31)
    company.gateway.behave("decline", on="charge", code="insufficient_funds")
    result = run_billing(company.begin, company.gateways)
    assert (result.invoices, result.failed) == (1, 1)
    account = company.account(customer_id)
    assert account.subscription is not None
    assert account.subscription.state == "past_due"
    newest = account.invoices[0]
    assert (newest.state, newest.payment_state) == ("open", "failed")
    assert newest.failure_code == "insufficient_funds"
    assert account.next_charge is not None
    assert account.next_charge.why == "open_invoice"
    assert company.collect(newest.invoice_id).state == "paid"
    assert subscription_of(company, subscription_id).state == "active"


def test_one_unpaid_invoice_is_enough_to_stay_past_due(small_company: Company) -> None:
    company = small_company
    _, subscription_id, _ = company.paying()
    company.gateway.behave("decline", on="charge", times=2)
    company.forward(days=62)
    assert run_billing(company.begin, company.gateways).failed == 2
    with company.begin() as tx:
        open_ones = tx.session.scalars(
            select(Invoice.id).where(Invoice.state == "open").order_by(Invoice.period_start)
        ).all()
    company.collect(open_ones[0])
    assert subscription_of(company, subscription_id).state == "past_due"
    company.collect(open_ones[1])
    assert subscription_of(company, subscription_id).state == "active"


def test_waiting_payments_are_counted(small_company: Company) -> None:
    company = small_company
    price_id = company.price()
    for _ in range(3):
        company.paying(price_id)
    company.forward(days=31)
    company.gateway.behave("late", on="charge")
    company.gateway.behave("drop_after", on="charge")
    result = run_billing(company.begin, company.gateways, together=company.gateway.together)
    assert (result.invoices, result.paid, result.waiting) == (3, 1, 2)


def test_a_cancelled_subscription_runs_to_its_end_and_stops(company: Company) -> None:
    customer_id, subscription_id, _ = company.paying()
    with company.begin() as tx:
        assert cancel_at_period_end(tx, subscription_id) == date(2026, 12, 16)
    view = company.account(customer_id)
    assert view.next_charge is None
    assert view.subscription is not None
    assert view.subscription.cancels_on == date(2026, 12, 16)
    company.forward(days=40)
    assert run_billing(company.begin, company.gateways).invoices == 0
    row = subscription_of(company, subscription_id)
    assert (row.state, row.ended_on, row.next_bill_at) == ("canceled", date(2026, 12, 16), None)


def test_a_cancellation_can_be_taken_back(small_company: Company) -> None:
    company = small_company
    _, subscription_id, _ = company.paying()
    with company.begin() as tx:
        cancel_at_period_end(tx, subscription_id)
    with company.begin() as tx:
        uncancel(tx, subscription_id)
    company.forward(days=31)
    assert run_billing(company.begin, company.gateways).invoices == 1


def test_a_run_that_died_before_collecting_is_swept_up(company: Company) -> None:
    customer_id, subscription_id, _ = company.paying()
    company.forward(days=31)
    company.renew(subscription_id)
    with company.begin() as tx:
        left = invoices_to_collect(tx.session, company.at)
    assert left == [company.invoice(customer_id).id]
    [done] = collect_batch(company.begin, company.gateways, left)
    assert done.state == "paid"
    with company.begin() as tx:
        assert invoices_to_collect(tx.session, company.at) == []
    assert collect_batch(company.begin, company.gateways, []) == []


def test_the_books_of_a_paid_month_are_cash_and_revenue(small_company: Company) -> None:
    small_company.paying(small_company.price(minor=12990))
    with small_company.begin() as tx:
        books = trial_balance(tx.session)
    assert {account: money.minor for (account, _), money in books.items()} == {
        "cash_at_gateway": 12990,
        "receivable": 0,
        "revenue": -12990,
    }


def test_a_grouped_run_is_the_same_run(tmp_path: Path) -> None:
    """`together` and `batch` change the speed, not the outcome."""
    results = []
    for batch, grouped in ((1, False), (50, True)):
        folder = tmp_path / str(batch)
        folder.mkdir()
        company = Company(fresh_sqlite(folder)).open()
        try:
            price_id = company.price()
            for _ in range(5):
                company.paying(price_id)
            company.forward(days=70)
            together = company.gateway.together if grouped else nullcontext
            run = run_billing(company.begin, company.gateways, batch=batch, together=together)
            results.append((run.invoices, run.paid, len(company.gateway.charges())))
            assert isinstance(company.gateway, Sandbox)
            assert company.faults() == []
        finally:
            company.close()
    assert results[0] == results[1] == (10, 10, 15)


def test_nobody_gets_more_invoices_in_one_run_than_a_delay_explains(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("billing_core.invoicing.MOST_INVOICES", 2)
    _, late, _ = company.paying()
    company.forward(days=100)
    _, punctual, _ = company.paying()
    first = run_billing(company.begin, company.gateways, batch=5)
    assert (first.invoices, first.faults) == (2, [(late, "2 invoices in one run")])
    assert run_billing(company.begin, company.gateways).invoices == 1, "the rest comes next time"
    assert len(periods(company, punctual)) == 1


def test_who_is_late_catches_up_whatever_else_is_in_the_batch(company: Company) -> None:
    """The next period of a late one lies before those that its batch had reached."""
    _, late, _ = company.paying()
    company.forward(days=90)
    _, newer, _ = company.paying()
    company.forward(days=31)
    run = run_billing(company.begin, company.gateways, batch=10)
    assert (run.invoices, run.faults) == (5, [])
    assert [len(periods(company, id)) for id in (late, newer)] == [5, 2]
    assert run_billing(company.begin, company.gateways, batch=10).invoices == 0


def test_one_at_fault_is_named_once_while_others_catch_up(small_company: Company) -> None:
    company = small_company
    price_id = company.price()
    late, broken = (company.start(price_id)[1] for _ in range(2))
    with company.begin() as tx:
        tx.session.get_one(Subscription, broken).time_zone = "Nowhere/At_All"
    company.forward(days=95)
    for batch in (10, 1):
        run = run_billing(company.begin, company.gateways, batch=batch)
        assert [id for id, _ in run.faults] == [broken]
    assert len(periods(company, late)) == 4


def test_a_period_that_does_not_advance_is_a_fault_and_no_endless_loop(
    small_company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    company = small_company
    _, stuck, _ = company.paying()
    _, other, _ = company.paying()
    company.forward(days=31)

    def stand_still(start: date, **_: object) -> tuple[date, date]:
        return start, start

    with monkeypatch.context() as patch:
        patch.setattr("billing_core.renewals.period_from", stand_still)
        run = run_billing(company.begin, company.gateways, batch=10)
    assert sorted(id for id, _ in run.faults) == sorted([stuck, other])
    assert all("does not advance" in fault for _, fault in run.faults)
    assert run_billing(company.begin, company.gateways).invoices == 2


def test_a_fault_before_anybody_was_found_is_nobodys(
    small_company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ValueError("a defect")

    monkeypatch.setattr("billing_core.invoicing._due", fail)
    with pytest.raises(ValueError, match="a defect"):
        run_billing(small_company.begin, small_company.gateways)


def test_a_database_that_goes_away_while_one_is_billed_alone_stops_the_run(
    small_company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_company.paying()
    small_company.forward(days=31)
    troubles = iter([ValueError("first"), OperationalError("select", {}, Exception("away"))])

    def fail(*_: object, **__: object) -> None:
        raise next(troubles)

    monkeypatch.setattr("billing_core.invoicing.bill_many", fail)
    with pytest.raises(OperationalError):
        run_billing(small_company.begin, small_company.gateways)
