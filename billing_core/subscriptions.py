"""Who pays what, since when, and until when. Plan changes: plan_changes.py, named here too."""

from dataclasses import dataclass
from datetime import date
from typing import Literal
from uuid import UUID

from .domain.calendar import local_date, start_of
from .errors import NotFound, PriceNotOnSale, WrongState
from .plan_change_rules import PlanChangeAsk, ask_from, payload_of, usual_when
from .plan_changes import (
    PlanChangeResult,
    cancel_scheduled_change,
    change_plan,
    preview_plan_change,
)
from .ports import Tx
from .renewals import bill_many
from .store.catalog import Price
from .store.locks import lock_subscription
from .store.subscription import LIVE, PaymentMethod, Subscription, SubscriptionItem

__all__ = [
    "NewMethod",
    "PlanChangeAsk",
    "PlanChangeResult",
    "StartSubscription",
    "add_payment_method",
    "ask_from",
    "cancel_at_period_end",
    "cancel_scheduled_change",
    "change_plan",
    "payload_of",
    "preview_plan_change",
    "start_subscription",
    "uncancel",
    "use_payment_method",
    "usual_when",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMethod:
    """A way to pay as the gateway keeps it. We never see a card number."""

    customer_id: UUID
    kind: Literal["card", "pix", "boleto"]
    token: str
    gateway: str = "sandbox"
    brand: str = ""
    last4: str = ""
    exp_month: int | None = None
    exp_year: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StartSubscription:
    customer_id: UUID
    price_id: UUID
    payment_method_id: UUID | None
    time_zone: str = "America/Sao_Paulo"
    quantity: int = 1
    system: str = "native"


def add_payment_method(tx: Tx, new: NewMethod) -> UUID:
    method = PaymentMethod(
        id=tx.new_id(),
        customer_id=new.customer_id,
        kind=new.kind,
        gateway=new.gateway,
        token=new.token,
        brand=new.brand,
        last4=new.last4,
        exp_month=new.exp_month,
        exp_year=new.exp_year,
        created_at=tx.at,
    )
    tx.session.add(method)
    tx.session.flush()
    return method.id


def use_payment_method(tx: Tx, subscription_id: UUID, method_id: UUID) -> None:
    """Charge this method from now on. It must be the same customer's."""
    subscription = lock_subscription(tx.session, subscription_id)
    method = tx.session.get(PaymentMethod, method_id)
    if method is None or method.customer_id != subscription.customer_id:
        raise NotFound("payment method", method_id)
    subscription.payment_method_id = method_id


def start_subscription(tx: Tx, start: StartSubscription) -> UUID:
    """Start today (local date) and issue the first invoice; collecting it is the caller's next step.

    A subscription of another `system` gets no invoice of ours.
    """
    price = tx.session.get(Price, start.price_id)
    if price is None or price.valid_until is not None:
        raise PriceNotOnSale(start.price_id)
    today = local_date(tx.at, start.time_zone)
    subscription = Subscription(
        id=tx.new_id(),
        customer_id=start.customer_id,
        system=start.system,
        state="active",
        currency=price.currency,
        time_zone=start.time_zone,
        anchor_day=today.day,
        anchor_date=today,
        # An empty period that ends today: the first invoice is the first renewal.
        current_period_start=today,
        current_period_end=today,
        next_bill_at=start_of(today, start.time_zone),
        payment_method_id=start.payment_method_id,
        started_at=tx.at,
    )
    tx.session.add(subscription)
    tx.session.flush()
    item = SubscriptionItem(
        id=tx.new_id(),
        subscription_id=subscription.id,
        price_id=price.id,
        quantity=start.quantity,
    )
    tx.session.add(item)
    tx.session.flush()
    bill_many(tx, [subscription.id])
    return subscription.id


def cancel_at_period_end(tx: Tx, subscription_id: UUID) -> date:
    """Return the first day without service. A scheduled plan change is dropped."""
    subscription = _live(tx, subscription_id)
    subscription.cancel_at_period_end = True
    subscription.scheduled_price_id = subscription.scheduled_act_id = None
    return subscription.current_period_end


def uncancel(tx: Tx, subscription_id: UUID) -> None:
    """Take a cancellation back while the period still runs."""
    _live(tx, subscription_id).cancel_at_period_end = False


def _live(tx: Tx, subscription_id: UUID) -> Subscription:
    subscription = lock_subscription(tx.session, subscription_id)
    if subscription.state not in LIVE:
        raise WrongState("subscription", subscription_id, subscription.state)
    return subscription
