"""What part of a period costs. Local dates, half-open; one rounding per line."""

from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any

from .calendar import next_boundary
from .money import Money


@dataclass(frozen=True, slots=True)
class Rate:
    """What one full period costs: `unit` times `quantity`."""

    unit: Money
    quantity: int
    interval: str
    interval_count: int

    @property
    def full(self) -> Money:
        return self.unit.times(self.quantity)

    @property
    def rhythm(self) -> tuple[str, int]:
        return self.interval, self.interval_count


@dataclass(frozen=True, slots=True)
class Span:
    """`start` up to, not including, `end`, as part of the period `of_start` .. `of_end`."""

    start: date
    end: date
    of_start: date
    of_end: date

    @property
    def days(self) -> int:
        return (self.end - self.start).days

    @property
    def of_days(self) -> int:
        return (self.of_end - self.of_start).days

    @property
    def fraction(self) -> Fraction:
        return Fraction(self.days, self.of_days)


@dataclass(frozen=True, slots=True)
class Portion:
    """An amount that can explain itself."""

    amount: Money
    span: Span
    arithmetic: dict[str, Any]


def portion(rate: Rate, span: Span, *, cap: Money | None = None) -> Portion:
    """Return what `span` costs at `rate`; `cap` bounds it and is then named in the arithmetic."""
    amount = rate.full.times(span.fraction)
    arithmetic = {
        "days": span.days,
        "of_days": span.of_days,
        "unit_minor": rate.unit.minor,
        "quantity": rate.quantity,
        "currency": rate.unit.currency,
        "from": span.start.isoformat(),
        "to": span.end.isoformat(),
    }
    if cap is not None and cap < amount:
        amount = cap
        arithmetic["cap_minor"] = cap.minor
    return Portion(amount, span, arithmetic)


def full_period(rate: Rate, start: date, end: date) -> Portion:
    return portion(rate, Span(start, end, start, end))


@dataclass(frozen=True, slots=True)
class PlanSwitch:
    """A change in mid-period as two lines, never one netted line: both are needed later.

    The unused part is a positive amount here and a negative line on the invoice.
    """

    unused: Portion
    remaining: Portion
    period_start: date
    period_end: date
    anchor_day: int

    @property
    def net(self) -> Money:
        return self.remaining.amount - self.unused.amount


def switch_plan(
    old: Rate, new: Rate, *, on: date, start: date, end: date, anchor_day: int, creditable: Money
) -> PlanSwitch:
    """Compute a change on a local date inside the period `start` .. `end`.

    The same rhythm keeps the boundaries. Another rhythm starts a full new period on that
    day and moves the anchor to it. The credit never exceeds `creditable`, what is left of
    the line that was paid.
    """
    unused = portion(old, Span(on, end, start, end), cap=creditable)
    if old.rhythm == new.rhythm:
        remaining = portion(new, Span(on, end, start, end))
        return PlanSwitch(unused, remaining, start, end, anchor_day)
    new_end = next_boundary(on, anchor_day=on.day, interval=new.interval, count=new.interval_count)
    return PlanSwitch(unused, full_period(new, on, new_end), on, new_end, on.day)
