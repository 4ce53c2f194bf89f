"""The button that mails a signature: what arrives, where, and what is said when it does not."""

from email.message import EmailMessage
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from channels.port import Outbound
from helpdesk.bootstrap import MailNetwork
from helpdesk.inbox.service import ingest_mail, read_one
from helpdesk.mailboxes.account import MailAccount
from helpdesk.mailboxes.model import Mailbox
from helpdesk.mailboxes.port import Verdict
from helpdesk.mailboxes.sealing import seal
from helpdesk.services import Services
from helpdesk.staff.service import session_agent
from tests.browser import Browser, hire
from tests.databases import rows_by_table
from tests.integration.inbox.world import World
from tests.integration.mailboxes.test_screens import FORM, SALES, add
from tests.servers.smtp_sink import SmtpSink

HER = "admin@sabia.example"
SIGNED = {
    "signature_text": "{agent} · {company}\n{address}",
    "signature_html": "<p><b>{agent}</b> of {company}</p>",
}
LETTER = (
    b"From: Ana Souza <ana@cliente.example>\r\nTo: vendas@sabia.example\r\nSubject: Conta\r\n"
    b"Message-ID: <1@cliente.example>\r\n\r\nFui cobrada duas vezes.\r\n"
)


def set_up(admin: Browser, sink: SmtpSink, **changes: str) -> str:
    """Add a mailbox that sends through the sink; return what its test is posted to."""
    page = add(admin, **({"smtp_port": str(sink.port)} | SIGNED | changes))
    return f"{page}/try/signature"


def faces(mail: EmailMessage) -> tuple[str, str]:
    """Return a mail as text and as HTML."""
    plain, page = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain is not None
    assert page is not None
    return "\n".join(plain.get_content().splitlines()), page.get_content()


def stored(services: Services) -> dict[str, int]:
    with services.reading() as session:
        return rows_by_table(session)


def change(services: Services, **values: Any) -> None:
    """Change the one mailbox there is as no form would."""
    with services.begin() as tx:
        row = tx.session.scalars(select(Mailbox)).one()
        for name, value in values.items():
            setattr(row, name, value)


def test_the_signature_arrives_in_both_faces_and_only_where_she_reads(
    admin: Browser, services: Services, sink: SmtpSink
) -> None:
    address = set_up(admin, sink)
    before = stored(services)
    answer = admin.post(address, htmx=True)
    assert answer.status_code == 200
    assert "It works." in answer.text
    assert f"A mail with this signature went to {HER}." in answer.text
    (taken,) = sink.messages
    assert (taken.sender, taken.recipients) == (SALES, (HER,))
    mail = taken.read()
    assert str(mail["From"]) == f"Vendas <{SALES}>"
    assert (mail["To"], mail["Cc"], mail["Bcc"]) == (HER, None, None)
    assert mail["Subject"] == f"Test of the signature of {SALES}"
    plain, page = faces(mail)
    assert plain.endswith(f"\n-- \nAdmin · {services.settings.company}\n{SALES}")
    assert f"<p><b>Admin</b> of {services.settings.company}</p>" in page
    assert stored(services) == before


def test_it_is_the_signature_that_customers_get(
    admin: Browser, services: Services, sink: SmtpSink
) -> None:
    address = set_up(admin, sink)
    agent = session_agent(services, admin.token)
    assert agent is not None
    row_id, _ = ingest_mail(services, LETTER, key="1:1", source=f"email:{SALES}")
    read_one(services, row_id)
    world = World(services, {}, agent)
    world.replies(world.ticket_of(row_id).id, "Devolvemos hoje.")
    world.drain()
    admin.post(address, htmx=True)
    hers, trial = (faces(one.read()) for one in sink.messages)
    assert hers[0].partition("\n-- \n")[2] == trial[0].partition("\n-- \n")[2] != ""
    assert hers[1].partition("<div>")[2] == trial[1].partition("<div>")[2] != ""


