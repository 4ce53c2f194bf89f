"""What a quantity costs, by every model."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_core.domain.money import Money, round_half_away
from billing_core.domain.pricing import (
    Model,
    Pricing,
    Tier,
    read_tiers,
    read_unit,
    round_together,
)
from billing_core.errors import UnreadableAmount, UnreadableTiers

TIERS = (Tier(10, "500"), Tier(100, "400"), Tier(None, "250.5", flat_minor=1000))


def brl(minor: int) -> Money:
    return Money(minor, "BRL")


@pytest.mark.parametrize(
    ("model", "tiers", "quantity", "minor"),
    [
        pytest.param("flat", (), 7, 12990, id="flat-is-the-same-for-any-quantity"),
        pytest.param("per_unit", (), 7, 90930, id="each-unit-costs-the-same"),
        pytest.param("per_unit", (), 0, 0, id="no-units-cost-nothing"),
        pytest.param("usage", (), 3, 38970, id="measured-units-without-tiers"),
        pytest.param("tiered", TIERS, 0, 0, id="no-tier-is-reached"),
        pytest.param("tiered", TIERS, 10, 5000, id="the-first-tier-is-full"),
        pytest.param("tiered", TIERS, 11, 5400, id="the-eleventh-is-cheaper"),
        pytest.param("tiered", TIERS, 101, 42251, id="half-a-cent-rounds-away"),
        pytest.param("usage", TIERS, 102, 42501, id="usage-goes-tier-by-tier"),
        pytest.param("volume", TIERS, 10, 5000, id="volume-at-the-first-price"),
        pytest.param("volume", TIERS, 11, 4400, id="volume-makes-all-of-them-cheaper"),
        pytest.param("volume", TIERS, 101, 26301, id="volume-with-a-flat-part"),
        pytest.param("volume", TIERS, 0, 0, id="no-volume"),
    ],
)
def test_a_model_turns_a_quantity_into_an_amount(
    model: Model, tiers: tuple[Tier, ...], quantity: int, minor: int
) -> None:
    charge = Pricing(model, brl(12990), tiers).charge(quantity)
    assert (charge.amount, charge.model) == (brl(minor), model)


def test_a_charge_by_tiers_shows_each_step() -> None:
    charge = Pricing("tiered", brl(0), TIERS).charge(101)
    assert charge.arithmetic == {
        "unit_minor": 0,
        "quantity": 101,
        "currency": "BRL",
        "full_minor": 42251,
        "model": "tiered",
        "steps": [
            {"units": 10, "unit": "500", "flat_minor": 0},
            {"units": 90, "unit": "400", "flat_minor": 0},
            {"units": 1, "unit": "250.5", "flat_minor": 1000},
        ],
    }


def test_a_plain_charge_says_no_more_than_unit_and_quantity() -> None:
    facts = {"unit_minor": 12990, "quantity": 2, "currency": "BRL"}
    assert Pricing("per_unit", brl(12990)).charge(2).arithmetic == facts
    flat = Pricing("flat", brl(12990)).charge(2).arithmetic
    assert flat == facts | {"full_minor": 12990, "model": "flat"}
    assert Pricing("flat", brl(12990)).charge(1).arithmetic == facts | {"quantity": 1}


def test_less_than_nothing_cannot_be_priced() -> None:
    with pytest.raises(ValueError, match="quantity -1"):
        Pricing("per_unit", brl(1)).charge(-1)


@given(quantity=st.integers(0, 10_000), model=st.sampled_from(["tiered", "volume", "usage"]))
def test_the_steps_add_up_to_the_amount(quantity: int, model: Model) -> None:
    charge = Pricing(model, brl(1), TIERS).charge(quantity)
    exact = sum(
        (step["units"] * Fraction(step["unit"]) + step["flat_minor"] for step in charge.steps),
        Fraction(0),
    )
    assert charge.amount.minor == round_half_away(exact)
    assert sum(step["units"] for step in charge.steps) == quantity


def test_tiers_are_read_back_as_they_were_written() -> None:
    assert read_tiers([tier.arithmetic for tier in TIERS]) == TIERS


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param([], id="none"),
        pytest.param([{"up_to": 10, "unit": "1"}], id="the-last-one-ends"),
        pytest.param([{"up_to": None, "unit": "1"}, {"up_to": None, "unit": "1"}], id="two-ends"),
        pytest.param([{"up_to": n, "unit": "1"} for n in (5, 5, None)], id="the-same-end-twice"),
        pytest.param([{"up_to": n, "unit": "1"} for n in (0, None)], id="an-empty-tier"),
        pytest.param(
            [{"up_to": True, "unit": "1"}, {"up_to": None, "unit": "1"}], id="not-a-number"
        ),
        pytest.param([{"up_to": None}], id="no-price"),
        pytest.param([{"up_to": None, "unit": "-1"}], id="a-negative-price"),
        pytest.param([{"up_to": None, "unit": 5}], id="a-price-that-is-no-text"),
        pytest.param([{"up_to": None, "unit": "1", "flat_minor": -1}], id="a-negative-flat-part"),
        pytest.param([{"up_to": None, "unit": "1", "flat_minor": 1.5}], id="half-a-cent"),
    ],
)
def test_tiers_that_do_not_fit_are_refused(rows: list[dict[str, Any]]) -> None:
    with pytest.raises(UnreadableTiers):
        read_tiers(rows)


@pytest.mark.parametrize("text", ["", "-1", "1.", ".5", "1e3", "NaN", "0.1234567891"])
def test_a_unit_price_is_a_plain_decimal(text: str) -> None:
    with pytest.raises(UnreadableAmount):
        read_unit(text)


def test_parts_rounded_together_keep_their_sum() -> None:
    """81 lines rounded alone would lose two cents."""
    exact = [Fraction(2307252, 8100)] * 80 + [Fraction("1.47")]
    alone = sum(round_half_away(value) for value in exact)
    together = round_together(exact)
    assert sum(together) == round_half_away(sum(exact, Fraction(0)))
    assert sum(together) != alone
    assert round_together([]) == []


@given(parts=st.lists(st.fractions(-1000, 1000, max_denominator=997), max_size=30))
def test_rounding_together_moves_no_part_by_a_whole_unit(parts: list[Fraction]) -> None:
    rounded = round_together(parts)
    assert sum(rounded) == round_half_away(sum(parts, Fraction(0)))
    assert all(abs(a - b) < 1 for a, b in zip(rounded, parts, strict=True))


@pytest.mark.parametrize(
    ("rows", "fault"),
    [
        ([{"up_to": None}], "'unit'"),
        ([{"up_to": None, "unit": "1", "flat_minor": -1}], "a flat amount is a whole number"),
        ([{"up_to": 10, "unit": "1"}], "the last tier has no end"),
        ([{"up_to": n, "unit": "1"} for n in (5, 5, None)], "tiers rise"),
    ],
)
def test_faults_of_tiers_are_named(rows: list[dict[str, Any]], fault: str) -> None:
    with pytest.raises(UnreadableTiers, match=f"^not tiers: {fault}"):
        read_tiers(rows)


def test_a_tier_may_end_with_its_first_unit_and_have_no_flat_part() -> None:
    tiers = read_tiers([{"up_to": 1, "unit": "5"}, {"up_to": None, "unit": "3"}])
    assert tiers == (Tier(1, "5"), Tier(None, "3"))
    assert tiers[0].flat_minor == 0


def test_an_unreadable_unit_is_told() -> None:
    with pytest.raises(UnreadableAmount) as refused:
        read_unit("1,5")
    assert refused.value.text == "1,5"
