"""An invoice before it has a number: lines, and a total that is the sum of rounded parts."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from .money import Money, total
from .proration import Portion


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftLine:
    """`credits_line_id` is the earlier line whose unused part this line takes back."""

    kind: str
    reason: str
    label: str
    net: Money
    unit: Money
    quantity: int
    arithmetic: dict[str, Any]
    start: date | None
    end: date | None
    tax: Money
    holds_slot: bool = False
    item_id: UUID | None = None
    price_id: UUID | None = None
    credits_line_id: UUID | None = None

    @property
    def gross(self) -> Money:
        return self.net + self.tax


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    customer_id: UUID
    subscription_id: UUID | None
    payment_method_id: UUID | None
    currency: str
    reason: str
    due_on: date
    start: date | None
    end: date | None
    lines: tuple[DraftLine, ...]
    previous_invoice_id: UUID | None = None
    money_act_id: UUID | None = None
    series: str = field(default="FAT")

    @property
    def total(self) -> Money:
        return total((line.gross for line in self.lines), self.currency)


def apply_credit(due: Money, balance: Money) -> Money:
    """Return how much of the credit balance an invoice uses. A negative total gives credit."""
    if due.minor <= 0:
        return due
    return min(due, balance)


def line_for(
    portion: Portion, *, kind: str, reason: str, label: str, sign: int = 1, **more: Any
) -> DraftLine:
    """Make a line of a computed part of a period. `sign` -1 takes it back."""
    currency = portion.amount.currency
    return DraftLine(
        kind=kind,
        reason=reason,
        label=label,
        net=portion.amount.times(sign),
        tax=Money.zero(currency),
        unit=Money(portion.arithmetic["unit_minor"], currency),
        quantity=portion.arithmetic["quantity"],
        arithmetic=portion.arithmetic,
        start=portion.span.start,
        end=portion.span.end,
        **more,
    )
