"""How the cases write amounts, dates, shares and discounts.

An amount in quotes counts currency units ("249.95"), one without counts minor units (24995);
the answer is written in the same way as the price of the case.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from billing_core.domain.calendar import local_date, read_rhythm, start_of
from billing_core.domain.discount import Discount, Off
from billing_core.domain.money import Money, minor_units
from billing_core.domain.proration import Instants, Span
from billing_core.domain.tax import TaxRule

Input = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Amounts:
    """Reads and writes the amounts of one case."""

    currency: str
    in_units: bool

    @classmethod
    def like(cls, sample: Any, given: Input) -> "Amounts":
        """Write as this sample of the case does."""
        return cls(given.get("currency", "USD"), isinstance(sample, str))

    def exact(self, value: Any) -> Fraction:
        """Return exact minor units."""
        return Fraction(value) * (10 ** minor_units(self.currency) if self.in_units else 1)

    def read(self, value: Any) -> Money:
        if self.in_units:
            return Money.nearest(str(value), self.currency)
        return Money.zero(self.currency) + Money(1, self.currency).times(Fraction(value))

    def write(self, amount: Money) -> str | int:
        if self.in_units:
            return str(amount).removeprefix(f"{self.currency} ")
        return amount.minor


def moment(value: Any) -> date | datetime:
    """Read a date, an instant or seconds since 1970."""
    if isinstance(value, int):
        return datetime.fromtimestamp(value, UTC)
    if "T" in value:
        return datetime.fromisoformat(value)
    return date.fromisoformat(value)


def zone(given: Input) -> str:
    return str(given.get("timezone") or given.get("time_zone") or "UTC")


def day(value: Any, given: Input) -> date:
    """Read a date, or the local date of an instant."""
    found = moment(value)
    return local_date(found, zone(given)) if isinstance(found, datetime) else found


def instant(value: Any, given: Input) -> datetime:
    """Read an instant, or the first one of a local date."""
    found = moment(value)
    if isinstance(found, datetime):
        return found if found.tzinfo else found.replace(tzinfo=UTC)
    return start_of(found, zone(given))


def rhythm(given: Input, default: str = "month") -> dict[str, Any]:
    """Return {interval, count} as the engine's functions take them."""
    interval, count = read_rhythm(given.get("interval", default))
    return {"interval": interval, "count": count * int(given.get("interval_count", 1))}


def month_days(given: Input) -> int | None:
    """Return how many days every month has: "fixed_30_day_month", or a number by itself."""
    if named := re.fullmatch(r"fixed_([0-9]+)_day_month", str(given.get("basis", ""))):
        return int(named[1])
    for name in ("days_in_month", "fixed_days_in_month", "fixed_days"):
        if given.get(name):
            return int(given[name])
    return None


def span(given: Input, start: Any, end: Any, of_start: Any, of_end: Any) -> Span:
    """Return a part of a period, in the case's unit of time."""
    ends = (start, end, of_start, of_end)
    by_second = any(isinstance(moment(one), datetime) for one in ends)
    instants = None
    if given.get("unit", "second" if by_second else "day") == "second":
        instants = Instants(*(instant(one, given) for one in ends))
    first, last, of_first, of_last = (day(one, given) for one in ends)
    return Span(first, last, of_first, of_last, instants, month_days(given))


def whole_of(part: Span) -> Span:
    """Return the whole period that this is a part of."""
    at = part.instants
    if at is not None:
        at = Instants(at.of_start, at.of_end, at.of_start, at.of_end)
    of = (part.of_start, part.of_end)
    return Span(*of, *of, instants=at, month_days=part.month_days)


def share_as_span(share: Fraction) -> Span:
    """Return a span that is this share of its period, where a case names no dates."""
    zero = 0
    start, end = share.denominator - share.numerator, share.denominator
    return span({}, start, end, zero, end)


def percent(value: Any) -> str:
    """Read a percentage; above 100 it can only be written in hundredths of a percent."""
    exact = Fraction(value)
    return str(Decimal(str(value)) / 100) if exact > 100 else str(value)


def tax_rule(given: Input) -> TaxRule | None:
    if given.get("tax_rate") is None:
        return None
    inclusive = bool(given.get("tax_inclusive") or given.get("inclusive"))
    return TaxRule("tax", percent(given["tax_rate"]), inclusive)


def discount(value: Any, full: Money, amounts: Amounts) -> Off | None:
    """Read ["fix", 2500] or ["pct", 20]."""
    if not value:
        return None
    kind, size = value
    if kind in ("fix", "fixed", "amount"):
        made = Discount("coupon", amount=amounts.read(size))
    else:
        made = Discount("coupon", percent=percent(size))
    return Off(made.off([full])[0], made)
