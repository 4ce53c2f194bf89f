"""Many mails of one mailbox in one transaction: what they cost together is shared.

One transaction stores them, the next one files what was read in them. The rows begin with
a short lease, for whoever stores them reads them next. That counts as no try, since a death
among many says little about one: the sweep reads each of them alone then, and counts. Where
one cannot be filed, none of its batch is, and each is read in a transaction of its own. A
conversation keeps its order: mails are filed in the order in which they came.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from typing import Any, Final
from uuid import UUID

import structlog
from sqlalchemy import bindparam, or_, select

from channels.port import Delivery
from channels.port import Inbound as Said
from helpdesk.db import UnitOfWork
from helpdesk.inbox.ahead import look_ahead
from helpdesk.inbox.blobs import Keeper, name_blobs
from helpdesk.inbox.filing import KeptParts, file_items
from helpdesk.inbox.masking import mask_delivery
from helpdesk.inbox.model import Inbound
from helpdesk.inbox.service import (
    MAIL,
    Understood,
    content_hash,
    mail_delivery,
    stored_headers,
    understand,
)
from helpdesk.inbox.turns import take_turns
from helpdesk.mailboxes.door import Mail
from helpdesk.services import Services
from helpdesk.tickets.numbers import give_back_numbers
from helpdesk.writing import insert_new, update_rows

log = structlog.get_logger()

SHARED_LEASE: Final = timedelta(seconds=30)
LONGEST_READING_S: Final = 0.5  # then what has been read is filed: nobody waits for a slow mail


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
class Part:
    """Some mails of a batch, and what those of them say that can be understood."""

    mails: Sequence[Stored]
    ready: Sequence[tuple[Stored, Understood]]


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
    with services.blobs.together() as blobs:
        taken = [_take(blobs, mail) for mail in mails]
    with services.begin() as tx:
        take_turns(tx, [("mail", source, one.content_hash) for one in taken])
        known = _known(tx, source, taken)
        rows = _new_rows(tx, source, [one for one in taken if one.key not in known])
        inserted = _insert(tx, [one for one in taken if one.key in rows], list(rows.values()))
        also(tx)
    ours = {key: row for key, row in rows.items() if row["id"] in inserted}
    held = {one.key: one.kept for one in taken}
    unread = [
        Stored(Inbound(**row), held[key]) for key, row in ours.items() if row["state"] == "new"
    ]
    forgotten = [found.id for found in known.values() if found.state == "new"]
    return Batch(len(ours), unread, forgotten)


def understand_batch(services: Services, stored: Sequence[Stored]) -> Iterator[Part]:
    """Read mails with no transaction open; yield them, in order, a part at a time.

    Never raises for a mail: what is wrong with it is found again, and told, when it is alone.
    """
    left = 0
    while left < len(stored):
        waiting = stored[left:]
        try:
            part = _understand_some(services, waiting)
        except Exception as fault:
            log.warning("mails not understood together", count=len(waiting), why=repr(fault))
            part = Part(waiting, ())
        yield part
        left += len(part.mails)


def file_part(services: Services, part: Part) -> Sequence[Stored]:
    """File mails together, all or none. Return those that are to be read alone, in order."""
    try:
        if part.ready:
            with services.begin() as tx:
                _file_all(tx, services, part.ready)
    except Exception as fault:
        log.warning("mails not filed together", count=len(part.mails), why=repr(fault))
        return part.mails
    filed = {one.row.id for one, _ in part.ready}
    return [one for one in part.mails if one.row.id not in filed]


def _understand_some(services: Services, waiting: Sequence[Stored]) -> Part:
    """Read the first mails, at least one."""
    ready: list[tuple[Stored, Understood]] = []
    count, end = 0, monotonic() + LONGEST_READING_S
    with services.blobs.together() as blobs:
        for one in waiting:
            count += 1
            with suppress(Exception):
                adapter = services.adapters[one.row.channel]
                ready.append((one, understand(blobs, adapter, one.delivery)))
            if monotonic() > end:
                break
    return Part(waiting[:count], ready)


def _file_all(
    tx: UnitOfWork, services: Services, ready: Sequence[tuple[Stored, Understood]]
) -> None:
    claimed = _claim(tx, [one.row.id for one, _ in ready])
    ours = [(one.row, understood) for one, understood in ready if one.row.id in claimed]
    name_blobs(tx, [blob for _, read in ours for part in read.kept for blob in _blobs(part)])
    look_ahead(tx, [item for _, read in ours for item in read.items if isinstance(item, Said)])
    for row, read in ours:
        row.state, row.leased_until = "read", None
        file_items(tx, services.settings, row, read.items, read.kept)
    _write_results(tx, [row for row, _ in ours])
    give_back_numbers(tx, "ticket")


def _claim(tx: UnitOfWork, ids: Sequence[UUID]) -> set[UUID]:
    """Lock the rows that are as we stored them: nobody has begun to read them meanwhile."""
    return set(tx.session.scalars(_UNTOUCHED, {"ids": list(ids)}))


def _write_results(tx: UnitOfWork, rows: Sequence[Inbound]) -> None:
    """Write down what filing has found out about each delivery."""
    if not rows:
        return
    tx.session.write_out()  # what they point at
    results = [{name: getattr(row, name) for name in _RESULT} for row in rows]
    update_rows(tx.session.connection(), Inbound, results)


def _blobs(part: KeptParts) -> list[tuple[str, int, str]]:
    html = [(part.html, part.html_size, "text/html")] if part.html is not None else []
    return html + [(file.digest, file.size, file.media_type) for file in part.files]


def _take(blobs: Keeper, mail: Mail) -> Taken:
    delivery = mail_delivery(mail.raw, key=mail.key)
    kept = mask_delivery(delivery)
    return Taken(mail.key, content_hash(delivery), kept, blobs.keep(kept.body))


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
        "attempts": 0,
        "not_before": until,
        "leased_until": until if twin is None else None,
        "reason": "" if twin is None else "duplicate",
        "detail": "" if twin is None else str(twin),
        "sender": "",
        "subject": "",
    }


def _insert(tx: UnitOfWork, taken: Sequence[Taken], rows: Sequence[dict[str, Any]]) -> set[UUID]:
    """Return the rows that are ours: another process may have stored one meanwhile."""
    if not rows:
        return set()
    name_blobs(tx, [(one.blob, len(one.kept.body), MAIL) for one in taken])
    return insert_new(tx.session.connection(), Inbound, rows, key=("source", "external_key"))


_RESULT: Final = (
    *("id", "state", "reason", "detail", "leased_until"),
    *("sender", "subject", "ticket_id", "message_id"),
)
_UNTOUCHED = (
    select(Inbound.id)
    .where(Inbound.id.in_(bindparam("ids", expanding=True)), Inbound.state == "new")
    .where(Inbound.attempts == 0, Inbound.released_by.is_(None))
    .order_by(Inbound.id)
    .with_for_update()
)
_OF_SOURCE = Inbound.source == bindparam("source")
_KNOWN = select(Inbound.external_key, Inbound.id, Inbound.state).where(
    _OF_SOURCE, Inbound.external_key.in_(bindparam("keys", expanding=True))
)
_TWINS = select(Inbound.content_hash, Inbound.id).where(
    _OF_SOURCE,
    Inbound.content_hash.in_(bindparam("hashes", expanding=True)),
    or_(Inbound.state != "discarded", Inbound.deleted_at.is_not(None)),
)
