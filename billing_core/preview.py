"""What an act would do, computed by the same code that does it. Codes and data, never sentences."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from .domain.money import Money


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """One thing before and after; equal values mean that it does not change.

    `item` is a code. Refund: payment.kept, payment.left, invoice.paid, credit.balance,
    next_charge, subscription.state. Credit: credit.balance, next_charge. Correction:
    invoice.total, invoice.due, payment.left, credit.balance. Plan change: plan, period,
    credit.balance, next_charge.
    """

    item: str
    before: Money | str | date | None
    after: Money | str | date | None
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PreviewLine:
    """One line of a coming invoice.

    `arithmetic` holds {days, of_days, unit_minor, quantity, currency, from, to}: the amount
    is unit_minor x quantity x days / of_days, rounded half away from zero, then capped by
    `cap_minor` where that is present.
    """

    kind: str  # subscription | proration_credit | proration_charge | adjustment
    label: str  # plan name
    amount: Money
    start: date
    end: date  # first day not covered
    arithmetic: dict[str, Any]


@dataclass(frozen=True, slots=True)
class MoneyPreview:
    act: str  # refund | credit | reissue | plan_change
    amount: Money  # what limits are measured against; never negative
    charge_now: Money | None  # what the customer pays at once; None: nothing is charged
    rows: tuple[ChangeRow, ...]
    lines: tuple[PreviewLine, ...]
    inputs_hash: str  # of every stored value the figures rest on
    payload: dict[str, Any]  # the ask itself, JSON-able


def hash_inputs(inputs: Mapping[str, Any]) -> str:
    """Return the SHA-256 of the values an act was computed from."""
    text = json.dumps(inputs, sort_keys=True, default=plain, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def plain(value: Any) -> Any:
    """Turn ids, dates and amounts into JSON values."""
    match value:
        case Money():
            return asdict(value)
        case UUID():
            return str(value)
        case date() | datetime():
            return value.isoformat()
    raise TypeError(f"not a stored value: {value!r}")
