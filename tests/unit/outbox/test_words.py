"""Why a message did not arrive, in words."""

import pytest

from helpdesk.outbox.words import is_late, say_error


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ("hard: 5.1.1 no such user", "THIS ADDRESS DOES NOT EXIST. 5.1.1 no such user"),
        ("soft:", "THE OTHER SERVER DID NOT TAKE THE MESSAGE."),
        ("hardly: no", "HARDLY: NO"),
        ("", ""),
    ],
)
def test_a_report_is_said_in_the_readers_words(error: str, said: str) -> None:
    assert say_error(error, str.upper) == said


def test_only_what_left_and_is_still_tried_is_late() -> None:
    assert is_late("sent", "delayed: 4.4.1")
    assert not is_late("delivered", "delayed: 4.4.1")
    assert not is_late("sent", "451 greylisted")
