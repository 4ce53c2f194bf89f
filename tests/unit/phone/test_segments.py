"""What a text costs, counted as operators count."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpdesk.phone.segments import count_segments


@pytest.mark.parametrize(
    ("text", "encoding", "units", "count"),
    [
        pytest.param("", "GSM-7", 0, 1, id="nothing-yet"),
        pytest.param("a" * 160, "GSM-7", 160, 1, id="just-one"),
        pytest.param("a" * 161, "GSM-7", 161, 2, id="one-more"),
        pytest.param("a" * 306, "GSM-7", 306, 2, id="two-full"),
        pytest.param("a" * 307, "GSM-7", 307, 3, id="three"),
        pytest.param("€" * 80, "GSM-7", 160, 1, id="signs-of-two-places"),
        pytest.param("a" * 152 + "€" + "a" * 10, "GSM-7", 164, 2, id="no-sign-is-cut"),
        pytest.param("a" * 152 + "€" * 77, "GSM-7", 306, 3, id="and-that-costs"),
        pytest.param("olá à é", "UCS-2", 7, 1, id="a-acute-is-not-in-the-alphabet"),
        pytest.param("é à ò", "GSM-7", 5, 1, id="these-are"),
        pytest.param("ã" * 70, "UCS-2", 70, 1, id="seventy"),
        pytest.param("ã" * 71, "UCS-2", 71, 2, id="seventy-one"),
        pytest.param("😀" * 35, "UCS-2", 70, 1, id="an-emoji-takes-two"),
        pytest.param("😀" * 67, "UCS-2", 134, 3, id="an-emoji-is-not-cut"),
    ],
)
def test_segments_are_counted_as_operators_count(
    text: str, encoding: str, units: int, count: int
) -> None:
    cost = count_segments(text)
    assert (cost.encoding, cost.units, cost.count) == (encoding, units, count)


@given(st.text(max_size=1600))
def test_a_longer_text_never_costs_less_and_what_is_left_is_really_free(text: str) -> None:
    cost = count_segments(text)
    assert cost.left >= 0
    filled = count_segments(text + "a" * cost.left)
    assert filled.count == cost.count
    assert count_segments(text + "a" * (cost.left + 1)).count > cost.count
