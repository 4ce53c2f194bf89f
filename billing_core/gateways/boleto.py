"""Boletos registered at a bank. Nothing goes back on this rail: a refund is a transfer.

A boleto that was withdrawn can still be paid until the bank has closed it, which takes up
to two working days; the payment then arrives as a notice.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from ..domain.money import Money
from ..domain.refund_window import RefundWindow
from ..errors import GatewayDeclined
from ..ports import DisputeNotice, GatewayEvent, PayBy, Receipt, ReportLine
from .bank_line import (
    BankAccess,
    BankLine,
    NotKnown,
    charge_state,
    paper_id,
    read_amount,
    read_instant,
    told_or_declined,
    written_amount,
)


class BoletoGateway:
    """May be shared by threads."""

    name = "boleto"
    rails = frozenset({"boleto"})
    refund_windows: Mapping[str, RefundWindow] = {"boleto": RefundWindow(None)}

    def __init__(self, access: BankAccess, *, transaction_is_open: Callable[[], bool]) -> None:
        self._line = BankLine(access, transaction_is_open=transaction_is_open)

    def charge(
        self,
        *,
        method_token: str,
        amount: Money,
        key: str,
        reference: str,
        due_on: date | None = None,
    ) -> Receipt:
        said = {
            "key": key,
            "amount": written_amount(amount),
            "payer": method_token,
            "reference": reference,
            "due_on": due_on.isoformat() if due_on else None,
        }
        path = f"/v1/boletos/{paper_id(key)}"
        return told_or_declined(self._line.ask("PUT", path, said, read=_receipt, key=key))

    def withdraw(self, *, key: str) -> Receipt:
        path = f"/v1/boletos/{paper_id(key)}/withdraw"
        try:
            return self._line.ask("POST", path, read=_receipt)
        except NotKnown as unknown:
            raise GatewayDeclined("no_such_charge") from unknown

    def refund(self, *, payment_ref: str, amount: Money, key: str) -> Receipt:  # noqa: ARG002  (the port's signature)
        raise GatewayDeclined("no_refund_rail")

    def find_charge(self, key: str) -> Receipt | None:
        return self._line.find(f"/v1/boletos/{paper_id(key)}", _receipt)

    def find_refund(self, key: str) -> Receipt | None:  # noqa: ARG002
        return None

    def find_dispute(self, ref: str) -> DisputeNotice | None:  # noqa: ARG002
        return None

    def answer_dispute(self, ref: str, *, evidence: Mapping[str, str] | None, key: str) -> None:  # noqa: ARG002
        raise GatewayDeclined("no_disputes")

    def read_events(
        self, body: bytes, headers: Mapping[str, str], *, at: datetime
    ) -> Sequence[GatewayEvent]:
        return self._line.read_events(body, headers, at=at, receipt_of=_receipt)

    def report(self, day: date) -> Sequence[ReportLine]:
        return self._line.report("boleto", day)


def _receipt(paper: dict[str, Any]) -> Receipt:
    state = charge_state(paper)
    pay_by = None
    if state == "pending":
        pay_by = PayBy(
            "boleto", paper["line"], paper["barcode"], expires_at=read_instant(paper["expires_at"])
        )
    return Receipt(
        paper["key"], paper["id"], state, read_amount(paper["amount"]), paper["code"], pay_by
    )
