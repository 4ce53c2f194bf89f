"""Every step of every money drawer, and the approvals, without an accessibility fault."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from werkzeug.serving import make_server

from helpdesk.app import create_app
from helpdesk.events.service import Actor
from helpdesk.services import Services
from helpdesk.tickets.model import Ticket
from helpdesk.tickets.queries import lock_ticket
from helpdesk.tickets.service import link_ticket_to_customer
from helpdesk.translations.catalogue import compile_catalogues
from tests.browser import PASSWORD, hire
from tests.e2e.installation import free_port
from tests.e2e.specimens import chromium, open_browser
from tests.e2e.test_specimens_axe import RULES
from tests.integration.billing_desk.world import GatewayInMemory, build

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium() is None, reason="chromium is not installed"),
]


@pytest.fixture
def address(make_services: Callable[..., Services], sqlite_url: str) -> Iterator[str]:
    """The product with one customer who has paid, served on loopback; two people can sign in."""
    compile_catalogues()
    gateway = GatewayInMemory()
    services = make_services(sqlite_url, gateways={gateway.name: gateway})
    desk = build(services, gateway)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    services = replace(services, settings=replace(services.settings, public_url=url))
    for role in ("agent", "supervisor"):
        hire(services, role, act_limit_minor=50_00, day_limit_minor=500_00)
    with services.begin() as tx:
        ticket = lock_ticket(tx, desk.ticket_id)
        link_ticket_to_customer(
            tx, ticket, desk.customer_id, desk.subscription_id, actor=Actor.system()
        )
    server = make_server("127.0.0.1", port, create_app(services.settings, services), threaded=True)
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    with services.reading() as session:
        number = session.get_one(Ticket, desk.ticket_id).number
    yield f"{url}/inbox/{number}"
    server.shutdown()
    serving.join(10)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as opened:
        yield opened


def sign_in(browser: Browser, address: str, role: str, *, theme: str, width: int = 1440) -> Page:
    """Sign in with a fresh browser."""
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if theme == "dark" else "light",
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.goto(address.rsplit("/inbox", 1)[0] + "/login")
    page.fill("input[name=email]", f"{role}@sabia.example")
    page.fill("input[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/inbox**")
    return page


def faults(page: Page) -> list[str]:
    page.wait_for_load_state("networkidle")
    found = Axe().run(page, options=RULES).response["violations"]
    return [f"{one['id']}: {one['nodes'][0]['html'][:160]}" for one in found]


def act(page: Page, key: str, typed: dict[str, str]) -> dict[str, list[str]]:
    """Walk one drawer with keys from its first step to its result; return each step's faults."""
    drawer = page.locator("[data-money-drawer]")
    page.locator("#timeline").focus()
    page.keyboard.press("b")
    page.keyboard.press(key)
    expect(drawer).to_be_visible()
    found = {f"{key} choose": faults(page)}
    for name, value in typed.items():
        drawer.locator(f"[name={name}]").fill(value)
    page.keyboard.press("Control+Enter")
    expect(drawer.locator("li[aria-current=step]")).to_contain_text("2")
    found[f"{key} preview"] = faults(page)
    accepted = drawer.locator("[name=accepted]")
    if accepted.count():
        accepted.check()
    page.keyboard.press("Control+Enter")
    expect(drawer.locator("#money-outcome")).to_be_visible()
    found[f"{key} result"] = faults(page)
    page.keyboard.press("Escape")
    expect(drawer).to_have_count(0)
    return found


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_step_of_a_money_act_shuts_anybody_out(
    browser: Browser, address: str, theme: str
) -> None:
    page = sign_in(browser, address, "agent", theme=theme)
    page.goto(address)
    page.wait_for_selector("body[data-live=yes]")
    found = act(page, "c", {"amount": "10,00"})
    found |= act(page, "i", {"right": "90,00"})
    found |= act(page, "r", {"amount": "60,00"})
    found |= act(page, "p", {})
    chief = sign_in(browser, address, "supervisor", theme=theme)
    chief.goto(address.rsplit("/inbox", 1)[0] + "/approvals")
    expect(chief.locator(".appr-row").first).to_be_visible()
    found["approvals"] = faults(chief)
    assert len(found) == 13
    assert {step: faults for step, faults in found.items() if faults} == {}


@pytest.mark.parametrize("width", [1440, 1024, 390])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_an_invoice_shuts_nobody_out(
    browser: Browser, address: str, theme: str, width: int
) -> None:
    page = sign_in(browser, address, "agent", theme=theme, width=width)
    page.goto(address)
    invoice = page.locator("a[href*='/invoices/']").first.get_attribute("href")
    assert invoice is not None
    page.goto(address.rsplit("/inbox", 1)[0] + invoice)
    expect(page.locator("h1")).to_be_visible()
    assert faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
