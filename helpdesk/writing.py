"""New rows that wait to be written together: few round trips for what one transaction adds.

A row that nobody reads back at once need not be a statement of its own. It waits, with the
others of its transaction, until something reads, flushes or commits; then all of them go to
the database, those first that others point at, on PostgreSQL as one statement. Nobody sees
the difference but in the time it takes.

PostgreSQL is handed the rows of one kind as one JSON text: nothing turns many values into its
own form as fast.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from graphlib import TopologicalSorter
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    JSON,
    Column,
    Connection,
    Dialect,
    LargeBinary,
    Table,
    Uuid,
    bindparam,
    event,
    insert,
)
from sqlalchemy import update as update_table
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.orm import DeclarativeBase, Session, SessionTransaction, make_transient_to_detached

Kind = type[DeclarativeBase]
MOST_SHAPES = 256  # statements to remember; a transaction adds one of a few dozen


class WritingSession(Session):
    """A session with rows that wait. Whatever it is asked to read or flush comes after them."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._waiting: dict[Kind, list[DeclarativeBase]] = {}
        self._kept: list[DeclarativeBase] = []
        self._ids: set[int] = set()  # of the objects that wait

    def wait(self, row: DeclarativeBase, *, keep: bool) -> None:
        """Have a row written soon. With `keep` the session goes on to follow its changes."""
        self._waiting.setdefault(type(row), []).append(row)
        self._ids.add(id(row))
        if keep:
            self._kept.append(row)

    def is_waiting(self, row: DeclarativeBase) -> bool:
        return id(row) in self._ids

    def write_out(self) -> None:
        """Write what waits."""
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, {}
        kept, self._kept = self._kept, []
        self._ids = set()
        _insert(self.connection(), [(kind, waiting[kind]) for kind in _in_order(tuple(waiting))])
        for row in kept:
            make_transient_to_detached(row)
        self.add_all(kept)

    def forget_waiting(self) -> None:
        """Drop what waits: its transaction, or the savepoint it came after, is undone."""
        self._waiting, self._kept, self._ids = {}, [], set()
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
    texts = {
        f"k{at}": _as_json(
            {column.name: _value(row, column) for column in _columns(kind, connection.dialect)}
            for row in some
        )
        for at, (kind, some) in enumerate(rows)
    }
    shape = tuple(kind for kind, _ in rows)
    connection.exec_driver_sql(_all_kinds(shape, connection.dialect), texts)


def insert_new(
    connection: Connection, kind: Kind, rows: Sequence[Mapping[str, Any]], *, key: Sequence[str]
) -> set[Any]:
    """Insert at once those rows whose `key` is free; return the primary keys of these.

    Waits for whoever is inserting one of them. Every row has the same columns.
    """
    table = _table(kind)
    if connection.dialect.name != "postgresql":
        wanted = insert_sqlite(table).on_conflict_do_nothing(index_elements=key)
        told = wanted.returning(*table.primary_key.columns)
        return set(connection.execute(told, list(rows)).scalars())
    statement = _new_rows(kind, connection.dialect, tuple(rows[0]), tuple(key))
    return set(
        connection.exec_driver_sql(statement, _in_one_text(connection, kind, rows)).scalars()
    )


