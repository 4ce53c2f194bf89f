"""An organisation whose channels are played: deliveries are notes of what an adapter reads."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from channels.port import (
    Answer,
    BadSignature,
    CallReport,
    Delivery,
    File,
    Inbound,
    Outbound,
    Party,
    Receipt,
    Unreadable,
)
from helpdesk.customers.service import add_handle, create_customer
from helpdesk.db import transaction_is_open
from helpdesk.events.model import Event
from helpdesk.events.service import Actor
from helpdesk.inbox import model
from helpdesk.inbox.service import mail_source, read_one, store_delivery
from helpdesk.outbox.model import Outbound as Row
from helpdesk.outbox.queries import copies_of
from helpdesk.services import Services
from helpdesk.staff.agent import Agent
from helpdesk.tickets.model import Message, Participant, Ticket
from helpdesk.tickets.queries import lock_ticket
from helpdesk.tickets.service import add_staff_message, set_status
from tests.conftest import drain
from tests.integration.tickets.desk import hire

ANA = "ana@example.com"
PHONE = "+5511987654321"


class FakeAdapter:
    """Reads JSON, sends into a list. What it should answer next can be set."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.sent: list[Outbound] = []
        self.faults: list[Exception] = []  # raised by the next sends, one each
        self.reading: Callable[[], None] = lambda: None  # called before each parse
        self.sending: Callable[[Outbound], None] = lambda _: None  # called before each send
        self.recordings: dict[str, File] = {}

    def receive(self, delivery: Delivery) -> str:
        if delivery.headers.get("x-signature") != "good":
            raise BadSignature("the signature does not fit")
        if delivery.body.startswith(b"?"):
            raise Unreadable("no identifier")
        return str(json.loads(delivery.body)[0]["external_id"])

    def answer(self, delivery: Delivery) -> Answer:
        return Answer("<ok/>", "text/xml")

    def parse(self, delivery: Delivery) -> Iterable[Inbound | Receipt | CallReport]:
        assert not transaction_is_open()
        self.reading()
        if delivery.body.startswith(b"?"):
            raise Unreadable("not understood")
        return [_item(dict(facts)) for facts in json.loads(delivery.body)]

    def send(self, message: Outbound) -> str:
        assert not transaction_is_open()
        self.sending(message)
        if self.faults:
            raise self.faults.pop(0)
        self.sent.append(message)
        return message.message_id or f"provider-{len(self.sent)}-{message.key[:6]}"

    def fetch_recording(self, url: str) -> File:
        assert not transaction_is_open()
        return self.recordings[url]


def _item(facts: dict[str, Any]) -> Inbound | Receipt | CallReport:
    if "provider_id" in facts:
        return Receipt(**facts)
    facts["sender"] = Party(**facts["sender"])
    facts["files"] = tuple(
        File(**one | {"content": one["content"].encode()}) for one in facts.get("files", ())
    )
    for name in ("references", "reply_tokens", "recipients"):
        facts[name] = tuple(facts.get(name, ()))
    return Inbound(**facts)


