"""The BR Code: built as bank apps read it, read only when nothing about it is odd."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_core.domain.brcode import (
    CodeTooLong,
    build_dynamic,
    build_static,
    crc16,
    parse,
)
from billing_core.domain.money import Money

PRINTED = (  # the example in the central bank's manual
    "00020126580014br.gov.bcb.pix0136123e4567-e12b-12d1-a456-426655440000"
    "5204000053039865802BR5913Fulano de Tal6008BRASILIA62070503***63041D3D"
)


def sealed(body: str) -> str:
    """Add a right checksum, so that only what a test is about is wrong."""
    return f"{body}6304{crc16((body + '6304').encode())}"


def changed(before: str, after: str) -> str:
    assert before in PRINTED
    return sealed(PRINTED[:-8].replace(before, after))


def test_a_built_code_is_the_printed_example_of_the_manual() -> None:
    key = "123e4567-e12b-12d1-a456-426655440000"
    assert build_static(key, name="Fulano de Tal", city="BRASILIA") == PRINTED


def test_the_checksum_has_its_published_check_value() -> None:
    assert crc16(b"123456789") == "29B1"


def test_a_static_code_says_what_it_was_built_from() -> None:
    code = build_static(
        "+5511943214321",
        Money(129_90, "BRL"),
        name="Sabiá Serviços de Assinatura Ltda",
        city="São José do Rio Preto",
        txid="ABC123",
        text="mês de maio",
    )
    said = parse(code)
    assert (said.valid, said.error) == (True, "")
    assert said.crc == code[-4:]
    assert said.crc_matches
    assert (said.gui, said.key, said.url) == ("br.gov.bcb.pix", "+5511943214321", None)
    assert (said.amount, said.txid) == ("129.90", "ABC123")
    assert (said.name, said.city) == ("Sabia Servicos de Assinat", "Sao Jose do Rio")
    assert "mes de maio" in code


def test_what_no_bank_app_can_print_parts_two_words() -> None:
    said = parse(build_static("k", name="Sabiá\nLtda", city="São\t\tLuís"))
    assert (said.name, said.city) == ("Sabia Ltda", "Sao Luis")


def test_a_dynamic_code_points_to_its_charge_and_says_that_it_is_used_once() -> None:
    code = build_dynamic("bank.example/cob/8b3d", Money(5, "BRL"), name="Sabiá", city="Recife")
    said = parse(code)
    assert (said.valid, said.key, said.url) == (True, None, "bank.example/cob/8b3d")
    assert (said.amount, said.txid) == ("0.05", "***")
    assert code.startswith("000201010212")


def test_without_an_amount_the_payer_chooses_it() -> None:
    assert parse(build_dynamic("b.example/1", name="S", city="R")).amount is None
    assert parse(PRINTED).amount is None


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param("", id="nothing"),
        pytest.param("00", id="half-a-field"),
        pytest.param("xxxx", id="words"),
        pytest.param("\ud800", id="half-a-pair-of-surrogates"),
        pytest.param(changed("62070503***", "62070504***"), id="a-length-inside-62-is-wrong"),
        pytest.param(changed("62070503***", "62080503***"), id="a-length-runs-into-the-sum"),
        pytest.param(changed("000201", "000202"), id="another-version"),
        pytest.param(changed("000201", "000201000201"), id="a-field-twice"),
        pytest.param(changed("5802BR", ""), id="a-field-missing"),
        pytest.param(changed("5802BR", "54041,505802BR"), id="an-amount-with-a-comma"),
        pytest.param(changed("Fulano de Tal", "Fulano de Tãl"), id="a-length-in-characters"),
        pytest.param(changed("5913Fulano de Tal", "5913Fulano de TaÃ"), id="half-a-character"),
        pytest.param(
            changed("26580014br.gov.bcb.pix0136", "26580014br.gov.bcb.pix0236"), id="no-key"
        ),
        pytest.param(PRINTED + "8002ab", id="a-field-after-the-sum"),
        pytest.param(PRINTED.replace("63041D3D", "63031D3"), id="a-short-sum"),
    ],
)
def test_a_code_whose_fields_do_not_add_up_is_refused(payload: str) -> None:
    said = parse(payload)
    assert (said.valid, said.error) == (False, "structure")
    assert said.crc == payload[-4:].upper()


def test_a_code_with_a_right_sum_and_a_wrong_length_is_refused() -> None:
    said = parse(changed("62070503***", "62080503***"))
    assert (said.error, said.crc_matches) == ("structure", True)


def test_a_code_with_a_wrong_sum_is_refused() -> None:
    said = parse(PRINTED[:-4] + "1D3E")
    assert (said.error, said.crc, said.crc_matches) == ("crc", "1D3E", False)


def test_a_code_of_another_scheme_is_not_pix() -> None:
    code = changed("br.gov.bcb.pix", "br.com.unknown")
    said = parse(code)
    assert (said.error, said.crc, said.crc_matches) == ("not_pix", code[-4:], True)
    assert not parse(code[:-4] + "ABCD").crc_matches


def test_the_scheme_is_named_in_either_case_and_in_any_account_field() -> None:
    other = "2616" + "0012BR.COM.OUTRO"
    moved = changed("26580014br.gov.bcb.pix", other + "27580014BR.GOV.BCB.PIX")
    said = parse(moved)
    assert (said.valid, said.gui) == (True, "br.gov.bcb.pix")
    assert parse(PRINTED[:-4] + "1d3d").valid
    assert parse(changed("26580014", "51580014")).valid


def test_an_account_that_names_no_scheme_is_not_pix() -> None:
    assert parse(changed("26580014br.gov.bcb.pix0136", "26400136")).error == "not_pix"


def test_a_code_without_a_reference_has_no_txid() -> None:
    said = parse(changed("62070503***", ""))
    assert (said.valid, said.txid) == (True, None)


def test_what_does_not_fit_is_not_built() -> None:
    fits = "b.example/" + "x" * 67
    assert parse(build_dynamic(fits, name="S", city="R")).url == fits
    with pytest.raises(CodeTooLong, match="field 26 has 100 bytes"):
        build_dynamic(fits + "x", name="S", city="R")
    with pytest.raises(ValueError, match="USD"):
        build_static("k", Money(1, "USD"), name="S", city="R")
    for txid in ("", "x" * 26, "a-b", "ção"):
        with pytest.raises(ValueError, match="txid"):
            build_static("k", name="S", city="R", txid=txid)


@given(
    name=st.text(min_size=1).filter(lambda text: text.isascii() and text.isalnum()),
    city=st.sampled_from(["São Luís", "Brasília", "Içá", "X" * 40]),
    minor=st.integers(1, 10**11),
)
def test_whatever_is_built_can_be_read(name: str, city: str, minor: int) -> None:
    said = parse(build_static("key@example.com", Money(minor, "BRL"), name=name, city=city))
    assert said.valid
    assert Money.parse(said.amount or "", "BRL") == Money(minor, "BRL")
    assert said.name == name[:25]
    assert 0 < len(said.city) <= 15


@given(st.text(max_size=60), st.integers(0, len(PRINTED)))
def test_no_text_makes_reading_fail(noise: str, at: int) -> None:
    parse(noise)
    parse(sealed(noise))
    said = parse(PRINTED[:at] + noise + PRINTED[at:])
    assert said.crc_matches or not said.valid
