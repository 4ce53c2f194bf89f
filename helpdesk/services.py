"""What use cases are handed: made once by `bootstrap`, never looked up from a global."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

from sqlalchemy.orm import Session

from billing_core.ports import Clock, Gateway
from billing_core.refunds import Windows
from channels.port import Adapter
from helpdesk.db import Database, UnitOfWork
from helpdesk.inbox.blobs import BlobStore
from helpdesk.mailboxes.port import MailLines
from helpdesk.realtime.presence import Presence
from helpdesk.realtime.relay import Relay
from helpdesk.settings import Settings


@dataclass(frozen=True, slots=True)
class Services:
    settings: Settings
    clock: Clock
    db: Database
    blobs: BlobStore
    relay: Relay
    presence: Presence
    adapters: Mapping[str, Adapter]  # by channel name: email, sms, whatsapp, voice, webchat
    gateways: Mapping[str, Gateway]  # by name: sandbox, stripe, pix, boleto
    mail: MailLines

    @property
    def refund_windows(self) -> Windows:
        """How long each provider gives money back, by gateway and rail."""
        return {name: gateway.refund_windows for name, gateway in self.gateways.items()}

    def begin(self) -> AbstractContextManager[UnitOfWork]:
        """Open a write transaction. See `Database.begin`."""
        return self.db.begin()

    def reading(self) -> AbstractContextManager[Session]:
        """Open a read-only snapshot."""
        return self.db.reading()
