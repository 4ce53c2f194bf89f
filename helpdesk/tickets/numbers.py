"""Numbers that people read: handed out one by one, without gaps, inside a transaction."""

from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite

from helpdesk.db import UnitOfWork
from helpdesk.tickets.model import Counter


def next_number(tx: UnitOfWork, name: str) -> int:
    """Return the next number of the series `name`, from 1. Others wait until we commit."""
    insert = (
        insert_postgresql if tx.session.get_bind().dialect.name == "postgresql" else insert_sqlite
    )
    statement = (
        insert(Counter)
        .values(name=name, value=1)
        .on_conflict_do_update(index_elements=[Counter.name], set_={"value": Counter.value + 1})
        .returning(Counter.value)
    )
    return tx.session.execute(statement).scalar_one()
