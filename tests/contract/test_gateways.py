"""What every payment gateway must do. A new one adds a `Peer` and passes all of this.

The peer is the provider's side: it can be told to misbehave, and its own books say how
often money really moved.
"""

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from datetime import UTC, datetime
from itertools import count
from typing import Protocol

import pytest

from billing_core.domain.money import Money
from billing_core.errors import GatewayDeclined, GatewayUnreachable, KeyReused, TransactionOpen
from billing_core.gateways.sandbox import Sandbox
from billing_core.ports import Gateway, GatewayEvent, Receipt
from billing_core.store.tables import metadata
from helpdesk.db import make_engine


class Peer(Protocol):
    """One provider under test."""

    gateway: Gateway
    good_method: str

    def decline_next(self, call: str, code: str) -> None: ...
    def drop_before(self, call: str) -> None: ...
    def drop_after(self, call: str) -> None: ...
    def answer_late(self, call: str) -> None: ...
    def settle(self, *, succeed: bool) -> list[GatewayEvent]: ...
    def moved(self, kind: str) -> list[Receipt]:
        """Return what the provider has carried out, from its own books."""
        ...

    def close(self) -> None: ...


class SandboxPeer:
    good_method = "tok_visa"

    def __init__(self, url: str) -> None:
        self.engine = make_engine(url)
        metadata.create_all(self.engine)
        self.in_transaction = False
        self.sandbox = Sandbox(
            self.engine,
            lambda: datetime(2026, 11, 17, tzinfo=UTC),
            transaction_is_open=lambda: self.in_transaction,
        )
        self.gateway: Gateway = self.sandbox

    def decline_next(self, call: str, code: str) -> None:
        self.sandbox.behave("decline", on=call, code=code)  # type: ignore[arg-type]

    def drop_before(self, call: str) -> None:
        self.sandbox.behave("drop_before", on=call)  # type: ignore[arg-type]

    def drop_after(self, call: str) -> None:
        self.sandbox.behave("drop_after", on=call)  # type: ignore[arg-type]

    def answer_late(self, call: str) -> None:
        self.sandbox.behave("late", on=call)  # type: ignore[arg-type]

    def settle(self, *, succeed: bool) -> list[GatewayEvent]:
        return self.sandbox.settle_pending(succeed=succeed)

    def moved(self, kind: str) -> list[Receipt]:
        books = self.sandbox.charges() if kind == "charge" else self.sandbox.refunds()
        return [one for one in books if one.state == "succeeded"]

    def close(self) -> None:
        self.engine.dispose()


PEERS: dict[str, Callable[[str], Peer]] = {"sandbox": SandboxPeer}


@pytest.fixture(params=sorted(PEERS))
def peer(request: pytest.FixtureRequest, database_url: str) -> Iterator[Peer]:
    made = PEERS[request.param](database_url)
    yield made
    made.close()


_numbers = count(1)


def key() -> str:
    return f"key-{next(_numbers)}"


def brl(minor: int) -> Money:
    return Money(minor, "BRL")


def charge(peer: Peer, minor: int = 10000, *, name: str | None = None) -> Receipt:
    return peer.gateway.charge(
        method_token=peer.good_method, amount=brl(minor), key=name or key(), reference="FAT-1"
    )


def refund(peer: Peer, payment_ref: str, minor: int, *, name: str | None = None) -> Receipt:
    return peer.gateway.refund(payment_ref=payment_ref, amount=brl(minor), key=name or key())


def test_a_charge_moves_money_and_says_so(peer: Peer) -> None:
    name = key()
    receipt = charge(peer, 10000, name=name)
    assert (receipt.key, receipt.state, receipt.amount) == (name, "succeeded", brl(10000))
    assert receipt.ref
    assert peer.moved("charge") == [receipt]
    assert peer.gateway.find_charge(name) == receipt


def test_the_same_key_charges_once_and_tells_the_same(peer: Peer) -> None:
    name = key()
    assert charge(peer, name=name) == charge(peer, name=name)
    assert len(peer.moved("charge")) == 1


