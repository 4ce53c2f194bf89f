"""Rows of money acts. The money itself is billing_core's."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CHAR, BigInteger, CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from helpdesk.db import Base

ACT_KINDS = ("refund", "credit", "reissue", "plan_change")
ACT_STATES = (
    "draft",
    "awaiting_approval",
    "approved",
    "refused",
    "expired",
    "sending",
    "unknown",
    "succeeded",
    "failed",
    "reversed",
)


class MoneyPreview(Base):
    """What somebody was shown, frozen: the confirmation must meet the same account."""

    __tablename__ = "money_preview"
    __table_args__ = (CheckConstraint(f"kind IN {ACT_KINDS}", name="kind"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("ticket.id"))
    customer_id: Mapped[UUID]
    created_by: Mapped[UUID] = mapped_column(ForeignKey("staff.id"))
    frozen_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    inputs_hash: Mapped[str]
    amount_minor: Mapped[int] = mapped_column(BigInteger)  # what the limits measure
    currency: Mapped[str] = mapped_column(CHAR(3))
    ask: Mapped[dict[str, Any]]  # what would be done
    shown: Mapped[dict[str, Any]]  # before and after, as shown


class MoneyAct(Base):
    """One act on a customer's money, from the request to its end. Legal edges only, by trigger."""

    __tablename__ = "money_act"
    __table_args__ = (
        CheckConstraint(f"kind IN {ACT_KINDS}", name="kind"),
        CheckConstraint(f"state IN {ACT_STATES}", name="state"),
        CheckConstraint("amount_minor >= 0", name="amount"),
        Index(None, "state", "created_at"),
        Index(None, "requester_id", "created_at"),
        Index(None, "customer_id", "created_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, unique=True)  # shown as AUD-90417
    kind: Mapped[str]
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("ticket.id"), index=True)
    customer_id: Mapped[UUID]
    preview_id: Mapped[UUID] = mapped_column(ForeignKey("money_preview.id"), unique=True)
    requester_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"))
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(CHAR(3))
    reason: Mapped[str]
    state: Mapped[str]
    one_time_key: Mapped[str] = mapped_column(unique=True)
    request_hash: Mapped[str]  # sha256 of kind, amount, target and reason: approval binds to it
    subject_id: Mapped[UUID | None]  # the refund, credit entry, invoice or subscription made by it
    failure: Mapped[str] = mapped_column(default="")  # a code: why it ended without its effect
    message_text: Mapped[str] = mapped_column(default="")  # told to the customer once it is done
    message_channel: Mapped[str] = mapped_column(default="")
    message_id: Mapped[UUID | None] = mapped_column(ForeignKey("message.id"))  # set: it was told
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]


class Approval(Base):
    """A second person's decision. A trigger refuses the requester."""

    __tablename__ = "approval"
    __table_args__ = (CheckConstraint("decision IN ('approved', 'refused')", name="decision"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    money_act_id: Mapped[UUID] = mapped_column(ForeignKey("money_act.id"), unique=True)
    approver_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"))
    decision: Mapped[str]
    note: Mapped[str] = mapped_column(default="")
    request_hash: Mapped[str]
    at: Mapped[datetime]
