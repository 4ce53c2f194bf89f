"""Which conversation an arriving message belongs to.

A subject or a ticket number never decides; a number is at most a hint for a person, and
in a subject only where it is the sender's own ticket. What does, in this order: the channel's own
conversation (chat, call); a reply token bound to the sender's address; the mails that a
mail answers, newest first, when the sender takes part in that conversation; for SMS and
WhatsApp the open ticket in which the number takes part. A stranger with a true reference
gets a ticket of her own that names the other as possibly related, and so does a sender
whose proof failed.
"""

import hashlib
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from channels.port import Inbound, Party
from helpdesk.answers import answer_ahead, answered, correct
from helpdesk.customers.handles import spellings
from helpdesk.inbox.model import MailIndex, ReplyToken
from helpdesk.tickets.model import Participant, Ticket
from helpdesk.tickets.participants import takes_part
from helpdesk.tickets.queries import ticket_of

AT_WORK = ("open", "waiting")
LONGEST_CHAIN = 50  # merged into merged into …
MOST_REFERENCES = 100
MOST_NUMBERS = 5
_PLUS = re.compile(r"\+(?:id)?(\d{1,15})@")
_HASH = re.compile(r"#(\d{1,15})\b")
CALLS = "voice"  # the "mailbox" that indexes calls
MOST_HOLDERS = 20  # tickets that hold one id
_HELD_BY: Final = "mail_held_by"
_INVITES: Final = "reply_tokens"

# Built once: to put such a question together costs more than to ask it.
_HOLDING = (
    select(MailIndex.ticket_id)
    .where(MailIndex.message_id_hash == bindparam("hash"))
    .distinct()
    .limit(MOST_HOLDERS)
)
_OF_MAIL = _HOLDING.where(MailIndex.mailbox != bindparam("mailbox"))
_OF_MAILBOX = _HOLDING.where(MailIndex.mailbox == bindparam("mailbox"))
_HOLDING_ANY = (
    select(MailIndex.message_id_hash, MailIndex.ticket_id)
    .where(
        MailIndex.message_id_hash.in_(bindparam("hashes", expanding=True)),
        MailIndex.mailbox != CALLS,
    )
    .distinct()
    .limit(bindparam("most"))
)
_TOKENS = select(ReplyToken).where(ReplyToken.token_hash.in_(bindparam("hashes", expanding=True)))


@dataclass(frozen=True, slots=True)
class Lead:
    """A ticket that a message points to. `belongs`: its sender may write there."""

    ticket_id: UUID
    category: str
    belongs: bool


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message goes: into `ticket_id`, or into a new ticket when that is None."""

    ticket_id: UUID | None = None
    parent_id: UUID | None = None  # the closed ticket that a new one follows
    related_id: UUID | None = None  # perhaps the same matter; a person judges
    category: str = field(default="", compare=False)  # of that ticket, as it was seen


def choose(leads: Iterable[Lead]) -> Place:
    """Follow the strongest lead that the sender belongs to. Leads come strongest first."""
    stranger: UUID | None = None
    for lead in leads:
        if lead.belongs and lead.category == "closed":
            return Place(parent_id=lead.ticket_id)
        if lead.belongs:
            return Place(ticket_id=lead.ticket_id, category=lead.category)
        stranger = stranger or lead.ticket_id
    return Place(related_id=stranger)


def find_leads(session: Session, item: Inbound, *, at: datetime) -> Iterator[Lead]:
    """Yield the tickets that a message points to, strongest first."""
    proven = item.trust != "failed"
    if item.channel == "voice":
        yield from _of_call(session, item)
    if item.channel in ("sms", "whatsapp", "voice"):
        for ticket in open_tickets_of(session, item.sender):
            yield Lead(ticket.id, ticket.category, proven)
    elif item.channel == "email":
        yield from _of_tokens(session, item, at=at)
        yield from _of_references(session, item)
        yield from _of_numbers(session, item)
    elif item.thread_key:
        yield from _of_chat(session, item)


def ask_ahead_for_leads(session: Session, items: Iterable[Inbound]) -> set[UUID]:
    """Find what the tokens and the references of many mails point to; return the tickets."""
    mails = list(items)
    tokens = {token_hash(token) for mail in mails for token in mail.reply_tokens}
    found = {}
    if tokens:
        rows = session.scalars(_TOKENS, {"hashes": list(tokens)})
        found = {row.token_hash: row for row in rows}
        answer_ahead(session, _INVITES, dict.fromkeys(tokens) | found)
    asked = {id_hash(one) for mail in mails for one in mail.references[:MOST_REFERENCES] if one}
    holders = _holders(session, asked) if asked else {}
    answer_ahead(session, _HELD_BY, holders)
    return {row.ticket_id for row in found.values()} | {
        ticket for some in holders.values() for ticket in some
    }


def note_held(session: Session, header_id: str, ticket_id: UUID) -> None:
    """Correct what was found ahead: this ticket holds the mail now."""
    correct(
        session,
        _HELD_BY,
        id_hash(header_id),
        lambda known: known if ticket_id in known else (*known, ticket_id),
    )


def call_is_known(session: Session, item: Inbound) -> bool:
    """Say whether something of this call has been filed already."""
    return any(_indexed(session, item.thread_key, mailbox=CALLS))


def open_tickets_of(session: Session, party: Party) -> Sequence[Ticket]:
    """Return the unfinished tickets in which a handle takes part, the liveliest first."""
    return session.scalars(
        select(Ticket)
        .join(Participant, Participant.ticket_id == Ticket.id)
        .where(
            Participant.kind == party.kind,
            Participant.value.in_(spellings(party.kind, party.value)),
            Ticket.category.in_(AT_WORK),
            Ticket.merged_into_id.is_(None),
        )
        .order_by(Ticket.last_message_at.desc(), Ticket.id.desc())
        .limit(3)
    ).all()


def follow_merges(session: Session, ticket: Ticket) -> list[Ticket]:
    """Return a ticket and all it was merged into, the living one last.

    A circle of merges, which nobody should be able to make, ends where it would repeat.
    """
    chain = [ticket]
    seen = {ticket.id}
    while (onward := chain[-1].merged_into_id) is not None and len(chain) < LONGEST_CHAIN:
        if onward in seen:
            break
        seen.add(onward)
        found = session.get(Ticket, onward)
        if found is None:
            break
        chain.append(found)
    return chain


def id_hash(header_id: str) -> str:
    """Return how a Message-ID or another outside id is looked up."""
    return hashlib.sha256(header_id.strip().encode("utf-8", "replace")).hexdigest()


def token_hash(token: str) -> str:
    """Return how a reply token is stored. Some servers change the case of an address."""
    return hashlib.sha256(token.lower().encode()).hexdigest()


def _of_call(session: Session, item: Inbound) -> Iterator[Lead]:
    """The later reports of a call follow its first one: the provider vouches for both."""
    for ticket_id in _indexed(session, item.thread_key, mailbox=CALLS):
        yield from _leads_to(session, ticket_id, item, invited=True)


def _of_chat(session: Session, item: Inbound) -> Iterator[Lead]:
    """The visitor's secret names her conversation."""
    newest = session.scalars(
        select(Ticket)
        .where(Ticket.chat_key == item.thread_key)
        .order_by(Ticket.category.in_(AT_WORK).desc(), Ticket.created_at.desc(), Ticket.id.desc())
        .limit(1)
    )
    for ticket in newest:
        yield from _leads_to(session, ticket.id, item, invited=True)


