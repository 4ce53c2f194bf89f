"""Rows of customers and of the handles they write from."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from helpdesk.db import Base


class Customer(Base):
    """One person or company that is charged every month."""

    __tablename__ = "customer"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(index=True)
    language: Mapped[str] = mapped_column(default="pt_BR")
    time_zone: Mapped[str] = mapped_column(default="America/Sao_Paulo")
    document_masked: Mapped[str] = mapped_column(default="")  # •••.482.118-••
    document_hash: Mapped[str] = mapped_column(default="")  # keyed hash; "" when unknown
    merged_into_id: Mapped[UUID | None] = mapped_column(ForeignKey("customer.id"))
    created_at: Mapped[datetime]


class Handle(Base):
    """One address a customer writes from. A typed one is claimed, never verified."""

    __tablename__ = "handle"
    __table_args__ = (
        CheckConstraint("kind IN ('email', 'phone', 'whatsapp', 'chat', 'external')", name="kind"),
        CheckConstraint(
            "verified_at IS NOT NULL OR claimed_at IS NOT NULL", name="claimed_or_verified"
        ),
        Index(
            "uq_handle_verified",
            "kind",
            "value",
            unique=True,
            sqlite_where=text("verified_at IS NOT NULL"),
            postgresql_where=text("verified_at IS NOT NULL"),
        ),
        Index(None, "kind", "value"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    customer_id: Mapped[UUID] = mapped_column(ForeignKey("customer.id"), index=True)
    kind: Mapped[str]
    value: Mapped[str]  # normalised: lower-case e-mail, E.164 phone
    verified_at: Mapped[datetime | None]
    claimed_at: Mapped[datetime | None]
