"""The line to a bank that speaks the protocol of docs/pix-and-boleto.md: HTTP, JSON, signed notices.

Only an answer the bank itself wrote counts as a no. Whatever else comes back, a broken
line, a server's error, a page from something in between, leaves the outcome unknown.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from hashlib import sha256
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from ipaddress import ip_address
from typing import Any, Literal, TypeVar
from urllib.parse import urlencode, urlsplit

from ..domain.money import Money
from ..errors import (
    BillingError,
    GatewayDeclined,
    GatewayUnreachable,
    KeyReused,
    TransactionOpen,
    UnreadableNotice,
)
from ..ports import DisputeNotice, GatewayEvent, Receipt, ReportLine
from .signing import check_signature, header_of

SIGNATURE = "Bank-Signature"
LARGEST_ANSWER = 4 * 1024 * 1024  # bytes
CURRENCY = "BRL"
REFUSALS = (400, 409, 422)
UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, BillingError)

Answer = TypeVar("Answer")

_STATES: dict[str, Literal["pending", "succeeded", "failed"]] = {
    # charges
    "ATIVA": "pending",
    "CONCLUIDA": "succeeded",
    "REMOVIDA": "failed",
    "EXPIRADA": "failed",
    "REJEITADA": "failed",
    "CANCELADA": "failed",
    # refunds
    "EM_PROCESSAMENTO": "pending",
    "DEVOLVIDO": "succeeded",
    "NAO_REALIZADO": "failed",
    # mandates
    "CRIADA": "pending",
    "APROVADA": "succeeded",
}


_RETURNS = {
    "ABERTA": "needs_response",
    "EM_ANALISE": "under_review",
    "DEVOLVIDA": "lost",
    "NEGADA": "won",
}


class NotKnown(Exception):
    """The bank itself says that it has no such paper."""


@dataclass(frozen=True, slots=True)
class BankAccess:
    """How to reach the bank. `timeout_s` holds for connecting and for each read."""

    url: str  # https, or http on this machine
    token: str
    webhook_secret: str
    timeout_s: int = 20

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        plain = parts.scheme == "http" and _on_this_machine(parts.hostname or "")
        if not parts.hostname or not (parts.scheme == "https" or plain):
            raise ValueError(f"not the address of a bank: {self.url}")


class BankLine:
    """One bank, called and listened to. May be shared by threads; no call waits for another."""

    def __init__(self, access: BankAccess, *, transaction_is_open: Callable[[], bool]) -> None:
        self._access = access
        self._transaction_is_open = transaction_is_open

    def ask(
        self,
        method: str,
        path: str,
        said: Mapping[str, Any] | None = None,
        *,
        read: Callable[[dict[str, Any]], Answer],
        key: str = "",
    ) -> Answer:
        """Make one call and return the bank's answer as `read` understands it.

        Raises `GatewayUnreachable` where the outcome is unknown, `NotKnown`, `KeyReused`,
        or `GatewayDeclined` with the bank's word.
        """
        if self._transaction_is_open():
            raise TransactionOpen("the gateway was called inside a transaction")
        status, told = self._exchange(method, path, said)
        if status == 200:
            try:
                return read(told)
            except UNREADABLE as fault:
                raise GatewayUnreachable(f"an answer we cannot read: {fault!r}") from fault
        code = told.get("code")
        if (status, code) == (404, "not_found"):
            raise NotKnown(path)
        if (status, code) == (409, "key_reused"):
            raise KeyReused(key)
        if status in REFUSALS and isinstance(code, str):
            raise GatewayDeclined(code)
        # Even refused credentials say nothing about what an earlier call did.
        raise GatewayUnreachable(f"the bank answered {status}")

    def find(self, path: str, read: Callable[[dict[str, Any]], Receipt]) -> Receipt | None:
        """Return a paper as it stands; None: the bank has no such paper."""
        try:
            return self.ask("GET", path, read=read)
        except NotKnown:
            return None

    def report(self, rail: str, day: date) -> Sequence[ReportLine]:
        query = urlencode({"rail": rail, "day": day.isoformat()})
        return self.ask("GET", f"/v1/report?{query}", read=_report_lines)

    def read_events(
        self,
        body: bytes,
        headers: Mapping[str, str],
        *,
        at: datetime,
        receipt_of: Callable[[dict[str, Any]], Receipt],
    ) -> Sequence[GatewayEvent]:
        """Check one delivery and read it; `receipt_of` reads a charge."""
        check_signature(body, header_of(headers, SIGNATURE), self._access.webhook_secret, at=at)
        try:
            said = json.loads(body)
            id, kind = said["id"], said["kind"]
            paper = said[kind]
            if kind == "return":
                notice = return_notice(paper)
                return [GatewayEvent(id, "dispute", dispute=notice, payment_ref=notice.payment_ref)]
            read = {"charge": receipt_of, "refund": refund_receipt, "mandate": mandate_receipt}
            receipt = read[kind](paper)
            payment_ref = paper["charge"] if kind == "refund" else ""
        except UNREADABLE as fault:
            raise UnreadableNotice(f"not a notice: {fault!r}") from fault
        return [GatewayEvent(id=id, kind=kind, receipt=receipt, payment_ref=payment_ref)]

    def _exchange(
        self, method: str, path: str, said: Mapping[str, Any] | None
    ) -> tuple[int, dict[str, Any]]:
        parts = urlsplit(self._access.url)
        make = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        connection = make(parts.hostname or "", parts.port, timeout=self._access.timeout_s)
        headers = {"Authorization": f"Bearer {self._access.token}", "Connection": "close"}
        body = None
        if said is not None:
            body, headers["Content-Type"] = json.dumps(said).encode(), "application/json"
        try:
            connection.request(method, parts.path.rstrip("/") + path, body, headers)
            answer = connection.getresponse()
            told = json.loads(answer.read(LARGEST_ANSWER))
        except (OSError, HTTPException, ValueError) as fault:
            raise GatewayUnreachable(f"no answer: {fault!r}") from fault
        finally:
            connection.close()
        return answer.status, told if isinstance(told, dict) else {}


def _report_lines(told: dict[str, Any]) -> list[ReportLine]:
    return [
        ReportLine(
            kind=line["kind"],
            ref=line["id"],
            key=line["key"],
            amount=read_amount(line["amount"]),
            at=datetime.fromisoformat(line["at"]).astimezone(UTC),
        )
        for line in told["lines"]
    ]


def paper_id(key: str) -> str:
    """Return the id a paper of ours has at the bank: 26 to 35 letters and digits.

    A UUID without its dashes; of any other key a hash, as long as that.
    """
    bare = key.replace("-", "")
    if 26 <= len(bare) <= 35 and bare.isascii() and bare.isalnum():
        return bare
    return sha256(key.encode()).hexdigest()[:32]


def refund_receipt(paper: dict[str, Any]) -> Receipt:
    """Read a refund. One made at the bank itself bears the bank's id for a key."""
    return Receipt(
        key=paper["key"] or paper["id"],
        ref=paper["id"],
        state=_STATES[paper["state"]],
        amount=read_amount(paper["amount"]),
        code=paper["code"],
    )


