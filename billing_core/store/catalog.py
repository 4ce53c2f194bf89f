"""Rows of what is sold, of what is taken off, and of the tax on it."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Currency
from .columns import Minor, one_of


class Product(Base):
    __tablename__ = "product"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]


class Plan(Base):
    """Sold alone, or, as an add-on, beside another plan in the same subscription."""

    __tablename__ = "plan"
    __table_args__ = (one_of("kind", "plan", "add_on"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    product_id: Mapped[UUID] = mapped_column(ForeignKey("product.id"), index=True)
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    features: Mapped[dict[str, Any]]
    kind: Mapped[str] = mapped_column(default="plan")


class Price(Base):
    """One version of what a plan costs. Never edited; `valid_until` takes it off sale."""

    __tablename__ = "price"
    __table_args__ = (
        UniqueConstraint("plan_id", "currency", "interval", "interval_count", "version"),
        Index(
            "uq_price_on_sale",
            "plan_id",
            "currency",
            "interval",
            "interval_count",
            unique=True,
            sqlite_where=text("valid_until IS NULL"),
            postgresql_where=text("valid_until IS NULL"),
        ),
        one_of("interval", "day", "week", "month", "year"),
        one_of("model", "flat", "per_unit", "tiered", "volume", "usage"),
        one_of("proration", "day", "second"),
        CheckConstraint("interval_count > 0", name="interval_count"),
        CheckConstraint("unit_minor >= 0", name="unit_minor"),
        CheckConstraint("trial_days >= 0", name="trial_days"),
        CheckConstraint("model <> 'usage' OR meter IS NOT NULL", name="meter"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    plan_id: Mapped[UUID] = mapped_column(ForeignKey("plan.id"))
    version: Mapped[int]
    valid_from: Mapped[datetime]
    valid_until: Mapped[datetime | None]
    interval: Mapped[str]
    interval_count: Mapped[int]
    currency: Mapped[str] = mapped_column(Currency)
    unit_minor: Mapped[Minor]
    model: Mapped[str] = mapped_column(default="per_unit")
    tiers: Mapped[list[Any]] = mapped_column(default=list)  # domain/pricing.Tier, in order
    meter: Mapped[str | None]  # what is measured; billed when the period is over
    proration: Mapped[str] = mapped_column(default="day")
    trial_days: Mapped[int] = mapped_column(default=0)
    tax_code: Mapped[str | None]  # names the rate in force when a line is written
    tax_inclusive: Mapped[bool] = mapped_column(default=False)


class TaxRate(Base):
    """One version of a rate. Never edited; `valid_until` retires it.

    `parts` are the (code, percent) it is the sum of, where several taxes go together.
    """

    __tablename__ = "tax_rate"
    __table_args__ = (
        UniqueConstraint("code", "version"),
        Index(
            "uq_tax_rate_in_force",
            "code",
            unique=True,
            sqlite_where=text("valid_until IS NULL"),
            postgresql_where=text("valid_until IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    code: Mapped[str]
    version: Mapped[int]
    name: Mapped[str]
    percent: Mapped[str]  # decimal, such as "2.9375"
    parts: Mapped[list[Any]] = mapped_column(default=list, server_default="[]")
    valid_from: Mapped[datetime]
    valid_until: Mapped[datetime | None]


class Coupon(Base):
    """A discount that customers redeem. `periods`: how many it covers; None: all that follow."""

    __tablename__ = "coupon"
    __table_args__ = (
        CheckConstraint("(percent IS NULL) <> (amount_minor IS NULL)", name="percent_or_amount"),
        CheckConstraint(
            "amount_minor IS NULL OR (amount_minor > 0 AND currency IS NOT NULL)",
            name="amount_minor",
        ),
        CheckConstraint("periods > 0", name="periods"),
        CheckConstraint("redeemed >= 0 AND redeemed <= most", name="redeemed"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    percent: Mapped[str | None]
    amount_minor: Mapped[int | None] = mapped_column(BigInteger)
    currency: Mapped[str | None] = mapped_column(Currency)
    periods: Mapped[int | None]
    plan_ids: Mapped[list[Any]]  # text; empty: every plan
    most: Mapped[int | None]  # redemptions in all
    redeemed: Mapped[int] = mapped_column(default=0)
    redeem_until: Mapped[datetime | None]
    created_at: Mapped[datetime]


class CouponRedemption(Base):
    """A coupon on one subscription. Never deleted: lines were computed with it.

    `covered_until` is the end of the last period it covered, so that a change inside that
    period has the discount as well.
    """

    __tablename__ = "coupon_redemption"
    __table_args__ = (
        CheckConstraint("periods_left >= 0", name="periods_left"),
        Index(
            "uq_coupon_redemption_live",
            "subscription_id",
            unique=True,
            sqlite_where=text("live"),
            postgresql_where=text("live"),
        ),
        Index("ix_coupon_redemption_subscription_id", "subscription_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    coupon_id: Mapped[UUID] = mapped_column(ForeignKey("coupon.id"), index=True)
    subscription_id: Mapped[UUID] = mapped_column(ForeignKey("subscription.id"))
    redeemed_at: Mapped[datetime]
    periods_left: Mapped[int | None]  # None: without end
    live: Mapped[bool]  # covers a period to come
    covered_until: Mapped[date | None]
    removed_at: Mapped[datetime | None]


class UsageRecord(Base):
    """Something measured, once per key. `invoice_id` is the invoice that asked for it."""

    __tablename__ = "usage_record"
    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity"),
        Index(
            "ix_usage_record_unbilled",
            "subscription_item_id",
            "used_on",
            sqlite_where=text("invoice_id IS NULL"),
            postgresql_where=text("invoice_id IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)  # the measuring side's own
    subscription_item_id: Mapped[UUID] = mapped_column(ForeignKey("subscription_item.id"))
    quantity: Mapped[int] = mapped_column(BigInteger)
    used_on: Mapped[date]  # the subscription's local day
    recorded_at: Mapped[datetime]
    invoice_id: Mapped[UUID | None] = mapped_column(ForeignKey("invoice.id"), index=True)
