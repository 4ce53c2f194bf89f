"""Who takes part in a conversation: the addresses whose answers land there."""

from collections.abc import Collection, Iterable
from typing import Final
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from channels.port import Party
from helpdesk.answers import answer_ahead, answered
from helpdesk.customers.handles import spellings
from helpdesk.db import UnitOfWork
from helpdesk.tickets.model import Participant, Ticket

_TAKES_PART: Final = "takes_part"

# Built once: to put such a question together costs more than to ask it.
_TAKING_PART = (
    select(Participant.id)
    .where(
        Participant.ticket_id.in_(bindparam("tickets", expanding=True)),
        Participant.kind == bindparam("kind"),
        Participant.value.in_(bindparam("spellings", expanding=True)),
    )
    .limit(1)
)
_WHO = select(Participant.ticket_id, Participant.kind, Participant.value).where(
    Participant.ticket_id.in_(bindparam("tickets", expanding=True)),
    Participant.value.in_(bindparam("values", expanding=True)),
)


def takes_part(session: Session, ticket_ids: Iterable[UUID], party: Party) -> bool:
    """Say whether a handle is a participant of one of the tickets."""
    if not party.value:
        return False
    tickets, written = list(ticket_ids), spellings(party.kind, party.value)
    known = [
        answered(session, _TAKES_PART, (ticket, party.kind, value), lambda: None)
        for ticket in tickets
        for value in written
    ]
    if any(known):
        return True
    if None not in known:
        return False
    asked = {"tickets": tickets, "kind": party.kind, "spellings": written}
    return session.scalar(_TAKING_PART, asked) is not None


def ask_ahead_who_takes_part(
    session: Session, ticket_ids: Collection[UUID], parties: Iterable[Party]
) -> None:
    """Find out which handles take part in which of the locked tickets, at once."""
    asked = {
        (party.kind, value) for party in parties for value in spellings(party.kind, party.value)
    }
    if not ticket_ids or not asked:
        return
    values = list({value for _, value in asked})
    rows = session.execute(_WHO, {"tickets": list(ticket_ids), "values": values})
    takes = {(row.ticket_id, row.kind, row.value) for row in rows}
    answer_ahead(
        session,
        _TAKES_PART,
        {(one, *handle): (one, *handle) in takes for one in ticket_ids for handle in asked},
    )


def add_participant(
    tx: UnitOfWork, ticket: Ticket, kind: str, value: str, *,
    cc: bool = False, nobody_yet: bool = False,
) -> None:  # fmt: skip
    """Let an address take part in a locked ticket: its answers will land there. Safe to repeat.

    One that only gets copies (`cc`) is never whom answers go to. `nobody_yet` says that the ticket was opened just now, so there is nothing to look up.
    """
    place = (ticket.id, kind, value)
    if not nobody_yet and answered(tx.session, _TAKES_PART, place, lambda: _is_there(tx, place)):
        return
    tx.record(Participant(id=tx.new_id(), ticket_id=ticket.id, kind=kind, value=value, cc=cc))
    answer_ahead(tx.session, _TAKES_PART, {place: True})


def only_gets_copies(session: Session, ticket: Ticket, party: Party) -> bool:
    """Say whether a handle takes part in a ticket because one of ours put it in copy."""
    found = session.scalar(
        select(Participant.id).where(
            Participant.ticket_id == ticket.id,
            Participant.kind == party.kind,
            Participant.value == party.value,
            Participant.cc,
        )
    )
    return found is not None


def _is_there(tx: UnitOfWork, place: tuple[UUID, str, str]) -> bool:
    ticket_id, kind, value = place
    asked = {"tickets": [ticket_id], "kind": kind, "spellings": [value]}
    return tx.session.scalar(_TAKING_PART, asked) is not None
