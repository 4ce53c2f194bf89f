"""The sandbox, which is its own peer."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from billing_core.domain.money import Money
from billing_core.gateways.sandbox import Sandbox
from billing_core.gateways.sandbox_books import CHARGES, REFUNDS, Fate, end_row
from billing_core.gateways.sandbox_hands import SIGNATURE_HEADER
from helpdesk.db import make_engine, transaction_is_open
from tests.contract.gateways.peer import Ability, Call, Delivery, Fault, Moved, Movement

CAN: frozenset[Ability] = frozenset({"refund", "fail_charge", "fail_refund", "outside", "dispute"})


class SandboxPeer:
    rail = "card"
    pays_at_once = True
    can = CAN
    webhook_secret = "whsec_of_the_sandbox"
    signature_header = SIGNATURE_HEADER
    token = "tok_visa"

    def __init__(self, url: str) -> None:
        self.engine = make_engine(url)
        self.gateway = Sandbox(
            self.engine,
            self.now,
            transaction_is_open=transaction_is_open,
            secret=self.webhook_secret,
        )

    def now(self) -> datetime:
        return datetime(2026, 11, 17, 12, 0, tzinfo=UTC)

    def method(self) -> str:
        return self.token

    def decline_next(self, call: Moved) -> str:
        code = {"charge": "insufficient_funds", "refund": "account_closed"}[call]
        self.gateway.behave("decline", on=call, code=code)
        return code

    def break_next(self, call: Call, fault: Fault) -> None:
        self.gateway.behave(
            "drop_after" if fault in ("drop_after", "hang") else "drop_before", on=call
        )

    def answer_late(self, call: Moved) -> None:
        self.gateway.behave("late", on=call)

    def settle(self, kind: Moved, key: str, *, succeed: bool) -> Delivery:
        table = CHARGES if kind == "charge" else REFUNDS
        fate = Fate("succeeded") if succeed else Fate("failed", "expired")
        with self.engine.begin() as connection:
            row = connection.execute(select(table).where(table.c.key == key)).one()
            event = end_row(connection, table, row, fate, at=self.now())
        return self._post(event)

    def moved(self, kind: Moved) -> list[Movement]:
        books = self.gateway.charges() if kind == "charge" else self.gateway.refunds()
        return [Movement(one.ref, one.amount.minor) for one in books if one.state == "succeeded"]

    def refund_outside(self, payment_ref: str, minor: int) -> Delivery:
        return self._post(self.gateway.refund_outside(self._key(payment_ref), Money(minor, "BRL")))

    def open_dispute(self, payment_ref: str, minor: int) -> Delivery:
        return self._post(self.gateway.open_dispute(self._key(payment_ref), Money(minor, "BRL")))

    def _key(self, payment_ref: str) -> str:
        return next(one.key for one in self.gateway.charges() if one.ref == payment_ref)

    def _post(self, event: Any) -> Delivery:
        return Delivery(*self.gateway.deliver(event))


@contextmanager
def open_peer(url: str) -> Iterator[SandboxPeer]:
    peer = SandboxPeer(url)
    try:
        yield peer
    finally:
        peer.engine.dispose()
