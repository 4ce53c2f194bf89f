"""An invoice before it has a number: lines, and a total that is the sum of rounded parts."""

from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Any
from uuid import UUID

from .discount import Off
from .money import Money, total
from .pricing import Charge
from .proration import Span
from .tax import Taxed, TaxRule, split_price


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftLine:
    """`credits_line_id` is the earlier line whose unused part this line takes back.

    `waiting_id` names a line that waited for this invoice: what it takes back is counted
    already.

    `discount` is already taken off `net` (off net and tax, where the price includes its
    tax); it has the line's sign.
    """

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
    discount: Money | None = None
    holds_slot: bool = False
    item_id: UUID | None = None
    price_id: UUID | None = None
    credits_line_id: UUID | None = None
    waiting_id: UUID | None = None

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

    @property
    def tax(self) -> Money:
        return total((line.tax for line in self.lines), self.currency)

    @property
    def discount(self) -> Money:
        taken = (line.discount for line in self.lines if line.discount is not None)
        return total(taken, self.currency)


def apply_credit(due: Money, balance: Money) -> Money:
    """Return how much of the credit balance an invoice uses. A negative total gives credit."""
    if due.minor <= 0:
        return due
    return min(due, balance)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a part of a period costs: net, tax, what a discount took off, and why."""

    parts: Taxed
    discount: Money
    arithmetic: dict[str, Any]


def ask_for(charge: Charge, span: Span, *, off: Off | None, tax: TaxRule | None) -> Asked:
    """Return what `span` costs: discount off the full price first, then the part, then tax.

    The arithmetic is the span's and the charge's, and where they apply {off_minor,
    discount} and {tax}.
    """
    facts = {**span.arithmetic, **charge.arithmetic}
    taken = Money.zero(charge.amount.currency)
    if off is not None and off.amount:
        taken = off.amount
        facts |= {"off_minor": taken.minor, "discount": off.discount.arithmetic}
    share = span.fraction
    whole = charge.amount.times(share)
    price = (charge.amount - taken).times(share) if taken else whole
    parts = split_price(price, tax)
    if tax is not None:
        facts["tax"] = tax.told(parts.tax, price)
    return Asked(parts, whole - price, facts)


_OF_THE_PART = {"days", "of_days", "unit", "seconds", "of_seconds", "from", "to", "cap_minor"}


def ask_back(net: Money, earlier: dict[str, Any], span: Span, *, left: Money) -> Asked:
    """Return what `span` of an earlier line cost, from that line's arithmetic.

    `net` is what the line asked for, before tax; it counts only where the line was
    corrected. `left` bounds net and tax together and is then named by {cap_minor}.
    """
    facts = span.arithmetic | {
        name: value for name, value in earlier.items() if name not in _OF_THE_PART
    }
    full = full_price(facts)
    price = full - Money(facts.get("off_minor", 0), full.currency)
    if "corrected_from_minor" in facts:
        share = Fraction(net.minor, facts["corrected_from_minor"])
        full, price = full.times(share), price.times(share)
    price = price.times(span.fraction)
    rule = TaxRule.from_arithmetic(facts["tax"]) if "tax" in facts else None
    parts = split_price(price, rule)
    if left < parts.gross:
        facts["cap_minor"] = left.minor
        tax = left.times(Fraction(parts.tax.minor, parts.gross.minor))
        parts = Taxed(left - tax, tax)
    if rule is not None:
        facts["tax"] = rule.told(parts.tax, price)
    return Asked(parts, full.times(span.fraction) - price, facts)


def full_price(arithmetic: dict[str, Any]) -> Money:
    """Return what the full period costs before discount and tax, from a line's arithmetic."""
    minor = arithmetic.get("full_minor", arithmetic["unit_minor"] * arithmetic["quantity"])
    return Money(minor, arithmetic["currency"])
