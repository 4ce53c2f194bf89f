"""Amounts in messages."""

import pytest

from helpdesk.tickets.amounts import marked

CHARGES = {12990: "a", 125548: "b", 7990: "c"}


@pytest.mark.parametrize(
    ("text", "runs"),
    [
        ("Two of R$ 129,90!", [("Two of ", ""), ("R$ 129,90", "a"), ("!", "")]),
        ("R$129.90", [("R$129.90", "a")]),
        ("129,90.", [("129,90", "a"), (".", "")]),
        ("R$ 1.255,48 and 1,255.48", [("R$ 1.255,48", "b"), (" and ", ""), ("1,255.48", "b")]),
        ("it was 79,90, then 129,90", [
            ("it was ", ""), ("79,90", "c"), (", then ", ""), ("129,90", "a"),
        ]),
        ("R$ 129,91", [("R$ 129,91", "")]),
        ("card 4417 129", [("card 4417 129", "")]),
        ("1129,90 5.129,90 129,901 v129,90", [("1129,90 5.129,90 129,901 v129,90", "")]),
        ("", [("", "")]),
    ],
)  # fmt: skip
def test_only_amounts_that_were_charged_are_set_apart(
    text: str, runs: list[tuple[str, str]]
) -> None:
    found = marked(text, CHARGES)
    assert [(run.text, run.charge_id) for run in found] == runs
    assert "".join(run.text for run in found) == text
    assert marked(text, {}) == (found[0].__class__(text),)
