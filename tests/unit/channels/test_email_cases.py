"""The attacks and accidents of mail that reading alone can answer, by their ids.

E... are those of the list of attack and fault cases, F... those of the list of
instructive complaints. What threading and sending answer is tested there.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.email import parse
from channels.email.origin import strip_control_headers
from channels.email.parse import dedupe_key, parse_mail
from channels.email.rules import MailRules
from channels.email.tree import read_tree
from channels.port import Inbound, Receipt, Unreadable
from tests.unit.channels.mail import RULES, mail, read, sample

OURS = "mx.sabia.example"
PROVEN = f"{OURS}; dmarc=pass header.from=cliente.example"


def test_e5_the_author_is_from_alone_and_never_reply_to() -> None:
    found = read(
        mail(
            reply_to="Chefe <chefe@banco.example>",
            sender="x@y.example",
            authentication_results=PROVEN,
        )
    )
    assert found.sender.value == "ana@cliente.example"
    assert found.data["reply_to"] == "chefe@banco.example"


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(mail(from_="ana@cliente.example, bia@cliente.example"), id="two-addresses"),
        pytest.param(b"From: bia@x.example\r\n" + mail(), id="two-headers"),
    ],
)
def test_e5_two_authors_are_held_whatever_a_result_says(raw: bytes) -> None:
    found = read(f"Authentication-Results: {PROVEN}\r\n".encode() + raw)
    assert (found.data["doubt"], found.trust) == ("several_senders", "failed")


@pytest.mark.parametrize(
    ("from_", "warning"),
    [
        ("suporte@b\u0430nco.example", "mixed_scripts"),
        ("suporte@xn--bnco-43d.example", "mixed_scripts"),
        ("\u0421uporte Banco <a@x.example>", "mixed_scripts"),
        ("suporte@xn--sabi-8na.example", "foreign_letters"),
        ("suporte@banco.example <a@x.example>", "name_is_an_address"),
        ('"ceo@banco.example" <a@x.example>', "name_is_an_address"),
    ],
)
def test_e5_a_sender_made_to_be_mistaken_is_flagged(from_: str, warning: str) -> None:
    assert warning in read(mail(from_=from_)).data["sender_warnings"].split()


@pytest.mark.parametrize(
    "from_", ["Ana Conceição <ana@cliente.example>", "Анна <ana@x.example>", "ana@x.example"]
)
def test_e5_an_honest_name_is_not_flagged(from_: str) -> None:
    assert "sender_warnings" not in read(mail(from_=from_)).data


def test_e7_a_strangers_control_header_changes_nothing() -> None:
    plain = mail(subject="x")
    forged = b"X-Guiche-Ticket: 1\r\nX-Guiche-Command: close\r\nX-Guiche-Instance: other\r\n"
    assert read(forged + plain) == read(plain)


def test_e7_our_own_headers_are_gone_before_anything_could_obey_them() -> None:
    message = read_tree(b"X-GUICHE-Ticket: 1\r\nx-guiche-command: close\r\nX-Other: y\r\n\r\n")
    strip_control_headers(message)
    assert list(message.keys()) == ["X-Other"]


def test_e7_a_mail_is_parsed_without_them(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []
    monkeypatch.setattr(parse, "read_date", lambda message: seen.append(message.keys()))
    read(b"X-Guiche-Ticket: 1\r\n" + mail())
    assert seen == [["From", "To"]]


@pytest.mark.parametrize(
    ("headers", "auto"),
    [
        ({"auto_submitted": "auto-replied (vacation)"}, "auto_reply"),
        ({"auto_submitted": "auto-generated"}, "auto_reply"),
        ({"subject": "Fora do escritório: férias"}, "auto_reply"),
        ({"subject": "Réponse automatique : absence"}, "auto_reply"),
        ({"subject": "Risposta automatica: assente"}, "auto_reply"),
        ({"subject": "Automatisch antwoord: afwezig"}, "auto_reply"),
        ({"subject": "Automatische Antwort: Abwesenheit"}, "auto_reply"),
        ({"subject": "Respuesta automática: vacaciones"}, "auto_reply"),
        ({"return_path": "<>", "subject": "Re: Conta"}, "auto_reply"),
        ({"list_unsubscribe": "<mailto:u@x.example>"}, "list"),
        ({"precedence": "list"}, "list"),
        ({"from_": "suporte@sabia.example"}, "own"),
        ({"x_guiche_instance": "sabia-1"}, "own"),
        ({"from_": "MAILER-DAEMON@x.example", "subject": "Undeliverable: x"}, "bounce"),
    ],
    ids=str,
)
def test_e8_f12_no_machine_is_taken_for_a_person(headers: dict[str, str], auto: str) -> None:
    assert read(mail(**headers)).auto == auto


def test_e8_f12_our_own_automatic_answer_that_comes_back_is_ours() -> None:
    ours = mail(from_="Outra Mesa <x@y.example>", message_id="<0190-b@guiche.sabia.example>")
    assert read(ours).auto == "own"


@pytest.mark.parametrize(
    "headers",
    [
        {"content_type": "text/plain; charset=x-made-up-8"},
        {"content_type": "text/plain; charset="},
        {"subject": "=?x-made-up?Q?caf=C3=A9?= =?utf-8?B?w6n?= =?utf-8?Q?a=ZZ"},
        {"message_id": "<[x@outlook.example]>"},
        {"message_id": "<a@[1.2.3.4]>", "references": "<[x@outlook.example]> <<a>"},
        {"from_": "=?utf-8?B?8J+Yg=?= <ana@cliente.example>"},
        {"date": "Foo, 99 Bar 2026 99:99:99 +9999"},
        {"to": 'undisclosed-recipients:;, <@>, "', "cc": "=?"},
        {"content_type": "text/plain; name*0*=utf-8''%ff%; name*x=1; charset*=u"},
        {"content_transfer_encoding": "base64"},
    ],
    ids=str,
)
def test_e10_what_cannot_be_decoded_is_read_with_replacement(headers: dict[str, str]) -> None:
    found = read(mail("Caf\u00e9", **headers))
    assert found.sender.value == "ana@cliente.example"


def test_e13_a_mail_is_named_by_its_bytes_and_not_by_its_message_id() -> None:
    one = mail("Primeiro", message_id="<same@x.example>")
    other = mail("Segundo", message_id="<same@x.example>")
    assert dedupe_key(one) != dedupe_key(other)
    assert dedupe_key(one) == dedupe_key(one.replace(b"\r\n", b"\n"))
    assert read(mail("Sem id")).message_id == ""


@pytest.mark.parametrize(
    ("headers", "trust", "claimed"),
    [
        pytest.param([f"{OURS}; dmarc=fail header.from=cliente.example", PROVEN], "failed", True,
                     id="a-forged-one-below-ours"),
        pytest.param(["mx.evil.example; dmarc=pass header.from=cliente.example"], "bare", True,
                     id="anothers-server"),
        pytest.param([PROVEN], "aligned", False, id="ours"),
        pytest.param([PROVEN, "mx.evil.example; dmarc=fail"], "aligned", True, id="both"),
    ],
)  # fmt: skip
def test_e14_only_the_result_of_our_own_server_counts(
    headers: list[str], trust: str, claimed: bool
) -> None:
    raw = "".join(f"Authentication-Results: {one}\r\n" for one in headers).encode() + mail()
    found = read(raw)
    assert found.trust == trust
    assert ("authentication_claimed" in found.data) == claimed


@pytest.mark.parametrize(
    ("result", "trust"),
    [
        pytest.param('spf=pass smtp.mailfrom="x; dmarc=pass header.from=cliente.example"@evil.example; '
                     "dmarc=fail header.from=cliente.example", "failed", id="in-quotes"),
        pytest.param("spf=pass (a (b); dmarc=pass header.from=cliente.example) smtp.mailfrom=evil.example; "
                     "dmarc=fail header.from=cliente.example", "failed", id="in-a-nested-comment"),
        pytest.param(r"spf=pass (a \); dmarc=pass header.from=cliente.example) smtp.mailfrom=evil.example; "
                     "dmarc=fail header.from=cliente.example", "failed", id="behind-a-stroke"),
        pytest.param('dkim=pass reason="header.d=cliente.example" header.d=evil.example', "bare", id="in-a-reason"),
        pytest.param('dkim=pass header.d=evil.example reason="x header.d=cliente.example"', "bare", id="in-a-last-reason"),
        pytest.param("dkim=pass header.d=evil.example header.d=cliente.example", "bare", id="said-twice"),
        pytest.param('dkim=pass header.d="cliente.example"', "aligned", id="an-honest-quote"),
        pytest.param("dmarc=pass (p=none; dis=none) header.from=cliente.example", "aligned", id="an-honest-comment"),
    ],
)  # fmt: skip
def test_e14_words_that_a_sender_chose_are_no_result(result: str, trust: str) -> None:
    found = read(f"Authentication-Results: {OURS}; {result}\r\n".encode() + mail())
    assert found.trust == trust


def test_f3_an_id_in_the_form_of_ours_is_only_text_until_it_is_proven() -> None:
    found = read(
        mail(
            to="suporte+12@sabia.example, reply-12@sabia.example",
            in_reply_to="<reply-12-34@sabia.example>",
            subject="Re: [#12] Conta",
        )
    )
    assert found.reply_tokens == ()
    assert found.references == ("reply-12-34@sabia.example",)
    assert found.thread_key == ""


def test_f4_f5_every_id_a_mail_names_is_kept_newest_first() -> None:
    found = read(
        mail(
            message_id="<d@cliente.example>",
            in_reply_to="<c@cliente.example>",
            references="<a@guiche.sabia.example> <b@cliente.example>",
        )
    )
    assert found.message_id == "d@cliente.example"
    assert found.references == ("c@cliente.example", "b@cliente.example", "a@guiche.sabia.example")
    assert read(mail(message_id=" d@cliente.example ")).message_id == "d@cliente.example"


def report(kind: str, *parts: str, **headers: str) -> bytes:
    body = "".join(f"--r\r\n{part}\r\n" for part in parts) + "--r--\r\n"
    given = {"content_type": f"multipart/report; report-type={kind}; boundary=r"} | headers
    return mail(body, **given)


RETURNED = "Content-Type: message/rfc822\r\n\r\nMessage-ID: <0190-a@guiche.sabia.example>\r\n\r\nx"
SPAM = "Content-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\nUser-Agent: x\r\n"


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(report("feedback-report", SPAM, RETURNED), id="arf"),
        pytest.param(
            report("x", SPAM, RETURNED, content_type="multipart/mixed; boundary=r"), id="unnamed"
        ),
        pytest.param(
            report(
                "x",
                RETURNED,
                content_type="multipart/mixed; boundary=r",
                subject="complaint about message from 192.0.2.1",
            ),
            id="without-a-report",
        ),
    ],
)
def test_f12_a_complaint_is_no_word_of_a_customer_and_names_our_mail(raw: bytes) -> None:
    found = parse_mail(raw, RULES, "7:41")
    assert len(found) == 1
    assert isinstance(found[0], Inbound)
    assert found[0].auto == "complaint"
    assert found[0].data["about"] == "0190-a@guiche.sabia.example"


def test_f12_a_customer_who_passes_a_mail_on_does_not_complain() -> None:
    raw = report("x", RETURNED, content_type="multipart/mixed; boundary=r", subject="Reclamação")
    assert read(raw).auto is None


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(
            report(
                "disposition-notification",
                "Content-Type: message/disposition-notification\r\n\r\nDisposition: x; displayed",
            ),
            id="opened",
        ),
        pytest.param(sample("bounce").replace(b"Action: failed", b"Action: relayed"), id="relayed"),
        pytest.param(mail('{"notificationType": "Delivery", "mail": {}}'), id="notice"),
    ],
)
def test_f12_a_report_that_nothing_failed_is_neither_a_bounce_nor_a_person(raw: bytes) -> None:
    found = parse_mail(raw, RULES, "7:41")
    assert [one.auto for one in found if isinstance(one, Inbound)] == ["report"]
    assert not [one for one in found if isinstance(one, Receipt)]


@pytest.mark.parametrize(
    ("old", "new", "bounce", "status"),
    [
        ("x", "x", "hard", "5.1.1"),
        ("5.1.1 user unknown", "5.2.2 mailbox full", "soft", "5.2.2"),
        ("5.1.1 user unknown", "5.7.1 refused as spam", "soft", "5.7.1"),
        ("5.1.1 user unknown", "no such user here", "hard", "5.1.1"),
        ("5.1.1 user unknown", "5.1.10 refused", "hard", "5.1.10"),
        ("550 5.1.1 user unknown", "450 4.2.1 try later", "soft", "4.2.1"),
        ("5.1.1 user unknown", "5.1.1 sent to too many recipients this hour", "soft", "5.1.1"),
        (
            "5.1.1 user unknown",
            "5.1.8 domain of sender cliente.example does not exist",
            "soft",
            "5.1.8",
        ),
        ("5.1.1 user unknown", "5.4.1 Recipient address rejected: Access denied", "hard", "5.4.1"),
        ("Action: failed", "Action: delayed", "delayed", "5.1.1"),
    ],
)
def test_a_bounce_says_whether_the_address_is_to_blame(
    old: str, new: str, bounce: str, status: str
) -> None:
    found = read(sample("bounce").replace(old.encode(), new.encode()))
    assert (found.data["bounce"], found.data["status"]) == (bounce, status)
    assert found.data["about"] == "0190-a@guiche.sabia.example"


def test_a_notice_of_a_bounce_in_json_is_one() -> None:
    notice = '{"Message": "{\\\\"notificationType\\\\":\\\\"Bounce\\\\"}"}'.replace("\\\\", "\\")
    assert read(mail(notice, from_="no-reply@notices.example")).auto == "bounce"
    assert read(mail(f"Recebi isto: {notice}")).auto is None


def test_words_of_a_report_count_only_where_no_answer_is_wanted() -> None:
    text = "Could not be delivered to: <ana@x.example>\n As their mailbox is full."
    assert read(mail(text, return_path="<>")).auto == "bounce"
    assert read(mail(text)).auto is None


@given(
    raw=st.binary(max_size=1500)
    | st.text("-:;=\"'<>@,? \r\n\tboundaryTextmp/*01", max_size=1500).map(str.encode)
)
@settings(max_examples=400, deadline=None)
def test_any_bytes_are_read_or_unreadable(raw: bytes) -> None:
    for data in (raw, b"Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n" + raw):
        found = outcome(data)
        if isinstance(found, Unreadable):
            assert "cannot be read" not in str(found)  # a fault nobody thought of
            continue
        for text in (found.text, found.reply_text, found.html, found.subject):
            text.encode()
            assert "\0" not in text


def outcome(raw: bytes) -> Inbound | Unreadable:
    try:
        found = parse_mail(raw, MailRules(), "1:1")[0]
    except Unreadable as refused:
        return refused
    assert isinstance(found, Inbound)
    return found
