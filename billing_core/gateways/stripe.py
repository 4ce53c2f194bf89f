"""Cards through Stripe: PaymentMethod, PaymentIntent and Refund, nothing else of it.

Our key travels twice: as Idempotency-Key, which Stripe keeps for a day, and in the metadata,
which it keeps for ever. A request that may be older than a day, or that the peer may have
forgotten, is first looked up by its metadata. Stripe lists newest first and finds nothing by
metadata at once (its search lags behind), so the lists are read back to the key's own birth:
our keys are time-ordered (UUIDv7).
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property, partial
from typing import Any
from uuid import UUID

from ..domain.money import Money
from ..domain.refund_window import RefundWindow
from ..errors import (
    GatewayDeclined,
    GatewayUnreachable,
    KeyReused,
    TransactionOpen,
    UnreadableNotice,
)
from ..ports import Clock, DisputeNotice, GatewayEvent, Receipt, ReportLine
from .signing import check_signature, header_of
from .stripe_reading import (
    KEY,
    LineKind,
    Said,
    charge_receipt,
    dispute_notice,
    evidence_fields,
    fault_of,
    key_of,
    moment,
    read_event,
    refund_receipt,
    report_line,
    to_stripe,
    understood,
)

SIGNATURE_HEADER = "Stripe-Signature"
KEYS_KEPT = timedelta(hours=20)
"""How long an Idempotency-Key surely holds: Stripe promises 24 hours."""

SKEW = timedelta(minutes=10)
"""How far Stripe's clock may be behind ours."""

PAGE = 100


