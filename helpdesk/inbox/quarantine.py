"""What a person decides about a held delivery: let it through, place it, or delete it.

Deleting keeps the row for ever, so that the same delivery coming again is still known. Its
bytes stay for `KEPT_AFTER_DELETING`, in case it was a mistake, and are removed then unless
something else in the inbox holds the same bytes.
"""

from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from helpdesk.db import UnitOfWork
from helpdesk.errors import Conflict, NotFound
from helpdesk.events.service import Actor, audit
from helpdesk.inbox.model import Attachment, Inbound
from helpdesk.services import Services
from helpdesk.staff.agent import Agent
from helpdesk.tickets.model import Message
from helpdesk.tickets.queries import numbered_ticket_visible_to

KEPT_AFTER_DELETING: Final = timedelta(days=30)
AT_ONCE: Final = 500  # rows of one night


def release(services: Services, agent: Agent, inbound_id: UUID) -> None:
    """Have a held delivery read again; what was only suspected no longer holds it.

    One that cannot be read comes back into quarantine. Raises `NotFound`, `Conflict`.
    """
    with services.begin() as tx:
        row = _held(tx, inbound_id)
        _let_through(tx, agent, row)
        _record(tx, "inbound.released", agent, row)


def attach_to(services: Services, agent: Agent, inbound_id: UUID, *, number: int) -> None:
    """Put a held delivery into an existing ticket, also one that nobody can read.

    Its sender does not take part in the ticket by that. Raises `NotFound` for a ticket
    that this person may not see, `Conflict` for a closed one.
    """
    with services.begin() as tx:
        ticket = numbered_ticket_visible_to(tx.session, agent, number)
        if ticket.category == "closed":
            raise Conflict("This conversation is closed. Open a new one to write again.")
        row = _held(tx, inbound_id)
        _let_through(tx, agent, row)
        row.attach_to_id = ticket.id
        _record(tx, "inbound.attached", agent, row, ticket_id=str(ticket.id))


def delete(services: Services, agent: Agent, inbound_id: UUID) -> None:
    """Take a held delivery out of sight. Raises `NotFound`, `Conflict`."""
    with services.begin() as tx:
        row = _held(tx, inbound_id)
        _record(tx, "inbound.deleted", agent, row, reason=row.reason)
        row.state, row.deleted_at = "discarded", tx.at
        row.detail, row.reason = row.reason, "deleted_by_a_person"


def forget_deleted(services: Services) -> int:
    """Remove the bytes of what was deleted long enough ago; return how many files went.

    Words and addresses that the list showed go with them.
    """
    with services.reading() as session:
        due = session.scalars(
            select(Inbound.id)
            .where(
                Inbound.deleted_at <= services.clock() - KEPT_AFTER_DELETING,
                Inbound.bytes_gone_at.is_(None),
            )
            .order_by(Inbound.deleted_at)
            .limit(AT_ONCE)
        ).all()
    return sum(_forget(services, inbound_id) for inbound_id in due)


def _forget(services: Services, inbound_id: UUID) -> int:
    with services.begin() as tx:
        row = tx.session.get_one(Inbound, inbound_id, with_for_update=True)
        if row.bytes_gone_at is not None:
            return 0
        gone = not _held_elsewhere(tx.session, row) and services.blobs.remove(row.blob)
        row.bytes_gone_at = tx.at
        row.sender = row.subject = ""
        return int(gone)


def _held_elsewhere(session: Session, row: Inbound) -> bool:
    """Say whether a row that still means its bytes holds the same ones."""
    other = exists().where(
        Inbound.blob == row.blob,
        Inbound.id != row.id,
        Inbound.reason != "duplicate",
        Inbound.bytes_gone_at.is_(None),
    )
    file = exists().where(Attachment.blob == row.blob)
    letter = exists().where(Message.html_blob == row.blob)
    return bool(session.scalar(select(other | file | letter)))


def _held(tx: UnitOfWork, inbound_id: UUID) -> Inbound:
    row = tx.session.get(Inbound, inbound_id, with_for_update=True)
    if row is None:
        raise NotFound("inbound")
    if row.state != "quarantined":
        raise Conflict("This delivery is not in quarantine.")
    return row


def _let_through(tx: UnitOfWork, agent: Agent, row: Inbound) -> None:
    row.state, row.reason, row.detail = "new", "", ""
    row.attempts, row.not_before, row.leased_until = 0, tx.at, None
    row.released_by = agent.id
    tx.enqueue("read_inbound", str(row.id))


def _record(tx: UnitOfWork, kind: str, agent: Agent, row: Inbound, **facts: str) -> None:
    audit(tx, kind, actor=Actor.staff(agent.id), data={"inbound_id": str(row.id), **facts})
