"""A database at work comes through a change of its schema with all that is in it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, MetaData, Table, insert, select, text
from sqlalchemy.exc import IntegrityError

from helpdesk.db import make_engine
from helpdesk.migrations.runner import drift, migrate
from tests.conftest import postgres_url
from tests.databases import throwaway_postgres

IDS = {name: f"01a1e960d6007001a3ce519b4c27460{n}" for n, name in enumerate("tmoacd")}
AT = datetime(2026, 11, 17, 12, tzinfo=UTC)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.pg)])
def bare(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """A database of each kind without a table."""
    if request.param == "sqlite":
        with _engine(f"sqlite:///{tmp_path / 'old.sqlite'}") as engine:
            yield engine
        return
    server = postgres_url()
    if server is None:
        pytest.skip("GUICHE_TEST_PG names no PostgreSQL server")
    for url in throwaway_postgres(server, bare=True):
        with _engine(url) as engine:
            yield engine


@contextmanager
def _engine(url: str) -> Iterator[Engine]:
    engine = make_engine(url)
    yield engine
    engine.dispose()


def tables(engine: Engine) -> dict[str, Table]:
    metadata = MetaData()
    metadata.reflect(engine, only=["ticket", "message", "outbound", "outbound_attempt"])
    return dict(metadata.tables)


def put(engine: Engine, table: Table, **values: Any) -> None:
    """Insert a row; columns that must hold something and were not named get the least."""
    for column in table.columns:
        if column.nullable or column.server_default is not None or column.name in values:
            continue
        kind = str(column.type).split("(")[0]
        least = {"VARCHAR": "", "TEXT": "", "JSON": {}, "JSONB": {}, "BOOLEAN": False}
        values[column.name] = least.get(kind, 0)
    with engine.begin() as connection:
        connection.execute(insert(table).values(**values))


def rows(engine: Engine, table: Table) -> list[dict[str, Any]]:
    with engine.begin() as connection:
        return [dict(row) for row in connection.execute(select(table)).mappings()]


def test_messages_on_their_way_come_through_the_change_that_brings_copies(bare: Engine) -> None:
    migrate(bare, revision="0012")
    old = tables(bare)
    instant = _instant(bare)
    put(bare, old["ticket"], id=IDS["t"], status="open", category="open", priority="normal",
        number=7, last_channel="email", first_channel="email",
        **dict.fromkeys(("next_due_at", "created_at", "last_message_at"), instant))  # fmt: skip
    put(bare, old["message"], id=IDS["m"], ticket_id=IDS["t"], seq=1, channel="email",
        direction="out", visibility="public", author_kind="staff", at=instant)  # fmt: skip
    put(bare, old["outbound"], id=IDS["o"], message_id=IDS["m"], ticket_id=IDS["t"], key="k",
        channel="email", recipient_kind="email", recipient="ana@x.example", state="uncertain",
        envelope={"subject": "é"}, attempts=1,
        **dict.fromkeys(("not_before", "give_up_at", "created_at"), instant))  # fmt: skip
    put(bare, old["outbound_attempt"], id=IDS["a"], outbound_id=IDS["o"], position=1,
        at=instant, outcome="uncertain", why="cut")  # fmt: skip
    kept = {name: rows(bare, table) for name, table in old.items()}

    migrate(bare)

    new = tables(bare)
    for name, before in kept.items():
        added = {"cc": False} if name == "outbound" else {}
        assert rows(bare, new[name]) == [row | added for row in before], name
    assert drift(bare) == []
    row = rows(bare, new["outbound"])[0] | {"provider_id": None}
    put(bare, new["outbound"], **row | {"id": IDS["c"], "key": "c", "recipient": "b@x", "cc": True})
    for twice in ({"recipient": "b@x", "cc": True}, {"recipient": "c@x", "cc": False}):
        with pytest.raises(IntegrityError):
            put(bare, new["outbound"], **row | {"id": IDS["d"], "key": "d"} | twice)
    with pytest.raises(IntegrityError):  # the tries still hang on their message
        put(
            bare, new["outbound_attempt"], id=IDS["d"], outbound_id=IDS["t"], position=1, at=instant
        )
    if bare.dialect.name == "sqlite":
        with bare.begin() as connection:
            assert connection.execute(text("PRAGMA foreign_key_check")).all() == []


def _instant(engine: Engine) -> Any:
    """Return an instant as a reflected column takes it: SQLite knows only text."""
    return AT if engine.dialect.name == "postgresql" else AT.isoformat()
