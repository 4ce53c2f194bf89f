"""Selects of customers and handles."""

from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from billing_core.store.subscription import LIVE, Subscription
from helpdesk.customers.handles import kinds, spellings
from helpdesk.customers.model import Customer, Handle
from helpdesk.errors import NotFound

LONGEST_MERGE_CHAIN = 20
_HANDLES_LIKE = select(Handle).where(
    Handle.kind.in_(bindparam("kinds", expanding=True)),
    Handle.value.in_(bindparam("values", expanding=True)),
)


def handles_like(session: Session, kind: str, value: str) -> list[Handle]:
    """Return the handles that mean this address, the closest spelling first.

    A telephone is the same telephone on SMS, in a call and on WhatsApp.
    """
    ours, written = list(kinds(kind)), spellings(kind, value)
    found = session.scalars(_HANDLES_LIKE, {"kinds": ours, "values": written})
    return sorted(
        found, key=lambda one: (ours.index(one.kind), written.index(one.value), one.id.bytes)
    )


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
