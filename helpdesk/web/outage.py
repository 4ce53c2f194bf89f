"""Telling a database that cannot answer now from a defect of ours."""

import errno
import sqlite3
from collections.abc import Iterator

import psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolExhausted

_SQLITE = ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_FULL", "SQLITE_IOERR", "SQLITE_READONLY", "SQLITE_CANTOPEN")  # fmt: skip
# connection, rollback, resources, lock or object state, operator, system error
_POSTGRES = ("08", "40", "53", "55", "57", "58")
_POSTGRES_READ_ONLY = "25006"
_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


def is_outage(error: BaseException) -> bool:
    """True for locked, full, read-only, gone: the same request may succeed in a moment."""
    return any(_unavailable(one) for one in _chain(error))


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        if isinstance(seen, DBAPIError) and seen.orig is not None:
            yield seen.orig
        seen = seen.__cause__


def _unavailable(error: BaseException) -> bool:
    if isinstance(error, PoolExhausted):
        return True
    if isinstance(error, sqlite3.Error):
        return getattr(error, "sqlite_errorname", "").startswith(_SQLITE)
    if isinstance(error, psycopg.Error):
        if error.sqlstate is None:
            return isinstance(error, psycopg.OperationalError)  # no server answered at all
        return error.sqlstate.startswith(_POSTGRES) or error.sqlstate == _POSTGRES_READ_ONLY
    return isinstance(error, OSError) and error.errno in _DISK
