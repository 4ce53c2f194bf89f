"""The database: engines, the one way to open a transaction, and the base of our rows.

A use case opens a transaction with `begin()`; a helper takes the open one. `begin()`
refuses to nest. What a transaction emits is told to the listeners inside it; what it
hints is published after the commit; what it enqueues exists if and only if it commits.
"""

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from datetime import date, datetime
from functools import cache
from io import BytesIO
from typing import Any, ClassVar, Final
from uuid import UUID

from sqlalchemy import Date, Engine, MetaData, create_engine, event
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.orm import DeclarativeBase, Session

from billing_core.ports import Clock
from billing_core.store.columns import NAMING, Instant, Json
from helpdesk.events.hints import Hint
from helpdesk.events.reactions import Reactions
from helpdesk.jobs.port import Jobs
from helpdesk.writing import WritingSession


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: Instant(),
        date: Date(),
        dict[str, Any]: Json,
        list[Any]: Json,
    }

    def __init__(self, **values: Any) -> None:
        """Take the values of a new row as they are. Raises `TypeError` for what is no column.

        SQLAlchemy's own constructor notes each of them as a change, at ten times the cost; a
        new row is written whole.
        """
        if not values.keys() <= _names_of(type(self)):
            unknown = ", ".join(sorted(values.keys() - _names_of(type(self))))
            raise TypeError(f"{type(self).__name__} has no column {unknown}")
        self.__dict__.update(values)


@cache
def _names_of(kind: type[Base]) -> frozenset[str]:
    return frozenset(kind.__mapper__.column_attrs.keys())


_open: ContextVar[str | None] = ContextVar("guiche_transaction", default=None)


def transaction_is_open() -> bool:
    """True while this thread is inside `begin()`. Nothing may touch the network then."""
    return _open.get() is not None


RANDOM_OF_ID: Final = 8  # bytes
DRAWN_AT_ONCE: Final = 64 * RANDOM_OF_ID


class NestedTransaction(RuntimeError):
    """A use case called another use case."""


def uuid7(at: datetime, random: bytes) -> UUID:
    """Return a time-ordered id (RFC 9562). `random` holds 10 bytes."""
    milliseconds = int(at.timestamp() * 1000)
    number = (milliseconds & (1 << 48) - 1) << 80 | int.from_bytes(random, "big")
    number = number & ~(0xF << 76) | 0x7 << 76
    number = number & ~(0x3 << 62) | 0x2 << 62
    return UUID(int=number)


class UnitOfWork:
    """One open write transaction. Made only by `Database.begin`."""

    def __init__(
        self, session: WritingSession, at: datetime, reactions: Reactions, jobs: Jobs
    ) -> None:
        self.session = session
        self.at = at
        self._reactions = reactions
        self._jobs = jobs
        self._ids = 0
        self._random = BytesIO()
        self.hints: list[Hint] = []

    def new_id(self) -> UUID:
        """Return an id that sorts after the 4,095 before it in this transaction.

        They share their instant, so what RFC 9562 leaves to chance next to it counts them.
        """
        random = self._random.read(RANDOM_OF_ID)
        if not random:  # each call lets another thread have the processor
            self._random = BytesIO(os.urandom(DRAWN_AT_ONCE))
            random = self._random.read(RANDOM_OF_ID)
        self._ids = self._ids + 1 & 0xFFF
        return uuid7(self.at, self._ids.to_bytes(2, "big") + random)

    def add(self, row: Base) -> None:
        """Insert a row before anything reads; its changes are followed from then on."""
        self.session.wait(row, keep=True)

    def is_unwritten(self, row: Base) -> bool:
        """Say whether a row that was added waits still, so that no other can point at it yet."""
        return self.session.is_waiting(row)

    def record(self, *rows: Base) -> None:
        """Insert rows before anything reads. Nobody here holds on to them."""
        for row in rows:
            self.session.wait(row, keep=False)

    def emit(self, event: object) -> None:
        """Tell every listener of this event, inside this transaction."""
        self._reactions.tell(self, event)

    def hint(self, hint: Hint) -> None:
        """Remember to tell the screens after the commit that something is new."""
        self.hints.append(hint)

    def enqueue(self, job: str, *args: str, key: str | None = None, delay_s: float = 0) -> None:
        """Make a job exist if and only if this transaction commits.

        `key` names the job for ever: a second one with the same key is the same job.
        Arguments are ids as text, never values.
        """
        self._jobs.enqueue(self.session, job, args, key=key, delay_s=delay_s)


