"""Card numbers never reach a disk; what looks like one and is none stays readable."""

import base64
import json
import quopri
import re
import sys
import unicodedata
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message
from html import unescape
from html.entities import html5
from urllib.parse import parse_qs, unquote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.port import Delivery, File, Inbound, Party
from helpdesk.inbox import cards
from helpdesk.inbox.masking import is_card_number, mask_delivery, mask_inbound, mask_text
from helpdesk.inbox.preparing import prepare, storable

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
        pytest.param("4222222222222", "*********2222", id="thirteen-digits"),
        pytest.param("378282246310005", "***********0005", id="fifteen-digits"),
        pytest.param("(5555555555554444)", "(************4444)", id="in-brackets"),
        pytest.param("6362970000457013", "************7013", id="elo"),
        pytest.param("4111111111111111 123", "************1111 123", id="a-code-behind"),
        pytest.param("4111 1111 1111 1111 12/28", "**** **** **** 1111 12/28", id="a-date-behind"),
        pytest.param(f"99 {VISA}", f"99 {MASKED}", id="a-number-before"),
        pytest.param(f"{VISA} 5555 5555 5555 4444", f"{MASKED} **** **** **** 4444", id="two"),
        pytest.param("4111\u200b1111\u200b1111\u200b1111", "****\u200b****\u200b****\u200b1111", id="unseen-blanks"),
        pytest.param("4111–1111–1111–1111", "****–****–****–1111", id="long-dashes"),
        pytest.param("4111/1111/1111/1111", "****/****/****/1111", id="strokes"),
        pytest.param("４１１１ 1111 1111 1111", "**** **** **** 1111", id="wide-digits"),
        pytest.param("4111 1111\r\n1111 1111", "**** ****\r\n**** 1111", id="two-lines"),
        pytest.param("foto_4111111111111111.png", "foto_************1111.png", id="name-of-a-file"),
        pytest.param("+4111111111111111", "+************1111", id="too-long-for-a-phone"),
        pytest.param("cvv 123", "cvv ***", id="cvv"),
        pytest.param("CVC: 9876", "CVC: ****", id="cvc-colon"),
        pytest.param("código de segurança é 321", "código de segurança é ***", id="portuguese"),
        pytest.param("code de sécurité : 123", "code de sécurité : ***", id="french"),
        pytest.param("Prüfnummer 123", "Prüfnummer ***", id="german"),
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
        pytest.param("+378282246310005", id="phone-of-fifteen-digits"),
        pytest.param("41111\n1111\n1111\n111", id="a-column-of-numbers"),
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


# What is searched for first must be found in everything that can be masked.


@pytest.mark.parametrize(
    "words",
    [
        "CVV", "cvc2", "Cvn", "CSC", "c\u017fc", "cid", "C\u0130D", "c\u0131d", "Security Code",
        "\u017fecurity code", "CARD CODE", "verification code of the card", "código de segurança",
        "CÓDIGO SEGURANÇA", "cod. do verso", "CÓD. NO VERSO", "código de seguridad",
        "code de sécurité", "CRYPTOGRAMME visuel", "Prüfnummer", "\u212aARTENPRÜFZIFFER",
        "prufziffer", "codice di sicurezza", "BEVEILIGINGSCODE",
    ],
)  # fmt: skip
@pytest.mark.parametrize("around", ["{}", "“{}”", "١ {}"])
def test_a_code_is_blanked_behind_each_word_in_either_case(words: str, around: str) -> None:
    assert mask_text(around.format(f"{words}: 123")) == around.format(f"{words}: ***")


@pytest.mark.parametrize("zero", [0x0660, 0x0966, 0x0DE6, 0xFF10, 0x1D7CE])
def test_a_number_is_masked_in_any_script_as_signs_or_as_entities(zero: int) -> None:
    digits = [chr(zero + int(one)) for one in "4999999999999996"]
    assert cards.mask_text(f"“{''.join(digits)}”") == f"“{'*' * 12}{''.join(digits[-4:])}”"
    entities = [f"&#x{ord(one):X};" for one in digits]
    shown = unescape(cards.mask_html(f"<p>{''.join(entities)}</p>"))
    assert shown == f"<p>{'*' * 12}{''.join(digits[-4:])}</p>"


def test_no_entity_with_a_name_is_a_digit() -> None:
    assert not [name for name, signs in html5.items() if re.search(r"\d", signs)]


def test_in_latin_1_the_only_digits_are_ours() -> None:
    assert re.findall(r"\d", bytes(range(256)).decode("latin-1")) == list("0123456789")


def test_outside_latin_1_three_signs_are_letters_of_ours_in_another_case() -> None:
    outside = "".join(map(chr, range(256, sys.maxunicode + 1)))
    assert re.findall("[cvnsidoryptufóü]", outside, re.IGNORECASE) == ["\u0130", "\u0131", "\u017f"]


