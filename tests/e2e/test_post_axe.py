"""Quarantine, blocked senders and the delivery log in Chromium: usable by everybody."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from uuid import UUID

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from werkzeug.serving import make_server

from channels.port import Refused, Uncertain, Unreachable
from helpdesk.app import create_app
from helpdesk.inbox.blocking import block
from helpdesk.outbox.sending import send_due
from helpdesk.services import Services
from helpdesk.translations.catalogue import compile_catalogues
from tests.browser import PASSWORD, hire
from tests.conftest import TestClock
from tests.e2e.installation import free_port
from tests.e2e.specimens import chromium, open_browser
from tests.e2e.test_specimens_axe import RULES
from tests.integration.inbox.world import World, mail, text_message

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium() is None, reason="chromium is not installed"),
]

LONG = "Você ganhou um prêmio incrível e precisa responder ainda hoje para não perder " * 3


@dataclass(frozen=True)
class Office:
    """The product with held mail and undelivered answers, served on loopback."""

    url: str
    world: World
    held: UUID

    def screens(self) -> dict[str, str]:
        other = self.world.ticket_of(self.held_answer())
        return {
            "quarantine": "/quarantine",
            "held": f"/quarantine/{self.held}",
            "nothing-held": "/quarantine?reason=nothing",
            "blocked": "/blocked-senders",
            "deliveries": "/deliveries?kind=all",
            "related": f"/inbox/{other.number}",
        }

    def held_answer(self) -> UUID:
        """Return a stranger's answer, which opened a conversation of its own."""
        return self.world.arrives(
            mail("7:90", sender="beto@example.com", name="Beto Lima", references=["hers@x"]),
            key="7:90",
        )


@pytest.fixture
def office(
    make_services: Callable[..., Services], sqlite_url: str, clock: TestClock
) -> Iterator[Office]:
    compile_catalogues()
    world = World.build(make_services, sqlite_url)
    held = fill_quarantine(world, clock)
    fill_log(world, clock)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    services = replace(world.services, settings=replace(world.services.settings, public_url=url))
    for language in ("pt_BR", "en"):
        hire(services, "supervisor", email=f"{language}@sabia.example", language=language)
        hire(services, "admin", email=f"{language}.admin@sabia.example", language=language)
    server = make_server("127.0.0.1", port, create_app(services.settings, services), threaded=True)
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    yield Office(url, replace(world, services=services), held)
    server.shutdown()
    serving.join(10)


def fill_quarantine(world: World, clock: TestClock) -> UUID:
    block(world.services, world.agent, "spam.example", note="ads, every day")
    block(world.services, world.agent, "a-very-long-name-of-a-sender@mail.of-some-company.example")
    block(world.services, world.agent, "+5511987650000")
    world.store(
        key="7:1",
        body=b"?: no\r\nFrom: jose@x.example\r\nSubject: =?utf-8?q?Boleto_n=C3=A3o_abre?=\r\n\r\nhi",
    )
    world.drain()
    for n, facts in enumerate(
        (
            {"sender": "", "name": "", "subject": "", "text": ""},
            {"auto": "auto_reply", "subject": "Fora do escritório até 24/11"},
            {"sender": "eve@spam.example", "name": "Eve", "subject": LONG},
        )
    ):
        clock.forward(minutes=7)
        world.arrives(mail(f"7:{n + 10}", **facts), key=f"7:{n + 10}")
    clock.forward(minutes=2)
    return world.arrives(
        mail(
            "7:20",
            subject="Preciso da segunda via da fatura",
            text="Olá,\n\npodem me mandar a segunda via?\n\n" + LONG,
            data={"doubt": "several_senders"},
            files=[{"name": "fatura.pdf", "media_type": "application/pdf", "content": "%PDF-"}],
        ),
        key="7:20",
    )


