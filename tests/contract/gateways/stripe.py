"""Stripe as localstripe plays it, behind a proxy that breaks the line and fills what it lacks.

localstripe settles everything at once and sends no notice of refunds or disputes, so the
proxy can say `pending` of one object, and notices are made here, signed as Stripe signs.
"""

import atexit
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cache
from itertools import count
from typing import Any

from billing_core.gateways.signing import sign_body
from billing_core.gateways.stripe import SIGNATURE_HEADER, StripeGateway
from billing_core.gateways.stripe_reading import KEY
from helpdesk.bootstrap import wall_clock
from helpdesk.db import transaction_is_open
from tests.contract.gateways.peer import Ability, Call, Delivery, Fault, Moved, Movement
from tests.servers import fault_proxy
from tests.servers.localstripe_peer import API_KEY, LocalStripe

PATHS = {"charge": "/v1/payment_intents", "refund": "/v1/refunds"}
KINDS = {"payment_intent": "charge", "refund": "refund"}
PENDING = {"charge": "processing", "refund": "pending"}
GOOD, DECLINED, ASKS_THE_HOLDER = "4242424242424242", "4000000000000341", "4000002500003155"


@cache
def running() -> LocalStripe:
    """Start it once for the whole run."""
    peer = LocalStripe()
    atexit.register(peer.close)
    return peer


CAN: frozenset[Ability] = frozenset({"refund", "fail_charge", "fail_refund", "outside", "dispute"})


