"""Rows of mailboxes, and of how each fares."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from helpdesk.db import Base

AUTH_KINDS = ("password", "oauth_google", "oauth_microsoft")
SECURITIES = ("implicit", "starttls", "none")


class Mailbox(Base):
    """One address of ours. The columns that end in `_sealed` hold secrets, encrypted."""

    __tablename__ = "mailbox"
    __table_args__ = (
        CheckConstraint(f"auth IN {AUTH_KINDS}", name="auth"),
        CheckConstraint(f"imap_security IN {SECURITIES}", name="imap_security"),
        CheckConstraint(f"smtp_security IN {SECURITIES}", name="smtp_security"),
        CheckConstraint("rate_per_minute > 0", name="rate_per_minute"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    address: Mapped[str] = mapped_column(unique=True)  # lower case
    name: Mapped[str]  # as customers read it beside the address
    enabled: Mapped[bool] = mapped_column(default=True)
    auth: Mapped[str] = mapped_column(default="password")
    user_name: Mapped[str]
    secret_sealed: Mapped[str]  # the password, or the refresh token
    client_id: Mapped[str] = mapped_column(default="")
    client_secret_sealed: Mapped[str] = mapped_column(default="")
    token_url: Mapped[str] = mapped_column(default="")  # "" is the provider's own
    imap_host: Mapped[str] = mapped_column(default="")  # "" fetches nothing: mail is brought
    imap_port: Mapped[int] = mapped_column(default=993)
    imap_security: Mapped[str] = mapped_column(default="implicit")
    folder: Mapped[str] = mapped_column(default="INBOX")
    done_folder: Mapped[str] = mapped_column(default="")  # "" leaves mail where it is, marked
    smtp_host: Mapped[str]
    smtp_port: Mapped[int] = mapped_column(default=465)
    smtp_security: Mapped[str] = mapped_column(default="implicit")
    smtp_user_name: Mapped[str] = mapped_column(default="")  # "" is the same as for IMAP
    smtp_secret_sealed: Mapped[str] = mapped_column(default="")  # "" is the same as for IMAP
    rate_per_minute: Mapped[int] = mapped_column(default=60)
    signature_text: Mapped[str] = mapped_column(default="")
    signature_html: Mapped[str] = mapped_column(default="")
    dkim_domain: Mapped[str] = mapped_column(default="")
    dkim_selector: Mapped[str] = mapped_column(default="")  # "" signs nothing
    dkim_key_sealed: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]


class MailboxHealth(Base):
    """When an address was last read and sent from, and what went wrong since."""

    __tablename__ = "mailbox_health"

    address: Mapped[str] = mapped_column(primary_key=True)
    fetched_at: Mapped[datetime | None]
    fetch_fault: Mapped[str] = mapped_column(default="")  # code; "" while all is well
    fetch_detail: Mapped[str] = mapped_column(default="")
    fetch_failing_since: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    send_fault: Mapped[str] = mapped_column(default="")
    send_detail: Mapped[str] = mapped_column(default="")
    send_failing_since: Mapped[datetime | None]
    next_slot_at: Mapped[datetime | None]  # when the next mail may leave, were there no allowance
