"""What part of a period costs. Half-open, by local dates or by the second; one rounding per line."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any

from .calendar import next_boundary, nominal_period


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
    days; the dates then only say what the line covers. `month_days` counts every month as
    so many days: 30 makes 23 May to 15 June 22 days, as in any other month.
    """

    start: date
    end: date
    of_start: date
    of_end: date
    instants: Instants | None = None
    month_days: int | None = None

    @property
    def days(self) -> int:
        return days_between(self.start, self.end, month_days=self.month_days)

    @property
    def of_days(self) -> int:
        if self.month_days is None:
            return (self.of_end - self.of_start).days
        years = self.of_end.year - self.of_start.year
        return self.month_days * (12 * years + self.of_end.month - self.of_start.month)

    @property
    def fraction(self) -> Fraction:
        if self.instants is not None:
            return Fraction(self.instants.seconds, self.instants.of_seconds)
        return Fraction(self.days, self.of_days)

    @property
    def within(self) -> Span:
        """Return this span of days without what lies outside of its period; maybe no day at all."""
        start = min(max(self.start, self.of_start), self.of_end)
        return replace(self, start=start, end=max(start, min(self.end, self.of_end)))

    @property
    def arithmetic(self) -> dict[str, Any]:
        """{days, of_days}, or {unit: "second", seconds, of_seconds}; always {from, to}."""
        ends = {"from": self.start.isoformat(), "to": self.end.isoformat()}
        if self.instants is None:
            return {"days": self.days, "of_days": self.of_days, **ends}
        seconds, of_seconds = self.instants.seconds, self.instants.of_seconds
        return {"unit": "second", "seconds": seconds, "of_seconds": of_seconds, **ends}


def days_between(start: date, end: date, *, month_days: int | None = None) -> int:
    """Count days, or count them as if the month of `start` had `month_days` (Kill Bill's rule).

    Within one month the real days count.
    """
    days = (end - start).days
    if month_days is None or (start.year, start.month) == (end.year, end.month):
        return days
    return days - (monthrange(start.year, start.month)[1] - month_days)


def used_until(last: date, *, since: date, start: date, end: date, last_counts: bool) -> Span:
    """Return what was used of the period `start` .. `end` from `since` to a termination.

    `last_counts`: the day of the termination itself was used too.
    """
    until = last + timedelta(days=1) if last_counts else last
    return Span(since, until, start, end).within


def without_trial(span: Span, trial_days: int) -> Span:
    """Return the span without its first days, which cost nothing; maybe no day at all."""
    return replace(span, start=min(span.end, span.start + timedelta(days=trial_days)))


def leading_fraction(
    start: date,
    end: date,
    *,
    first_bill: date,
    interval: str,
    count: int = 1,
    month_days: int | None = None,
) -> Fraction:
    """Return a stub before the first bill date as part of the nominal period that ends there."""
    nominal = nominal_period(first_bill, interval=interval, count=count, ends=True)
    return Span(start, end, *nominal, month_days=month_days).fraction


def trailing_fraction(
    last_bill: date, end: date, *, interval: str, count: int = 1, month_days: int | None = None
) -> Fraction:
    """Return a stub after the last bill date as part of the nominal period that begins there.

    More than 1 is right for a stub that is longer than one period.
    """
    nominal = nominal_period(last_bill, interval=interval, count=count, ends=False)
    return Span(last_bill, end, *nominal, month_days=month_days).fraction


def cycles_due(
    start: date,
    *,
    target: date,
    first_bill: date,
    bill_day: int,
    interval: str,
    count: int = 1,
    end: date | None = None,
) -> Fraction:
    """Return how many periods are due in advance on `target`: whole ones and a stub at each end.

    What is due ends with the period that contains the target, or with the subscription.
    """
    if target < start or (end is not None and end <= start):
        return Fraction(0)
    bills = [first_bill]
    while bills[-1] <= target:
        bills.append(next_boundary(bills[-1], anchor_day=bill_day, interval=interval, count=count))
    through = bills[-1] if end is None else min(bills[-1], end)
    lead_end = min(first_bill, through)
    lead = leading_fraction(start, lead_end, first_bill=first_bill, interval=interval, count=count)
    whole = [bill for bill in bills if bill <= through]
    if not whole:
        return lead
    return (
        lead
        + len(whole)
        - 1
        + trailing_fraction(whole[-1], through, interval=interval, count=count)
    )


def _seconds(length: timedelta) -> int:
    return length // timedelta(seconds=1)
