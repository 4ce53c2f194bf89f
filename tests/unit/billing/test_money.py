from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_core.domain.money import Money, minor_units, round_half_away, total
from billing_core.errors import CurrencyMismatch, UnreadableAmount


def brl(minor: int) -> Money:
    return Money(minor, "BRL")


@pytest.mark.parametrize(
    ("value", "rounded"),
    [
        ("232.5", 233),
        ("-232.5", -233),
        ("0.5", 1),
        ("-0.5", -1),
        ("2.5", 3),
        ("2.49", 2),
        ("-2.49", -2),
        ("0", 0),
        ("7498.5", 7499),
        ("1497.5", 1498),
        ("22495.5", 22496),
    ],
)
def test_a_half_is_rounded_away_from_zero(value: str, rounded: int) -> None:
    assert round_half_away(Fraction(value)) == rounded


@given(st.fractions())
def test_rounding_is_symmetric_and_never_off_by_more_than_a_half(value: Fraction) -> None:
    assert round_half_away(-value) == -round_half_away(value)
    assert abs(round_half_away(value) - value) <= Fraction(1, 2)


@pytest.mark.parametrize(
    ("currency", "digits"), [("BRL", 2), ("JPY", 0), ("CLP", 0), ("KWD", 3), ("USD", 2)]
)
def test_a_currency_knows_its_decimals(currency: str, digits: int) -> None:
    assert minor_units(currency) == digits


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("129.90", "BRL", 12990),
        ("129.9", "BRL", 12990),
        ("-5", "BRL", -500),
        ("500", "JPY", 500),
        ("1.234", "KWD", 1234),
    ],
)
def test_an_amount_is_read_from_text(text: str, currency: str, minor: int) -> None:
    assert Money.parse(text, currency) == Money(minor, currency)


@pytest.mark.parametrize(
    ("text", "currency"),
    [
        ("1.999", "BRL"),
        ("0.5", "JPY"),
        ("NaN", "BRL"),
        ("1e9", "BRL"),
        ("", "BRL"),
        ("1,00", "BRL"),
        ("Infinity", "BRL"),
        ("1", "brl"),
        ("1", "R$"),
        ("٣", "BRL"),
    ],
)
def test_what_is_not_an_exact_amount_is_refused(text: str, currency: str) -> None:
    with pytest.raises(UnreadableAmount) as refused:
        Money.parse(text, currency)
    assert refused.value.text == (text if currency in ("BRL", "JPY") else currency)


@pytest.mark.parametrize("minor", [1.0, True, "1", None])
def test_minor_units_are_whole_numbers_and_nothing_else(minor: object) -> None:
    with pytest.raises(TypeError, match="minor units"):
        Money(minor, "BRL")  # type: ignore[arg-type]


def test_two_currencies_never_meet() -> None:
    usd = Money(1, "USD")
    for act in (
        lambda: brl(1) + usd,
        lambda: brl(1) - usd,
        lambda: brl(1) < usd,
        lambda: brl(1) <= usd,
        lambda: total([brl(1), usd], "BRL"),
    ):
        with pytest.raises(CurrencyMismatch) as refused:
            act()
        assert (refused.value.expected, refused.value.given) == ("BRL", "USD")


def test_amounts_add_compare_and_print() -> None:
    assert brl(100) + brl(29) - brl(9) == brl(120)
    assert -brl(5) == brl(-5)
    assert abs(brl(-5)) == brl(5)
    assert brl(1) < brl(2) <= brl(2)
    assert not brl(0)
    assert str(brl(12990)) == "BRL 129.90"
    assert str(brl(-5)) == "BRL -0.05"
    assert str(Money(500, "JPY")) == "JPY 500"
    assert str(Money(1234, "KWD")) == "KWD 1.234"


@given(st.integers(-(10**12), 10**12), st.lists(st.integers(0, 10**6), min_size=1, max_size=40))
def test_splitting_loses_nothing_and_is_off_by_less_than_one_unit(
    minor: int, weights: list[int]
) -> None:
    parts = brl(minor).allocate(weights)
    assert sum(part.minor for part in parts) == minor
    whole = sum(weights)
    if whole:
        for part, weight in zip(parts, weights, strict=True):
            assert abs(part.minor - Fraction(minor * weight, whole)) < 1


def test_the_largest_remainder_takes_the_odd_cent_and_the_first_among_equals() -> None:
    assert brl(100).allocate([1, 1, 1]) == [brl(34), brl(33), brl(33)]
    assert brl(10).allocate([1, 5, 5]) == [brl(1), brl(5), brl(4)]
    assert brl(-100).allocate([1, 1, 1]) == [brl(-34), brl(-33), brl(-33)]


def test_without_weights_that_count_the_last_part_takes_all() -> None:
    assert brl(7).allocate([0, 0]) == [brl(0), brl(7)]


@pytest.mark.parametrize("weights", [[], [1, -1]])
def test_impossible_weights_are_a_defect(weights: list[int]) -> None:
    with pytest.raises(ValueError, match="weights"):
        brl(1).allocate(weights)


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("23072.5296", "USD", 2307253),
        ("0.005", "USD", 1),
        ("-0.005", "USD", -1),
        ("0.0049999", "USD", 0),
        ("74.985", "BRL", 7499),
        ("0.5", "JPY", 1),
        ("1.2345", "KWD", 1235),
        ("129.90", "BRL", 12990),
        ("7", "BRL", 700),
    ],
)
def test_an_exact_amount_is_rounded_once(text: str, currency: str, minor: int) -> None:
    assert Money.nearest(text, currency) == Money(minor, currency)


@pytest.mark.parametrize("text", ["", "1,5", "NaN", "1e3", "0.1234567890123", "1" * 16, "1.", "+1"])
def test_what_is_no_number_is_not_rounded(text: str) -> None:
    with pytest.raises(UnreadableAmount) as refused:
        Money.nearest(text, "BRL")
    assert refused.value.text == text


@given(st.integers(-(10**15), 10**15), st.lists(st.integers(0, 10**6), min_size=1, max_size=30))
def test_splitting_and_adding_up_again_loses_nothing(minor: int, weights: list[int]) -> None:
    parts = brl(minor).allocate(weights)
    assert total(parts, "BRL") == brl(minor)
    assert all(part.minor * minor >= 0 for part in parts)
    whole = sum(weights)
    for part, weight in zip(parts, weights, strict=True):
        if whole:
            assert abs(part.minor - Fraction(minor * weight, whole)) < 1


def test_adding_up_currencies_is_refused_with_both_names() -> None:
    with pytest.raises(CurrencyMismatch) as mixed:
        total([brl(1), Money(1, "USD")], "BRL")
    assert (mixed.value.expected, mixed.value.given) == ("BRL", "USD")
