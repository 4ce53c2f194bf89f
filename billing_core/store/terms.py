"""What the items of a subscription cost: prices, tax rates and the coupon that is in force."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, cast
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, select
from sqlalchemy.orm import Session

from ..domain.discount import Discount, Off
from ..domain.money import Money
from ..domain.pricing import Charge, Model, Pricing, read_tiers
from ..domain.tax import TaxPart, TaxRule
from .catalog import Coupon, CouponRedemption, Plan, Price, TaxRate
from .subscription import Subscription, SubscriptionItem


@dataclass(frozen=True, slots=True)
class Offer:
    """A price with the plan it belongs to and the tax on it, as of now."""

    price: Price
    plan_name: str
    plan_kind: str = "plan"
    tax: TaxRule | None = None

    @property
    def rhythm(self) -> tuple[str, int]:
        return self.price.interval, self.price.interval_count

    @property
    def metered(self) -> bool:
        """Whether what was used is billed when the period is over."""
        return self.price.meter is not None

    def charge(self, quantity: int) -> Charge:
        """Return what `quantity` costs for a full period, before discount and tax."""
        price = self.price
        unit = Money(price.unit_minor, price.currency)
        if not price.tiers and price.model == "per_unit":  # nearly all; the run has many
            return Charge(unit.times(quantity), unit, quantity, "per_unit")
        tiers = read_tiers(price.tiers) if price.tiers else ()
        return Pricing(cast(Model, price.model), unit, tiers).charge(quantity)


@dataclass(frozen=True, slots=True)
class CouponUse:
    """A coupon on a subscription: what it takes off, and for which periods."""

    redemption: CouponRedemption
    discount: Discount
    plan_ids: frozenset[str]

    def covers_next(self) -> bool:
        return self.redemption.live

    def covers(self, on: date) -> bool:
        """Whether the period around `on` was billed with it."""
        until = self.redemption.covered_until
        return until is not None and on < until

    def applies_to(self, offer: Offer) -> bool:
        amount = self.discount.amount
        if amount is not None and (amount.currency != offer.price.currency or offer.metered):
            return False
        return not self.plan_ids or str(offer.price.plan_id) in self.plan_ids


@dataclass(frozen=True, slots=True)
class ItemTerms:
    """What one item costs. `off` is what a coupon takes off its full period's price.

    For a measured item `use` stands in, because what comes off depends on what was used.
    `quantity` is the item's, or the one that a change would give it.
    """

    item: SubscriptionItem
    offer: Offer
    quantity: int
    off: Off | None = None
    use: CouponUse | None = None

    @property
    def price(self) -> Price:
        return self.offer.price

    @property
    def plan_name(self) -> str:
        return self.offer.plan_name

    @property
    def full(self) -> Money:
        """What the full period costs, discount taken off, before tax."""
        amount = self.offer.charge(self.quantity).amount
        return amount - self.off.amount if self.off else amount


@dataclass(frozen=True, slots=True)
class Terms:
    """What a subscription costs. `items` carry the discount of the period to come."""

    items: tuple[ItemTerms, ...]
    coupons: tuple[CouponUse, ...] = ()

    @property
    def main(self) -> ItemTerms:
        """The plan itself; the other items are its add-ons."""
        return next((one for one in self.items if one.item.added_on is None), self.items[0])

    @property
    def item(self) -> SubscriptionItem:
        return self.main.item

    @property
    def price(self) -> Price:
        return self.main.price

    @property
    def plan_name(self) -> str:
        return self.main.plan_name

    @property
    def next_coupon(self) -> CouponUse | None:
        return next((one for one in self.coupons if one.covers_next()), None)

    def running(self, on: date) -> "Terms":
        """Return the terms of the period around `on`: with the discount it was billed with."""
        used = next((one for one in self.coupons if one.covers(on)), None)
        return replace(self, items=_take_off(self.items, used))

    def coming(self) -> "Terms":
        """Return the terms of the period to come."""
        return replace(self, items=_take_off(self.items, self.next_coupon))

    def after_next(self) -> "Terms":
        """Return the terms of the period after the one to come: a coupon may be used up by then."""
        use = self.next_coupon
        if use is not None and use.redemption.periods_left == 1:
            return replace(self, items=_take_off(self.items, None))
        return self.coming()

    def changed(
        self, item_id: UUID | None, offer: Offer | None, quantity: int | None = None
    ) -> "Terms":
        """Return what it would cost with another price, another quantity, or both, for one item.

        None is the main item; an unknown id is a new item; a quantity of 0 takes it away.
        Nothing is stored. Ask `running` or `coming` afterwards: a discount spreads anew.
        """
        id = item_id or self.item.id
        if quantity == 0:
            return replace(self, items=tuple(one for one in self.items if one.item.id != id))
        old = next((one for one in self.items if one.item.id == id), None)
        if old is None:
            if offer is None:
                raise AssertionError(f"item {id} has no price")
            return replace(self, items=(*self.items, self._added(id, offer, quantity or 1)))
        new = ItemTerms(
            old.item,
            offer or old.offer,
            old.quantity if quantity is None else quantity,
        )
        return replace(self, items=tuple(new if one is old else one for one in self.items))

    def _added(self, id: UUID, offer: Offer, quantity: int) -> "ItemTerms":
        item = SubscriptionItem(
            id=id,
            subscription_id=self.item.subscription_id,
            price_id=offer.price.id,
            quantity=quantity,
            added_on=date.max,  # stands for an item that is not stored
        )
        return ItemTerms(item, offer, quantity)


def terms_of(session: Session, *subscription_ids: UUID) -> dict[UUID, Terms]:
    """Return what each subscription's items cost from its next period on."""
    found = session.scalars(
        select(SubscriptionItem)
        .where(
            SubscriptionItem.subscription_id.in_(subscription_ids),
            SubscriptionItem.ended_on.is_(None),
        )
        .order_by(SubscriptionItem.id)
    ).all()
    # Thousands share a few prices: those are read once, not beside each item.
    offers = offers_of(session, sorted({item.price_id for item in found}))
    items: dict[UUID, list[ItemTerms]] = defaultdict(list)
    for item in found:
        items[item.subscription_id].append(ItemTerms(item, offers[item.price_id], item.quantity))
    coupons = _coupons(session, subscription_ids)
    return {
        id: Terms(tuple(mine), coupons.get(id, ())).coming()
        if id in coupons
        else Terms(tuple(mine))
        for id, mine in items.items()
    }


