"""When somebody answers at once: wall clocks, holidays, and the day the clocks change."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpdesk.widget.hours import (
    Hours,
    NoSpan,
    hours_as_data,
    hours_from,
    is_open,
    next_opening,
    read_spans,
)

WORKDAYS = dict.fromkeys(range(5), read_spans("09:00-12:00, 13:00-18:00"))
SHOP = Hours("America/Sao_Paulo", WORKDAYS, frozenset({date(2026, 12, 25)}))


def sao_paulo(day: int, hour: int, minute: int = 0, *, month: int = 11) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC) + timedelta(hours=3)


@pytest.mark.parametrize(
    ("at", "open_"),
    [
        pytest.param(sao_paulo(17, 9), True, id="at-the-opening"),
        pytest.param(sao_paulo(17, 8, 59), False, id="a-minute-before"),
        pytest.param(sao_paulo(17, 12), False, id="at-lunch"),
        pytest.param(sao_paulo(17, 13), True, id="after-lunch"),
        pytest.param(sao_paulo(17, 18), False, id="at-the-close"),
        pytest.param(sao_paulo(21, 10), False, id="on-saturday"),
        pytest.param(sao_paulo(25, 10, month=12), False, id="on-a-holiday"),
    ],
)
def test_open_is_what_the_wall_clock_says(at: datetime, open_: bool) -> None:
    assert is_open(SHOP, at) is open_


@pytest.mark.parametrize(
    ("at", "opening"),
    [
        pytest.param(sao_paulo(17, 12, 30), sao_paulo(17, 13), id="after-lunch"),
        pytest.param(sao_paulo(17, 20), sao_paulo(18, 9), id="tomorrow"),
        pytest.param(sao_paulo(20, 19), sao_paulo(23, 9), id="after-the-weekend"),
        pytest.param(sao_paulo(24, 19, month=12), sao_paulo(28, 9, month=12), id="past-a-holiday"),
    ],
)
def test_the_next_opening_is_told(at: datetime, opening: datetime) -> None:
    assert next_opening(SHOP, at) == opening


def test_without_a_zone_it_is_always_open_and_without_days_never() -> None:
    assert is_open(Hours(), sao_paulo(17, 3))
    never = Hours("America/Sao_Paulo")
    assert not is_open(never, sao_paulo(17, 10))
    assert next_opening(never, sao_paulo(17, 10)) is None


def test_an_opening_on_the_day_the_clocks_change_is_on_the_wall_clock() -> None:
    lisbon = Hours("Europe/Lisbon", {6: ((9 * 60, 10 * 60),)})
    assert next_opening(lisbon, datetime(2026, 10, 24, 12, tzinfo=UTC)) == datetime(
        2026, 10, 25, 9, tzinfo=UTC
    )
    assert next_opening(lisbon, datetime(2026, 3, 28, 12, tzinfo=UTC)) == datetime(
        2026, 3, 29, 8, tzinfo=UTC
    )


@pytest.mark.parametrize(
    "text", ["9", "9-18", "18:00-09:00", "09:00-25:00", "09:60-10:00", "13:00-14:00, 09:00-10:00"]
)
def test_what_are_no_hours_is_refused(text: str) -> None:
    with pytest.raises(NoSpan):
        read_spans(text)


def test_hours_come_back_from_their_row_as_they_were() -> None:
    assert hours_from(hours_as_data(SHOP)) == SHOP
    assert hours_from({}) == Hours()


@given(
    st.integers(0, 366 * 24 * 60).map(
        lambda m: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=m)
    )
)
def test_the_next_opening_lies_ahead_and_is_open(at: datetime) -> None:
    opening = next_opening(SHOP, at)
    assert opening is not None
    assert opening > at
    assert is_open(SHOP, opening)
    assert not is_open(SHOP, opening - timedelta(minutes=1))
