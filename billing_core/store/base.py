"""The declarative base of billing's rows. Its metadata is separate: no foreign key crosses to the helpdesk."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any, ClassVar

from sqlalchemy import CHAR, Date, Dialect, MetaData, Table, insert
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.schema import ColumnDefault
from sqlalchemy.types import TypeEngine

from .columns import NAMING, Instant, Json


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: Instant(),
        date: Date(),
        dict[str, Any]: Json,
        list[Any]: Json,
    }


Currency = CHAR(3)


def add_rows(session: Session, row: type[Base], values: Sequence[Mapping[str, Any]]) -> None:
    """Insert many rows of one kind, all with the same columns, in one statement.

    Nothing is read back and nothing pending is flushed first: a run spends its time here,
    and so the driver gets its parameters without a detour.
    """
    table = row.metadata.tables[row.__tablename__]
    connection = session.connection()
    writer = _writer(table, tuple(values[0]), connection.dialect)
    connection.exec_driver_sql(writer.sql, writer.parameters(values))


@dataclass(frozen=True, slots=True)
class _Writer:
    """One INSERT for a driver: its text, and what turns each column's value into the driver's."""

    sql: str
    columns: tuple[tuple[str, Callable[[Any], Any] | None], ...]
    defaults: Mapping[str, Any]
    by_position: bool

    def parameters(self, values: Sequence[Mapping[str, Any]]) -> list[Any]:
        columns, defaults = self.columns, self.defaults
        rows = ({**defaults, **row} for row in values) if defaults else values
        if self.by_position:
            return [
                tuple(row[name] if turn is None else turn(row[name]) for name, turn in columns)
                for row in rows
            ]
        return [
            {name: row[name] if turn is None else turn(row[name]) for name, turn in columns}
            for row in rows
        ]


@lru_cache(maxsize=256)
def _writer(table: Table, given: tuple[str, ...], dialect: Dialect) -> _Writer:
    defaults = {
        column.name: column.default.arg
        for column in table.columns
        if column.name not in given
        and isinstance(column.default, ColumnDefault)
        and column.default.is_scalar
    }
    names = (*given, *defaults)
    compiled = insert(table).compile(dialect=dialect, column_keys=list(names))
    by_position = compiled.positional
    order = tuple(compiled.positiontup or names) if by_position else names
    return _Writer(
        str(compiled),
        tuple((name, _turn(table.c[name].type, dialect)) for name in order),
        defaults,
        by_position,
    )


def _turn(type_: TypeEngine[Any], dialect: Dialect) -> Callable[[Any], Any] | None:
    return type_.dialect_impl(dialect).bind_processor(dialect)
