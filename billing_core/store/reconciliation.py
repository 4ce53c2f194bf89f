"""Rows of the comparison with the gateways' reports, and the selects of our side of it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import CheckConstraint, ColumnElement, Index, UniqueConstraint, select, text
from sqlalchemy.orm import InstrumentedAttribute, Mapped, Session, mapped_column

from ..domain.money import Money
from ..domain.refund import OUT_OF_BAND
from .base import Base, Currency
from .columns import Minor, one_of
from .dispute import Dispute
from .payment import Payment, Refund

OPEN_ITEMS = ("missing_here", "missing_there", "amount_differs")
_OPEN = text("state IN ('missing_here', 'missing_there', 'amount_differs')")
_AT_ONCE = 500  # values in one statement

Value = TypeVar("Value")


class ReconciliationItem(Base):
    """One movement as both sides tell it. Comparing a day again changes nothing.

    `ours` or `theirs` is None where that side does not know it. `resolved` is a person's
    word, with a note, on a difference that stays; it never changes the books.
    """

    __tablename__ = "reconciliation_item"
    __table_args__ = (
        UniqueConstraint("gateway", "kind", "ref"),
        one_of("kind", "charge", "refund", "dispute"),
        one_of("state", "matched", *OPEN_ITEMS, "resolved"),
        CheckConstraint("ours_minor IS NOT NULL OR theirs_minor IS NOT NULL", name="a_side"),
        CheckConstraint("(state = 'resolved') = (resolved_at IS NOT NULL)", name="resolved_at"),
        Index("ix_reconciliation_item_gateway_day", "gateway", "day"),
        Index(
            "ix_reconciliation_item_open", "day", "id", sqlite_where=_OPEN, postgresql_where=_OPEN
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    gateway: Mapped[str]
    day: Mapped[date]  # UTC
    kind: Mapped[str]
    ref: Mapped[str]  # the gateway's id
    source_id: Mapped[UUID | None]  # our payment, refund or dispute
    ours_minor: Mapped[Minor | None]
    ours_currency: Mapped[str | None] = mapped_column(Currency)
    theirs_minor: Mapped[Minor | None]
    theirs_currency: Mapped[str | None] = mapped_column(Currency)
    state: Mapped[str]
    note: Mapped[str] = mapped_column(default="")
    resolved_by: Mapped[UUID | None]
    resolved_at: Mapped[datetime | None]
    found_at: Mapped[datetime]
    changed_at: Mapped[datetime]

    @property
    def ours(self) -> Money | None:
        return _money(self.ours_minor, self.ours_currency)

    @property
    def theirs(self) -> Money | None:
        return _money(self.theirs_minor, self.theirs_currency)


@dataclass(frozen=True, slots=True)
class Ours:
    """One movement in our rows. `amount` is None where we know of it, but not that it moved."""

    kind: str
    ref: str
    source_id: UUID
    amount: Money | None


def ours_of_day(session: Session, gateway: str, start: datetime, end: datetime) -> list[Ours]:
    """Return what moved at a gateway in [start, end), by our rows."""
    return [
        *_charges(session, Payment.captured_at >= start, Payment.captured_at < end, of=gateway),
        *_refunds(
            session,
            Refund.state == "succeeded",
            Refund.changed_at >= start,
            Refund.changed_at < end,
            of=gateway,
        ),
        *_disputes(session, Dispute.opened_at >= start, Dispute.opened_at < end, of=gateway),
    ]


def ours_by_ref(session: Session, gateway: str, kind: str, refs: Iterable[str]) -> dict[str, Ours]:
    """Return our rows of one kind by the gateway's ids, whatever their day."""
    read, column = _BY_KIND[kind]
    return {
        one.ref: one
        for some in _chunks(sorted(refs))
        for one in read(session, column.in_(some), of=gateway)
    }


def open_items(session: Session, gateway: str, day: date) -> Sequence[ReconciliationItem]:
    return session.scalars(
        select(ReconciliationItem).where(
            ReconciliationItem.gateway == gateway,
            ReconciliationItem.day == day,
            ReconciliationItem.state.in_(OPEN_ITEMS),
        )
    ).all()


def refunds_by_key(session: Session, gateway: str, keys: Sequence[UUID]) -> dict[str, Ours]:
    """Return our refunds by their keys: one whose answer was lost has no gateway's id yet."""
    return {
        str(one.source_id): one
        for some in _chunks(keys)
        for one in _refunds(session, Refund.id.in_(some), of=gateway)
    }


def items_by_ref(
    session: Session, gateway: str, kind: str, refs: Iterable[str]
) -> dict[str, ReconciliationItem]:
    query = select(ReconciliationItem).where(
        ReconciliationItem.gateway == gateway, ReconciliationItem.kind == kind
    )
    return {
        item.ref: item
        for some in _chunks(sorted(refs))
        for item in session.scalars(query.where(ReconciliationItem.ref.in_(some)))
    }


def _charges(session: Session, *where: ColumnElement[bool], of: str) -> Iterator[Ours]:
    columns = (Payment.id, Payment.gateway_ref, Payment.captured_minor, Payment.currency)
    query = select(*columns).where(Payment.gateway == of, *where)
    for id, ref, minor, currency in session.execute(query):
        yield Ours("charge", ref, id, Money(minor, currency))


def _refunds(session: Session, *where: ColumnElement[bool], of: str) -> Iterator[Ours]:
    query = select(Refund).where(Refund.gateway == of, Refund.rail != OUT_OF_BAND, *where)
    for refund in session.scalars(query.execution_options(populate_existing=True)):
        moved = refund.state == "succeeded"
        yield Ours(
            "refund",
            refund.gateway_ref or str(refund.id),
            refund.id,
            refund.amount if moved else None,
        )


def _disputes(session: Session, *where: ColumnElement[bool], of: str) -> Iterator[Ours]:
    query = select(Dispute).where(Dispute.gateway == of, *where)
    for dispute in session.scalars(query.execution_options(populate_existing=True)):
        yield Ours("dispute", dispute.gateway_ref, dispute.id, dispute.amount)


_BY_KIND: dict[str, tuple[Callable[..., Iterator[Ours]], InstrumentedAttribute[Any]]] = {
    "charge": (_charges, Payment.gateway_ref),
    "refund": (_refunds, Refund.gateway_ref),
    "dispute": (_disputes, Dispute.gateway_ref),
}


def _chunks(values: Sequence[Value]) -> Iterator[Sequence[Value]]:
    for start in range(0, len(values), _AT_ONCE):
        yield values[start : start + _AT_ONCE]


def _money(minor: int | None, currency: str | None) -> Money | None:
    return None if minor is None or currency is None else Money(minor, currency)
