"""Rows of the queue and of the conversation."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column

from helpdesk.db import Base

CHANNELS = ("email", "chat", "whatsapp", "sms", "voice")  # that screens and reports know by name


class Counter(Base):
    """Numbers people read, handed out one by one inside a transaction."""

    __tablename__ = "counter"

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[int] = mapped_column(BigInteger)


class TicketStatus(Base):
    """A status people choose; what the product does depends on its category alone."""

    __tablename__ = "ticket_status"
    __table_args__ = (
        CheckConstraint("category IN ('open', 'waiting', 'solved', 'closed')", name="category"),
    )

    code: Mapped[str] = mapped_column(primary_key=True)  # new, open, pending, on_hold, …
    category: Mapped[str]
    position: Mapped[int]


class Ticket(Base):
    """One matter of one customer. This row holds all that the queue shows."""

    __tablename__ = "ticket"
    __table_args__ = (
        CheckConstraint("category IN ('open', 'waiting', 'solved', 'closed')", name="category"),
        CheckConstraint("priority IN ('low', 'normal', 'high', 'urgent')", name="priority"),
        CheckConstraint("last_channel <> ''", name="last_channel"),
        Index(None, "category", "next_due_at", "id"),
        Index(None, "assignee_id", "category", "next_due_at", "id"),
        Index(None, "team_id", "category", "next_due_at", "id"),
        Index(None, "category", "snoozed_until"),
        Index(None, "category", "solved_at", "id"),
        Index(
            "uq_ticket_open_chat",
            "chat_key",
            unique=True,
            sqlite_where=text("chat_key <> '' AND category IN ('open', 'waiting')"),
            postgresql_where=text("chat_key <> '' AND category IN ('open', 'waiting')"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, unique=True)  # display only
    subject: Mapped[str]
    status: Mapped[str] = mapped_column(ForeignKey("ticket_status.code"))
    category: Mapped[str]
    priority: Mapped[str] = mapped_column(default="normal")
    customer_id: Mapped[UUID | None] = mapped_column(ForeignKey("customer.id"), index=True)
    customer_name: Mapped[str]  # as the queue shows it, also when nobody is identified yet
    subscription_id: Mapped[UUID | None]  # opaque: billing's id
    invoice_line_id: Mapped[UUID | None]
    team_id: Mapped[UUID | None] = mapped_column(ForeignKey("team.id"))
    assignee_id: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    next_due_at: Mapped[datetime]  # the far future where nothing is owed, so the index orders all
    due_metric: Mapped[str] = mapped_column(default="")  # which clock it is; "" where none runs
    due_target_s: Mapped[int] = mapped_column(default=0)  # that clock's whole target
    waiting_since: Mapped[datetime | None]  # oldest unanswered customer message
    snoozed_until: Mapped[datetime | None]
    last_seq: Mapped[int] = mapped_column(default=0)
    last_hash: Mapped[str] = mapped_column(default="")
    said_seq: Mapped[int] = mapped_column(default=0)  # last message or note: what makes it unread
    snippet: Mapped[str] = mapped_column(default="")
    last_channel: Mapped[str]
    first_channel: Mapped[str]
    last_message_at: Mapped[datetime]
    money_at_stake_minor: Mapped[int | None] = mapped_column(BigInteger)
    money_currency: Mapped[str | None]
    chat_key: Mapped[str] = mapped_column(default="", index=True)  # the channel's own thread
    merged_into_id: Mapped[UUID | None] = mapped_column(ForeignKey("ticket.id"))
    parent_id: Mapped[UUID | None] = mapped_column(ForeignKey("ticket.id"))
    related_id: Mapped[UUID | None] = mapped_column(ForeignKey("ticket.id"))  # possibly related
    spam: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]
    solved_at: Mapped[datetime | None]


class Participant(Base):
    """A handle that takes part in a ticket: only these thread by mail headers."""

    __tablename__ = "participant"
    __table_args__ = (UniqueConstraint("ticket_id", "kind", "value"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("ticket.id"))
    kind: Mapped[str]
    value: Mapped[str]
    cc: Mapped[bool] = mapped_column(default=False, server_default=false())  # gets copies only


class Message(Base):
    """One thing somebody said. Never edited: a correction is a new row."""

    __tablename__ = "message"
    __table_args__ = (
        UniqueConstraint("ticket_id", "seq"),
        UniqueConstraint("author_id", "client_msg_id"),
        CheckConstraint("channel <> ''", name="channel"),
        CheckConstraint("direction IN ('in', 'out')", name="direction"),
        CheckConstraint("visibility IN ('public', 'note')", name="visibility"),
        CheckConstraint("author_kind IN ('customer', 'staff', 'bot', 'system')", name="author"),
        Index(
            "ix_message_whatsapp_heard",  # when a customer last wrote there
            "author_handle",
            "at",
            sqlite_where=text("channel = 'whatsapp' AND direction = 'in'"),
            postgresql_where=text("channel = 'whatsapp' AND direction = 'in'"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("ticket.id"))
    seq: Mapped[int]
    channel: Mapped[str]
    direction: Mapped[str]
    visibility: Mapped[str]
    author_kind: Mapped[str]
    author_id: Mapped[UUID | None]
    author_name: Mapped[str]
    author_handle: Mapped[str] = mapped_column(default="")
    body: Mapped[str]  # all readable text
    reply_text: Mapped[str]  # the new part only
    html_blob: Mapped[str | None] = mapped_column(ForeignKey("blob.sha256"))
    language: Mapped[str] = mapped_column(default="")
    trust: Mapped[str] = mapped_column(default="")
    auto: Mapped[str] = mapped_column(default="")  # a channel's AutoKind; "" for a person
    client_msg_id: Mapped[str | None]  # set where the writer may post the same thing twice
    media_url: Mapped[str] = mapped_column(default="")  # a call's recording
    media_seconds: Mapped[int] = mapped_column(default=0)
    # What the channel tells an agent about it: who is said to have vouched, what was omitted.
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default="{}")
    at: Mapped[datetime]


class Draft(Base):
    """What somebody has begun to write. Reply and note never share one."""

    __tablename__ = "draft"
    __table_args__ = (CheckConstraint("kind IN ('reply', 'note')", name="kind"),)

    staff_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"), primary_key=True)
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("ticket.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(default="")
    body: Mapped[str]
    cc: Mapped[str] = mapped_column(default="", server_default="")  # as it was typed
    saved_at: Mapped[datetime]


class TicketTag(Base):
    """A word on a ticket."""

    __tablename__ = "ticket_tag"

    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("ticket.id"), primary_key=True)
    tag: Mapped[str] = mapped_column(primary_key=True)


class ReadMark(Base):
    """How far somebody has read a ticket."""

    __tablename__ = "read_mark"

    staff_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"), primary_key=True)
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("ticket.id"), primary_key=True)
    seq: Mapped[int]
