"""The start of a subscription: now, after a trial, up to a bill day, or once it is paid."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from .coupons import redeem_coupon
from .domain.calendar import first_bill_date, local_date, start_of
from .domain.money import Money
from .domain.subscription import TIME_TO_PAY_FIRST
from .errors import CurrencyMismatch, NoSuchCode, PriceNotOnSale, RhythmMismatch, StaleInputs
from .events import SubscriptionStarted
from .metrics import record_mrr
from .new_periods import NewPeriod, open_period, plan_period
from .own_time import on_own_time, time_of
from .period_ends import set_alarm
from .plan_changes import preview_line
from .ports import Tx
from .preview import ChangeRow, MoneyPreview, hash_inputs
from .running_period import sum_of
from .store.catalog import Coupon, CouponRedemption
from .store.forecast import balance_minor
from .store.subscription import Subscription, SubscriptionItem
from .store.terms import ItemTerms, Offer, Terms, offer_of, terms_of, use_of


@dataclass(frozen=True, slots=True, kw_only=True)
class StartSubscription:
    """`add_ons` are (price, quantity). `trial_days` None: as the price says.

    `bill_day` (1..31): the first period, or the first after a trial, is a part that ends
    there. `pay_first`: it stays incomplete until the first invoice is paid, for 23 hours.
    """

    customer_id: UUID
    price_id: UUID
    payment_method_id: UUID | None
    time_zone: str = "America/Sao_Paulo"
    quantity: int = 1
    system: str = "native"
    add_ons: tuple[tuple[UUID, int], ...] = ()
    trial_days: int | None = None
    trial_without_method: Literal["pause", "cancel"] = "pause"
    bill_day: int | None = None
    pay_first: bool = False
    coupon: str | None = None


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a start leads to; `terms` are of items that are not stored. No `period` in a trial."""

    offers: tuple[tuple[Offer, int], ...]
    terms: Terms
    state: str
    on: date
    trial_end: date | None
    anchor_date: date
    anchor_day: int
    period: NewPeriod | None

    @property
    def currency(self) -> str:
        return self.offers[0][0].price.currency

    @property
    def amount(self) -> Money:
        return sum_of(self.period.lines if self.period else (), self.currency)

    @property
    def inputs(self) -> dict[str, Any]:
        return {
            "act": "start",
            "prices": [[offer.price.id, quantity] for offer, quantity in self.offers],
            "on": [self.on, self.trial_end, self.anchor_date, self.anchor_day],
            "amount": self.amount,
        }


def preview_start(session: Session, start: StartSubscription, at: datetime) -> MoneyPreview:
    """Raises what the start itself would raise. `charge_now` is before the credit balance is used up."""
    at = time_of(session, start.customer_id, at)
    plan = _plan(session, start, at)
    credit = Money(balance_minor(session, start.customer_id, plan.currency), plan.currency)
    lines = plan.period.lines if plan.period else ()
    due = plan.amount - min(credit, plan.amount)
    until = plan.period.end if plan.period else plan.trial_end
    return MoneyPreview(
        act="start",
        amount=plan.amount,
        charge_now=due if plan.period else None,
        rows=(
            ChangeRow("subscription.state", None, plan.state),
            ChangeRow("period_end", None, until),
            ChangeRow("credit.balance", credit, credit - (plan.amount - due)),
        ),
        lines=tuple(preview_line(line) for line in lines),
        inputs_hash=hash_inputs(plan.inputs),
        payload={},
    )


def start_subscription(tx: Tx, start: StartSubscription, *, expected: str | None = None) -> UUID:
    """Start today (local date) and issue the first invoice; collecting it is the caller's next step.

    A trial has no invoice before it ends. A subscription of another `system` gets none of
    ours. `expected` is the preview's inputs hash: else `StaleInputs`.
    """
    tx = on_own_time(tx, start.customer_id)
    plan = _plan(tx.session, start, tx.at)
    if expected is not None and hash_inputs(plan.inputs) != expected:
        raise StaleInputs
    subscription = _write(tx, start, plan)
    if start.coupon is not None:
        redeem_coupon(tx, subscription.id, start.coupon)
    if plan.period is not None and start.system == "native":
        terms = terms_of(tx.session, subscription.id)[subscription.id]
        period = plan_period(
            terms, on=plan.on, anchor_date=plan.anchor_date, anchor_day=plan.anchor_day
        )
        issued = open_period(tx, subscription, terms, period, reason="start", money_act_id=None)
        if subscription.state == "incomplete" and (issued is None or not issued.due):
            subscription.become("active")
            subscription.pay_first_by = None
    set_alarm(subscription)
    record_mrr(tx, subscription.id)
    tx.emit(
        SubscriptionStarted(
            subscription_id=subscription.id,
            customer_id=subscription.customer_id,
            money_act_id=None,
            state=subscription.state,
        )
    )
    return subscription.id


