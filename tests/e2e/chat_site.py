"""The product behind one port, a customer's own site behind another, and the widget in between."""

import base64
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from flask import Flask
from sqlalchemy import select
from werkzeug.serving import BaseWSGIServer, make_server

from billing_core.ports import Clock, Gateway
from channels.port import File
from helpdesk.app import create_app
from helpdesk.bootstrap import build_services, wall_clock
from helpdesk.customers.service import add_handle, create_customer
from helpdesk.demo.views import signed
from helpdesk.inbox.files import keep_file
from helpdesk.jobs.recorded import RecordedJobs
from helpdesk.migrations.runner import migrate
from helpdesk.realtime.ending import end_sockets
from helpdesk.services import Services
from helpdesk.settings import Settings
from helpdesk.staff.agent import Agent
from helpdesk.staff.service import NewStaff, add_staff
from helpdesk.tickets.desk import ReplyAsk, change_category, read, reply
from helpdesk.tickets.model import Message, Ticket
from helpdesk.translations.catalogue import compile_catalogues
from helpdesk.widget.model import Widget

PAGE = """<!doctype html><html lang="{language}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,"><title>Shop</title></head>
<body><main><h1>Shop</h1><a href="#top">A link</a></main>
<script src="{home}/widget.js{key}"{identity}></script></body></html>"""


class _Nobody:
    def emit(self, event: str, data: Any, *, namespace: str, to: str) -> None: ...


@dataclass
class ChatSite:
    """What a test of the widget talks about."""

    services: Services
    home: str  # the product
    shop: str  # the page that embeds it
    camila: Agent
    _pages: dict[str, str]
    app: Flask

    def shop_page(
        self, name: str = "", *, language: str = "en", identity: str = "", key: str = ""
    ) -> str:
        """Have the shop serve a page with the widget on it and return its address."""
        attribute = f' data-identity="{identity}"' if identity else ""
        text = PAGE.format(
            home=self.home, language=language, identity=attribute, key=key and f"?key={key}"
        )
        self._pages[f"/{name}"] = text
        return f"{self.shop}/{name}"

    def widget(self, **changes: Any) -> str:
        """Save a widget for the shop; it asks nothing, greets nobody and never closes."""
        values: dict[str, Any] = {
            "key": "loja",
            "name": "Loja",
            "colour": "#0B6E4F",
            "texts": {},
            "hours": {},
            "fields": [],
            "greetings": [],
            "origins": [self.shop],
            "mail_after_min": 10,
        }
        with self.services.begin() as tx:
            row = Widget(id=tx.new_id(), created_at=tx.at, changed_at=tx.at, **(values | changes))
            tx.session.add(row)
        return row.key

    def customer(self, name: str, subject: str) -> UUID:
        """Save a customer whom the shop knows by `subject`."""
        with self.services.begin() as tx:
            customer = create_customer(tx, name=name)
            add_handle(tx, customer.id, kind="external", value=subject, verified=True)
        return customer.id

    def token(self, subject: str, name: str) -> str:
        return signed(self.services, subject, name)

    def drain(self) -> None:
        jobs = self.services.db.jobs
        assert isinstance(jobs, RecordedJobs)
        jobs.drain(self.services)

    def answers(self, ticket_id: UUID, text: str) -> UUID:
        """Have Camila read and answer."""
        ticket = self.ticket(ticket_id)
        read(self.services, self.camila, ticket_id, ticket.last_seq)
        ask = ReplyAsk(channel="chat", body=text, client_msg_id=str(uuid4()))
        message = reply(self.services, self.camila, ticket_id, ask)
        self.drain()
        return message.id

    def answers_with_file(self, ticket_id: UUID, text: str, name: str, content: bytes) -> None:
        """Have Camila answer with a file."""
        kept = keep_file(self.services.blobs, File(name, "", content))
        ask = ReplyAsk(channel="chat", body=text, client_msg_id=str(uuid4()), files=(kept,))
        reply(self.services, self.camila, ticket_id, ask)
        self.drain()

    def home_picture(self) -> bytes:
        """Return a picture of one dot."""
        return base64.b64decode(
            "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
        )

    def cut_lines(self) -> None:
        """End every socket below the protocol, as a network does."""
        end_sockets(self.app.extensions["socketio"].server.eio)

    @contextmanager
    def silent(self) -> Iterator[None]:
        """Lose every hint."""
        self.services.relay.connect(_Nobody())
        yield
        self.services.relay.connect(self.app.extensions["socketio"])

    def solves(self, ticket_id: UUID) -> None:
        change_category(self.services, self.camila, ticket_id, "solved")

    def ticket(self, ticket_id: UUID) -> Ticket:
        with self.services.reading() as session:
            return session.get_one(Ticket, ticket_id)

    def tickets(self) -> list[Ticket]:
        with self.services.reading() as session:
            return list(session.scalars(select(Ticket).order_by(Ticket.number)))

    def said(self) -> list[str]:
        """Return what visitors wrote, in order."""
        with self.services.reading() as session:
            return list(
                session.scalars(
                    select(Message.body)
                    .join(Ticket, Ticket.id == Message.ticket_id)
                    .where(Message.direction == "in")
                    .order_by(Ticket.number, Message.seq)
                )
            )


@contextmanager
def chat_site(
    folder: Path,
    *,
    clock: Clock = wall_clock,
    gateways: Mapping[str, Gateway] | None = None,
    **changes: Any,
) -> Iterator[ChatSite]:
    """Serve the product and a shop on two ports of this machine."""
    compile_catalogues()
    home, shop = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
    values: dict[str, Any] = {
        "data_dir": folder,
        "database_url": f"sqlite:///{folder / 'guiche.sqlite'}",
        "secret_key": "a secret key that only tests use, 32+",
        "public_url": home,
        "cookie_secure": False,
        "simple_passwords": True,
        "widget_secret": "a secret between the site and the widget",
        "site_origins": (shop,),
        "sample_site": True,
    }
    settings = Settings(**(values | changes))
    jobs = RecordedJobs()
    services = build_services(settings, clock=clock, jobs=lambda _engine: jobs, gateways=gateways)
    migrate(services.db.engine)
    pages: dict[str, str] = {}
    app = create_app(settings, services)
    with _serving(app, home), _serving(_shop(pages), shop):
        yield ChatSite(services, home, shop, hire(services), pages, app)
    services.db.close()


def hire(services: Services, name: str = "Camila Duarte", role: str = "agent") -> Agent:
    email = f"{name.split()[0].lower()}@sabia.example"
    add_staff(services, NewStaff(email=email, name=name, password="camila camila", role=role))
    with services.reading() as session:
        from helpdesk.staff.model import Staff

        staff = session.scalars(select(Staff).where(Staff.email == email)).one()
    return Agent(staff.id, name, email, role, None, "en", "auto", session_id=uuid4())


def _shop(pages: dict[str, str]) -> Flask:
    app = Flask("shop", static_folder=None)

    @app.get("/", defaults={"name": ""})
    @app.get("/<name>")
    def page(name: str) -> tuple[str, int]:
        return pages.get(f"/{name}", ""), 200 if f"/{name}" in pages else 404

    return app


@contextmanager
def _serving(app: Flask, url: str) -> Iterator[BaseWSGIServer]:
    server = make_server("127.0.0.1", int(url.rpartition(":")[2]), app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
