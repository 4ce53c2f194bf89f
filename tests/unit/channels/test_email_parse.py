"""A mail of any kind becomes one message, or is refused by name."""

from datetime import UTC, datetime
from email import message_from_bytes

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.email import parse
from channels.email.addresses import read_mailboxes
from channels.email.decode import decode_bytes
from channels.email.parse import dedupe_key, parse_mail
from channels.email.rules import MailRules
from channels.email.tree import Limits, raw_headers, read_tree
from channels.port import Inbound, Receipt, Unreadable
from tests.unit.channels.mail import RULES, SAMPLES, mail, read, sample


def test_a_mail_with_an_attachment_is_read_whole() -> None:
    found = read(sample("new-message"))
    assert found.sender.value == "ana.souza@cliente.example"
    assert found.sender.name == "Ana Conceição Souza"
    assert found.subject == "Cobrada duas vezes em novembro — plano Família"
    assert found.text.startswith("Olá,\n\nvi duas cobranças de R$ 129,90")
    assert "<b>R$ 129,90</b>" in found.html
    assert found.sent_at == datetime(2026, 11, 17, 12, 14, 2, tzinfo=UTC)
    assert found.message_id == "CAF-1@mail.cliente.example"
    assert [file.name for file in found.files] == ["extrato cartão.pdf"]
    assert found.files[0].content == b"%PDF-1.4\n"


def test_headers_and_bytes_that_lie_about_their_charset_are_still_read() -> None:
    found = read(sample("broken-headers"))
    assert found.sender.name == "João"
    assert found.subject.startswith("Cobrança errada é café")
    assert found.text.startswith("Não consigo pagar")
    assert found.sent_at is None
    assert found.message_id == "[broken@cliente.example]"


def test_a_picture_keeps_its_content_id_and_loses_invisible_letters_in_its_name() -> None:
    file = read(sample("picture-inside")).files[0]
    assert (file.name, file.content_id) == ("tela.png", "tela@cliente")


def test_references_come_newest_first_and_once() -> None:
    found = read(mail(in_reply_to="<c@x>", references="<a@x> <b@x>\r\n <c@x>", message_id="<d@x>"))
    assert found.references == ("c@x", "b@x", "a@x")


@pytest.mark.parametrize("header", ["delivered_to", "x_original_to", "to", "cc"])
def test_the_reply_token_is_found_in_any_recipient_header_with_its_case(header: str) -> None:
    found = read(mail(**{header: "Suporte <suporte+r.aB3_dE6-hI9@sabia.example>"}))
    assert found.reply_tokens == ("aB3_dE6-hI9",)


def test_a_ticket_number_in_the_address_is_no_token() -> None:
    assert read(mail(to="suporte+12345@sabia.example")).reply_tokens == ()


@pytest.mark.parametrize(
    "text",
    [
        "Tue, 17 Nov 2026 09:00:00 -0300",
        "Tue, 17 Nov 2026 12:00:00 GMT",
        "17 Nov 2026 12:00:00 +0000 (UTC)",
        "Tue, 17 Nov 2026 12:00:00 -0000",
    ],
)
def test_a_date_becomes_utc(text: str) -> None:
    assert read(mail(date=text)).sent_at == datetime(2026, 11, 17, 12, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "soon", "Tue, 99 Nov 99999 99:99:99", "32 Foo 2026"])
def test_a_date_nobody_can_read_is_none(text: str) -> None:
    assert read(mail(date=text)).sent_at is None


def test_html_alone_still_gives_text_to_read() -> None:
    found = read(mail("<p>Um</p><p>Dois</p>", content_type="text/html"))
    assert found.text.split() == ["Um", "Dois"]


def test_a_mail_without_sender_is_told_apart_and_not_trusted() -> None:
    found = read(mail(from_=""))
    assert (found.sender.value, found.trust, found.data["doubt"]) == ("", "failed", "no_sender")


def test_the_same_bytes_have_one_key_whatever_their_line_ends() -> None:
    raw = sample("new-message")
    assert dedupe_key(raw) == dedupe_key(raw.replace(b"\n", b"\r\n"))
    assert dedupe_key(raw) != dedupe_key(raw.replace(b"129,90", b"129,91"))


def test_a_report_of_our_lost_mail_gives_a_receipt_for_it() -> None:
    message, receipt = parse_mail(sample("bounce"), RULES, "7:1")
    assert isinstance(message, Inbound)
    assert message.auto == "bounce"
    assert isinstance(receipt, Receipt)
    assert receipt.provider_id == "0190-a@guiche.sabia.example"
    assert receipt.state == "undelivered"
    assert "user unknown" in receipt.reason


