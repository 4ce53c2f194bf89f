"""Who this contact may be: candidates for an agent to judge, never joined by themselves."""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from rapidfuzz import fuzz
from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from helpdesk.customers.handles import PHONES, read_phone
from helpdesk.customers.model import Customer, Handle

LOOKED_AT = 400  # most rows of one block that are scored
WORTH_OFFERING = 70  # of 100
MOST_WORDS = 6  # of a name
SAME_LINE = 8  # digits at the end that tell two Brazilian lines apart


@dataclass(frozen=True, slots=True)
class Candidate:
    customer_id: UUID
    name: str
    score: int  # 0..100
    why: str  # email, phone or name: what speaks for it most


def candidates(
    session: Session, *, name: str, email: str, phone: str, limit: int = 5
) -> list[Candidate]:
    """Return customers who may be this person, the likeliest first.

    An equal address scores 95, not 100: two people may share one. Empty facts say nothing.
    """
    best: dict[UUID, Candidate] = {}
    for customer, handle in _block(session, name=name, email=email, phone=phone):
        for why, score in _scores(customer, handle, name=name, email=email, phone=phone):
            known = best.get(customer.id)
            if score >= WORTH_OFFERING and (known is None or score > known.score):
                best[customer.id] = Candidate(customer.id, customer.name, score, why)
    return sorted(best.values(), key=lambda one: (-one.score, one.name, one.customer_id))[:limit]


def fold(text: str) -> str:
    """Return text as it is compared: no accents, no case, single blanks."""
    plain = "".join(
        sign
        for sign in unicodedata.normalize("NFKD", text.casefold())
        if not unicodedata.combining(sign)
    )
    return " ".join(plain.split())


def _scores(
    customer: Customer, handle: Handle | None, *, name: str, email: str, phone: str
) -> Iterable[tuple[str, int]]:
    if name and len(fold(name)) > 2:
        yield "name", _alike(fold(name), fold(customer.name))
    if handle is None:
        return
    if email and handle.kind == "email":
        if handle.value == email:
            yield "email", 95
        else:
            yield "email", min(90, round(fuzz.ratio(email, handle.value)))
    if phone and handle.kind in PHONES and _tail(phone) == _tail(handle.value):
        yield "phone", 95


def _alike(name: str, other: str) -> int:
    """Compare two folded names; one that only lacks some of the other's words scores less."""
    whole = min(90, fuzz.token_sort_ratio(name, other))
    several = min(len(name.split()), len(other.split())) > 1
    return round(max(whole, 0.85 * fuzz.token_set_ratio(name, other) if several else 0))


def _block(
    session: Session, *, name: str, email: str, phone: str
) -> list[tuple[Customer, Handle | None]]:
    """Return the few rows worth scoring. An index can answer each part but the name's end."""
    parts: list[ColumnElement[bool]] = []
    if email:
        local = _escaped(email.partition("@")[0][:4])
        parts.append(and_(Handle.kind == "email", Handle.value.like(f"{local}%", escape="\\")))
    if tail := _tail(phone):
        parts.append(and_(Handle.kind.in_(PHONES), Handle.value.like(f"%{tail}")))
    if words := name.split():
        # Two letters: the third of "João" is where people drop the accent.
        first = Customer.name.ilike(f"{_escaped(words[0][:2])}%", escape="\\")
        others = [
            Customer.name.ilike(f"% {_escaped(word[:2])}%", escape="\\")
            for word in words[1:MOST_WORDS]
            if len(word) > len("dos")  # what joins names says nothing
        ]
        parts.append(and_(first, or_(*others)) if others else first)
    if not parts:
        return []
    rows = session.execute(
        select(Customer, Handle)
        .join(Handle, Handle.customer_id == Customer.id, isouter=True)
        .where(Customer.merged_into_id.is_(None), or_(*parts))
        .order_by(Customer.id)
        .limit(LOOKED_AT)
    )
    return [(customer, handle) for customer, handle in rows]


def _tail(phone: str) -> str:
    number = read_phone(phone) if phone else None
    return number[-SAME_LINE:] if number else ""


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
