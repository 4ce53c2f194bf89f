"""Taking turns: what must not be decided twice at once is decided one after the other."""

import hashlib
from collections.abc import Iterable, Sequence

from sqlalchemy import ARRAY, BigInteger, bindparam, func, select

from helpdesk.db import UnitOfWork

_NUMBER = func.unnest(bindparam("numbers", type_=ARRAY(BigInteger))).column_valued("number")
_LOCK = select(func.pg_advisory_xact_lock(_NUMBER))


def take_turn(tx: UnitOfWork, *what: str) -> None:
    """Wait until nobody else decides about `what`, and hold it until the transaction ends.

    SQLite has one writer, so every write transaction is a turn already.
    """
    take_turns(tx, [what])


def take_turns(tx: UnitOfWork, what: Iterable[Sequence[str]]) -> None:
    """Take several turns, in an order that no two who want the same can get stuck in."""
    connection = tx.session.connection()
    if connection.dialect.name != "postgresql":
        return
    held: set[int] = tx.session.info.setdefault("guiche_turns", set())
    wanted = {_number(one) for one in what} - held
    if wanted:
        connection.execute(_LOCK, {"numbers": sorted(wanted)})
        held |= wanted


def _number(what: Sequence[str]) -> int:
    digest = hashlib.sha256("\0".join(what).encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)
