"""A gateway's notice as plain JSON, and back. For keeping, and for providers of our own."""

from datetime import datetime
from typing import Any

from .domain.money import Money
from .errors import BillingError, UnreadableNotice
from .ports import DisputeNotice, GatewayEvent, PayBy, Receipt

_KINDS = ("charge", "refund", "dispute", "mandate")
_STATES = ("pending", "succeeded", "failed")


def dump_event(event: GatewayEvent) -> dict[str, Any]:
    """Return the event as JSON values; `load_event` gives it back."""
    said: dict[str, Any] = {
        "id": event.id,
        "kind": event.kind,
        "payment_ref": event.payment_ref,
        "receipt": None,
        "dispute": None,
    }
    if event.receipt is not None:
        said["receipt"] = _dump_receipt(event.receipt)
    if event.dispute is not None:
        said["dispute"] = _dump_dispute(event.dispute)
    return said


def load_event(said: Any) -> GatewayEvent:
    """Read what `dump_event` wrote. Raises `UnreadableNotice` for anything else."""
    try:
        event = GatewayEvent(
            id=said["id"],
            kind=said["kind"],
            payment_ref=said["payment_ref"],
            receipt=_load_receipt(said["receipt"]) if said["receipt"] is not None else None,
            dispute=_load_dispute(said["dispute"]) if said["dispute"] is not None else None,
        )
    except (KeyError, TypeError, ValueError, BillingError) as fault:
        raise UnreadableNotice(f"not a notice: {fault}") from fault
    about = event.dispute if event.kind == "dispute" else event.receipt
    state_is_known = event.receipt is None or event.receipt.state in _STATES
    if event.kind not in _KINDS or not event.id or about is None or not state_is_known:
        raise UnreadableNotice(f"a notice of kind {event.kind!r} that says nothing")
    return event


def _dump_receipt(receipt: Receipt) -> dict[str, Any]:
    pay_by = receipt.pay_by
    return {
        "key": receipt.key,
        "ref": receipt.ref,
        "state": receipt.state,
        "amount": _dump_money(receipt.amount),
        "code": receipt.code,
        "pay_by": None
        if pay_by is None
        else {
            "rail": pay_by.rail,
            "code": pay_by.code,
            "barcode": pay_by.barcode,
            "expires_at": _dump_instant(pay_by.expires_at),
        },
    }


def _load_receipt(said: dict[str, Any]) -> Receipt:
    pay_by = said["pay_by"]
    return Receipt(
        key=said["key"],
        ref=said["ref"],
        state=said["state"],
        amount=_load_money(said["amount"]),
        code=said["code"],
        pay_by=None
        if pay_by is None
        else PayBy(
            rail=pay_by["rail"],
            code=pay_by["code"],
            barcode=pay_by["barcode"],
            expires_at=_load_instant(pay_by["expires_at"]),
        ),
    )


def _dump_dispute(dispute: DisputeNotice) -> dict[str, Any]:
    return {
        "ref": dispute.ref,
        "payment_ref": dispute.payment_ref,
        "state": dispute.state,
        "reason": dispute.reason,
        "amount": _dump_money(dispute.amount),
        "respond_by": _dump_instant(dispute.respond_by),
        "kind": dispute.kind,
    }


def _load_dispute(said: dict[str, Any]) -> DisputeNotice:
    return DisputeNotice(
        ref=said["ref"],
        payment_ref=said["payment_ref"],
        state=said["state"],
        reason=said["reason"],
        amount=_load_money(said["amount"]),
        respond_by=_load_instant(said["respond_by"]),
        kind=said.get("kind", "chargeback"),  # notices kept before there was another
    )


def _dump_money(amount: Money) -> dict[str, Any]:
    return {"minor": amount.minor, "currency": amount.currency}


def _load_money(said: dict[str, Any]) -> Money:
    return Money(said["minor"], said["currency"])


def _dump_instant(at: datetime | None) -> str | None:
    return at.isoformat() if at is not None else None


def _load_instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text is not None else None