def _of_tokens(session: Session, item: Inbound, *, at: datetime) -> Iterator[Lead]:
    """A secret counts for the address it was sent to, and only where that is not forged."""
    for token in item.reply_tokens:
        found = _token(session, token_hash(token))
        if found is not None and found.expires_at > at:
            invited = found.recipient == item.sender.value and item.trust != "failed"
            yield from _leads_to(session, found.ticket_id, item, invited=invited)


def _token(session: Session, hashed: str) -> ReplyToken | None:
    return answered(session, _INVITES, hashed, lambda: session.get(ReplyToken, hashed))


def _of_references(session: Session, item: Inbound) -> Iterator[Lead]:
    for header_id in item.references[:MOST_REFERENCES]:
        for ticket_id in _indexed(session, header_id):
            yield from _leads_to(session, ticket_id, item)


def _of_numbers(session: Session, item: Inbound) -> Iterator[Lead]:
    """A number opens nothing: anybody can count. It is shown to a person as a guess."""
    named = [number for address in item.recipients for number in _PLUS.findall(address)]
    told = _HASH.findall(item.subject)
    numbers = [int(number) for number in (*named, *told)][:MOST_NUMBERS]
    for number in dict.fromkeys(numbers):
        ticket = session.scalar(select(Ticket).where(Ticket.number == number))
        if ticket is None:
            continue
        living = follow_merges(session, ticket)[-1]
        if str(number) in named or takes_part(session, [ticket.id, living.id], item.sender):
            yield Lead(living.id, living.category, belongs=False)


def _indexed(session: Session, header_id: str, *, mailbox: str | None = None) -> Sequence[UUID]:
    """Return the tickets that hold this id; several where somebody used it again."""
    if not header_id:
        return ()
    hashed = id_hash(header_id)
    if mailbox is not None:
        return session.scalars(_OF_MAILBOX, {"hash": hashed, "mailbox": mailbox}).all()
    place = {"hash": hashed, "mailbox": CALLS}
    return answered(session, _HELD_BY, hashed, lambda: session.scalars(_OF_MAIL, place).all())


def _holders(session: Session, hashes: Collection[str]) -> dict[str, tuple[UUID, ...]]:
    """Return the tickets that hold each id; nothing where one id is in very many."""
    most = MOST_HOLDERS * len(hashes)
    rows = session.execute(_HOLDING_ANY, {"hashes": list(hashes), "most": most}).all()
    if len(rows) == most:
        return {}
    held: dict[str, tuple[UUID, ...]] = dict.fromkeys(hashes, ())
    for hashed, ticket_id in rows:
        held[hashed] = (*held[hashed], ticket_id)[:MOST_HOLDERS]
    return held


def _leads_to(
    session: Session, ticket_id: UUID, item: Inbound, *, invited: bool = False
) -> Iterator[Lead]:
    """Follow a ticket to where its conversation goes on today."""
    ticket = ticket_of(session, ticket_id)
    if ticket is None:
        return
    chain = follow_merges(session, ticket)
    living = chain[-1]
    belongs = invited or (
        item.trust != "failed" and takes_part(session, [one.id for one in chain], item.sender)
    )
    if living.category == "closed" and belongs:
        living = _successor(session, living, item.sender) or living
    yield Lead(living.id, living.category, belongs)


def _successor(session: Session, closed: Ticket, party: Party) -> Ticket | None:
    """Return the follow-up that the same person has already opened, if it still lives."""
    children = session.scalars(
        select(Ticket)
        .where(Ticket.parent_id == closed.id, Ticket.category != "closed")
        .order_by(Ticket.created_at.desc(), Ticket.id.desc())
        .limit(10)
    )
    for child in children:
        living = follow_merges(session, child)[-1]
        if living.category != "closed" and takes_part(session, [child.id, living.id], party):
            return living
    return None
