"""Appending to the record."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from helpdesk.db import UnitOfWork
from helpdesk.events.hints import Hint
from helpdesk.events.model import Event
from helpdesk.tickets.model import Ticket


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it: staff, customer, system or bot."""

    kind: str
    id: UUID | None = None

    @classmethod
    def system(cls) -> "Actor":
        return cls("system")

    @classmethod
    def staff(cls, staff_id: UUID) -> "Actor":
        return cls("staff", staff_id)

    @classmethod
    def customer(cls, customer_id: UUID | None) -> "Actor":
        return cls("customer", customer_id)


def append_event(
    tx: UnitOfWork, ticket: Ticket, kind: str, *, actor: Actor, data: dict[str, Any] | None = None
) -> int:
    """Write the next line of a ticket's timeline and return its `seq`.

    `ticket` must have been locked in this transaction (`tickets.queries.lock_ticket`)
    or made in it. `data` is JSON: ids as text, amounts as minor units.
    """
    ticket.last_seq += 1
    row = Event(
        id=tx.new_id(),
        ticket_id=ticket.id,
        seq=ticket.last_seq,
        kind=kind,
        actor_kind=actor.kind,
        actor_id=actor.id,
        at=tx.at,
        data=data or {},
        prev_hash=ticket.last_hash,
        hash="",
    )
    row.hash = event_hash(row)
    ticket.last_hash = row.hash
    tx.record(row)
    tx.hint(
        Hint(ticket.id, ticket.last_seq, kind, ticket.team_id, ticket.chat_key, ticket.assignee_id)
    )
    return ticket.last_seq


def audit(tx: UnitOfWork, kind: str, *, actor: Actor, data: dict[str, Any] | None = None) -> None:
    """Record something that concerns no ticket: a sign-in, a changed right."""
    row = Event(
        id=tx.new_id(),
        ticket_id=None,
        seq=None,
        kind=kind,
        actor_kind=actor.kind,
        actor_id=actor.id,
        at=tx.at,
        data=data or {},
        prev_hash="",
        hash="",
    )
    row.hash = event_hash(row)
    tx.session.add(row)


def event_hash(row: Event) -> str:
    """Return the SHA-256 that chains a line to the one before it."""
    canonical = _canonical(
        [
            str(row.ticket_id),
            row.seq,
            row.kind,
            row.actor_kind,
            str(row.actor_id),
            row.at.isoformat(),
            row.data,
            row.prev_hash,
        ]
    )
    return hashlib.sha256(canonical.encode()).hexdigest()


_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode
