"""Parts of periods: what a stub, a change, a trial or a blocked stretch costs."""

from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from billing_core.domain.calendar import first_bill_date, next_bill_date, nominal_period
from billing_core.domain.invoice import Asked, apply_credit, ask_back, ask_for
from billing_core.domain.money import Money, total
from billing_core.domain.pricing import Pricing
from billing_core.domain.proration import (
    Span,
    cycles_due,
    days_between,
    leading_fraction,
    trailing_fraction,
    used_until,
    without_trial,
)
from billing_core.domain.tax import split_price
from tests.corpus.billing.reading import (
    Amounts,
    Input,
    day,
    discount,
    month_days,
    rhythm,
    share_as_span,
    span,
    tax_rule,
    whole_of,
)

EPOCH = date(2000, 1, 1)


def ask(given: Input, amounts: Amounts, part: Span) -> Asked:
    """Price a part of a period: quantity, then discount, then the part."""
    unit = amounts.read(given["price"])
    charge = Pricing("per_unit", unit).charge(int(given.get("quantity", 1)))
    off = discount(given.get("discount"), charge.amount, amounts)
    return ask_for(charge, part, off=off, tax=None)


def _price(given: Input, part: Span) -> str | int:
    amounts = Amounts.like(given["price"], given)
    return amounts.write(ask(given, amounts, part).parts.gross)


def _period(given: Input) -> tuple[Any, Any] | None:
    if given.get("period"):
        return given["period"][0], given["period"][1]
    if given.get("period_start") is not None:
        return given["period_start"], given["period_end"]
    return None


def run_prorated_amount(given: Input) -> str | int:
    period = _period(given)
    if period is None:
        start = day(given["start"], given)
        nominal = nominal_period(start, ends=False, **rhythm(given))
        period = (nominal[0].isoformat(), nominal[1].isoformat())
    return _price(given, span(given, given["start"], given["end"], *period))


def _written(found: Fraction, given: Input) -> str | Fraction:
    """Write a share with so many decimals, or leave it exact."""
    if "scale" not in given:
        return found
    scale = int(given["scale"])
    digits = str(Money(1, "JPY").times(found * 10**scale).minor).rjust(scale + 1, "0")
    return f"{digits[:-scale]}.{digits[-scale:]}" if scale else digits


def run_leading_fraction(given: Input) -> str | Fraction:
    start, bill = day(given["start"], given), day(given["next_bill_date"], given)
    return _written(
        leading_fraction(
            start, bill, first_bill=bill, month_days=month_days(given), **rhythm(given)
        ),
        given,
    )


def run_trailing_fraction(given: Input) -> str | Fraction:
    last, end = day(given["last_bill_date"], given), day(given["end"], given)
    return _written(
        trailing_fraction(last, end, month_days=month_days(given), **rhythm(given)), given
    )


def run_days_between(given: Input) -> int:
    start, end = day(given["start"], given), day(given["end"], given)
    return days_between(start, end, month_days=month_days(given))


def run_cycles(given: Input) -> Fraction:
    start, bill_day = day(given["start"], given), int(given["bill_day"])
    first = first_bill_date(start, bill_day=bill_day, **rhythm(given))
    if given.get("first_bill_date"):
        first = day(given["first_bill_date"], given)
    return cycles_due(
        start,
        target=day(given["target"], given),
        first_bill=first,
        bill_day=bill_day,
        end=day(given["end"], given) if given.get("end") else None,
        **rhythm(given),
    )


def _rest(given: Input, period: tuple[Any, Any] | None) -> Span:
    """Return the part of a period that is left at the moment of a change."""
    if given.get("fraction_remaining") is not None:
        return share_as_span(Fraction(given["fraction_remaining"]))
    for unit in ("seconds", "days"):
        if given.get(f"{unit}_total") is not None:
            left = Fraction(given[f"{unit}_remaining"]) / Fraction(given[f"{unit}_total"])
            return share_as_span(left)
    assert period is not None
    return span(given, given["at"], period[1], *period)


