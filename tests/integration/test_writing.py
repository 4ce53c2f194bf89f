"""Rows that are written together are the rows that were meant, on both databases."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID, uuid4

import pytest
from sqlalchemy import (
    JSON,
    BigInteger,
    Engine,
    ForeignKey,
    LargeBinary,
    Numeric,
    String,
    func,
    select,
)
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from billing_core.store.columns import Instant, Json
from helpdesk.db import make_engine
from helpdesk.writing import WritingSession, insert_new, update_rows

AT = datetime(2026, 3, 29, 23, 59, 59, 123456, tzinfo=timezone(timedelta(hours=-3)))
WORDS = [
    "",
    "plain",
    "R$ 1,50 — “ção” 😀",
    'a "quoted" \\ back\\slash \\u0041',
    "%s %(k0)s %% :name {brace} ?",
    "line\nline\r\n\ttab \x01 \x7f \u2028",
    '\'); DROP TABLE "order"; --',
    "NULL",
    "x" * 70_000,
]


class Rows(DeclarativeBase):
    type_annotation_map: ClassVar[dict[Any, Any]] = {datetime: Instant(), dict[str, Any]: Json}


class Thing(Rows):
    """A column of each kind there is, some named by a word of SQL."""

    __tablename__ = "order"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user: Mapped[str] = mapped_column(String(12), unique=True)
    text: Mapped[str] = mapped_column(default="not given")
    count: Mapped[int] = mapped_column(BigInteger, default=7)
    true: Mapped[bool] = mapped_column(default=False)
    day: Mapped[date | None]
    at: Mapped[datetime | None]
    share: Mapped[Decimal | None] = mapped_column(Numeric(30, 12))
    raw: Mapped[bytes | None] = mapped_column(LargeBinary)
    data: Mapped[dict[str, Any] | None]
    plain: Mapped[Any] = mapped_column(JSON, nullable=True)
    under: Mapped[UUID | None] = mapped_column(ForeignKey("order.id"))


class Part(Rows):
    __tablename__ = "part"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    of: Mapped[UUID] = mapped_column(ForeignKey("order.id"))


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = make_engine(database_url)
    Rows.metadata.create_all(engine)
    yield engine
    engine.dispose()


def thing(user: str, **values: Any) -> Thing:
    return Thing(id=uuid4(), user=user, **values)


def facts(row: Thing) -> dict[str, Any]:
    return {column.name: getattr(row, column.name) for column in Thing.__table__.columns}


def stored(engine: Engine) -> dict[str, Thing]:
    with WritingSession(engine) as session:
        return {row.user: row for row in session.scalars(select(Thing))}


def write(engine: Engine, *rows: DeclarativeBase) -> None:
    with WritingSession(engine) as session, session.begin():
        for row in rows:
            session.wait(row, keep=False)


def test_every_value_comes_back_as_it_went(engine: Engine) -> None:
    data = {"b": [1, None, {"ç": 'é\\"'}], "a": 2**60, "empty": {}, "words": WORDS[:5]}
    rows = [thing(f"w{at}", text=text, data={"text": text}) for at, text in enumerate(WORDS)]
    rows += [
        thing("full", count=2**62, true=True, day=date(1900, 2, 28), at=AT, data=data,
              share=Decimal("-12345678901234567.123456789012"), raw=bytes(range(256)), plain=[1]),
        thing("bare"),
    ]  # fmt: skip
    write(engine, *rows)
    found = stored(engine)
    assert len(found) == len(rows)
    for at, text in enumerate(WORDS):
        assert (found[f"w{at}"].text, found[f"w{at}"].data) == (text, {"text": text})
    full = facts(found["full"])
    assert full["at"] == AT
    assert full["at"].tzinfo == UTC
    assert (full["count"], full["true"], full["day"]) == (2**62, True, date(1900, 2, 28))
    assert (full["data"], full["plain"], full["raw"]) == (data, [1], bytes(range(256)))
    if engine.dialect.name == "postgresql":  # SQLite has no exact decimals of that length
        assert full["share"] == Decimal("-12345678901234567.123456789012")
    bare = facts(found["bare"])
    assert (bare["text"], bare["count"], bare["true"]) == ("not given", 7, False)
    assert {bare[name] for name in ("day", "at", "share", "raw", "under")} == {None}
    with WritingSession(engine) as session:
        nothing = select(func.count()).where(Thing.data.is_(None), Thing.plain.is_(None))
        assert session.scalar(nothing.where(Thing.user == "bare")) == 1  # NULL, not JSON's null


def test_what_others_point_at_goes_first(engine: Engine) -> None:
    whole = thing("whole")
    write(engine, Part(id=uuid4(), of=whole.id), thing("beside"), whole)
    with WritingSession(engine) as session:
        assert session.scalars(select(Part.of)).all() == [whole.id]


def test_what_no_database_takes_is_refused_and_nothing_is_written(engine: Engine) -> None:
    bad = {"a\ud800b": "text", "a\0b": "text", "thirteen long": "user"}
    if engine.dialect.name == "sqlite":  # it knows no lengths, and a text may hold a zero
        bad = {"a\ud800b": "text"}
    for words, column in bad.items():
        refused = thing("bad")
        setattr(refused, column, words)
        with pytest.raises((SQLAlchemyError, UnicodeError)):
            write(engine, thing("good"), refused)
    assert stored(engine) == {}


def test_only_what_is_new_is_inserted_and_told(engine: Engine) -> None:
    write(engine, thing("old", text="first"))
    rows = [
        facts(thing(user, text="second", count=1, true=False)) for user in ("old", "a", "b", "a")
    ]
    with WritingSession(engine) as session, session.begin():
        told = insert_new(session.connection(), Thing, rows, key=("user",))
    assert told == {rows[1]["id"], rows[2]["id"]}
    assert {user: row.text for user, row in stored(engine).items()} == {
        "old": "first", "a": "second", "b": "second"
    }  # fmt: skip


def test_rows_are_changed_each_by_its_own_values(engine: Engine) -> None:
    rows = [thing(f"w{at}", at=AT, data={"n": at}) for at in range(3)]
    write(engine, *rows)
    changes = [
        {"id": row.id, "text": WORDS[at], "at": None, "data": {"to": WORDS[at]}}
        for at, row in enumerate(rows[:2], start=3)
    ]
    with WritingSession(engine) as session, session.begin():
        update_rows(session.connection(), Thing, changes)
    found = stored(engine)
    assert [(found[u].text, found[u].at, found[u].data) for u in ("w0", "w1", "w2")] == [
        (WORDS[3], None, {"to": WORDS[3]}),
        (WORDS[4], None, {"to": WORDS[4]}),
        ("not given", AT, {"n": 2}),
    ]


def test_a_row_waits_until_something_is_read(engine: Engine) -> None:
    row = thing("kept")
    with WritingSession(engine) as session, session.begin():
        session.wait(row, keep=True)
        assert session.is_waiting(row)
        assert session.scalar(select(func.count()).select_from(Thing)) == 1
        assert not session.is_waiting(row)
        row.text = "changed since"
    assert stored(engine)["kept"].text == "changed since"
