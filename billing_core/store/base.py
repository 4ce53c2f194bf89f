"""The declarative base of billing's rows. Its metadata is separate: no foreign key crosses to the helpdesk."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import CHAR, Date, MetaData, insert
from sqlalchemy.orm import DeclarativeBase, Session

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

    Nothing is read back and nothing pending is flushed first: a run spends its time here.
    """
    session.execute(insert(row.metadata.tables[row.__tablename__]), values)
