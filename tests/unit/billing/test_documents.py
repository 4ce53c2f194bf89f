"""CPF and CNPJ are told from other numbers by their check digits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_core.domain.documents import (
    cnpj_check_digits,
    cpf_check_digits,
    is_cnpj,
    is_cpf,
)


@pytest.mark.parametrize("text", ["529.982.247-25", "52998224725", "987.654.321-00"])
def test_a_cpf_is_known_with_and_without_its_dots(text: str) -> None:
    assert is_cpf(text)


@pytest.mark.parametrize(
    "text",
    ["52998224726", "52998224735", "5299822472", "529982247255", "", "5299822472x", "１" * 11],
)
def test_another_number_is_no_cpf(text: str) -> None:
    assert not is_cpf(text)


@pytest.mark.parametrize("digit", "0123456789")
def test_equal_digits_are_nobody_s_number(digit: str) -> None:
    assert not is_cpf(digit * 11)
    assert not is_cnpj(digit * 14)


@pytest.mark.parametrize(
    "text", ["04.252.011/0001-10", "11444777000161", "12.ABC.345/01DE-35", "2P.76B.MNX/0001-66"]
)
def test_a_cnpj_is_known_with_and_without_letters(text: str) -> None:
    assert is_cnpj(text)


@pytest.mark.parametrize(
    "text",
    [
        "11444777000162",
        "11444777000171",
        "12.abc.345/01de-35",
        "12.ABC.345/01DE-3S",
        "1144477700016",
        "114447770001611",
        "",
    ],
)
def test_another_number_is_no_cnpj(text: str) -> None:
    assert not is_cnpj(text)


@given(st.from_regex(r"[0-9]{9}", fullmatch=True).filter(lambda body: len(set(body)) > 1))
def test_the_computed_digits_make_a_cpf_and_no_others_do(body: str) -> None:
    right = cpf_check_digits(body)
    assert [n for n in range(100) if is_cpf(f"{body}{n:02}")] == [int(right)]


@given(st.from_regex(r"[0-9A-Z]{12}", fullmatch=True).filter(lambda body: len(set(body)) > 1))
def test_the_computed_digits_make_a_cnpj_and_no_others_do(body: str) -> None:
    right = cnpj_check_digits(body)
    assert [n for n in range(100) if is_cnpj(f"{body}{n:02}")] == [int(right)]


def test_the_largest_check_digit_is_nine() -> None:
    assert is_cpf("000.000.001-91")
    assert not is_cpf("000.000.001-01")
    assert is_cnpj("00.000.000/0001-91")
