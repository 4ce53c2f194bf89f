"""What is Stripe's alone: lists to read back, keys that are forgotten, its own webhooks."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from queue import Queue

import pytest

from billing_core.domain.money import Money
from billing_core.errors import (
    GatewayDeclined,
    GatewayUnreachable,
    TransactionOpen,
    UnreadableNotice,
)
from billing_core.gateways import stripe as adapter
from billing_core.gateways.signing import sign_body
from billing_core.gateways.stripe import StripeGateway
from billing_core.ports import Receipt
from helpdesk.bootstrap import wall_clock
from helpdesk.db import uuid7
from tests.contract.gateways.stripe import ASKS_THE_HOLDER, StripePeer, open_peer
from tests.servers.fault_proxy import Fault
from tests.servers.localstripe_peer import API_KEY


def brl(minor: int) -> Money:
    return Money(minor, "BRL")


def key_born(at: datetime) -> str:
    return str(uuid7(at, b"0123456789"))


@pytest.fixture
def peer() -> Iterator[StripePeer]:
    with open_peer("") as made:
        yield made


def gateway(peer: StripePeer, *, api_key: str = API_KEY, open: bool = False) -> StripeGateway:
    """Return one that trusts Stripe's keys, as in production."""
    return StripeGateway(
        api_key,
        peer.webhook_secret,
        wall_clock,
        transaction_is_open=lambda: open,
        api_url=peer.proxy.url,
    )


def charge(stripe: StripeGateway, peer: StripePeer, key: str, *, method: str = "") -> Receipt:
    return stripe.charge(
        method_token=method or peer.good, amount=brl(10000), key=key, reference="FAT-1"
    )


def asked(peer: StripePeer, method: str) -> int:
    return sum(1 for one, path in peer.proxy.passed if one == method)


def test_a_fresh_key_is_trusted_and_an_old_one_is_looked_up(peer: StripePeer) -> None:
    stripe = gateway(peer)
    charge(stripe, peer, key_born(wall_clock()))
    assert (asked(peer, "GET"), asked(peer, "POST")) == (0, 1)
    old = key_born(wall_clock() - timedelta(days=2))
    first = charge(stripe, peer, old)
    assert charge(stripe, peer, old) == first
    assert (asked(peer, "GET"), asked(peer, "POST")) == (2, 2)


def test_lists_are_read_to_their_end(peer: StripePeer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapter, "PAGE", 2)
    stripe = gateway(peer)
    names = [f"k{number}" for number in range(5)]
    made = [charge(peer.gateway, peer, name) for name in names]
    assert [stripe.find_charge(name) for name in names] == made
    for number in range(3):
        stripe.refund(payment_ref=made[0].ref, amount=brl(100), key=f"r{number}")
    before = asked(peer, "POST")
    again = stripe.refund(payment_ref=made[0].ref, amount=brl(100), key="r0")
    assert again == stripe.find_refund("r0")
    assert asked(peer, "POST") == before


def test_reading_back_stops_before_the_key_was_born(
    peer: StripePeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "PAGE", 1)
    for number in range(3):
        charge(peer.gateway, peer, f"k{number}")
    before = asked(peer, "GET")
    assert gateway(peer).find_charge(key_born(wall_clock() + timedelta(hours=1))) is None
    assert asked(peer, "GET") == before + 1


def test_a_key_that_tells_no_birthday_is_looked_for_everywhere(peer: StripePeer) -> None:
    for name in ("plain", "c1a1a1a1-1111-4111-8111-111111111111"):
        assert peer.gateway.find_charge(name) is None
        made = charge(peer.gateway, peer, name)
        assert peer.gateway.find_charge(name) == made


def test_a_card_whose_holder_must_be_asked_is_declined(peer: StripePeer) -> None:
    card = peer.card(ASKS_THE_HOLDER)
    with pytest.raises(GatewayDeclined, match="authentication_required"):
        charge(peer.gateway, peer, "k", method=card)
    found = peer.gateway.find_charge("k")
    assert found is not None
    assert (found.state, found.code) == ("failed", "authentication_required")
    withdrawn = peer.gateway.withdraw(key="k")
    assert (withdrawn.state, withdrawn.code) == ("failed", "withdrawn")


def test_a_card_may_be_charged_without_a_customer(peer: StripePeer) -> None:
    card = peer.good.partition("/")[2]
    assert charge(peer.gateway, peer, "k", method=card).state == "succeeded"


