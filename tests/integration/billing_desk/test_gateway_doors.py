"""What payment providers push: proven, kept, answered, and read by a job."""

import sqlite3
from collections.abc import Callable, Mapping
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from babel import Locale
from flask.testing import FlaskClient
from prometheus_client import REGISTRY
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from billing_core import gateway_events
from billing_core.gateways.sandbox import Sandbox
from billing_core.gateways.sandbox_hands import SIGNATURE_HEADER
from billing_core.gateways.signing import sign_body
from billing_core.ports import GatewayEvent, Receipt
from billing_core.store.notice import GatewayNotice
from helpdesk.app import create_app
from helpdesk.billing_desk.gateway_notices import read_due, tell_of_outside_refund
from helpdesk.db import transaction_is_open
from helpdesk.events.model import Event
from helpdesk.services import Services
from helpdesk.tickets.model import Ticket
from helpdesk.tickets.screen import SystemLine
from helpdesk.tickets.timeline import Writer, timeline_screen
from helpdesk.web.formats import Formats
from tests.conftest import drain
from tests.integration.billing_desk.world import Desk, brl, build

SECRET = "whsec_of_this_test"
DOOR = "/hooks/gateways/sandbox"


class Provider:
    """A sandbox that pushes its notices through the real door."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.client: FlaskClient = create_app(services.settings, services).test_client()
        gateway = services.gateways["sandbox"]
        assert isinstance(gateway, Sandbox)
        self.box = gateway
        self.desk: Desk = build(services, gateway)  # type: ignore[arg-type]

    @property
    def charge_key(self) -> str:
        return self.box.charges()[0].key

    def refund_outside(self, minor: int) -> GatewayEvent:
        return self.box.refund_outside(self.charge_key, brl(minor))

    def push(self, *events: GatewayEvent) -> tuple[int, object]:
        return self.post(*self.box.deliver(*events))

    def post(self, body: bytes, headers: Mapping[str, str], door: str = DOOR) -> tuple[int, object]:
        answer = self.client.post(door, data=body, headers=dict(headers))
        return answer.status_code, answer.json

    def states(self) -> list[str]:
        with self.services.reading() as session:
            return list(session.scalars(select(GatewayNotice.state)))

    def told(self) -> list[tuple[bool, int]]:
        """Return (on a ticket?, amount) of each refund outside that people were told of."""
        with self.services.reading() as session:
            rows = session.scalars(select(Event).where(Event.kind == "money.outside")).all()
        return [(row.ticket_id is not None, row.data["amount_minor"]) for row in rows]


@pytest.fixture
def provider(make_services: Callable[..., Services], database_url: str) -> Provider:
    made = make_services(database_url)
    box = Sandbox(
        made.db.separate_engine(),
        made.clock,
        transaction_is_open=transaction_is_open,
        secret=SECRET,
    )
    return Provider(make_services(database_url, gateways={"sandbox": box}))


def refused() -> float:
    return (
        REGISTRY.get_sample_value("guiche_gateway_notices_refused_total", {"gateway": "sandbox"})
        or 0
    )


def test_a_signed_notice_is_kept_then_read(provider: Provider) -> None:
    event = provider.refund_outside(2500)
    assert provider.push(event) == (200, {"kept": 1})
    assert provider.states() == ["new"]
    drain(provider.services)
    assert provider.states() == ["read"]
    assert provider.desk.payment().refunded_minor == 2500
    assert provider.told() == [(True, 2500)]


def test_a_repeated_notice_is_thanked_for_and_changes_nothing(provider: Provider) -> None:
    event = provider.refund_outside(2500)
    for _ in range(3):
        assert provider.push(event)[0] == 200
        drain(provider.services)
    assert provider.states() == ["read"]
    assert provider.desk.payment().refunded_minor == 2500
    assert provider.told() == [(True, 2500)]


def test_a_forged_notice_is_refused_counted_and_not_kept(provider: Provider) -> None:
    body, headers = provider.box.deliver(provider.refund_outside(2500))
    before = refused()
    for forged in ({}, {SIGNATURE_HEADER: "t=1,v1=00"}):
        assert provider.post(body, forged) == (400, {"error": "bad_signature"})
    assert provider.post(body + b" ", headers)[0] == 400
    assert refused() == before + 3
    assert provider.states() == []


def test_a_door_without_a_gateway_is_not_there(provider: Provider) -> None:
    body, headers = provider.box.deliver(provider.refund_outside(1))
    assert provider.post(body, headers, "/hooks/gateways/stripe")[0] == 404


def test_signed_nonsense_is_kept_and_thanked_for(provider: Provider) -> None:
    headers = {SIGNATURE_HEADER: sign_body(b"?", SECRET, at=provider.services.clock())}
    assert provider.post(b"?", headers) == (200, {"kept": 0})
    assert provider.states() == ["unreadable"]


@pytest.mark.parametrize(
    ("fault", "status"),
    [(sqlite3.OperationalError("database is locked"), 503), (RuntimeError("a defect"), 500)],
    ids=["the-database-is-busy", "a-defect-of-ours"],
)
def test_what_cannot_be_kept_has_the_provider_come_again(
    provider: Provider, monkeypatch: pytest.MonkeyPatch, fault: Exception, status: int
) -> None:
    event = provider.refund_outside(2500)
    if isinstance(fault, sqlite3.Error):
        fault.sqlite_errorname = "SQLITE_BUSY"
        fault = OperationalError("INSERT", {}, fault)

    def refuse(*_: object, **__: object) -> None:
        raise fault

    with monkeypatch.context() as patched:
        patched.setattr(gateway_events, "_add", refuse)
        assert provider.push(event)[0] == status
    assert provider.states() == []
    assert provider.push(event)[0] == 200


def test_a_lost_wake_up_costs_seconds(provider: Provider) -> None:
    provider.push(provider.refund_outside(2500))
    read_due(provider.services)
    assert provider.states() == ["read"]


def test_one_notice_that_cannot_be_read_keeps_no_other_waiting(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger = GatewayEvent("evt_a", "charge", Receipt("k", "ch_1", "succeeded", brl(1)))
    provider.push(stranger, provider.refund_outside(2500))

    def break_down(key: str) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr(provider.box, "find_charge", break_down)
    read_due(provider.services)
    assert sorted(provider.states()) == ["parked", "read"]
    with provider.services.reading() as session:
        [why] = session.scalars(select(GatewayNotice.why).where(GatewayNotice.state == "parked"))
    assert why == "RuntimeError: a defect"


def test_a_silent_gateway_is_asked_again_later(provider: Provider) -> None:
    provider.push(provider.refund_outside(2500))
    provider.box.behave("drop_before", on="find")
    read_due(provider.services)
    assert provider.states() == ["parked"]
    read_due(provider.services)  # its turn has not come
    assert provider.states() == ["parked"]
    provider.services.clock.forward(minutes=1)  # type: ignore[attr-defined]
    read_due(provider.services)
    assert provider.states() == ["read"]


def test_without_an_open_conversation_the_audit_trail_has_it(provider: Provider) -> None:
    with provider.services.begin() as tx:
        tx.session.get_one(Ticket, provider.desk.ticket_id).category = "solved"
    provider.push(provider.refund_outside(2500))
    drain(provider.services)
    assert provider.told() == [(False, 2500)]


def test_a_refund_outside_is_told_once_however_often_its_job_runs(provider: Provider) -> None:
    provider.push(provider.refund_outside(2500))
    drain(provider.services)
    [refund] = provider.desk.refund_rows()
    tell_of_outside_refund(provider.services, refund.id)
    assert provider.told() == [(True, 2500)]


def _english(services: Services) -> Formats:
    def say(message: str, /, **values: Any) -> str:
        return message % values if values else message

    return Formats(Locale("en"), ZoneInfo("America/Sao_Paulo"), services.clock(), say)


def test_the_timeline_says_it_in_words(provider: Provider) -> None:
    provider.push(provider.refund_outside(2500))
    drain(provider.services)
    writer = Writer(_english(provider.services), "Sabiá")
    with provider.services.reading() as session:
        ticket = session.get_one(Ticket, provider.desk.ticket_id)
        screen = timeline_screen(session, ticket, writer)
    lines = [one for one in screen.items if isinstance(one, SystemLine)]
    assert ("refunded_outside", "R$25.00") in [(one.code, one.args["what"]) for one in lines]
