"""The sandbox gateway's own books: what a real provider would keep on its side."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Currency
from .columns import Minor, one_of


class SandboxCharge(Base):
    __tablename__ = "sandbox_charge"
    __table_args__ = (
        one_of("state", "pending", "succeeded", "failed"),
        CheckConstraint(
            "refunded_minor >= 0 AND disputed_minor >= 0"
            " AND refunded_minor + disputed_minor <= amount_minor",
            name="refunded_minor",
        ),
    )

    ref: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    method_token: Mapped[str]
    reference: Mapped[str]
    currency: Mapped[str] = mapped_column(Currency)
    amount_minor: Mapped[Minor]
    refunded_minor: Mapped[Minor]
    disputed_minor: Mapped[Minor]
    state: Mapped[str]
    code: Mapped[str]
    pay_until: Mapped[datetime | None]  # Pix and boleto
    at: Mapped[datetime]
    moved_at: Mapped[datetime | None]  # when it succeeded


class SandboxRefund(Base):
    __tablename__ = "sandbox_refund"
    __table_args__ = (one_of("state", "pending", "succeeded", "failed"),)

    ref: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    outside: Mapped[bool]  # made in the provider's own screens: the key is not the caller's
    charge_ref: Mapped[str] = mapped_column(ForeignKey("sandbox_charge.ref"), index=True)
    currency: Mapped[str] = mapped_column(Currency)
    amount_minor: Mapped[Minor]
    state: Mapped[str]
    code: Mapped[str]
    at: Mapped[datetime]
    moved_at: Mapped[datetime | None]


class SandboxDispute(Base):
    __tablename__ = "sandbox_dispute"

    ref: Mapped[str] = mapped_column(primary_key=True)
    charge_ref: Mapped[str] = mapped_column(ForeignKey("sandbox_charge.ref"), index=True)
    currency: Mapped[str] = mapped_column(Currency)
    amount_minor: Mapped[Minor]
    state: Mapped[str]  # as in domain/dispute.py
    reason: Mapped[str]
    respond_by: Mapped[datetime | None]
    answer_key: Mapped[str | None] = mapped_column(unique=True)
    evidence: Mapped[dict[str, Any] | None]
    at: Mapped[datetime]


class SandboxRule(Base):
    """How the sandbox shall misbehave. The oldest rule that fits is used, `times` times."""

    __tablename__ = "sandbox_rule"
    __table_args__ = (
        one_of("act", "decline", "drop_before", "drop_after", "late"),
        one_of("call", "charge", "refund", "find", "withdraw", "answer", "report"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    act: Mapped[str]
    call: Mapped[str]
    key_prefix: Mapped[str]  # empty: any key
    method_prefix: Mapped[str]  # empty: any method, so any customer
    code: Mapped[str]
    times: Mapped[int | None]  # None: until it is removed
