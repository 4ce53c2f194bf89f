"""A tenant's colour keeps its words readable."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpdesk.widget.colours import contrast, ink_on


@pytest.mark.parametrize(
    ("colour", "ink"),
    [
        pytest.param("#B5451B", "#FFFFFF", id="the-sample-company's-red"),
        pytest.param("#000000", "#FFFFFF", id="black"),
        pytest.param("#FFFFFF", "#12161F", id="white"),
        pytest.param("#FFD400", "#12161F", id="yellow"),
        pytest.param("#00ff66", "#12161F", id="lower-case"),
    ],
)
def test_the_ink_is_the_one_that_stands_out(colour: str, ink: str) -> None:
    assert ink_on(colour) == ink


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#000000", "#FFFFFF") == contrast("#FFFFFF", "#000000") == 2100
    assert contrast("#777777", "#FFFFFF") == 448  # the textbook grey that just fails


@given(st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06X}"))
def test_no_colour_leaves_its_ink_unreadable(colour: str) -> None:
    assert contrast(ink_on(colour), colour) >= 450


def test_where_neither_ink_is_enough_pure_black_is() -> None:
    assert ink_on("#7B7B7B") == "#000000"
