"""The supervisor's board in a real browser: it draws, it follows, it stays quiet to the policy."""

import re
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright
from werkzeug.serving import make_server

from helpdesk.app import create_app
from helpdesk.events.hints import Hint
from helpdesk.services import Services
from helpdesk.staff.service import disable_staff
from helpdesk.translations.catalogue import compile_catalogues
from tests.browser import PASSWORD
from tests.conftest import TestClock
from tests.integration.reports.day import Day

pytestmark = pytest.mark.browser

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
]  # fmt: skip


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
def served(services: Services, clock: TestClock) -> Iterator[tuple[Day, str]]:
    """A morning's work, and the address of the product that shows it."""
    compile_catalogues()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://localhost:{port}"
    services = replace(services, settings=replace(services.settings, public_url=address))
    day = Day(services, clock, seed=4)
    day.run(60)
    server = make_server("127.0.0.1", port, create_app(services.settings, services), threaded=True)
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    yield day, address
    server.shutdown()
    serving.join(10)


@pytest.fixture
def board(chromium: Browser, served: tuple[Day, str]) -> Iterator[Callable[..., Page]]:
    """Return a function that opens the board; whatever the browser complains of fails the test."""
    complaints: list[str] = []
    contexts = []

    def complain(said: ConsoleMessage) -> None:
        if said.type == "error":
            complaints.append(said.text)

    def open_board(theme: str = "light", width: int = 1440) -> Page:
        context = chromium.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if theme == "dark" else "light",
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", complain)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{served[1]}/login?next=/live")
        page.fill("#email", "supervisor@sabia.example")
        page.fill("#password", PASSWORD)
        page.click("form.sign-in button.primary")
        page.wait_for_url("**/live")
        expect(page.locator("body")).to_have_attribute("data-live", "yes")
        return page

    yield open_board
    for context in contexts:
        context.close()
    assert complaints == []


def test_a_new_conversation_moves_the_figures_without_a_reload(
    served: tuple[Day, str], board: Callable[..., Page]
) -> None:
    day, _ = served
    page = board()
    page.evaluate("window.neverReloaded = true")
    count = page.locator("[data-metric=backlog] .v")
    before = int(count.inner_text())
    known = len(day.tickets)
    while len(day.tickets) == known:  # until it is a new customer who writes
        day.write()
    expect(count).to_have_text(str(before + 1), timeout=15_000)
    assert page.evaluate("window.neverReloaded") is True
    assert page.locator("#chart canvas").count() == 1


def test_a_burst_of_hints_is_a_handful_of_fetches(
    served: tuple[Day, str], board: Callable[..., Page]
) -> None:
    day, _ = served
    page = board()
    page.wait_for_load_state("networkidle")
    fetched: list[str] = []
    page.on("request", lambda asked: fetched.append(asked.url) if "/live/" in asked.url else None)
    hint = Hint(day.tickets[0], 1, "message.received", None)
    day.services.relay.publish([hint] * 100)
    known = len(day.tickets)
    before = int(page.locator("[data-metric=backlog] .v").inner_text())
    while len(day.tickets) == known:
        day.write()
    shown = page.locator("[data-metric=backlog] .v")
    expect(shown).not_to_have_text(str(before), timeout=15_000)
    assert 1 <= sum("/live/figures" in url for url in fetched) <= 4
    assert sum("/live/lists" in url for url in fetched) <= 4


def test_the_chart_speaks_of_the_measure_that_is_chosen(board: Callable[..., Page]) -> None:
    page = board()
    chart = page.locator("#chart")
    expect(chart).to_have_attribute("aria-label", re.compile("^First response today: "))
    page.click("[data-measure=resolution]")
    expect(chart).to_have_attribute("aria-label", re.compile("^Resolution today: "))
    expect(page.locator("[data-measure=resolution]")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("[data-measure=first_response]")).to_have_attribute("aria-pressed", "false")


def test_choosing_a_channel_narrows_the_board(board: Callable[..., Page]) -> None:
    page = board()
    page.select_option("select[name=channel]", "email")
    page.wait_for_url("**/live?channel=email*")
    rows = page.locator("#figures tr[data-channel]")
    assert {row.get_attribute("data-channel") for row in rows.all()} <= {"email"}


def test_the_board_leaves_when_its_session_is_ended(
    served: tuple[Day, str], board: Callable[..., Page]
) -> None:
    page = board()
    disable_staff(served[0].services, served[0].boss, served[0].boss.id)
    page.wait_for_url("**/login**", timeout=15_000)


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_board_has_no_accessibility_fault(
    board: Callable[..., Page], theme: str, width: int
) -> None:
    page = board(theme, width)
    expect(page.locator("#chart canvas")).to_have_count(1)
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
