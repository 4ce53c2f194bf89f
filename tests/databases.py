"""Databases for tests: migrated once for each kind, then copied for each test."""

import atexit
import shutil
import sqlite3
import tempfile
import uuid
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import psycopg
from sqlalchemy import Engine, event, func, make_url, select
from sqlalchemy.orm import Session

from helpdesk.db import make_engine
from helpdesk.migrations.runner import metadata, migrate


@cache
def _sqlite_template() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="guiche-template-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = folder / "template.sqlite"
    _migrate(f"sqlite:///{path}")
    return path


def fresh_sqlite(folder: Path) -> str:
    """Put a migrated, empty database into `folder` and return its URL."""
    path = folder / "guiche.sqlite"
    shutil.copyfile(_sqlite_template(), path)
    return f"sqlite:///{path}"


def unsynced(engine: Engine) -> Engine:
    """Let SQLite leave the writing to the disk to the machine: all else is as it was.

    For tests of thousands of examples, which never pull the plug.
    """
    event.listen(
        engine, "connect", lambda connection, _record: connection.execute("PRAGMA synchronous=OFF")
    )
    return engine


def rows_by_table(session: Session) -> dict[str, int]:
    """Return how many rows each table of ours has."""
    return {
        name: session.scalar(select(func.count()).select_from(table)) or 0
        for base in metadata()
        for name, table in base.tables.items()
    }


class Rewindable:
    """A SQLite database that many examples use in turn, each finding it as it was at first."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._first = sqlite3.connect(":memory:", check_same_thread=False)
        self._copy(into_database=False)

    def rewind(self) -> None:
        """Put every table back. Nobody may be in a transaction."""
        self._copy(into_database=True)

    def close(self) -> None:
        self._first.close()

    def _copy(self, *, into_database: bool) -> None:
        pooled = self._engine.raw_connection()
        try:
            database = pooled.driver_connection
            assert isinstance(database, sqlite3.Connection)
            source, target = (self._first, database) if into_database else (database, self._first)
            source.backup(target)
        finally:
            pooled.close()


@cache
def _postgres_template(server: str) -> str:
    name = f"guiche_template_{uuid.uuid4().hex[:12]}"
    _administer(server, f"CREATE DATABASE {name}")
    atexit.register(_administer, server, f"DROP DATABASE {name} WITH (FORCE)")
    _migrate(_on(server, name))
    return name


def throwaway_postgres(server: str, *, bare: bool = False) -> Iterator[str]:
    """Make an empty database on `server`, yield its URL and drop it again.

    It is migrated, unless it is to be `bare` of any table.
    """
    name = f"guiche_test_{uuid.uuid4().hex[:12]}"
    template = "template0" if bare else _postgres_template(server)
    _administer(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    try:
        yield _on(server, name)
    finally:
        _administer(server, f"DROP DATABASE {name} WITH (FORCE)")


def _on(server: str, name: str) -> str:
    url = make_url(server).set(drivername="postgresql+psycopg", database=name)
    return url.render_as_string(hide_password=False)


def _administer(server: str, statement: str) -> None:
    url = make_url(server).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(statement)


def _migrate(url: str) -> None:
    engine = make_engine(url)
    migrate(engine)
    engine.dispose()
