"""The second person: approving, refusing, withdrawing and forgetting requests that wait."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing_core import refunds
from billing_core.errors import NotAllowed
from billing_core.refunds import Windows
from helpdesk.billing_desk import acts, rows
from helpdesk.billing_desk.acts import Begun
from helpdesk.billing_desk.errors import AlreadyDecided, OwnRequest, RequestChanged, StalePreview
from helpdesk.billing_desk.lifecycle import advance, withdraw
from helpdesk.billing_desk.model import Approval, MoneyAct, MoneyPreview
from helpdesk.billing_desk.service import go_on, hash_of, same_figures
from helpdesk.db import UnitOfWork
from helpdesk.errors import Forbidden, HelpdeskError
from helpdesk.events.service import Actor
from helpdesk.services import Services
from helpdesk.staff.model import Staff
from helpdesk.staff.policy import may
from helpdesk.tickets.queries import ticket_visible_to

if TYPE_CHECKING:
    from helpdesk.web.access import Agent

WAITS = timedelta(hours=24)


def approve(
    services: Services, agent: "Agent", act_id: UUID, *, request_hash: str, note: str = ""
) -> None:
    """Let a request go ahead, exactly as it was shown.

    Rights are read now, the approver's and the requester's. A request that can no longer be
    carried out goes back to its requester: that is committed, and the reason raised.

    Raises:
        OwnRequest, Forbidden, NotFound: not for this person to approve.
        AlreadyDecided, RequestChanged, StalePreview, billing's NotAllowed: not any more.
    """
    with services.begin() as tx:
        act = _waiting_act(tx, agent, act_id, request_hash)
        problem = _carry_on(tx, act, agent.id, note, services.refund_windows)
    if problem is not None:
        raise problem


def refuse(
    services: Services, agent: "Agent", act_id: UUID, *, request_hash: str, note: str = ""
) -> None:
    """Say no. What the request had reserved is free again. Raises as `approve` does."""
    with services.begin() as tx:
        act = _waiting_act(tx, agent, act_id, request_hash)
        _decide(tx, act, agent.id, "refused", note)
        withdraw(tx, act, "refused", actor=Actor.staff(agent.id), why="refused")


def cancel(services: Services, agent: "Agent", act_id: UUID) -> None:
    """Take one's own request back while it waits. Raises `Forbidden`, `AlreadyDecided`."""
    with services.begin() as tx:
        act = rows.lock_act(tx.session, act_id)
        ticket_visible_to(tx.session, agent, act.ticket_id)
        if act.requester_id != agent.id:
            raise Forbidden(acts.PERMISSION[act.kind])
        if act.state != "awaiting_approval":
            raise AlreadyDecided(act.state)
        withdraw(tx, act, "expired", actor=Actor.staff(agent.id), why="withdrawn")


def expire_acts(services: Services) -> int:
    """Give up requests that nobody decided within 24 hours. Return how many."""
    with services.reading() as session:
        old = _waiting_since(session, services.clock() - WAITS)
    expired = 0
    for act_id in old:
        with services.begin() as tx:
            act = rows.lock_act(tx.session, act_id)
            if act.state == "awaiting_approval":
                withdraw(tx, act, "expired", actor=Actor.system(), why="expired")
                expired += 1
    return expired


def rights_withdrawn(session: Session, act: MoneyAct) -> str:
    """Return why an approved act may no longer be sent: a code, "" when it may.

    Read at the moment of execution: somebody may have left or been moved since, and a row
    may have been edited.
    """
    preview = session.get_one(MoneyPreview, act.preview_id)
    if hash_of(act, preview) != act.request_hash:
        return "request_changed"
    requester = session.get_one(Staff, act.requester_id, populate_existing=True)
    if not _holds(requester, acts.PERMISSION[act.kind]):
        return "requester_lost_right"
    approval = rows.approval_of(session, act.id)
    if approval is None and acts.read_back(preview.ask).is_transfer:
        return "approver_lost_right"
    if approval is None:
        return "limit_lowered" if act.amount_minor > requester.act_limit_minor else ""
    approver = session.get_one(Staff, approval.approver_id, populate_existing=True)
    if approval.decision != "approved" or not _holds(approver, "billing.approve"):
        return "approver_lost_right"
    return "" if approval.request_hash == act.request_hash else "request_changed"


def _holds(staff: Staff, permission: str) -> bool:
    return staff.disabled_at is None and may(staff.role, permission)


def _waiting_act(tx: UnitOfWork, agent: "Agent", act_id: UUID, request_hash: str) -> MoneyAct:
    """Return a locked request that this person may decide on, now."""
    approver = rows.lock_staff(tx.session, agent.id)
    if not may(approver.role, "billing.approve"):
        raise Forbidden("billing.approve")
    act = rows.lock_act(tx.session, act_id)
    today = replace(agent, role=approver.role, team_id=approver.team_id)
    ticket_visible_to(tx.session, today, act.ticket_id)
    if act.requester_id == approver.id:
        raise OwnRequest
    if act.state != "awaiting_approval":
        raise AlreadyDecided(act.state)
    preview = tx.session.get_one(MoneyPreview, act.preview_id)
    if not request_hash == act.request_hash == hash_of(act, preview):
        raise RequestChanged
    return act


def _decide(tx: UnitOfWork, act: MoneyAct, approver_id: UUID, decision: str, note: str) -> None:
    tx.session.add(
        Approval(
            id=tx.new_id(),
            money_act_id=act.id,
            approver_id=approver_id,
            decision=decision,
            note=note,
            request_hash=act.request_hash,
            at=tx.at,
        )
    )
    tx.session.flush()  # the database has a word too


def _carry_on(
    tx: UnitOfWork, act: MoneyAct, approver_id: UUID, note: str, windows: Windows
) -> HelpdeskError | NotAllowed | None:
    """Approve and begin. Returns why the request went back instead, if it did."""
    requester = tx.session.get_one(Staff, act.requester_id, populate_existing=True)
    if not _holds(requester, acts.PERMISSION[act.kind]):
        withdraw(tx, act, "expired", actor=Actor.system(), why="requester_lost_right")
        return RequestChanged()
    try:
        begun = _begin(tx, act, windows)
    except (StalePreview, NotAllowed) as problem:
        withdraw(tx, act, "expired", actor=Actor.system(), why="stale")
        return problem
    _decide(tx, act, approver_id, "approved", note)
    advance(tx, act, "approved", actor=Actor.staff(approver_id))
    go_on(tx, act, begun, actor=Actor.staff(approver_id))
    return None


def _begin(tx: UnitOfWork, act: MoneyAct, windows: Windows) -> Begun:
    """Begin an approved act. A refund is promised already: nobody could spend its money."""
    preview = tx.session.get_one(MoneyPreview, act.preview_id)
    request = acts.read_back(preview.ask)
    if request.kind == "refund" and act.subject_id is not None:
        refunds.approve_refund(tx, act.subject_id)
        return Begun(act.subject_id, "by_hand" if request.is_transfer else "send_refund")
    with tx.session.begin_nested():  # what billing began and then refused must leave no trace
        figures = same_figures(tx, preview, request, windows)
        return acts.carry_out(
            tx, request.bound_to(act.id), held=False, expected=figures.expected, windows=windows
        )


def _waiting_since(session: Session, moment: object) -> Iterable[UUID]:
    return list(
        session.scalars(
            select(MoneyAct.id)
            .where(MoneyAct.state == "awaiting_approval", MoneyAct.created_at <= moment)
            .order_by(MoneyAct.created_at)
            .limit(200)
        )
    )
