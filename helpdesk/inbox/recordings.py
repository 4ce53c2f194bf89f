"""A voicemail's sound: fetched from the provider once, kept here, played from here."""

from typing import Protocol, runtime_checkable
from uuid import UUID

import structlog

from channels.port import Delivery, File, Refused
from channels.port import Inbound as Said
from helpdesk.events.hints import Hint
from helpdesk.inbox.files import attach, keep_file
from helpdesk.inbox.model import Attachment, Inbound
from helpdesk.services import Services
from helpdesk.tickets.model import Message
from helpdesk.tickets.queries import lock_ticket

log = structlog.get_logger()


@runtime_checkable
class Recorder(Protocol):
    """An adapter whose provider keeps sound."""

    def fetch_recording(self, url: str) -> File:
        """Download one recording. Raises `Refused`, `Unreachable`."""
        ...


def keep_recording(services: Services, inbound_id: UUID) -> None:
    """Attach the sound of one voicemail under the id that its message names."""
    with services.reading() as session:
        row = session.get(Inbound, inbound_id)
        message = session.get(Message, row.message_id) if row and row.message_id else None
    if row is None or message is None or not message.media_url:
        return
    attachment_id = UUID(message.media_url.rpartition("/")[2])
    adapter = services.adapters.get(row.channel)
    url = _recording_url(services, row)
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


def _recording_url(services: Services, row: Inbound) -> str:
    """Return the provider's address of the sound, as the kept delivery says it."""
    delivery = Delivery(services.blobs.read(row.blob), row.headers, row.url)
    for item in services.adapters[row.channel].parse(delivery):
        if isinstance(item, Said) and (url := item.data.get("recording_url")):
            return url
    return ""