@given(st.text(st.sampled_from("411 cvCVid\u0131\u017f:é\n\u0664-€&#;<b>%31"), max_size=60))
def test_what_is_passed_over_at_once_holds_nothing(text: str) -> None:
    masked = cards._SECURITY_CODE.sub(cards._blank_code, cards._RUN.sub(cards._mask_run, text))
    assert cards.mask_text(text) == masked
    if cards.holds_nothing(text.encode()):
        assert cards.mask_text(text) == cards.mask_html(text) == cards.mask_escaped(text) == text
    digits = [one for one in text if unicodedata.category(one) == "Nd"]
    if len(digits) < 3 and "&#" not in text:
        assert cards.mask_html(text) == text


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


PLACES = [
    pytest.param(f"Subject: {VISA}\r\n\r\noi", id="subject"),
    pytest.param("Subject: meu 4111 1111\r\n 1111 1111\r\n\r\noi", id="folded-subject"),
    pytest.param("Subject: =?utf-8?Q?cart=C3=A3o_4111_1111_1111_1111?=\r\n\r\noi", id="quoted-subject"),
    pytest.param(f"Subject: =?utf-8?B?{base64.b64encode(VISA.encode()).decode()}?=\r\n\r\noi", id="coded-subject"),
    pytest.param("Subject: =?utf-8?Q?4111_1111?=\r\n =?utf-8?Q?_1111_1111?=\r\n\r\noi", id="two-words"),
    pytest.param(f'Content-Type: image/png; name="{VISA}.png"\r\n\r\n\x89', id="name-of-a-picture"),
    pytest.param("Content-Type: image/png\r\nContent-Disposition: attachment;\r\n filename*=utf-8''4111%201111%201111%201111.png\r\n\r\n", id="extended-name"),
    pytest.param("Content-Type: text/html\r\n\r\n<b>4111</b>&nbsp;1111 <i>1111</i>&#32;1111", id="page"),
    pytest.param(f"Content-Type: text/csv\r\n\r\na;{VISA}", id="table"),
    pytest.param(f"Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n{base64.encodebytes(VISA.encode()).decode()}", id="text-without-a-type"),
    pytest.param(f"Content-Type: text/plain; charset=utf-16\r\nContent-Transfer-Encoding: base64\r\n\r\n{base64.encodebytes(VISA.encode('utf-16')).decode()}", id="wide-charset"),
    pytest.param(f"Content-Type: message/rfc822\r\n\r\nSubject: x\r\nContent-Transfer-Encoding: base64\r\n\r\n{base64.encodebytes(VISA.encode()).decode()}", id="mail-inside"),
    pytest.param(f'Content-Type: multipart/mixed; boundary="b"\r\n\r\n{VISA}\r\n--b\r\n\r\nx\r\n--b--\r\n', id="before-the-parts"),
]  # fmt: skip


@pytest.mark.parametrize("raw", PLACES)
def test_a15_no_place_in_a_kept_mail_holds_a_card_number(raw: str) -> None:
    kept = mask_delivery(Delivery(raw.encode(), {"content-type": "message/rfc822"})).body
    assert "4111" not in shown(message_from_bytes(kept))
    assert "4111" in shown(message_from_bytes(raw.encode()))


def shown(mail: Message) -> str:
    """Return all that a reader of a mail could make out, its blanks taken out."""
    said = [str(make_header(decode_header(value))) for value in map(str, mail.values())]
    said += [mail.get_filename() or "", str(mail.preamble or "")]
    if isinstance(found := mail.get_payload(), list):
        said += [shown(part) for part in found if isinstance(part, Message)]
    else:
        content = mail.get_payload(decode=True)
        assert isinstance(content, bytes)
        wide = mail.get_content_charset() == "utf-16"
        said.append(content.decode("utf-16" if wide else "utf-8", "replace"))
    return unquote(unescape(" ".join(said)))


def test_what_threads_and_parts_a_mail_is_left_as_it_is() -> None:
    raw = (
        b"Message-ID: <4111111111111111@x.example>\r\nReferences: <4111-1111-1111-1111@y>\r\n"
        b'Content-Type: multipart/mixed; boundary="4111111111111111"\r\n\r\n'
        b"--4111111111111111\r\n\r\nOi\r\n--4111111111111111--\r\n"
    )
    letter = Delivery(raw, {"content-type": "message/rfc822"})
    assert mask_delivery(letter) == letter


def test_an_attached_picture_is_kept_byte_for_byte() -> None:
    picture = mail(base64.encodebytes(b"\x89PNG 4111111111111111"), "base64", "image/png")
    assert mask_delivery(picture) == picture


def test_a_mail_without_a_card_number_is_kept_byte_for_byte() -> None:
    letter = mail(b"a =3D b\r\nsoft=\r\nbreak", "quoted-printable")
    assert mask_delivery(letter) == letter


