"""One address has one spelling."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpdesk.customers.handles import kinds, normalise, spellings
from helpdesk.errors import InvalidInput


@pytest.mark.parametrize(
    ("kind", "typed", "kept"),
    [
        pytest.param("email", " Ana@Example.COM ", "ana@example.com", id="email"),
        pytest.param("phone", "(11) 98765-4321", "+5511987654321", id="home-country"),
        pytest.param("phone", "+55 11 8765-4321", "+5511987654321", id="ninth-digit"),
        pytest.param("whatsapp", "+1 650 253 0000", "+16502530000", id="abroad"),
        pytest.param("phone", "(11) 3456-7890", "+551134567890", id="landline"),
        pytest.param("chat", " aB3 ", "aB3", id="chat-ids-keep-their-case"),
    ],
)
def test_an_address_is_kept_in_one_form(kind: str, typed: str, kept: str) -> None:
    assert normalise(kind, typed) == kept


@pytest.mark.parametrize(
    ("kind", "typed"),
    [("email", "ana"), ("email", "a b@c.d"), ("phone", "hello"), ("phone", "12"), ("chat", " ")],
)
def test_what_is_no_address_is_refused_by_name(kind: str, typed: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        normalise(kind, typed)
    assert refused.value.field == kind


@given(st.from_regex(r"\+55[1-9]{2}9?[6-9][0-9]{7}", fullmatch=True))
def test_a_brazilian_mobile_is_found_with_and_without_its_ninth_digit(number: str) -> None:
    forms = spellings("phone", number)
    assert forms[0] == number
    assert len(forms) == 2
    assert set(spellings("phone", forms[1])) == set(forms)


def test_other_addresses_have_one_spelling() -> None:
    assert spellings("phone", "+551134567890") == ["+551134567890"]
    assert spellings("email", "a@b.c") == ["a@b.c"]


def test_a_telephone_is_known_under_two_kinds() -> None:
    assert kinds("whatsapp") == ("whatsapp", "phone")
    assert kinds("email") == ("email",)
