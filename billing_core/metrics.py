"""Recurring revenue: recorded as it changes, and reported.

It is built from plan prices, not invoices: net of discounts that last and of tax, usage
left out. A trial counts nothing; a paused or unpaid subscription counts until it ends.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, and_, case, func, select
from sqlalchemy.orm import Session

from .domain.metrics import Figures, Movement, monthly
from .domain.money import Money, round_half_away
from .domain.tax import split_price
from .ports import Tx
from .store.base import add_rows
from .store.catalog import Price
from .store.locks import lock_all
from .store.metrics import MrrMovement
from .store.subscription import Subscription, SubscriptionItem
from .store.terms import ItemTerms, Terms, terms_of

NOT_COUNTED = ("incomplete", "incomplete_expired", "trialing", "canceled")


@dataclass(frozen=True, slots=True)
class _Worth:
    minor: int
    committed: int


_NOTHING = _Worth(0, 0)


def record_mrr(tx: Tx, *subscription_ids: UUID) -> None:
    """Note what these subscriptions are worth a month, where that has changed.

    To be called in the transaction that starts, changes or ends them, after the change.
    The caller has locked them. Calling it too often does no harm.
    """
    tx.session.flush()
    last = _last(tx.session, subscription_ids)
    rows = []
    for subscription, worth in _worth_now(tx.session, subscription_ids):
        before = last.get(subscription.id)
        was = _Worth(before.minor, before.committed_minor) if before else _NOTHING
        if worth == was:
            continue
        rows.append(
            {
                "subscription_id": subscription.id,
                "number": before.number + 1 if before else 1,
                "customer_id": subscription.customer_id,
                "currency": subscription.currency,
                # Clocks of two machines differ; the order of one subscription's rows does not.
                "at": max(tx.at, before.at) if before else tx.at,
                "minor": worth.minor,
                "delta_minor": worth.minor - was.minor,
                "committed_minor": worth.committed,
                "committed_delta_minor": worth.committed - was.committed,
            }
        )
    if rows:
        add_rows(tx.session, MrrMovement, rows)


def record_mrr_of_tax(tx: Tx, code: str) -> None:
    """Note what another rate does to the subscriptions whose prices contain that tax."""
    taxed = (
        select(Subscription)
        .join(SubscriptionItem, SubscriptionItem.subscription_id == Subscription.id)
        .join(Price, Price.id == SubscriptionItem.price_id)
        .where(Price.tax_code == code, Price.tax_inclusive, Subscription.state.not_in(NOT_COUNTED))
        .order_by(Subscription.id)
    )
    last = UUID(int=0)
    while True:
        batch = lock_all(tx.session, taxed.where(Subscription.id > last).limit(_BATCH))
        if not batch:
            return
        ids = sorted({subscription.id for subscription in batch})
        record_mrr(tx, *ids)
        last = ids[-1]


def figures(session: Session, start: datetime, end: datetime) -> list[Figures]:
    """Return the figures of [start, end), one for each currency ever used, in order."""
    moved = _moved(session, start, end)
    return [
        _figures(sums, moved.get(sums.currency, {}))
        for sums in session.execute(_cohorts(start, end))
    ]


def mrr_faults(session: Session) -> Iterator[str]:
    """Compute every subscription anew and tell where the recorded movements say otherwise."""
    ids = select(Subscription.id).order_by(Subscription.id).limit(_BATCH)
    batch = session.scalars(ids).all()
    while batch:
        last = _last(session, batch)
        for subscription, worth in _worth_now(session, batch):
            row = last.get(subscription.id)
            recorded = _Worth(row.minor, row.committed_minor) if row else _NOTHING
            if recorded != worth:
                yield (
                    f"subscription {subscription.id}: worth {worth.minor} a month"
                    f" ({worth.committed} committed), recorded {recorded.minor}"
                    f" ({recorded.committed})"
                )
        session.expunge_all()
        batch = session.scalars(ids.where(Subscription.id > batch[-1])).all()


_BATCH = 500


def _last(session: Session, subscription_ids: Sequence[UUID]) -> dict[UUID, MrrMovement]:
    newest = (
        select(MrrMovement.subscription_id, func.max(MrrMovement.number).label("number"))
        .where(MrrMovement.subscription_id.in_(subscription_ids))
        .group_by(MrrMovement.subscription_id)
        .subquery()
    )
    rows = session.scalars(
        select(MrrMovement).join(
            newest,
            and_(
                newest.c.subscription_id == MrrMovement.subscription_id,
                newest.c.number == MrrMovement.number,
            ),
        )
    )
    return {row.subscription_id: row for row in rows}


def _worth_now(
    session: Session, subscription_ids: Sequence[UUID]
) -> Iterator[tuple[Subscription, _Worth]]:
    terms = terms_of(session, *subscription_ids)
    for subscription in session.scalars(
        select(Subscription)
        .where(Subscription.id.in_(subscription_ids))
        .order_by(Subscription.customer_id, Subscription.id)
    ):
        yield subscription, _worth(subscription, terms.get(subscription.id))


def _worth(subscription: Subscription, terms: Terms | None) -> _Worth:
    if terms is None or subscription.state in NOT_COUNTED or _never_paid(subscription):
        return _NOTHING
    monthly_sum = sum((_monthly(one) for one in _lasting(terms).items), Fraction(0))
    minor = round_half_away(monthly_sum)
    leaves = subscription.cancel_at_period_end or subscription.cancel_on is not None
    return _Worth(minor, 0 if leaves else minor)


def _never_paid(subscription: Subscription) -> bool:
    """Say whether it is a trial that ended without a way to pay, and waits for one."""
    trial_end = subscription.trial_end
    return subscription.state == "paused" and subscription.paused_on == trial_end is not None


def _lasting(terms: Terms) -> Terms:
    """Return the terms of the period to come, without a discount for one period alone."""
    use = terms.next_coupon
    if use is None or use.redemption.periods_left != 1 or use.redemption.covered_until is not None:
        return terms
    return replace(terms, coupons=()).coming()


def _monthly(item: ItemTerms) -> Fraction:
    if item.offer.metered:
        return Fraction(0)
    price = item.offer.charge(item.quantity).amount
    if item.off is not None:
        price -= item.off.amount
    return monthly(split_price(price, item.offer.tax).net, *item.offer.rhythm)


def _cohorts(start: datetime, end: datetime) -> Select[Any]:
    """Return sums by currency over what each customer was worth at both ends."""
    before = func.sum(case((MrrMovement.at < start, MrrMovement.delta_minor), else_=0))
    each = (
        select(
            MrrMovement.currency,
            before.label("was"),
            func.sum(MrrMovement.delta_minor).label("now"),
            func.sum(MrrMovement.committed_delta_minor).label("committed"),
        )
        .where(MrrMovement.at < end)
        .group_by(MrrMovement.currency, MrrMovement.customer_id)
        .subquery()
    )
    was, now = each.c.was, each.c.now
    had, has = was > 0, now > 0
    return (
        select(
            each.c.currency,
            func.sum(was).label("starting"),
            func.sum(now).label("ending"),
            func.sum(each.c.committed).label("committed"),
            func.sum(case((had, 1), else_=0)).label("customers_at_start"),
            func.sum(case((had & ~has, 1), else_=0)).label("customers_lost"),
            func.sum(case((has, 1), else_=0)).label("customers_at_end"),
            func.sum(case((had & ~has, was), else_=0)).label("lost"),
            func.sum(case((now < was, now), else_=was)).label("kept"),
            func.sum(case((had, now), else_=0)).label("grown"),
        )
        .group_by(each.c.currency)
        .order_by(each.c.currency)
    )


def _moved(session: Session, start: datetime, end: datetime) -> dict[str, dict[str, int]]:
    """Return currency -> movement -> minor units, none of them negative."""
    # What happens to one customer at one instant is one movement: to leave one plan for
    # another is no churn.
    delta = func.sum(MrrMovement.delta_minor)
    steps = (
        select(MrrMovement.currency, MrrMovement.customer_id, MrrMovement.at, delta.label("delta"))
        .where(MrrMovement.at < end)
        .group_by(MrrMovement.currency, MrrMovement.customer_id, MrrMovement.at)
        .having(delta != 0)
        .subquery()
    )
    who = (steps.c.customer_id, steps.c.currency)
    each = select(
        steps,
        func.sum(steps.c.delta).over(partition_by=who, order_by=steps.c.at).label("after"),
        func.row_number().over(partition_by=who, order_by=steps.c.at).label("place"),
    ).subquery()
    kind = case(
        (each.c.place == 1, Movement.NEW.value),
        (each.c.after == each.c.delta, Movement.REACTIVATION.value),
        (each.c.after == 0, Movement.CHURN.value),
        (each.c.delta > 0, Movement.EXPANSION.value),
        else_=Movement.CONTRACTION.value,
    ).label("kind")
    result: dict[str, dict[str, int]] = {}
    for currency, name, minor in session.execute(
        select(each.c.currency, kind, func.sum(func.abs(each.c.delta)))
        .where(each.c.at >= start)
        .group_by(each.c.currency, kind)
    ):
        result.setdefault(currency, {})[name] = int(minor)
    return result


def _figures(sums: Row[Any], moved: dict[str, int]) -> Figures:
    def money(minor: int) -> Money:
        return Money(int(minor), sums.currency)

    def movement(kind: Movement) -> Money:
        return money(moved.get(kind.value, 0))

    return Figures(
        currency=sums.currency,
        starting=money(sums.starting),
        new=movement(Movement.NEW),
        reactivation=movement(Movement.REACTIVATION),
        expansion=movement(Movement.EXPANSION),
        contraction=movement(Movement.CONTRACTION),
        churn=movement(Movement.CHURN),
        ending=money(sums.ending),
        committed=money(sums.committed),
        customers_at_start=int(sums.customers_at_start),
        customers_lost=int(sums.customers_lost),
        customers_at_end=int(sums.customers_at_end),
        lost=money(sums.lost),
        kept=money(sums.kept),
        grown=money(sums.grown),
    )
