"""What the two peers at the bank have in common. No peer itself: it has no `open_peer`."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from billing_core.gateways.bank_line import SIGNATURE, BankAccess
from billing_core.ports import Gateway
from helpdesk.demo.bank_standin.notices import Notice
from helpdesk.demo.bank_standin.server import Act, BankStandIn
from tests.contract.gateways.peer import Ability, Call, Delivery, Fault, Moved, Movement

_FAULTS: dict[Fault, Act] = {
    "drop_before": "drop_before",
    "drop_after": "drop_after",
    "hang": "hold",
    "error_500": "error_before",
}


class BankPeer:
    rail: str
    can: frozenset[Ability]
    pays_at_once = False
    webhook_secret = "whsec_of_the_bank"
    signature_header = SIGNATURE

    def __init__(self, make: Callable[[BankAccess], Gateway]) -> None:
        self.at = datetime(2026, 11, 17, 15, 0, tzinfo=UTC)
        self.bank = BankStandIn(self.now, secret=self.webhook_secret)
        self.bank.books.instant_refunds = True
        access = BankAccess(self.bank.url, self.bank.token, self.webhook_secret, timeout_s=1)
        self.gateway = make(access)

    def now(self) -> datetime:
        return self.at

    def method(self) -> str:
        return "payer-1"

    def decline_next(self, call: Moved) -> str:
        code = {"charge": "payer_unknown", "refund": "account_closed"}[call]
        self.bank.behave("decline", on=call, code=code)
        return code

    def break_next(self, call: Call, fault: Fault) -> None:
        self.bank.behave(_FAULTS[fault], on=call)

    def answer_late(self, call: Moved) -> None:
        """Charges always wait for their payer."""
        if call == "refund":
            self.bank.books.instant_refunds = False

    def settle(self, kind: Moved, key: str, *, succeed: bool) -> Delivery:
        books = self.bank.books
        if kind == "refund":
            books.settle_refunds(succeed=succeed)
            books.instant_refunds = True
        else:
            [charge] = [one for one in books.charges() if one.key == key]
            if succeed:
                books.pay(charge.id)
            else:
                assert charge.expires_at is not None
                self.at = charge.expires_at + timedelta(seconds=1)
                books.expire_due()
        return self._post(self.bank.notices.said()[-1])

    def moved(self, kind: Moved) -> list[Movement]:
        if kind == "charge":
            charges = self.bank.books.charges()
            return [
                Movement(one.id, one.amount_minor) for one in charges if one.state == "CONCLUIDA"
            ]
        refunds = self.bank.books.refunds()
        return [Movement(one.id, one.amount_minor) for one in refunds if one.state == "DEVOLVIDO"]

    def refund_outside(self, payment_ref: str, minor: int) -> Delivery:
        self.bank.books.refund_outside(payment_ref, minor)
        return self._post(self.bank.notices.said()[-1])

    def open_dispute(self, payment_ref: str, minor: int) -> Delivery:
        self.bank.books.claim_fraud(payment_ref, minor)
        return self._post(self.bank.notices.said()[-1])

    def _post(self, notice: Notice) -> Delivery:
        return Delivery(notice.body, self.bank.notices.headers(notice))
