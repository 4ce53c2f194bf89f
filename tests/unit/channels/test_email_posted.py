"""Mail that a provider posts: only with its proof, and byte for byte."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.email.posted import MailgunHook, PostedMail, PostmarkHook, SendgridHook, form_fields
from channels.port import BadSignature, Delivery, Unreadable

NOW = datetime(2026, 11, 17, 12, tzinfo=UTC)
KEY = "a signing key of the provider"
RAW = b"From: Jos\xe9 <jose@cliente.example>\r\nSubject: oi\r\n\r\n--x\r\nOl\xe1 \xff\r\n"
US = "suporte+r.abc@sabia.example"
TOP = f"Delivered-To: {US}\r\n".encode()
FORM = "application/x-www-form-urlencoded"


def multipart(fields: Mapping[str, tuple[bytes, str]]) -> Delivery:
    """Return a form; a value is its bytes and the name of its file, "" for none."""
    body = b""
    for name, (content, file) in fields.items():
        extra = f'; filename="{file}"\r\nContent-Type: text/plain' if file else ""
        head = f'--b0\r\nContent-Disposition: form-data; name="{name}"{extra}\r\n\r\n'
        body += head.encode() + content + b"\r\n"
    return Delivery(body + b"--b0--\r\n", {"content-type": "multipart/form-data; boundary=b0"})


def with_password(delivery: Delivery, password: str) -> Delivery:
    shown = base64.b64encode(f"guiche:{password}".encode()).decode()
    return Delivery(delivery.body, {**delivery.headers, "authorization": f"Basic {shown}"})


def mailgun(raw: bytes = RAW, *, at: datetime = NOW, token: str = "t1", **more: str) -> Delivery:
    stamp = str(int(at.timestamp()))
    proof = hmac.new(KEY.encode(), f"{stamp}{token}".encode(), hashlib.sha256).hexdigest()
    fields = {"timestamp": stamp, "token": token, "signature": proof, "recipient": US} | more
    made = {name: (value.encode(), "") for name, value in fields.items()}
    return multipart(made | ({"body-mime": (raw, "")} if raw else {}))


def read(delivery: Delivery) -> PostedMail:
    return MailgunHook(KEY)(delivery, now=NOW)


def test_mailgun_hands_over_the_mail_byte_for_byte() -> None:
    assert read(mailgun()) == PostedMail("mailgun:t1", TOP + RAW, (US,))


def test_mailgun_may_post_a_plain_form() -> None:
    fields = form_fields(mailgun())
    pairs = {name: one.content.decode("latin-1") for name, one in fields.items()}
    plain = Delivery(urlencode(pairs, encoding="latin-1").encode(), {"content-type": FORM})
    assert read(plain).raw == TOP + RAW


@pytest.mark.parametrize(
    "delivery",
    [
        pytest.param(mailgun(signature="0" * 64), id="forged"),
        pytest.param(mailgun(token="t1", signature=""), id="none"),
        pytest.param(mailgun(timestamp="1"), id="another-time"),
        pytest.param(mailgun(at=NOW - timedelta(days=2)), id="old"),
        pytest.param(mailgun(at=NOW + timedelta(days=2)), id="from-the-future"),
        pytest.param(mailgun(token=""), id="no-token"),
    ],
)
def test_mailgun_without_its_proof_is_refused(delivery: Delivery) -> None:
    with pytest.raises(BadSignature):
        read(delivery)


def test_mailgun_pieces_become_a_mail() -> None:
    headers = [["From", "Ana <ana@cliente.example>"], ["Message-Id", "<1@x>"], ["Subject", "Olá"],
               ["Content-Type", "multipart/alternative; boundary=zz"], ["X\r\nBad", "1"],
               ["Broken", "a\r\nBcc: b@x"]]  # fmt: skip
    pieces: dict[str, Any] = {
        "message-headers": json.dumps(headers),
        "body-plain": "Oi\n",
        "body-html": "<p>Oi</p>",
    }
    posted = read(mailgun(b"", **pieces))
    mail = message_from_bytes(posted.raw, policy=default)
    assert mail["Message-ID"] == "<1@x>"
    assert mail["Bcc"] is None
    assert mail.get_content_type() == "multipart/alternative"
    body = mail.get_body(("plain",))
    assert body is not None
    assert body.get_content() == "Oi\n"


def postmark(**facts: Any) -> Delivery:
    values = {"MessageID": "pm-1", "OriginalRecipient": US} | facts
    return with_password(Delivery(json.dumps(values).encode(), {}), KEY)


def test_postmark_hands_over_the_whole_mail() -> None:
    raw = "From: ana@cliente.example\r\n\r\nOlá\r\n"
    posted = PostmarkHook(KEY)(postmark(RawEmail=raw), now=NOW)
    assert posted == PostedMail("postmark:pm-1", TOP + raw.encode(), (US,))


def test_postmark_pieces_become_a_mail() -> None:
    content = base64.b64encode(b"%PDF").decode()
    posted = PostmarkHook(KEY)(
        postmark(
            From="Ana <ana@cliente.example>", Subject="Conta", TextBody="Oi",
            Headers=[{"Name": "Message-ID", "Value": "<1@x>"}, "odd"],
            Attachments=[{"Name": "a.pdf", "Content": content, "ContentType": "application/pdf"}],
        ),
        now=NOW,
    )  # fmt: skip
    mail = message_from_bytes(posted.raw, policy=default)
    assert (mail["From"], mail["Message-ID"]) == ("Ana <ana@cliente.example>", "<1@x>")
    (file,) = mail.iter_attachments()
    assert (file.get_filename(), file.get_content()) == ("a.pdf", b"%PDF")


def sendgrid(fields: Mapping[str, tuple[bytes, str]]) -> Delivery:
    envelope = json.dumps({"to": [US], "from": "ana@cliente.example"}).encode()
    return with_password(multipart({"envelope": (envelope, ""), **fields}), KEY)


def test_sendgrid_hands_over_the_whole_mail() -> None:
    posted = SendgridHook(KEY)(sendgrid({"email": (RAW, "")}), now=NOW)
    assert posted == PostedMail("", TOP + RAW, (US,))


def test_sendgrid_pieces_become_a_mail_in_their_own_charset() -> None:
    posted = SendgridHook(KEY)(
        sendgrid(
            {
                "headers": (b"From: ana@cliente.example\nReferences: <1@x>\n <2@x>\n", ""),
                "text": ("Olá".encode("latin-1"), ""),
                "charsets": (b'{"text":"iso-8859-1"}', ""),
                "attachment1": (b"\x00\x01", "foto.bin"),
                "attachment-info": (b"{}", ""),
            }
        ),
        now=NOW,
    )
    mail = message_from_bytes(posted.raw, policy=default)
    assert mail["References"] == "<1@x> <2@x>"
    body = mail.get_body(("plain",))
    assert body is not None
    assert body.get_content().strip() == "Olá"
    assert [one.get_filename() for one in mail.iter_attachments()] == ["foto.bin"]


def test_pieces_posted_again_are_the_same_mail() -> None:
    fields = {
        "headers": (b"From: ana@cliente.example\n", ""),
        "text": (b"Oi", ""),
        "html": (b"<p>Oi</p>", ""),
        "attachment1": (b"\x00\x01", "foto.bin"),
    }
    first, again = (SendgridHook(KEY)(sendgrid(fields), now=NOW) for _ in range(2))
    other = SendgridHook(KEY)(sendgrid(fields | {"text": (b"Oi!", "")}), now=NOW)
    assert first == again
    assert other.raw != first.raw


def test_a_header_that_is_posted_twice_names_one_sender() -> None:
    posted = PostmarkHook(KEY)(
        postmark(
            From="Ana <ana@cliente.example>",
            Headers=[{"Name": "From", "Value": "eva@evil.example"}, {"Name": "X-A", "Value": "1"}],
        ),
        now=NOW,
    )
    mail = message_from_bytes(posted.raw, policy=default)
    assert mail.get_all("From") == ["Ana <ana@cliente.example>"]
    assert mail["X-A"] == "1"


@pytest.mark.parametrize("hook", [PostmarkHook(KEY), SendgridHook(KEY)])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Basic !!!"},
        {"authorization": "Bearer " + base64.b64encode(f"u:{KEY}".encode()).decode()},
        {"authorization": "Basic " + base64.b64encode(b"guiche:wrong").decode()},
        {"authorization": "Basic " + base64.b64encode(KEY.encode()).decode()},
    ],
)
def test_without_the_password_nothing_is_read(hook: Any, headers: dict[str, str]) -> None:
    with pytest.raises(BadSignature):
        hook(Delivery(b"{}", headers), now=NOW)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"{}", b'{"RawEmail": ""}', b"[" * 100_000], ids=range(6)
)
def test_what_cannot_be_understood_is_said_to_be(body: bytes) -> None:
    with pytest.raises(Unreadable):
        PostmarkHook(KEY)(with_password(Delivery(body), KEY), now=NOW)


@given(st.binary(max_size=400), st.sampled_from([FORM, "multipart/form-data; boundary=b0", "x/y"]))
def test_no_form_breaks_its_reader(body: bytes, kind: str) -> None:
    try:
        form_fields(Delivery(body, {"content-type": kind}))
    except Unreadable:
        return


@given(st.binary(max_size=300))
def test_a_field_comes_out_as_it_went_in(content: bytes) -> None:
    if b"\r\n--b0" not in b"\r\n" + content:
        assert form_fields(multipart({"email": (content, "")}))["email"].content == content
