"""A channel that only its folder and one line of the bootstrap know, from end to end."""

from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import select

from channels.port import Party
from helpdesk.app import create_app
from helpdesk.bootstrap import build_adapters
from helpdesk.customers.service import identify
from helpdesk.outbox.model import Outbound
from helpdesk.services import Services
from helpdesk.tickets.model import Message, Ticket
from helpdesk.translations.catalogue import compile_catalogues
from tests.browser import Browser, hire
from tests.conftest import TestClock, drain
from tests.contract.adapters.telegram import SECRET, TOKEN, BotApi, running, update


@pytest.fixture
def api() -> Iterator[BotApi]:
    with running(BotApi()) as served:
        yield served


@pytest.fixture
def services(
    api: BotApi, make_services: Callable[..., Services], make_settings: Callable[..., object],
    database_url: str, clock: TestClock,
) -> Services:  # fmt: skip
    own = {"telegram_token": TOKEN, "telegram_secret": SECRET, "telegram_api_url": api.url}
    settings = make_settings(database_url=database_url, channels=own)
    return make_services(database_url, adapters=build_adapters(settings, clock))  # type: ignore[arg-type]


@pytest.fixture
def app(services: Services) -> Flask:
    compile_catalogues()
    return create_app(services.settings, services)


def test_a_message_becomes_a_ticket_and_its_answer_goes_back(
    app: Flask, services: Services, api: BotApi
) -> None:
    browser = Browser(app)
    browser.sign_in(hire(services, "agent"))
    delivery = update()
    for _ in range(2):  # Telegram delivers until it is thanked
        posted = app.test_client().post(
            "/hooks/telegram", data=delivery.body, headers=dict(delivery.headers)
        )
        assert posted.status_code == 200
    drain(services)
    with services.reading() as session:
        ticket = session.scalars(select(Ticket)).one()
        (heard,) = session.scalars(select(Message)).all()
    assert (ticket.last_channel, heard.body) == ("telegram", "Fui cobrada duas vezes")
    assert (ticket.customer_name, heard.trust) == ("Ana Souza", "verified")
    page = browser.get(f"/inbox/{ticket.number}").text
    assert "Telegram" in page
    form = {"body": "Já devolvemos.", "channel": "telegram", "client_msg_id": str(uuid4()),
            "then": "", "seen_seq": str(ticket.last_seq)}  # fmt: skip
    assert browser.post(f"/tickets/{ticket.id}/reply", form, htmx=True).status_code == 200
    drain(services)
    ((method, body),) = api.calls
    assert method == "sendMessage"
    assert b'"chat_id": "41"' in body
    with services.reading() as session:
        sent = session.scalars(select(Outbound)).one()
    assert (sent.state, sent.provider_id) == ("sent", "41:77")


def test_a_forged_delivery_gets_no_further_than_the_door(app: Flask, services: Services) -> None:
    forged = update(secret="another")
    posted = app.test_client().post(
        "/hooks/telegram", data=forged.body, headers=dict(forged.headers)
    )
    assert posted.status_code == 403
    drain(services)
    with services.reading() as session:
        assert session.scalars(select(Ticket)).all() == []


def test_nobody_is_answered_on_a_channel_that_she_never_used(
    app: Flask, services: Services
) -> None:
    browser = Browser(app)
    browser.sign_in(hire(services, "agent"))
    delivery = update()
    app.test_client().post("/hooks/telegram", data=delivery.body, headers=dict(delivery.headers))
    drain(services)
    with services.reading() as session:
        ticket = session.scalars(select(Ticket)).one()
    for channel, status in (("signal", 422), ("", 422), ("../x", 422), ("email", 409)):
        form = {"body": "a", "channel": channel, "client_msg_id": str(uuid4()), "then": ""}
        answer = browser.post(f"/tickets/{ticket.id}/reply", form, htmx=True)
        assert answer.status_code == status, channel


def test_a_channel_that_is_not_set_up_has_no_door(services: Services) -> None:
    with services.begin() as tx:
        assert identify(tx, Party("external", "telegram:41")).customer_id is None
    assert "signal" not in services.adapters
