"""The keys of each customer, kept beside her row, and who stands under some of them."""

from collections.abc import Collection, Mapping
from uuid import UUID

from sqlalchemy import Double, delete, func, literal, select, union_all
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from helpdesk.customers.blocking import block_keys
from helpdesk.customers.handles import PHONES
from helpdesk.customers.likeness import Facts
from helpdesk.customers.model import Block, Customer, Handle
from helpdesk.db import UnitOfWork

MOST_OF_A_KEY = 200  # customers under one key that are looked at
STRONG = 4.0  # of a key that few people share, beside 1 of the others
STRONG_KEYS = ("b:", "d:", "t:")


def facts_of(session: Session, customer_ids: Collection[UUID]) -> Mapping[UUID, Facts]:
    """Return what we hold of each customer, in two selects."""
    emails: dict[UUID, list[str]] = {}
    phones: dict[UUID, list[str]] = {}
    for customer_id, kind, value in session.execute(
        select(Handle.customer_id, Handle.kind, Handle.value)
        .where(Handle.customer_id.in_(customer_ids))
        .order_by(Handle.id)
    ):
        if kind == "email":
            emails.setdefault(customer_id, []).append(value)
        elif kind in PHONES:
            phones.setdefault(customer_id, []).append(value)
    rows = session.execute(
        select(
            Customer.id, Customer.name, Customer.born_on, Customer.document_hash,
            Customer.house_number, Customer.street, Customer.unit,
            Customer.district, Customer.postcode, Customer.region,
        ).where(Customer.id.in_(customer_ids))
    )  # fmt: skip
    return {
        row.id: Facts(
            name=row.name,
            born_on=row.born_on.isoformat() if row.born_on else "",
            document=row.document_hash,
            emails=tuple(emails.get(row.id, ())),
            phones=tuple(phones.get(row.id, ())),
            house_number=row.house_number,
            street=row.street,
            unit=row.unit,
            district=row.district,
            postcode=row.postcode,
            region=row.region,
        )
        for row in rows
    }


def index_customer(tx: UnitOfWork, customer_id: UUID) -> None:
    """Bring a customer's keys up to what her row and her handles say. Safe to repeat."""
    tx.session.flush()
    wanted = block_keys(facts_of(tx.session, [customer_id])[customer_id])
    have = set(tx.session.scalars(select(Block.key).where(Block.customer_id == customer_id)))
    if gone := have - wanted:
        tx.session.execute(
            delete(Block).where(Block.customer_id == customer_id, Block.key.in_(gone))
        )
    if fresh := wanted - have:
        dialect = tx.session.get_bind().dialect.name
        adding = (postgresql if dialect == "postgresql" else sqlite).insert(Block)
        tx.session.execute(
            adding.on_conflict_do_nothing(),
            [{"key": key, "customer_id": customer_id} for key in sorted(fresh)],
        )


def sharing_a_key(session: Session, facts: Facts, *, limit: int) -> list[UUID]:
    """Return the customers who share most keys with these facts, the strongest first.

    Reads a bounded part of one index for each key, however many customers there are.
    """
    keys = sorted(block_keys(facts))
    if not keys:
        return []
    lists = [
        select(
            Block.customer_id,
            literal(STRONG if key.startswith(STRONG_KEYS) else 1.0, Double).label("weight"),
        )
        .where(Block.key == key)
        .limit(MOST_OF_A_KEY)
        .subquery()
        for key in keys
    ]
    under = union_all(*(select(one.c.customer_id, one.c.weight) for one in lists)).subquery()
    return list(
        session.scalars(
            select(under.c.customer_id)
            .group_by(under.c.customer_id)
            .order_by(func.sum(under.c.weight).desc(), under.c.customer_id)
            .limit(limit)
        )
    )
