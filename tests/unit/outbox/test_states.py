"""News about a message arrives in any order and ends the same."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpdesk.outbox.model import OUTBOUND_STATES
from helpdesk.outbox.states import LONGEST_WAIT_S, forward, wait_s

NEWS = st.sampled_from(["sent", "delivered", "read", "failed", "undelivered"])


@given(start=st.sampled_from(OUTBOUND_STATES), news=st.lists(NEWS, max_size=5))
def test_every_order_and_every_repetition_ends_in_the_same_state(
    start: str, news: list[str]
) -> None:
    def end(order: tuple[str, ...]) -> str:
        state = start
        for told in order:
            state = forward(state, told)
        return state

    ends = {end(order) for order in permutations(news)} | {end((*news, *news))}
    assert len(ends) == 1


@pytest.mark.parametrize(
    ("state", "told", "then"),
    [
        pytest.param("delivered", "sent", "delivered", id="late-news"),
        pytest.param("sent", "undelivered", "failed", id="undelivered-is-failed"),
        pytest.param("failed", "read", "failed", id="failed-is-final"),
        pytest.param("uncertain", "sent", "sent", id="proof-ends-doubt"),
        pytest.param("cancelled", "delivered", "delivered", id="it-left-all-the-same"),
        pytest.param("queued", "delivered", "delivered", id="no-second-copy"),
    ],
)
def test_news_moves_a_message_forward_only(state: str, told: str, then: str) -> None:
    assert forward(state, told) == then


@given(key=st.text(max_size=40), attempts=st.integers(1, 10_000))
def test_a_pause_is_never_too_long_nor_none(key: str, attempts: int) -> None:
    assert 2 <= wait_s(key, attempts) <= LONGEST_WAIT_S


def test_two_messages_do_not_knock_together() -> None:
    assert len({wait_s(f"key {n}", 8) for n in range(50)}) > 25
