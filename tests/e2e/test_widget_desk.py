"""The screens where widgets are set up, in Chromium: preview, snippet, test, accessibility."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from helpdesk.staff.model import Staff
from helpdesk.widget.model import Widget
from tests.e2e.chat_site import ChatSite, chat_site, hire
from tests.e2e.specimens import chromium, open_browser
from tests.e2e.test_specimens_axe import RULES

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium() is None, reason="chromium is not installed"),
]

WIDTHS = {"wide": 1440, "middle": 1024, "narrow": 390}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as opened:
        yield opened


@pytest.fixture
def site(tmp_path: Path) -> Iterator[ChatSite]:
    with chat_site(tmp_path) as running:
        rita = hire(running.services, "Rita Lemos", "admin")
        with running.services.begin() as tx:
            tx.session.get_one(Staff, rita.id).language = "en"
        yield running


@pytest.fixture
def admin(browser: Browser, site: ChatSite) -> Iterator[Callable[..., Page]]:
    """Return a function that signs Rita in and opens a page."""
    opened: list[BrowserContext] = []

    def go(path: str, **options: Any) -> Page:
        context = browser.new_context(
            **({"viewport": {"width": 1440, "height": 900}, "locale": "en-GB"} | options)
        )
        opened.append(context)
        page = context.new_page()
        page.goto(f"{site.home}/login")
        page.locator("#email").fill("rita@sabia.example")
        page.locator("#password").fill("camila camila")
        page.locator("#password").press("Enter")
        page.wait_for_url("**/inbox")
        page.goto(f"{site.home}{path}")
        return page

    yield go
    for context in opened:
        context.close()


def widget_path(site: ChatSite, **changes: Any) -> str:
    key = site.widget(**changes)
    with site.services.reading() as session:
        return f"/widgets/{session.query(Widget).filter_by(key=key).one().id}"


def tries(page: Page, address: str) -> list[str]:
    page.get_by_label("Page that shows it").fill(address)
    page.get_by_role("button", name="Test it").click()
    expect(page.locator("[data-trial]")).not_to_have_attribute("aria-busy", "true", timeout=15_000)
    return page.locator("[data-results] li").all_inner_texts()


def test_a_widget_is_made_painted_and_copied(site: ChatSite, admin: Callable[..., Page]) -> None:
    page = admin("/widgets/new")
    page.get_by_label("Name, for the team").fill("The shop")
    page.locator("#colour").fill("#ffd400")
    preview = page.locator("[data-preview]")
    assert preview.evaluate("node => node.style.getPropertyValue('--painted-ink')") == "#12161F"
    expect(page.locator("[data-contrast]")).to_contain_text("#FFD400, text on it")
    page.locator("#welcome_en").fill("Hello from the shop")
    expect(preview).to_contain_text("Hello from the shop")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved. Sites show it")).to_be_visible()
    snippet = page.locator("#snippet").inner_text()
    assert snippet.startswith(f'<script src="{site.home}/widget.js?key=')
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == snippet


def test_a_widget_that_works_is_told_so(site: ChatSite, admin: Callable[..., Page]) -> None:
    page = admin(widget_path(site))
    assert tries(page, f"{site.shop}/plans") == [
        "The script arrives.",
        f"{site.shop} may show the window.",
        "The live connection works.",
    ]


def test_a_site_that_is_not_allowed_is_named(site: ChatSite, admin: Callable[..., Page]) -> None:
    page = admin(widget_path(site))
    told = tries(page, "https://elsewhere.example/page")
    assert told[1].startswith("https://elsewhere.example is not among the allowed sites")
    expect(page.locator("[data-results] li.bad")).to_have_count(1)


def test_a_script_that_does_not_arrive_is_named(site: ChatSite, admin: Callable[..., Page]) -> None:
    page = admin(widget_path(site))

    def fail(route: Route) -> None:
        route.fulfill(status=502, body="")

    page.route("**/widget.js*", fail)
    told = tries(page, site.shop)
    assert told[0].startswith(f"The script does not arrive from {site.home}/widget.js")
    assert told[0].endswith("HTTP 502")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS.keys())
def test_neither_screen_has_an_accessibility_fault_or_scrolls_sideways(
    site: ChatSite, admin: Callable[..., Page], theme: str, width: int
) -> None:
    greeting = {"path": "/pl*", "delay_s": 3, "text": {"pt_BR": "Oi!", "en": "Hi!"}}
    field = {"name": "q1", "kind": "name", "label": {"pt_BR": "Nome", "en": "Name"},
             "required": True}  # fmt: skip
    path = widget_path(site, greetings=[greeting], fields=[field], name="Loja de camisetas")
    page = admin("/widgets", viewport={"width": width, "height": 900}, color_scheme=theme)
    for address in ("/widgets", path):
        page.goto(f"{site.home}{address}")
        if address == path:
            tries(page, "https://elsewhere.example")
        violations = Axe().run(page, options=RULES).response["violations"]
        assert [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in violations] == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
