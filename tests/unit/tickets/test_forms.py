"""What people type becomes values, or is refused with the field that it is in."""

import pytest

from helpdesk.errors import InvalidInput
from helpdesk.tickets.forms import MOST_CC, read_cc


@pytest.mark.parametrize(
    ("typed", "addresses"),
    [
        ("", ()),
        (" , ; ", ()),
        ("B@X.example", ("b@x.example",)),
        ("b@x.example; c@x.example,", ("b@x.example", "c@x.example")),
        ("b@x.example\r\n\nc@x.example", ("b@x.example", "c@x.example")),
        ("b@x.example, B@x.example", ("b@x.example",)),
        ('"Silva, Ana" <ana@x.example>, Beto <b@x.example>', ("ana@x.example", "b@x.example")),
    ],
)
def test_copies_are_typed_as_in_a_mail_program(typed: str, addresses: tuple[str, ...]) -> None:
    assert read_cc({"cc": typed}, "email") == addresses


@pytest.mark.parametrize(
    ("typed", "channel"),
    [
        ("ana", "email"),
        ("b@x.example, ana", "email"),
        ("b@x.example c@x.example", "email"),
        ("b@x.example\0", "email"),
        (", ".join(f"p{n}@x.example" for n in range(MOST_CC + 1)), "email"),
        ("a" * 4000 + "@x.example", "email"),
        ("b@x.example", "sms"),
        ("b@x.example", "chat"),
    ],
)
def test_copies_that_cannot_be_sent_are_refused(typed: str, channel: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        read_cc({"cc": typed}, channel)
    assert refusal.value.field == "cc"