def test_the_same_key_refunds_once_and_tells_the_same(peer: Peer) -> None:
    paid, name = charge(peer), key()
    assert refund(peer, paid.ref, 4000, name=name) == refund(peer, paid.ref, 4000, name=name)
    assert len(peer.moved("refund")) == 1


def test_a_key_belongs_to_one_request(peer: Peer) -> None:
    name, again = key(), key()
    paid = charge(peer, 10000, name=name)
    with pytest.raises(KeyReused):
        charge(peer, 9999, name=name)
    refund(peer, paid.ref, 100, name=again)
    with pytest.raises(KeyReused):
        refund(peer, paid.ref, 101, name=again)
    assert [one.amount for one in peer.moved("charge")] == [brl(10000)]
    assert [one.amount for one in peer.moved("refund")] == [brl(100)]


def test_a_declined_charge_is_final_for_its_key(peer: Peer) -> None:
    name = key()
    peer.decline_next("charge", "insufficient_funds")
    for _ in range(2):
        with pytest.raises(GatewayDeclined) as declined:
            charge(peer, name=name)
        assert declined.value.code == "insufficient_funds"
    found = peer.gateway.find_charge(name)
    assert found is not None
    assert (found.state, found.code) == ("failed", "insufficient_funds")
    assert peer.moved("charge") == []
    assert charge(peer).state == "succeeded"


def test_a_declined_refund_moves_nothing(peer: Peer) -> None:
    paid = charge(peer)
    peer.decline_next("refund", "account_closed")
    name = key()
    with pytest.raises(GatewayDeclined):
        refund(peer, paid.ref, 10000, name=name)
    found = peer.gateway.find_refund(name)
    assert found is not None
    assert found.state == "failed"
    assert refund(peer, paid.ref, 10000).state == "succeeded"


def test_refunds_stop_at_what_was_charged(peer: Peer) -> None:
    paid = charge(peer, 10000)
    refund(peer, paid.ref, 6000)
    with pytest.raises(GatewayDeclined):
        refund(peer, paid.ref, 6000)
    refund(peer, paid.ref, 4000)
    assert sum(one.amount.minor for one in peer.moved("refund")) == 10000


@pytest.mark.parametrize("amount", [Money(100, "USD"), brl(10001)])
def test_a_refund_that_cannot_be_is_declined(peer: Peer, amount: Money) -> None:
    paid = charge(peer, 10000)
    with pytest.raises(GatewayDeclined):
        peer.gateway.refund(payment_ref=paid.ref, amount=amount, key=key())
    assert peer.moved("refund") == []


def test_a_refund_of_nothing_known_is_declined(peer: Peer) -> None:
    with pytest.raises(GatewayDeclined):
        refund(peer, "ch_nowhere", 1)


@pytest.mark.parametrize("arrived", [True, False], ids=["dropped-after", "dropped-before"])
@pytest.mark.parametrize("call", ["charge", "refund"])
def test_no_answer_is_unknown_and_the_same_key_finds_out(
    peer: Peer, call: str, arrived: bool
) -> None:
    paid, name = charge(peer), key()
    before = len(peer.moved(call))

    def ask() -> Receipt:
        if call == "charge":
            return charge(peer, name=name)
        return refund(peer, paid.ref, 4000, name=name)

    (peer.drop_after if arrived else peer.drop_before)(call)
    with pytest.raises(GatewayUnreachable):
        ask()
    find = peer.gateway.find_charge if call == "charge" else peer.gateway.find_refund
    assert (find(name) is not None) is arrived
    assert len(peer.moved(call)) == before + int(arrived)
    assert ask().state == "succeeded"
    assert len(peer.moved(call)) == before + 1