def fill_log(world: World, clock: TestClock) -> None:
    names = ("ana", "carla", "davi", "elisa", "maria.fernanda.de.albuquerque")
    faults: tuple[Exception | None, ...] = (
        None,
        Uncertain("The connection ended after the message was handed over."),
        Refused("550 5.1.1 no such user here"),
        None,
        Unreachable("450 4.2.0 try again later"),
    )
    for n, (name, fault) in enumerate(zip(names, faults, strict=True)):
        sent = mail(
            f"8:{n}",
            sender=f"{name}@example.com",
            name=name.title(),
            message_id="hers@x" if n == 0 else f"m{n}@x",
        )
        ticket = world.ticket_of(world.arrives(sent, key=f"8:{n}"))
        world.email.faults = [fault] * 3 if fault else []
        world.replies(ticket.id, "Vou ver.")
        world.drain()
        clock.forward(minutes=1)
        send_due(world.services)
    phone = world.ticket_of(world.arrives(text_message()))
    world.replies(phone.id, channel="sms")
    world.drain()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as opened:
        yield opened


def sign_in(
    browser: Browser, office: Office, *, language: str, theme: str, width: int, role: str = ""
) -> tuple[Page, list[str]]:
    context = browser.new_context(
        viewport={"width": width, "height": 844 if width < 500 else 900},
        color_scheme="dark" if theme == "dark" else "light",
        reduced_motion="reduce",
    )
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda one: said.append(one.text) if one.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(f"{office.url}/login?next=/quarantine")
    page.fill("#email", f"{language}{'.' if role else ''}{role}@sabia.example")
    page.fill("#password", PASSWORD)
    page.click("form.sign-in button.primary")
    page.wait_for_url("**/quarantine")
    return page, said


@pytest.mark.parametrize(
    ("language", "theme"), [("pt_BR", "light"), ("en", "dark")], ids=["pt-light", "en-dark"]
)
@pytest.mark.parametrize("width", [1440, 1024, 390])
def test_no_screen_of_held_and_sent_messages_shuts_anybody_out(
    office: Office, browser: Browser, language: str, theme: str, width: int
) -> None:
    page, said = sign_in(browser, office, language=language, theme=theme, width=width)
    for name, address in office.screens().items():
        page.goto(office.url + address)
        page.wait_for_load_state("load")
        for summary in page.locator("main details summary").all()[:2]:
            summary.click()
        found = Axe().run(page, options=RULES)
        assert found.violations_count == 0, f"{name}: {found.generate_report()}"
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
    assert said == []
    page.context.close()


def test_a_decision_takes_the_message_off_the_list_without_a_reload(
    office: Office, browser: Browser
) -> None:
    page, said = sign_in(browser, office, language="en", theme="light", width=1440)
    page.goto(f"{office.url}/quarantine/{office.held}")
    page.evaluate("window.neverReloaded = true")
    page.fill("#held-number", "999999")
    page.click("text=Put into this conversation")
    expect(page.locator("#post-problem")).to_contain_text("no conversation with this number")
    said.clear()  # the browser itself notes every 422
    page.click("button:has-text('Release')")
    expect(page.locator("[role=status] >> text=Released.")).to_be_visible()
    expect(page.locator(f'a[href="/quarantine/{office.held}"]')).to_have_count(0)
    assert page.url.endswith("/quarantine")
    assert page.evaluate("window.neverReloaded") is True
    page.goto(f"{office.url}/deliveries")
    page.click("button:has-text('Yes')")
    expect(page.locator("text=Was it sent?")).to_have_count(0)
    assert said == []
    page.context.close()


@pytest.mark.parametrize(
    ("language", "theme", "width"),
    [("en", "light", 1440), ("pt_BR", "light", 1024), ("pt_BR", "dark", 390)],
)
def test_the_ways_out_are_tried_without_a_reload_and_told_to_everybody(
    office: Office, browser: Browser, language: str, theme: str, width: int
) -> None:
    page, said = sign_in(browser, office, language=language, theme=theme, width=width, role="admin")
    page.goto(f"{office.url}/deliveries")
    page.evaluate("window.neverReloaded = true")
    page.locator("form[hx-post='/deliveries/try'] button").click()
    expect(page.locator("#ways-out [data-way=job][data-well=no]")).to_be_visible()
    expect(page.locator("#ways-out [data-way=email][data-well=no]")).to_be_visible()
    assert page.evaluate("window.neverReloaded") is True
    found = Axe().run(page, options=RULES)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert said == []
    page.context.close()