@dataclass(frozen=True)
class World:
    services: Services
    adapters: Mapping[str, FakeAdapter]
    agent: Agent

    @classmethod
    def build(cls, make: Callable[..., Services], url: str) -> "World":
        adapters = {name: FakeAdapter(name) for name in ("email", "sms", "whatsapp", "voice")}
        made = make(url, adapters=adapters)
        services = replace(
            made, settings=replace(made.settings, mail_address="suporte@sabia.example")
        )
        return cls(services, adapters, hire(services, "Bruna"))

    @property
    def email(self) -> FakeAdapter:
        return self.adapters["email"]

    @property
    def sms(self) -> FakeAdapter:
        return self.adapters["sms"]

    def store(
        self, *items: Inbound | Receipt | CallReport, key: str = "", body: bytes = b""
    ) -> UUID:
        """Store one delivery without reading it."""
        first = items[0] if items else None
        channel = first.channel if first is not None else "email"
        row_id, _ = store_delivery(
            self.services,
            source=mail_source(self.services) if channel == "email" else channel,
            channel=channel,
            key=key or getattr(first, "external_id", "") or str(id(items)),
            delivery=delivery(*items, body=body),
        )
        return row_id

    def arrives(self, *items: Inbound | Receipt | CallReport, key: str = "") -> UUID:
        """Store one delivery and read it, sending nothing yet."""
        row_id = self.store(*items, key=key)
        read_one(self.services, row_id)
        return row_id

    def drain(self) -> int:
        return drain(self.services)

    def customer(self, name: str = "Ana Souza", **handles: str) -> UUID:
        """Save a customer with proven handles, by kind."""
        with self.services.begin() as tx:
            customer = create_customer(tx, name=name)
            for kind, value in handles.items():
                add_handle(tx, customer.id, kind=kind, value=value, verified=True)  # type: ignore[arg-type]
        return customer.id

    def replies(
        self, ticket_id: UUID, text: str = "Olá!", *, channel: str = "email", cc: Sequence[str] = ()
    ) -> UUID:
        """Have the agent answer; return the message."""
        from helpdesk.outbox.service import queue_message

        with self.services.begin() as tx:
            ticket = lock_ticket(tx, ticket_id)
            message = add_staff_message(
                tx, ticket, self.agent,
                channel=channel, body=text, visibility="public", client_msg_id=None,
            )  # fmt: skip
            queue_message(tx, ticket, message, cc=cc)
        return message.id

    def notes(self, ticket_id: UUID, text: str) -> UUID:
        with self.services.begin() as tx:
            ticket = lock_ticket(tx, ticket_id)
            message = add_staff_message(
                tx, ticket, self.agent,
                channel="email", body=text, visibility="note", client_msg_id=None,
            )  # fmt: skip
        return message.id

    def set_status(self, ticket_id: UUID, code: str) -> None:
        with self.services.begin() as tx:
            set_status(tx, lock_ticket(tx, ticket_id), code, actor=Actor.staff(self.agent.id))

    def merge(self, ticket_id: UUID, into: UUID) -> None:
        with self.services.begin() as tx:
            lock_ticket(tx, ticket_id).merged_into_id = into

    def row(self, inbound_id: UUID) -> model.Inbound:
        with self.services.reading() as session:
            return session.get_one(model.Inbound, inbound_id)

    def ticket_of(self, inbound_id: UUID) -> Ticket:
        ticket_id = self.row(inbound_id).ticket_id
        assert ticket_id is not None
        return self.ticket(ticket_id)

    def ticket(self, ticket_id: UUID) -> Ticket:
        with self.services.reading() as session:
            return session.get_one(Ticket, ticket_id)

    def tickets(self) -> list[Ticket]:
        with self.services.reading() as session:
            return list(session.scalars(select(Ticket).order_by(Ticket.number)))

    def messages(self, ticket_id: UUID | None = None) -> list[Message]:
        wanted = select(Message).order_by(Message.ticket_id, Message.seq)
        if ticket_id is not None:
            wanted = wanted.where(Message.ticket_id == ticket_id)
        with self.services.reading() as session:
            return list(session.scalars(wanted))

    def outbound(self, message_id: UUID) -> Row:
        with self.services.reading() as session:
            rows = select(Row).where(Row.message_id == message_id, ~Row.cc)
            return session.scalars(rows).one()

    def copies(self, message_id: UUID) -> list[Row]:
        with self.services.reading() as session:
            return list(copies_of(session, message_id))

    def participants(self, ticket_id: UUID) -> set[tuple[str, str]]:
        with self.services.reading() as session:
            rows = session.execute(
                select(Participant.kind, Participant.value).where(
                    Participant.ticket_id == ticket_id
                )
            )
            return {(kind, value) for kind, value in rows}

    def events(self, ticket_id: UUID, kind: str) -> list[dict[str, Any]]:
        with self.services.reading() as session:
            return list(
                session.scalars(
                    select(Event.data)
                    .where(Event.ticket_id == ticket_id, Event.kind == kind)
                    .order_by(Event.seq)
                )
            )

    def count(self, rows: type) -> int:
        with self.services.reading() as session:
            return count(session, rows)


def count(session: Session, rows: type) -> int:
    return session.scalar(select(func.count()).select_from(rows)) or 0


def delivery(*items: Inbound | Receipt | CallReport, body: bytes = b"") -> Delivery:
    """Return the bytes of a delivery from which a fake adapter reads `items`."""
    mail = not items or items[0].channel == "email"
    headers = {"content-type": "message/rfc822" if mail else "application/json"}
    return Delivery(
        body or json.dumps([asdict(item) for item in items], default=_text).encode(), headers
    )


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def mail(
    external_id: str = "7:1", *, sender: str = ANA, name: str = "Ana Souza", **facts: Any
) -> Inbound:
    """Return a mail as an adapter reads it; say only what the test is about."""
    text = facts.pop("text", "Fui cobrada duas vezes.")
    defaults: dict[str, Any] = {
        "subject": "Cobrança dobrada",
        "message_id": f"{external_id}@mail.example",
        "trust": "aligned",
    }
    return Inbound(
        channel="email",
        external_id=external_id,
        sender=Party("email", sender, name),
        text=text,
        reply_text=text,
        sent_at=None,
        **(defaults | facts),
    )


def text_message(
    external_id: str = "SM1", *, sender: str = PHONE, channel: str = "sms", **facts: Any
) -> Inbound:
    text = facts.pop("text", "oi, tudo bem?")
    return Inbound(
        channel=channel,
        external_id=external_id,
        sender=Party("phone" if channel == "sms" else "whatsapp", sender, verified=True),
        text=text,
        reply_text=text,
        sent_at=None,
        trust="verified",
        **facts,
    )


def call(step: str = "voicemail", *, sid: str = "CA1", **data: str) -> Inbound:
    facts = {"call_sid": sid, step: "1", **data}
    return Inbound(
        channel="voice",
        external_id=f"{sid}:{step}",
        sender=Party("phone", PHONE, verified=True),
        text="",
        reply_text="",
        sent_at=None,
        trust="verified",
        thread_key=sid,
        data=facts,
    )


__all__ = ["ANA", "PHONE", "FakeAdapter", "World", "call", "delivery", "mail", "text_message"]