def test_no_machine_answers_it_and_no_answer_reaches_a_conversation(
    admin: Browser, services: Services, sink: SmtpSink
) -> None:
    admin.post(set_up(admin, sink), htmx=True)
    mail = sink.messages[0].read()
    assert mail["Auto-Submitted"] == "auto-generated"
    assert (mail["Reply-To"], mail["In-Reply-To"], mail["References"]) == (None, None, None)
    row_id, _ = ingest_mail(services, sink.messages[0].raw, key="1:1", source=f"email:{SALES}")
    read_one(services, row_id)
    assert World(services, {}, None).tickets() == []  # type: ignore[arg-type]  # nobody works


def test_what_is_typed_and_not_saved_is_not_sent(admin: Browser, sink: SmtpSink) -> None:
    address = set_up(admin, sink)
    admin.post(address, {"signature_text": "unsaved", "signature_html": "unsaved"}, htmx=True)
    (taken,) = sink.messages
    assert "Admin ·" in faces(taken.read())[0]
    assert b"unsaved" not in taken.raw


def test_it_speaks_her_language_and_works_without_scripts(admin: Browser, sink: SmtpSink) -> None:
    admin.post("/preferences/language", {"language": "pt_BR"})
    page = admin.post(set_up(admin, sink)).text
    assert f"Um e-mail com esta assinatura foi para {HER}." in page
    assert 'id="signature_text"' in page
    mail = sink.messages[0].read()
    assert mail["Subject"] == f"Teste da assinatura de {SALES}"
    assert "como os clientes a recebem" in faces(mail)[0]


def test_a_mailbox_that_is_off_is_tested_all_the_same(admin: Browser, sink: SmtpSink) -> None:
    address = set_up(admin, sink)
    admin.post(address.replace("/try/signature", "/switch"), {"on": "no"})
    assert "It works." in admin.post(address, htmx=True).text
    assert len(sink.messages) == 1


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        pytest.param({"smtp_port": "1"}, "nothing listens on port 1", id="refused"),
        pytest.param({"secret": "wrong"}, "The server refuses the user name", id="login"),
        pytest.param({"smtp_security": "starttls"}, "The encryption could not begin", id="starttls"),
        pytest.param({"smtp_security": "implicit"}, "The encryption could not begin", id="tls"),
        pytest.param(
            {"smtp_host": "nowhere.invalid", "smtp_security": "implicit"},
            "There is no server named nowhere.invalid.", id="name",
        ),
        pytest.param(
            {"auth": "oauth_google", "client_id": "x", "token_url": "http://127.0.0.1:1/token"},
            "The sign-in service gives no token.", id="token",
        ),
        pytest.param(
            {"signature_text": "", "signature_html": ""}, "No signature is saved.", id="none"
        ),
    ],
)  # fmt: skip
def test_it_says_exactly_what_failed_in_the_settings(
    admin: Browser, services: Services, sink: SmtpSink, changes: dict[str, str], sentence: str
) -> None:
    address = set_up(admin, sink, **changes)
    before = stored(services)
    answer = admin.post(address, htmx=True).text
    assert "It does not work." in answer
    assert sentence in answer
    assert FORM["secret"] not in answer
    assert sink.messages == []
    assert stored(services) == before


@pytest.mark.parametrize(
    ("failing", "sentence", "words"),
    [
        pytest.param(
            {"refuse": {HER: "550 5.7.1 relaying denied"}},
            f"the server refuses the recipient {HER}", "550 5.7.1 relaying denied", id="recipient",
        ),
        pytest.param(
            {"refuse_sender": "553 5.7.1 not yours"},
            f"the server does not send for {SALES}", "553 5.7.1 not yours", id="sender",
        ),
        pytest.param(
            {"answer_data": "554 5.7.1 looks like spam"},
            "The server refuses the content of the mail.", "554 5.7.1 looks like spam", id="content",
        ),
        pytest.param({"password": "another"}, "The server refuses the user name", "535 5.7.8", id="login"),
        pytest.param({"auth_needs_tls": True}, "The server offers no sign-in", "", id="no-login"),
        pytest.param({"hang_up": True}, "The server ended the connection.", "", id="hung-up"),
    ],
)  # fmt: skip
def test_it_says_exactly_what_the_server_refused(
    admin: Browser, sink: SmtpSink, failing: dict[str, Any], sentence: str, words: str
) -> None:
    for name, value in failing.items():
        setattr(sink, name, value)
    answer = admin.post(set_up(admin, sink), htmx=True).text
    assert "It does not work." in answer
    assert sentence in answer
    assert words in answer
    assert ("The server said" in answer) == bool(words)
    assert sink.messages == []


