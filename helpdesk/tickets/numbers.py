"""Numbers that people read: handed out one by one, without gaps, inside a transaction."""

from sqlalchemy import bindparam
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite

from helpdesk.db import UnitOfWork
from helpdesk.tickets.model import Counter


def next_number(tx: UnitOfWork, name: str) -> int:
    """Return the next number of the series `name`, from 1. Others wait until we commit."""
    connection = tx.session.connection()
    number: int = connection.execute(_NEXT[connection.dialect.name], {"name": name}).scalar_one()
    return number


_NEXT = {
    dialect: insert(Counter)
    .values(name=bindparam("name"), value=1)
    .on_conflict_do_update(index_elements=[Counter.name], set_={"value": Counter.value + 1})
    .returning(Counter.value)
    for dialect, insert in (("postgresql", insert_postgresql), ("sqlite", insert_sqlite))
}
