"""Numbers that people read: handed out one by one, without gaps, inside a transaction."""

from collections import deque
from typing import Final

from sqlalchemy import bindparam, update
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite

from helpdesk.answers import answer_ahead, answered
from helpdesk.db import UnitOfWork
from helpdesk.tickets.model import Counter

_TAKEN: Final = "numbers_taken"


def next_number(tx: UnitOfWork, name: str) -> int:
    """Return the next number of the series `name`, from 1. Others wait until we commit."""
    taken = _taken(tx, name)
    return taken.popleft() if taken else _take(tx, name, 1)


def take_numbers(tx: UnitOfWork, name: str, count: int) -> None:
    """Take so many numbers at once for `next_number` to hand out; see `give_back_numbers`."""
    last = _take(tx, name, count)
    numbers = deque([*_taken(tx, name), *range(last - count + 1, last + 1)])
    answer_ahead(tx.session, _TAKEN, {name: numbers})


def give_back_numbers(tx: UnitOfWork, name: str) -> None:
    """Return the numbers that nobody got, so that there is no gap."""
    if taken := _taken(tx, name):
        tx.session.connection().execute(_BACK, {"of": name, "count": len(taken)})
        taken.clear()


def _taken(tx: UnitOfWork, name: str) -> deque[int]:
    return answered(tx.session, _TAKEN, name, deque)


def _take(tx: UnitOfWork, name: str, count: int) -> int:
    connection = tx.session.connection()
    asked = {"name": name, "count": count}
    last: int = connection.execute(_NEXT[connection.dialect.name], asked).scalar_one()
    return last


_NEXT = {
    dialect: insert(Counter)
    .values(name=bindparam("name"), value=bindparam("count"))
    .on_conflict_do_update(
        index_elements=[Counter.name], set_={"value": Counter.value + bindparam("count")}
    )
    .returning(Counter.value)
    for dialect, insert in (("postgresql", insert_postgresql), ("sqlite", insert_sqlite))
}
_BACK = (
    update(Counter)
    .where(Counter.name == bindparam("of"))
    .values(value=Counter.value - bindparam("count"))
)
