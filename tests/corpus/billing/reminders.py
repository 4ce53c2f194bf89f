"""Dunning: when money is asked for again, and when enough is overdue to ask at all."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from billing_core.domain.dunning import (
    Policy,
    days_after,
    due_and_overdue,
    first_retry,
    overdue_state_dates,
    payment_request_total,
    pix_automatico_retry_allowed,
    retry_dates,
    threshold_reached,
)
from billing_core.domain.money import Money, total
from tests.corpus.billing.reading import Amounts, Input, day

FAILED_ON = date(2026, 1, 1)


def run_retry_dates(given: Input) -> tuple[date, ...]:
    first = day(given["first_failure"], given)
    if "intervals" in given:
        return tuple(first + timedelta(days=days) for days in days_after(given["intervals"]))
    return retry_dates(first, every_days=int(given["every_days"]), count=int(given["count"]))


def run_overdue_states(given: Input) -> dict[str, date]:
    return overdue_state_dates(day(given["earliest_unpaid"], given), given["thresholds_days"])


def run_due(given: Input) -> dict[str, date]:
    due, overdue = due_and_overdue(day(given["issued"], given), net_days=int(given["net_days"]))
    return {"due": due, "overdue_from": overdue}


def _overdue(given: Input, amounts: Amounts) -> Money:
    value = given["overdue"]
    several = value if isinstance(value, list) else [value]
    return total((amounts.read(one) for one in several), amounts.currency)


def run_request_total(given: Input) -> str | int:
    overdue = [*given["overdue"]]
    amounts = Amounts.like(overdue[0] if overdue else 0, given)
    asked = (amounts.read(one) for one in overdue)
    return amounts.write(payment_request_total(asked, amounts.currency))


def run_threshold(given: Input) -> bool:
    amounts = Amounts.like(given["threshold"], given)
    return threshold_reached(_overdue(given, amounts), amounts.read(given["threshold"]))


def run_pix_automatico(given: Input) -> bool:
    rules = {
        "max_tries": given.get("max_tries"),
        "window_days": given.get("window_days"),
        "next_cycle": given.get("next_cycle_in_days"),
    }
    told = {name: int(value) for name, value in rules.items() if value is not None}
    return pix_automatico_retry_allowed(given["offsets_days"], **told)


def run_first_retry(given: Input) -> dict[str, Any]:
    """A soft decline waits for the first interval, a hard one for the deadline."""
    days = days_after(given["intervals"])
    policy = replace(Policy(), card_days=days, deadline_days=days[-1])
    found = first_retry(given["decline"], FAILED_ON, policy=policy)
    wait = None if found.on is None else (found.on - FAILED_ON).days
    return {
        "retry_now": wait == 0,
        "ends_at_deadline": wait is None,
        "retry_after_days": wait,
        "deadline_days": (found.ends_on - FAILED_ON).days,
    }


RUNNERS = {
    "retry_dates": run_retry_dates,
    "overdue_state_dates": run_overdue_states,
    "due_and_overdue": run_due,
    "payment_request_total": run_request_total,
    "threshold_reached": run_threshold,
    "pix_automatico_retry_allowed": run_pix_automatico,
    "first_retry": run_first_retry,
}
