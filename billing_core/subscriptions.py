"""Who pays what, and how. Starts, changes, pauses and cancellations have their own modules, named here too."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from .cancellations import (
    CancelAsk,
    CancelResult,
    cancel,
    cancel_at_period_end,
    preview_cancel,
    uncancel,
)
from .errors import NotFound
from .pauses import PauseAsk, PauseResult, cancel_pause, pause, pause_collection, preview_pause
from .plan_change_rules import PlanChangeAsk, ask_from, payload_of, usual_when
from .plan_changes import (
    PlanChangeResult,
    bill_waiting_lines,
    cancel_scheduled_change,
    change_plan,
    preview_plan_change,
)
from .ports import Tx
from .resumptions import ResumeAsk, preview_resume, resume
from .starts import StartSubscription, preview_start, start_subscription
from .store.catalog import Plan, Price
from .store.locks import lock_subscription
from .store.subscription import LIVE, PaymentMethod, Subscription, SubscriptionItem

__all__ = [
    "CancelAsk",
    "CancelResult",
    "NewMethod",
    "PauseAsk",
    "PauseResult",
    "PlanChangeAsk",
    "PlanChangeResult",
    "ResumeAsk",
    "StartSubscription",
    "add_payment_method",
    "ask_from",
    "bill_waiting_lines",
    "cancel",
    "cancel_at_period_end",
    "cancel_pause",
    "cancel_scheduled_change",
    "change_plan",
    "live_duplicates",
    "pause",
    "pause_collection",
    "payload_of",
    "preview_cancel",
    "preview_pause",
    "preview_plan_change",
    "preview_resume",
    "preview_start",
    "resume",
    "start_subscription",
    "uncancel",
    "use_payment_method",
    "usual_when",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMethod:
    """A way to pay as the gateway keeps it. We never see a card number."""

    customer_id: UUID
    kind: Literal["card", "pix", "pix_automatico", "boleto"]
    token: str
    gateway: str = "sandbox"
    brand: str = ""
    last4: str = ""
    exp_month: int | None = None
    exp_year: int | None = None


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


def live_duplicates(session: Session, customer_id: UUID) -> list[tuple[UUID, UUID]]:
    """Return pairs (older, newer) of live subscriptions to plans of the same product.

    A change of plan edits the subscription, so two of them are a mistake, and both renew.
    """
    rows = session.execute(
        select(Subscription.id, Plan.product_id)
        .join(SubscriptionItem, SubscriptionItem.subscription_id == Subscription.id)
        .join(Price, Price.id == SubscriptionItem.price_id)
        .join(Plan, Plan.id == Price.plan_id)
        .where(
            Subscription.customer_id == customer_id,
            Subscription.state.in_(LIVE),
            SubscriptionItem.added_on.is_(None),
        )
        .order_by(Subscription.started_at, Subscription.id)
    )
    by_product: dict[UUID, list[UUID]] = {}
    for subscription_id, product_id in rows:
        by_product.setdefault(product_id, []).append(subscription_id)
    return [pair for ids in by_product.values() for pair in pairwise(ids)]
