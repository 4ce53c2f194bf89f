"""Two customers who are one person: seen before it is done, done by a person, undone again.

Conversations and addresses go to the survivor. What billing knows stays where it is: a
customer who has an account can only be the survivor, so no subscription ever changes hands.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from billing_core.store.invoice import Invoice
from billing_core.store.payment import Payment
from billing_core.store.subscription import Subscription
from helpdesk.customers.blocks import index_customer
from helpdesk.customers.handles import kinds, spellings
from helpdesk.customers.model import Block, Customer, CustomerMerge, Handle
from helpdesk.customers.queries import handles_of, subscription_of
from helpdesk.db import UnitOfWork
from helpdesk.errors import Conflict, InvalidInput, NotFound
from helpdesk.events.service import Actor, append_event, audit
from helpdesk.services import Services
from helpdesk.staff.agent import Agent
from helpdesk.tickets.model import Participant, Ticket
from helpdesk.tickets.queries import lock_ticket

Warning = Literal["documents", "birthdays", "both_proven"]
# Moved together or not at all: half of one address and half of another is no place.
FACTS = (("born_on",), ("document_hash", "document_masked"),
         ("house_number", "street", "unit", "district", "postcode", "region"))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two, as she stands before the merge."""

    customer: Customer
    handles: tuple[Handle, ...]
    tickets: int
    has_account: bool


@dataclass(frozen=True, slots=True)
class MergePreview:
    """What a merge would do. `seal` is given back to do exactly this and nothing newer."""

    survivor: Side
    absorbed: Side
    warnings: tuple[Warning, ...]
    seal: str

    @property
    def refusal(self) -> str:
        """Say why these two cannot be merged this way; "" where they can."""
        if not self.absorbed.has_account:
            return ""
        if self.survivor.has_account:
            return "Both customers have an account in billing. It never moves by a merge."
        return "Only the customer who has the account in billing can remain."


def preview_merge(session: Session, survivor_id: UUID, absorbed_id: UUID) -> MergePreview:
    """Say what a merge would do. Raises `NotFound`, `InvalidInput` and `Conflict`."""
    if survivor_id == absorbed_id:
        raise InvalidInput("customer_id", "Choose two different customers.")
    survivor, absorbed = _side(session, survivor_id), _side(session, absorbed_id)
    return MergePreview(
        survivor, absorbed, tuple(_warnings(survivor, absorbed)), _seal(survivor, absorbed)
    )


def merge(
    services: Services, agent: Agent, *, survivor_id: UUID, absorbed_id: UUID, seal: str
) -> UUID:
    """Join two customers as the preview with this seal said; return the merge.

    Raises `NotFound`, `InvalidInput`, and `Conflict` where the preview is no longer true or
    billing forbids it.
    """
    with services.begin() as tx:
        _lock(tx, survivor_id, absorbed_id)
        preview = preview_merge(tx.session, survivor_id, absorbed_id)
        if preview.seal != seal:
            raise Conflict("These customers have changed meanwhile. Look at the merge again.")
        if preview.refusal:
            raise Conflict(preview.refusal)
        row = CustomerMerge(
            id=tx.new_id(),
            survivor_id=survivor_id,
            absorbed_id=absorbed_id,
            moved={},
            made_by=agent.id,
            made_at=tx.at,
            undone_by=None,
            undone_at=None,
        )
        row.moved = {
            "tickets": _move_tickets(tx, agent, row, absorbed_id, preview.survivor.customer),
            "handles": _move_handles(tx, absorbed_id, survivor_id),
            "facts": _fill_in(preview.survivor.customer, preview.absorbed.customer),
        }
        preview.absorbed.customer.merged_into_id = survivor_id
        tx.session.add(row)
        tx.session.execute(delete(Block).where(Block.customer_id == absorbed_id))
        index_customer(tx, survivor_id)
        audit(tx, "customer.merged", actor=Actor.staff(agent.id), data=_told(row))
        return row.id


