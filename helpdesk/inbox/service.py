"""Inbox first: what arrives is one committed row before anybody is told that we have it.

Reading it is a separate step that may be repeated at any point: the attempt is counted
before the bytes are looked at, and one transaction makes the message and marks the row.
Only what a mailbox hands over together is first read together, and uncounted (`batches`).
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import bindparam, update

from channels.port import Adapter, CallReport, Delivery, File, Receipt, Unreadable
from channels.port import Inbound as Said
from helpdesk.db import UnitOfWork, insert_of
from helpdesk.errors import NotFound
from helpdesk.inbox.blobs import Keeper, name_blob
from helpdesk.inbox.files import keep_file
from helpdesk.inbox.filing import KeptParts, file_items, file_original, keep_parts
from helpdesk.inbox.glimpse import Glimpse, glimpse
from helpdesk.inbox.masking import mask_delivery
from helpdesk.inbox.model import Inbound
from helpdesk.inbox.preparing import prepare
from helpdesk.inbox.queries import inbound_id_of, next_unread, twin_of
from helpdesk.inbox.sweeping import Sweeping
from helpdesk.inbox.turns import take_turn
from helpdesk.services import Services

log = structlog.get_logger()

MOST_ATTEMPTS: Final = 3
MAIL: Final = "message/rfc822"
WAKE_UP_LOST_AFTER: Final = timedelta(seconds=10)
LEASE: Final = timedelta(minutes=2)  # no mail within our limits takes that long
AT_ONCE: Final = 200  # rows of one sweep
_sweeping = Sweeping(LEASE.total_seconds(), monotonic=monotonic)
_PRIVATE_HEADERS: Final = ("cookie", "authorization", "proxy-authorization")


@dataclass(frozen=True, slots=True)
class Understood:
    """What one delivery says, and what of it lies on disk: one for each message, in order."""

    items: list[Said | Receipt | CallReport]
    kept: list[KeptParts]


def store_delivery(
    services: Services,
    *,
    source: str,
    channel: str,
    key: str,
    delivery: Delivery,
    wake: bool = True,
) -> tuple[UUID, bool]:
    """Keep one delivery for ever and have it read. Return its row and whether it is new.

    Without `wake` the caller reads it next; should that never happen, the sweep does it.

    The bytes are on disk before the row that names them. A repeated (source, key) is a
    no-op; a mail whose bytes the mailbox has given us under another key is discarded.
    """
    hashed = content_hash(delivery)
    kept = mask_delivery(delivery)
    digest = services.blobs.keep(kept.body)
    with services.begin() as tx:
        mail = _is_mail(kept.headers)
        if mail:  # two keys for one mail may come at once
            take_turn(tx, "mail", source, hashed)
        known = inbound_id_of(tx.session, source, key)
        if known is not None:
            return known, False
        twin = twin_of(tx.session, source, hashed) if mail else None
        name_blob(tx, digest, size=len(kept.body), media_type=_media_type(kept.headers))
        row_id = _insert(
            tx,
            source=source,
            external_key=key,
            channel=channel,
            received_at=tx.at,
            not_before=tx.at + WAKE_UP_LOST_AFTER,
            headers=stored_headers(kept.headers),
            url=kept.url,
            blob=digest,
            content_hash=hashed,
            state="new" if twin is None else "discarded",
            reason="" if twin is None else "duplicate",
            detail="" if twin is None else str(twin),
        )
        if row_id is None:  # another process stored it while we waited
            again = inbound_id_of(tx.session, source, key)
            assert again is not None
            return again, False
        if twin is None and wake:
            tx.enqueue("read_inbound", str(row_id), key=str(row_id))
        return row_id, True


def store_unreadable(
    services: Services, *, source: str, channel: str, delivery: Delivery, why: str
) -> UUID:
    """Keep a proven delivery that nobody understands, for a person to look at."""
    key = f"unreadable:{content_hash(delivery)}"
    row_id, new = store_delivery(
        services, source=source, channel=channel, key=key, delivery=delivery
    )
    if new:
        quarantine(services, row_id, "unreadable", why)
    return row_id


def ingest_mail(
    services: Services,
    raw: bytes,
    *,
    key: str = "",
    source: str = "",
    name: str = "",
    wake: bool = True,
    judged: bool = True,
) -> tuple[UUID, bool]:
    """Take in one mail as the mailbox would: `guiche mail ingest < message.eml`.

    `key` is the mail's `uidvalidity:uid` in a mailbox, `name` what another door calls it;
    without either its bytes name it. `source` is the main mailbox's when empty. `judged`
    says that it came through our own server, whose results about the sender count.
    """
    delivery = mail_delivery(raw, key=key, judged=judged)
    return store_delivery(
        services,
        source=source or mail_source(services),
        channel="email",
        key=key or name or content_hash(delivery),
        delivery=delivery,
        wake=wake,
    )


def mail_delivery(raw: bytes, *, key: str = "", judged: bool = True) -> Delivery:
    """Return a mail as its adapter reads it. `key` is what the mailbox calls it."""
    headers = {"content-type": MAIL}
    if key:
        headers["x-imap-key"] = key
    if not judged:
        headers["x-unjudged"] = "yes"
    return Delivery(raw, headers)


def mail_source(services: Services) -> str:
    """Return the source of everything that comes through the mailbox of the settings."""
    return f"email:{services.settings.mail_address.lower()}"


def read_one(services: Services, inbound_id: UUID) -> None:
    """Read one stored delivery. Safe to repeat, also half-way: it makes one message.

    Does nothing while somebody else is reading it.
    """
    with services.begin() as tx:
        row = tx.session.get(Inbound, inbound_id, with_for_update=True)
        going = row is not None and _count_attempt(services, tx, row)
    if row is not None and going:
        _read(services, row)


def read_leased(services: Services, row: Inbound, delivery: Delivery) -> None:
    """Read what the caller has stored a moment ago and holds the lease of."""
    _read(services, row, delivery)


def drain(services: Services) -> int:
    """Read what nobody has read in time, in the order received; return how many.

    A row that breaks its reader waits for its next try and does not hold up the others.
    In one process they are read one by one, whoever calls: should it die, one alone is
    to blame, and not as many as there were calls.
    """
    sweep = object()
    try:
        return _drain(services, sweep)
    finally:
        _sweeping.end(sweep)


def _drain(services: Services, sweep: object) -> int:
    for count in range(AT_ONCE):
        if not _sweeping.may_go_on(sweep):
            return count
        with services.begin() as tx:
            row = next_unread(tx.session, tx.at)
            going = row is not None and _count_attempt(services, tx, row)
        if row is None:
            return count
        if going:
            try:
                _read(services, row)
            except Exception:
                log.exception("reading failed", inbound_id=str(row.id), attempt=row.attempts)
    return AT_ONCE


def quarantine(services: Services, inbound_id: UUID, reason: str, detail: str = "") -> None:
    """Set a row aside with its bytes. One that was read meanwhile stays read."""
    with services.begin() as tx:
        row = tx.session.get(Inbound, inbound_id, with_for_update=True)
        if row is not None and row.state == "new":
            _hold(services, row, reason, detail)


def _hold(services: Services, row: Inbound, reason: str, detail: str = "") -> None:
    """Set a locked row aside, with what a person may judge it by."""
    try:
        seen = glimpse(Delivery(services.blobs.read(row.blob), row.headers, row.url))
    except NotFound:  # the disk lost them: the row must be seen all the more
        seen = Glimpse()
    row.state, row.reason, row.detail = "quarantined", reason, detail[:500]
    row.sender, row.subject, row.leased_until = seen.sender, seen.subject, None


def _count_attempt(services: Services, tx: UnitOfWork, row: Inbound) -> bool:
    """Count one try, so that a mail which kills its reader is held after three."""
    if row.state != "new" or (row.leased_until is not None and row.leased_until > tx.at):
        return False
    if row.attempts >= MOST_ATTEMPTS:
        _hold(services, row, "too_many_attempts")
        return False
    row.attempts += 1
    row.not_before = tx.at + timedelta(seconds=30 * 4 ** (row.attempts - 1))
    row.leased_until = tx.at + LEASE
    return True


def _read(services: Services, row: Inbound, delivery: Delivery | None = None) -> None:
    """Read what we hold the lease of; a fault gives it back at once."""
    try:
        _read_leased(services, row, delivery)
    except Exception:
        with services.begin() as tx:
            tx.session.execute(
                update(Inbound).where(Inbound.id == row.id).values(leased_until=None)
            )
        raise


def _read_leased(services: Services, row: Inbound, delivery: Delivery | None) -> None:
    """Understand the bytes with no transaction open, then write all of it in one."""
    if row.attach_to_id is not None and row.attempts > 1:
        _keep_original(services, row)  # reading it has killed its reader once
        return
    adapter = services.adapters.get(row.channel)
    if adapter is None:
        _cannot_read(services, row, "channel_not_set_up")
        return
    if delivery is None:
        delivery = Delivery(services.blobs.read(row.blob), row.headers, row.url)
    try:
        understood = understand(services.blobs, adapter, delivery)
    except Unreadable as fault:
        _cannot_read(services, row, "unreadable", str(fault))
        return
    with services.begin() as tx:
        claimed = _claim(tx, row.id)
        if claimed is not None:
            file_items(tx, services.settings, claimed, understood.items, understood.kept)


def understand(blobs: Keeper, adapter: Adapter, delivery: Delivery) -> Understood:
    """Read bytes into what they say and put its parts on disk. Raises `Unreadable`."""
    items = [prepare(item) if isinstance(item, Said) else item for item in adapter.parse(delivery)]
    kept = [keep_parts(blobs, item) for item in items if isinstance(item, Said)]
    return Understood(items, kept)


def _cannot_read(services: Services, row: Inbound, reason: str, detail: str = "") -> None:
    """Hold it, unless a person has said into which ticket it goes even so."""
    if row.attach_to_id is None:
        quarantine(services, row.id, reason, detail)
    else:
        _keep_original(services, row)


def _keep_original(services: Services, row: Inbound) -> None:
    """Put the bytes as they came into the ticket that a person chose."""
    content = services.blobs.read(row.blob)
    file = keep_file(services.blobs, File(original_name(row), MAIL, content))
    with services.begin() as tx:
        claimed = _claim(tx, row.id)
        if claimed is not None:
            file_original(tx, services.settings, claimed, file)


def original_name(row: Inbound) -> str:
    """Return what a delivery is called as a file."""
    ending = "eml" if _is_mail(row.headers) else "txt"
    return f"{row.channel}-{row.id.hex[-8:]}.{ending}"


def _claim(tx: UnitOfWork, inbound_id: UUID) -> Inbound | None:
    """Mark the row as read, in the transaction that makes the message. None: it is."""
    return tx.session.scalar(
        _CLAIM, {"id_": inbound_id}, execution_options={"populate_existing": True}
    )


_CLAIM = (
    update(Inbound)
    .where(Inbound.id == bindparam("id_"), Inbound.state == "new")
    .values(state="read", leased_until=None)
    .returning(Inbound)
    .execution_options(synchronize_session=False)
)


def _insert(tx: UnitOfWork, *, received_at: datetime, **values: object) -> UUID | None:
    """Insert the row unless its key is taken; wait for whoever is taking it."""
    insert = insert_of(tx.session)
    row_id: UUID | None = tx.session.scalar(
        insert(Inbound)
        .values(id=tx.new_id(), received_at=received_at, attempts=0, **values)
        .on_conflict_do_nothing(index_elements=["source", "external_key"])
        .returning(Inbound.id)
    )
    return row_id


def content_hash(delivery: Delivery) -> str:
    """Name the bytes; a mail has the same name with any kind of line ending."""
    body = delivery.body
    if _is_mail(delivery.headers):
        body = body.replace(b"\r\n", b"\n").replace(b"\r", b"\n").rstrip(b"\n")
    return hashlib.sha256(body).hexdigest()


def _is_mail(headers: Mapping[str, str]) -> bool:
    return headers.get("content-type") == MAIL


def _media_type(headers: Mapping[str, str]) -> str:
    return MAIL if _is_mail(headers) else "application/octet-stream"


def stored_headers(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name not in _PRIVATE_HEADERS}
