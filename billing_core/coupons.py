"""Discounts that customers redeem: made once, put on a subscription, taken off again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from .domain.money import Money
from .domain.tax import read_percent
from .errors import (
    AmountNotPositive,
    AnotherCouponIsOn,
    CouponForOtherPlans,
    CouponOver,
    CurrencyMismatch,
    NoSuchCode,
    NotFound,
    UnreadableAmount,
)
from .metrics import record_mrr
from .ports import Tx
from .store.catalog import Coupon, CouponRedemption
from .store.invoice import Invoice, InvoiceLine
from .store.locks import lock_subscription
from .store.terms import terms_of


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCoupon:
    """`off` is an amount for a full period, or a percentage such as "12.5".

    `periods`: 1 is once, 3 is three times, None is for ever. `plan_ids` empty: every plan.
    """

    code: str
    name: str
    off: Money | str
    periods: int | None = 1
    plan_ids: Sequence[UUID] = ()
    most: int | None = None  # redemptions in all
    redeem_until: datetime | None = None


def add_coupon(tx: Tx, new: NewCoupon) -> UUID:
    """Raises `AmountNotPositive`, or `UnreadableAmount` for a percentage that is none."""
    percent, amount = (new.off, None) if isinstance(new.off, str) else (None, new.off)
    if percent is not None and not read_percent(percent):
        raise UnreadableAmount(percent)
    if amount is not None and amount.minor <= 0:
        raise AmountNotPositive(amount)
    coupon = Coupon(
        id=tx.new_id(),
        code=new.code,
        name=new.name,
        percent=percent,
        amount_minor=amount.minor if amount else None,
        currency=amount.currency if amount else None,
        periods=new.periods,
        plan_ids=[str(id) for id in new.plan_ids],
        most=new.most,
        redeem_until=new.redeem_until,
        created_at=tx.at,
    )
    tx.session.add(coupon)
    tx.session.flush()
    return coupon.id


def redeem_coupon(tx: Tx, subscription_id: UUID, code: str) -> UUID:
    """Put a coupon on a subscription, from its next period on. Returns the redemption.

    The same coupon twice is one redemption while it lasts. Another one is refused until
    the first has ended or is removed: discounts do not add up.

    Raises:
        NoSuchCode: no such coupon.
        CouponOver, AnotherCouponIsOn, CouponForOtherPlans: it cannot be used here.
        CurrencyMismatch: its amount is in another currency.
    """
    subscription = lock_subscription(tx.session, subscription_id)
    coupon = tx.session.scalars(select(Coupon).where(Coupon.code == code)).first()
    if coupon is None:
        raise NoSuchCode("coupon", code)
    on = live_redemption(tx.session, subscription_id)
    if on is not None:
        if on.coupon_id == coupon.id:
            return on.id
        raise AnotherCouponIsOn(code)
    if coupon.currency is not None and coupon.currency != subscription.currency:
        raise CurrencyMismatch(subscription.currency, coupon.currency)
    items = terms_of(tx.session, subscription_id)[subscription_id].items
    if coupon.plan_ids and all(str(one.price.plan_id) not in coupon.plan_ids for one in items):
        raise CouponForOtherPlans(code)
    _count(tx, coupon)
    redemption = CouponRedemption(
        id=tx.new_id(),
        coupon_id=coupon.id,
        subscription_id=subscription_id,
        redeemed_at=tx.at,
        periods_left=coupon.periods,
        live=True,
    )
    tx.session.add(redemption)
    record_mrr(tx, subscription_id)
    return redemption.id


def remove_coupon(tx: Tx, subscription_id: UUID) -> None:
    """End a coupon: the next period has none. The running one keeps what it was billed with."""
    lock_subscription(tx.session, subscription_id)
    on = live_redemption(tx.session, subscription_id)
    if on is None:
        raise NotFound("coupon on subscription", subscription_id)
    on.live, on.removed_at = False, tx.at
    record_mrr(tx, subscription_id)


def hand_back_period(tx: Tx, subscription_id: UUID, until: date) -> None:
    """The period that ends on `until` is asked for no more: the coupon that covered it has it again.

    It covers a later one instead, unless it was removed or another coupon is on by now. The
    caller holds the subscription's lock.
    """
    used = tx.session.scalars(
        select(CouponRedemption)
        .where(
            CouponRedemption.subscription_id == subscription_id,
            CouponRedemption.covered_until == until,
        )
        .order_by(CouponRedemption.redeemed_at.desc())
    ).first()
    if used is None:
        return
    on = live_redemption(tx.session, subscription_id)
    used.covered_until = _covered_before(tx.session, used, until)
    if used.periods_left is not None:
        used.periods_left += 1
    used.live = used.removed_at is None and (on is None or on.id == used.id)
    record_mrr(tx, subscription_id)


def take_back_redemptions(tx: Tx, subscription_id: UUID) -> None:
    """A subscription that was never paid for has used up no coupon: others may redeem it."""
    unused = tx.session.scalars(
        select(CouponRedemption).where(
            CouponRedemption.subscription_id == subscription_id,
            CouponRedemption.removed_at.is_(None),
        )
    )
    for redemption in unused:
        redemption.live, redemption.removed_at = False, tx.at
        tx.session.execute(
            update(Coupon)
            .where(Coupon.id == redemption.coupon_id)
            .values(redeemed=Coupon.redeemed - 1)
            .execution_options(synchronize_session=False)
        )


def live_redemption(session: Session, subscription_id: UUID) -> CouponRedemption | None:
    return session.scalars(
        select(CouponRedemption).where(
            CouponRedemption.subscription_id == subscription_id, CouponRedemption.live
        )
    ).first()


def _covered_before(session: Session, used: CouponRedemption, until: date) -> date | None:
    """Return the end of the last discounted period before the one that ends on `until`."""
    return session.scalar(
        select(func.max(InvoiceLine.period_end))
        .join(Invoice, Invoice.id == InvoiceLine.invoice_id)
        .where(
            InvoiceLine.subscription_id == used.subscription_id,
            InvoiceLine.discount_minor > 0,
            InvoiceLine.period_end < until,
            Invoice.state != "void",
            Invoice.issued_at >= used.redeemed_at,
        )
    )


def _count(tx: Tx, coupon: Coupon) -> None:
    """One redemption more, by a guarded statement: two at once cannot both be the last."""
    counted = tx.session.execute(
        update(Coupon)
        .where(
            Coupon.id == coupon.id,
            or_(Coupon.most.is_(None), Coupon.redeemed < Coupon.most),
            or_(Coupon.redeem_until.is_(None), Coupon.redeem_until > tx.at),
        )
        .values(redeemed=Coupon.redeemed + 1)
        .returning(Coupon.id)
        .execution_options(synchronize_session=False)
    ).all()
    if not counted:
        raise CouponOver(coupon.code)
