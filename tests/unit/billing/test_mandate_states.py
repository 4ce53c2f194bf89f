"""A payer's standing consent: what a gateway's answer makes of it, what may be charged."""

import pytest

from billing_core.domain.mandate import EDGES, STATES, refusal_of, state_of
from billing_core.domain.money import Money


def brl(minor: int) -> Money:
    return Money(minor, "BRL")


@pytest.mark.parametrize(
    ("receipt", "code", "state"),
    [
        ("pending", "", "pending"),
        ("succeeded", "", "accepted"),
        ("failed", "refused_by_payer", "refused"),
        ("failed", "expired", "expired"),
        ("failed", "withdrawn", "cancelled"),
        ("failed", "", "cancelled"),
    ],
)
def test_an_answer_means_a_state(receipt: str, code: str, state: str) -> None:
    assert state_of(receipt, code) == state


@pytest.mark.parametrize(
    ("state", "maximum", "asked", "refusal"),
    [
        ("accepted", None, 10**9, ""),
        ("accepted", 5000, 5000, ""),
        ("accepted", 5000, 5001, "mandate_limit_exceeded"),
        ("pending", None, 1, "mandate_ended"),
        ("cancelled", 5000, 1, "mandate_ended"),
    ],
)
def test_only_what_was_agreed_to_is_charged(
    state: str, maximum: int | None, asked: int, refusal: str
) -> None:
    most = None if maximum is None else brl(maximum)
    assert refusal_of(state, most, brl(asked)) == refusal


def test_a_consent_that_ended_stays_ended() -> None:
    assert set(EDGES) == set(STATES)
    assert [state for state in STATES if not EDGES[state]] == ["refused", "cancelled", "expired"]
    assert "accepted" in EDGES["pending"]
    assert "pending" not in EDGES["accepted"]
