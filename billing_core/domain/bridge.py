"""Why an invoice differs from the one before it: steps that add up to the difference exactly.

Each item that is on both invoices is computed again and again, one cause at a time: price,
quantity, days, discount, tax. What a cause changes is its step.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, Literal
from uuid import UUID

from .discount import Discount
from .invoice import full_price
from .money import Money
from .tax import TaxRule, split_price

Cause = Literal[
    "plan",  # another plan, or another price of the same plan with another name
    "price",
    "quantity",
    "usage",
    "days",
    "discount",
    "tax",
    "correction",  # what the arithmetic does not say: a corrected or capped amount
    "added",
    "gone",
    "credit",  # more (or less) of the customer's credit was used
]


@dataclass(frozen=True, slots=True)
class BilledLine:
    """A line as it was asked for."""

    kind: str
    label: str
    item_id: UUID | None
    price_id: UUID | None
    gross: Money
    arithmetic: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Billed:
    """An invoice as it was asked for. `credit` is what the credit balance paid of it."""

    lines: Sequence[BilledLine]
    credit: Money


@dataclass(frozen=True, slots=True)
class Step:
    """One cause. `data` holds {before, after} of what changed, and {kind} of an added or gone line."""

    cause: Cause
    label: str
    amount: Money
    data: dict[str, Any] = field(default_factory=dict)


def bridge(before: Billed, after: Billed) -> tuple[Step, ...]:
    """Return the steps from what was asked for before to what is asked for now. None is zero.

    Their sum is (total - credit) after less (total - credit) before.
    """
    old = {_place(line): line for line in before.lines if _goes_on(line)}
    steps: list[Step] = []
    met = set()
    for line in after.lines:
        earlier = old.get(_place(line)) if _goes_on(line) else None
        if earlier is None or id(earlier) in met:
            steps.append(Step("added", line.label, line.gross, {"kind": line.kind}))
            continue
        met.add(id(earlier))
        steps += _changes(earlier, line)
    steps += [
        Step("gone", line.label, -line.gross, {"kind": line.kind})
        for line in before.lines
        if id(line) not in met
    ]
    used = {"before": before.credit.minor, "after": after.credit.minor}
    steps.append(Step("credit", "", before.credit - after.credit, used))
    return tuple(step for step in steps if step.amount)


def _goes_on(line: BilledLine) -> bool:
    """Whether such a line comes every period; a change's two lines come once."""
    return line.item_id is not None and line.kind in ("subscription", "usage")


def _place(line: BilledLine) -> tuple[UUID | None, str]:
    return line.item_id, line.kind


@dataclass(frozen=True, slots=True)
class _Sum:
    """What a line is computed from."""

    full: Money
    part: Fraction
    off: Money
    discount: Discount | None
    tax: TaxRule | None

    @property
    def gross(self) -> Money:
        price = (self.full - self.taken).times(self.part)
        return split_price(price, self.tax).gross

    @property
    def taken(self) -> Money:
        """A percentage follows the price; an amount does not, but stays within it."""
        if self.discount is None or self.discount.percent is None:
            return min(self.off, self.full)
        [off] = self.discount.off([self.full])
        return off


def _sum(facts: dict[str, Any]) -> _Sum:
    full = full_price(facts)
    given = facts.get("discount")
    return _Sum(
        full=full,
        part=_part(facts),
        off=Money(facts.get("off_minor", 0), full.currency),
        discount=Discount(given["code"], given.get("percent"), _amount(given, full.currency))
        if given
        else None,
        tax=TaxRule.from_arithmetic(facts["tax"]) if "tax" in facts else None,
    )


def _amount(given: dict[str, Any], currency: str) -> Money | None:
    return Money(given["amount_minor"], currency) if "amount_minor" in given else None


def _part(facts: dict[str, Any]) -> Fraction:
    if facts.get("unit") == "second":
        return Fraction(facts["seconds"], facts["of_seconds"])
    return Fraction(facts["days"], facts["of_days"])


def _changes(old: BilledLine, new: BilledLine) -> Iterator[Step]:
    """Yield a step for each cause; the last one takes what the arithmetic does not say."""
    a, b = _sum(old.arithmetic), _sum(new.arithmetic)
    so_far = a.gross
    for cause, now, data in _causes(old, new, a, b):
        yield Step(cause, new.label, now.gross - so_far, data)
        so_far = now.gross
    yield Step("correction", new.label, (new.gross - b.gross) - (old.gross - a.gross))


def _causes(
    old: BilledLine, new: BilledLine, a: _Sum, b: _Sum
) -> list[tuple[Cause, _Sum, dict[str, Any]]]:
    """Return what changed, in order, each with the sum once it has changed."""
    return [
        (
            "price" if old.label == new.label else "plan",
            replace(a, full=_repriced(old, new, a, b)),
            {"before": old.label, "after": new.label, **_units(old, new)},
        ),
        (
            "usage" if new.kind == "usage" else "quantity",
            replace(a, full=b.full),
            {"before": old.arithmetic["quantity"], "after": new.arithmetic["quantity"]},
        ),
        ("days", replace(a, full=b.full, part=b.part), _lengths(old, new)),
        (
            "discount",
            replace(b, tax=a.tax),
            {"before": old.arithmetic.get("discount"), "after": new.arithmetic.get("discount")},
        ),
        ("tax", b, {"before": old.arithmetic.get("tax"), "after": new.arithmetic.get("tax")}),
    ]


def _repriced(old: BilledLine, new: BilledLine, a: _Sum, b: _Sum) -> Money:
    """Return the earlier quantity's full price at the later price, as far as the lines tell."""
    if old.price_id == new.price_id:
        return a.full
    if "full_minor" in old.arithmetic or "full_minor" in new.arithmetic:
        return b.full  # by tiers: price and quantity cannot be told apart
    return Money(new.arithmetic["unit_minor"] * old.arithmetic["quantity"], a.full.currency)


def _units(old: BilledLine, new: BilledLine) -> dict[str, int]:
    return {
        "unit_before": old.arithmetic["unit_minor"],
        "unit_after": new.arithmetic["unit_minor"],
    }


def _lengths(old: BilledLine, new: BilledLine) -> dict[str, Any]:
    keys = ("days", "of_days", "unit", "seconds", "of_seconds")
    return {
        "before": {key: old.arithmetic[key] for key in keys if key in old.arithmetic},
        "after": {key: new.arithmetic[key] for key in keys if key in new.arithmetic},
    }