@pytest.mark.parametrize(
    ("old", "new", "state", "kind"),
    [
        ("x", "x", "undelivered", "hard"),
        ("Action: failed", "Action: delayed", "delayed", "delayed"),
        (
            "5.1.1",
            "4.4.7",
            "undelivered",
            "soft",
        ),  # given up, though each try might have been the last
        ("Action: failed\r\nStatus: 5.1.1", "Status: 4.4.1", "delayed", "delayed"),
    ],
)
def test_a_report_says_whether_the_mail_is_still_being_tried(
    old: str, new: str, state: str, kind: str
) -> None:
    raw = sample("bounce").replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    _, receipt = parse_mail(raw.replace(old.encode(), new.encode()), RULES, "7:1")
    assert isinstance(receipt, Receipt)
    assert receipt.state == state
    assert receipt.reason.startswith(f"{kind}: ")


def test_a_report_of_other_peoples_mail_gives_no_receipt() -> None:
    assert len(parse_mail(sample("bounce"), MailRules(), "7:1")) == 1


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        pytest.param(b"", "empty", id="nothing"),
        pytest.param(b"\r\n \r\n", "empty", id="blank"),
        pytest.param(b"A: b\r\n" * 40 + b"\r\nx", "too many headers", id="headers"),
        pytest.param(b"A: b\r\n\r\n" + b"x" * 5000, "larger", id="size"),
        pytest.param(b"A: b\r\n\r\n" + b"\n" * 500, "too many lines", id="lines"),
        pytest.param(
            b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\n" * 40,
            "too many parts",
            id="parts",
        ),
        pytest.param(
            b"".join(
                b'Content-Type: multipart/mixed; boundary="%d"\r\n\r\n--%d\r\n' % (at, at)
                for at in range(30)
            ),
            "too many containers",
            id="depth",
        ),
    ],
)
def test_a_mail_past_the_limits_is_refused(raw: bytes, reason: str) -> None:
    limits = Limits(size=4000, lines=200, headers=35, containers=10, parts=30)
    with pytest.raises(Unreadable, match=reason):
        parse_mail(raw, MailRules(limits=limits), "1:1")


def test_files_past_the_limit_are_counted_not_forgotten() -> None:
    part = "--b\r\nContent-Type: image/png\r\n\r\nx\r\n"
    raw = mail(part * 7 + "--b--", content_type="multipart/mixed; boundary=b")
    found = read(raw, MailRules(limits=Limits(files=5)))
    assert len(found.files) == 5
    assert found.data["files_omitted"] == "2"


def test_a_boundary_is_found_though_its_header_is_folded_badly() -> None:
    parts = "--a b\r\nContent-Type: text/plain\r\n\r\nOi\r\n--a b--\r\n"
    for header in ('multipart/mixed; boundary="a\r\n b"', 'multipart/mixed;\r\nboundary="a b"'):
        assert read(mail(parts, content_type=header)).text == "Oi"


def test_the_parts_of_a_digest_are_mails() -> None:
    part = "--b\r\n\r\nFrom: ana@x.example\r\nSubject: um\r\n\r\nOi\r\n"
    found = read(mail(part * 2 + "--b--", content_type="multipart/digest; boundary=b"))
    assert [file.media_type for file in found.files] == ["message/rfc822"] * 2
    assert b"Subject: um" in found.files[0].content


def test_parts_behind_a_boundary_that_never_comes_are_shown_and_kept() -> None:
    found = read(mail("--x\r\n\r\nOi, Ana", content_type="multipart/mixed; boundary=b"))
    assert found.text.endswith("Oi, Ana")
    assert [file.content for file in found.files] == [b"--x\r\n\r\nOi, Ana"]
    assert read(mail(" ", content_type="multipart/mixed; boundary=b")).files == ()


@pytest.mark.parametrize(
    "header",
    [
        "attachment; filename*=utf-8''extrato%20%C3%A9.pdf",
        "attachment; filename*0*=utf-8''extrato%20; filename*1*=%C3%A9; filename*2=.pdf",
        'attachment; filename="=?utf-8?Q?extrato_=C3=A9.pdf?="',
        'attachment; filename="extrato \u00e9.pdf"',
        "attachment; filename=x.bin; filename*=UTF-8'pt'extrato%20%C3%A9.pdf",
        "attachment;\r\nfilename*=utf-8''extrato%20%C3%A9.pdf",
    ],
)
def test_a_file_keeps_its_name_however_it_is_written(header: str) -> None:
    part = (
        f"--b\r\nContent-Type: application/pdf\r\nContent-Disposition: {header}\r\n\r\nx\r\n--b--"
    )
    found = read(mail(part, content_type="multipart/mixed; boundary=b"))
    assert [file.name for file in found.files] == ["extrato \u00e9.pdf"]


def strings(found: Inbound) -> list[str]:
    return [
        found.text, found.reply_text, found.html, found.subject, found.message_id,
        found.sender.value, found.sender.name,
        *found.recipients, *found.references, *found.reply_tokens, *found.data.values(),
        *(text for file in found.files for text in (file.name, file.content_id, file.media_type)),
    ]  # fmt: skip


