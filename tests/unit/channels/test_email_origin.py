"""Who wrote a mail, and how far that is proven."""

import pytest

from channels.email.rules import MailRules
from tests.unit.channels.mail import RULES, mail, read, sample

OURS = "mx.sabia.example"


@pytest.mark.parametrize(
    ("from_", "address"),
    [
        ("ana@cliente.example", "ana@cliente.example"),
        ("Ana <ANA@Cliente.Example>", "ana@cliente.example"),
        ('"Souza, Ana" <ana@cliente.example>', "ana@cliente.example"),
        ("ana@cliente.example (Ana, at home)", "ana@cliente.example"),
        ('"ceo@banco.example" <ana@cliente.example>', "ana@cliente.example"),
        ("=?utf-8?q?ceo=40banco=2Eexample=2C_x?= <ana@cliente.example>", "ana@cliente.example"),
        ("Ana <ana@cliente.example", "ana@cliente.example"),
    ],
)
def test_the_author_is_the_one_address_in_from(from_: str, address: str) -> None:
    found = read(mail(from_=from_, reply_to="x@evil.example", sender="y@evil.example"))
    assert found.sender.value == address
    assert "doubt" not in found.data


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(mail(from_="a@x.example, b@x.example"), id="two-addresses"),
        pytest.param(mail(from_="<a@x.example> <b@x.example>"), id="two-in-angles"),
        pytest.param(b"From: a@x.example\r\n" + mail(from_="b@x.example"), id="two-headers"),
        pytest.param(b"From: a@x.example\r\n" + mail(from_="nobody"), id="one-without-address"),
    ],
)
def test_two_authors_are_nobody_to_trust(raw: bytes) -> None:
    proven = f"Authentication-Results: {OURS}; dmarc=pass\r\n".encode()
    found = read(proven + raw)
    assert (found.trust, found.data["doubt"]) == ("failed", "several_senders")


@pytest.mark.parametrize(
    ("result", "trust"),
    [
        (f"{OURS}; dmarc=pass header.from=cliente.example", "aligned"),
        (f"{OURS} 1; spf=pass; dmarc=pass (p=reject; sp=none) header.from=cliente.example", "aligned"),
        (f"{OURS}; dmarc=fail header.from=cliente.example; dkim=pass header.d=cliente.example", "failed"),
        (f"{OURS}; dmarc=pass header.from=evil.example", "bare"),
        (f"{OURS}; dkim=pass header.d=cliente.example", "aligned"),
        (f"{OURS}; dkim=pass header.i=@cliente.example", "aligned"),
        (f"{OURS}; dkim=pass header.d=evil.example", "bare"),
        (f"{OURS}; dkim=pass header.d=sub.cliente.example", "bare"),
        (f"{OURS}; dkim=pass header.d=example", "bare"),
        (f"{OURS}; dkim=fail header.d=cliente.example", "failed"),
        (f"{OURS}; dkim=fail header.d=cliente.example; spf=pass smtp.mailfrom=a@cliente.example", "bare"),
        (f"{OURS}; spf=fail smtp.mailfrom=bounce@other.example", "bare"),
        (f"{OURS}; none", "bare"),
        ("mx.evil.example; dmarc=pass header.from=cliente.example", "bare"),
        (f"{OURS}.evil.example; dmarc=pass header.from=cliente.example", "bare"),
        (f"(comment {OURS};) mx.evil.example; dmarc=pass", "bare"),
        ("", "bare"),
    ],
)  # fmt: skip
def test_trust_follows_the_results_of_our_own_server(result: str, trust: str) -> None:
    assert read(mail(authentication_results=result)).trust == trust


def test_a_result_forged_below_ours_is_not_believed() -> None:
    found = read(sample("spoofed-result"))
    assert found.trust == "failed"
    assert found.data["authentication"] == "spf=pass dmarc=fail"
    assert "dmarc=pass" in found.data["authentication_claimed"]


def test_without_a_configured_server_no_result_is_believed() -> None:
    raw = mail(authentication_results="; dmarc=pass header.from=cliente.example")
    assert read(raw, MailRules()).trust == "bare"
    assert read(sample("new-message"), MailRules()).trust == "bare"


@pytest.mark.parametrize(
    ("headers", "auto"),
    [
        ({"auto_submitted": "auto-replied"}, "auto_reply"),
        ({"auto_submitted": "no"}, None),
        ({"x_auto_response_suppress": "OOF"}, "auto_reply"),
        ({"precedence": "auto_reply"}, "auto_reply"),
        ({"return_path": "<>"}, "auto_reply"),
        ({"subject": "Automatic reply: hello"}, "auto_reply"),
        ({"subject": "About the automatic reply"}, None),
        ({"precedence": "bulk"}, "list"),
        ({"list_id": "<news.x.example>"}, "list"),
        ({"from_": "MAILER-DAEMON@x.example", "subject": "Undelivered Mail"}, "bounce"),
        ({"x_failed_recipients": "ana@x.example"}, "bounce"),
        ({"subject": "Undelivered Mail Returned to Sender"}, None),
        ({"from_": "Suporte <suporte@sabia.example>"}, "own"),
        ({"message_id": "<0190@guiche.sabia.example>"}, "own"),
        ({"x_guiche_instance": "sabia-1"}, "own"),
        ({"x_guiche_instance": "another-house"}, None),
        ({}, None),
    ],
)
def test_machines_are_told_from_people(headers: dict[str, str], auto: str | None) -> None:
    assert read(mail(**headers)).auto == auto


@pytest.mark.parametrize(
    ("name", "auto"),
    [("out-of-office", "auto_reply"), ("bounce", "bounce"), ("newsletter", "list"),
     ("reply-gmail-pt", None), ("new-message", None)],
)  # fmt: skip
def test_the_samples_are_told_apart(name: str, auto: str | None) -> None:
    assert read(sample(name)).auto == auto


def test_a_customer_who_quotes_a_bounce_is_not_one() -> None:
    text = "Recebi isto:\n\n  ana@x.example\n    550 5.1.1 user unknown\n\nO que faço?"
    assert read(mail(text, subject="Delivery Status Notification (Failure)")).auto is None


def test_an_installation_without_settings_owns_nothing() -> None:
    assert read(mail(x_guiche_instance=""), MailRules()).auto is None
    assert read(mail(message_id="<no-domain>"), MailRules()).auto is None
    assert RULES.instance