@pytest.mark.parametrize("succeed", [True, False])
@pytest.mark.parametrize("call", ["charge", "refund"])
def test_a_late_answer_is_pending_until_a_notice_ends_it(
    peer: Peer, call: str, succeed: bool
) -> None:
    paid, name = charge(peer), key()
    peer.answer_late(call)
    receipt = (
        charge(peer, name=name) if call == "charge" else refund(peer, paid.ref, 4000, name=name)
    )
    assert receipt.state == "pending"
    [notice] = peer.settle(succeed=succeed)
    assert notice.receipt is not None
    assert (notice.kind, notice.receipt.key, notice.receipt.ref) == (call, name, receipt.ref)
    assert notice.receipt.state == ("succeeded" if succeed else "failed")
    find = peer.gateway.find_charge if call == "charge" else peer.gateway.find_refund
    assert find(name) == notice.receipt
    assert peer.settle(succeed=succeed) == []
    if call == "refund":  # what failed can be asked again, what succeeded cannot
        with nullcontext() if not succeed else pytest.raises(GatewayDeclined):
            refund(peer, paid.ref, 10000)


def test_what_never_arrived_is_not_found(peer: Peer) -> None:
    assert peer.gateway.find_charge("never") is None
    assert peer.gateway.find_refund("never") is None


# ---- the sandbox alone ----


@pytest.fixture
def sandbox(sqlite_url: str) -> Iterator[SandboxPeer]:
    made = SandboxPeer(sqlite_url)
    yield made
    made.close()


def test_the_sandbox_refuses_to_be_called_inside_a_transaction(sandbox: SandboxPeer) -> None:
    sandbox.in_transaction = True
    calls: tuple[Callable[[], object], ...] = (
        lambda: charge(sandbox),
        lambda: refund(sandbox, "ch_1", 1),
        lambda: sandbox.gateway.find_charge("x"),
        lambda: sandbox.gateway.find_refund("x"),
    )
    for call in calls:
        with pytest.raises(TransactionOpen):
            call()
    assert sandbox.sandbox.charges() == []


def test_a_rule_may_be_for_one_customer_or_one_key(sandbox: SandboxPeer) -> None:
    box = sandbox.sandbox
    box.behave("decline", on="charge", method_prefix="tok_ana", times=None)
    box.behave("decline", on="charge", key_prefix="bad-", code="lost_card")
    for method, name, declined in (
        ("tok_ana_1", "a", "card_declined"),
        ("tok_ana_1", "b", "card_declined"),
        ("tok_bia", "bad-1", "lost_card"),
        ("tok_bia", "bad-2", None),
    ):
        with nullcontext() if declined is None else pytest.raises(GatewayDeclined, match=declined):
            box.charge(method_token=method, amount=brl(1), key=name, reference="r")
    box.behave_well()
    well = box.charge(method_token="tok_ana_1", amount=brl(1), key="c", reference="r")
    assert well.state == "succeeded"


def test_calls_grouped_together_are_the_same_calls(sandbox: SandboxPeer) -> None:
    box = sandbox.sandbox
    with box.together():
        first = charge(sandbox, name="one")
        assert charge(sandbox, name="one") == first
        refund(sandbox, first.ref, 100)
    assert [one.key for one in box.charges()] == ["one"]
    box.behave("decline", on="charge")
    with box.together(), pytest.raises(GatewayDeclined):
        charge(sandbox)
    assert charge(sandbox).state == "succeeded"


def test_a_repeated_capture_is_a_second_charge_with_its_own_reference(
    sandbox: SandboxPeer,
) -> None:
    first = charge(sandbox, name="once")
    again = sandbox.sandbox.repeat_capture("once")
    assert again.amount == first.amount
    assert again.ref != first.ref
    assert refund(sandbox, again.ref, 10000).state == "succeeded"


def test_a_bounced_refund_can_be_given_again(sandbox: SandboxPeer) -> None:
    paid = charge(sandbox)
    refund(sandbox, paid.ref, 10000, name="bounces")
    notice = sandbox.sandbox.bounce_refund("bounces")
    assert notice.receipt is not None
    assert (notice.receipt.state, notice.receipt.code) == ("failed", "account_closed")
    assert refund(sandbox, paid.ref, 10000).state == "succeeded"
