"""What gateways have pushed to us."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base
from .columns import one_of


class GatewayNotice(Base):
    """A gateway's event with the bytes it came in, stored once before it is read.

    parked: signed, but it fits nothing we know or may book yet; it is tried again.
    unreadable: signed, but it says nothing we understand; kept for a person to look at.
    """

    __tablename__ = "gateway_event"
    __table_args__ = (
        UniqueConstraint("gateway", "event_id"),
        one_of("state", "new", "read", "parked", "unreadable"),
        Index(
            "ix_gateway_event_due_at",
            "due_at",
            sqlite_where=text("state IN ('new', 'parked')"),
            postgresql_where=text("state IN ('new', 'parked')"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    gateway: Mapped[str]
    event_id: Mapped[str]
    kind: Mapped[str]
    body: Mapped[bytes] = mapped_column(LargeBinary)
    said: Mapped[dict[str, Any]]  # as billing_core.notices reads it; empty: unreadable
    state: Mapped[str]
    why: Mapped[str] = mapped_column(default="")  # it is parked or unreadable
    tries: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime]  # when it is looked at next
    received_at: Mapped[datetime]
