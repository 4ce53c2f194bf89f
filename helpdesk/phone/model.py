"""Rows of our telephone lines, of who may be written to, and of calls."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from helpdesk.db import Base

CALL_STATES = (
    "queued",  # ours, not yet handed to the provider
    "dialling",  # ours: the colleague's phone rings, or the provider was being asked
    "greeted",  # hears the greeting
    "waiting",  # in the queue
    "ringing",  # a colleague's phone rings for it
    "talking",
    "ended",  # somebody spoke
    "missed",
    "voicemail",
    "failed",
    "uncertain",  # nobody knows whether the provider took it
)
CATEGORIES = ("utility", "marketing", "authentication")


class PhoneLine(Base):
    """What one of our numbers does with a call. No row: the defaults."""

    __tablename__ = "phone_line"

    number: Mapped[str] = mapped_column(primary_key=True)  # E.164
    language: Mapped[str] = mapped_column(default="pt_BR")
    greeting: Mapped[str] = mapped_column(default="")  # "" is the product's own
    closed_greeting: Mapped[str] = mapped_column(default="")
    hours: Mapped[dict[str, Any]]  # weekday "0" (Monday) to "6": [["09:00", "18:00"], …]
    takes_queue: Mapped[bool] = mapped_column(default=True)  # False: voicemail at once
    changed_at: Mapped[datetime]


class OptOut(Base):
    """A customer's last word on whether we may write to a number on a channel."""

    __tablename__ = "opt_out"
    __table_args__ = (CheckConstraint("channel IN ('sms', 'whatsapp')", name="channel"),)

    channel: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(primary_key=True)  # E.164, Brazil's ninth digit included
    word: Mapped[str]  # what was written
    opted_out_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]  # wrote START since


class MessageTemplate(Base):
    """A text that WhatsApp approved. `body` holds {{1}}, {{2}}, … where something is left open."""

    __tablename__ = "message_template"
    __table_args__ = (
        CheckConstraint(f"category IN {CATEGORIES}", name="category"),
        CheckConstraint("state IN ('approved', 'paused')", name="state"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    language: Mapped[str]  # pt_BR, en
    category: Mapped[str]
    provider_ref: Mapped[str] = mapped_column(unique=True)  # the provider's content id
    body: Mapped[str]
    labels: Mapped[list[Any]]  # what each variable means, {{1}} first
    state: Mapped[str] = mapped_column(default="approved")
    created_at: Mapped[datetime]


class StaffPhone(Base):
    """The telephone on which a member of staff takes and makes calls."""

    __tablename__ = "staff_phone"

    staff_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"), primary_key=True)
    number: Mapped[str]  # E.164


class Call(Base):
    """One call, in either direction, and how far it came."""

    __tablename__ = "phone_call"
    __table_args__ = (
        CheckConstraint("direction IN ('in', 'out')", name="direction"),
        CheckConstraint(f"state IN {CALL_STATES}", name="state"),
        Index(None, "state", "began_at"),
        Index(None, "ticket_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    provider_id: Mapped[str | None] = mapped_column(unique=True)
    direction: Mapped[str]
    number: Mapped[str]  # the customer's
    ticket_id: Mapped[UUID | None] = mapped_column(ForeignKey("ticket.id"))
    staff_id: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    state: Mapped[str]
    topic: Mapped[str] = mapped_column(default="")  # billing, other; what the caller pressed
    callback_at: Mapped[datetime | None]  # when the caller asked to be called back
    called_back_at: Mapped[datetime | None]
    began_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    talk_s: Mapped[int] = mapped_column(default=0)
    why: Mapped[str] = mapped_column(default="")  # of failed and uncertain
    key: Mapped[str | None] = mapped_column(unique=True)  # the click that asked for it


class RefusedDelivery(Base):
    """The last thing that knocked at a channel's door and was not let in."""

    __tablename__ = "refused_delivery"

    channel: Mapped[str] = mapped_column(primary_key=True)
    times: Mapped[int]
    reason: Mapped[str]
    last_at: Mapped[datetime]
