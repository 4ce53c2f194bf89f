"""Bank details are complete and true to form, or they are refused with the field that is wrong."""

from typing import Any

import pytest

from billing_core.domain.payee import kind_of_key, mask_pix_key, read_payee, read_pix_key
from billing_core.errors import UnreadablePayee

ANA = {"holder": " Ana  Prado ", "document": "529.982.247-25"}
# SHA-256 of {"document":"52998224725","holder":"Ana Sabiá","pix_key":"ana@example.com"}
SPELLED = "ce21434d4893b75a64e4efc721c7bb29dd51adf4cef1852dbe44de6bb316bd2c"
ACCOUNT = ANA | {"bank": "001", "branch": "1234-5", "account": "98.765-x"}


@pytest.mark.parametrize(
    ("typed", "kept", "kind", "masked"),
    [
        ("Ana@Example.com", "ana@example.com", "email", "a•••@example.com"),
        ("+55 (11) 98888-7777", "+5511988887777", "phone", "•••7777"),
        ("529.982.247-25", "52998224725", "cpf", "•••4725"),
        ("12.abc.345/01de-35", "12ABC34501DE35", "cnpj", "•••DE35"),
        (
            "123E4567-E12B-12D1-A456-426655440000",
            "123e4567-e12b-12d1-a456-426655440000",
            "random",
            "•••0000",
        ),
    ],
)
def test_every_kind_of_pix_key_is_read(typed: str, kept: str, kind: str, masked: str) -> None:
    key = read_pix_key(typed)
    assert (key, kind_of_key(key), mask_pix_key(key)) == (kept, kind, masked)


@pytest.mark.parametrize(
    "typed", ["", "ana", "ana@host", "a" * 70 + "@example.com", "+1 212 555 0100", "111.111.111-11"]
)
def test_what_is_no_pix_key_is_refused(typed: str) -> None:
    with pytest.raises(UnreadablePayee) as refused:
        read_pix_key(typed)
    assert refused.value.field == "pix_key"


def test_an_account_is_kept_in_full_and_shown_masked() -> None:
    payee = read_payee(ACCOUNT)
    assert payee.kind == "account"
    assert payee.full == {
        "holder": "Ana Prado",
        "document": "52998224725",
        "bank": "001",
        "branch": "1234-5",
        "account": "98765-X",
    }
    hidden = {"document": "•••4725", "account": "•••5-X"}
    assert payee.masked == payee.full | hidden


def test_a_pix_key_needs_no_account() -> None:
    payee = read_payee(ANA | {"pix_key": "ana@example.com"})
    full = {"holder": "Ana Prado", "document": "52998224725", "pix_key": "ana@example.com"}
    assert (payee.kind, payee.full) == ("pix", full)
    assert payee.masked == full | {"document": "•••4725", "pix_key": "a•••@example.com"}


def test_a_fingerprint_never_changes_its_spelling() -> None:
    """Approvals that wait are bound to it, also across a new version."""
    payee = read_payee(ANA | {"holder": "Ana Sabiá", "pix_key": "ana@example.com"})
    assert payee.fingerprint == SPELLED


def test_any_other_detail_is_another_fingerprint() -> None:
    other = read_payee(ACCOUNT | {"account": "98765-0"})
    assert read_payee(ACCOUNT).fingerprint != other.fingerprint
    assert read_payee(ACCOUNT).fingerprint == read_payee(dict(ACCOUNT)).fingerprint


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"holder": " "}, "holder"),
        ({"document": "529.982.247-24"}, "document"),
        ({"bank": "1"}, "bank"),
        ({"branch": ""}, "branch"),
        ({"account": "98765"}, "account"),
    ],
)
def test_a_detail_that_is_missing_or_wrong_is_named(change: dict[str, Any], field: str) -> None:
    with pytest.raises(UnreadablePayee) as refused:
        read_payee(ACCOUNT | change)
    assert refused.value.field == field


@pytest.mark.parametrize("letters", [2, 120])
def test_a_holders_name_is_as_long_as_the_banks_take_it(letters: int) -> None:
    assert read_payee(ACCOUNT | {"holder": "a" * letters}).holder == "a" * letters


@pytest.mark.parametrize("letters", [0, 1, 121])
def test_a_holders_name_is_neither_a_letter_nor_a_letter_box(letters: int) -> None:
    with pytest.raises(UnreadablePayee) as refused:
        read_payee(ACCOUNT | {"holder": "a" * letters})
    assert refused.value.field == "holder"


@pytest.mark.parametrize("field", ["holder", "document", "bank", "branch", "account"])
def test_a_detail_that_nobody_typed_is_named(field: str) -> None:
    with pytest.raises(UnreadablePayee) as refused:
        read_payee({name: value for name, value in ACCOUNT.items() if name != field})
    assert refused.value.field == field


def test_a_company_with_letters_in_its_number_may_be_paid() -> None:
    payee = read_payee(ACCOUNT | {"document": "12.abc.345/01de-35", "branch": "1234-x"})
    assert (payee.document, payee.branch) == ("12ABC34501DE35", "1234-X")


def test_a_pix_key_keeps_its_holder() -> None:
    payee = read_payee(ANA | {"pix_key": " ana@example.com "})
    assert (payee.holder, payee.pix_key) == ("Ana Prado", "ana@example.com")


def test_an_address_may_have_77_characters() -> None:
    key = "a" * 65 + "@example.com"
    assert read_pix_key(key) == key
    with pytest.raises(UnreadablePayee):
        read_pix_key("a" + key)
