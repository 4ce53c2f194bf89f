"""When money is asked for again: by rail, by decline, by date."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_core.domain.dunning import (
    FirstRetry,
    Policy,
    Step,
    benefits_end_on,
    days_after,
    due_and_overdue,
    first_retry,
    is_hard,
    overdue_state,
    overdue_state_dates,
    pay_until,
    payment_request_total,
    pix_automatico_retry_allowed,
    retry_dates,
    threshold_reached,
    timetable,
    worth_asking,
)
from billing_core.domain.money import Money
from billing_core.errors import CurrencyMismatch

FAILED = date(2026, 11, 16)
POLICY = Policy()


def days(steps: tuple[Step, ...]) -> list[tuple[int, int, str]]:
    """Return (n, days after the failure, act)."""
    return [(step.n, (step.on - FAILED).days, step.act) for step in steps]


def brl(minor: int) -> Money:
    return Money(minor, "BRL")


def test_a_soft_decline_is_tried_after_2_7_14_and_21_days_and_then_ends() -> None:
    steps = timetable("card", FAILED, due_on=FAILED, policy=POLICY, code="insufficient_funds")
    assert days(steps) == [
        (1, 2, "retry"),
        (2, 7, "retry"),
        (3, 14, "retry"),
        (4, 21, "retry"),
        (5, 21, "end"),
    ]


def test_a_hard_decline_is_never_tried_again_and_ends_at_the_deadline() -> None:
    steps = timetable("card", FAILED, due_on=FAILED, policy=POLICY, code="lost_card")
    assert days(steps) == [(1, 21, "end")]


def test_a_card_is_tried_beyond_the_next_cycle() -> None:
    soon = FAILED + timedelta(days=7)
    steps = timetable("card", FAILED, due_on=FAILED, policy=POLICY, next_cycle_on=soon)
    assert len(steps) == 5


@pytest.mark.parametrize(
    ("next_cycle", "expected"),
    [
        pytest.param(None, [2, 4, 7], id="once-only"),
        pytest.param(30, [2, 4, 7], id="monthly"),
        pytest.param(7, [2, 4], id="weekly-stops-before-the-next-week"),
    ],
)
def test_pix_automatico_is_tried_within_seven_days_of_the_due_day(
    next_cycle: int | None, expected: list[int]
) -> None:
    cycle = None if next_cycle is None else FAILED + timedelta(days=next_cycle)
    steps = timetable("pix_automatico", FAILED, due_on=FAILED, policy=POLICY, next_cycle_on=cycle)
    tries = [after for _, after, act in days(steps) if act == "retry"]
    assert tries == expected
    assert pix_automatico_retry_allowed(tries, next_cycle=next_cycle)
    assert days(steps)[-1][1:] == (21, "end")


def test_the_window_of_pix_automatico_counts_from_the_due_day_not_from_the_failure() -> None:
    steps = timetable("pix_automatico", FAILED, due_on=FAILED - timedelta(days=2), policy=POLICY)
    assert days(steps) == [(1, 2, "retry"), (2, 5, "retry"), (3, 21, "end")]


@pytest.mark.parametrize("rail", ["pix", "boleto"])
def test_what_the_customer_pays_herself_gets_a_reminder_then_a_second_copy(rail: str) -> None:
    steps = timetable(rail, FAILED, due_on=FAILED, policy=POLICY)  # type: ignore[arg-type]
    assert days(steps) == [(1, 1, "remind"), (2, 4, "second_copy"), (3, 21, "end")]


def test_the_end_never_comes_before_the_last_try() -> None:
    steps = timetable("card", FAILED, due_on=FAILED, policy=Policy(deadline_days=5))
    assert days(steps)[-1] == (5, 21, "end")


@pytest.mark.parametrize(
    ("offsets", "allowed"),
    [
        ([1, 2, 7], True),
        ([], True),
        ([0, 1, 2, 7], True),  # the bank's own try on the due day
        ([0, 0, 3], True),
        ([1, 2, 3, 7], False),  # four
        ([2, 2], False),  # the same day
        ([8], False),  # too late
        ([-1], False),
    ],
)
def test_pix_automatico_allows_three_tries_in_seven_days(offsets: list[int], allowed: bool) -> None:
    assert pix_automatico_retry_allowed(offsets) is allowed


def test_pix_automatico_stops_the_day_before_the_next_cycle() -> None:
    assert pix_automatico_retry_allowed([4], next_cycle=5)
    assert not pix_automatico_retry_allowed([5], next_cycle=5)
    assert pix_automatico_retry_allowed([1, 2], max_tries=2, window_days=2)
    assert not pix_automatico_retry_allowed([3], window_days=2)


def test_the_first_retry_of_a_soft_decline_and_of_a_hard_one() -> None:
    policy = Policy(card_days=days_after([2, 5, 7, 7]))
    assert policy.card_days == (2, 7, 14, 21)
    deadline = date(2026, 12, 7)
    assert first_retry("do_not_honor", FAILED, policy=policy) == FirstRetry(
        date(2026, 11, 18), deadline
    )
    assert first_retry("lost_card", FAILED, policy=policy) == FirstRetry(None, deadline)


def test_an_unknown_decline_is_soft() -> None:
    assert is_hard("stolen_card")
    assert not is_hard("a_word_of_tomorrow")


def test_retries_every_eight_days() -> None:
    found = retry_dates(date(2012, 5, 31), every_days=8, count=6)
    assert [day.strftime("%m-%d") for day in found] == [
        "06-08",
        "06-16",
        "06-24",
        "07-02",
        "07-10",
        "07-18",
    ]


def test_an_invoice_is_overdue_the_day_after_it_is_due() -> None:
    assert due_and_overdue(date(2025, 1, 1), net_days=2) == (date(2025, 1, 3), date(2025, 1, 4))


@pytest.mark.parametrize(
    ("after", "state"),
    [(29, ""), (30, "no_changes"), (39, "no_changes"), (40, "no_service"), (50, "final")],
)
def test_an_account_sinks_through_the_overdue_states(after: int, state: str) -> None:
    assert overdue_state(FAILED, FAILED + timedelta(days=after)) == state


def test_overdue_states_come_in_the_order_of_their_days() -> None:
    found = overdue_state_dates(date(2012, 5, 31), {"OD3": 50, "OD1": 30, "OD2": 40})
    assert list(found.items()) == [
        ("OD1", date(2012, 6, 30)),
        ("OD2", date(2012, 7, 10)),
        ("OD3", date(2012, 7, 20)),
    ]


def test_benefits_go_on_for_the_days_of_grace() -> None:
    assert benefits_end_on(FAILED, grace_days=0) == FAILED
    assert benefits_end_on(FAILED, grace_days=7) == date(2026, 11, 23)


def test_a_threshold_is_reached_by_the_sum_of_what_is_overdue() -> None:
    threshold = brl(15000)
    assert not threshold_reached(brl(14900), threshold)
    assert threshold_reached(brl(15000), threshold)
    both = payment_request_total([brl(14900), brl(600)], "BRL")
    assert both == brl(15500)
    assert threshold_reached(both, threshold)
    with pytest.raises(CurrencyMismatch):
        threshold_reached(Money(20000, "USD"), threshold)
    with pytest.raises(CurrencyMismatch):
        payment_request_total([brl(1), Money(1, "USD")], "BRL")


def test_a_currency_without_a_threshold_is_always_worth_asking() -> None:
    policy = Policy(minimums={"BRL": brl(15000)})
    assert not worth_asking(brl(14999), policy)
    assert worth_asking(brl(15000), policy)
    assert worth_asking(Money(1, "USD"), policy)


def test_a_charge_can_be_paid_until_a_day_that_has_not_passed() -> None:
    assert pay_until("boleto", FAILED, due_on=FAILED, policy=POLICY) == date(2026, 11, 19)
    assert pay_until("pix", FAILED, due_on=FAILED, policy=POLICY) == date(2026, 11, 17)
    assert pay_until("card", FAILED, due_on=FAILED, policy=POLICY) == FAILED
    later = date(2026, 12, 1)
    assert pay_until("boleto", FAILED, due_on=later, policy=POLICY) == later


@given(
    st.sampled_from(["card", "pix", "pix_automatico", "boleto"]),
    st.dates(date(2020, 1, 1), date(2040, 1, 1)),
    st.integers(0, 10),
    st.sampled_from(["", "lost_card"]),
    st.integers(1, 60),
)
def test_a_timetable_goes_forward_counts_from_one_and_ends_once(
    rail: str, failed_on: date, late: int, code: str, cycle: int
) -> None:
    steps = timetable(
        rail,  # type: ignore[arg-type]
        failed_on,
        due_on=failed_on - timedelta(days=late),
        policy=POLICY,
        code=code,
        next_cycle_on=failed_on + timedelta(days=cycle),
    )
    assert [step.n for step in steps] == list(range(1, len(steps) + 1))
    assert [step.on for step in steps] == sorted(step.on for step in steps)
    assert all(step.on > failed_on for step in steps)
    assert [step.act for step in steps].count("end") == 1
    assert steps[-1].act == "end"


def test_overdue_states_may_have_thresholds_of_ones_own() -> None:
    mine = {"late": 3, "very_late": 9}
    assert overdue_state(FAILED, FAILED + timedelta(days=4), mine) == "late"
    assert overdue_state(FAILED, FAILED + timedelta(days=4)) == ""


def test_without_a_word_from_the_bank_a_decline_is_soft() -> None:
    steps = timetable("card", FAILED, due_on=FAILED, policy=POLICY)
    assert [act for _, _, act in days(steps)] == ["retry"] * 4 + ["end"]


def test_a_first_retry_follows_the_cards_own_days() -> None:
    policy = Policy(card_days=(3, 30), pix_automatico_days=(1,))
    found = first_retry("insufficient_funds", FAILED, policy=policy)
    assert found == FirstRetry(FAILED + timedelta(days=3), FAILED + timedelta(days=30))
