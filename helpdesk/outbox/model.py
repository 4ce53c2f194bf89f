"""Rows of what leaves."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column

from helpdesk.db import Base

OUTBOUND_STATES = (
    "queued",
    "sending",
    "sent",
    "delivered",
    "read",
    "uncertain",
    "failed",
    "cancelled",
)


class Outbound(Base):
    """One message on its way to one recipient. `key` is minted here, once, and goes with every try.

    A mail with copies has a row for each of them beside that of its receiver.
    """

    __tablename__ = "outbound"
    __table_args__ = (
        UniqueConstraint("channel", "provider_id"),
        UniqueConstraint("message_id", "recipient_kind", "recipient"),
        Index(
            "uq_outbound_message_id",
            "message_id",
            unique=True,
            sqlite_where=text("NOT cc"),
            postgresql_where=text("NOT cc"),
        ),
        CheckConstraint(f"state IN {OUTBOUND_STATES}", name="state"),
        Index(None, "state", "not_before", "id"),
        Index(None, "ticket_id"),
        Index(None, "channel", "last_try_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    message_id: Mapped[UUID] = mapped_column(ForeignKey("message.id"))
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("ticket.id"))  # order within a ticket
    channel: Mapped[str]
    recipient_kind: Mapped[str]
    recipient: Mapped[str]
    cc: Mapped[bool] = mapped_column(default=False, server_default=false())  # gets a copy
    envelope: Mapped[dict[str, Any]]  # Message-ID, references, Reply-To, subject, sender
    state: Mapped[str] = mapped_column(default="queued")
    not_before: Mapped[datetime]
    give_up_at: Mapped[datetime]  # trying ends then; a person may begin a new day
    leased_until: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[str] = mapped_column(default="")
    provider_id: Mapped[str | None]
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    last_try_at: Mapped[datetime | None]  # what the cap on a channel counts
    dead_at: Mapped[datetime | None]  # a day of tries ended without success


class OutboundAttempt(Base):
    """One try to send a message and how it ended."""

    __tablename__ = "outbound_attempt"
    __table_args__ = (UniqueConstraint("outbound_id", "position"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    outbound_id: Mapped[UUID] = mapped_column(ForeignKey("outbound.id"))
    position: Mapped[int]  # from 1, over the whole life of the message
    at: Mapped[datetime]  # when it ended
    outcome: Mapped[str]  # sent, queued (to be tried again), failed, uncertain
    why: Mapped[str] = mapped_column(default="")
