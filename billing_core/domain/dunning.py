"""When to ask again for money that did not come, by rail. Dates and rules; nothing here acts.

A timetable is written once, after an invoice's first failure, and never starts again.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import accumulate
from typing import Literal

from .money import Money, total

Rail = Literal["card", "pix", "pix_automatico", "boleto"]
Act = Literal["retry", "remind", "second_copy", "end"]
Ending = Literal["canceled", "unpaid", "past_due"]

HARD_DECLINES = frozenset(
    {
        "account_closed",
        "authentication_required",  # nobody is there to authenticate
        "card_not_supported",
        "expired_card",
        "fraudulent",
        "highest_risk_level",
        "incorrect_number",
        "invalid_account",
        "invalid_number",
        "lost_card",
        "mandate_ended",
        "mandate_limit_exceeded",
        "no_account",
        "pickup_card",
        "restricted_card",
        "revocation_of_all_authorizations",
        "revocation_of_authorization",
        "security_violation",
        "stolen_card",
        "stop_payment_order",
        "transaction_not_allowed",
    }
)
"""Declines that the same card or mandate will repeat, however often it is asked."""

OVERDUE_DAYS: Mapping[str, int] = {"no_changes": 30, "no_service": 40, "final": 50}
"""Days after the earliest unpaid invoice at which an account enters each overdue state."""

SAME_DAY = 0  # the payer's bank tries again by itself in the evening of the due day


@dataclass(frozen=True, slots=True)
class Policy:
    """How one company asks again. Days count from the first failure unless they say otherwise."""

    card_days: tuple[int, ...] = (2, 7, 14, 21)
    pix_automatico_days: tuple[int, ...] = (2, 4, 7)  # after the due day
    pix_automatico_tries: int = 3
    pix_automatico_window: int = 7  # calendar days after the due day
    remind_after: int = 1  # Pix and boleto: the customer pays herself
    second_copy_after: int = 4
    pay_within: Mapping[str, int] = field(default_factory=lambda: {"pix": 1, "boleto": 3})
    deadline_days: int = 21
    ending: Ending = "canceled"
    grace_days: int = 0  # benefits go on for so long after the first failure
    minimums: Mapping[str, Money] = field(default_factory=dict)  # by currency


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do for one invoice; `n` counts from 1 and is never given twice."""

    n: int
    on: date  # local to the subscription
    act: Act


@dataclass(frozen=True, slots=True)
class FirstRetry:
    """What follows a first failure. `on` None: no retry; it ends on `ends_on` all the same."""

    on: date | None
    ends_on: date


def is_hard(code: str) -> bool:
    """Say whether a decline is final for the card or mandate. An unknown word is soft."""
    return code in HARD_DECLINES


def days_after(intervals: Sequence[int]) -> tuple[int, ...]:
    """Turn waits between tries into days after the first failure: 2, 5, 7, 7 is 2, 7, 14, 21."""
    return tuple(accumulate(intervals))


def first_retry(code: str, failed_on: date, *, policy: Policy) -> FirstRetry:
    """Return when a declined card is tried again first, and when its time is over."""
    steps = timetable("card", failed_on, due_on=failed_on, code=code, policy=policy)
    tries = [step.on for step in steps if step.act == "retry"]
    return FirstRetry(min(tries, default=None), steps[-1].on)


def timetable(
    rail: Rail,
    failed_on: date,
    *,
    due_on: date,
    policy: Policy,
    code: str = "",
    next_cycle_on: date | None = None,
) -> tuple[Step, ...]:
    """Return every step for an invoice, in order; the last one ends it.

    A hard decline gets no retry. Pix Automático is tried again before the next cycle only.
    A boleto or a Pix code cannot be retried: a reminder, then a second copy.
    """
    ends_on = failed_on + timedelta(days=policy.deadline_days)
    acts: list[tuple[date, Act]] = []
    if rail in ("pix", "boleto"):
        acts.append((failed_on + timedelta(days=policy.remind_after), "remind"))
        acts.append((failed_on + timedelta(days=policy.second_copy_after), "second_copy"))
    elif not is_hard(code):
        acts += [
            (day, "retry")
            for day in _retry_days(rail, failed_on, due_on, policy)
            if rail == "card" or next_cycle_on is None or day < next_cycle_on
        ]
    acts.append((max([ends_on, *(day for day, _ in acts)]), "end"))
    return tuple(Step(n, on, act) for n, (on, act) in enumerate(acts, start=1))


