"""The admin's screens: what is shown, what is kept, and what a test says."""

from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import select

from helpdesk.events.model import Event
from helpdesk.mailboxes.health import note_fetch_fault, note_fetched
from helpdesk.mailboxes.model import Mailbox
from helpdesk.mailboxes.sealing import seal
from helpdesk.services import Services
from tests.browser import Browser, hire
from tests.conftest import TestClock
from tests.servers.dovecot import Dovecot, missing_dovecot, running_dovecot
from tests.servers.smtp_sink import SmtpSink

SALES = "vendas@sabia.example"
FORM = {
    "address": SALES, "name": "Vendas", "auth": "password", "user_name": "vendas",
    "secret": "correct-horse", "imap_host": "127.0.0.1", "imap_port": "1",
    "imap_security": "none", "folder": "INBOX", "smtp_host": "127.0.0.1", "smtp_port": "1",
    "smtp_security": "none", "rate_per_minute": "30", "signature_text": "{agent}, {company}",
}  # fmt: skip


@pytest.fixture(scope="module")
def dovecot() -> Iterator[Dovecot]:
    if reason := missing_dovecot():
        pytest.skip(reason)
    with running_dovecot(user="vendas") as server:
        yield server


def add(admin: Browser, **changes: str) -> str:
    """Add a mailbox and return its page's address."""
    answer = admin.post("/mailboxes", FORM | changes)
    assert answer.status_code == 303, answer.text
    return str(answer.location).partition("?")[0]


def row(services: Services) -> Mailbox:
    with services.reading() as session:
        return session.scalars(select(Mailbox)).one()


def test_a_mailbox_is_added_shown_and_in_the_trail(admin: Browser, services: Services) -> None:
    page = admin.get(add(admin)).text
    assert SALES in page
    assert "correct-horse" not in page
    assert "correct-horse" not in admin.get("/mailboxes").text
    made = row(services)
    assert (made.name, made.rate_per_minute, made.imap_security) == ("Vendas", 30, "none")
    with services.reading() as session:
        kinds = session.scalars(select(Event.kind).where(Event.kind.like("mailbox.%"))).all()
    assert kinds == ["mailbox.added"]


@pytest.mark.parametrize("role", ["agent", "supervisor"])
def test_only_admins_come_near(role: str, app: Flask, services: Services) -> None:
    browser = Browser(app)
    browser.sign_in(hire(services, role))
    assert browser.get("/mailboxes").status_code == 403
    assert browser.post("/mailboxes", FORM).status_code == 403
    assert 'href="/mailboxes"' not in browser.get("/inbox").text


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        pytest.param({"address": "vendas"}, "address", id="no-address"),
        pytest.param({"secret": ""}, "secret", id="no-secret"),
        pytest.param({"imap_host": "imap.sabia.example"}, "imap_security", id="plain-abroad"),
        pytest.param({"smtp_host": "smtp sabia"}, "smtp_host", id="no-host"),
        pytest.param({"imap_port": "70000"}, "imap_port", id="port"),
        pytest.param({"user_name": "vendas\x01"}, "user_name", id="control-sign"),
        pytest.param({"folder": "INBOX\r\nA1 DELETE x"}, "folder", id="line-break"),
        pytest.param({"auth": "oauth_google"}, "client_id", id="no-client"),
        pytest.param({"token_url": "http://tokens.example"}, "token_url", id="token-in-clear"),
        pytest.param({"dkim_domain": "sabia.example"}, "dkim_selector", id="half-signed"),
        pytest.param(
            {"dkim_domain": "sabia.example", "dkim_selector": "s1"}, "dkim_key", id="no-key"
        ),
        pytest.param({"rate_per_minute": "0"}, "rate_per_minute", id="no-rate"),
    ],
)
def test_what_cannot_be_used_is_named_and_nothing_is_kept(
    admin: Browser, services: Services, changes: dict[str, str], field: str
) -> None:
    answer = admin.post("/mailboxes", FORM | changes)
    assert answer.status_code == 422
    assert f'id="{field}-fault"' in answer.text
    assert "correct-horse" not in answer.text
    with services.reading() as session:
        assert session.scalars(select(Mailbox)).all() == []


def test_an_address_that_is_taken_is_refused(admin: Browser) -> None:
    add(admin)
    answer = admin.post("/mailboxes", FORM)
    assert answer.status_code == 409
    assert "There is a mailbox with this address already." in answer.text


def test_a_mailbox_is_changed_without_its_secret_being_typed(
    admin: Browser, services: Services
) -> None:
    page = add(admin)
    before = row(services).secret_sealed
    changed = {name: value for name, value in FORM.items() if name != "address"}
    answer = admin.post(page, changed | {"secret": "", "name": "Vendas da Sabiá"})
    assert answer.status_code == 303, answer.text
    assert (row(services).name, row(services).secret_sealed) == ("Vendas da Sabiá", before)


def test_a_mailbox_is_switched_off_and_on(admin: Browser, services: Services) -> None:
    page = add(admin)
    admin.post(f"{page}/switch", {"on": "no"})
    assert not row(services).enabled
    assert "Off" in admin.get("/mailboxes").text
    admin.post(f"{page}/switch", {"on": "yes"})
    assert row(services).enabled


