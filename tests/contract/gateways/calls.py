"""Calls of a gateway as the contract makes them; say only what the test is about."""

from itertools import count

from billing_core.domain.money import Money
from billing_core.ports import GatewayEvent, Receipt
from tests.contract.gateways.peer import Delivery, Moved, Peer

_numbers = count(1)


def key() -> str:
    return f"key-{next(_numbers)}"


def brl(minor: int) -> Money:
    return Money(minor, "BRL")


def charge(peer: Peer, minor: int = 10000, *, name: str | None = None, method: str = "") -> Receipt:
    return peer.gateway.charge(
        method_token=method or peer.method(),
        amount=brl(minor),
        key=name or key(),
        reference="FAT-1",
    )


def paid(peer: Peer, minor: int = 10000, *, name: str | None = None) -> Receipt:
    """Charge, and let the payer pay where that is up to her."""
    name = name or key()
    receipt = charge(peer, minor, name=name)
    if receipt.state == "pending":
        peer.settle("charge", name, succeed=True)
        found = peer.gateway.find_charge(name)
        assert found is not None
        return found
    return receipt


def refund(peer: Peer, payment_ref: str, minor: int, *, name: str | None = None) -> Receipt:
    return peer.gateway.refund(payment_ref=payment_ref, amount=brl(minor), key=name or key())


def ask(peer: Peer, call: Moved, name: str, payment: Receipt, minor: int = 4000) -> Receipt:
    """Make one call of either kind."""
    if call == "charge":
        return charge(peer, minor, name=name)
    return refund(peer, payment.ref, minor, name=name)


def find(peer: Peer, call: Moved, name: str) -> Receipt | None:
    return peer.gateway.find_charge(name) if call == "charge" else peer.gateway.find_refund(name)


def end(peer: Peer, call: Moved, name: str) -> None:
    """Let what is pending succeed."""
    found = find(peer, call, name)
    if found is not None and found.state == "pending":
        peer.settle(call, name, succeed=True)


def read(peer: Peer, delivery: Delivery) -> GatewayEvent:
    [event] = peer.gateway.read_events(delivery.body, delivery.headers, at=peer.now())
    return event


def sums(peer: Peer, call: Moved) -> int:
    return sum(one.minor for one in peer.moved(call))