@pytest.mark.parametrize("amount", [brl(10001), Money(100, "USD")], ids=str)
def test_what_stripe_would_let_through_is_stopped_before_it(
    peer: StripePeer, amount: Money
) -> None:
    """This peer gives back more than was paid, and knows no currency of a refund."""
    paid = charge(peer.gateway, peer, "k")
    with pytest.raises(GatewayDeclined, match="amount_too_large"):
        peer.gateway.refund(payment_ref=paid.ref, amount=amount, key="r")
    assert peer.moved("refund") == []


def test_a_charge_that_did_not_succeed_gives_nothing_back(peer: StripePeer) -> None:
    peer.answer_late("charge")
    paid = charge(peer.gateway, peer, "k")
    with pytest.raises(GatewayDeclined, match="no_such_charge"):
        peer.gateway.refund(payment_ref=paid.ref, amount=brl(1), key="r")


def test_a_wrong_api_key_is_not_the_customers_fault(peer: StripePeer) -> None:
    with pytest.raises(GatewayUnreachable):
        charge(gateway(peer, api_key="pk_wrong"), peer, "k")


@pytest.mark.parametrize(
    ("status", "body", "fault"),
    [
        pytest.param(404, b"<html>", GatewayUnreachable, id="a-page-from-in-between"),
        pytest.param(200, b"<html>", GatewayUnreachable, id="a-page-that-says-yes"),
        pytest.param(200, b"{}", GatewayUnreachable, id="an-object-that-says-nothing"),
        pytest.param(403, b'{"error": "no"}', GatewayUnreachable, id="an-error-that-is-none"),
        pytest.param(
            400, b'{"error": {"code": "parameter_invalid"}}', GatewayDeclined, id="stripes-own-no"
        ),
    ],
)
def test_an_answer_counts_only_if_it_is_stripes(
    peer: StripePeer, status: int, body: bytes, fault: type[Exception]
) -> None:
    peer.proxy.misbehave(Fault("answer", "GET", "/v1/disputes", status, body))
    with pytest.raises(fault):
        peer.gateway.find_dispute("dp_1")


def test_a_list_that_is_none_leaves_the_outcome_unknown(peer: StripePeer) -> None:
    peer.proxy.misbehave(Fault("answer", "GET", "/v1/payment_intents", 200, b'{"object": "list"}'))
    with pytest.raises(GatewayUnreachable):
        peer.gateway.find_charge("k")


def test_stripe_is_not_called_inside_a_transaction(peer: StripePeer) -> None:
    with pytest.raises(TransactionOpen):
        charge(gateway(peer, open=True), peer, "k")
    assert peer.moved("charge") == []


def test_a_refund_is_found_by_stripes_own_id_too(peer: StripePeer) -> None:
    paid = charge(peer.gateway, peer, "k")
    made = peer.gateway.refund(payment_ref=paid.ref, amount=brl(100), key="r")
    assert peer.gateway.find_refund(made.ref) == made
    assert peer.gateway.find_refund("re_nowhere") is None


def test_a_body_that_is_not_json_is_unreadable(peer: StripePeer) -> None:
    at = datetime(2026, 11, 17, tzinfo=UTC)
    headers = {"stripe-signature": sign_body(b"?", peer.webhook_secret, at=at)}
    with pytest.raises(UnreadableNotice):
        peer.gateway.read_events(b"?", headers, at=at)


class _Sink(BaseHTTPRequestHandler):
    arrived: "Queue[tuple[bytes, dict[str, str]]]" = Queue()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.arrived.put((body, dict(self.headers.items())))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def test_a_notice_that_somebody_else_signed_as_stripe_does_is_read(peer: StripePeer) -> None:
    with HTTPServer(("127.0.0.1", 0), _Sink) as sink:
        thread = threading.Thread(target=sink.serve_forever, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{sink.server_address[1]}"
        peer.peer.send_webhooks_to(url, peer.webhook_secret)
        made = charge(peer.gateway, peer, "k")
        told: list[Receipt | None] = []
        while made not in told:  # it tells late, and of other things too
            body, headers = _Sink.arrived.get(timeout=20)
            events = peer.gateway.read_events(body, headers, at=peer.now())
            told += [event.receipt for event in events if event.kind == "charge"]
        sink.shutdown()
        thread.join(timeout=10)
