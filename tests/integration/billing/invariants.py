"""What holds of a company's rows after whatever has happened to them."""

from calendar import monthrange
from collections import defaultdict
from collections.abc import Collection
from datetime import date
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from billing_core.domain.calendar import start_of
from billing_core.domain.subscription import period_around
from billing_core.ledger import verify_ledger
from billing_core.metrics import mrr_faults
from billing_core.store.catalog import Price
from billing_core.store.invoice import Invoice, InvoiceLine
from billing_core.store.payment import Payment
from billing_core.store.subscription import BILLED, Subscription, SubscriptionItem

CHARGES = ("subscription", "proration_charge")

# Made once: thousands of examples ask the same.
NUMBERS = select(Invoice.series, func.count(), func.max(Invoice.number)).group_by(Invoice.series)
LINES = select(InvoiceLine.net_minor, InvoiceLine.tax_minor, InvoiceLine.credited_minor)
DAYS = (
    select(
        InvoiceLine.subscription_item_id,
        InvoiceLine.kind,
        InvoiceLine.period_start,
        InvoiceLine.period_end,
    )
    .join(Invoice, Invoice.id == InvoiceLine.invoice_id)
    .where(Invoice.state != "void", InvoiceLine.subscription_item_id.is_not(None))
)
BILLED_ONES = (
    select(Subscription, Price.interval)
    .join(SubscriptionItem, SubscriptionItem.subscription_id == Subscription.id)
    .join(Price, Price.id == SubscriptionItem.price_id)
    .where(SubscriptionItem.added_on.is_(None), Subscription.state.in_(BILLED))
)
OVER = select(Subscription).where(Subscription.state.in_(("canceled", "incomplete_expired")))
STARTS = select(Invoice.subscription_id, Invoice.period_start).where(
    Invoice.state != "void", Invoice.period_start.is_not(None)
)


def the_books_add_up(session: Session) -> None:
    assert verify_ledger(session) == []
    assert list(mrr_faults(session)) == []
    assert all(rows == highest for _, rows, highest in session.execute(NUMBERS)), (
        "numbers have gaps"
    )


def nothing_is_given_back_twice(session: Session) -> None:
    for payment in session.scalars(select(Payment)):
        assert payment.balance.left.minor >= 0
    for net, tax, credited in session.execute(LINES):
        assert 0 <= credited <= max(0, net + tax)


def no_day_of_an_item_is_billed_twice(session: Session) -> None:
    """Every day of every item is billed as often as it was given back, or once more."""
    steps: dict[UUID, dict[date, int]] = defaultdict(lambda: defaultdict(int))
    for item_id, kind, start, end in session.execute(DAYS):
        assert item_id is not None
        assert start is not None
        assert end is not None
        sign = 1 if kind in CHARGES else -1
        if start < end:
            steps[item_id][start] += sign
            steps[item_id][end] -= sign
    for mine in steps.values():
        billed = 0
        for day in sorted(mine):
            billed += mine[day]
            assert billed in (0, 1), day


def periods_end_on_the_anchor(session: Session, cut: Collection[UUID]) -> None:
    """`cut` holds those whose service was to end on a day of their own, at some time."""
    for row, interval in session.execute(BILLED_ONES):
        start, end = row.current_period_start, row.current_period_end
        assert row.next_bill_at in (None, start_of(end, row.time_zone))
        whole = period_around(
            start, anchor_date=row.anchor_date, anchor_day=row.anchor_day, interval=interval
        )
        assert start < end <= whole[1]
        if interval != "week" and row.id not in cut:
            assert end.day == min(row.anchor_day, monthrange(end.year, end.month)[1])


def what_is_over_owes_no_periods(session: Session) -> None:
    over = session.scalars(OVER).all()
    if not over:
        return
    last = {}
    for row in over:
        assert (row.next_bill_at, row.wakes_at) == (None, None)
        assert row.ended_on is not None
        last[row.id] = row.ended_on
    for subscription_id, start in session.execute(STARTS):
        if subscription_id in last:
            assert start is not None
            assert start <= last[subscription_id]