def undo_merge(services: Services, agent: Agent, merge_id: UUID) -> UUID:
    """Part two customers again; return the one who comes back.

    What moved goes back, and so do conversations begun since from an address that does: an
    answer in them would otherwise reach the other one's telephone or mailbox. An address
    proven since goes back as a claim, because nobody knows which of the two proved it.

    Raises `NotFound`, and `Conflict` where it was undone, or the survivor was merged since.
    """
    with services.begin() as tx:
        found = tx.session.get(CustomerMerge, merge_id)
        if found is None:
            raise NotFound("merge")
        _lock(tx, found.survivor_id, found.absorbed_id)
        row = tx.session.get_one(CustomerMerge, merge_id, populate_existing=True)
        survivor = tx.session.get_one(Customer, row.survivor_id, populate_existing=True)
        absorbed = tx.session.get_one(Customer, row.absorbed_id, populate_existing=True)
        if row.undone_at is not None:
            raise Conflict("This merge was undone before.")
        if survivor.merged_into_id is not None:
            raise Conflict("Undo the later merge first.")
        row.undone_by, row.undone_at = agent.id, tx.at
        absorbed.merged_into_id = None
        _move_back(tx, agent, row, absorbed)
        _take_out(survivor, row.moved["facts"])
        index_customer(tx, survivor.id)
        index_customer(tx, absorbed.id)
        audit(tx, "customer.parted", actor=Actor.staff(agent.id), data=_told(row))
        return absorbed.id


def merges_of(session: Session, customer_id: UUID) -> list[tuple[CustomerMerge, str]]:
    """Return the standing merges into a customer, the latest first, with who was absorbed."""
    rows = session.execute(
        select(CustomerMerge, Customer.name)
        .join(Customer, Customer.id == CustomerMerge.absorbed_id)
        .where(CustomerMerge.survivor_id == customer_id, CustomerMerge.undone_at.is_(None))
        .order_by(CustomerMerge.made_at.desc(), CustomerMerge.id)
    )
    return [(row, name) for row, name in rows]


def has_account(session: Session, customer_id: UUID) -> bool:
    """Say whether billing knows this customer."""
    return any(
        session.scalar(select(rows.id).where(rows.customer_id == customer_id).limit(1)) is not None
        for rows in (Subscription, Invoice, Payment)
    )


def _side(session: Session, customer_id: UUID) -> Side:
    customer = session.get(Customer, customer_id)
    if customer is None:
        raise NotFound("customer")
    if customer.merged_into_id is not None:
        raise Conflict("This customer was merged before.")
    tickets = select(func.count()).select_from(Ticket).where(Ticket.customer_id == customer_id)
    return Side(
        customer,
        tuple(handles_of(session, customer_id)),
        session.scalar(tickets) or 0,
        has_account(session, customer_id),
    )


def _warnings(survivor: Side, absorbed: Side) -> list[Warning]:
    one, other = survivor.customer, absorbed.customer
    found: list[Warning] = []
    if one.document_hash and other.document_hash and one.document_hash != other.document_hash:
        found.append("documents")
    if one.born_on and other.born_on and one.born_on != other.born_on:
        found.append("birthdays")
    if all(any(handle.verified_at for handle in side.handles) for side in (survivor, absorbed)):
        found.append("both_proven")
    return found


def _seal(survivor: Side, absorbed: Side) -> str:
    """Return a hash of what was shown."""
    shown = [
        [
            str(side.customer.id),
            side.customer.name,
            sorted([str(one.id), one.value, bool(one.verified_at)] for one in side.handles),
            side.tickets,
            side.has_account,
        ]
        for side in (survivor, absorbed)
    ]
    return hashlib.sha256(json.dumps(shown).encode()).hexdigest()


