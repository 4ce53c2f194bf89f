"""Pix at a bank: charges as a BR Code, refunds the bank carries out later, automatic charges.

A method token that begins with `MANDATE` stands for a payer's consent (Pix Automático) and
is charged without her; any other token names a payer, who gets a code to pay with.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from urllib.parse import quote

from ..domain.brcode import build_dynamic
from ..domain.money import Money
from ..domain.refund_window import RefundWindow
from ..errors import GatewayDeclined
from ..ports import DisputeNotice, GatewayEvent, MandateAsk, PayBy, Receipt, ReportLine
from .bank_line import (
    BankAccess,
    BankLine,
    NotKnown,
    charge_state,
    mandate_receipt,
    paper_id,
    read_amount,
    read_instant,
    refund_receipt,
    return_notice,
    told_or_declined,
    written_amount,
)

MANDATE = "mandate:"
REFUND_DAYS = 90


@dataclass(frozen=True, slots=True)
class Receiver:
    """Who is paid, as payers read it in their bank's application."""

    key: str  # the Pix key
    name: str
    city: str


class PixGateway:
    """May be shared by threads."""

    name = "pix"
    rails = frozenset({"pix", "pix_automatico"})
    refund_windows: Mapping[str, RefundWindow] = dict.fromkeys(
        ("pix", "pix_automatico"), RefundWindow(REFUND_DAYS)
    )

    def __init__(
        self,
        access: BankAccess,
        receiver: Receiver,
        *,
        transaction_is_open: Callable[[], bool],
        expires_in_s: int = 86400,
    ) -> None:
        """`expires_in_s` holds for charges without a due day."""
        self._line = BankLine(access, transaction_is_open=transaction_is_open)
        self._receiver = receiver
        self._expires_in_s = expires_in_s

    def charge(
        self,
        *,
        method_token: str,
        amount: Money,
        key: str,
        reference: str,
        due_on: date | None = None,
    ) -> Receipt:
        said: dict[str, Any] = {
            "key": key,
            "amount": written_amount(amount),
            "pix_key": self._receiver.key,
            "reference": reference,
            "due_on": due_on.isoformat() if due_on else None,
        }
        if method_token.startswith(MANDATE):
            said["mandate"] = method_token.removeprefix(MANDATE)
        else:
            said |= {"payer": method_token, "expires_in_s": self._expires_in_s}
        path = f"/v1/pix/charges/{paper_id(key)}"
        return told_or_declined(self._line.ask("PUT", path, said, read=self._receipt, key=key))

    def withdraw(self, *, key: str) -> Receipt:
        path = f"/v1/pix/charges/{paper_id(key)}/withdraw"
        try:
            return self._line.ask("POST", path, read=self._receipt)
        except NotKnown as unknown:
            raise GatewayDeclined("no_such_charge") from unknown

    def refund(self, *, payment_ref: str, amount: Money, key: str) -> Receipt:
        """The bank takes it in and carries it out later; one it refused needs another key."""
        said = {"key": key, "amount": written_amount(amount)}
        path = f"/v1/pix/charges/{paper_id(payment_ref)}/refunds/{paper_id(key)}"
        try:
            told = self._line.ask("PUT", path, said, read=refund_receipt, key=key)
        except NotKnown as unknown:
            raise GatewayDeclined("no_such_charge") from unknown
        return told_or_declined(told)

    def find_charge(self, key: str) -> Receipt | None:
        return self._line.find(f"/v1/pix/charges/{paper_id(key)}", self._receipt)

    def find_refund(self, key: str) -> Receipt | None:
        return self._line.find(f"/v1/pix/refunds/{paper_id(key)}", refund_receipt)

    def find_dispute(self, ref: str) -> DisputeNotice | None:
        """Return a special return (MED): Pix has no other objection to a payment."""
        try:
            return self._line.ask(
                "GET", f"/v1/pix/returns/{quote(ref, safe='')}", read=return_notice
            )
        except NotKnown:
            return None

    def answer_dispute(self, ref: str, *, evidence: Mapping[str, str] | None, key: str) -> None:
        """Agree that it was a fraud with None: the money goes back. Words say why it was none."""
        said = {"key": key, "agrees": evidence is None, "words": dict(evidence or {})}
        path = f"/v1/pix/returns/{quote(ref, safe='')}/answer"
        try:
            self._line.ask("POST", path, said, read=return_notice, key=key)
        except NotKnown as unknown:
            raise GatewayDeclined("no_such_dispute") from unknown

    def ask_mandate(self, ask: MandateAsk) -> Receipt:
        """Ask a payer to consent; pending until she answers in her bank's application."""
        said = {
            "key": ask.key,
            "payer": ask.payer,
            "max_amount": written_amount(ask.max_amount) if ask.max_amount else None,
            "period": ask.period,
            "starts_on": ask.starts_on.isoformat(),
        }
        path = f"/v1/pix/mandates/{paper_id(ask.key)}"
        return self._line.ask("PUT", path, said, read=mandate_receipt, key=ask.key)

    def cancel_mandate(self, *, key: str) -> Receipt:
        """End a consent from our side; what is scheduled under it ends too."""
        path = f"/v1/pix/mandates/{paper_id(key)}/cancel"
        try:
            return self._line.ask("POST", path, read=mandate_receipt)
        except NotKnown as unknown:
            raise GatewayDeclined("no_such_mandate") from unknown

    def find_mandate(self, key: str) -> Receipt | None:
        return self._line.find(f"/v1/pix/mandates/{paper_id(key)}", mandate_receipt)

    def method_token(self, mandate_ref: str) -> str:
        """Return the token that charges under a mandate bear."""
        return f"{MANDATE}{mandate_ref}"

    def read_events(
        self, body: bytes, headers: Mapping[str, str], *, at: datetime
    ) -> Sequence[GatewayEvent]:
        return self._line.read_events(body, headers, at=at, receipt_of=self._receipt)

    def report(self, day: date) -> Sequence[ReportLine]:
        return self._line.report("pix", day)

    def _receipt(self, paper: dict[str, Any]) -> Receipt:
        state = charge_state(paper)
        amount = read_amount(paper["amount"])
        pay_by = None
        if state == "pending" and paper["location"]:
            code = build_dynamic(
                paper["location"], amount, name=self._receiver.name, city=self._receiver.city
            )
            pay_by = PayBy("pix", code, expires_at=read_instant(paper["expires_at"]))
        return Receipt(paper["key"], paper["id"], state, amount, paper["code"], pay_by)