ANY_SAMPLE = st.sampled_from(sorted(path.read_bytes() for path in SAMPLES.glob("*.eml")))


@given(
    raw=ANY_SAMPLE,
    cuts=st.lists(st.tuples(st.integers(0, 1500), st.integers(0, 40), st.binary(max_size=20)),
                  max_size=6),
)  # fmt: skip
@settings(max_examples=200, deadline=None)
def test_a_damaged_mail_is_read_or_refused_and_always_storable(
    raw: bytes, cuts: list[tuple[int, int, bytes]]
) -> None:
    for start, length, replaced in cuts:
        raw = raw[:start] + replaced + raw[start + length :]
    for text in strings(read(raw)):
        text.encode()
        assert "\0" not in text


def test_an_unforeseen_fault_holds_one_mail_and_not_the_mailbox(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object) -> None:
        raise IndexError("nobody thought of this")

    monkeypatch.setattr(parse, "read_body", fail)
    with pytest.raises(Unreadable, match="IndexError"):
        parse_mail(sample("new-message"), RULES, "7:41")


@pytest.mark.parametrize("name", ["x-unknown", "idna", "rot13", "hex", "utf-7", "a*b", "\0"])
def test_no_charset_name_makes_reading_fail(name: str) -> None:
    found = read(mail("+2AA- \u00e1", content_type=f"text/plain; charset={name}"))
    assert found.text == "+2AA- \u00e1"


@pytest.mark.parametrize(
    ("data", "charset", "text"),
    [
        pytest.param("é".encode(), "iso-8859-1", "Ã©", id="the-named-one-is-obeyed"),
        pytest.param(b"\x93ol\xe1\x94", "iso-8859-1", "“olá”", id="latin-1-means-windows"),
        pytest.param("é".encode(), "x-unknown", "é", id="unknown-is-utf-8"),
        pytest.param(b"\xe9", "x-unknown", "é", id="or-windows"),
        pytest.param(b"\xe9", "utf-8", "é", id="a-lie-is-seen-through"),
        pytest.param(b"Sabi-cna", "punycode", "Sabi-cna", id="not-a-charset"),
        pytest.param(b"\\x41", "unicode-escape", "\\x41", id="not-a-charset-either"),
        pytest.param(b"+2AA-", "utf-7", "\ufffd", id="half-a-letter-is-replaced"),
        pytest.param(b"\xef\xbb\xbfoi", "utf-8", "oi", id="no-byte-order-mark"),
    ],
)
def test_bytes_become_text(data: bytes, charset: str, text: str) -> None:
    assert decode_bytes(data, charset) == text


@given(
    st.lists(
        st.sampled_from(
            [b"From ana", b"From: ana", b"A: b", b":x", b" folded", b"\tfolded", b"words", b"\xe1: b",
             b"Subject:", b"B\xe3: c", b"\n", b"\r", b"\r\n", b"\n\n", b"\x0c", b"\x85", b"From "]
        ),
        max_size=12,
    ).map(b"".join)
)  # fmt: skip
@settings(max_examples=500)
def test_a_mail_without_parts_is_read_as_the_standard_parser_reads_it(raw: bytes) -> None:
    ours, standard = read_tree(raw), message_from_bytes(raw)
    assert list(ours.raw_items()) == list(standard.raw_items())
    assert vars(ours)["_payload"] == vars(standard)["_payload"]


def test_a_header_that_was_removed_is_found_no_more() -> None:
    message = read_tree(b"X-Guiche-Ticket: 1\nx-guiche-ticket: 2\nSubject: oi\n\noi")
    assert raw_headers(message, "X-GUICHE-TICKET") == ["1", "2"]
    del message["X-Guiche-Ticket"]
    assert raw_headers(message, "x-guiche-ticket") == []
    assert raw_headers(message, "subject") == ["oi"]


@pytest.mark.parametrize(
    "kind", ["Message/RFC822", "message/delivery-status", "Multipart/mixed; boundary=b"]
)
def test_a_mail_that_is_a_container_itself_has_its_parts(kind: str) -> None:
    message = read_tree(f"Content-Type: {kind}\n\n--b\n\nSubject: oi\n--b--\n".encode())
    assert message.is_multipart()


def test_the_name_of_a_group_is_no_part_of_an_address() -> None:
    assert [box.address for box in read_mailboxes("friends: ana@x.example")] == ["ana@x.example"]


def test_whom_else_a_mail_went_to_is_told_without_us_and_its_sender() -> None:
    found = read(
        mail(
            to="Suporte <SUPORTE+r.aB3_dE6-hI9@sabia.example>, B <b@x.example>",
            cc="c@x.example, b@x.example, Ana <ana@cliente.example>, nobody",
        )
    )
    assert found.data["cc"] == "b@x.example, c@x.example"
    assert "cc" not in read(mail()).data
    crowd = read(mail(cc=", ".join(f"p{n}@x.example" for n in range(300))))
    assert len(crowd.data["cc"].split(", ")) == 20
