"""Rows of disputes and of our answers to them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from ..domain.dispute import STATES
from ..domain.money import Money
from .base import Base, Currency
from .columns import Minor, one_of

OPEN_ANSWERS = ("requested", "sending", "unknown")  # the gateway may not have them yet


class Dispute(Base):
    """A payer's objection, as the gateway tells it: a card's chargeback, or Pix's special return.

    `amount_minor` is the gateway's word. `reserved_minor` is what of it still was with us:
    what had been given back before is answered with evidence, not paid twice. `held` says
    which of the books the money is in, `round` how often it went there.
    """

    __tablename__ = "dispute"
    __table_args__ = (
        UniqueConstraint("gateway", "gateway_ref"),
        one_of("state", *STATES),
        one_of("held", "none", "held", "lost"),
        CheckConstraint("amount_minor > 0", name="amount_minor"),
        CheckConstraint(
            "reserved_minor >= 0 AND reserved_minor <= amount_minor", name="reserved_minor"
        ),
        Index("ix_dispute_state_respond_by", "state", "respond_by"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    payment_id: Mapped[UUID] = mapped_column(ForeignKey("payment.id"), index=True)
    customer_id: Mapped[UUID] = mapped_column(index=True)
    gateway: Mapped[str]
    gateway_ref: Mapped[str]
    state: Mapped[str]
    reason: Mapped[str]
    kind: Mapped[str] = mapped_column(default="chargeback", server_default="chargeback")
    currency: Mapped[str] = mapped_column(Currency)
    amount_minor: Mapped[Minor]
    reserved_minor: Mapped[Minor] = mapped_column(default=0)
    held: Mapped[str] = mapped_column(default="none")
    held_minor: Mapped[Minor] = mapped_column(default=0)  # as booked
    round: Mapped[int] = mapped_column(default=0)
    respond_by: Mapped[datetime | None]
    opened_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    heard_at: Mapped[datetime]  # when the gateway last said anything about it

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)


class DisputeAnswer(Base):
    """What we say to a dispute: evidence, or that we accept it. Its id is the key, for ever."""

    __tablename__ = "dispute_answer"
    __table_args__ = (
        one_of("kind", "contest", "accept"),
        one_of("state", "requested", "sending", "unknown", "sent", "failed"),
        Index(
            "uq_dispute_answer_open",
            "dispute_id",
            unique=True,
            sqlite_where=text("state IN ('requested', 'sending', 'unknown')"),
            postgresql_where=text("state IN ('requested', 'sending', 'unknown')"),
        ),
        Index("ix_dispute_answer_state_changed_at", "state", "changed_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    dispute_id: Mapped[UUID] = mapped_column(ForeignKey("dispute.id"), index=True)
    kind: Mapped[str]
    evidence: Mapped[dict[str, Any]]  # texts by field
    given_by: Mapped[UUID | None]  # who decided; None: the machine
    state: Mapped[str]
    failure_code: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]
