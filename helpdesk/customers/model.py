"""Rows of customers and of the handles they write from."""

from datetime import date, datetime
from typing import Any
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
    born_on: Mapped[date | None]
    house_number: Mapped[str] = mapped_column(default="", server_default="")
    street: Mapped[str] = mapped_column(default="", server_default="")
    unit: Mapped[str] = mapped_column(default="", server_default="")  # flat, building
    district: Mapped[str] = mapped_column(default="", server_default="")  # or town
    postcode: Mapped[str] = mapped_column(default="", server_default="")
    region: Mapped[str] = mapped_column(default="", server_default="")
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


class Block(Base):
    """One key under which a customer is found again although facts of hers are misspelt."""

    __tablename__ = "customer_block"
    __table_args__ = ({"sqlite_with_rowid": False},)  # the key is the table

    key: Mapped[str] = mapped_column(primary_key=True)
    customer_id: Mapped[UUID] = mapped_column(
        ForeignKey("customer.id"), primary_key=True, index=True
    )


class CustomerMerge(Base):
    """Two customers that a person joined, with what moved: enough to part them again."""

    __tablename__ = "customer_merge"
    __table_args__ = (
        CheckConstraint("survivor_id <> absorbed_id", name="two_customers"),
        CheckConstraint("(undone_at IS NULL) = (undone_by IS NULL)", name="undone_by_somebody"),
        Index(
            "uq_customer_merge_standing",
            "absorbed_id",
            unique=True,
            sqlite_where=text("undone_at IS NULL"),
            postgresql_where=text("undone_at IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    survivor_id: Mapped[UUID] = mapped_column(ForeignKey("customer.id"), index=True)
    absorbed_id: Mapped[UUID] = mapped_column(ForeignKey("customer.id"))
    moved: Mapped[dict[str, Any]]  # ids of tickets and handles; facts that the survivor lacked
    made_by: Mapped[UUID] = mapped_column(ForeignKey("staff.id"))
    made_at: Mapped[datetime]
    undone_by: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    undone_at: Mapped[datetime | None]


class LinkCode(Base):
    """A secret sent to a customer's proven address: whoever tells it in a ticket is she."""

    __tablename__ = "link_code"
    __table_args__ = (CheckConstraint("tries_left >= 0", name="tries_left"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("ticket.id"), index=True)
    customer_id: Mapped[UUID] = mapped_column(ForeignKey("customer.id"))
    message_id: Mapped[UUID] = mapped_column(ForeignKey("message.id"), unique=True)
    code_hash: Mapped[str]
    tries_left: Mapped[int]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]  # told rightly, worn out, or replaced by a newer one
    made_by: Mapped[UUID] = mapped_column(ForeignKey("staff.id"))
    made_at: Mapped[datetime]
