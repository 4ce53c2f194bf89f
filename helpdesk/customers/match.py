"""Who this contact may be: candidates for an agent to judge, never joined by themselves."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from helpdesk.customers.blocks import facts_of, sharing_a_key
from helpdesk.customers.likeness import SAME_PERSON, WORTH, Facts, evidence, words
from helpdesk.customers.model import Customer

LOOKED_AT = 200  # most customers that are compared
WORTH_OFFERING = 8.0  # bits: more than one word of a name
ALIKE_ENOUGH = 60  # of 100
MOST_ALIKE = 95  # two people may share an address: nothing here is certain
PLACE = ("house_number", "street", "unit", "district", "postcode", "region")


@dataclass(frozen=True, slots=True)
class Candidate:
    customer_id: UUID
    name: str
    score: int  # 0..95: how alike what both tell is
    why: str  # what speaks for it most: email, phone, name, born_on, document or address
    likely: bool  # enough for one person, were it not for people who share all of it


def candidates(session: Session, facts: Facts, *, limit: int = 5) -> list[Candidate]:
    """Return customers who may be whom these facts describe, the likeliest first."""
    found = sharing_a_key(session, facts, limit=LOOKED_AT)
    judged = []
    for customer_id, theirs in facts_of(session, found).items():
        bits = evidence(facts, theirs)
        total, score = sum(bits.values()), likeness(facts, theirs, bits)
        if total >= WORTH_OFFERING and score >= ALIKE_ENOUGH:
            one = Candidate(customer_id, theirs.name, score, _why(bits), total >= SAME_PERSON)
            judged.append((total, one))
    judged.sort(key=lambda each: (-each[0], each[1].name, each[1].customer_id))
    return _living(session, [one for _, one in judged[: limit * 2]])[:limit]


def likeness(one: Facts, other: Facts, bits: Mapping[str, float]) -> int:
    """Return 0..95: the share of the evidence that there could be in what both tell."""
    possible = sum(WORTH[name].agrees for name in bits if name != "name")
    if "name" in bits:
        # Half of a word that one name lacks counts: people leave some of theirs out.
        mine, theirs = len(words(one.name)), len(words(other.name))
        possible += WORTH["name"].agrees * (mine + theirs) / 2
    share = sum(bits.values()) / possible if possible else 0.0
    return max(0, min(MOST_ALIKE, round(100 * share)))


def _why(bits: Mapping[str, float]) -> str:
    named = {name: worth for name, worth in bits.items() if name not in PLACE}
    named["address"] = sum(bits.get(name, 0.0) for name in PLACE)
    return max(named, key=lambda name: named[name])


def _living(session: Session, found: list[Candidate]) -> list[Candidate]:
    """Leave out who was merged into somebody: her facts moved there with her."""
    living = set(
        session.scalars(
            select(Customer.id).where(
                Customer.id.in_([one.customer_id for one in found]),
                Customer.merged_into_id.is_(None),
            )
        )
    )
    return [one for one in found if one.customer_id in living]
