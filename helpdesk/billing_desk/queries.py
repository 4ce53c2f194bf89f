"""Selects of acts, for screens: scoped to what the reader may see."""

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from helpdesk.billing_desk.model import Approval, MoneyAct, MoneyPreview
from helpdesk.errors import NotFound
from helpdesk.staff.model import Staff
from helpdesk.staff.policy import GRANTS
from helpdesk.tickets.model import Ticket
from helpdesk.tickets.queries import visible_to

if TYPE_CHECKING:
    from helpdesk.web.access import Agent

SHOWN_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class ActView:
    """One act with everything a screen says about it."""

    act: MoneyAct
    preview: MoneyPreview
    ticket: Ticket
    requester: Staff
    approval: Approval | None
    approver: Staff | None


def act_visible_to(session: Session, agent: "Agent", act_id: UUID) -> ActView:
    """Raises `NotFound`, also for an act on a ticket this person may not see."""
    found = _acts(session, agent, MoneyAct.id == act_id)
    if not found:
        raise NotFound("money act")
    return found[0]


def waiting_acts(session: Session, agent: "Agent") -> list[ActView]:
    """Return the requests that wait, oldest first: hers too, which others decide."""
    return _acts(session, agent, MoneyAct.state == "awaiting_approval")


def preview_visible_to(session: Session, agent: "Agent", preview_id: UUID) -> MoneyPreview:
    """Return a preview to the person it was made for. Raises `NotFound`."""
    found = session.scalar(
        select(MoneyPreview)
        .join(Ticket, Ticket.id == MoneyPreview.ticket_id)
        .where(
            MoneyPreview.id == preview_id,
            MoneyPreview.created_by == agent.id,
            visible_to(agent),
        )
    )
    if found is None:
        raise NotFound("preview")
    return found


def approvers(session: Session, *, but: UUID, limit: int = 3) -> list[Staff]:
    """Return people who may approve, those who are there first."""
    roles = [role for role, grants in GRANTS.items() if "billing.approve" in grants]
    return list(
        session.scalars(
            select(Staff)
            .where(Staff.role.in_(roles), Staff.disabled_at.is_(None), Staff.id != but)
            .order_by(Staff.availability != "available", Staff.name)
            .limit(limit)
        )
    )


def _acts(session: Session, agent: "Agent", condition: ColumnElement[bool]) -> list[ActView]:
    found = session.execute(
        select(MoneyAct, MoneyPreview, Ticket, Approval)
        .join(MoneyPreview, MoneyPreview.id == MoneyAct.preview_id)
        .join(Ticket, Ticket.id == MoneyAct.ticket_id)
        .outerjoin(Approval, Approval.money_act_id == MoneyAct.id)
        .where(condition, visible_to(agent))
        .order_by(MoneyAct.created_at, MoneyAct.id)
        .limit(SHOWN_AT_ONCE)
    ).all()
    decided: list[Approval | None] = [row[3] for row in found]  # absent in an outer join
    ids = {row[0].requester_id for row in found}
    ids |= {approval.approver_id for approval in decided if approval is not None}
    people = {one.id: one for one in session.scalars(select(Staff).where(Staff.id.in_(ids)))}
    return [
        ActView(
            act,
            preview,
            ticket,
            people[act.requester_id],
            approval,
            people[approval.approver_id] if approval is not None else None,
        )
        for (act, preview, ticket, _), approval in zip(found, decided, strict=True)
    ]
