"""The guided tour: one doubled charge, from the customer's mail to the money on its way back.

Read it first. Everything in it is real: a mailbox, a mail server, the phone network's
stand-in with signed webhooks, three browsers, and the product as it is installed, once in
one process on SQLite and once apart on PostgreSQL and Redis.
"""

import os
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import func, select

from billing_core.ledger import verify_ledger
from billing_core.store.payment import Payment, Refund
from billing_core.store.sandbox import SandboxRefund
from helpdesk.demo.company import PASSWORD
from helpdesk.outbox.model import Outbound
from helpdesk.reports.recount import recount
from helpdesk.sla.model import MetricEvent
from helpdesk.tickets.model import Message, Ticket
from tests.conftest import postgres_url
from tests.databases import throwaway_postgres
from tests.e2e.installation import AUTHSERV, MARIANA, SUPPORT, Installation, installation
from tests.e2e.specimens import chromium, open_browser
from tests.servers.dovecot import missing_dovecot
from tests.servers.smtp_sink import Taken

pytestmark = [
    pytest.mark.browser,
    pytest.mark.imap,
    pytest.mark.skipif(chromium() is None, reason="chromium is not installed"),
    pytest.mark.skipif(missing_dovecot() is not None, reason=str(missing_dovecot())),
]

PATIENCE_MS = 30_000  # for something that crosses processes; only a failure takes so long
T = TypeVar("T")
QUESTION = "Oi, olhei a fatura e o plano Família entrou duas vezes. Podem estornar uma?"


@pytest.fixture(params=["embedded", pytest.param("at_scale", marks=[pytest.mark.pg])])
def running(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Installation]:
    if request.param == "embedded":
        with installation(tmp_path) as made:
            yield made
        return
    server, redis_url = postgres_url(), os.environ.get("GUICHE_TEST_REDIS")
    if server is None or redis_url is None:
        pytest.skip("GUICHE_TEST_PG or GUICHE_TEST_REDIS names no server")
    for database_url in throwaway_postgres(server):
        with installation(tmp_path, database_url=database_url, redis_url=redis_url) as made:
            yield made


@pytest.fixture
def browser() -> Iterator[Browser]:
    with open_browser() as opened:
        yield opened


def sign_in(browser: Browser, running: Installation, email: str, path: str) -> Page:
    """Open a browser of its own, sign in, and go to `path`. The page is marked: a reload would show."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="pt-BR")
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(f"{running.url}/login")
    page.fill("input[name=email]", email)
    page.fill("input[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/inbox|/live"))
    page.goto(f"{running.url}{path}")
    page.wait_for_selector("body[data-live=yes]")
    page.evaluate("window.neverReloaded = true")
    return page


def mail(subject: str, text: str, *, to: str = SUPPORT, **headers: str) -> bytes:
    """A mail of Mariana's as our own mail server would have put it into the mailbox."""
    message = EmailMessage()
    message["Authentication-Results"] = f"{AUTHSERV}; dmarc=pass header.from=exemplo.com.br"
    message["From"] = f"Mariana Alves Prado <{MARIANA.email}>"
    message["To"] = to
    message["Subject"] = subject
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content(text)
    return message.as_bytes()


