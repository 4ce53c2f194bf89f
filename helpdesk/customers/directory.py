"""Finding a customer by hand, her page, and what a merge would do, as plain values."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from helpdesk.customers.blocks import facts_of
from helpdesk.customers.handles import read_phone
from helpdesk.customers.likeness import Facts
from helpdesk.customers.match import candidates
from helpdesk.customers.merging import MergePreview, Side, has_account, merges_of
from helpdesk.customers.model import Customer, Handle
from helpdesk.customers.queries import handles_like, handles_of, living_customer
from helpdesk.errors import NotFound
from helpdesk.staff.agent import Agent
from helpdesk.tickets.model import Ticket
from helpdesk.tickets.queries import visible_to
from helpdesk.web.screen import Person, person

MOST = 20  # customers of one search, conversations of one customer
LONGEST_QUESTION = 200
SHOWN = ("email", "phone", "whatsapp")  # what a person reads; a visitor's key is ours alone
LOOKED_AT = 500  # newest conversations among which those who wrote lately are found


@dataclass(frozen=True, slots=True)
class Found:
    """One customer of a list."""

    customer_id: str
    person: Person
    detail: str  # an address of hers
    score: int = 0  # of 100; 0 where the question names her exactly


@dataclass(frozen=True, slots=True)
class HandleLine:
    kind: str
    value: str
    proven: bool


@dataclass(frozen=True, slots=True)
class TicketLine:
    number: int
    subject: str
    category: str
    channel: str
    at: datetime


@dataclass(frozen=True, slots=True)
class MergeLine:
    merge_id: str
    name: str
    at: datetime
    tickets: int
    handles: int


@dataclass(frozen=True, slots=True)
class CustomerPage:
    customer_id: str
    person: Person
    document: str
    born_on: str
    address: str
    has_account: bool
    handles: tuple[HandleLine, ...]
    tickets: tuple[TicketLine, ...]
    merges: tuple[MergeLine, ...]
    alike: tuple[Found, ...]


@dataclass(frozen=True, slots=True)
class MergeSide:
    customer_id: str
    person: Person
    handles: tuple[HandleLine, ...]
    tickets: int
    has_account: bool


@dataclass(frozen=True, slots=True)
class MergeScreen:
    survivor: MergeSide
    absorbed: MergeSide
    warnings: tuple[str, ...]
    refusal: str
    seal: str


@dataclass(frozen=True, slots=True)
class DirectoryScreen:
    """Without a question `found` are those who wrote lately."""

    query: str = ""
    found: tuple[Found, ...] = ()
    chosen: CustomerPage | None = None
    merging: MergeScreen | None = None


def search(session: Session, question: str) -> tuple[Found, ...]:
    """Return the customers whom a name, an e-mail or a telephone may mean, the likeliest first."""
    question = " ".join(question.split())[:LONGEST_QUESTION]
    if not question:
        return ()
    exact = dict.fromkeys((*_by_handle(session, question), *_by_beginning(session, question)))
    found = dict.fromkeys(exact, 0)
    for one in candidates(session, _asked(question), limit=MOST):
        found.setdefault(one.customer_id, one.score)
    return tuple(_listed(session, list(found.items())[:MOST]))


def latest(session: Session, agent: Agent) -> tuple[Found, ...]:
    """Return whose conversations, of those this agent may see, are the newest."""
    newest = (
        select(Ticket.id)
        .where(Ticket.customer_id.is_not(None))
        .order_by(Ticket.id.desc())  # ids begin with their time
        .limit(LOOKED_AT)
    )
    seen = session.scalars(
        select(Ticket.customer_id)
        .where(Ticket.id.in_(newest), visible_to(agent))
        .order_by(Ticket.id.desc())
    )
    known = dict.fromkeys(one for one in seen if one is not None)
    return tuple(_listed(session, [(one, 0) for one in known][:MOST]))


def customer_page(session: Session, agent: Agent, customer_id: UUID) -> CustomerPage:
    """Return one customer with the conversations that this agent may see. Raises `NotFound`."""
    customer = living_customer(session, customer_id)
    facts = facts_of(session, [customer.id])[customer.id]
    alike = [
        (one.customer_id, one.score)
        for one in candidates(session, facts, limit=6)
        if one.customer_id != customer.id
    ]
    line = " ".join(filter(None, (customer.street, customer.house_number, customer.unit)))
    return CustomerPage(
        customer_id=str(customer.id),
        person=person(customer.name, key=str(customer.id)),
        document=customer.document_masked,
        born_on=customer.born_on.isoformat() if customer.born_on else "",
        address=", ".join(
            filter(None, (line, customer.district, customer.region, customer.postcode))
        ),
        has_account=has_account(session, customer.id),
        handles=_handle_lines(handles_of(session, customer.id)),
        tickets=_tickets(session, agent, customer.id),
        merges=tuple(
            MergeLine(
                str(row.id), name, row.made_at, len(row.moved["tickets"]), len(row.moved["handles"])
            )
            for row, name in merges_of(session, customer.id)
        ),
        alike=tuple(_listed(session, alike)),
    )


def merge_screen(preview: MergePreview) -> MergeScreen:
    return MergeScreen(
        survivor=_side(preview.survivor),
        absorbed=_side(preview.absorbed),
        warnings=preview.warnings,
        refusal=preview.refusal,
        seal=preview.seal,
    )


def _by_handle(session: Session, question: str) -> Iterable[UUID]:
    if "@" in question:
        found = handles_like(session, "email", question.casefold())
    elif number := read_phone(question):
        found = handles_like(session, "phone", number)
    else:
        found = []
    for handle in found:
        try:
            yield living_customer(session, handle.customer_id).id
        except NotFound:
            continue


def _by_beginning(session: Session, question: str) -> Iterable[UUID]:
    """Return whose name begins as typed: a range, so that an index answers it."""
    begins = question[:1].upper() + question[1:]
    return session.scalars(
        select(Customer.id)
        .where(
            Customer.name >= begins,
            Customer.name < begins + "\uffff",
            Customer.merged_into_id.is_(None),
        )
        .order_by(Customer.name)
        .limit(MOST)
    )


def _asked(question: str) -> Facts:
    if "@" in question:
        return Facts(emails=(question.casefold(),))
    if number := read_phone(question):
        return Facts(phones=(number,))
    return Facts(name=question)


def _listed(session: Session, found: list[tuple[UUID, int]]) -> Iterable[Found]:
    for customer_id, score in found:
        customer = session.get_one(Customer, customer_id)
        handles = handles_of(session, customer_id)
        yield Found(
            customer_id=str(customer_id),
            person=person(customer.name, key=str(customer_id)),
            detail=next((one.value for one in handles if one.kind in SHOWN), ""),
            score=score,
        )


def _tickets(session: Session, agent: Agent, customer_id: UUID) -> tuple[TicketLine, ...]:
    rows = session.scalars(
        select(Ticket)
        .where(Ticket.customer_id == customer_id, visible_to(agent))
        .order_by(Ticket.last_message_at.desc(), Ticket.id.desc())
        .limit(MOST)
    )
    return tuple(
        TicketLine(one.number, one.subject, one.category, one.last_channel, one.last_message_at)
        for one in rows
    )


def _side(side: Side) -> MergeSide:
    return MergeSide(
        customer_id=str(side.customer.id),
        person=person(side.customer.name, key=str(side.customer.id)),
        handles=_handle_lines(side.handles),
        tickets=side.tickets,
        has_account=side.has_account,
    )


def _handle_lines(handles: Iterable[Handle]) -> tuple[HandleLine, ...]:
    return tuple(
        HandleLine(one.kind, one.value, one.verified_at is not None)
        for one in handles
        if one.kind in SHOWN
    )