class StripePeer:
    rail = "card"
    pays_at_once = True
    can = CAN
    webhook_secret = "whsec_of_the_contract"
    signature_header = SIGNATURE_HEADER

    def __init__(self, peer: LocalStripe) -> None:
        self.peer = peer
        self.proxy = fault_proxy.FaultProxy(peer.port, answer=self._answer, rewrite=self._rewrite)
        self.disputes: dict[str, dict[str, Any]] = {}
        self._said: dict[str, dict[str, Any]] = {}  # what the proxy says of an object instead
        self._late: set[str] = set()
        self._seen: set[str] = set()
        self._next_card: list[str] = []
        self._numbers = count(1)

    def open(self) -> None:
        """Begin with an empty store and one good card."""
        self.peer.reset()
        self.good = self.card(GOOD)
        self.gateway = StripeGateway(
            API_KEY,
            self.webhook_secret,
            wall_clock,
            transaction_is_open=transaction_is_open,
            api_url=self.proxy.url,
            timeout_s=(5, 1),
            keys_kept=timedelta(0),  # this peer keeps none
        )

    def card(self, number: str) -> str:
        """Save a card for a new customer; return its token."""
        customer = self.peer.create("/v1/customers")["id"]
        card = {"number": number, "exp_month": 12, "exp_year": 2040, "cvc": "123"}
        method = self.peer.create("/v1/payment_methods", type="card", card=card)["id"]
        self.peer.create(f"/v1/payment_methods/{method}/attach", customer=customer)
        return f"{customer}/{method}"

    def now(self) -> datetime:
        return wall_clock()

    def method(self) -> str:
        return self._next_card.pop() if self._next_card else self.good

    def decline_next(self, call: Moved) -> str:
        if call == "charge":
            self._next_card.append(self.card(DECLINED))
            return "card_declined"
        body = {"error": {"type": "invalid_request_error", "code": "charge_disputed"}}
        self._break("refund", "answer", status=400, body=json.dumps(body).encode())
        return "charge_disputed"

    def break_next(self, call: Call, fault: Fault) -> None:
        if fault == "error_500":
            self._break(call, "answer", status=500, body=b'{"error": {"type": "api_error"}}')
        else:
            self._break(call, fault)

    def answer_late(self, call: Moved) -> None:
        self._late.add(call)

    def settle(self, kind: Moved, key: str, *, succeed: bool) -> Delivery:
        id = next(one["id"] for one in self.books(kind) if one["metadata"].get(KEY) == key)
        if succeed:
            self._said[id] = {}
        elif kind == "charge":
            error = {"last_payment_error": {"code": "expired"}}
            self._said[id] = {"status": "requires_payment_method", **error}
        else:
            self._said[id] = {"status": "failed", "failure_reason": "expired"}
        about = self._rewrite(self.peer.all(PATHS[kind]))
        [ended] = [one for one in about if one["id"] == id]
        names = {
            "charge": ("payment_intent.payment_failed", "payment_intent.succeeded"),
            "refund": ("refund.failed", "refund.updated"),
        }
        return self.notice(names[kind][succeed], ended)

    def moved(self, kind: Moved) -> list[Movement]:
        return [
            Movement(one["id"], one["amount"])
            for one in self.books(kind)
            if one["status"] == "succeeded"
        ]

    def refund_outside(self, payment_ref: str, minor: int) -> Delivery:
        made = self.peer.create("/v1/refunds", payment_intent=payment_ref, amount=minor)
        return self.notice("refund.created", made)

    def open_dispute(self, payment_ref: str, minor: int) -> Delivery:
        id = f"dp_{len(self.disputes) + 1}"
        self.disputes[id] = {
            "object": "dispute",
            "id": id,
            "payment_intent": payment_ref,
            "charge": "ch_1",
            "status": "needs_response",
            "reason": "product_not_received",
            "amount": minor,
            "currency": "brl",
            "created": int(self.now().timestamp()),
            "evidence_details": {"due_by": int((self.now() + timedelta(days=7)).timestamp())},
            "metadata": {},
        }
        return self.notice("charge.dispute.created", self.disputes[id])

    def books(self, kind: Moved) -> list[dict[str, Any]]:
        """Return the peer's own objects, as they stand once the proxy has had its say."""
        changed: list[dict[str, Any]] = self._rewrite(self.peer.all(PATHS[kind]))
        return changed

    def notice(self, name: str, about: Any) -> Delivery:
        """Sign an event as Stripe does."""
        event = {
            "id": f"evt_{next(self._numbers)}",
            "object": "event",
            "type": name,
            "created": int(self.now().timestamp()),
            "data": {"object": about},
        }
        body = json.dumps(event).encode()
        signature = sign_body(body, self.webhook_secret, at=self.now())
        return Delivery(body, {SIGNATURE_HEADER: signature})

    def _break(
        self, call: Call, act: fault_proxy.Act, *, status: int = 0, body: bytes = b""
    ) -> None:
        method, path = ("GET", "/v1/") if call == "find" else ("POST", PATHS[call])
        self.proxy.misbehave(fault_proxy.Fault(act, method, path, status, body))

    def _rewrite(self, said: Any) -> Any:
        if isinstance(said, list):
            return [self._rewrite(one) for one in said]
        if not isinstance(said, dict):
            return said
        if said.get("object") == "list":
            return {**said, "data": self._rewrite(said["data"])}
        kind = KINDS.get(said.get("object", ""))
        if kind is None:
            return said
        id = said["id"]
        if id not in self._seen:
            self._seen.add(id)
            if kind in self._late:
                self._late.discard(kind)
                self._said[id] = {"status": PENDING[kind]}
        return {**said, **self._said.get(id, {})}

    def _answer(self, method: str, path: str) -> tuple[int, Any] | None:
        """Play the disputes that localstripe lacks."""
        parts = path.partition("?")[0].removeprefix("/v1/").split("/")
        if parts[0] != "disputes":
            return None
        if len(parts) == 1:
            return 200, {"object": "list", "data": [*self.disputes.values()], "has_more": False}
        dispute = self.disputes.get(parts[1])
        if dispute is None:
            return 404, {"error": {"type": "invalid_request_error", "code": "resource_missing"}}
        if method == "POST":
            if dispute["status"] != "needs_response":
                return 400, {"error": {"type": "invalid_request_error", "code": "not_open"}}
            dispute["status"] = "lost" if parts[-1] == "close" else "under_review"
        return 200, dispute


@contextmanager
def open_peer(url: str) -> Iterator[StripePeer]:
    peer = StripePeer(running())
    with peer.proxy:
        peer.open()
        yield peer
