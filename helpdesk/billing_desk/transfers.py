"""Refunds that a person makes at the bank: taken in hand, then marked as sent or as refused.

Rights are read when the bank details are shown: from then on the money may leave.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from billing_core import out_of_band
from billing_core.out_of_band import TransferOrder
from billing_core.refund_steps import lock_refund_of
from billing_core.store.payment import Refund
from helpdesk.billing_desk import rows
from helpdesk.billing_desk.approvals import rights_withdrawn
from helpdesk.billing_desk.errors import AlreadyDecided
from helpdesk.billing_desk.lifecycle import advance, withdraw
from helpdesk.billing_desk.model import MoneyAct
from helpdesk.db import UnitOfWork
from helpdesk.errors import Forbidden, InvalidInput
from helpdesk.events.service import Actor
from helpdesk.services import Services
from helpdesk.staff.policy import may
from helpdesk.tickets.queries import ticket_visible_to

if TYPE_CHECKING:
    from helpdesk.web.access import Agent

UNUSED = timedelta(hours=24)
"""How long bank details are kept for a transfer that nobody has confirmed."""


def take_transfer(services: Services, agent: "Agent", act_id: UUID) -> TransferOrder | None:
    """Take an approved transfer in hand and return what to type at the bank.

    None: the right to it is gone, so it went back to whoever asked. The first to ask takes it.

    Raises:
        Forbidden: making transfers takes the right to approve.
        AlreadyDecided: it is not approved, in somebody's hands, or over.
    """
    with services.begin() as tx:
        act = _mine(tx, agent, act_id, "approved")
        if why := rights_withdrawn(tx.session, act):
            withdraw(tx, act, "expired", actor=Actor.system(), why=why)
            return None
        order = out_of_band.begin_transfer(tx, _refund_id(act))
        advance(tx, act, "sending", actor=Actor.staff(agent.id))
        return order


def mark_transferred(services: Services, agent: "Agent", act_id: UUID, reference: str) -> None:
    """Say that the bank has sent it, under the bank's own reference. Raises as `take_transfer` does."""
    if not reference.strip():
        raise InvalidInput("reference", "The bank's reference is missing.")
    with _in_hand(services, agent, act_id) as (tx, act):
        out_of_band.mark_transferred(tx, _refund_id(act), reference.strip())


def mark_not_transferred(services: Services, agent: "Agent", act_id: UUID, code: str) -> None:
    """Say that the bank did not take it. Raises as `take_transfer` does."""
    with _in_hand(services, agent, act_id) as (tx, act):
        out_of_band.mark_not_transferred(tx, _refund_id(act), code)


def forget_unused(services: Services) -> int:
    with services.begin() as tx:
        return out_of_band.forget_payees(tx, tx.at - UNUSED)


@contextmanager
def _in_hand(
    services: Services, agent: "Agent", act_id: UUID
) -> Iterator[tuple[UnitOfWork, MoneyAct]]:
    with services.begin() as tx:
        yield tx, _mine(tx, agent, act_id, "sending")


def _mine(tx: UnitOfWork, agent: "Agent", act_id: UUID, state: str) -> MoneyAct:
    """Return the act of a transfer in a state, after its money: billing's rows come first."""
    if not may(agent.role, "billing.approve"):
        raise Forbidden("billing.approve")
    known = tx.session.get(MoneyAct, act_id)
    refund = tx.session.get(Refund, known.subject_id) if known and known.subject_id else None
    if refund is not None:
        lock_refund_of(tx, refund.id)
    act = rows.lock_act(tx.session, act_id)
    ticket_visible_to(tx.session, agent, act.ticket_id)
    if act.state != state or refund is None:
        raise AlreadyDecided(act.state)
    return act


def _refund_id(act: MoneyAct) -> UUID:
    if act.subject_id is None:
        raise AssertionError("a transfer has its refund")
    return act.subject_id
