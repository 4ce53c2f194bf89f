"""Rows of the append-only record."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from helpdesk.db import Base


class Event(Base):
    """One thing that happened. Never updated, never deleted: triggers refuse it.

    On a ticket, `seq` is its place in the timeline and `hash` chains it to the one
    before; a message and its event share the seq. Without a ticket it is audit only.
    """

    __tablename__ = "event"
    __table_args__ = (
        UniqueConstraint("ticket_id", "seq"),
        CheckConstraint("(ticket_id IS NULL) = (seq IS NULL)", name="seq_with_ticket"),
        CheckConstraint("actor_kind IN ('staff', 'customer', 'system', 'bot')", name="actor_kind"),
        Index(None, "kind", "at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    ticket_id: Mapped[UUID | None] = mapped_column(ForeignKey("ticket.id"))
    seq: Mapped[int | None]
    kind: Mapped[str]
    actor_kind: Mapped[str]
    actor_id: Mapped[UUID | None]
    at: Mapped[datetime]
    data: Mapped[dict[str, Any]]
    prev_hash: Mapped[str]
    hash: Mapped[str]