def _plan(session: Session, start: StartSubscription, at: datetime) -> _Plan:
    offers = _offers(session, start)
    main = offers[0][0]
    interval, count = main.rhythm
    today = local_date(at, start.time_zone)
    days = main.price.trial_days if start.trial_days is None else start.trial_days
    trial_end = today + timedelta(days=days) if days else None
    first = trial_end or today
    anchor_day = start.bill_day or first.day
    anchor = first_bill_date(first, bill_day=anchor_day, interval=interval, count=count)
    terms = _terms(session, start, offers)
    period = None
    if trial_end is None:
        period = plan_period(terms, on=today, anchor_date=anchor, anchor_day=anchor_day)
    state = "trialing" if trial_end else "incomplete" if start.pay_first else "active"
    return _Plan(offers, terms, state, today, trial_end, anchor, anchor_day, period)


def _offers(session: Session, start: StartSubscription) -> tuple[tuple[Offer, int], ...]:
    found: list[tuple[Offer, int]] = []
    for price_id, quantity in ((start.price_id, start.quantity), *start.add_ons):
        offer = offer_of(session, price_id)
        if offer is None or offer.price.valid_until is not None:
            raise PriceNotOnSale(price_id)
        main = found[0][0] if found else offer
        if offer.price.currency != main.price.currency:
            raise CurrencyMismatch(main.price.currency, offer.price.currency)
        if offer.rhythm != main.rhythm:
            raise RhythmMismatch(main.rhythm, offer.rhythm)
        found.append((offer, quantity))
    return tuple(found)


def _terms(
    session: Session, start: StartSubscription, offers: tuple[tuple[Offer, int], ...]
) -> Terms:
    """Return the terms of items that are not stored yet."""
    items = tuple(
        ItemTerms(SubscriptionItem(price_id=offer.price.id, quantity=quantity), offer, quantity)
        for offer, quantity in offers
    )
    if start.coupon is None:
        return Terms(items)
    coupon = session.scalars(select(Coupon).where(Coupon.code == start.coupon)).first()
    if coupon is None:
        raise NoSuchCode("coupon", start.coupon)
    use = use_of(CouponRedemption(live=True, periods_left=coupon.periods), coupon)
    return Terms(items, (use,)).coming()


def _write(tx: Tx, start: StartSubscription, plan: _Plan) -> Subscription:
    # An empty period that ends today: what follows is the first one.
    until = plan.trial_end or plan.on
    subscription = Subscription(
        id=tx.new_id(),
        customer_id=start.customer_id,
        system=start.system,
        state=plan.state,
        currency=plan.currency,
        time_zone=start.time_zone,
        anchor_day=plan.anchor_day,
        anchor_date=plan.anchor_date,
        current_period_start=plan.on,
        current_period_end=until,
        next_bill_at=start_of(until, start.time_zone),
        payment_method_id=start.payment_method_id,
        started_at=tx.at,
        trial_end=plan.trial_end,
        trial_without_method=start.trial_without_method,
        pay_first_by=tx.at + TIME_TO_PAY_FIRST if plan.state == "incomplete" else None,
    )
    tx.session.add(subscription)
    tx.session.flush()
    for place, (offer, quantity) in enumerate(plan.offers):
        tx.session.add(
            SubscriptionItem(
                id=tx.new_id(),
                subscription_id=subscription.id,
                price_id=offer.price.id,
                quantity=quantity,
                added_on=plan.on if place else None,
            )
        )
    tx.session.flush()
    return subscription
