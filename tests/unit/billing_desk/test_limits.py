"""What one person may do alone."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_core.domain.money import Money
from helpdesk.billing_desk.limits import WINDOW, Limits, Spent, judge


def brl(minor: int) -> Money:
    return Money(minor, "BRL")


LIMITS = Limits(act=100_00, day=300_00, customer=150_00, currency="BRL")


@pytest.mark.parametrize(
    ("amount", "by_agent", "on_customer", "bound"),
    [
        pytest.param(100_00, 0, 0, "", id="exactly-the-limit"),
        pytest.param(100_01, 0, 0, "act", id="one-cent-above-one-act"),
        pytest.param(50_00, 250_00, 0, "", id="exactly-the-day"),
        pytest.param(50_01, 250_00, 0, "day", id="one-cent-above-the-day"),
        pytest.param(50_00, 0, 100_00, "", id="exactly-the-customer"),
        pytest.param(50_01, 0, 100_00, "customer", id="one-cent-above-the-customer"),
        pytest.param(100_01, 300_00, 150_00, "act", id="the-first-bound-is-named"),
        pytest.param(0, 900_00, 900_00, "", id="nothing-needs-nobody"),
    ],
)
def test_an_act_above_any_bound_needs_another_person(
    amount: int, by_agent: int, on_customer: int, bound: str
) -> None:
    verdict = judge(brl(amount), LIMITS, Spent(by_agent, on_customer))
    assert verdict.bound == bound
    assert verdict.needs_approval is (bound != "")


def test_the_verdict_says_how_much_of_the_bound_was_used() -> None:
    verdict = judge(brl(80_00), LIMITS, Spent(by_agent=250_00, on_customer=0))
    assert (verdict.limit, verdict.used) == (brl(300_00), brl(250_00))


def test_another_currency_always_needs_another_person() -> None:
    assert judge(Money(1, "EUR"), LIMITS, Spent(0, 0)).bound == "currency"


def test_the_window_is_a_whole_day() -> None:
    assert timedelta(days=1) == WINDOW


amounts = st.lists(st.integers(0, 500_00), max_size=40)
bounds = st.integers(0, 1_000_00)


@given(amounts=amounts, act=bounds, day=bounds, customer=bounds)
def test_no_way_of_splitting_passes_a_limit_alone(
    amounts: list[int], act: int, day: int, customer: int
) -> None:
    limits = Limits(act, day, customer, "BRL")
    done: list[int] = []
    for minor in amounts:
        verdict = judge(brl(minor), limits, Spent(sum(done), sum(done)))
        if not verdict.needs_approval:
            done.append(minor)
    assert sum(done) <= min(day, customer) or not any(done)
    assert all(minor <= act for minor in done)


@given(amount=st.integers(1, 10**9), spent=st.integers(0, 10**9), more=st.integers(0, 10**9))
def test_having_spent_more_never_makes_an_act_easier(amount: int, spent: int, more: int) -> None:
    before = judge(brl(amount), LIMITS, Spent(spent, spent))
    after = judge(brl(amount), LIMITS, Spent(spent + more, spent + more))
    assert after.needs_approval or not before.needs_approval
