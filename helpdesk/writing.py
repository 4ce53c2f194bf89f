"""New rows that wait to be written together: few round trips for what one transaction adds.

A row that nobody reads back at once need not be a statement of its own. It waits, with the
others of its transaction, until something reads, flushes or commits; then all of them go to
the database in the order in which their kinds were first given, on PostgreSQL as one
statement. Nobody sees the difference but in the time it takes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Dialect, Table, bindparam, event, insert
from sqlalchemy.orm import DeclarativeBase, Session, SessionTransaction, make_transient_to_detached

Kind = type[DeclarativeBase]
MOST_SHAPES = 256  # statements to remember; a transaction adds one of a few dozen


class WritingSession(Session):
    """A session with rows that wait. Whatever it is asked to read or flush comes after them."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._waiting: dict[Kind, list[DeclarativeBase]] = {}
        self._kept: list[DeclarativeBase] = []

    def wait(self, row: DeclarativeBase, *, keep: bool) -> None:
        """Have a row written soon. With `keep` the session goes on to follow its changes."""
        self._waiting.setdefault(type(row), []).append(row)
        if keep:
            self._kept.append(row)

    def is_waiting(self, row: DeclarativeBase) -> bool:
        return any(one is row for one in self._waiting.get(type(row), ()))

    def write_out(self) -> None:
        """Write what waits."""
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, {}
        kept, self._kept = self._kept, []
        _insert(self.connection(), [(kind, rows) for kind, rows in waiting.items()])
        for row in kept:
            make_transient_to_detached(row)
        self.add_all(kept)

    def forget_waiting(self) -> None:
        """Drop what waits: its transaction, or the savepoint it came after, is undone."""
        self._waiting, self._kept = {}, []

    def begin_nested(self) -> SessionTransaction:
        self.write_out()  # what came before the savepoint must outlive it
        return super().begin_nested()


@event.listens_for(WritingSession, "do_orm_execute")
def _before_reading(asked: Any) -> None:
    asked.session.write_out()


@event.listens_for(WritingSession, "before_flush")
def _before_flushing(session: WritingSession, *_: Any) -> None:
    session.write_out()


@event.listens_for(WritingSession, "before_commit")
def _before_committing(session: WritingSession) -> None:
    session.write_out()


@event.listens_for(WritingSession, "after_soft_rollback")
def _after_rollback(session: WritingSession, *_: Any) -> None:
    session.forget_waiting()


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    turn: Callable[[Any], Any] | None  # a value into the driver's
    default: Callable[[], Any]


def _insert(connection: Connection, rows: Sequence[tuple[Kind, list[DeclarativeBase]]]) -> None:
    if connection.dialect.name == "postgresql":
        _insert_at_once(connection, rows)
    else:
        for kind, some in rows:
            _insert_some(connection, kind, some)


def _insert_some(connection: Connection, kind: Kind, rows: list[DeclarativeBase]) -> None:
    columns = _columns(kind, connection.dialect)
    values = [tuple(_value(row, column) for column in columns) for row in rows]
    connection.exec_driver_sql(_one_kind(kind, connection.dialect), values)


def _insert_at_once(
    connection: Connection, rows: Sequence[tuple[Kind, list[DeclarativeBase]]]
) -> None:
    """Foreign keys are looked at when the whole statement has ended, so any order is right."""
    values = {
        _place(at, number, column.name): _value(row, column)
        for at, (kind, some) in enumerate(rows)
        for number, row in enumerate(some)
        for column in _columns(kind, connection.dialect)
    }
    shape = tuple((kind, len(some)) for kind, some in rows)
    connection.exec_driver_sql(_all_kinds(shape, connection.dialect), values)


def _table(kind: Kind) -> Table:
    table = kind.__table__
    assert isinstance(table, Table)
    return table


def _value(row: DeclarativeBase, column: _Column) -> Any:
    held = row.__dict__
    if column.name not in held:
        held[column.name] = column.default()
    value = held[column.name]
    return value if column.turn is None or value is None else column.turn(value)


def _place(at: int, number: int, name: str) -> str:
    return f"k{at}_{number}_{name}"


@lru_cache(maxsize=MOST_SHAPES)
def _columns(kind: Kind, dialect: Dialect) -> tuple[_Column, ...]:
    return tuple(
        _Column(
            column.name,
            column.type.dialect_impl(dialect).bind_processor(dialect),
            _default_of(column.default),
        )
        for column in _table(kind).columns
    )


def _default_of(default: Any) -> Callable[[], Any]:
    if default is None:
        return lambda: None
    if default.is_scalar:
        return lambda: default.arg
    return lambda: default.arg(None)  # SQLAlchemy hands such a function its context


@lru_cache(maxsize=MOST_SHAPES)
def _one_kind(kind: Kind, dialect: Dialect) -> str:
    return str(insert(_table(kind)).compile(dialect=dialect))


@lru_cache(maxsize=MOST_SHAPES)
def _all_kinds(shape: tuple[tuple[Kind, int], ...], dialect: Dialect) -> str:
    parts = [
        insert(_table(kind)).values(
            [
                {
                    column.name: bindparam(_place(at, number, column.name), type_=column.type)
                    for column in _table(kind).columns
                }
                for number in range(count)
            ]
        )
        for at, (kind, count) in enumerate(shape)
    ]
    first, last = parts[:-1], parts[-1]
    whole = last.add_cte(*(part.cte(f"k{at}") for at, part in enumerate(first)))
    return str(whole.compile(dialect=dialect))
