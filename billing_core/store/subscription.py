"""Rows of who pays what, and how."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from ..domain.subscription import BILLED, LIVE, RENEWING, STATES, check_edge
from .base import Base, Currency
from .columns import one_of

__all__ = [
    "BILLED",
    "LIVE",
    "RENEWING",
    "PaymentMethod",
    "Subscription",
    "SubscriptionAct",
    "SubscriptionItem",
    "WaitingLine",
]


class PaymentMethod(Base):
    """A way to pay, as the gateway's token for it. Card numbers never come here."""

    __tablename__ = "payment_method"
    __table_args__ = (
        UniqueConstraint("gateway", "token"),
        one_of("kind", "card", "pix", "pix_automatico", "boleto"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    customer_id: Mapped[UUID] = mapped_column(index=True)
    kind: Mapped[str]
    gateway: Mapped[str]
    token: Mapped[str]
    brand: Mapped[str]
    last4: Mapped[str]
    exp_month: Mapped[int | None]
    exp_year: Mapped[int | None]
    created_at: Mapped[datetime]


class Subscription(Base):
    """Dates are local to `time_zone`; periods are half-open.

    Every boundary is computed from `anchor_day`, never from the previous, maybe clamped,
    date. `pending_*` is a change that waits for its payment, `scheduled_*` one that waits
    for the end of the period: an item (None: the main one; an unknown id: a new one), its
    price and its quantity (None: as it is; 0: the item goes). `wakes_at` is when something
    other than a renewal happens: the earliest of `pay_first_by`, `cancel_on`, `resumes_on`.
    """

    __tablename__ = "subscription"
    __table_args__ = (
        one_of("state", *STATES),
        one_of("trial_without_method", "pause", "cancel"),
        one_of("cancel_settle", "refund", "credit", "nothing"),
        CheckConstraint("anchor_day BETWEEN 1 AND 31", name="anchor_day"),
        CheckConstraint("current_period_start <= current_period_end", name="period"),
        CheckConstraint("scheduled_quantity >= 0", name="scheduled_quantity"),
        CheckConstraint("pending_quantity >= 0", name="pending_quantity"),
        Index("ix_subscription_next_bill_at_id", "next_bill_at", "id"),
        Index(
            "ix_subscription_wakes_at",
            "wakes_at",
            "id",
            sqlite_where=text("wakes_at IS NOT NULL"),
            postgresql_where=text("wakes_at IS NOT NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    customer_id: Mapped[UUID] = mapped_column(index=True)  # opaque: no key crosses to the helpdesk
    system: Mapped[str]  # native, or the name of an external engine that bills it
    state: Mapped[str]
    currency: Mapped[str] = mapped_column(Currency)
    time_zone: Mapped[str]
    anchor_day: Mapped[int]
    anchor_date: Mapped[date]
    current_period_start: Mapped[date]
    current_period_end: Mapped[date]
    next_bill_at: Mapped[datetime | None]  # None: never again
    payment_method_id: Mapped[UUID | None] = mapped_column(ForeignKey("payment_method.id"))
    started_at: Mapped[datetime]
    cancel_at_period_end: Mapped[bool] = mapped_column(default=False)
    ended_on: Mapped[date | None]
    scheduled_item_id: Mapped[UUID | None]
    scheduled_price_id: Mapped[UUID | None] = mapped_column(ForeignKey("price.id"))
    scheduled_quantity: Mapped[int | None]
    scheduled_act_id: Mapped[UUID | None]
    pending_item_id: Mapped[UUID | None]
    pending_price_id: Mapped[UUID | None] = mapped_column(ForeignKey("price.id"))
    pending_quantity: Mapped[int | None]
    pending_new_cycle: Mapped[bool] = mapped_column(default=False)
    pending_invoice_id: Mapped[UUID | None]  # no key: invoices point here already
    pending_act_id: Mapped[UUID | None]
    pending_on: Mapped[date | None]  # the local date the change was computed for
    trial_end: Mapped[date | None]  # first day that costs something
    trial_without_method: Mapped[str] = mapped_column(default="pause")
    pay_first_by: Mapped[datetime | None]  # an incomplete one expires then
    cancel_on: Mapped[date | None]  # first day without service, where a date was asked for
    cancel_settle: Mapped[str | None]
    cancel_act_id: Mapped[UUID | None]
    pause_at_period_end: Mapped[bool] = mapped_column(default=False)
    paused_on: Mapped[date | None]  # first day without service
    resumes_on: Mapped[date | None]
    resumes_in_cycle: Mapped[bool] = mapped_column(default=False)  # keeps its bill day
    collection_paused: Mapped[bool] = mapped_column(default=False)  # invoices, but no charges
    wakes_at: Mapped[datetime | None]

    def become(self, state: str) -> None:
        """Take one legal step. Raises `IllegalEdge`."""
        check_edge(self.state, state)
        self.state = state

    def forget_scheduled(self) -> None:
        """Drop the change that waits for the period's end, if there is one."""
        self.scheduled_item_id = self.scheduled_price_id = None
        self.scheduled_quantity = self.scheduled_act_id = None


class SubscriptionItem(Base):
    __tablename__ = "subscription_item"
    __table_args__ = (CheckConstraint("quantity > 0", name="quantity"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    subscription_id: Mapped[UUID] = mapped_column(ForeignKey("subscription.id"), index=True)
    price_id: Mapped[UUID] = mapped_column(ForeignKey("price.id"))
    quantity: Mapped[int]
    added_on: Mapped[date | None]  # None: with the subscription itself, as its main item
    ended_on: Mapped[date | None]  # a line may point here: an item is ended, never deleted


class WaitingLine(Base):
    """A line for the subscription's next invoice, as a draft in JSON."""

    __tablename__ = "waiting_line"
    __table_args__ = (
        Index(
            "ix_waiting_line_subscription_id",
            "subscription_id",
            sqlite_where=text("invoice_id IS NULL"),
            postgresql_where=text("invoice_id IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    subscription_id: Mapped[UUID] = mapped_column(ForeignKey("subscription.id"))
    position: Mapped[int]
    line: Mapped[dict[str, Any]]
    invoice_id: Mapped[UUID | None] = mapped_column(ForeignKey("invoice.id"))  # once billed
    created_at: Mapped[datetime]


class SubscriptionAct(Base):
    """One act on a subscription and what came of it: the same `money_act_id` acts once."""

    __tablename__ = "subscription_act"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    subscription_id: Mapped[UUID] = mapped_column(ForeignKey("subscription.id"), index=True)
    money_act_id: Mapped[UUID] = mapped_column(unique=True)
    act: Mapped[str]
    result: Mapped[dict[str, Any]]
    done_at: Mapped[datetime]
