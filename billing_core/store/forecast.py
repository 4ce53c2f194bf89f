"""What a customer will be asked for next."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from ..domain.calendar import local_date
from ..domain.invoice import apply_credit
from ..domain.money import Money, total
from ..domain.proration import Span
from ..domain.subscription import period_around, period_from
from ..item_lines import period_lines
from ..waiting_lines import lines_waiting
from .ledger import CreditBalance
from .subscription import LIVE, RENEWING, Subscription
from .terms import Terms, offers_of, scheduled_terms, terms_of
from .views import NextCharge


def balance_minor(session: Session, customer_id: UUID, currency: str) -> int:
    return (
        session.scalar(
            select(CreditBalance.balance_minor).where(
                CreditBalance.customer_id == customer_id, CreditBalance.currency == currency
            )
        )
        or 0
    )


def main_subscription(session: Session, customer_id: UUID) -> Subscription | None:
    """Return the live subscription of a customer, or the latest one that was."""
    return session.scalars(
        select(Subscription)
        .where(Subscription.customer_id == customer_id)
        .order_by(Subscription.state.in_(LIVE).desc(), Subscription.started_at.desc())
        .limit(1)
    ).first()


def next_charge(
    session: Session,
    subscription: Subscription | None,
    at: datetime,
    *,
    credit: Money,
    terms: Terms | None = None,
    period: tuple[date, date, int] | None = None,
    waiting: Money | None = None,
) -> NextCharge | None:
    """Return the next renewal: amount after the credit balance, day, and why.

    `terms` and `period` (start, end, anchor day) of a new cycle stand in for what is stored, to
    show what a change would lead to; so does `waiting`, the sum of the lines it would put on
    the next invoice. Usage is not foretold.
    """
    if subscription is None or not _renews(subscription):
        return None
    now = terms_of(session, subscription.id)[subscription.id]
    then, why = _terms_then(session, subscription, now)
    if terms is not None:
        # A new cycle uses up a period of its coupon.
        then, why = terms.coming() if period is None else terms.after_next(), "renewal"
    span = _coming_span(subscription, now, then, period)
    if subscription.cancel_on is not None and subscription.cancel_on <= span.start:
        return None
    late = lines_waiting(session, [subscription.id]).get(subscription.id, ())
    lines = (*period_lines(then, span), *late)
    gross = total((line.gross for line in lines), subscription.currency)
    gross = gross + (waiting or Money.zero(gross.currency))
    used = apply_credit(gross, Money(max(0, credit.minor), credit.currency))
    return NextCharge(
        amount=gross - used,
        on=span.start,
        why=why,
        gross=gross,
        credit=used,
        plan_name=then.plan_name,
        period_start=span.start,
        period_end=span.end,
        days_left=(span.start - local_date(at, subscription.time_zone)).days,
    )


def _renews(subscription: Subscription) -> bool:
    ends = subscription.cancel_at_period_end or subscription.pause_at_period_end
    return subscription.state in RENEWING and not ends


def _coming_span(
    subscription: Subscription, now: Terms, then: Terms, period: tuple[date, date, int] | None
) -> Span:
    """Return the period after the running one, or after `period`, as its renewal will have it."""
    start, anchor_date = subscription.current_period_end, subscription.anchor_date
    anchor_day = subscription.anchor_day
    if period is not None:
        anchor_date, start, anchor_day = period
    elif then.main.offer.rhythm != now.main.offer.rhythm:
        anchor_date, anchor_day = start, start.day
    interval, count = then.main.offer.rhythm
    days = period_from(
        start,
        anchor_date=anchor_date,
        anchor_day=anchor_day,
        interval=interval,
        count=count,
        leaves_on=subscription.cancel_on,
    )
    whole = period_around(
        start, anchor_date=anchor_date, anchor_day=anchor_day, interval=interval, count=count
    )
    return Span(*days, *whole)


def _terms_then(session: Session, subscription: Subscription, terms: Terms) -> tuple[Terms, str]:
    """Return what the next period costs, a change that waits for it included."""
    waiting = subscription.scheduled_price_id
    changed = scheduled_terms(subscription, terms, offers_of(session, [waiting] if waiting else []))
    return (terms, "renewal") if changed is None else (changed, "scheduled_change")
