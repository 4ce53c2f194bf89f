"""The running period of a subscription: what it was billed with, and what is left of it."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from .domain.calendar import local_date, start_of
from .domain.invoice import Draft, DraftLine
from .domain.money import Money, total
from .domain.proration import Instants, Span
from .domain.subscription import period_around
from .errors import PeriodUnpaid, WrongState
from .item_lines import unused_line
from .store.invoice import Invoice, InvoiceLine
from .store.lines import balance_of_line
from .store.subscription import Subscription
from .store.terms import Terms


def day_within(subscription: Subscription, at: datetime) -> date:
    """Return the customer's date; a renewal that is late has not moved the period yet."""
    today = local_date(at, subscription.time_zone)
    start, end = subscription.current_period_start, subscription.current_period_end
    return max(start, min(today, end))


def whole_period(subscription: Subscription, terms: Terms) -> tuple[date, date]:
    """Return what the running period is a part of: longer than a stub, else the period itself.

    A leading stub is measured by one nominal period that ends with it. One that was cut
    short by an end of the service, kept or taken back, is measured by the period it would
    have been, and so is the rest of that period.
    """
    interval, count = terms.main.offer.rhythm
    return period_around(
        subscription.current_period_start,
        anchor_date=subscription.anchor_date,
        anchor_day=subscription.anchor_day,
        interval=interval,
        count=count,
    )


def rest_of_period(
    subscription: Subscription, terms: Terms, proration: str, *, on: date, at: datetime
) -> Span:
    """Return the running period from `on`, or by the second from `at`, to its end."""
    of_start, of_end = whole_period(subscription, terms)
    end = subscription.current_period_end
    instants = None
    if proration == "second":
        zone = subscription.time_zone
        first, last = start_of(subscription.current_period_start, zone), start_of(end, zone)
        instants = Instants(
            max(first, min(at, last)), last, start_of(of_start, zone), start_of(of_end, zone)
        )
    return Span(on, end, of_start, of_end, instants)


def billed_lines(
    session: Session, subscription: Subscription, terms: Terms
) -> dict[UUID, tuple[InvoiceLine, Invoice]]:
    """Return, by item, the newest charge of the running period, with its invoice.

    What an earlier change of the same period had charged is not live any more. Measured
    items have none. Raises `WrongState` where the period was never billed.
    """
    items = [one.item.id for one in terms.items if not one.offer.metered]
    rows = session.execute(
        select(InvoiceLine, Invoice)
        .join(Invoice, Invoice.id == InvoiceLine.invoice_id)
        .where(
            InvoiceLine.subscription_id == subscription.id,
            InvoiceLine.subscription_item_id.in_(items),
            InvoiceLine.period_end == subscription.current_period_end,
            InvoiceLine.kind.in_(("subscription", "proration_charge")),
            Invoice.state != "void",
        )
        .order_by(Invoice.issued_at, Invoice.number, InvoiceLine.position)
        .execution_options(populate_existing=True)
    )
    found = {line.subscription_item_id: (line, invoice) for line, invoice in rows}
    if set(found) != set(items):
        raise WrongState("subscription", subscription.id, "unbilled")
    return {id: found[id] for id in items}


def check_paid(billed: dict[UUID, tuple[InvoiceLine, Invoice]]) -> None:
    """Raise `PeriodUnpaid` unless what the period was billed with is paid."""
    for _, invoice in billed.values():
        if invoice.state != "paid":
            raise PeriodUnpaid(invoice.id)


def take_back(
    subscription: Subscription,
    terms: Terms,
    billed: dict[UUID, tuple[InvoiceLine, Invoice]],
    *,
    on: date,
    at: datetime,
    reason: str,
) -> tuple[DraftLine, ...]:
    """Return one negative line for what is unused of each billed item."""
    lines = []
    for one in terms.items:
        if one.item.id not in billed:
            continue
        line, _ = billed[one.item.id]
        rest = rest_of_period(subscription, terms, one.price.proration, on=on, at=at)
        left = balance_of_line(line, subscription.currency).left
        lines.append(unused_line(line, rest, left=left, reason=reason))
    return tuple(lines)


def free_slots(session: Session, subscription_id: UUID, on: date) -> None:
    """Let a period that is given back whole, on its first day, be billed again.

    The line that owns it may be an older one, whose price a change has replaced that day.
    """
    session.execute(
        update(InvoiceLine)
        .where(
            InvoiceLine.subscription_id == subscription_id,
            InvoiceLine.period_start == on,
            InvoiceLine.holds_slot,
        )
        .values(holds_slot=False)
        .execution_options(synchronize_session="fetch")
    )


def sum_of(lines: tuple[DraftLine, ...], currency: str) -> Money:
    return total((line.gross for line in lines), currency)


def draft_of(
    subscription: Subscription,
    lines: tuple[DraftLine, ...],
    *,
    reason: str,
    due_on: date,
    start: date | None,
    end: date | None,
    money_act_id: UUID | None,
) -> Draft:
    """Return an invoice of these lines, in the subscription's name."""
    return Draft(
        customer_id=subscription.customer_id,
        subscription_id=subscription.id,
        payment_method_id=subscription.payment_method_id,
        currency=subscription.currency,
        reason=reason,
        due_on=due_on,
        start=start,
        end=end,
        lines=lines,
        money_act_id=money_act_id,
    )