def test_the_list_says_how_a_mailbox_fares(
    admin: Browser, services: Services, clock: TestClock
) -> None:
    add(admin)
    assert "Not read yet" in admin.get("/mailboxes").text
    with services.begin() as tx:
        note_fetched(tx, SALES)
    assert "Working" in admin.get("/mailboxes").text
    clock.forward(minutes=6)
    assert "Silent" in admin.get("/mailboxes").text
    with services.begin() as tx:
        note_fetch_fault(tx, SALES, "login", "no such user")
    page = admin.get("/mailboxes").text
    assert "Failing" in page
    assert "The server refuses the user name, the password or the token." in page


def test_a_secret_of_another_key_is_said_to_be_lost(admin: Browser, services: Services) -> None:
    page = add(admin)
    with services.begin() as tx:
        made = tx.session.get_one(Mailbox, row(services).id)
        made.secret_sealed = seal(
            "another key of this house, 32+ long", "mailbox.secret_sealed", "x"
        )
    assert "Write it again." in admin.get("/mailboxes").text
    assert "Write it again." in admin.post(f"{page}/try/fetching", htmx=True).text
    assert admin.get(page).status_code == 200


@pytest.mark.imap
def test_a_test_of_reading_says_what_it_found(admin: Browser, dovecot: Dovecot) -> None:
    page = add(admin, imap_port=str(dovecot.port), secret=dovecot.password)
    dovecot.deliver(b"Subject: x\r\n\r\nx\r\n")
    answer = admin.post(f"{page}/try/fetching", htmx=True)
    assert answer.status_code == 200
    assert "It works." in answer.text
    assert "Folder INBOX holds 1 mails; none was touched." in answer.text
    assert "It works." in admin.post(f"{page}/try/fetching").text  # without scripts


@pytest.mark.imap
@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        pytest.param({"secret": "wrong"}, "The server refuses the user name", id="login"),
        pytest.param({"folder": "Nada"}, "there is no folder Nada", id="folder"),
        pytest.param({"imap_security": "implicit"}, "The encryption could not begin", id="tls"),
        pytest.param({"imap_security": "starttls"}, "The encryption could not begin", id="starttls"),
        pytest.param({"imap_port": "1"}, "nothing listens on port 1", id="refused"),
        pytest.param(
            {"imap_host": "nowhere.invalid", "imap_security": "implicit"},
            "There is no server named nowhere.invalid", id="name",
        ),
        pytest.param(
            {"imap_host": "imap..example", "imap_security": "implicit"},
            "There is no server named imap..example", id="no-name",
        ),
        pytest.param({"secret": "senhá"}, "such as one with an accent", id="letters"),
        pytest.param(
            {"auth": "oauth_google", "client_id": "x", "token_url": "http://127.0.0.1:1/token"},
            "The sign-in service gives no token.", id="token",
        ),
        pytest.param({"imap_host": ""}, "No server is set.", id="none"),
    ],
)  # fmt: skip
def test_a_test_of_reading_says_exactly_what_failed(
    admin: Browser, dovecot: Dovecot, changes: dict[str, str], sentence: str
) -> None:
    good = {"imap_port": str(dovecot.port), "secret": dovecot.password}
    page = add(admin, **(good | changes))
    answer = admin.post(f"{page}/try/fetching", htmx=True).text
    assert "It does not work." in answer
    assert sentence in answer
    assert "correct-horse" not in answer


def test_a_test_of_sending_stops_before_the_content(admin: Browser, sink: SmtpSink) -> None:
    page = add(admin, smtp_port=str(sink.port))
    answer = admin.post(f"{page}/try/sending", htmx=True).text
    assert "It works." in answer
    assert "from vendas@sabia.example to admin@sabia.example; none was sent" in answer
    assert sink.messages == []


def test_a_test_of_sending_names_the_recipient_that_is_refused(
    admin: Browser, sink: SmtpSink
) -> None:
    sink.refuse = {"admin@sabia.example": "550 5.7.1 relaying denied"}
    page = add(admin, smtp_port=str(sink.port))
    answer = admin.post(f"{page}/try/sending", htmx=True).text
    assert "the server refuses the recipient admin@sabia.example" in answer
    assert "550 5.7.1 relaying denied" in answer


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        pytest.param({"smtp_port": "1"}, "nothing listens on port 1", id="refused"),
        pytest.param({"secret": "wrong"}, "The server refuses the user name", id="login"),
        pytest.param({"smtp_security": "starttls"}, "The encryption could not begin", id="starttls"),
        pytest.param({"smtp_security": "implicit"}, "The encryption could not begin", id="tls"),
        pytest.param(
            {"smtp_host": "smtp..example", "smtp_security": "implicit"},
            "There is no server named smtp..example", id="no-name",
        ),
        pytest.param({"secret": "senhá"}, "such as one with an accent", id="letters"),
    ],
)  # fmt: skip
def test_a_test_of_sending_says_exactly_what_failed(
    admin: Browser, sink: SmtpSink, changes: dict[str, str], sentence: str
) -> None:
    page = add(admin, **({"smtp_port": str(sink.port)} | changes))
    answer = admin.post(f"{page}/try/sending", htmx=True).text
    assert sentence in answer


def test_a_signature_is_shown_before_it_is_kept(admin: Browser) -> None:
    typed = {
        "address": SALES,
        "signature_text": "{agent}",
        "signature_html": "<b>{agent}</b><script>alert(1)</script><img src=x onerror=alert(1)>",
    }
    answer = admin.post("/mailboxes/signature", typed, htmx=True).text
    assert "<iframe sandbox" in answer
    assert "&lt;b&gt;Admin&lt;/b&gt;" in answer
    assert "script" not in answer
    assert "onerror" not in answer
