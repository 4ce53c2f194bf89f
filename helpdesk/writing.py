"""New rows that wait to be written together: few round trips for what one transaction adds.

A row that nobody reads back at once need not be a statement of its own. It waits, with the
others of its transaction, until something reads, flushes or commits; then all of them go to
the database, those first that others point at, on PostgreSQL as one statement. Nobody sees
the difference but in the time it takes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from graphlib import TopologicalSorter
from typing import Any

from sqlalchemy import Connection, Dialect, String, Table, event, insert
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
        _insert(self.connection(), [(kind, waiting[kind]) for kind in _in_order(tuple(waiting))])
        for row in kept:
            make_transient_to_detached(row)
        self.add_all(kept)

    def forget_waiting(self) -> None:
        """Drop what waits: its transaction, or the savepoint it came after, is undone."""
        self._waiting, self._kept = {}, []
        self.info.clear()  # what was found out or locked since is not to be relied on

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
    """One array for each column: the statement is the same however many rows there are."""
    values = {
        _place(at, column.name): [_value(row, column) for row in some]
        for at, (kind, some) in enumerate(rows)
        for column in _columns(kind, connection.dialect)
    }
    shape = tuple(kind for kind, _ in rows)
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


def _place(at: int, name: str) -> str:
    return f"k{at}_{name}"


@lru_cache(maxsize=MOST_SHAPES)
def _in_order(kinds: tuple[Kind, ...]) -> tuple[Kind, ...]:
    """Return the kinds with those first that others of them point at."""
    by_table = {_table(kind).name: kind for kind in kinds}
    pointing = {
        kind: {
            by_table[name]
            for key in _table(kind).foreign_keys
            if (name := key.target_fullname.partition(".")[0]) in by_table
            and by_table[name] is not kind
        }
        for kind in kinds
    }
    return tuple(TopologicalSorter(pointing).static_order())


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
def _all_kinds(shape: tuple[Kind, ...], dialect: Dialect) -> str:
    """Foreign keys are looked at when the whole statement has ended."""
    parts = [_from_arrays(at, kind, dialect) for at, kind in enumerate(shape)]
    before = ", ".join(f"k{at} AS ({part})" for at, part in enumerate(parts[:-1]))
    return f"WITH {before} {parts[-1]}" if before else parts[-1]


def _from_arrays(at: int, kind: Kind, dialect: Dialect) -> str:
    table, quoted = _table(kind), dialect.identifier_preparer.quote
    names, arrays = [], []
    for column in table.columns:
        # To cast to a length would cut what is too long; as text it is refused.
        text = isinstance(column.type, String)
        of = "TEXT" if text else column.type.compile(dialect=dialect)
        names.append(quoted(column.name))
        arrays.append(f"%({_place(at, column.name)})s::{of}[]")
    told = ", ".join(names)
    rows = f"SELECT * FROM unnest({', '.join(arrays)})"  # noqa: S608  (our own names only)
    return f"INSERT INTO {quoted(table.name)} ({told}) {rows}"