def scheduled_terms(
    subscription: Subscription, terms: Terms, offers: Mapping[UUID, Offer]
) -> Terms | None:
    """Return the terms after the change that waits for the period's end; None: nothing waits.

    `offers` holds the price it waits to change to.
    """
    price_id, quantity = subscription.scheduled_price_id, subscription.scheduled_quantity
    if price_id is None and quantity is None:
        return None
    offer = None if price_id is None else offers[price_id]
    return terms.changed(subscription.scheduled_item_id, offer, quantity).coming()


def offer_of(session: Session, price_id: UUID) -> Offer | None:
    row = session.execute(_offers().where(Price.id == price_id)).first()
    return _offer(*row) if row else None


def offers_of(session: Session, price_ids: Sequence[UUID]) -> dict[UUID, Offer]:
    if not price_ids:
        return {}
    rows = session.execute(_offers().where(Price.id.in_(price_ids)))
    return {row[0].id: _offer(*row) for row in rows}


def _offers() -> Select[Price, str, str, str, list[Any]]:
    return (
        select(Price, Plan.name, Plan.kind, TaxRate.percent, TaxRate.parts)
        .join(Plan, Plan.id == Price.plan_id)
        .outerjoin(TaxRate, _in_force())
    )


def _in_force() -> ColumnElement[bool]:
    return and_(TaxRate.code == Price.tax_code, TaxRate.valid_until.is_(None))


def _offer(
    price: Price, name: str, kind: str, percent: str | None, parts: Sequence[Any] | None
) -> Offer:
    if price.tax_code is None or percent is None:
        return Offer(price, name, kind)
    several = tuple(TaxPart(code, percent) for code, percent in parts or ())
    return Offer(price, name, kind, TaxRule(price.tax_code, percent, price.tax_inclusive, several))


def _coupons(
    session: Session, subscription_ids: Sequence[UUID]
) -> dict[UUID, tuple[CouponUse, ...]]:
    """Return every coupon that covers, or covered, a period of each subscription; newest first."""
    found = session.execute(
        select(CouponRedemption, Coupon)
        .join(Coupon, Coupon.id == CouponRedemption.coupon_id)
        .where(CouponRedemption.subscription_id.in_(subscription_ids))
        .order_by(CouponRedemption.redeemed_at.desc(), CouponRedemption.id)
        .execution_options(populate_existing=True)
    )
    result: dict[UUID, list[CouponUse]] = defaultdict(list)
    for redemption, coupon in found:
        result[redemption.subscription_id].append(use_of(redemption, coupon))
    return {id: tuple(uses) for id, uses in result.items()}


def use_of(redemption: CouponRedemption, coupon: Coupon) -> CouponUse:
    amount = None
    if coupon.amount_minor is not None and coupon.currency is not None:
        amount = Money(coupon.amount_minor, coupon.currency)
    discount = Discount(coupon.code, coupon.percent, amount)
    return CouponUse(redemption, discount, frozenset(coupon.plan_ids))


def _take_off(items: tuple[ItemTerms, ...], use: CouponUse | None) -> tuple[ItemTerms, ...]:
    """Spread a discount over the items it applies to; measured ones keep the percentage itself."""
    if use is None:
        return tuple(replace(one, off=None, use=None) for one in items)
    mine = [one for one in items if use.applies_to(one.offer) and not one.offer.metered]
    offs = use.discount.off([one.offer.charge(one.quantity).amount for one in mine])
    by_item = {one.item.id: Off(off, use.discount) for one, off in zip(mine, offs, strict=True)}
    return tuple(
        replace(
            one,
            off=by_item.get(one.item.id),
            use=use if one.offer.metered and use.applies_to(one.offer) else None,
        )
        for one in items
    )