class StripeGateway:
    """A method's token is `pm_...`, or `cus_.../pm_...` for one that is saved for a customer.

    May be shared by threads. Every call may take as long as `timeout_s`.
    """

    name = "stripe"
    rails = frozenset({"card"})
    refund_windows: Mapping[str, RefundWindow] = {"card": RefundWindow(180)}

    def __init__(
        self,
        api_key: str,
        webhook_secret: str,
        clock: Clock,
        *,
        transaction_is_open: Callable[[], bool],
        api_url: str = "",
        timeout_s: tuple[int, int] = (5, 30),
        keys_kept: timedelta = KEYS_KEPT,
    ) -> None:
        """`api_url` "" is Stripe's own; `timeout_s` is how long to wait for a connection and for an answer."""
        self._api_key = api_key
        self._webhook_secret = webhook_secret
        self._clock = clock
        self._transaction_is_open = transaction_is_open
        self._api_url = api_url
        self._timeout_s = timeout_s
        self._keys_kept = keys_kept

    def charge(
        self,
        *,
        method_token: str,
        amount: Money,
        key: str,
        reference: str,
        due_on: date | None = None,  # noqa: ARG002  (a card is charged at once)
    ) -> Receipt:
        known = self._find_intent(key) if self._may_be_forgotten(key) else None
        if known is None:
            customer, _, method = method_token.rpartition("/")
            minor, currency = to_stripe(amount)
            wanted = {
                "amount": minor,
                "currency": currency,
                "payment_method": method,
                "payment_method_types": ["card"],
                "confirm": True,
                "off_session": True,
                "metadata": {KEY: key, "reference": reference},
                **({"customer": customer} if customer else {}),
            }
            known = self._ask(
                lambda: self._v1.payment_intents.create(wanted, {"idempotency_key": key}), key
            )
        return _settled(understood(charge_receipt, known), amount)

    def withdraw(self, *, key: str) -> Receipt:
        intent = self._find_intent(key)
        if intent is None:
            raise GatewayDeclined("no_such_charge")
        if str(intent.get("status")).startswith("requires_"):
            id = intent["id"]
            intent = self._ask(lambda: self._v1.payment_intents.cancel(id), key)
        return understood(charge_receipt, intent)

    def refund(self, *, payment_ref: str, amount: Money, key: str) -> Receipt:
        """See the port. Stripe takes no currency here, so the charge's own is compared first."""
        intent = self._get(lambda: self._v1.payment_intents.retrieve(payment_ref), key)
        paid = understood(charge_receipt, intent) if intent is not None else None
        if paid is None or paid.state != "succeeded":
            raise GatewayDeclined("no_such_charge")
        given = [
            understood(refund_receipt, one)
            for one in self._pages(self._v1.refunds, {"payment_intent": payment_ref})
        ]
        for known in given:
            if known.key == key:
                return _settled(known, amount)
        taken = sum(one.amount.minor for one in given if one.state != "failed")
        limit = paid.amount
        if amount.currency != limit.currency or taken + amount.minor > limit.minor:
            raise GatewayDeclined("amount_too_large")
        wanted = {
            "payment_intent": payment_ref,
            "amount": to_stripe(amount)[0],
            "metadata": {KEY: key},
        }
        made = self._ask(lambda: self._v1.refunds.create(wanted, {"idempotency_key": key}), key)
        return _settled(understood(refund_receipt, made), amount)

    def find_charge(self, key: str) -> Receipt | None:
        intent = self._find_intent(key)
        return understood(charge_receipt, intent) if intent is not None else None

    def find_refund(self, key: str) -> Receipt | None:
        if key.startswith("re_"):
            made = self._get(lambda: self._v1.refunds.retrieve(key), key)
        else:
            made = self._find(self._v1.refunds, key)
        return understood(refund_receipt, made) if made is not None else None

    def find_dispute(self, ref: str) -> DisputeNotice | None:
        found = self._get(lambda: self._v1.disputes.retrieve(ref), ref)
        return understood(dispute_notice, found) if found is not None else None

    def answer_dispute(self, ref: str, *, evidence: Mapping[str, str] | None, key: str) -> None:
        options = {"idempotency_key": key}
        if evidence is None:
            self._ask(lambda: self._v1.disputes.close(ref, {}, options), key)
            return
        answer = {"evidence": evidence_fields(evidence), "submit": True}
        self._ask(lambda: self._v1.disputes.update(ref, answer, options), key)

    def read_events(
        self, body: bytes, headers: Mapping[str, str], *, at: datetime
    ) -> Sequence[GatewayEvent]:
        """See the port. The signature is Stripe's own scheme, checked against `at`."""
        signature = header_of(headers, SIGNATURE_HEADER)
        check_signature(body, signature, self._webhook_secret, at=at)
        try:
            event = json.loads(body)
        except ValueError as fault:
            raise UnreadableNotice("not JSON") from fault
        return read_event(event)

    def report(self, day: date) -> Sequence[ReportLine]:
        """See the port. Cards move when they are asked to, so `created` is when it moved."""
        start = datetime.combine(day, time(), UTC)
        end = start + timedelta(days=1)
        kinds: list[tuple[LineKind, Any]] = [
            ("charge", self._v1.payment_intents),
            ("refund", self._v1.refunds),
            ("dispute", self._v1.disputes),
        ]
        lines = [
            understood(partial(report_line, kind), one)
            for kind, service in kinds
            for one in self._back_to(service, start)
            if kind == "dispute" or one.get("status") == "succeeded"
        ]
        return [line for line in lines if start <= line.at < end]

    def _may_be_forgotten(self, key: str) -> bool:
        born = _born(key)
        return born is None or self._clock() - born >= self._keys_kept

    def _find_intent(self, key: str) -> dict[str, Any] | None:
        return self._find(self._v1.payment_intents, key)

    def _find(self, service: Any, key: str) -> dict[str, Any] | None:
        """Return the object with our key, read back to where the key was born."""
        born = _born(key)
        since = born - SKEW if born is not None else None
        return next((one for one in self._back_to(service, since) if key_of(one) == key), None)

    def _back_to(self, service: Any, since: datetime | None) -> Iterator[dict[str, Any]]:
        """Yield objects newest first, and stop after the page that reaches back to `since`."""
        for page in self._page_by_page(service, {}):
            yield from page
            if since is not None and page and moment(page[-1]["created"]) < since:
                return

    def _pages(self, service: Any, which: dict[str, Any]) -> Iterator[dict[str, Any]]:
        for page in self._page_by_page(service, which):
            yield from page

    def _page_by_page(self, service: Any, which: dict[str, Any]) -> Iterator[list[dict[str, Any]]]:
        after: dict[str, str] = {}
        while True:
            found = self._ask(partial(service.list, {"limit": PAGE, **which, **after}), "")
            page, more = understood(_page, found)
            yield page
            if not more:
                return
            after = {"starting_after": page[-1]["id"]}

    def _get(self, call: Callable[[], Any], key: str) -> dict[str, Any] | None:
        """Make one call for one object; None: there is none."""
        try:
            return self._ask(call, key)
        except GatewayDeclined as refusal:
            if isinstance(refusal.__cause__, Exception) and _status(refusal.__cause__) == 404:
                return None
            raise

    def _ask(self, call: Callable[[], Any], key: str) -> dict[str, Any]:
        """Make one call; return the answer as plain values. Raises what the port promises."""
        import stripe

        if self._transaction_is_open():
            raise TransactionOpen("Stripe was called inside a transaction")
        try:
            answer: dict[str, Any] = call().to_dict()
        except stripe.StripeError as fault:
            body = fault.json_body
            error = body.get("error") if isinstance(body, dict) else None
            error = error if isinstance(error, dict) else {}
            raise fault_of(fault.http_status, error, key=key) from fault
        except Exception as fault:  # the library stumbles over what is no answer of Stripe's
            raise GatewayUnreachable(f"an answer that is none: {fault}") from fault
        return answer

    @cached_property
    def _v1(self) -> Any:
        """The client. Importing it takes more than a second, so that it waits for the first call."""
        import stripe

        client = stripe.StripeClient(
            self._api_key,
            base_addresses={"api": self._api_url} if self._api_url else None,
            http_client=stripe.RequestsClient(timeout=self._timeout_s),
            max_network_retries=0,
        )
        return client.v1


def _settled(receipt: Receipt, amount: Money) -> Receipt:
    """Check that an answer is about what was asked; a failed one is a refusal."""
    if receipt.amount != amount:
        raise KeyReused(receipt.key)
    if receipt.state == "failed":
        raise GatewayDeclined(receipt.code)
    return receipt


def _born(key: str) -> datetime | None:
    """Return when a key of ours was made; None: it does not tell."""
    try:
        id = UUID(key)
    except ValueError:
        return None
    return moment((id.int >> 80) // 1000) if id.version == 7 else None


def _page(found: Said) -> tuple[list[dict[str, Any]], bool]:
    return list(found["data"]), bool(found["has_more"])


def _status(fault: BaseException) -> int | None:
    status: int | None = getattr(fault, "http_status", None)
    return status
