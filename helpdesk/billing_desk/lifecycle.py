"""The steps of a money act, each with its line in the timeline.

draft -> awaiting_approval -> approved -> sending -> succeeded -> reversed
                 |               |           |  `--> unknown --> (an answer)
                 `-> refused, expired        `-> failed
"""

from typing import Any

from billing_core import pending_changes, refunds
from billing_core.store.invoice import Invoice
from helpdesk.billing_desk.model import MoneyAct
from helpdesk.db import UnitOfWork
from helpdesk.events.service import Actor, append_event
from helpdesk.tickets.queries import lock_ticket

OPEN = ("approved", "sending", "unknown")
"""States from which an answer of the gateway may still change something."""

# "expired" is told as a refusal with its reason: nobody said no, but nothing will happen.
EVENT = {
    "awaiting_approval": "money.awaiting_approval",
    "approved": "money.approved",
    "refused": "money.refused",
    "expired": "money.refused",
    "sending": "money.sending",
    "unknown": "money.unknown",
    "succeeded": "money.succeeded",
    "failed": "money.failed",
    "reversed": "money.reversed",
}


def advance(tx: UnitOfWork, act: MoneyAct, state: str, *, actor: Actor, failure: str = "") -> None:
    """Take a locked act to its next state and tell the timeline.

    Billing's rows must be locked before: the ticket is taken here.
    """
    act.state, act.changed_at = state, tx.at
    if failure:
        act.failure = failure
    if state in ("succeeded", "failed", "refused", "expired", "reversed"):
        act.settled_at = tx.at
    tell(tx, act, EVENT[state], actor=actor)
    if state == "succeeded":
        tx.enqueue("finish_money_act", str(act.id), key=str(act.id))


def tell(tx: UnitOfWork, act: MoneyAct, kind: str, *, actor: Actor, accepted: bool = False) -> None:
    """Write one line about an act into its ticket's timeline.

    `accepted`: the agent vouches that the customer agreed to be charged.
    """
    ticket = lock_ticket(tx, act.ticket_id)
    data: dict[str, Any] = {"act_id": str(act.id), "state": act.state}
    if accepted:
        data["accepted"] = True
    if act.failure:
        data["why"] = act.failure
    append_event(tx, ticket, kind, actor=actor, data=data)


def withdraw(tx: UnitOfWork, act: MoneyAct, state: str, *, actor: Actor, why: str) -> None:
    """End a locked act that was never sent, and give back what it had reserved."""
    before = act.state
    if act.subject_id is not None:
        invoice = tx.session.get(Invoice, act.subject_id) if act.kind == "plan_change" else None
        if invoice is None:
            refunds.release_refund(tx, act.subject_id, why)
        elif invoice.subscription_id is not None:
            pending_changes.abandon_change(tx, invoice.subscription_id, invoice.id, why)
    if act.state == before:  # billing's news of it may have ended the act already
        advance(tx, act, state, actor=actor, failure=why)
