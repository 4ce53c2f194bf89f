"""Rows of targets, clocks and metric events."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from helpdesk.db import Base

METRICS = ("first_response", "next_response", "resolution")
METRIC_KINDS = ("activate", "pause", "resume", "fulfil", "breach", "cancel")


class SlaTarget(Base):
    """How soon we promise, by the channel the cycle began on. No row: no clock."""

    __tablename__ = "sla_target"
    __table_args__ = (
        CheckConstraint(f"metric IN {METRICS}", name="metric"),
        CheckConstraint("target_s > 0", name="target"),
    )

    channel: Mapped[str] = mapped_column(primary_key=True)
    metric: Mapped[str] = mapped_column(primary_key=True)
    target_s: Mapped[int]  # calendar seconds


class MetricEvent(Base):
    """One step of one clock. Append-only: every reported figure is rebuilt from these."""

    __tablename__ = "metric_event"
    __table_args__ = (
        CheckConstraint(f"metric IN {METRICS}", name="metric"),
        CheckConstraint(f"kind IN {METRIC_KINDS}", name="kind"),
        UniqueConstraint("ticket_id", "metric", "cycle", "position"),
        Index(None, "metric", "kind", "at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("ticket.id"))
    metric: Mapped[str]
    cycle: Mapped[int]
    position: Mapped[int]  # 1 is the activation; instants may be equal, positions never
    kind: Mapped[str]
    at: Mapped[datetime]
    channel: Mapped[str]  # the cycle's channel
    target_s: Mapped[int]  # 0 where no promise was made: measured all the same
    staff_id: Mapped[UUID | None]  # who fulfilled it


class SlaClock(Base):
    """The running projection of the metric events of one cycle."""

    __tablename__ = "sla_clock"
    __table_args__ = (
        CheckConstraint(f"metric IN {METRICS}", name="metric"),
        CheckConstraint("state IN ('running', 'paused', 'fulfilled', 'cancelled')", name="state"),
        UniqueConstraint("ticket_id", "metric", "cycle"),
        Index(
            "uq_sla_clock_running",
            "ticket_id",
            "metric",
            unique=True,
            sqlite_where=text("state IN ('running', 'paused')"),
            postgresql_where=text("state IN ('running', 'paused')"),
        ),
        Index(None, "state", "due_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("ticket.id"))
    metric: Mapped[str]
    cycle: Mapped[int]
    channel: Mapped[str]
    target_s: Mapped[int]
    started_at: Mapped[datetime]
    due_at: Mapped[datetime | None]  # None while paused, or where no promise was made
    consumed_s: Mapped[int] = mapped_column(default=0)  # up to the last pause
    resumed_at: Mapped[datetime | None]  # start of the stretch that is running now
    breached_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    state: Mapped[str] = mapped_column(default="running")
    position: Mapped[int] = mapped_column(default=1)  # of the last step


class BacklogSnapshot(Base):
    """How many tickets were open, by channel, at the top of an hour."""

    __tablename__ = "backlog_snapshot"

    at: Mapped[datetime] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(primary_key=True)
    open: Mapped[int]
    unassigned: Mapped[int]