def wait_for(look: Callable[[], T | None], page: Page) -> T:
    """Return the first thing that `look` finds."""
    for _ in range(PATIENCE_MS // 100):
        if (found := look()) is not None:
            return found
        page.wait_for_timeout(100)
    raise AssertionError("it did not come")


def test_a_doubled_charge_from_the_mail_to_the_money(
    running: Installation, browser: Browser
) -> None:
    agent = sign_in(browser, running, "camila.duarte@sabia.exemplo", "/inbox")
    supervisor = sign_in(browser, running, "patricia.lemos@sabia.exemplo", "/approvals")
    expect.set_options(timeout=PATIENCE_MS)

    # A customer who was charged twice writes; the queue shows it by itself.
    running.mailbox.deliver(mail("Fui cobrada duas vezes", QUESTION, Message_ID="<um@exemplo>"))
    agent.locator(".q-row", has_text=MARIANA.name).click()
    expect(agent.locator("#timeline")).to_contain_text("entrou duas vezes")
    expect(agent.locator("#panel")).to_contain_text("Família")
    expect(agent.locator("#panel")).to_contain_text("Cobrança em dobro")
    expect(agent.locator("#timeline")).to_contain_text("Duas cobranças iguais em 2 min 14 s")

    # The agent answers, and asks for the money back with four keys; it is above her limit.
    agent.fill("#body-reply", "Oi, Mariana! A segunda cobrança foi erro nosso, já devolvo.")
    agent.keyboard.press("Control+Enter")
    expect(agent.locator("#timeline")).to_contain_text("foi erro nosso, já devolvo")
    agent.locator("#timeline").focus()
    agent.keyboard.press("b")
    agent.keyboard.press("r")
    drawer = agent.locator("[data-money-drawer]")
    expect(drawer).to_contain_text("Qual cobrança")
    agent.keyboard.press("Control+Enter")
    expect(drawer).to_contain_text("Precisa de aprovação")
    expect(drawer).to_contain_text("R$\u00a0129,90")
    assert refunds(running) == [], "a preview moved money"
    agent.keyboard.press("Control+Enter")
    expect(drawer.locator("#money-outcome")).to_be_visible()
    assert [refund.state for refund in refunds(running)] == ["awaiting_approval"]
    assert at_gateway(running) == 0

    # Another person approves in another browser, where the request appeared by itself.
    supervisor.locator(".appr-row", has_text=MARIANA.name).click()
    supervisor.get_by_role("button", name="Aprovar R$\u00a0129,90").click()
    expect(supervisor.locator("#approval-outcome")).to_be_visible()

    # The gateway settles; both screens say so without a reload.
    expect(drawer.locator("#money-outcome.done")).to_be_visible()
    expect(
        agent.locator("#timeline .mev", has_text="Devolvido R$\u00a0129,90").last
    ).to_be_visible()
    expect(supervisor.locator(".appr-row")).to_have_count(0)
    assert [refund.state for refund in refunds(running)] == ["succeeded"]
    assert at_gateway(running) == 1

    # The answers left by SMTP, threaded, with a way back that is hers alone.
    answer = wait_for(lambda: sent(running, "foi erro nosso"), agent).read()
    news = wait_for(lambda: sent(running, "Devolvemos R$"), agent).read()
    for letter in (answer, news):
        assert letter["To"] == MARIANA.email or MARIANA.email in letter["To"]
        assert SUPPORT in letter["From"]
        assert letter["In-Reply-To"] == "<um@exemplo>"
        assert "<um@exemplo>" in letter["References"]
        assert letter["Message-ID"].endswith("sabia.example>")
        assert re.search(r"suporte\+r\.[0-9a-z]{32,}@sabia\.example", letter["Reply-To"])
        assert letter["Subject"] == "Re: Fui cobrada duas vezes"
    assert answer["Message-ID"] != news["Message-ID"]

    # Her reply finds the same conversation.
    reply = mail(
        "RES: outra coisa qualquer",
        "Perfeito, obrigada!",
        to=news["Reply-To"],
        In_Reply_To=news["Message-ID"],
        Message_ID="<dois@exemplo>",
    )
    running.mailbox.deliver(reply)
    expect(agent.locator("#timeline")).to_contain_text("Perfeito, obrigada!")

    agent.mouse.move(700, 400)  # nothing moves under a pointer; new rows would wait

    # Her text and her chat come into the same queue, under the same customer.
    running.phone.customer_texts(
        MARIANA.phone, "Oi, sou a Mariana, pelo celular", to="+551140041234"
    )
    expect(agent.locator(".q-row", has_text="pelo celular")).to_contain_text(MARIANA.name)
    chat(browser, running, "E agora pelo chat")
    expect(agent.locator(".q-row", has_text="E agora pelo chat")).to_contain_text(MARIANA.name)

    assert agent.evaluate("window.neverReloaded") is True
    assert supervisor.evaluate("window.neverReloaded") is True
    with running.services.reading() as session:
        tickets = session.scalars(select(Ticket)).all()
        assert {ticket.customer_id for ticket in tickets} == {running.customer_id}
        assert sorted(ticket.first_channel for ticket in tickets) == ["chat", "email", "sms"]
        mails = session.scalars(select(Message).where(Message.channel == "email"))
        assert len({message.ticket_id for message in mails}) == 1
        assert {row.state for row in session.scalars(select(Outbound))} <= {"sent", "delivered"}
        assert verify_ledger(session) == []
        payment = session.scalars(select(Payment).where(Payment.refunded_minor > 0)).one()
        assert (payment.refunded_minor, payment.reserved_minor) == (129_90, 0)

    figures_agree(running, supervisor)


def refunds(running: Installation) -> list[Refund]:
    with running.services.reading() as session:
        return list(session.scalars(select(Refund)))


def at_gateway(running: Installation) -> int:
    with running.services.reading() as session:
        return len(session.scalars(select(SandboxRefund)).all())


def sent(running: Installation, words: str) -> Taken | None:
    """Return the mail that our server handed over with these words in it."""
    for taken in list(running.sink.messages):
        body = taken.read().get_body(("plain",))
        if body is not None and words in body.get_content():
            return taken
    return None


def chat(browser: Browser, running: Installation, text: str) -> None:
    """Write through the widget on the sample page, signed in there as Mariana."""
    page = browser.new_context(locale="pt-BR").new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(f"{running.url}/site?as={MARIANA.key}")
    page.get_by_role("button", name="Abrir conversa").click()
    frame = page.frame_locator("iframe")
    frame.locator("[name=text]").fill(text)
    frame.locator("[name=text]").press("Enter")
    expect(frame.locator(".wb.me", has_text=text)).to_be_visible()


def figures_agree(running: Installation, supervisor: Page) -> None:
    """The board shows what a recomputation from the raw events gives."""
    supervisor.goto(f"{running.url}/live")
    now = datetime.now(UTC)
    midnight = now.astimezone(ZoneInfo("America/Sao_Paulo")).replace(
        hour=0, minute=0, second=0, microsecond=0
    )
    with running.services.reading() as session:
        steps = session.scalars(select(MetricEvent)).all()
        open_tickets = session.scalars(select(func.count()).where(Ticket.category == "open")).one()
    counted = recount(steps, since=midnight, until=now)
    first = counted.spreads["first_response"]
    assert first.n == 1, "one conversation was answered"
    for metric, spread in counted.spreads.items():
        card = supervisor.locator(f".kpi[data-metric={metric}]")
        if spread.n == 0:
            expect(card.locator(".v")).to_contain_text("–")
            continue
        assert spread.p50 is not None
        minutes, seconds = divmod(spread.p50, 60)
        expect(card.locator(".v")).to_contain_text(f"{minutes}:{seconds:02}")
        expect(card.locator(".of")).to_have_text(re.compile(rf"^{spread.n} mediç(ão|ões)$"))
    expect(supervisor.locator(".kpi[data-metric=backlog] .v")).to_have_text(str(open_tickets))
