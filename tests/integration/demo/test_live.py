"""Simulated customers use the same doors as real ones, and answer what they are told."""

import secrets
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from sqlalchemy import select
from werkzeug.serving import WSGIRequestHandler, make_server

from helpdesk.app import create_app
from helpdesk.bootstrap import build_services, wall_clock
from helpdesk.demo.cast import gather
from helpdesk.demo.company import hire
from helpdesk.demo.live import MOST_WAITING, LiveCustomers
from helpdesk.demo.people import Person
from helpdesk.demo.sink import MailSink
from helpdesk.demo.telling import agents_of
from helpdesk.demo.twilio_standin import TwilioStandIn
from helpdesk.jobs.recorded import RecordedJobs
from helpdesk.migrations.runner import migrate
from helpdesk.outbox.queries import reply_channels
from helpdesk.services import Services
from helpdesk.tickets import desk
from helpdesk.tickets.desk import ReplyAsk
from helpdesk.tickets.model import Message, Ticket
from tests.conftest import drain
from tests.integration.demo.conftest import demo_settings

CAMILA = "camila.duarte@sabia.exemplo"


class Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:
        """Say nothing."""


@dataclass
class Desk:
    """A running application with its jobs at hand, and the customers around it."""

    services: Services
    customers: LiveCustomers

    def tickets(self) -> list[Ticket]:
        drain(self.services)
        with self.services.reading() as session:
            return list(session.scalars(select(Ticket).order_by(Ticket.number)))

    def answer(self, ticket: Ticket) -> None:
        with self.services.reading() as session:
            channel = reply_channels(session, session.get_one(Ticket, ticket.id))[0].channel
        ask = ReplyAsk(channel=channel, body="Já vi aqui!", client_msg_id=secrets.token_hex(8))
        desk.reply(self.services, agents_of(self.services)[CAMILA], ticket.id, ask)
        drain(self.services)

    def said(self, ticket: Ticket, direction: str) -> list[str]:
        with self.services.reading() as session:
            found = session.scalars(
                select(Message.reply_text)
                .where(Message.ticket_id == ticket.id, Message.direction == direction)
                .order_by(Message.seq)
            )
            return list(found)


@pytest.fixture
def desk_with_customers(tmp_path: Path) -> Iterator[Desk]:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    settings = replace(demo_settings(tmp_path), public_url=f"http://127.0.0.1:{port}")
    hooks = f"{settings.public_url}/hooks"
    with (
        MailSink(wall_clock) as sink,
        TwilioStandIn(
            account_sid=settings.twilio_account, auth_token=settings.twilio_token
        ) as phones,
    ):
        phones.point_to(sms=f"{hooks}/sms", whatsapp=f"{hooks}/whatsapp", voice=f"{hooks}/voice")
        led = replace(
            settings, smtp_url=f"smtp://127.0.0.1:{sink.port}", twilio_api_url=phones.api_url
        )
        jobs = RecordedJobs()
        services = build_services(led, jobs=lambda _engine: jobs)
        migrate(services.db.engine)
        hire(services)
        server = make_server(
            "127.0.0.1", port, create_app(led, services), threaded=True, request_handler=Quiet
        )
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield Desk(services, LiveCustomers(services, crowd(), sink, phones, seed=5))
        finally:
            server.shutdown()
            thread.join(20)
            server.server_close()
            services.db.close()


def crowd() -> list[Person]:
    return gather(60, wall_clock().date()).free()


def test_they_stop_asking_while_too_many_wait(desk_with_customers: Desk) -> None:
    for _ in range(MOST_WAITING + 5):
        desk_with_customers.customers.step()
    tickets = desk_with_customers.tickets()
    assert len(tickets) == MOST_WAITING
    assert len({ticket.first_channel for ticket in tickets}) >= 3


def test_each_answers_an_answer_once_and_in_the_same_conversation(
    desk_with_customers: Desk,
) -> None:
    asked = MOST_WAITING
    for _ in range(asked):
        desk_with_customers.customers.step()
    tickets = desk_with_customers.tickets()
    before = {ticket.id: len(desk_with_customers.said(ticket, "in")) for ticket in tickets}
    for ticket in tickets:
        desk_with_customers.answer(ticket)
    for _ in range(asked):
        desk_with_customers.customers.step()
    after = [ticket for ticket in desk_with_customers.tickets() if ticket.id in before]
    assert [len(desk_with_customers.said(one, "in")) - before[one.id] for one in after] == (
        [1] * asked
    )


def test_an_application_that_is_away_does_not_end_them(desk_with_customers: Desk) -> None:
    ended = threading.Event()
    customers = desk_with_customers.customers
    calls: list[int] = []

    def step() -> None:
        calls.append(1)
        if len(calls) == 3:
            ended.set()
        raise ConnectionRefusedError

    customers.step = step  # type: ignore[method-assign]
    customers.live(ended, pause_s=(0, 0))
    assert len(calls) == 3
