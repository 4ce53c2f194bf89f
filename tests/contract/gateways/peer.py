"""The provider's side of a gateway under test: it can be told what to do, and keeps its own books.

A module of this folder that has `open_peer` is a peer, and the whole contract runs on it:

    CAN: frozenset[Ability]

    @contextmanager
    def open_peer(url: str) -> Iterator[Peer]: ...

`url` is an empty migrated database, for a peer that needs one. A test marked
`needs(ability)` runs on the peers that `CAN`, one marked `lacks(ability)` on the others.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, Protocol

from billing_core.gateways.signing import sign_body
from billing_core.ports import Gateway

Call = Literal["charge", "refund", "find"]
Moved = Literal["charge", "refund"]

Fault = Literal["drop_before", "drop_after", "hang", "error_500"]
"""hang: it is done, and the answer does not come in time. error_500: nothing is done."""

Ability = Literal[
    "refund",  # this rail gives money back by itself
    "fail_charge",  # a charge that is pending can end without money
    "fail_refund",  # a refund that is pending can end without money
    "outside",  # somebody may refund in the provider's own screens
    "dispute",
]
ARRIVED: frozenset[Fault] = frozenset({"drop_after", "hang"})
"""Faults after which the peer has done what it was asked."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One signed notice as the peer posts it."""

    body: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Movement:
    """Money that moved at the peer, by its own books."""

    ref: str
    minor: int


class Peer(Protocol):
    gateway: Gateway
    rail: str  # of the charges it makes here
    pays_at_once: bool  # False: a charge waits for the payer, with instructions
    can: frozenset[Ability]
    webhook_secret: str
    signature_header: str

    def now(self) -> datetime:
        """Return what its clock says, aware UTC: when it signs, and what its reports go by."""
        ...

    def method(self) -> str:
        """Return the token for the next charge."""
        ...

    def decline_next(self, call: Moved) -> str:
        """Refuse the next call; return the code it will give."""
        ...

    def break_next(self, call: Call, fault: Fault) -> None:
        """Break the line during the next call."""
        ...

    def answer_late(self, call: Moved) -> None:
        """Answer the next call with pending, where that is not what it always does."""
        ...

    def settle(self, kind: Moved, key: str, *, succeed: bool) -> Delivery:
        """End a pending charge or refund of ours; return the notice about it.

        A charge succeeds because the payer pays it.
        """
        ...

    def moved(self, kind: Moved) -> list[Movement]:
        """Return what has been carried out, in any order."""
        ...

    def refund_outside(self, payment_ref: str, minor: int) -> Delivery:
        """Give money back in the provider's own screens; return the notice about it."""
        ...

    def open_dispute(self, payment_ref: str, minor: int) -> Delivery:
        """Let the payer's bank dispute a charge; return the notice about it."""
        ...


def signed_again(peer: Peer, delivery: Delivery, *, at: datetime, secret: str) -> Delivery:
    """Return the delivery as somebody with `secret` would have signed it at `at`."""
    headers = {
        name: value
        for name, value in delivery.headers.items()
        if name.lower() != peer.signature_header.lower()
    }
    signature = sign_body(delivery.body, secret, at=at)
    return replace(delivery, headers={**headers, peer.signature_header: signature})
