"""A whole helpdesk at the sandbox phone network: real adapters, its own web server."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID, uuid4

from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.serving import make_server

from channels.sms.adapter import SmsAdapter
from channels.voice.adapter import VoiceAdapter
from channels.whatsapp.adapter import WhatsAppAdapter
from helpdesk.app import create_app
from helpdesk.customers.service import add_handle, create_customer
from helpdesk.events.model import Event
from helpdesk.inbox.model import Attachment, Inbound
from helpdesk.outbox.model import Outbound
from helpdesk.services import Services
from helpdesk.staff.agent import Agent
from helpdesk.tickets import desk
from helpdesk.tickets.model import Message, Ticket
from tests.conftest import drain
from tests.integration.tickets.desk import hire
from tests.servers.twilio_standin import TwilioStandIn, phone_network

ANA = "+5511987654321"
OURS = "+551140041234"
PUBLIC = "https://help.example"  # as the provider calls and signs it, in front of a proxy
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 32
JPEG = b"\xff\xd8\xff\xe0" + b"\0" * 32


@dataclass(frozen=True)
class Office:
    services: Services
    network: TwilioStandIn
    agent: Agent
    client: FlaskClient

    def text(self, body: str, *, channel: str = "sms", sender: str = ANA, **facts: Any) -> str:
        """Have a customer write, and read it."""
        prefix = "whatsapp:" if channel == "whatsapp" else ""
        sid = self.network.customer_texts(prefix + sender, body, to=prefix + OURS, **facts)
        drain(self.services)
        return sid

    def settle(self) -> None:
        """Let the network report on everything, and read the reports."""
        assert self.network.wait_until_quiet()
        drain(self.services)

    def replies(self, ticket: Ticket, body: str = "Olá!", *, channel: str = "sms") -> Message:
        ask = desk.ReplyAsk(channel=channel, body=body, client_msg_id=str(uuid4()))
        return desk.reply(self.services, self.agent, ticket.id, ask)

    def knows(self, name: str, *, kind: str, value: str) -> UUID:
        with self.services.begin() as tx:
            customer = create_customer(tx, name=name)
            add_handle(tx, customer.id, kind=kind, value=value, verified=True)  # type: ignore[arg-type]
            return customer.id

    def rows(self, model: type[Any], *where: Any) -> list[Any]:
        with self.services.reading() as session:
            return list(session.scalars(select(model).where(*where)))

    def ticket(self) -> Ticket:
        (found,) = self.rows(Ticket)
        assert isinstance(found, Ticket)
        return found

    def messages(self) -> list[Message]:
        return sorted(self.rows(Message), key=lambda one: one.seq)

    def files(self) -> list[Attachment]:
        return sorted(self.rows(Attachment), key=lambda one: one.name)

    def inbound(self) -> list[Inbound]:
        return self.rows(Inbound)

    def outbound(self) -> list[Outbound]:
        return self.rows(Outbound)

    def events(self, kind: str) -> list[dict[str, Any]]:
        return [row.data for row in self.rows(Event, Event.kind == kind)]


@contextmanager
def open_office(make: Callable[..., Services], url: str) -> Iterator[Office]:
    with phone_network() as (network, account):
        hooks = {name: f"{PUBLIC}/hooks/{name}" for name in ("sms", "whatsapp", "voice")}
        made = make(
            url,
            adapters={
                "sms": SmsAdapter(account, webhook_url=hooks["sms"]),
                "whatsapp": WhatsAppAdapter(account, webhook_url=hooks["whatsapp"]),
                "voice": VoiceAdapter(
                    account, webhook_url=hooks["voice"], company="Sabiá", live_transcripts=True
                ),
            },
        )
        settings = replace(
            made.settings,
            public_url=PUBLIC,
            trusted_proxies=1,
            sms_number=OURS,
            whatsapp_number=OURS,
            voice_number=OURS,
        )
        services = replace(made, settings=settings)
        app = create_app(settings, services)
        server = make_server("127.0.0.1", 0, app, threaded=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        network.answer_at(f"http://127.0.0.1:{server.server_port}")
        network.point_to(**hooks)
        try:
            yield Office(services, network, hire(services, "Bruna"), app.test_client())
        finally:
            network.stop()
            server.shutdown()
            server.server_close()
            thread.join(timeout=10)
