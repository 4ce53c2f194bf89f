"""Telephone numbers as people write them."""

import pytest

from channels.twilio_gate import read_party
from helpdesk.phone.numbers import find_numbers, read_number, same_telephone


@pytest.mark.parametrize("ddd", ["11", "21", "31", "47", "85", "99"])
def test_a_whatsapp_id_without_the_ninth_digit_and_the_number_with_it_are_one_person(
    ddd: str,
) -> None:
    short, long = f"+55{ddd}87654321", f"+55{ddd}987654321"
    assert read_party(f"whatsapp:{short}").value == read_party(long).value == long
    assert same_telephone(short, long)
    assert same_telephone(long, short)


def test_two_people_are_two_people() -> None:
    assert not same_telephone("+5511987654321", "+5511987654322")


def test_a_landline_gets_no_ninth_digit() -> None:
    assert read_party("whatsapp:+551133334444").value == "+551133334444"


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        pytest.param(
            "me ligue no (11) 98765-4321, obrigada", ["+5511987654321"], id="typed-at-home"
        ),
        pytest.param(
            "+351 912 345 678 ou 11 3333-4444", ["+351912345678", "+551133334444"], id="two"
        ),
        pytest.param("11 98765-4321 / (11) 98765 4321", ["+5511987654321"], id="one-twice"),
        pytest.param("fatura 2026-11-17, R$ 129,90", [], id="a-day-and-an-amount"),
        pytest.param("", [], id="nothing"),
    ],
)
def test_numbers_are_found_in_what_a_customer_wrote(text: str, numbers: list[str]) -> None:
    assert [number.e164 for number in find_numbers(text)] == numbers


def test_a_number_that_no_plan_has_room_for_is_marked() -> None:
    number = read_number("+1 234 555 0000 0000")
    assert number is None or not number.valid
    assert read_number("não sei") is None
