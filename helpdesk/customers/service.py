"""Who a handle belongs to. Nothing here merges two customers: a person decides that."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select

from channels.port import HandleKind, Party, Trust
from helpdesk.answers import forget
from helpdesk.customers.blocks import index_customer
from helpdesk.customers.findings import note_duplicates
from helpdesk.customers.handles import normalise
from helpdesk.customers.model import Customer, Handle
from helpdesk.customers.queries import (
    HANDLES,
    handles_like,
    living_customer,
    subscription_of,
)
from helpdesk.db import UnitOfWork
from helpdesk.errors import Conflict, NotFound
from helpdesk.events.service import Actor
from helpdesk.services import Services
from helpdesk.staff.agent import Agent
from helpdesk.tickets.model import Message, Participant, Ticket
from helpdesk.tickets.queries import lock_ticket_visible_to
from helpdesk.tickets.service import link_ticket_to_customer


@dataclass(frozen=True, slots=True)
class Identification:
    """Whom a handle names. `exact`: a ticket may be linked without asking anybody."""

    customer_id: UUID | None
    exact: bool
    verified: bool = False  # the handle was proven once, not merely typed
    name: str = ""


NOBODY = Identification(None, exact=False)


def identify(tx: UnitOfWork, party: Party, *, trust: Trust = "bare") -> Identification:
    """Say whose handle this is: proven ones first, then one that a single customer claims.

    Several claimants name nobody, and neither does a sender whose proof failed.
    """
    if trust == "failed" or not party.value:
        return NOBODY
    found = handles_like(tx.session, party.kind, party.value)
    for handle in found:
        if handle.verified_at is not None:
            return _identified(tx, handle.customer_id, verified=True)
    claimants = {living_customer(tx.session, handle.customer_id).id for handle in found}
    if len(claimants) == 1:
        return _identified(tx, claimants.pop(), verified=False)
    return NOBODY


def create_customer(
    tx: UnitOfWork,
    *,
    name: str,
    language: str = "pt_BR",
    time_zone: str = "America/Sao_Paulo",
    customer_id: UUID | None = None,
    document_masked: str = "",
    document_hash: str = "",
) -> Customer:
    """Make a customer. Give `customer_id` where billing already knows her by one."""
    customer = Customer(
        id=customer_id or tx.new_id(),
        name=name.strip(),
        language=language,
        time_zone=time_zone,
        document_masked=document_masked,
        document_hash=document_hash,
        born_on=None,
        merged_into_id=None,
        created_at=tx.at,
    )
    tx.session.add(customer)
    index_customer(tx, customer.id)
    return customer


def add_handle(
    tx: UnitOfWork, customer_id: UUID, *, kind: HandleKind, value: str, verified: bool
) -> Handle:
    """Give a customer a handle, or prove one that she had claimed. Safe to repeat.

    Raises `InvalidInput`, and `Conflict` where another customer has proven it.
    """
    value = normalise(kind, value)
    if verified:
        owner = tx.session.scalar(
            select(Handle.customer_id).where(
                Handle.kind == kind, Handle.value == value, Handle.verified_at.is_not(None)
            )
        )
        if owner is not None and owner != customer_id:
            raise Conflict("This address is proven to be another customer's.")
    handle = tx.session.scalar(
        select(Handle).where(
            Handle.customer_id == customer_id, Handle.kind == kind, Handle.value == value
        )
    )
    if handle is None:
        handle = Handle(
            id=tx.new_id(),
            customer_id=customer_id,
            kind=kind,
            value=value,
            verified_at=tx.at if verified else None,
            claimed_at=None if verified else tx.at,
        )
        tx.session.add(handle)
        forget(tx.session, HANDLES)
        index_customer(tx, customer_id)
    elif verified and handle.verified_at is None:
        handle.verified_at = tx.at
    tx.session.flush()
    return handle


def link_identified(tx: UnitOfWork, ticket: Ticket, who: Identification, *, actor: Actor) -> None:
    """Say whose ticket this is, with her subscription and what billing finds odd about it.

    The ticket must be locked. A ticket that has a customer keeps her.
    """
    if who.customer_id is None or not who.exact or ticket.customer_id is not None:
        return
    _link(tx, ticket, who.customer_id, name=who.name, actor=actor)


def link(services: Services, agent: Agent, *, ticket_id: UUID, customer_id: UUID) -> None:
    """An agent confirms who wrote. The handles of the ticket become hers, as far as proven.

    A telephone proves itself; a mail address stays claimed. Addresses that are proven to
    be somebody else's stay where they are. Raises `NotFound`.
    """
    with services.begin() as tx:
        ticket = lock_ticket_visible_to(tx, agent, ticket_id)
        customer = living_customer(tx.session, customer_id)
        _link(tx, ticket, customer.id, name=customer.name, actor=Actor.staff(agent.id))
        link_handles(tx, ticket, customer.id)


def link_handles(tx: UnitOfWork, ticket: Ticket, customer_id: UUID) -> None:
    """Give a customer the handles that take part in her ticket, where nobody proved them.

    Whoever only gets copies is somebody else.
    """
    parts = select(Participant).where(Participant.ticket_id == ticket.id, ~Participant.cc)
    for part in tx.session.scalars(parts):
        known = handles_like(tx.session, part.kind, part.value)
        if any(handle.verified_at is not None for handle in known):
            continue
        link_handle(tx, ticket, part, customer_id)


def link_handle(tx: UnitOfWork, ticket: Ticket, part: Participant, customer_id: UUID) -> Handle:
    """Give a customer one address that takes part in a ticket."""
    proven = part.kind != "email" and _trusted(tx, ticket, part.value)
    kind: HandleKind = part.kind  # type: ignore[assignment]  # a CHECK keeps it in the list
    return add_handle(tx, customer_id, kind=kind, value=part.value, verified=proven)


def link_proven(tx: UnitOfWork, ticket: Ticket, customer: Customer, *, actor: Actor) -> None:
    """Say whose ticket this is after she proved it; the address she wrote from is hers now.

    The ticket must be locked. An address that somebody else has proven stays there.
    """
    _link(tx, ticket, customer.id, name=customer.name, actor=actor)
    part = tx.session.scalar(
        select(Participant)
        .join(Message, Message.ticket_id == Participant.ticket_id)
        .where(
            Participant.ticket_id == ticket.id,
            ~Participant.cc,
            Message.direction == "in",
            Message.author_handle == Participant.value,
        )
        .order_by(Message.seq.desc())
        .limit(1)
    )
    if part is None:
        return
    known = handles_like(tx.session, part.kind, part.value)
    if all(one.verified_at is None or one.customer_id == customer.id for one in known):
        kind: HandleKind = part.kind  # type: ignore[assignment]  # a CHECK keeps it in the list
        add_handle(tx, customer.id, kind=kind, value=part.value, verified=True)


def _trusted(tx: UnitOfWork, ticket: Ticket, value: str) -> bool:
    """Say whether the channel stood by this sender in every message of the ticket."""
    levels = set(
        tx.session.scalars(
            select(Message.trust).where(
                Message.ticket_id == ticket.id,
                Message.direction == "in",
                Message.author_handle == value,
            )
        )
    )
    return bool(levels) and levels <= {"session", "verified"}


def _identified(tx: UnitOfWork, customer_id: UUID, *, verified: bool) -> Identification:
    try:
        customer = living_customer(tx.session, customer_id)
    except NotFound:
        return NOBODY
    return Identification(customer.id, exact=True, verified=verified, name=customer.name)


def _link(tx: UnitOfWork, ticket: Ticket, customer_id: UUID, *, name: str, actor: Actor) -> None:
    link_ticket_to_customer(
        tx,
        ticket,
        customer_id,
        subscription_of(tx.session, customer_id),
        actor=actor,
        customer_name=name,
    )
    note_duplicates(tx, ticket)