def mandate_receipt(paper: dict[str, Any]) -> Receipt:
    """Read a mandate: succeeded while the payer consents. The amount is its maximum; 0: none."""
    return Receipt(
        key=paper["key"],
        ref=paper["id"],
        state=_STATES[paper["state"]],
        amount=read_amount(paper["max_amount"] or "0.00"),
        code=paper["code"],
    )


def return_notice(paper: dict[str, Any]) -> DisputeNotice:
    """Read a special return. `amount` is what the bank found to keep back, maybe not all of it."""
    state = _RETURNS[paper["state"]]
    return DisputeNotice(
        ref=paper["id"],
        payment_ref=paper["charge"],
        state="accepted" if state == "lost" and paper["agreed"] else state,
        reason=paper["reason"],
        amount=read_amount(paper["amount"]),
        respond_by=read_instant(paper["answer_by"]),
        kind="special_return",
    )


def charge_state(paper: dict[str, Any]) -> Literal["pending", "succeeded", "failed"]:
    return _STATES[paper["state"]]


def told_or_declined(receipt: Receipt) -> Receipt:
    """Return a receipt of something asked for; one that failed raises `GatewayDeclined`."""
    if receipt.state == "failed":
        raise GatewayDeclined(receipt.code)
    return receipt


def written_amount(amount: Money) -> str:
    """Return "129.90". Raises `GatewayDeclined` for another currency: the bank moves BRL."""
    if amount.currency != CURRENCY:
        raise GatewayDeclined("currency_not_supported")
    return str(amount).removeprefix(f"{CURRENCY} ")


def read_amount(text: str) -> Money:
    return Money.parse(text, CURRENCY)


def read_instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text).astimezone(UTC) if text else None


def _on_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
