"""Rows of recurring revenue: every change of what a subscription is worth a month."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Currency
from .columns import Minor


class MrrMovement(Base):
    """Only ever added. What a change is called depends on the customer's others: see metrics.py.

    `committed_minor` is `minor`, or nothing once the subscription is set to end.
    """

    __tablename__ = "mrr_movement"
    __table_args__ = (
        CheckConstraint("minor >= 0", name="minor"),
        CheckConstraint("committed_minor BETWEEN 0 AND minor", name="committed_minor"),
        CheckConstraint("delta_minor <> 0 OR committed_delta_minor <> 0", name="changes"),
        Index("ix_mrr_movement_customer_id_currency_at", "customer_id", "currency", "at"),
    )

    subscription_id: Mapped[UUID] = mapped_column(ForeignKey("subscription.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)  # 1, 2, 3 of its subscription
    customer_id: Mapped[UUID]
    currency: Mapped[str] = mapped_column(Currency)
    at: Mapped[datetime]  # never before that of the number before
    minor: Mapped[Minor]
    delta_minor: Mapped[Minor]
    committed_minor: Mapped[Minor]
    committed_delta_minor: Mapped[Minor]
