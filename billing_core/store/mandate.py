"""Rows of standing consents."""

from collections.abc import Collection, Mapping
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from ..domain.mandate import ENDED, STATES, refusal_of
from ..domain.money import Money
from .base import Base, Currency
from .columns import Minor, one_of


class Mandate(Base):
    """A payer's consent to be charged without her. Its id is the key the gateway sees."""

    __tablename__ = "mandate"
    __table_args__ = (
        UniqueConstraint("gateway", "gateway_ref"),
        one_of("state", *STATES),
        one_of("period", "week", "month", "quarter", "half_year", "year"),
        CheckConstraint("max_minor > 0", name="max_minor"),
        Index("ix_mandate_state_ask_at", "state", "ask_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    one_time_key: Mapped[str] = mapped_column(unique=True)
    customer_id: Mapped[UUID] = mapped_column(index=True)
    subscription_id: Mapped[UUID | None] = mapped_column(ForeignKey("subscription.id"))
    payment_method_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("payment_method.id"), unique=True
    )  # once accepted
    gateway: Mapped[str]
    gateway_ref: Mapped[str | None]
    payer: Mapped[str]  # as the gateway knows her
    currency: Mapped[str] = mapped_column(Currency)
    max_minor: Mapped[Minor | None]  # of one charge
    period: Mapped[str]
    starts_on: Mapped[date]
    state: Mapped[str]
    code: Mapped[str] = mapped_column(default="")  # why it ended
    cancel_asked_at: Mapped[datetime | None]  # ours; the gateway may not know yet
    ask_at: Mapped[datetime]  # the gateway is not asked about it before
    requested_at: Mapped[datetime]
    changed_at: Mapped[datetime]

    @property
    def maximum(self) -> Money | None:
        return None if self.max_minor is None else Money(self.max_minor, self.currency)


Asked = tuple[UUID, Money]
"""A payment method that stands for a consent, and what it is to be charged."""


def mandate_refusals(session: Session, asked: Collection[Asked]) -> Mapping[Asked, str]:
    """Return why charges must not even be sent; what may be sent is left out."""
    if not asked:  # most runs charge nothing under a consent
        return {}
    found = session.scalars(
        select(Mandate).where(Mandate.payment_method_id.in_({id for id, _ in asked}))
    )
    mandates = {one.payment_method_id: one for one in found}
    return {one: why for one in asked if (why := _refusal(mandates.get(one[0]), one[1]))}


def _refusal(mandate: Mandate | None, amount: Money) -> str:
    if mandate is None or mandate.cancel_asked_at is not None:
        return ENDED
    return refusal_of(mandate.state, mandate.maximum, amount)
