"""Our mail says what we mean and nothing that a value smuggles in."""

from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest

from channels.email.addresses import reply_tokens, with_reply_token
from channels.email.compose import compose_mail
from channels.port import File, Outbound, Party, Refused
from tests.unit.channels.mail import read

AT = datetime(2026, 11, 17, 12, tzinfo=UTC)
REPLY = Outbound(
    key="0190",
    channel="email",
    to=Party("email", "ana@cliente.example", "Ana Conceição, da Sé"),
    sender="suporte@sabia.example",
    sender_name="Sabiá",
    subject="Re: Cobrança — duas vezes",
    text="Olá, Ana.\n.já devolvemos\n",
    html="<p>Olá, Ana.</p>",
    message_id="0190@guiche.sabia.example",
    in_reply_to="CAF-1@mail.cliente.example",
    references=("CAF-0@mail.cliente.example", "CAF-1@mail.cliente.example"),
    reply_to="suporte+r.q7x2m4k9v1c8b3n6@sabia.example",
)


def compose(**changes: Any) -> EmailMessage:
    raw = compose_mail(replace(REPLY, **changes), at=AT, instance="sabia-1")
    made = message_from_bytes(raw, policy=default)
    assert isinstance(made, EmailMessage)
    return made


def test_a_reply_carries_the_headers_that_thread_it() -> None:
    made = compose()
    assert made["Message-ID"] == "<0190@guiche.sabia.example>"
    assert made["In-Reply-To"] == "<CAF-1@mail.cliente.example>"
    assert made["References"].split() == [
        "<CAF-0@mail.cliente.example>",
        "<CAF-1@mail.cliente.example>",
    ]
    assert made["Reply-To"].addresses[0].addr_spec == REPLY.reply_to
    assert made["Subject"] == "Re: Cobrança — duas vezes"
    assert made["Date"].datetime == AT
    assert made["To"].addresses[0].display_name == "Ana Conceição, da Sé"
    assert [part.get_content_type() for part in made.iter_parts()] == ["text/plain", "text/html"]


def test_what_we_write_we_can_read() -> None:
    raw = compose_mail(REPLY, at=AT, instance="sabia-1")
    found = read(raw)
    assert found.text.splitlines() == REPLY.text.splitlines()
    assert found.subject == REPLY.subject
    assert found.references == ("CAF-1@mail.cliente.example", "CAF-0@mail.cliente.example")
    assert found.auto == "own"


def test_a_long_id_of_another_program_stays_whole() -> None:
    long = "DM6PR" + "0" * 120 + "@DM6PR0101MB0000.prod.outlook.example"
    raw = compose_mail(replace(REPLY, in_reply_to=long, references=(long,) * 40), at=AT)
    assert f"In-Reply-To: <{long}>\r\n".encode() in raw
    assert max(map(len, raw.split(b"\r\n"))) < 998


def test_a_long_thread_keeps_its_root_and_its_newest() -> None:
    ids = tuple(f"{at}@x.example" for at in range(100))
    kept = compose(references=ids)["References"].split()
    assert (kept[0], kept[-1]) == ("<0@x.example>", "<99@x.example>")
    assert len(kept) == 21


def test_only_a_machines_mail_says_so() -> None:
    assert compose()["Auto-Submitted"] is None
    assert compose(automatic=True)["Auto-Submitted"] == "auto-replied"
    assert compose(automatic=True, in_reply_to="")["Auto-Submitted"] == "auto-generated"


def test_files_and_pictures_keep_their_names() -> None:
    made = compose(
        files=(
            File("relatório é.pdf", "application/pdf", b"%PDF"),
            File("tela.png", "image/png", b"PNG", content_id="tela@sabia"),
            File("estranho.bin", "text/html; x", b"<b>"),
        )
    )
    names = {part.get_filename() for part in made.walk()} - {None}
    assert names == {"estranho.bin", "relatório é.pdf", "tela.png"}
    assert [file.get_content_type() for file in made.iter_attachments()] == [
        "application/pdf",
        "application/octet-stream",
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": "x\r\nBcc: evil@x.example"},
        {"subject": "x\nBcc: evil@x.example"},
        {"subject": "x\u2028Bcc: evil@x.example"},
        {"sender_name": "x\r\nBcc: evil@x.example"},
        {"to": Party("email", "ana@x.example\r\nBcc: e@x.example")},
        {"to": Party("email", "ana@x.example, evil@x.example")},
        {"to": Party("email", "ana@x.example", "Ana\nBcc: e@x.example")},
        {"to": Party("email", "not an address")},
        {"to": Party("email", "joão@x.example")},
        {"reply_to": "a@x.example\r\nBcc: e@x.example"},
        {"message_id": "a@x>\r\nBcc: e@x.example"},
        {"message_id": ""},
        {"in_reply_to": "a@x\r\nBcc: e@x.example"},
        {"references": ("a@x\nBcc: e@x.example",)},
        {"files": (File("a\r\nBcc: e@x.example", "image/png", b""),)},
    ],
    ids=str,
)
def test_no_value_can_add_a_header(changes: dict[str, object]) -> None:
    with pytest.raises(Refused):
        compose(**changes)


def test_a_broken_id_of_another_program_does_not_stop_our_reply() -> None:
    made = compose(in_reply_to="no at sign", references=("no at sign", "a@x.example"))
    assert made["In-Reply-To"] is None
    assert made["References"] == "<a@x.example>"


def test_an_international_domain_is_written_in_ascii() -> None:
    made = compose(to=Party("email", "ana@sabiá.example"))
    assert made["To"].addresses[0].addr_spec == "ana@xn--sabi-8na.example"


def test_a_token_put_into_an_address_is_found_again() -> None:
    address = with_reply_token("suporte+x@sabia.example", "q7x2m4k9v1c8b3n6")
    assert address == "suporte+r.q7x2m4k9v1c8b3n6@sabia.example"
    assert reply_tokens([f"Sabiá <{address}>"]) == ("q7x2m4k9v1c8b3n6",)
    with pytest.raises(ValueError, match="reply token"):
        with_reply_token("suporte@sabia.example", "a b")


def test_a_mail_with_copies_names_its_receiver_and_them_whoever_it_goes_to() -> None:
    cc = (Party("email", "contas@escritório.example"), Party("email", "b@x.example", "B, o chefe"))
    for made in (compose(cc=cc), compose(cc=cc, to=cc[1], shown_to=REPLY.to)):
        assert [one.addr_spec for one in made["To"].addresses] == ["ana@cliente.example"]
        assert [(one.addr_spec, one.display_name) for one in made["Cc"].addresses] == [
            ("contas@xn--escritrio-b7a.example", ""),
            ("b@x.example", "B, o chefe"),
        ]
    assert compose()["Cc"] is None
    with pytest.raises(Refused):
        compose(cc=(Party("email", "b@x.example\r\nBcc: c@x.example"),))
