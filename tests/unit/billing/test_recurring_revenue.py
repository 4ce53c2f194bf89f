"""What a subscription is worth a month, and the figures made of it."""

from dataclasses import replace
from fractions import Fraction

import pytest

from billing_core.domain.metrics import Figures, Movement, monthly
from billing_core.domain.money import Money


def brl(minor: int) -> Money:
    return Money(minor, "BRL")


@pytest.mark.parametrize(
    ("minor", "interval", "count", "worth"),
    [
        (12000, "year", 1, Fraction(1000)),
        (12000, "year", 2, Fraction(500)),
        (5000, "month", 1, Fraction(5000)),
        (5000, "month", 3, Fraction(5000, 3)),
        (8400, "week", 1, Fraction(36500)),
        (1200, "day", 30, Fraction(1200 * 365, 360)),
    ],
)
def test_a_month_is_a_twelfth_of_365_days(
    minor: int, interval: str, count: int, worth: Fraction
) -> None:
    assert monthly(brl(minor), interval, count) == worth


FIGURES = Figures(
    currency="BRL",
    starting=brl(10000),
    new=brl(3000),
    reactivation=brl(500),
    expansion=brl(2000),
    contraction=brl(1000),
    churn=brl(1500),
    ending=brl(13000),
    committed=brl(12000),
    customers_at_start=8,
    customers_lost=2,
    customers_at_end=9,
    lost=brl(1500),
    kept=brl(7500),
    grown=brl(9500),
)


def test_figures_are_made_of_the_recurring_revenue() -> None:
    assert FIGURES.yearly == brl(156000)
    assert FIGURES.per_customer == brl(1444)
    assert FIGURES.customer_churn == Fraction(1, 4)
    assert FIGURES.revenue_churn == Fraction(3, 20)
    assert FIGURES.net_retention == Fraction(19, 20)
    assert FIGURES.gross_retention == Fraction(3, 4)


def test_where_nobody_was_there_is_no_rate() -> None:
    empty = replace(FIGURES, starting=brl(0), customers_at_start=0, customers_at_end=0)
    assert empty.per_customer == brl(0)
    assert empty.customer_churn is None
    assert empty.revenue_churn is None
    assert empty.net_retention is None
    assert empty.gross_retention is None


def test_movements_have_their_names() -> None:
    names = ["new", "reactivation", "expansion", "contraction", "churn"]
    assert [movement.value for movement in Movement] == names
