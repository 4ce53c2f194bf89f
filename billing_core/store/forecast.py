"""What a customer will be asked for next."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from ..domain.calendar import local_date, next_boundary
from ..domain.invoice import apply_credit
from ..domain.money import Money
from ..domain.proration import Rate
from .catalog import Plan, Price
from .ledger import CreditBalance
from .subscription import LIVE, RENEWING, Subscription, SubscriptionItem
from .views import NextCharge


@dataclass(frozen=True, slots=True)
class Terms:
    """What one subscription item costs now."""

    item: SubscriptionItem
    price: Price
    plan_name: str

    @property
    def rate(self) -> Rate:
        return rate_of(self.price, self.item.quantity)


def rate_of(price: Price, quantity: int) -> Rate:
    return Rate(
        Money(price.unit_minor, price.currency), quantity, price.interval, price.interval_count
    )


def terms_of(session: Session, *subscription_ids: UUID) -> dict[UUID, Terms]:
    """Return the terms of each subscription. One item each, for now."""
    found = session.execute(
        select(SubscriptionItem, Price, Plan.name)
        .join(Price, Price.id == SubscriptionItem.price_id)
        .join(Plan, Plan.id == Price.plan_id)
        .where(
            SubscriptionItem.subscription_id.in_(subscription_ids),
            SubscriptionItem.ended_on.is_(None),
        )
    )
    return {item.subscription_id: Terms(item, price, name) for item, price, name in found}


def price_with_plan(session: Session, price_id: UUID) -> tuple[Price, str] | None:
    found = session.execute(
        select(Price, Plan.name).join(Plan, Plan.id == Price.plan_id).where(Price.id == price_id)
    ).first()
    return (found[0], found[1]) if found else None


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
    price: tuple[Price, str] | None = None,
    period: tuple[date, date, int] | None = None,
) -> NextCharge | None:
    """Return the next renewal: amount after the credit balance, day, and why.

    `price` and `period` (start, end, anchor day) stand in for what is stored, to show what
    a change would lead to.
    """
    if (
        subscription is None
        or subscription.state not in RENEWING
        or subscription.cancel_at_period_end
    ):
        return None
    terms = terms_of(session, subscription.id)[subscription.id]
    why = "renewal"
    if price is None:
        price = (terms.price, terms.plan_name)
        if subscription.scheduled_price_id is not None:
            scheduled = price_with_plan(session, subscription.scheduled_price_id)
            if scheduled is not None:
                price, why = scheduled, "scheduled_change"
    _, start, anchor_day = period or (
        subscription.current_period_start,
        subscription.current_period_end,
        subscription.anchor_day,
    )
    rate = rate_of(price[0], terms.item.quantity)
    end = next_boundary(
        start,
        anchor_day=anchor_day if rate.rhythm == terms.rate.rhythm or period else start.day,
        interval=rate.interval,
        count=rate.interval_count,
    )
    used = apply_credit(rate.full, Money(max(0, credit.minor), credit.currency))
    return NextCharge(
        amount=rate.full - used,
        on=start,
        why=why,
        gross=rate.full,
        credit=used,
        plan_name=price[1],
        period_start=start,
        period_end=end,
        days_left=(start - local_date(at, subscription.time_zone)).days,
    )
