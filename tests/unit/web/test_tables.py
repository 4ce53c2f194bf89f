"""Tables that leave as CSV."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpdesk.web.tables import BEGINS_FORMULA, BOM, cell, write_csv


def read(lines: list[str]) -> list[list[str]]:
    return list(csv.reader(io.StringIO("".join(lines).removeprefix(BOM), newline="")))


@pytest.mark.parametrize(
    "text",
    [
        '=HYPERLINK("https://evil.example","x")', "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(A1:A9)",
        "\t=1+1", "\r=1+1", "\n=1+1", "\0=1+1", "  =1+1", "\xa0=1+1", "\u200b=1+1", "＝1+1",
        "|calc", "%0A=1",
    ],
)  # fmt: skip
def test_x10_what_would_be_a_formula_is_text(text: str) -> None:
    assert cell(text).startswith("'")


@pytest.mark.parametrize(
    ("value", "written"),
    [(-12, "-12"), (1.5, "1.5"), (None, ""), ("Ana", "Ana"), ("a=b", "a=b"), ("", ""),
     (True, "True"), ("a\0b", "ab"), ("#48213", "#48213")],
)  # fmt: skip
def test_other_values_stay_as_they_are(value: object, written: str) -> None:
    assert cell(value) == written


@given(st.lists(st.lists(st.text(), min_size=2, max_size=2), max_size=5))
def test_x10_no_cell_begins_a_formula_or_another_row(rows: list[list[str]]) -> None:
    found = read(list(write_csv(["a", "b"], rows)))
    assert len(found) == len(rows) + 1
    for row in found:
        assert len(row) == 2
        for text in row:
            assert text[:1] not in BEGINS_FORMULA
            assert "\0" not in text
