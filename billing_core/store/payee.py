"""Rows of bank accounts that people transfer refunds to."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from .base import Base
from .columns import one_of


class BankPayee(Base):
    """One customer's bank details. `full` is forgotten as soon as nobody has to type it any more."""

    __tablename__ = "bank_payee"
    __table_args__ = (one_of("kind", "pix", "account"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    customer_id: Mapped[UUID] = mapped_column(index=True)
    kind: Mapped[str]
    masked: Mapped[dict[str, Any]]  # what everybody may read
    full: Mapped[dict[str, Any] | None]  # what the person at the bank types
    fingerprint: Mapped[str]  # sha256 of the full details: an approval is bound to it
    created_at: Mapped[datetime]
    forgotten_at: Mapped[datetime | None]
