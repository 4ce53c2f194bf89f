"""Pictures take their places in a letter, and no more room than is given."""

from helpdesk.tickets.letter import MOST_SIGNS, named_pictures, with_pictures

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 20
GIF = b"GIF89a" + b"0" * 20


def test_a_page_names_its_pictures_in_any_spelling() -> None:
    page = "<img src=cid:a><img SRC = 'CID:b%40x'><a href='cid:c'>cid:d</a>"
    assert named_pictures(page) == {"a", "b@x"}


def test_pictures_are_what_their_bytes_say() -> None:
    page = with_pictures(
        "<img src=\"cid:a\"><img src='cid:b'><img src=cid:c>", {"a": PNG, "b": GIF, "c": b"<svg>"}
    )
    assert page.startswith('<img src="data:image/png;base64,')
    assert "<img src='data:image/gif;base64," in page
    assert page.endswith("<img src=cid:c>")


def test_a_page_that_repeats_a_picture_without_end_stays_small() -> None:
    big = PNG + b"0" * 1_000_000
    page = with_pictures("<img src=cid:a>" * 1_000, {"a": big})
    assert len(page) <= MOST_SIGNS + 15_000
    assert "data:image/png" in page
