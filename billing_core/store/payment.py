"""Rows of money that moved, or may have."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from ..domain.balance import PaymentBalance
from ..domain.money import Money
from .base import Base, Currency
from .columns import Minor, one_of

OPEN_ATTEMPTS = ("init", "pending", "unknown")  # without an answer yet


class Payment(Base):
    """Money captured. Whatever happens at once, no more can leave than came in."""

    __tablename__ = "payment"
    __table_args__ = (
        UniqueConstraint("gateway", "gateway_ref"),
        CheckConstraint("captured_minor > 0", name="captured_minor"),
        CheckConstraint(
            "refunded_minor >= 0 AND reserved_minor >= 0 AND disputed_minor >= 0"
            " AND credited_minor >= 0 AND refunded_minor + reserved_minor + disputed_minor"
            " + credited_minor <= captured_minor",
            name="never_more_than_captured",
        ),
        Index("ix_payment_customer_id_captured_at", "customer_id", "captured_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    customer_id: Mapped[UUID]
    invoice_id: Mapped[UUID | None] = mapped_column(ForeignKey("invoice.id"), index=True)
    payment_method_id: Mapped[UUID | None] = mapped_column(ForeignKey("payment_method.id"))
    gateway: Mapped[str]
    gateway_ref: Mapped[str]
    currency: Mapped[str] = mapped_column(Currency)
    captured_minor: Mapped[Minor]
    refunded_minor: Mapped[Minor] = mapped_column(default=0)
    reserved_minor: Mapped[Minor] = mapped_column(default=0)
    disputed_minor: Mapped[Minor] = mapped_column(default=0)
    credited_minor: Mapped[Minor] = mapped_column(default=0)  # stayed, as the customer's credit
    captured_at: Mapped[datetime]

    @property
    def balance(self) -> PaymentBalance:
        return PaymentBalance(
            captured=Money(self.captured_minor, self.currency),
            refunded=Money(self.refunded_minor, self.currency),
            reserved=Money(self.reserved_minor, self.currency),
            disputed=Money(self.disputed_minor, self.currency),
            credited=Money(self.credited_minor, self.currency),
        )


class PaymentAttempt(Base):
    """Written before the gateway is called. At most one per invoice is without an answer."""

    __tablename__ = "payment_attempt"
    __table_args__ = (
        one_of("state", "init", "pending", "success", "failed", "unknown"),
        one_of("rail", "card", "pix", "pix_automatico", "boleto"),
        CheckConstraint("amount_minor > 0", name="amount_minor"),
        Index(
            "uq_payment_attempt_open",
            "invoice_id",
            unique=True,
            sqlite_where=text("state IN ('init', 'pending', 'unknown')"),
            postgresql_where=text("state IN ('init', 'pending', 'unknown')"),
        ),
        Index(
            "ix_payment_attempt_open_ask_at",
            "ask_at",
            sqlite_where=text("state IN ('init', 'pending', 'unknown')"),
            postgresql_where=text("state IN ('init', 'pending', 'unknown')"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    invoice_id: Mapped[UUID] = mapped_column(ForeignKey("invoice.id"), index=True)
    customer_id: Mapped[UUID]
    payment_method_id: Mapped[UUID] = mapped_column(ForeignKey("payment_method.id"))
    payment_id: Mapped[UUID | None] = mapped_column(ForeignKey("payment.id"))
    gateway: Mapped[str]
    rail: Mapped[str]
    currency: Mapped[str] = mapped_column(Currency)
    amount_minor: Mapped[Minor]
    state: Mapped[str]
    failure_code: Mapped[str] = mapped_column(default="")
    due_on: Mapped[date | None]  # Pix and boleto: the local day until which it can be paid
    pay_by: Mapped[dict[str, Any] | None]  # what the customer needs to pay it herself
    withdraw_asked_at: Mapped[datetime | None]  # nobody wants it paid any more
    ask_at: Mapped[datetime]  # the gateway is not asked about it before
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]


class Refund(Base):
    """One promise to give money back. Its id is the key the gateway sees, for ever.

    `balance_note_id` is the part of the same act that returns to the customer's credit,
    `payee_id` to whom a person transfers it, `dispute_id` the dispute it is evidence in.
    """

    __tablename__ = "refund"
    __table_args__ = (
        UniqueConstraint("gateway", "gateway_ref"),
        one_of(
            "state",
            "awaiting_approval",
            "requested",
            "sending",
            "pending",
            "unknown",
            "succeeded",
            "failed",
            "released",
        ),
        one_of("rail", "card", "pix", "pix_automatico", "boleto", "original", "bank_transfer"),
        CheckConstraint("(rail = 'bank_transfer') = (payee_id IS NOT NULL)", name="payee_id"),
        one_of("origin", "ours", "outside"),
        CheckConstraint("amount_minor > 0", name="amount_minor"),
        Index("ix_refund_state_changed_at", "state", "changed_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    origin: Mapped[str] = mapped_column(default="ours")  # outside: made in the provider's screens
    money_act_id: Mapped[UUID | None] = mapped_column(unique=True)
    payment_id: Mapped[UUID] = mapped_column(ForeignKey("payment.id"), index=True)
    credit_note_id: Mapped[UUID] = mapped_column(ForeignKey("credit_note.id"), unique=True)
    balance_note_id: Mapped[UUID | None] = mapped_column(ForeignKey("credit_note.id"), unique=True)
    payee_id: Mapped[UUID | None] = mapped_column(ForeignKey("bank_payee.id"))
    dispute_id: Mapped[UUID | None] = mapped_column(ForeignKey("dispute.id"), index=True)
    customer_id: Mapped[UUID] = mapped_column(index=True)
    currency: Mapped[str] = mapped_column(Currency)
    amount_minor: Mapped[Minor]
    rail: Mapped[str]
    reason: Mapped[str]
    state: Mapped[str]
    gateway: Mapped[str]
    gateway_ref: Mapped[str | None]
    failure_code: Mapped[str] = mapped_column(default="")
    times_settled: Mapped[int] = mapped_column(default=0)  # a success may be taken back and return
    contradicted_at: Mapped[datetime | None]  # the gateway says it moved; no money is left to match
    requested_at: Mapped[datetime]
    changed_at: Mapped[datetime]

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)
