"""Rows of the chats on sites: how each looks and behaves, and what is said in it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from helpdesk.db import Base


class Widget(Base):
    """One chat as a site embeds it. `setup.py` reads the JSON columns into values."""

    __tablename__ = "chat_widget"
    __table_args__ = (CheckConstraint("mail_after_min > 0", name="mail_after"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)  # names it in the embedded script; no secret
    name: Mapped[str]  # as the staff call it
    colour: Mapped[str]  # #RRGGBB
    texts: Mapped[dict[str, Any]]  # language -> place -> words
    hours: Mapped[dict[str, Any]]  # zone, days, closed; {} is always open
    fields: Mapped[list[Any]]  # what is asked before the first message
    greetings: Mapped[list[Any]]
    origins: Mapped[list[Any]]  # the sites that may frame it
    mail_after_min: Mapped[int] = mapped_column(default=10)
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]


class Conversation(Base):
    """What is known of one visitor's conversation, however many tickets it spans."""

    __tablename__ = "chat_conversation"
    __table_args__ = (CheckConstraint("email_by IN ('', 'visitor', 'site')", name="email_by"),)

    chat_key: Mapped[str] = mapped_column(primary_key=True)
    last_seq: Mapped[int] = mapped_column(default=0)  # of its entries
    widget_key: Mapped[str] = mapped_column(default="")  # "" is the installation's own
    subject: Mapped[str] = mapped_column(default="")  # whom the site has vouched for, ever
    email: Mapped[str] = mapped_column(default="")
    email_by: Mapped[str] = mapped_column(default="")  # who named the address
    language: Mapped[str] = mapped_column(default="")
    left_closed: Mapped[bool] = mapped_column(default=False)  # she wrote outside the hours
    created_at: Mapped[datetime]


class Entry(Base):
    """The place of one public message in a conversation: 1, 2, 3 …, in the order of commits.

    Whoever holds everything up to N misses exactly what is after N.
    """

    __tablename__ = "chat_entry"
    __table_args__ = (UniqueConstraint("message_id"),)

    chat_key: Mapped[str] = mapped_column(
        ForeignKey("chat_conversation.chat_key"), primary_key=True
    )
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    message_id: Mapped[UUID] = mapped_column(ForeignKey("message.id"))


class FollowUp(Base):
    """An answer that went by mail because nobody read it: once for each answer."""

    __tablename__ = "chat_follow_up"
    __table_args__ = (Index(None, "mail_id"),)

    answer_id: Mapped[UUID] = mapped_column(ForeignKey("message.id"), primary_key=True)
    mail_id: Mapped[UUID] = mapped_column(ForeignKey("message.id"))


class ChatToken(Base):
    """In which conversation a site's token has vouched: nowhere else does it count again."""

    __tablename__ = "chat_token"

    token_id: Mapped[str] = mapped_column(primary_key=True)  # a hash of subject and jti
    chat_key: Mapped[str]
    expires_at: Mapped[datetime] = mapped_column(index=True)
