"""Anchors: when the next bill is due, and which period a date belongs to."""

from datetime import UTC, date, datetime

from billing_core.domain.calendar import (
    advance,
    boundaries,
    calendar_anchor,
    calendar_month_start,
    first_bill_date,
    local_date,
    next_bill_date,
    period_at,
    period_before,
)
from tests.corpus.billing.reading import Input, day, instant, rhythm, zone


def run_advance(given: Input) -> date:
    return advance(day(given["start"], given), int(given["count"]), **rhythm(given))


def run_first_bill_date(given: Input) -> date:
    start = day(given["start"], given)
    return first_bill_date(start, bill_day=int(given["bill_day"]), **rhythm(given))


def run_next_bill_date_after(given: Input) -> date:
    start = day(given["start"], given)
    return next_bill_date(start, bill_day=int(given["bill_day"]), **rhythm(given))


def run_bill_dates(given: Input) -> list[date]:
    anchor = day(given["anchor"], given)
    bill_day = given.get("bill_day", anchor.day)
    periods = int(given["count"]) - 1
    return boundaries(anchor, periods=periods, anchor_day=bill_day, **rhythm(given))


def run_local_date(given: Input) -> date:
    return local_date(instant(given["instant"], given), zone(given))


def _anchor(given: Input, on: date) -> date:
    if given.get("billing_time") == "calendar":
        return calendar_anchor(on, **rhythm(given))
    return day(given["anchor"], given)


def run_current_period_start(given: Input) -> date:
    on = day(given["billing_at"], given)
    return period_at(on, anchor=_anchor(given, on), **rhythm(given))[0]


def run_previous_period_start(given: Input) -> date:
    on = day(given["billing_at"], given)
    return period_before(on, anchor=_anchor(given, on), **rhythm(given))[0]


def run_calendar_month_start(given: Input) -> datetime:
    """Billed in arrears: the last local month that is over; in advance: the running one."""
    at = instant(given["billing_at"], given)
    ago = 0 if given.get("pay_in_advance") else 1
    return calendar_month_start(at, zone(given), months_ago=ago).astimezone(UTC)


RUNNERS = {
    "advance": run_advance,
    "first_bill_date": run_first_bill_date,
    "next_bill_date_after": run_next_bill_date_after,
    "bill_dates": run_bill_dates,
    "local_bill_date": run_local_date,
    "naive_local_date": run_local_date,
    "current_period_start": run_current_period_start,
    "previous_period_start": run_previous_period_start,
    "calendar_month_start_utc": run_calendar_month_start,
}
