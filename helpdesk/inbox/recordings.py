"""Sound and pictures that a provider keeps: fetched once, kept here, shown from here."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import replace
from typing import Final, Protocol, runtime_checkable
from uuid import UUID

import structlog

from channels.port import Delivery, File, Refused
from channels.port import Inbound as Said
from helpdesk.events.hints import Hint
from helpdesk.events.service import Actor, append_event
from helpdesk.inbox.files import KeptFile, attach, decide_type, keep_file
from helpdesk.inbox.model import Attachment, Inbound
from helpdesk.services import Services
from helpdesk.tickets.model import Message
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


def keep_recording(services: Services, inbound_id: UUID) -> None:
    """Attach the sound of one voicemail under the id that its message names."""
    row, message = _filed(services, inbound_id)
    if row is None or message is None or not message.media_url:
        return
    attachment_id = UUID(message.media_url.rpartition("/")[2])
    adapter = services.adapters.get(row.channel)
    url = _told(services, row).get("recording_url", "")
    if not isinstance(adapter, Recorder) or not url:
        return
    try:
        file = keep_file(services.blobs, adapter.fetch_recording(url))
    except Refused as fault:
        log.warning("recording lost", inbound_id=str(inbound_id), why=str(fault))
        return
    with services.begin() as tx:
        ticket = lock_ticket(tx, message.ticket_id)
        if tx.session.get(Attachment, attachment_id) is not None:
            return
        attach(tx, message.id, file, attachment_id=attachment_id)
        tx.hint(Hint(ticket.id, ticket.last_seq, "message.state", ticket.team_id, ticket.chat_key))


def keep_media(services: Services, inbound_id: UUID) -> None:
    """Attach every file of one text. One that the provider refuses does not hold up the rest.

    Raises `Unreachable` where trying again may help; what was fetched by then stays.
    """
    row, message = _filed(services, inbound_id)
    adapter = services.adapters.get(row.channel) if row is not None else None
    if row is None or message is None or not isinstance(adapter, MediaKeeper):
        return
    fetched: dict[UUID, KeptFile] = {}
    try:
        for n, url in _media_of(_told(services, row)):
            attachment_id = _media_id(services, message.id, n)
            if not _is_shown(services, attachment_id):
                file = _fetch(adapter, url, inbound_id)
                if file is not None:
                    fetched[attachment_id] = keep_file(services.blobs, _named(file, n))
    finally:
        _show_media(services, message, fetched)


def _media_of(told: Mapping[str, str]) -> list[tuple[int, str]]:
    """Return place and address of each file that a text brought."""
    urls = [(n, told.get(f"media_{n}_url", "")) for n in range(MOST_MEDIA)]
    return [(n, url) for n, url in urls if url]


def _fetch(adapter: MediaKeeper, url: str, inbound_id: UUID) -> File | None:
    try:
        return adapter.fetch_media(url)
    except Refused as fault:
        log.warning("file lost", inbound_id=str(inbound_id), why=str(fault))
        return None


def _filed(services: Services, inbound_id: UUID) -> tuple[Inbound | None, Message | None]:
    with services.reading() as session:
        row = session.get(Inbound, inbound_id)
        message = session.get(Message, row.message_id) if row and row.message_id else None
    return row, message


def _is_shown(services: Services, attachment_id: UUID) -> bool:
    with services.reading() as session:
        return session.get(Attachment, attachment_id) is not None


def _show_media(services: Services, message: Message, files: Mapping[UUID, KeptFile]) -> None:
    """Attach files, each once, and let whoever looks at the conversation fetch them."""
    with services.begin() as tx:
        ticket = lock_ticket(tx, message.ticket_id)
        new = [one for one in files if tx.session.get(Attachment, one) is None]
        for attachment_id in new:
            attach(tx, message.id, files[attachment_id], attachment_id=attachment_id)
        if new:
            append_event(
                tx,
                ticket,
                "message.files",
                actor=Actor.system(),
                data={"message_id": str(message.id), "count": len(new)},
            )


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
