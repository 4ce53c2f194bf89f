from contextlib import nullcontext
from itertools import product

import pytest

from billing_core.domain.refund import EDGES, RESERVING, STATES, UNANSWERED, check_edge
from billing_core.errors import IllegalEdge

LEGAL = {
    ("awaiting_approval", "requested"),
    ("awaiting_approval", "released"),
    ("requested", "sending"),
    ("requested", "released"),
    ("sending", "pending"),
    ("sending", "unknown"),
    ("sending", "succeeded"),
    ("sending", "failed"),
    ("pending", "succeeded"),
    ("pending", "failed"),
    ("unknown", "pending"),
    ("unknown", "succeeded"),
    ("unknown", "failed"),
    ("succeeded", "failed"),
    ("failed", "succeeded"),
}


@pytest.mark.parametrize(("before", "after"), list(product(STATES, STATES)))
def test_a_refund_moves_along_the_listed_edges_only(before: str, after: str) -> None:
    with nullcontext() if (before, after) in LEGAL else pytest.raises(IllegalEdge):
        check_edge(before, after)


def test_every_state_has_its_edges_and_every_promise_counts_as_spent() -> None:
    assert set(EDGES) == set(STATES)
    assert set(UNANSWERED) < set(RESERVING) < set(STATES)
    assert not {"succeeded", "failed", "released"} & set(RESERVING)


def test_a_step_that_does_not_exist_says_which() -> None:
    with pytest.raises(IllegalEdge) as refused:
        check_edge("released", "sending")
    assert (refused.value.kind, refused.value.before, refused.value.after) == (
        "refund",
        "released",
        "sending",
    )
