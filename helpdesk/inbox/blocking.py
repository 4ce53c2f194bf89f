"""Senders whose messages wait for a person: an address, or a domain with all below it."""

import re
from collections.abc import Iterable, Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import bindparam, or_, select
from sqlalchemy.orm import Session

from channels.port import Party
from helpdesk.answers import answer_ahead, answered
from helpdesk.customers.handles import normalise, read_phone, spellings
from helpdesk.db import UnitOfWork
from helpdesk.errors import Conflict, InvalidInput, NotFound
from helpdesk.events.service import Actor, audit
from helpdesk.inbox.model import BlockedSender
from helpdesk.inbox.turns import take_turn
from helpdesk.services import Services
from helpdesk.staff.agent import Agent
from helpdesk.staff.model import Staff

LONGEST_NOTE: Final = 200
MOST_LISTED: Final = 500
_IS_BLOCKED: Final = "sender_is_blocked"
_DOMAIN = re.compile(r"(?=.{4,253}\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}")

_BLOCKING = (
    select(BlockedSender)
    .where(
        or_(
            (BlockedSender.kind == "address")
            & BlockedSender.value.in_(bindparam("addresses", expanding=True)),
            (BlockedSender.kind == "domain")
            & BlockedSender.value.in_(bindparam("domains", expanding=True)),
        )
    )
    .order_by(BlockedSender.id)
    .limit(1)
)


def is_blocked(session: Session, party: Party) -> bool:
    """Say whether somebody has blocked this address or its domain."""
    return answered(session, _IS_BLOCKED, party, lambda: block_of(session, party) is not None)


def ask_ahead_who_is_blocked(session: Session, parties: Iterable[Party]) -> None:
    """Find out `is_blocked` of many at once, where none of them is; else each is asked about."""
    asked = {party for party in parties if party.value}
    values = {one for party in asked for one in spellings(party.kind, party.value)}
    domains = {one for party in asked if party.kind == "email" for one in _domains(party.value)}
    if session.scalar(_BLOCKING, {"addresses": list(values), "domains": list(domains)}) is None:
        answer_ahead(session, _IS_BLOCKED, dict.fromkeys(asked, False))


def block_of(session: Session, party: Party) -> BlockedSender | None:
    """Return what holds this sender's messages; None where they come in."""
    if not party.value:
        return None
    asked = {
        "addresses": spellings(party.kind, party.value),
        "domains": _domains(party.value) if party.kind == "email" else [],
    }
    return session.scalar(_BLOCKING, asked)


def party_of(typed: str) -> Party:
    """Return whom a typed address, number or domain stands for. Raises `InvalidInput`."""
    kind, value = read_sender(typed)
    if kind == "domain":
        return Party("email", f"anybody@{value}")
    return Party("email" if "@" in value else "phone", value)


def blocked_senders(session: Session) -> Sequence[tuple[BlockedSender, str]]:
    """Return who is blocked and who blocked them, newest first."""
    rows = session.execute(
        select(BlockedSender, Staff.name)
        .join(Staff, Staff.id == BlockedSender.created_by)
        .order_by(BlockedSender.created_at.desc(), BlockedSender.id.desc())
        .limit(MOST_LISTED)
    )
    return [(row, name) for row, name in rows]


def block(services: Services, agent: Agent, typed: str, *, note: str = "") -> UUID:
    """Hold what an address, a telephone number or a domain sends from now on. Safe to repeat.

    Raises `InvalidInput` for what is none of these, `Conflict` for an address of ours.
    """
    kind, value = read_sender(typed)
    _refuse_our_own(services, kind, value)
    with services.begin() as tx:
        take_turn(tx, "block", kind, value)
        known = tx.session.scalar(
            select(BlockedSender.id).where(BlockedSender.kind == kind, BlockedSender.value == value)
        )
        if known is not None:
            return known
        row = BlockedSender(
            id=tx.new_id(),
            kind=kind,
            value=value,
            note=" ".join(note.split())[:LONGEST_NOTE],
            created_at=tx.at,
            created_by=agent.id,
        )
        tx.session.add(row)
        _record(tx, "sender.blocked", agent, row)
        return row.id


def unblock(services: Services, agent: Agent, blocked_id: UUID) -> None:
    """Let a sender's next messages through; what is held already stays held. Raises `NotFound`."""
    with services.begin() as tx:
        row = tx.session.get(BlockedSender, blocked_id)
        if row is None:
            raise NotFound("blocked sender")
        _record(tx, "sender.unblocked", agent, row)
        tx.session.delete(row)


def read_sender(typed: str) -> tuple[str, str]:
    """Return (kind, value) of what somebody typed: `ana@x.example`, `@x.example`, `+55 …`."""
    text = " ".join(typed.split()).casefold()
    plain = text.removeprefix("@").rstrip(".")
    if "@" in plain:
        return "address", normalise("email", plain)
    if _DOMAIN.fullmatch(ascii_domain(plain)):
        return "domain", ascii_domain(plain)
    if (number := read_phone(text)) is not None:
        return "address", number
    raise InvalidInput("sender", "Write an e-mail address, a domain or a telephone number.")


def ascii_domain(name: str) -> str:
    """Return a domain as mail carries it; one that cannot be encoded comes back as it is."""
    try:
        return name.encode("idna").decode("ascii")
    except UnicodeError:
        return name


def _domains(address: str) -> list[str]:
    """Return the domain of an address and every domain above it."""
    labels = ascii_domain(address.rpartition("@")[2].casefold()).split(".")
    return [".".join(labels[start:]) for start in range(len(labels))]


def _refuse_our_own(services: Services, kind: str, value: str) -> None:
    ours = services.settings.mail_address.casefold()
    if ours and value in ((ours,) if kind == "address" else _domains(ours)):
        raise Conflict("This is our own address: nobody could write to us from here any more.")


def _record(tx: UnitOfWork, kind: str, agent: Agent, row: BlockedSender) -> None:
    # The address is a person's: the record, which nothing removes, names the row only.
    audit(
        tx,
        kind,
        actor=Actor.staff(agent.id),
        data={"blocked_sender_id": str(row.id), "kind": row.kind},
    )
