"""What billing needs from its surroundings."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, Protocol
from uuid import UUID

from sqlalchemy.orm import Session

from .domain.money import Money
from .domain.refund_window import RefundWindow


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
class PayBy:
    """What a customer needs to pay a charge herself."""

    rail: Literal["pix", "boleto"]
    code: str  # the BR Code payload, or the boleto's 47 digits
    barcode: str = ""  # the boleto's 44 digits
    expires_at: datetime | None = None  # aware UTC; a boleto may be paid even later


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a gateway knows about one charge or refund of ours."""

    key: str  # ours
    ref: str  # the gateway's id
    state: Literal["pending", "succeeded", "failed"]
    amount: Money
    code: str = ""  # why it failed; `withdrawn` and `expired` among others
    pay_by: PayBy | None = None  # for a pending Pix or boleto charge


@dataclass(frozen=True, slots=True)
class MandateAsk:
    """A request for a payer's standing consent to be charged (Pix Automático)."""

    key: str  # ours
    payer: str  # as the gateway knows her
    max_amount: Money | None  # of one charge; None: no limit
    period: Literal["week", "month", "quarter", "half_year", "year"]
    starts_on: date


@dataclass(frozen=True, slots=True)
class DisputeNotice:
    """What a gateway knows about one dispute. `amount` is what it holds back, or took.

    A `special_return` is Pix's (MED): the payer's bank says that it was a fraud, ours keeps
    the money back until we have said what it was for.
    """

    ref: str
    payment_ref: str  # the gateway's id of the charge
    state: str  # as in domain/dispute.py
    reason: str
    amount: Money
    respond_by: datetime | None
    kind: Literal["chargeback", "special_return"] = "chargeback"


@dataclass(frozen=True, slots=True)
class GatewayEvent:
    """One notice pushed by a gateway. Notices repeat, and arrive in any order.

    A `refund` made outside, in the provider's own screens, has the gateway's own `ref` for a
    key, and `find_refund` takes that too; `payment_ref` tells of which charge. A `mandate`
    names its consent by `receipt.ref`.
    """

    id: str  # the gateway's; unique per gateway
    kind: Literal["charge", "refund", "dispute", "mandate"]
    receipt: Receipt | None = None  # charge, refund, mandate
    dispute: DisputeNotice | None = None
    payment_ref: str = ""


@dataclass(frozen=True, slots=True)
class ReportLine:
    """One movement in a gateway's own books, as its daily report lists it."""

    kind: Literal["charge", "refund", "dispute"]
    ref: str
    key: str  # ours; empty when it was made outside
    amount: Money  # never negative
    at: datetime


class Gateway(Protocol):
    """One way to move money. It may take 30 seconds: never call it inside a transaction.

    The same key with the same amount returns the first answer and moves nothing twice.
    Every call may raise `GatewayUnreachable`: the outcome is then unknown, ask again with
    the same key. `KeyReused`: the key was used for something else.
    """

    name: str
    rails: frozenset[str]  # of card, pix, pix_automatico, boleto
    refund_windows: Mapping[str, RefundWindow]  # by rail

    def charge(
        self,
        *,
        method_token: str,
        amount: Money,
        key: str,
        reference: str,
        due_on: date | None = None,
    ) -> Receipt:
        """Take money, or ask for it. Raises `GatewayDeclined` when refused.

        Pix and boleto answer pending with `pay_by`; `due_on` is the local day until which
        they can be paid. The token stands for a card, a mandate, or a payer known there.
        """
        ...

    def withdraw(self, *, key: str) -> Receipt:
        """Stop a pending charge; the receipt says `failed`, code `withdrawn`.

        It may be too late: the receipt of a paid one says succeeded. A boleto that was
        withdrawn can still be paid for some days, which arrives as a notice.
        """
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

    def find_dispute(self, ref: str) -> DisputeNotice | None:
        """Return a dispute as it stands now; None: no such dispute."""
        ...

    def answer_dispute(self, ref: str, *, evidence: Mapping[str, str] | None, key: str) -> None:
        """Contest with evidence (texts by field), or accept the loss with None."""
        ...

    def read_events(
        self, body: bytes, headers: Mapping[str, str], *, at: datetime
    ) -> Sequence[GatewayEvent]:
        """Check the signature of one delivery and read it. Pure: no network, no database.

        Raises `BadSignature` (also for one too old to be fresh at `at`) or `UnreadableNotice`.
        """
        ...

    def report(self, day: date) -> Sequence[ReportLine]:
        """Return what moved on a UTC day, by the gateway's own books."""
        ...


class MandateGateway(Protocol):
    """A gateway that payers give standing consents to. Receipts bear our key and its id.

    pending: not answered; succeeded: accepted and in force; failed: refused, cancelled or
    expired, as the code says. The amount is the maximum of one charge, zero for none.
    """

    def ask_mandate(self, ask: MandateAsk) -> Receipt:
        """Ask for consent. The same key asks once."""
        ...

    def cancel_mandate(self, *, key: str) -> Receipt:
        """End a consent and what is scheduled under it."""
        ...

    def find_mandate(self, key: str) -> Receipt | None:
        """Return how our request stands; None: it never arrived."""
        ...

    def method_token(self, mandate_ref: str) -> str:
        """Return the token that `charge` takes for a consent."""
        ...


Gateways = Mapping[str, Gateway]
"""By name. A payment method names the gateway that knows its token."""
