"""Rows of what is sold."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Currency
from .columns import Minor, one_of


class Product(Base):
    __tablename__ = "product"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]


class Plan(Base):
    __tablename__ = "plan"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    product_id: Mapped[UUID] = mapped_column(ForeignKey("product.id"), index=True)
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    features: Mapped[dict[str, Any]]


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
    model: Mapped[str] = mapped_column(default="flat")
    proration: Mapped[str] = mapped_column(default="day")
