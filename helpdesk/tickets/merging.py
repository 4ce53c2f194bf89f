"""Two conversations that are one matter: a person says so, the product only guesses.

Nothing moves: both keep their number and what was said in them. The one that is joined
closes and points to the other, where everything that answers either goes from then on.
"""

from uuid import UUID

from sqlalchemy import select

from helpdesk.db import UnitOfWork
from helpdesk.errors import Conflict
from helpdesk.events.service import Actor, append_event
from helpdesk.inbox.threading import follow_merges
from helpdesk.services import Services
from helpdesk.sla.service import cancel_clocks, customer_wrote
from helpdesk.staff.agent import Agent
from helpdesk.tickets.model import Participant, Ticket
from helpdesk.tickets.participants import add_participant
from helpdesk.tickets.queries import lock_ticket_visible_to
from helpdesk.tickets.service import set_status

NO_GUESS = "Nothing is said to be related to this conversation any more."
CLOSED = "The other conversation is closed, so this one stays on its own."


def accept_related(services: Services, agent: Agent, ticket_id: UUID) -> None:
    """Join a conversation to the one that it may belong to; its people take part there.

    Raises `NotFound`, also for one who may not see the other conversation, and `Conflict`
    where it is closed or somebody has decided already.
    """
    with services.begin() as tx:
        ticket, other = _lock_pair(tx, agent, ticket_id)
        if other.category == "closed":
            raise Conflict(CLOSED)
        ticket.related_id, ticket.merged_into_id = None, other.id
        _invite(tx, ticket, other)
        _owe_there(tx, ticket, other, agent)
        cancel_clocks(tx, ticket)
        set_status(tx, ticket, "closed", actor=Actor.staff(agent.id))
        _tell(tx, ticket, "ticket.merged", agent, number=other.number)
        _tell(tx, other, "ticket.joined", agent, number=ticket.number)


def dismiss_related(services: Services, agent: Agent, ticket_id: UUID) -> None:
    """Say that a conversation stands on its own. Raises `NotFound`, `Conflict`."""
    with services.begin() as tx:
        ticket, other = _lock_pair(tx, agent, ticket_id)
        ticket.related_id = None
        _tell(tx, ticket, "ticket.unrelated", agent, number=other.number)


def _lock_pair(tx: UnitOfWork, agent: Agent, ticket_id: UUID) -> tuple[Ticket, Ticket]:
    """Lock a conversation and the living one it may belong to, in the order of their ids."""
    related_id = tx.session.scalar(select(Ticket.related_id).where(Ticket.id == ticket_id))
    related = tx.session.get(Ticket, related_id) if related_id else None
    if related is None:
        lock_ticket_visible_to(tx, agent, ticket_id)  # says NotFound where that is the reason
        raise Conflict(NO_GUESS)
    other_id = follow_merges(tx.session, related)[-1].id
    if other_id == ticket_id:
        raise Conflict(NO_GUESS)
    locked = {one: lock_ticket_visible_to(tx, agent, one) for one in sorted((ticket_id, other_id))}
    ticket, other = locked[ticket_id], locked[other_id]
    if ticket.related_id != related_id or other.merged_into_id is not None:
        raise Conflict(NO_GUESS)
    return ticket, other


def _invite(tx: UnitOfWork, ticket: Ticket, other: Ticket) -> None:
    for one in tx.session.scalars(select(Participant).where(Participant.ticket_id == ticket.id)):
        add_participant(tx, other, one.kind, one.value, cc=one.cc)


def _owe_there(tx: UnitOfWork, ticket: Ticket, other: Ticket, agent: Agent) -> None:
    """Let the other conversation owe the answer that this one owed, since as long ago."""
    since = ticket.waiting_since
    if since is None:
        return
    if other.category in ("waiting", "solved"):
        set_status(tx, other, "open", actor=Actor.staff(agent.id))
    customer_wrote(tx, other, ticket.last_channel)
    other.waiting_since = min(since, other.waiting_since or since)


def _tell(tx: UnitOfWork, ticket: Ticket, kind: str, agent: Agent, *, number: int) -> None:
    append_event(tx, ticket, kind, actor=Actor.staff(agent.id), data={"number": number})
