"""The telephone screens in a real browser: usable without sight, wide and narrow, light and dark."""

import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright
from werkzeug.serving import make_server

from channels.voice.adapter import VoiceAdapter
from channels.voice.answer import Line
from helpdesk.app import create_app
from helpdesk.phone.desk import add_template, set_my_phone
from helpdesk.phone.forms import TemplateForm
from helpdesk.phone.segments import count_segments
from helpdesk.services import Services
from helpdesk.tickets.model import Ticket
from helpdesk.translations.catalogue import compile_catalogues
from tests.browser import PASSWORD, hire
from tests.conftest import drain
from tests.e2e.test_board import FLAGS
from tests.integration.phone.office import ANA, OURS, Office, open_office

pytestmark = pytest.mark.browser

WIDTHS = (1440, 1024, 390)
JOAO = "+5521987654321"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, headless=True, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def office(make_services: Callable[..., Services], sqlite_url: str) -> Iterator[Office]:
    """An office with a waiting caller, a wish to be called back, an opt-out and a template."""
    compile_catalogues()
    with open_office(make_services, sqlite_url) as made:
        voice = made.services.adapters["voice"]
        assert isinstance(voice, VoiceAdapter)
        voice._line = lambda: Line(has_queue=True)
        made.knows("Ana Souza", kind="phone", value=ANA)
        made.network.customer_calls(ANA, to=OURS, keys="1")
        made.network.customer_calls(JOAO, to=OURS, keys="21")
        drain(made.services)
        made.text("Oi", channel="whatsapp")
        made.text("PARAR", sender=JOAO)
        set_my_phone(made.services, made.agent, "+551133334444")
        form = TemplateForm(
            "retorno", "pt_BR", "utility", "HX" + "1" * 32, "Olá, {{1}}! Podemos falar?", ["nome"]
        )
        add_template(made.services, made.agent, form)
        yield made


@pytest.fixture
def address(office: Office) -> Iterator[str]:
    """The same rows behind an address that a browser can open."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://localhost:{port}"
    settings = replace(office.services.settings, trusted_proxies=0, public_url=url)
    services = replace(office.services, settings=settings)
    server = make_server("127.0.0.1", port, create_app(settings, services), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    hire(office.services, "admin")
    yield url
    server.shutdown()
    thread.join(10)


@pytest.fixture
def opened(chromium: Browser, address: str) -> Iterator[Callable[..., Page]]:
    contexts = []

    def open_page(path: str, *, theme: str, width: int) -> Page:
        context = chromium.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if theme == "dark" else "light",
        )
        contexts.append(context)
        page = context.new_page()
        page.goto(f"{address}/login?next={path}")
        page.fill("#email", "admin@sabia.example")
        page.fill("#password", PASSWORD)
        page.click("form.sign-in button.primary")
        page.wait_for_url(f"**{path}")
        return page

    yield open_page
    for context in contexts:
        context.close()


def faults(page: Page) -> list[tuple[str, list[Any]]]:
    found = Axe().run(page).response["violations"]
    return [(one["id"], [node["html"][:200] for node in one["nodes"]]) for one in found]


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_telephone_room_is_usable_by_everybody(opened: Callable[..., Page], theme: str) -> None:
    for width in WIDTHS:
        page = opened("/phone", theme=theme, width=width)
        assert page.locator("#calls-waiting").is_visible()
        assert faults(page) == []
        assert fits(page), width


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_our_numbers_are_usable_by_everybody(opened: Callable[..., Page], theme: str) -> None:
    for width in WIDTHS:
        page = opened("/phone/lines", theme=theme, width=width)
        for details in page.locator("details summary").all():
            details.click()
        page.locator("#test-1-sms").click()
        page.locator("[data-check=credentials]").wait_for()
        assert page.locator("[data-check=number]").get_attribute("data-passed") == "no"
        assert faults(page) == []
        assert fits(page), width


@pytest.mark.parametrize("width", [1440, 1024])  # narrower, the console folds its tools away
def test_calling_and_templates_open_beside_the_conversation(
    office: Office, opened: Callable[..., Page], width: int
) -> None:
    (ticket,) = [one for one in office.rows(Ticket) if one.last_channel == "whatsapp"]
    page = opened(f"/inbox/{ticket.number}", theme="light", width=width)
    page.locator("#tool-templates").click()
    page.locator("#drawer form").wait_for()
    assert faults(page) == []
    page.keyboard.press("Escape")
    page.locator("#act-call").click()
    page.locator("#drawer .banner").wait_for()
    assert faults(page) == []


@pytest.mark.parametrize(
    ("text", "parts"),
    [("a" * 161, 2), ("a" * 152 + "€" * 77, 3), ("😀" * 67, 3), ("olá", 1), ("{}" * 80, 3)],
)
def test_the_composer_counts_segments_as_the_server_does(
    office: Office, opened: Callable[..., Page], text: str, parts: int
) -> None:
    page = opened("/inbox", theme="light", width=1440)
    counted = page.evaluate(
        "async (text) => (await import('/static/console/composer.js')).segments(text)", text
    )
    cost = count_segments(text)
    assert (counted["parts"], counted["units"]) == (cost.count, cost.units)
    assert counted["limit"] - counted["units"] == cost.left
    assert cost.count == parts
