"""Rows of test clocks: customers whose time stands still until somebody moves it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, ForeignKey, exists
from sqlalchemy.orm import InstrumentedAttribute, Mapped, mapped_column

from .base import Base


class TestClock(Base):
    """A frozen instant. `advancing_to` is set while it is being moved, so that a crash shows."""

    __tablename__ = "test_clock"
    __test__ = False

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    now_at: Mapped[datetime]
    advancing_to: Mapped[datetime | None]
    created_at: Mapped[datetime]


class ClockCustomer(Base):
    """A customer who lives by a test clock; the billing run leaves her alone."""

    __tablename__ = "test_clock_customer"

    customer_id: Mapped[UUID] = mapped_column(primary_key=True)
    clock_id: Mapped[UUID] = mapped_column(ForeignKey("test_clock.id"), index=True)


def lives_by(
    customer_id: InstrumentedAttribute[UUID], clock_id: UUID | None
) -> ColumnElement[bool]:
    """True for customers of this clock; None: of no test clock, as nearly everybody is."""
    mine = exists().where(ClockCustomer.customer_id == customer_id)
    return ~mine if clock_id is None else mine.where(ClockCustomer.clock_id == clock_id)
