"""Rows of what arrived, and of what lets an answer find its ticket."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from helpdesk.db import Base


class Blob(Base):
    """Bytes on disk, named by their SHA-256, so the same file is kept once."""

    __tablename__ = "blob"

    sha256: Mapped[str] = mapped_column(primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger)
    media_type: Mapped[str]  # decided by us
    created_at: Mapped[datetime]


class Inbound(Base):
    """One delivery from outside, kept before it is acknowledged and read afterwards."""

    __tablename__ = "inbound"
    __table_args__ = (
        UniqueConstraint("source", "external_key"),
        CheckConstraint("state IN ('new', 'read', 'quarantined', 'discarded')", name="state"),
        Index(None, "state", "received_at", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    source: Mapped[str]  # email:suporte@…, sms, whatsapp, voice, webchat, gateway:sandbox
    external_key: Mapped[str]  # uidvalidity:uid, MessageSid, client_msg_id, event id
    channel: Mapped[str]  # name of the adapter that reads it
    received_at: Mapped[datetime]
    headers: Mapped[dict[str, Any]]
    url: Mapped[str] = mapped_column(default="")
    blob: Mapped[str] = mapped_column(ForeignKey("blob.sha256"))
    content_hash: Mapped[str] = mapped_column(index=True)  # finds a re-created mailbox's copies
    state: Mapped[str] = mapped_column(default="new")
    attempts: Mapped[int] = mapped_column(default=0)  # counted before reading starts
    not_before: Mapped[datetime]  # when the sweep may take it up, should its job be lost
    leased_until: Mapped[datetime | None]  # somebody is reading it; a dead reader's lease ends
    reason: Mapped[str] = mapped_column(default="")  # machine code of a quarantine or discard
    detail: Mapped[str] = mapped_column(default="")  # what the reader of the bytes said
    ticket_id: Mapped[UUID | None] = mapped_column(ForeignKey("ticket.id"))
    message_id: Mapped[UUID | None] = mapped_column(ForeignKey("message.id"))
    sender: Mapped[str] = mapped_column(default="", server_default="")  # of what is held
    subject: Mapped[str] = mapped_column(default="", server_default="")  # likewise
    released_by: Mapped[UUID | None]  # somebody vouched for it: no judgement holds it again
    attach_to_id: Mapped[UUID | None]  # the ticket that somebody chose for it
    deleted_at: Mapped[datetime | None]  # by a person; its bytes go a while later
    bytes_gone_at: Mapped[datetime | None]


class BlockedSender(Base):
    """An address, or a whole domain, whose messages wait for a person."""

    __tablename__ = "blocked_sender"
    __table_args__ = (
        UniqueConstraint("kind", "value"),
        CheckConstraint("kind IN ('address', 'domain')", name="kind"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    value: Mapped[str]  # normalised: lower-case e-mail or domain, E.164 number
    note: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime]
    created_by: Mapped[UUID] = mapped_column(ForeignKey("staff.id"))


class Attachment(Base):
    """A file of a message. Its id is random (128 bits), never guessable from time."""

    __tablename__ = "attachment"

    id: Mapped[UUID] = mapped_column(primary_key=True)  # uuid4
    message_id: Mapped[UUID] = mapped_column(ForeignKey("message.id"), index=True)
    blob: Mapped[str] = mapped_column(ForeignKey("blob.sha256"))
    name: Mapped[str]  # shown only, never a path
    media_type: Mapped[str]
    size: Mapped[int] = mapped_column(BigInteger)
    content_id: Mapped[str] = mapped_column(default="")


class FilesDue(Base):
    """What a provider keeps of one delivery and we have not fetched: gone once that is settled."""

    __tablename__ = "files_due"

    inbound_id: Mapped[UUID] = mapped_column(ForeignKey("inbound.id"), primary_key=True)
    attempts: Mapped[int] = mapped_column(default=0)
    not_before: Mapped[datetime] = mapped_column(index=True)
    give_up_at: Mapped[datetime]


class MailIndex(Base):
    """Every Message-ID seen in either direction, so any answer finds its thread.

    A call is indexed in the same way by the provider's id of it (mailbox "voice").
    """

    __tablename__ = "mail_index"
    __table_args__ = (Index(None, "message_id_hash"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    mailbox: Mapped[str]
    message_id_hash: Mapped[str]
    header_id: Mapped[str] = mapped_column(default="")  # as it stood, without angle brackets
    message_id: Mapped[UUID] = mapped_column(ForeignKey("message.id"))
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("ticket.id"))


class ReplyToken(Base):
    """A secret in Reply-To, bound to one ticket and one recipient."""

    __tablename__ = "reply_token"

    token_hash: Mapped[str] = mapped_column(primary_key=True)
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("ticket.id"))
    recipient: Mapped[str]  # normalised address it was sent to
    expires_at: Mapped[datetime]


class MailboxCursor(Base):
    """How far a mailbox folder has been fetched."""

    __tablename__ = "mailbox_cursor"

    mailbox: Mapped[str] = mapped_column(primary_key=True)
    folder: Mapped[str] = mapped_column(primary_key=True)
    uidvalidity: Mapped[int] = mapped_column(BigInteger)
    last_uid: Mapped[int] = mapped_column(BigInteger)
    last_ok_at: Mapped[datetime]
