"""Rows of asking again: what is planned for an invoice that was not paid, and what was done."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base
from .columns import one_of


class DunningStep(Base):
    """One step for one invoice. All are written at the first failure; none is ever added.

    waiting -> started (an attempt was written), told (a message is due), ended (the
    subscription's life too), skipped (pointless or not allowed), stopped (paid or void).
    A manual retry is no step, so it counts for nothing here.
    """

    __tablename__ = "dunning_step"
    __table_args__ = (
        UniqueConstraint("invoice_id", "n"),
        UniqueConstraint("attempt_id"),
        one_of("act", "retry", "remind", "second_copy", "end"),
        one_of("rail", "card", "pix", "pix_automatico", "boleto"),
        one_of("outcome", "waiting", "started", "told", "ended", "skipped", "stopped"),
        CheckConstraint("n > 0", name="n"),
        Index(
            "ix_dunning_step_due",
            "due_at",
            "invoice_id",
            "n",
            sqlite_where=text("outcome = 'waiting'"),
            postgresql_where=text("outcome = 'waiting'"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    invoice_id: Mapped[UUID] = mapped_column(ForeignKey("invoice.id"))
    n: Mapped[int]
    rail: Mapped[str]  # by which the first attempt failed
    act: Mapped[str]
    planned_at: Mapped[datetime]  # when the first failure was booked
    due_on: Mapped[date]  # local to the subscription
    due_at: Mapped[datetime]  # when that day begins
    outcome: Mapped[str]
    attempt_id: Mapped[UUID | None] = mapped_column(ForeignKey("payment_attempt.id"))
    done_at: Mapped[datetime | None]


class DunningPolicy(Base):
    """How the company asks again, in force from `set_at`. The newest counts."""

    __tablename__ = "dunning_policy"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    terms: Mapped[dict[str, Any]]
    set_at: Mapped[datetime]
