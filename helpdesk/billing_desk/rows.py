"""Locking and reading the rows that money acts rest on.

One order of locks, so that nobody waits in a circle: staff, customer, then billing's own
rows, then the act, then the ticket, then the number series. Settling comes from billing's
rows and goes on to act and ticket; deciding on a waiting request may take the act first,
because nothing settles a request that waits.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from helpdesk.billing_desk.limits import NOT_COUNTED, WINDOW, Limits, Spent
from helpdesk.billing_desk.model import Approval, MoneyAct, MoneyPreview
from helpdesk.customers.model import Customer
from helpdesk.errors import NotFound, SignedOut
from helpdesk.staff.model import Staff


def lock_staff(session: Session, staff_id: UUID) -> Staff:
    """Take one person's row: their limits are counted by one transaction at a time.

    Raises `SignedOut` for somebody who no longer works here.
    """
    found = session.get(
        Staff, staff_id, with_for_update={"key_share": True}, populate_existing=True
    )
    if found is None or found.disabled_at is not None:
        raise SignedOut
    return found


def lock_customer(session: Session, customer_id: UUID) -> None:
    """Take one customer's row: what everybody asked for on them is counted by one at a time."""
    session.get(Customer, customer_id, with_for_update={"key_share": True})


def lock_act(session: Session, act_id: UUID) -> MoneyAct:
    """Raises `NotFound`."""
    found = session.get(
        MoneyAct, act_id, with_for_update={"key_share": True}, populate_existing=True
    )
    if found is None:
        raise NotFound("money act")
    return found


def own_preview(session: Session, staff_id: UUID, preview_id: UUID) -> MoneyPreview:
    """Return a preview to the person it was made for. Raises `NotFound`."""
    found = session.get(MoneyPreview, preview_id)
    if found is None or found.created_by != staff_id:
        raise NotFound("preview")
    return found


def act_by_key(session: Session, one_time_key: str) -> MoneyAct | None:
    return session.scalar(select(MoneyAct).where(MoneyAct.one_time_key == one_time_key))


def act_of_preview(session: Session, preview_id: UUID) -> MoneyAct | None:
    return session.scalar(select(MoneyAct).where(MoneyAct.preview_id == preview_id))


def approval_of(session: Session, act_id: UUID) -> Approval | None:
    return session.scalar(select(Approval).where(Approval.money_act_id == act_id))


def preview_is_open(
    session: Session, staff_id: UUID, ticket_id: UUID, kind: str, at: datetime
) -> bool:
    """Say whether this person already has a live preview of this kind on this ticket."""
    found = session.scalar(
        select(MoneyPreview.id)
        .where(
            MoneyPreview.created_by == staff_id,
            MoneyPreview.ticket_id == ticket_id,
            MoneyPreview.kind == kind,
            MoneyPreview.expires_at > at,
            ~select(MoneyAct.id).where(MoneyAct.preview_id == MoneyPreview.id).exists(),
        )
        .limit(1)
    )
    return found is not None


def limits_of(staff: Staff, currency: str) -> Limits:
    return Limits(
        staff.act_limit_minor, staff.day_limit_minor, staff.customer_limit_minor, currency
    )


def spent(
    session: Session, *, staff_id: UUID, customer_id: UUID, currency: str, at: datetime
) -> Spent:
    """Add up what was asked for in the last 24 hours, whatever came of it but a refusal."""

    def asked(*conditions: object) -> int:
        total = session.scalar(
            select(func.coalesce(func.sum(MoneyAct.amount_minor), 0)).where(
                MoneyAct.created_at > at - WINDOW,
                MoneyAct.currency == currency,
                MoneyAct.state.not_in(NOT_COUNTED),
                *conditions,  # type: ignore[arg-type]
            )
        )
        return int(total or 0)

    return Spent(
        by_agent=asked(MoneyAct.requester_id == staff_id),
        on_customer=asked(MoneyAct.customer_id == customer_id),
    )