def test_a_mail_whose_fate_is_unknown_is_said_to_be_so(admin: Browser, sink: SmtpSink) -> None:
    sink.drop_after_data = True
    answer = admin.post(set_up(admin, sink), htmx=True).text
    assert "It does not work." in answer
    assert "Nobody knows whether it arrives." in answer


def test_an_address_that_no_mail_can_be_written_to_is_named(
    app: Flask, services: Services, sink: SmtpSink
) -> None:
    browser = Browser(app)
    browser.sign_in(hire(services, "admin", email="joão@sabia.example", language="en"))
    answer = browser.post(set_up(browser, sink), htmx=True).text
    assert f"No mail from {SALES} to joão@sabia.example can be written." in answer
    assert sink.messages == []


@pytest.mark.parametrize(
    ("lost", "sentence"),
    [
        pytest.param(
            {"secret_sealed": seal("another key of this house, 32+", "mailbox.secret_sealed", "x")},
            "The saved secret cannot be read", id="secret",
        ),
        pytest.param({"smtp_host": ""}, "No server is set.", id="server"),
    ],
)  # fmt: skip
def test_what_is_missing_is_named(
    admin: Browser, services: Services, sink: SmtpSink, lost: dict[str, str], sentence: str
) -> None:
    address = set_up(admin, sink)
    change(services, **lost)
    assert sentence in admin.post(address, htmx=True).text
    assert sink.messages == []


def test_nothing_is_open_at_the_database_while_the_server_is_waited_for(
    admin: Browser, services: Services, sink: SmtpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, in_use = set_up(admin, sink), []
    send = MailNetwork.send_on_trial

    def watched(network: MailNetwork, account: MailAccount, letter: Outbound) -> Verdict:
        in_use.append(services.db.engine.pool.checkedout())  # type: ignore[attr-defined]  # a queue
        return send(network, account, letter)

    monkeypatch.setattr(MailNetwork, "send_on_trial", watched)
    admin.post(address, htmx=True)
    assert (in_use, len(sink.messages)) == ([0], 1)


@pytest.mark.parametrize("role", ["agent", "supervisor"])
def test_nobody_else_may_send_it(
    role: str, admin: Browser, app: Flask, services: Services, sink: SmtpSink
) -> None:
    address = set_up(admin, sink)
    browser = Browser(app)
    browser.sign_in(hire(services, role))
    assert browser.post(address, htmx=True).status_code == 403
    assert sink.messages == []


def test_no_other_site_can_have_it_sent(admin: Browser, sink: SmtpSink) -> None:
    address = set_up(admin, sink)
    assert admin.client.post(address).status_code == 400
    assert sink.messages == []


def test_it_is_not_sent_over_and_over(admin: Browser, sink: SmtpSink) -> None:
    address = set_up(admin, sink)
    statuses = [admin.post(address, htmx=True).status_code for _ in range(11)]
    assert statuses == [200] * 10 + [429]
    assert len(sink.messages) == 10


def test_a_mailbox_that_is_not_saved_yet_has_no_such_button(admin: Browser, sink: SmtpSink) -> None:
    assert "Send me a test" not in admin.get("/mailboxes/new").text
    address = set_up(admin, sink)
    page = admin.get(address.partition("/try")[0]).text
    assert "Send me a test" in page
    assert f'hx-post="{address}"' in page
