"""Taking turns: what must not be decided twice at once is decided one after the other."""

import hashlib

from sqlalchemy import func, select

from helpdesk.db import UnitOfWork


def take_turn(tx: UnitOfWork, *what: str) -> None:
    """Wait until nobody else decides about `what`, and hold it until the transaction ends.

    SQLite has one writer, so every write transaction is a turn already.
    """
    if tx.session.get_bind().dialect.name != "postgresql":
        return
    digest = hashlib.sha256("\0".join(what).encode()).digest()
    number = int.from_bytes(digest[:8], "big", signed=True)
    tx.session.execute(select(func.pg_advisory_xact_lock(number)))
