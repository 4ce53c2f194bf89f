"""Rows of what was asked for, and of what was taken back from it."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Currency
from .columns import Minor, one_of


class NumberSeries(Base):
    """The last number given in a series. Taken late in a transaction, so there are no gaps."""

    __tablename__ = "number_series"

    series: Mapped[str] = mapped_column(primary_key=True)
    last: Mapped[int]


class Invoice(Base):
    """Immutable once numbered, but for its state. due = total - credit applied - lowered."""

    __tablename__ = "invoice"
    __table_args__ = (
        UniqueConstraint("series", "number"),
        one_of("state", "draft", "open", "paid", "void", "uncollectible"),
        one_of(
            "reason",
            "start",
            "renewal",
            "plan_change",
            "reissue",
            "usage",
            "pause",
            "resume",
            "cancel",
        ),
        CheckConstraint("due_minor >= 0", name="due_minor"),
        CheckConstraint(
            "total_minor = due_minor + credit_applied_minor + lowered_minor", name="credit_applied"
        ),
        CheckConstraint("lowered_minor >= 0", name="lowered_minor"),
        Index("ix_invoice_customer_id_issued_at", "customer_id", "issued_at"),
        Index(
            "ix_invoice_open",
            "due_on",
            "id",
            sqlite_where=text("state = 'open'"),
            postgresql_where=text("state = 'open'"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    series: Mapped[str]
    number: Mapped[int | None]  # None while draft
    customer_id: Mapped[UUID]
    subscription_id: Mapped[UUID | None] = mapped_column(ForeignKey("subscription.id"), index=True)
    payment_method_id: Mapped[UUID | None] = mapped_column(ForeignKey("payment_method.id"))
    state: Mapped[str]
    reason: Mapped[str]
    currency: Mapped[str] = mapped_column(Currency)
    period_start: Mapped[date | None]
    period_end: Mapped[date | None]
    discount_minor: Mapped[Minor]  # taken off already
    tax_minor: Mapped[Minor]  # within the total
    total_minor: Mapped[Minor]  # negative: the customer was owed it, and got it as credit
    credit_applied_minor: Mapped[Minor]
    lowered_minor: Mapped[Minor] = mapped_column(default=0)  # by credit notes while it was open
    due_minor: Mapped[Minor]
    issued_at: Mapped[datetime]
    due_on: Mapped[date]
    paid_at: Mapped[datetime | None]
    voided_at: Mapped[datetime | None]
    previous_invoice_id: Mapped[UUID | None] = mapped_column(ForeignKey("invoice.id"))
    money_act_id: Mapped[UUID | None] = mapped_column(unique=True)
    tax_document: Mapped[str | None]  # the municipality's NFS-e number; set once, later

    @property
    def name(self) -> str:
        """The printed number."""
        return f"{self.series}-{self.number:05d}" if self.number else ""


class InvoiceLine(Base):
    """One sum with the days it covers. `credited_minor` is what was given back, tax included.

    `holds_slot` marks the line by which a billing run owns (subscription, period, reason);
    a voided invoice frees its slot.
    """

    __tablename__ = "invoice_line"
    __table_args__ = (
        one_of(
            "kind", "subscription", "usage", "proration_credit", "proration_charge", "adjustment"
        ),
        CheckConstraint("credited_minor >= 0", name="credited_minor"),
        CheckConstraint(
            "credited_minor = 0 OR credited_minor <= net_minor + tax_minor", name="credited_of"
        ),
        UniqueConstraint("invoice_id", "position"),
        Index(
            "uq_invoice_line_slot",
            "subscription_id",
            "period_start",
            "reason",
            unique=True,
            sqlite_where=text("holds_slot"),
            postgresql_where=text("holds_slot"),
        ),
        Index("ix_invoice_line_subscription_id_period_end", "subscription_id", "period_end"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    invoice_id: Mapped[UUID] = mapped_column(ForeignKey("invoice.id"))
    position: Mapped[int]
    kind: Mapped[str]
    reason: Mapped[str]
    holds_slot: Mapped[bool]
    subscription_id: Mapped[UUID | None] = mapped_column(ForeignKey("subscription.id"))
    subscription_item_id: Mapped[UUID | None] = mapped_column(ForeignKey("subscription_item.id"))
    price_id: Mapped[UUID | None] = mapped_column(ForeignKey("price.id"))
    credits_line_id: Mapped[UUID | None] = mapped_column(ForeignKey("invoice_line.id"))
    label: Mapped[str]  # the plan's name when it was sold
    period_start: Mapped[date | None]
    period_end: Mapped[date | None]
    quantity: Mapped[int] = mapped_column(BigInteger)
    unit_minor: Mapped[Minor]
    arithmetic: Mapped[dict[str, Any]]
    net_minor: Mapped[Minor]
    discount_minor: Mapped[Minor]  # already taken off net
    tax_minor: Mapped[Minor]
    credited_minor: Mapped[Minor]


class CreditNote(Base):
    """What was taken back from an invoice. Numbered when issued; promised ones are drafts.

    `settled_by` says how the customer has it: as a refund, in the credit balance, owing
    less, or by bank transfer. One act may need several. `credit_order` is what was chosen
    where credit had paid a part. `from_payment_minor` is money that stayed as credit.
    """

    __tablename__ = "credit_note"
    __table_args__ = (
        UniqueConstraint("series", "number"),
        one_of("state", "draft", "issued", "void"),
        UniqueConstraint("money_act_id", "settled_by"),
        one_of("settled_by", "refund", "credit", "due", "bank_transfer"),
        CheckConstraint("amount_minor > 0", name="amount_minor"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    series: Mapped[str]
    number: Mapped[int | None]
    customer_id: Mapped[UUID] = mapped_column(index=True)
    invoice_id: Mapped[UUID | None] = mapped_column(ForeignKey("invoice.id"), index=True)
    state: Mapped[str]
    settled_by: Mapped[str]
    currency: Mapped[str] = mapped_column(Currency)
    amount_minor: Mapped[Minor]
    reason: Mapped[str]
    credit_order: Mapped[str] = mapped_column(default="")
    from_payment_minor: Mapped[Minor] = mapped_column(default=0)
    money_act_id: Mapped[UUID | None]
    created_at: Mapped[datetime]
    issued_at: Mapped[datetime | None]


class CreditNoteLine(Base):
    __tablename__ = "credit_note_line"
    __table_args__ = (CheckConstraint("net_minor + tax_minor > 0", name="amount"),)

    credit_note_id: Mapped[UUID] = mapped_column(ForeignKey("credit_note.id"), primary_key=True)
    invoice_line_id: Mapped[UUID] = mapped_column(ForeignKey("invoice_line.id"), primary_key=True)
    net_minor: Mapped[Minor]
    tax_minor: Mapped[Minor]
