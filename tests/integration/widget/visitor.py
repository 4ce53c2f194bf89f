"""A visitor of the company's site, by HTTP as her browser speaks it."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar
from uuid import UUID, uuid4

import jwt
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from helpdesk.app import create_app
from helpdesk.customers.service import add_handle, create_customer
from helpdesk.demo.views import signed
from helpdesk.services import Services
from helpdesk.tickets.desk import ReplyAsk, reply
from helpdesk.tickets.model import Message, Ticket
from helpdesk.translations.catalogue import compile_catalogues
from tests.integration.tickets.desk import hire

T = TypeVar("T")

SHOP = "https://shop.example"
SECRET = "a secret between the site and the widget"


@dataclass
class Visitor:
    """One browser: it holds a secret and, where the site knows her, a token."""

    app: Flask
    identity: str = ""
    secret: str = field(default_factory=lambda: secrets.token_urlsafe(32))

    def says(self, text: str, *, client_msg_id: str = "", **more: Any) -> TestResponse:
        body = {"client_msg_id": client_msg_id or str(uuid4()), "text": text} | more
        if self.identity:
            body.setdefault("identity", self.identity)
        return self.app.test_client().post(
            "/chat/messages", json=body, headers={"Authorization": f"Bearer {self.secret}"}
        )

    def reads(self, **query: str) -> dict[str, Any]:
        answer = self.app.test_client().get(
            "/chat/messages", query_string=query, headers=self.headers()
        )
        assert answer.status_code == 200, answer.text
        return dict(answer.get_json())

    def sees(self, **query: str) -> list[str]:
        """Return the texts before her."""
        return [item["text"] for item in self.reads(**query)["items"] if item["kind"] == "message"]

    def has_seen(self, message_id: object, state: str) -> TestResponse:
        return self.app.test_client().post(
            "/chat/seen", json={"id": str(message_id), "state": state}, headers=self.headers()
        )

    def headers(self) -> dict[str, str]:
        named = {"X-Visitor-Identity": self.identity} if self.identity else {}
        return {"Authorization": f"Bearer {self.secret}"} | named


@dataclass
class ChatWorld:
    services: Services
    app: Flask

    @classmethod
    def build(cls, made: Services) -> "ChatWorld":
        compile_catalogues()
        settings = replace(
            made.settings, widget_secret=SECRET, site_origins=(SHOP,), sample_site=True
        )
        services = replace(made, settings=settings)
        return cls(services, create_app(settings, services))

    def visitor(self, subject: str = "", name: str = "") -> Visitor:
        token = signed(self.services, subject, name) if subject else ""
        return Visitor(self.app, token)

    def token(self, subject: str, name: str, **claims: str) -> str:
        """Sign a token as the site does, with more claims than the sample site's."""
        plain = jwt.decode(
            signed(self.services, subject, name), options={"verify_signature": False}
        )
        return jwt.encode(plain | claims, SECRET, algorithm="HS256")

    def customer(self, name: str, **handles: str) -> UUID:
        """Save a customer with proven handles, by kind."""
        with self.services.begin() as tx:
            customer = create_customer(tx, name=name)
            for kind, value in handles.items():
                add_handle(tx, customer.id, kind=kind, value=value, verified=True)  # type: ignore[arg-type]
        return customer.id

    def answers(self, ticket_id: UUID, text: str, *, channel: str = "chat") -> UUID:
        agent = hire(self.services, f"Bruna{uuid4().hex[:6]}")
        ask = ReplyAsk(channel=channel, body=text, client_msg_id=str(uuid4()))
        return reply(self.services, agent, ticket_id, ask).id

    def tickets(self) -> list[Ticket]:
        return self.look(lambda session: list(session.scalars(select(Ticket))))

    def ticket(self) -> Ticket:
        (only,) = self.tickets()
        return only

    def messages(self) -> list[Message]:
        return self.look(
            lambda session: list(
                session.scalars(select(Message).order_by(Message.ticket_id, Message.seq))
            )
        )

    def look(self, fetch: Callable[[Session], T]) -> T:
        with self.services.reading() as session:
            return fetch(session)
