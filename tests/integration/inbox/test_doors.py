"""Providers' webhooks: proven, stored, answered, in this order."""

from collections.abc import Callable
from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient
from sqlalchemy.exc import OperationalError
from twilio.request_validator import RequestValidator

from channels.sms.adapter import SmsAdapter
from channels.twilio_gate import Account
from helpdesk.app import create_app
from helpdesk.inbox import service
from helpdesk.inbox.model import Inbound
from helpdesk.services import Services
from helpdesk.tickets.model import Message
from tests.conftest import drain
from tests.integration.inbox.world import World, count

TOKEN = "t" * 32
HOOK = "http://localhost/hooks/sms"
FORM = {
    "MessageSid": "SM" + "1" * 32,
    "From": "+5511987654321",
    "To": "+551140000000",
    "Body": "oi",
}


class Phones:
    """An application whose SMS door is the real one, and a provider that signs."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.client: FlaskClient = create_app(services.settings, services).test_client()

    def post(self, form: dict[str, str], *, url: str = HOOK, **headers: str):  # type: ignore[no-untyped-def]
        signature = RequestValidator(TOKEN).compute_signature(url, form)
        return self.client.post(
            url.removeprefix("http://localhost"),
            data=urlencode(form),
            content_type="application/x-www-form-urlencoded",
            headers={"X-Twilio-Signature": signature, **headers},
        )

    def rows(self) -> list[tuple[str, str]]:
        from sqlalchemy import select

        with self.services.reading() as session:
            return [(row.state, row.reason) for row in session.scalars(select(Inbound))]


@pytest.fixture
def phones(make_services: Callable[..., Services], sqlite_url: str) -> Phones:
    sms = SmsAdapter(Account("AC1", TOKEN), webhook_url=HOOK)
    return Phones(make_services(sqlite_url, adapters={"sms": sms}))


def test_a_signed_message_is_stored_answered_and_read_later(phones: Phones) -> None:
    answer = phones.post(FORM)
    assert (answer.status_code, answer.content_type) == (200, "text/xml; charset=utf-8")
    assert phones.rows() == [("new", "")]
    drain(phones.services)
    assert phones.rows() == [("read", "")]


def test_a_repeated_message_is_answered_alike_and_stored_once(phones: Phones) -> None:
    first, again = phones.post(FORM), phones.post(FORM)
    assert (again.status_code, again.data) == (first.status_code, first.data)
    assert len(phones.rows()) == 1


def test_the_query_is_part_of_what_was_signed(phones: Phones) -> None:
    assert (
        phones.post({**FORM, "MessageStatus": "sent"}, url=f"{HOOK}?key=a%20b").status_code == 200
    )


@pytest.mark.parametrize("signature", ["", "AAAA"], ids=["none", "wrong"])
def test_an_unproven_delivery_is_refused_and_not_kept(phones: Phones, signature: str) -> None:
    answer = phones.post(FORM, **{"X-Twilio-Signature": signature})
    assert answer.status_code == 403
    assert phones.rows() == []


def test_a_proven_delivery_that_nobody_understands_is_kept_and_refused(phones: Phones) -> None:
    answer = phones.post({"From": "+5511987654321", "Body": "no id"})
    assert answer.status_code == 400
    assert phones.rows() == [("quarantined", "unreadable")]


@pytest.mark.parametrize("channel", ["email", "voice", "nothing"])
def test_a_door_that_is_not_there_is_not_found(phones: Phones, channel: str) -> None:
    assert phones.client.post(f"/hooks/{channel}", data=b"From: a@b").status_code == 404


def test_a_database_that_refuses_has_the_provider_come_again(
    phones: Phones, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sqlite3

    locked = sqlite3.OperationalError("database is locked")
    locked.sqlite_errorname = "SQLITE_BUSY"

    def refuse(*_: object, **__: object) -> None:
        raise OperationalError("INSERT", {}, locked)

    with monkeypatch.context() as patched:
        patched.setattr(service, "_insert", refuse)
        answer = phones.post(FORM)
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert phones.post(FORM).status_code == 200
    drain(phones.services)
    with phones.services.reading() as session:
        assert count(session, Message) == 1


def test_a_played_delivery_with_a_bad_signature_is_told_why(world: World) -> None:
    client = create_app(world.services.settings, world.services).test_client()
    assert client.post("/hooks/sms", data=b"[]").data == b"the signature does not fit"