def _remaining(given: Input, unused: Span) -> Span:
    """Return the part of the new plan's period that is charged now."""
    old, new = given["old"], given["new"]
    if _period(new):
        return _rest({**given, **new}, _period(new))
    intervals = [rhythm(side, given.get("interval", "month")) for side in (old, new)]
    if intervals[0] == intervals[1]:
        return unused
    on = unused.start
    if given.get("interval_change_resets_anchor", True):
        whole = nominal_period(on, ends=False, **intervals[1])
        return Span(*whole, *whole)
    bill = next_bill_date(on, bill_day=unused.of_start.day, **intervals[1])
    return Span(on, bill, *nominal_period(bill, ends=True, **intervals[1]))


def run_plan_change(given: Input) -> dict[str, Any]:
    old, new = given["old"], given["new"]
    amounts = Amounts.like(old["price"], given)
    unused = _rest(given, _period(old) or _period(given))
    whole = whole_of(unused)
    line = ask(old, amounts, whole)
    left = line.parts.gross - amounts.read(old.get("already_adjusted") or 0)
    credit = ask_back(line.parts.net, line.arithmetic, unused, left=left).parts.gross
    charge = ask(new, amounts, _remaining(given, unused)).parts.gross
    net = charge - credit
    to_balance = max(-net, Money.zero(net.currency))
    renewal = ask(new, amounts, whole).parts.gross
    found = {
        "credit": credit,
        "charge": charge,
        "net": net,
        "due_now": max(net, Money.zero(net.currency)),
        "customer_credit": to_balance,
        "next_renewal_due": renewal - apply_credit(renewal, to_balance),
    }
    return {name: amounts.write(amount) for name, amount in found.items()}


def run_unused_time_credit(given: Input) -> str | int:
    amounts = Amounts.like(given["price"], given)
    return amounts.write(-ask(given, amounts, _rest(given, _period(given))).parts.gross)


def run_arrears(given: Input) -> str | int:
    start, end = (day(one, given) for one in _period(given) or ())
    part = used_until(
        day(given["terminated_on"], given),
        since=day(given.get("start", start.isoformat()), given),
        start=start,
        end=end,
        last_counts=bool(given.get("count_termination_day")),
    )
    return _price(given, part)


def run_first_partial_period(given: Input) -> str | int:
    end = day(given["last_day_inclusive"], given) + timedelta(days=1)
    of_start = end - timedelta(days=int(given["days_in_full_period"]))
    part = Span(day(given["start"], given), end, of_start, end)
    return _price(given, without_trial(part, int(given.get("trial_days_inside", 0))))


def run_period_minus_trial(given: Input) -> str | int:
    of_days = int(given["days_in_period"])
    end = EPOCH + timedelta(days=of_days)
    start = end - timedelta(days=int(given.get("days_after_start", of_days)))
    part = Span(start, end, EPOCH, end)
    return _price(given, without_trial(part, int(given["trial_days_inside"])))


def run_blocked_credit(given: Input) -> str | int:
    period = _period(given)
    assert period is not None
    blocked_from, blocked_until = given["blocked"]
    part = span(given, blocked_from, blocked_until, *period)
    return _price(given, part.within if part.instants is None else part)


def run_renewal(given: Input) -> dict[str, Any]:
    amounts = Amounts.like(given["lines"][0], given)
    lines = [split_price(amounts.read(line), tax_rule(given)) for line in given["lines"]]
    subtotal = total((line.net for line in lines), amounts.currency)
    tax = total((line.tax for line in lines), amounts.currency)
    found = {"subtotal": subtotal, "tax": tax, "total": subtotal + tax}
    return {name: amounts.write(amount) for name, amount in found.items()}


RUNNERS = {
    "prorated_amount": run_prorated_amount,
    "leading_fraction": run_leading_fraction,
    "trailing_fraction": run_trailing_fraction,
    "days_between_fixed_month": run_days_between,
    "billing_cycles_due_in_advance": run_cycles,
    "plan_change_now": run_plan_change,
    "unused_time_credit": run_unused_time_credit,
    "arrears_until_termination": run_arrears,
    "first_partial_period": run_first_partial_period,
    "period_minus_trial": run_period_minus_trial,
    "blocked_interval_credit": run_blocked_credit,
    "renewal_with_prorations": run_renewal,
}