def update_rows(connection: Connection, kind: Kind, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write values into rows that are there, found by their `id`: every row names the same."""
    names = tuple(rows[0])
    if connection.dialect.name != "postgresql":
        connection.execute(
            _change(kind, names), [{f"to_{n}": row[n] for n in names} for row in rows]
        )
        return
    statement = _changes(kind, connection.dialect, names)
    connection.exec_driver_sql(statement, _in_one_text(connection, kind, rows))


def _in_one_text(
    connection: Connection, kind: Kind, rows: Sequence[Mapping[str, Any]]
) -> dict[str, str]:
    """Return the parameter that holds rows of one kind, each with the columns of the first."""
    columns = _columns_of(kind, connection.dialect, tuple(rows[0]))
    return {
        "k0": _as_json(
            {column.name: _turned(row[column.name], column) for column in columns} for row in rows
        )
    }


def _as_json(rows: Iterable[Mapping[str, Any]]) -> str:
    return _ENCODE(list(rows))


def _in_words(value: Any) -> str:
    """Return what PostgreSQL reads as a UUID, a date, an instant, a number or bytes."""
    if isinstance(value, date):  # an instant is one too
        return value.isoformat()
    return f"\\x{value.hex()}" if isinstance(value, bytes) else str(value)


_ENCODE: Final = json.JSONEncoder(
    default=_in_words, separators=(",", ":"), ensure_ascii=False
).encode


def _table(kind: Kind) -> Table:
    table = kind.__table__
    assert isinstance(table, Table)
    return table


def _value(row: DeclarativeBase, column: _Column) -> Any:
    held = row.__dict__
    if column.name not in held:
        held[column.name] = column.default()
    return _turned(held[column.name], column)


def _turned(value: Any, column: _Column) -> Any:
    return value if column.turn is None or value is None else column.turn(value)


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
    return _columns_of(kind, dialect, tuple(_table(kind).columns.keys()))


@lru_cache(maxsize=MOST_SHAPES)
def _columns_of(kind: Kind, dialect: Dialect, names: tuple[str, ...]) -> tuple[_Column, ...]:
    columns = (_table(kind).columns[name] for name in names)
    return tuple(
        _Column(column.name, _turn_of(column, dialect), _default_of(column.default))
        for column in columns
    )


def _in_hex(value: UUID) -> str:
    return f"{value.int:032x}"


def _turn_of(column: Column[Any], dialect: Dialect) -> Callable[[Any], Any] | None:
    if dialect.name == "postgresql":
        if isinstance(column.type, Uuid):
            return _in_hex
        if isinstance(column.type, (JSON, LargeBinary)):
            return None  # what it is in the JSON of its row, the driver need not wrap
    return column.type.dialect_impl(dialect).bind_processor(dialect)


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
    parts = [
        _insert_from(kind, dialect, tuple(_table(kind).columns.keys()), at)
        for at, kind in enumerate(shape)
    ]
    before = ", ".join(f"i{at} AS ({part})" for at, part in enumerate(parts[:-1]))
    return f"WITH {before} {parts[-1]}" if before else parts[-1]


@lru_cache(maxsize=MOST_SHAPES)
def _new_rows(kind: Kind, dialect: Dialect, names: tuple[str, ...], key: tuple[str, ...]) -> str:
    quoted = dialect.identifier_preparer.quote
    told = ", ".join(quoted(column.name) for column in _table(kind).primary_key)
    free = ", ".join(map(quoted, key))
    inserted = _insert_from(kind, dialect, names, 0)
    return f"{inserted} ON CONFLICT ({free}) DO NOTHING RETURNING {told}"


@lru_cache(maxsize=MOST_SHAPES)
def _changes(kind: Kind, dialect: Dialect, names: tuple[str, ...]) -> str:
    table, quoted = _name(kind, dialect), dialect.identifier_preparer.quote
    values = ", ".join(f"{quoted(n)} = r.{quoted(n)}" for n in names if n != "id")
    rows = _rows_of(kind, dialect, names, 0)
    return f"UPDATE {table} SET {values} FROM {rows} WHERE {table}.id = r.id"  # noqa: S608  (our own names only)


@lru_cache(maxsize=MOST_SHAPES)
def _change(kind: Kind, names: tuple[str, ...]) -> Any:
    table = _table(kind)
    values: dict[str, Any] = {n: bindparam(f"to_{n}") for n in names if n != "id"}
    return update_table(table).where(table.c.id == bindparam("to_id")).values(values)


def _insert_from(kind: Kind, dialect: Dialect, names: tuple[str, ...], at: int) -> str:
    told = ", ".join(map(dialect.identifier_preparer.quote, names))
    rows = _rows_of(kind, dialect, names, at)
    return f"INSERT INTO {_name(kind, dialect)} ({told}) SELECT {told} FROM {rows}"  # noqa: S608  (our own names only)


def _name(kind: Kind, dialect: Dialect) -> str:
    return dialect.identifier_preparer.quote(_table(kind).name)


def _rows_of(kind: Kind, dialect: Dialect, names: tuple[str, ...], at: int) -> str:
    """Return what reads the rows out of the text that is given as `k<at>`."""
    columns = (_table(kind).columns[name] for name in names)
    typed = ", ".join(
        f"{dialect.identifier_preparer.quote(column.name)} {column.type.compile(dialect=dialect)}"
        for column in columns
    )
    return f"json_to_recordset(%(k{at})s::json) AS r({typed})"