def insert_once(tx: UnitOfWork, rows: type[Base], **values: object) -> None:
    """Insert a row unless its key is there; wait for whoever is inserting it right now."""
    insert = insert_of(tx.session)
    tx.session.execute(insert(rows).values(**values).on_conflict_do_nothing())


def put_row(
    tx: UnitOfWork, rows: type[Base], key: Mapping[str, object], values: Mapping[str, object]
) -> None:
    """Have the row of this key hold these values, be it there or not.

    Not for rows that the session follows: it does not hear of it.
    """
    insert = insert_of(tx.session)(rows).values(**key, **values)
    tx.session.execute(insert.on_conflict_do_update(index_elements=list(key), set_=dict(values)))


def insert_of(session: Session) -> Callable[[type[Base]], Any]:
    """Return the insert that may say what to do where the key is taken."""
    postgresql = session.get_bind().dialect.name == "postgresql"
    return insert_postgresql if postgresql else insert_sqlite


class Database:
    """The engine and the rules of opening it."""

    def __init__(
        self,
        url: str,
        *,
        clock: Clock,
        reactions: Reactions,
        jobs: Callable[[Engine], Jobs],
        publish: Callable[[list[Hint]], None],
    ) -> None:
        self.engine = make_engine(url)
        self._url = url
        self._separate: list[Engine] = []
        self._clock, self._reactions = clock, reactions
        self.jobs = jobs(self.engine)
        self._publish = publish
        self.has_server = self.engine.dialect.name != "sqlite"  # SQLite works in our process
        # SQLite has one writer: waiting here is fair, waiting in its busy handler is not.
        self._writer = threading.Lock() if self.engine.dialect.name == "sqlite" else nullcontext()

    @contextmanager
    def begin(self) -> Iterator[UnitOfWork]:
        """Open a write transaction; commit at the end, roll back on any exception."""
        if _open.get() is not None:
            raise NestedTransaction("a transaction is already open: take it as an argument")
        with self._writer:
            token = _open.set("write")
            try:
                with (
                    WritingSession(self.engine, expire_on_commit=False) as session,
                    session.begin(),
                ):
                    tx = UnitOfWork(session, self._clock(), self._reactions, self.jobs)
                    yield tx
            finally:
                _open.reset(token)
        if tx.hints:
            self._publish(tx.hints)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Open a read-only session: one snapshot, never a lock."""
        with (
            self.engine.connect().execution_options(guiche_write=False) as connection,
            Session(connection, expire_on_commit=False, autoflush=False) as session,
        ):
            yield session

    def separate_engine(self) -> Engine:
        """Return an engine to the same database for one who must not share ours; closed with it."""
        engine = make_engine(self._url)
        self._separate.append(engine)
        return engine

    def close(self) -> None:
        self.jobs.close()
        for engine in (*self._separate, self.engine):
            engine.dispose()


def make_engine(url: str) -> Engine:
    """Return an engine with our settings: WAL, FULL and IMMEDIATE on SQLite."""
    if url.startswith("sqlite"):
        engine = create_engine(url, connect_args={"timeout": 15, "check_same_thread": False})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    return create_engine(url, pool_pre_ping=True, pool_size=10, max_overflow=20)


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "busy_timeout=15000",
        "cache_size=-20000",
        "temp_store=MEMORY",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Any) -> None:
    writes = connection.get_execution_options().get("guiche_write", True)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
