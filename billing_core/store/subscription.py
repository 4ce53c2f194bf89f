"""Rows of who pays what, and how."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Currency
from .columns import one_of

LIVE = ("active", "past_due")  # states that renew


class PaymentMethod(Base):
    """A way to pay, as the gateway's token for it. Card numbers never come here."""

    __tablename__ = "payment_method"
    __table_args__ = (
        UniqueConstraint("gateway", "token"),
        one_of("kind", "card", "pix", "boleto"),
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
    for the end of the period.
    """

    __tablename__ = "subscription"
    __table_args__ = (
        one_of(
            "state",
            "incomplete",
            "incomplete_expired",
            "trialing",
            "active",
            "past_due",
            "unpaid",
            "paused",
            "canceled",
        ),
        CheckConstraint("anchor_day BETWEEN 1 AND 31", name="anchor_day"),
        CheckConstraint("current_period_start <= current_period_end", name="period"),
        Index("ix_subscription_next_bill_at_id", "next_bill_at", "id"),
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
    scheduled_price_id: Mapped[UUID | None] = mapped_column(ForeignKey("price.id"))
    scheduled_act_id: Mapped[UUID | None]
    pending_price_id: Mapped[UUID | None] = mapped_column(ForeignKey("price.id"))
    pending_invoice_id: Mapped[UUID | None]  # no key: invoices point here already
    pending_act_id: Mapped[UUID | None]
    pending_on: Mapped[date | None]  # the local date the change was computed for


class SubscriptionItem(Base):
    __tablename__ = "subscription_item"
    __table_args__ = (CheckConstraint("quantity > 0", name="quantity"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    subscription_id: Mapped[UUID] = mapped_column(ForeignKey("subscription.id"), index=True)
    price_id: Mapped[UUID] = mapped_column(ForeignKey("price.id"))
    quantity: Mapped[int]
