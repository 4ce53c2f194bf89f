"""Card numbers never reach a disk; what looks like one and is none stays readable."""

import base64
import quopri

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.port import Delivery, File, Inbound, Party
from helpdesk.inbox.masking import is_card_number, mask_delivery, mask_inbound, mask_text

VISA = "4111 1111 1111 1111"
MASKED = "**** **** **** 1111"


def luhn(body: str) -> str:
    """Return `body` with the digit that makes it pass."""
    return next(body + str(last) for last in range(10) if passes(body + str(last)))


def passes(digits: str) -> bool:
    doubled = [int(d) * (2 if i % 2 else 1) for i, d in enumerate(reversed(digits))]
    return sum(d // 10 + d % 10 for d in doubled) % 10 == 0


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        pytest.param(f"my card {VISA}, ok?", f"my card {MASKED}, ok?", id="blanks"),
        pytest.param("4111-1111-1111-1111", "****-****-****-1111", id="dashes"),
        pytest.param("4111111111111111", "************1111", id="plain"),
        pytest.param("378282246310005", "***********0005", id="fifteen-digits"),
        pytest.param("(5555555555554444)", "(************4444)", id="in-brackets"),
        pytest.param("6362970000457013", "************7013", id="elo"),
        pytest.param("4111111111111111 123", "************1111 123", id="a-code-behind"),
        pytest.param("4111 1111 1111 1111 12/28", "**** **** **** 1111 12/28", id="a-date-behind"),
        pytest.param(f"99 {VISA}", f"99 {MASKED}", id="a-number-before"),
        pytest.param(f"{VISA} 5555 5555 5555 4444", f"{MASKED} **** **** **** 4444", id="two"),
        pytest.param("cvv 123", "cvv ***", id="cvv"),
        pytest.param("CVC: 9876", "CVC: ****", id="cvc-colon"),
        pytest.param("código de segurança é 321", "código de segurança é ***", id="portuguese"),
        pytest.param("codigo de seguranca do cartao: 321", "codigo de seguranca do cartao: ***", id="no-accents"),
    ],
)  # fmt: skip
def test_a_card_number_or_code_is_masked(written: str, kept: str) -> None:
    assert mask_text(written) == kept


@pytest.mark.parametrize(
    "written",
    [
        pytest.param("4111 1111 1111 1112", id="fails-luhn"),
        pytest.param("+5511987654321", id="phone"),
        pytest.param("pedido 9912345678901230", id="no-issuer"),
        pytest.param("0000000000000000", id="zeroes"),
        pytest.param("SM4111111111111111", id="part-of-an-id"),
        pytest.param("123.456.789-09", id="cpf"),
        pytest.param("23793.38128 60007.827136 95000.063305 9 84660000012990", id="boleto"),
        pytest.param("invoice 2026-11-17 129,90", id="invoice"),
        pytest.param("wait 123 days", id="three-digits"),
    ],
)
def test_what_is_no_card_number_stays(written: str) -> None:
    assert mask_text(written) == written


@given(
    start=st.sampled_from(["4", "51", "55", "2221", "36", "6011", "34", "3530"]),
    tail=st.text("0123456789", min_size=18, max_size=18),
    gap=st.sampled_from(["", " ", "-"]),
)
def test_no_valid_number_of_a_known_issuer_survives(start: str, tail: str, gap: str) -> None:
    length = {"34": 15, "36": 14}.get(start, 16)
    number = luhn((start + tail)[: length - 1])
    if len(set(number)) == 1:
        return
    assert is_card_number(number)
    grouped = gap.join(number[at : at + 4] for at in range(0, length, 4))
    kept = mask_text(f"card: {grouped}.")
    assert number[:-4] not in kept.replace(gap, "")
    assert sum(sign.isdigit() for sign in kept) == 4
    assert len(kept) == len(f"card: {grouped}.")


@given(st.text())
def test_masking_twice_changes_nothing_more(text: str) -> None:
    once = mask_text(text)
    assert mask_text(once) == once
    assert len(once) == len(text)


def mail(body: bytes, encoding: str, kind: str = "text/plain; charset=utf-8") -> Delivery:
    raw = (
        b"From: ana@example.com\r\nSubject: card\r\nMIME-Version: 1.0\r\n"
        b'Content-Type: multipart/mixed; boundary="b1"\r\n\r\n--b1\r\n'
        + f"Content-Type: {kind}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n".encode()
        + body
        + b"\r\n--b1--\r\n"
    )
    return Delivery(raw, {"content-type": "message/rfc822"})


@pytest.mark.parametrize("encoding", ["7bit", "quoted-printable", "base64"])
def test_the_kept_mail_holds_no_card_number_in_any_transfer_encoding(encoding: str) -> None:
    plain = f"Olá, meu cartão é {VISA}, código de segurança 123".encode()
    coded = {
        "7bit": plain,
        "quoted-printable": quopri.encodestring(plain),
        "base64": base64.encodebytes(plain),
    }[encoding]
    kept = mask_delivery(mail(coded, encoding)).body
    body = kept.split(b"\r\n\r\n", 2)[2].split(b"\r\n--b1--")[0]
    read = {
        "7bit": body,
        "quoted-printable": quopri.decodestring(body),
        "base64": base64.b64decode(body) if encoding == "base64" else b"",
    }[encoding].decode()
    assert read == f"Olá, meu cartão é {MASKED}, código de segurança ***"


def test_an_attached_picture_is_kept_byte_for_byte() -> None:
    picture = mail(base64.encodebytes(b"\x89PNG 4111111111111111"), "base64", "image/png")
    assert mask_delivery(picture) == picture


def test_a_mail_without_a_card_number_is_kept_byte_for_byte() -> None:
    letter = mail(b"a =3D b\r\nsoft=\r\nbreak", "quoted-printable")
    assert mask_delivery(letter) == letter


def test_a_form_is_masked_by_field_and_untouched_where_there_is_nothing() -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    form = Delivery(b"Body=meu+4111+1111+1111+1111&From=%2B5511987654321", headers)
    assert b"4111" not in mask_delivery(form).body
    assert b"From=%2B5511987654321" in mask_delivery(form).body
    harmless = Delivery(b"Body=oi&MessageSid=SM4111111111111111", headers)
    assert mask_delivery(harmless) == harmless


def test_every_text_of_a_read_message_is_masked() -> None:
    item = mask_inbound(
        Inbound(
            "email", "1", Party("email", "a@b.c", name=VISA), VISA, VISA, None,
            subject=VISA, html=f"<p>{VISA}</p>",
            files=(File(f"{VISA}.txt", "text/plain", VISA.encode()),),
        )
    )  # fmt: skip
    assert VISA not in repr(item)
