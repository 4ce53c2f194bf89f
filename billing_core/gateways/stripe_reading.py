"""What Stripe's objects mean to us. Pure: plain dicts in, values of the port out.

Charges are PaymentIntents: their id is our `ref`, and our key is in their metadata.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Literal, TypeVar

from ..domain.money import Money
from ..errors import (
    BillingError,
    GatewayDeclined,
    GatewayError,
    GatewayUnreachable,
    KeyReused,
    UnreadableNotice,
)
from ..ports import DisputeNotice, GatewayEvent, Receipt, ReportLine

KEY = "guiche_key"
"""Where our key is kept in an object's metadata. Stripe forgets Idempotency-Keys; not this."""

Said = Mapping[str, Any]
State = Literal["pending", "succeeded", "failed"]
LineKind = Literal["charge", "refund", "dispute"]
Read = TypeVar("Read")

_SCALE = {"UGX": 100}
"""Currencies that Stripe counts in other units than ISO 4217: how many of theirs make one of ours."""

_NOT_DONE = frozenset({"idempotency_key_in_use", "lock_timeout", "rate_limit"})
"""Codes of refusals that say nothing about the request itself: ask again."""

EVIDENCE = frozenset(
    """access_activity_log billing_address cancellation_policy_disclosure cancellation_rebuttal
    customer_email_address customer_name customer_purchase_ip duplicate_charge_explanation
    duplicate_charge_id product_description refund_policy_disclosure refund_refusal_explanation
    service_date shipping_address shipping_carrier shipping_date shipping_tracking_number
    uncategorized_text""".split()
)
"""Fields of evidence that take text."""


def to_stripe(amount: Money) -> tuple[int, str]:
    """Return (amount, currency) as Stripe writes them."""
    return amount.minor * _SCALE.get(amount.currency, 1), amount.currency.lower()


def from_stripe(minor: int, currency: str) -> Money:
    code = currency.upper()
    scale = _SCALE.get(code, 1)
    if minor % scale:
        raise UnreadableNotice(f"{minor} {code} is not a whole number of minor units")
    return Money(minor // scale, code)


def charge_receipt(intent: Said) -> Receipt:
    """Read a PaymentIntent.

    One that waits for the cardholder's authentication has failed for us: nobody is there.
    """
    states: dict[str, State] = {
        "succeeded": "succeeded",
        "processing": "pending",
        "requires_capture": "pending",
    }
    state = states.get(intent["status"], "failed")
    return Receipt(
        key=key_of(intent),
        ref=intent["id"],
        state=state,
        amount=from_stripe(intent["amount"], intent["currency"]),
        code=_failure(intent) if state == "failed" else "",
    )


def refund_receipt(refund: Said) -> Receipt:
    """Read a Refund. One without our key was made outside: its own id is its key."""
    states: dict[str, State] = {
        "succeeded": "succeeded",
        "pending": "pending",
        "requires_action": "pending",
    }
    state = states.get(refund["status"], "failed")
    return Receipt(
        key=key_of(refund) or refund["id"],
        ref=refund["id"],
        state=state,
        amount=from_stripe(refund["amount"], refund["currency"]),
        code=(refund.get("failure_reason") or refund["status"]) if state == "failed" else "",
    )


def dispute_notice(dispute: Said) -> DisputeNotice:
    """Read a Dispute. Its states have the names we use."""
    due = (dispute.get("evidence_details") or {}).get("due_by")
    return DisputeNotice(
        ref=dispute["id"],
        payment_ref=dispute.get("payment_intent") or dispute["charge"],
        state=dispute["status"],
        reason=dispute["reason"],
        amount=from_stripe(dispute["amount"], dispute["currency"]),
        respond_by=moment(due) if due else None,
    )


def read_event(event: Said) -> list[GatewayEvent]:
    """Return what one event says about charges, refunds and disputes of ours; often nothing.

    `charge.refunded` names no refund (its amount is the running total), so it is left to
    the `refund.*` event that comes with it.
    """
    try:
        name, id, about = event["type"], event["id"], event["data"]["object"]
        if name.startswith("payment_intent."):
            return [GatewayEvent(id, "charge", charge_receipt(about))] if key_of(about) else []
        if name.startswith("refund.") or name == "charge.refund.updated":
            payment_ref = about.get("payment_intent") or about.get("charge") or ""
            return [GatewayEvent(id, "refund", refund_receipt(about), payment_ref=payment_ref)]
        if name.startswith("charge.dispute."):
            notice = dispute_notice(about)
            return [GatewayEvent(id, "dispute", dispute=notice, payment_ref=notice.payment_ref)]
    except (KeyError, TypeError, AttributeError) as fault:
        raise UnreadableNotice(f"not an event of the kind it says: {fault}") from fault
    return []


def understood(read: Callable[[Said], Read], about: Said) -> Read:
    """Read an answer. One that makes no sense leaves the outcome unknown: it may be nobody's."""
    try:
        return read(about)
    except (LookupError, TypeError, AttributeError, ValueError, BillingError) as fault:
        raise GatewayUnreachable(f"an answer that is none of Stripe's: {fault}") from fault


def report_line(kind: LineKind, about: Said) -> ReportLine:
    return ReportLine(
        kind=kind,
        ref=about["id"],
        key=key_of(about),
        amount=from_stripe(about["amount"], about["currency"]),
        at=moment(about["created"]),
    )


def evidence_fields(evidence: Mapping[str, str]) -> dict[str, str]:
    """Return texts by Stripe's fields; those it has no field for are joined in the free one."""
    fields = {name: text for name, text in evidence.items() if name in EVIDENCE}
    others = [f"{name}: {text}" for name, text in evidence.items() if name not in EVIDENCE]
    if others:
        free = [fields["uncategorized_text"]] if "uncategorized_text" in fields else []
        fields["uncategorized_text"] = "\n\n".join(free + others)
    return fields


def fault_of(status: int | None, error: Said, *, key: str) -> GatewayError:
    """Return which of our refusals an HTTP error of Stripe's is. `error` is its `error` object.

    Only Stripe's own words refuse a request. A wrong API key of ours (401, 403) moved nothing,
    yet it is to be asked again once it is set right, not to be given up; what stands between
    us and Stripe may answer with a status too, and knows nothing.
    """
    code = str(error.get("decline_code") or error.get("code") or "")
    if status not in (400, 402, 404) or not error or code in _NOT_DONE:
        return GatewayUnreachable(f"status {status} {code}".rstrip())
    if error.get("type") == "idempotency_error":
        return KeyReused(key)
    return GatewayDeclined(code or str(error.get("type") or "refused"))


def key_of(about: Said) -> str:
    """Return our key in the metadata; empty: the object is not ours."""
    return str((about.get("metadata") or {}).get(KEY) or "")


def moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _failure(intent: Said) -> str:
    error = intent.get("last_payment_error") or {}
    if intent["status"] == "requires_action":
        return "authentication_required"
    code = error.get("decline_code") or error.get("code")
    return str(code or ("withdrawn" if intent["status"] == "canceled" else "declined"))
