"""What billing needs from its surroundings."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

from sqlalchemy.orm import Session

from .domain.money import Money


class Clock(Protocol):
    """The one source of time. Returns aware UTC."""

    def __call__(self) -> datetime: ...


class Tx(Protocol):
    """One open transaction: its session, its instant and its ids."""

    @property
    def session(self) -> Session: ...

    @property
    def at(self) -> datetime:
        """Aware UTC; the same for the whole transaction."""
        ...

    def new_id(self) -> UUID:
        """Return a fresh time-ordered id (UUIDv7)."""
        ...

    def emit(self, event: object) -> None:
        """Tell the listeners of `type(event)`, now and inside this transaction."""
        ...


Begin = Callable[[], AbstractContextManager[Tx]]


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a gateway knows about one charge or refund of ours."""

    key: str  # ours
    ref: str  # the gateway's id
    state: Literal["pending", "succeeded", "failed"]
    amount: Money
    code: str = ""  # why it failed


@dataclass(frozen=True, slots=True)
class GatewayEvent:
    """One notice pushed by a gateway. Notices repeat, and arrive in any order."""

    id: str  # the gateway's; unique per gateway
    kind: Literal["charge", "refund"]
    receipt: Receipt


class Gateway(Protocol):
    """One way to move money. It may take 30 seconds: never call it inside a transaction.

    The same key with the same amount returns the first answer and moves nothing twice.
    Every call may raise `GatewayUnreachable`: the outcome is then unknown, ask again with
    the same key. `KeyReused`: the key was used for something else.
    """

    name: str

    def charge(self, *, method_token: str, amount: Money, key: str, reference: str) -> Receipt:
        """Take money. Returns succeeded or pending; raises `GatewayDeclined` when refused."""
        ...

    def refund(self, *, payment_ref: str, amount: Money, key: str) -> Receipt:
        """Give back part of a charge. Returns succeeded or pending, or raises `GatewayDeclined`."""
        ...

    def find_charge(self, key: str) -> Receipt | None:
        """Return what became of the charge with our key; None: it never arrived."""
        ...

    def find_refund(self, key: str) -> Receipt | None:
        """Return what became of the refund with our key; None: it never arrived."""
        ...