def _retry_days(rail: Rail, failed_on: date, due_on: date, policy: Policy) -> list[date]:
    if rail == "card":
        return [failed_on + timedelta(days=days) for days in policy.card_days]
    days = [due_on + timedelta(days=days) for days in policy.pix_automatico_days]
    return [day for day in days if day > failed_on]


def pix_automatico_retry_allowed(
    offsets_days: Sequence[int],
    *,
    max_tries: int = 3,
    window_days: int = 7,
    next_cycle: int | None = None,
) -> bool:
    """Say whether retries so many days after the due day keep the scheme's rule.

    Each on another day, within the window, before the next cycle. The payer's bank trying
    again on the due day itself is not a retry of ours and does not count.
    """
    ours = [days for days in offsets_days if days != SAME_DAY]
    last = window_days if next_cycle is None else min(window_days, next_cycle - 1)
    return (
        len(ours) <= max_tries
        and len(set(ours)) == len(ours)
        and all(SAME_DAY < days <= last for days in ours)
    )


def retry_dates(first_failure: date, *, every_days: int, count: int) -> tuple[date, ...]:
    """Return `count` dates, one every so many days, the first one wait after the failure."""
    return tuple(first_failure + timedelta(days=every_days * n) for n in range(1, count + 1))


def due_and_overdue(issued: date, *, net_days: int) -> tuple[date, date]:
    """Return the last day to pay, and the first day on which it is overdue."""
    due = issued + timedelta(days=net_days)
    return due, due + timedelta(days=1)


def overdue_state_dates(
    earliest_unpaid: date, thresholds: Mapping[str, int] = OVERDUE_DAYS
) -> dict[str, date]:
    """Return the day on which each overdue state begins, if nothing is paid until then."""
    return {
        state: earliest_unpaid + timedelta(days=days)
        for state, days in sorted(thresholds.items(), key=lambda one: one[1])
    }


def overdue_state(
    earliest_unpaid: date, on: date, thresholds: Mapping[str, int] = OVERDUE_DAYS
) -> str:
    """Return the overdue state of an account on a day; empty when it is in none yet."""
    begun = [
        name for name, day in overdue_state_dates(earliest_unpaid, thresholds).items() if day <= on
    ]
    return begun[-1] if begun else ""


def benefits_end_on(first_failure: date, *, grace_days: int) -> date:
    """Return the first day without benefits. No grace: the day of the failure itself."""
    return first_failure + timedelta(days=grace_days)


def payment_request_total(overdue: Iterable[Money], currency: str) -> Money:
    """Return what one request for everything overdue in a currency asks for.

    Raises `CurrencyMismatch`: currencies are never added up.
    """
    return total(overdue, currency)


def threshold_reached(overdue: Money, threshold: Money) -> bool:
    """Say whether enough is overdue to be worth asking. Raises `CurrencyMismatch`."""
    return (overdue - threshold).minor >= 0


def worth_asking(overdue: Money, policy: Policy) -> bool:
    """Apply the policy's threshold of this currency; without one, anything is worth asking."""
    minimum = policy.minimums.get(overdue.currency)
    return minimum is None or threshold_reached(overdue, minimum)


def pay_until(rail: str, today: date, *, due_on: date, policy: Policy) -> date:
    """Return the local day until which a charge can be paid: never one that has passed."""
    return max(due_on, today + timedelta(days=policy.pay_within.get(rail, 0)))