@pytest.mark.parametrize("before", ["--b\n", "words\n--b\r\n", "words --b\n--b\n", "--b--\n--b\n"])
def test_each_part_is_masked_as_its_own_head_says(before: str) -> None:
    raw = (
        b'Content-Type: multipart/mixed;\r\n BOUNDARY = "b"\r\n\r\n'
        + before.encode()
        + b"Content-Transfer-Encoding: base64\n\n"
        + base64.encodebytes(VISA.encode())
        + b"--b\nContent-Transfer-Encoding: quoted-printable\n\n=34111=31111=31111=31111\n--b--"
    )
    kept = mask_delivery(Delivery(raw, {"content-type": "message/rfc822"})).body
    parts = re.split(rb"(?m)^--b.*\n?", kept)
    assert VISA.encode() not in b"".join(
        base64.b64decode(part.partition(b"\n\n")[2]) for part in parts[:-2]
    )
    assert b"4111" not in quopri.decodestring(parts[-2])


def test_lines_between_parts_stay_though_they_are_numbers_and_stand_in_a_row() -> None:
    raw = (
        b"Content-Type: multipart/mixed; boundary=4111111111111111\n\n"
        b"--4111111111111111--\n--4111111111111111\n--4111111111111111\n\nOi\n"
    )
    assert mask_delivery(Delivery(raw, {"content-type": "message/rfc822"})).body == raw


def test_a_page_without_any_digit_may_show_a_number() -> None:
    page = "".join(f"&#x{0xDE6 + int(one):X};" for one in "4999999999999996")
    kept = mask_delivery(mail(page.encode(), "7bit", "text/html")).body
    assert b"\r\n\r\n" + b"*" * 12 + page[-28:].encode() in kept


def test_a_form_is_masked_by_field_and_untouched_where_there_is_nothing() -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    form = Delivery(b"Body=meu+4111+1111+1111+1111&From=%2B5511987654321", headers)
    assert b"4111" not in mask_delivery(form).body
    assert b"From=%2B5511987654321" in mask_delivery(form).body
    harmless = Delivery(b"Body=oi&MessageSid=SM4111111111111111", headers)
    assert mask_delivery(harmless) == harmless


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        pytest.param('{"transcript": "meu 4111 1111 1111 1111"}', f"meu {MASKED}", id="plain"),
        pytest.param(r'{"transcript": "4111\u00a01111\u20091111\u00a01111"}',
                     "****\xa0****\u2009****\xa01111", id="escaped-blanks"),
        pytest.param(r'{"transcript": "\u0034111\t1111 1111 1111"}',
                     "****\t**** **** 1111", id="escaped-digit"),
        pytest.param(r'{"transcript": "c\u00f3digo de seguran\u00e7a: 123 \"\\"}',
                     'código de segurança: *** "\\', id="code"),
        pytest.param('{"transcript": 4111111111111111}', "************1111", id="a-number"),
        pytest.param('{"transcript": "oi", "a": [-4111111111111111]}', "oi", id="below-zero"),
        pytest.param('{"confidence": 0.4111111111111111, "transcript": "oi"}', "oi", id="looks-so"),
    ],
)  # fmt: skip
def test_a15_json_in_a_form_is_masked_through_its_escapes_and_stays_json(
    written: str, kept: str
) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    body = mask_delivery(Delivery(urlencode({"TranscriptionData": written}).encode(), headers)).body
    (data,) = parse_qs(body.decode())["TranscriptionData"]
    assert json.loads(data)["transcript"] == kept
    assert "4111" not in data


def test_a15_what_should_be_json_and_is_not_is_masked_all_the_same() -> None:
    for broken in ('{"transcript": "', "", '"', '{"a": "b" ', "\\", '{"a": "\\"'):
        for card in (VISA, "4111111111111111", "4111-1111-1111-1111"):
            assert "4111" not in cards.mask_json(broken + card)
            assert "4111" not in cards.mask_json(f'{broken}{card}" e mais')


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
                    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))  # fmt: skip
def test_json_without_a_number_to_hide_is_left_as_it_is(value: object) -> None:
    for written in (json.dumps(value), json.dumps(value, ensure_ascii=False)):
        masked = cards.mask_json(written)
        json.loads(masked)
        assert cards.mask_json(masked) == masked
        if len(re.sub(r"\D", "", written)) < 3:
            assert masked == written


def test_a15_every_text_of_a_read_message_is_masked() -> None:
    item = mask_inbound(
        Inbound(
            "email", "1", Party("email", "a@b.c", name=VISA), VISA, VISA, None,
            subject=VISA, html=f"<p>{VISA}</p>",
            files=(File(f"{VISA}.txt", "text/plain", VISA.encode()),),
        )
    )  # fmt: skip
    assert VISA not in repr(item)


def test_a_message_with_nothing_to_change_is_not_copied() -> None:
    item = Inbound("email", "1", Party("email", "a@b.c", name="Ana"), "Olá 12", "Olá 12", None)
    assert prepare(item) is item


def test_no_nul_and_no_half_of_a_sign_is_stored() -> None:
    assert storable("a\0b") == "ab"
    assert storable("á\ud800\0") == "á?"
    assert storable("€ as it is") == "€ as it is"
