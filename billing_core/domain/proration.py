"""What part of a period costs. Half-open, by local dates or by the second; one rounding per line."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any

from .calendar import next_boundary
from .money import Money


@dataclass(frozen=True, slots=True)
class Rate:
    """What one full period costs: `unit` times `quantity`, less what a discount takes `off`.

    The discount comes off the full period's price, before any part of it is computed.
    """

    unit: Money
    quantity: int
    interval: str
    interval_count: int
    off: Money | None = None

    @property
    def full(self) -> Money:
        """Never below zero, however large the discount."""
        whole = self.unit.times(self.quantity)
        return whole if self.off is None else max(whole - self.off, Money.zero(whole.currency))

    @property
    def rhythm(self) -> tuple[str, int]:
        return self.interval, self.interval_count


@dataclass(frozen=True, slots=True)
class Instants:
    """The four ends of a `Span` as aware UTC instants."""

    start: datetime
    end: datetime
    of_start: datetime
    of_end: datetime

    @property
    def seconds(self) -> int:
        return _seconds(self.end - self.start)

    @property
    def of_seconds(self) -> int:
        return _seconds(self.of_end - self.of_start)


@dataclass(frozen=True, slots=True)
class Span:
    """`start` up to, not including, `end`, as part of the period `of_start` .. `of_end`.

    The dates are local. With `instants` the part is measured in real seconds, otherwise in
    days; the dates then only say what the line covers.
    """

    start: date
    end: date
    of_start: date
    of_end: date
    instants: Instants | None = None

    @property
    def unit(self) -> str:
        return "day" if self.instants is None else "second"

    @property
    def days(self) -> int:
        return (self.end - self.start).days

    @property
    def of_days(self) -> int:
        return (self.of_end - self.of_start).days

    @property
    def fraction(self) -> Fraction:
        if self.instants is not None:
            return Fraction(self.instants.seconds, self.instants.of_seconds)
        return Fraction(self.days, self.of_days)

    @property
    def arithmetic(self) -> dict[str, Any]:
        """{days, of_days}, or {unit: "second", seconds, of_seconds}; always {from, to}."""
        ends = {"from": self.start.isoformat(), "to": self.end.isoformat()}
        if self.instants is None:
            return {"days": self.days, "of_days": self.of_days, **ends}
        seconds, of_seconds = self.instants.seconds, self.instants.of_seconds
        return {"unit": "second", "seconds": seconds, "of_seconds": of_seconds, **ends}


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
        **span.arithmetic,
        "unit_minor": rate.unit.minor,
        "quantity": rate.quantity,
        "currency": rate.unit.currency,
    }
    if rate.off is not None:
        arithmetic["off_minor"] = rate.off.minor
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
    old: Rate,
    new: Rate,
    *,
    on: date,
    start: date,
    end: date,
    anchor_day: int,
    creditable: Money,
    instants: Instants | None = None,
) -> PlanSwitch:
    """Compute a change on a local date inside the period `start` .. `end`.

    The same rhythm keeps the boundaries. Another rhythm starts a full new period on that
    day and moves the anchor to it. The credit never exceeds `creditable`, what is left of
    the line that was paid. `instants` measure the unused time by the second.
    """
    rest = Span(on, end, start, end, instants)
    unused = portion(old, rest, cap=creditable)
    if old.rhythm == new.rhythm:
        remaining = portion(new, rest)
        return PlanSwitch(unused, remaining, start, end, anchor_day)
    new_end = next_boundary(on, anchor_day=on.day, interval=new.interval, count=new.interval_count)
    return PlanSwitch(unused, full_period(new, on, new_end), on, new_end, on.day)


def _seconds(length: timedelta) -> int:
    return length // timedelta(seconds=1)
