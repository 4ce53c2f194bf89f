"""Selects of customers and handles."""

from collections.abc import Collection, Iterable
from typing import Final
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from billing_core.store.subscription import LIVE, Subscription
from helpdesk.answers import answer_ahead, answered
from helpdesk.customers.handles import kinds, spellings
from helpdesk.customers.model import Customer, Handle
from helpdesk.errors import NotFound

LONGEST_MERGE_CHAIN = 20
HANDLES: Final = "handles_like"
_HANDLES_LIKE = select(Handle).where(
    Handle.kind.in_(bindparam("kinds", expanding=True)),
    Handle.value.in_(bindparam("values", expanding=True)),
)


def handles_like(session: Session, kind: str, value: str) -> list[Handle]:
    """Return the handles that mean this address, the closest spelling first.

    A telephone is the same telephone on SMS, in a call and on WhatsApp.
    """
    return answered(
        session,
        HANDLES,
        (kind, value),
        lambda: _handles_like(session, [(kind, value)])[kind, value],
    )


def ask_ahead_for_handles(session: Session, addresses: Collection[tuple[str, str]]) -> None:
    """Find the handles that mean each (kind, value), and their customers, at once."""
    found = _handles_like(session, addresses)
    answer_ahead(session, HANDLES, found)
    owners = {handle.customer_id for some in found.values() for handle in some}
    if owners:  # held, so that the session knows them when they are asked for
        rows = session.scalars(select(Customer).where(Customer.id.in_(owners)))
        answer_ahead(session, "customers", {row.id: row for row in rows})


def _handles_like(
    session: Session, addresses: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], list[Handle]]:
    meant = {one: (list(kinds(one[0])), spellings(*one)) for one in addresses}
    asked = {
        "kinds": list({kind for ours, _ in meant.values() for kind in ours}),
        "values": list({value for _, written in meant.values() for value in written}),
    }
    by_value: dict[str, list[Handle]] = {}
    for handle in session.scalars(_HANDLES_LIKE, asked):
        by_value.setdefault(handle.value, []).append(handle)
    return {
        one: sorted(
            (
                handle
                for value in written
                for handle in by_value.get(value, ())
                if handle.kind in ours
            ),
            key=lambda row, ours=ours, written=written: (  # type: ignore[misc]
                ours.index(row.kind),
                written.index(row.value),
                row.id.bytes,
            ),
        )
        for one, (ours, written) in meant.items()
    }


def handles_of(session: Session, customer_id: UUID) -> list[Handle]:
    """Return one customer's handles, the proven ones first."""
    return list(
        session.scalars(
            select(Handle)
            .where(Handle.customer_id == customer_id)
            .order_by(Handle.verified_at.is_(None), Handle.id)
        )
    )


def living_customer(session: Session, customer_id: UUID) -> Customer:
    """Return a customer, or whom she was merged into. Raises `NotFound`."""
    seen: set[UUID] = set()
    at: UUID | None = customer_id
    while at is not None and at not in seen and len(seen) < LONGEST_MERGE_CHAIN:
        seen.add(at)
        found = session.get(Customer, at)
        if found is None:
            break
        if found.merged_into_id is None:
            return found
        at = found.merged_into_id
    raise NotFound("customer")


def subscription_of(session: Session, customer_id: UUID) -> UUID | None:
    """Return the subscription that a new ticket is about: the live one, or the latest."""
    return session.scalar(
        select(Subscription.id)
        .where(Subscription.customer_id == customer_id)
        .order_by(Subscription.state.in_(LIVE).desc(), Subscription.started_at.desc())
        .limit(1)
    )
