"""Many mails of one mailbox in one transaction: what they cost together is shared.

Only the storing is: each is read afterwards in a transaction of its own. The rows begin
with their first attempt counted and a short lease, for whoever stores them reads them next.
Should that reader die, the sweep reads each of them alone, so that a mail which kills its
reader takes no other along twice.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import bindparam, or_, select
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite

from channels.port import Delivery
from helpdesk.db import UnitOfWork
from helpdesk.inbox.masking import mask_delivery
from helpdesk.inbox.model import Blob, Inbound
from helpdesk.inbox.service import MAIL, content_hash, mail_delivery, stored_headers
from helpdesk.inbox.turns import take_turns
from helpdesk.mailboxes.door import Mail
from helpdesk.services import Services

SHARED_LEASE: Final = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Taken:
    """One mail on disk, about to be a row."""

    key: str
    content_hash: str
    kept: Delivery
    blob: str


@dataclass(frozen=True, slots=True)
class Stored:
    """A row that is ours to read, and what it holds."""

    row: Inbound
    delivery: Delivery


@dataclass(frozen=True, slots=True)
class Batch:
    """What came of storing: how many were new to us, and what is to be read now."""

    new: int
    unread: list[Stored]
    forgotten: list[UUID]  # rows we had already which nobody has read


def store_batch(
    services: Services, source: str, mails: Sequence[Mail], *, also: Callable[[UnitOfWork], None]
) -> Batch:
    """Keep mails for ever. `also` happens in the same transaction; what breaks undoes it all."""
    taken = [_take(services, mail) for mail in mails]
    with services.begin() as tx:
        take_turns(tx, [("mail", source, one.content_hash) for one in taken])
        known = _known(tx, source, taken)
        rows = _new_rows(tx, source, [one for one in taken if one.key not in known])
        _insert(tx, [one for one in taken if one.key in rows], list(rows.values()))
        there = _known(tx, source, taken)  # another process may have stored one meanwhile
        also(tx)
    ours = {key: row for key, row in rows.items() if there[key].id == row["id"]}
    held = {one.key: one.kept for one in taken}
    unread = [
        Stored(Inbound(**row), held[key]) for key, row in ours.items() if row["state"] == "new"
    ]
    forgotten = [found.id for found in known.values() if found.state == "new"]
    return Batch(len(ours), unread, forgotten)


def _take(services: Services, mail: Mail) -> Taken:
    delivery = mail_delivery(mail.raw, key=mail.key)
    kept = mask_delivery(delivery)
    return Taken(mail.key, content_hash(delivery), kept, services.blobs.keep(kept.body))


def _known(tx: UnitOfWork, source: str, taken: Sequence[Taken]) -> dict[str, Any]:
    """Return id and state of the rows there are, by key."""
    asked = {"source": source, "keys": [one.key for one in taken]}
    return {found.external_key: found for found in tx.session.execute(_KNOWN, asked)}


def _new_rows(tx: UnitOfWork, source: str, fresh: Sequence[Taken]) -> dict[str, dict[str, Any]]:
    """Return a row for each, by key; one with the bytes of another is discarded at once."""
    asked = {"source": source, "hashes": [one.content_hash for one in fresh]}
    twins: dict[str, UUID] = {
        found.content_hash: found.id for found in tx.session.execute(_TWINS, asked)
    }
    rows: dict[str, dict[str, Any]] = {}
    for one in fresh:
        row = rows.setdefault(one.key, _row(tx, source, one, twins.get(one.content_hash)))
        twins.setdefault(one.content_hash, row["id"])
    return rows


def _row(tx: UnitOfWork, source: str, one: Taken, twin: UUID | None) -> dict[str, Any]:
    until = tx.at + SHARED_LEASE
    return {
        "id": tx.new_id(),
        "source": source,
        "external_key": one.key,
        "channel": "email",
        "received_at": tx.at,
        "headers": stored_headers(one.kept.headers),
        "url": one.kept.url,
        "blob": one.blob,
        "content_hash": one.content_hash,
        "state": "new" if twin is None else "discarded",
        "attempts": 1 if twin is None else 0,
        "not_before": until,
        "leased_until": until if twin is None else None,
        "reason": "" if twin is None else "duplicate",
        "detail": "" if twin is None else str(twin),
    }


def _insert(tx: UnitOfWork, taken: Sequence[Taken], rows: Sequence[dict[str, Any]]) -> None:
    if not rows:
        return
    insert = (
        insert_postgresql if tx.session.get_bind().dialect.name == "postgresql" else insert_sqlite
    )
    blobs = {
        one.blob: {
            "sha256": one.blob,
            "size": len(one.kept.body),
            "media_type": MAIL,
            "created_at": tx.at,
        }
        for one in sorted(
            taken, key=lambda one: one.blob
        )  # others may insert the same: in one order
    }
    connection = tx.session.connection()
    connection.execute(insert(Blob).on_conflict_do_nothing(), list(blobs.values()))
    key = ["source", "external_key"]
    connection.execute(insert(Inbound).on_conflict_do_nothing(index_elements=key), rows)


_OF_SOURCE = Inbound.source == bindparam("source")
_KNOWN = select(Inbound.external_key, Inbound.id, Inbound.state).where(
    _OF_SOURCE, Inbound.external_key.in_(bindparam("keys", expanding=True))
)
_TWINS = select(Inbound.content_hash, Inbound.id).where(
    _OF_SOURCE,
    Inbound.content_hash.in_(bindparam("hashes", expanding=True)),
    or_(Inbound.state != "discarded", Inbound.deleted_at.is_not(None)),
)
