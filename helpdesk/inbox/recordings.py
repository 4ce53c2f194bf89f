"""Sound and pictures that a provider keeps: fetched once, kept here, shown from here."""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final, Protocol, runtime_checkable
from uuid import UUID

import structlog

from channels.port import Delivery, File, Refused, Unreachable
from channels.port import Inbound as Said
from helpdesk.db import UnitOfWork
from helpdesk.events.service import Actor, append_event
from helpdesk.inbox.files import KeptFile, attach, decide_type, keep_file
from helpdesk.inbox.model import Attachment, FilesDue, Inbound
from helpdesk.inbox.owed import put_off
from helpdesk.services import Services
from helpdesk.tickets.model import Message, Ticket
from helpdesk.tickets.queries import lock_ticket

log = structlog.get_logger()

MOST_MEDIA: Final = 20  # files of one text message

_ENDINGS: Final = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/gif": "gif",
    "image/webp": "webp",
    "application/pdf": "pdf",
    "audio/ogg": "ogg",
    "audio/mpeg": "mp3",
    "audio/wav": "wav",
}


@runtime_checkable
class Recorder(Protocol):
    """An adapter whose provider keeps sound."""

    def fetch_recording(self, url: str) -> File:
        """Download one recording. Raises `Refused`, `Unreachable`."""
        ...


@runtime_checkable
class MediaKeeper(Protocol):
    """An adapter whose provider keeps what was attached to texts."""

    def fetch_media(self, url: str) -> File:
        """Download one file. Raises `Refused`, `Unreachable`."""
        ...


@dataclass(slots=True)
class Haul:
    """What came of one try at the files of one message."""

    fetched: dict[UUID, KeptFile] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)  # why, one for each that will never come
    later: list[str] = field(default_factory=list)  # why, one for each that may


def fetch_files(services: Services, inbound_id: UUID) -> None:
    """Attach what the provider keeps of one message. Safe to repeat.

    A file that it refuses does not hold up the rest and is told of in the conversation; one
    that it cannot hand out now stays owed.
    """
    row, message = _filed(services, inbound_id)
    adapter = services.adapters.get(row.channel) if row is not None else None
    if row is None or message is None:
        return
    told = _told(services, row)
    haul = Haul()
    if isinstance(adapter, Recorder) and message.media_url and told.get("recording_url"):
        attachment_id = UUID(message.media_url.rpartition("/")[2])
        fetch = partial(adapter.fetch_recording, told["recording_url"])
        _fetch(services, haul, attachment_id, fetch)
    if isinstance(adapter, MediaKeeper):
        for n, url in _media_of(told):
            fetch = partial(_named_media, adapter, url, n)
            _fetch(services, haul, _media_id(services, message.id, n), fetch)
    _settle(services, row.id, message, haul)


def _fetch(services: Services, haul: Haul, attachment_id: UUID, fetch: Callable[[], File]) -> None:
    """Ask for one file, with no transaction open, unless it is here."""
    if _is_shown(services, attachment_id):
        return
    try:
        haul.fetched[attachment_id] = keep_file(services.blobs, fetch())
    except Refused as fault:
        haul.refused.append(str(fault))
    except Unreachable as fault:
        haul.later.append(str(fault))


def _named_media(adapter: MediaKeeper, url: str, n: int) -> File:
    return _named(adapter.fetch_media(url), n)


def _settle(services: Services, inbound_id: UUID, message: Message, haul: Haul) -> None:
    """Attach files, each once, tell of what is lost, and say whether any is owed still."""
    with services.begin() as tx:
        ticket = lock_ticket(tx, message.ticket_id)
        new = [one for one in haul.fetched if tx.session.get(Attachment, one) is None]
        for attachment_id in new:
            attach(tx, message.id, haul.fetched[attachment_id], attachment_id=attachment_id)
        if new:
            _tell(tx, ticket, message, "message.files", count=len(new))
        due = tx.session.get(FilesDue, inbound_id, with_for_update=True)
        if due is None or (haul.later and put_off(due, tx.at)):
            return
        tx.session.delete(due)
        for why in (*haul.refused, *haul.later):
            log.warning("file lost", inbound_id=str(inbound_id), why=why)
            _tell(tx, ticket, message, "message.file_lost", why=why[:200])


def _tell(tx: UnitOfWork, ticket: Ticket, message: Message, kind: str, **data: object) -> None:
    about = {"message_id": str(message.id), **data}
    append_event(tx, ticket, kind, actor=Actor.system(), data=about)


def _media_of(told: Mapping[str, str]) -> list[tuple[int, str]]:
    """Return place and address of each file that a text brought."""
    urls = [(n, told.get(f"media_{n}_url", "")) for n in range(MOST_MEDIA)]
    return [(n, url) for n, url in urls if url]


def _filed(services: Services, inbound_id: UUID) -> tuple[Inbound | None, Message | None]:
    with services.reading() as session:
        row = session.get(Inbound, inbound_id)
        message = session.get(Message, row.message_id) if row and row.message_id else None
    return row, message


def _is_shown(services: Services, attachment_id: UUID) -> bool:
    with services.reading() as session:
        return session.get(Attachment, attachment_id) is not None


def _media_id(services: Services, message_id: UUID, n: int) -> UUID:
    """Return the id of the n-th file: the same at every try, and nobody else can guess it."""
    secret = services.settings.secret_key.encode()
    mac = hmac.new(secret, f"media\0{message_id.hex}\0{n}".encode(), hashlib.sha256).digest()
    return UUID(bytes=mac[:16], version=4)


def _named(file: File, n: int) -> File:
    """Name a file by its place and by what its bytes prove: the provider names it by an id."""
    ending = _ENDINGS.get(decide_type(file.content), "bin")
    return replace(file, name=f"{n + 1}.{ending}")


def _told(services: Services, row: Inbound) -> dict[str, str]:
    """Return what the kept delivery says beside its text."""
    delivery = Delivery(services.blobs.read(row.blob), row.headers, row.url)
    for item in services.adapters[row.channel].parse(delivery):
        if isinstance(item, Said):
            return dict(item.data)
    return {}