def _lock(tx: UnitOfWork, *customer_ids: UUID) -> None:
    """Lock customers, always in the same order."""
    tx.session.scalars(
        select(Customer)
        .where(Customer.id.in_(customer_ids))
        .order_by(Customer.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()


def _move_tickets(
    tx: UnitOfWork, agent: Agent, row: CustomerMerge, absorbed_id: UUID, to: Customer
) -> list[str]:
    """Give the conversations to the survivor. Their subscriptions stay as they are."""
    moved = _tickets_of(tx, absorbed_id)
    for ticket_id in moved:
        _hand_over(tx, agent, ticket_id, to, kind="customer.merged", merge_id=row.id)
    return [str(ticket_id) for ticket_id in moved]


def _hand_over(
    tx: UnitOfWork, agent: Agent, ticket_id: UUID, to: Customer, *, kind: str, merge_id: UUID
) -> None:
    ticket = lock_ticket(tx, ticket_id)
    ticket.customer_id, ticket.customer_name = to.id, to.name
    data = {"merge_id": str(merge_id), "customer_id": str(to.id)}
    append_event(tx, ticket, kind, actor=Actor.staff(agent.id), data=data)


def _tickets_of(tx: UnitOfWork, customer_id: UUID) -> list[UUID]:
    return list(
        tx.session.scalars(
            select(Ticket.id).where(Ticket.customer_id == customer_id).order_by(Ticket.id)
        )
    )


def _move_handles(tx: UnitOfWork, absorbed_id: UUID, survivor_id: UUID) -> list[str]:
    """Give the addresses to the survivor, but for those that she has herself."""
    hers = {(one.kind, one.value) for one in handles_of(tx.session, survivor_id)}
    moved = [
        one
        for one in handles_of(tx.session, absorbed_id)
        if (one.kind, one.value) not in hers or one.verified_at is not None
    ]
    for handle in moved:
        handle.customer_id = survivor_id
    tx.session.flush()
    return [str(handle.id) for handle in moved]


def _fill_in(survivor: Customer, absorbed: Customer) -> dict[str, str]:
    """Copy what only the absorbed one told; return it as it was copied."""
    filled: dict[str, str] = {}
    for group in FACTS:
        if any(getattr(survivor, name) for name in group):
            continue
        for name in group:
            if value := getattr(absorbed, name):
                setattr(survivor, name, value)
                filled[name] = str(value)
    return filled


def _take_out(survivor: Customer, filled: dict[str, str]) -> None:
    """Empty what a merge filled in and nobody has changed since."""
    for name, value in filled.items():
        if str(getattr(survivor, name)) == value:
            setattr(survivor, name, None if name == "born_on" else "")


def _move_back(tx: UnitOfWork, agent: Agent, row: CustomerMerge, absorbed: Customer) -> None:
    handles = [UUID(one) for one in row.moved["handles"]]
    moved = (Handle.id.in_(handles), Handle.customer_id == row.survivor_id)
    since = _begun_since(tx, row, tx.session.scalars(select(Handle).where(*moved)).all())
    tx.session.execute(
        update(Handle)
        .where(*moved, Handle.verified_at > row.made_at)
        .values(verified_at=None, claimed_at=tx.at)
    )
    tx.session.execute(update(Handle).where(*moved).values(customer_id=absorbed.id))
    went = {UUID(one) for one in row.moved["tickets"]} | since
    for ticket_id in sorted(went & set(_tickets_of(tx, row.survivor_id))):
        _hand_over(tx, agent, ticket_id, absorbed, kind="customer.parted", merge_id=row.id)
    for ticket_id in sorted(since):  # linked to what the survivor pays for
        ticket = tx.session.get_one(Ticket, ticket_id)
        ticket.subscription_id = subscription_of(tx.session, absorbed.id)


def _begun_since(tx: UnitOfWork, row: CustomerMerge, handles: Sequence[Handle]) -> set[UUID]:
    """Return the survivor's conversations since a merge in which only these addresses take part."""
    parts = tx.session.execute(
        select(Participant.ticket_id, Participant.kind, Participant.value)
        .join(Ticket, Ticket.id == Participant.ticket_id)
        .where(
            Ticket.customer_id == row.survivor_id, Ticket.created_at >= row.made_at, ~Participant.cc
        )
    ).all()
    theirs = {
        (kind, value)
        for one in handles
        for kind in kinds(one.kind)
        for value in spellings(one.kind, one.value)
    }
    mixed = {ticket_id for ticket_id, kind, value in parts if (kind, value) not in theirs}
    return {ticket_id for ticket_id, _, _ in parts} - mixed


def _told(row: CustomerMerge) -> dict[str, Any]:
    return {
        "merge_id": str(row.id),
        "survivor_id": str(row.survivor_id),
        "absorbed_id": str(row.absorbed_id),
        "tickets": len(row.moved["tickets"]),
        "handles": len(row.moved["handles"]),
    }
