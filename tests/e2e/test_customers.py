"""Customers' pages in a real browser: axe finds nothing, and a merge can be done and undone."""

import threading
from collections.abc import Callable, Iterator
from uuid import UUID

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect
from werkzeug.serving import make_server

from helpdesk.app import create_app
from helpdesk.customers.service import add_handle, create_customer
from helpdesk.services import Services
from helpdesk.translations.catalogue import compile_catalogues
from tests.browser import PASSWORD, hire
from tests.e2e.specimens import chromium, open_browser

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium() is None, reason="chromium is not installed"),
]

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as opened:
        yield opened


@pytest.fixture
def two(services: Services) -> list[UUID]:
    """One person, known twice."""
    made = []
    for name, kind, value in (
        ("Mariana Alves Prado", "email", "mariana@exemplo.com.br"),
        ("Mariana Prado", "phone", "+5511987654321"),
    ):
        with services.begin() as tx:
            customer = create_customer(tx, name=name, document_masked="•••.482.118-••")
            add_handle(tx, customer.id, kind=kind, value=value, verified=True)  # type: ignore[arg-type]
        made.append(customer.id)
    return made


@pytest.fixture
def address(services: Services) -> Iterator[str]:
    compile_catalogues()
    server = make_server("127.0.0.1", 0, create_app(services.settings, services), threaded=True)
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    yield f"http://localhost:{server.server_port}"
    server.shutdown()
    serving.join(10)
    server.server_close()


@pytest.fixture
def visit(browser: Browser, services: Services, address: str) -> Iterator[Callable[..., Page]]:
    """Return a function that opens a page as an agent of a language, in a theme and width."""
    contexts: list[BrowserContext] = []

    def open_page(path: str, language: str, theme: str, width: int = 1440) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if theme == "dark" else "light",
            reduced_motion="reduce",
        )
        contexts.append(context)
        page = context.new_page()
        page.goto(f"{address}/login")
        page.fill("#email", hire(services, email=f"{language}@sabia.example", language=language))
        page.fill("#password", PASSWORD)
        page.click("form.sign-in button.primary")
        page.wait_for_url("**/inbox**")
        page.goto(f"{address}{path}")
        return page

    yield open_page
    for context in contexts:
        context.close()


def faults(page: Page) -> list[str]:
    violations = Axe().run(page, options=RULES).response["violations"]
    return [f"{found['id']}: {found['nodes'][0]['html'][:160]}" for found in violations]


@pytest.mark.parametrize(("language", "theme"), [("pt_BR", "light"), ("en", "dark")])
@pytest.mark.parametrize("width", [1440, 390])
def test_customers_have_no_accessibility_fault(
    visit: Callable[..., Page], two: list[UUID], language: str, theme: str, width: int
) -> None:
    page = visit("/customers?q=mariana", language, theme, width)
    assert faults(page) == []
    for path in (f"/customers/{two[0]}?q=mariana", f"/customers/{two[0]}/merge/{two[1]}"):
        page.goto(page.url.partition("/customers")[0] + path)
        assert faults(page) == []


def test_a_merge_is_compared_turned_round_done_and_undone(
    visit: Callable[..., Page], two: list[UUID]
) -> None:
    page = visit("/customers?q=mariana", "pt_BR", "light")
    page.get_by_role("link", name="Mariana Alves Prado").click()
    page.get_by_role("link", name="Comparar com Mariana Prado").click()
    page.get_by_role("link", name="Manter o outro").click()
    page.get_by_role("button", name="Unir em Mariana Prado").click()
    expect(page).to_have_url(f"{page.url.partition('/customers')[0]}/customers/{two[1]}")
    expect(page.get_by_text("mariana@exemplo.com.br")).to_be_visible()
    page.get_by_role("button", name="Desfazer a união com Mariana Alves Prado").click()
    expect(page.get_by_role("heading", name="Mariana Alves Prado")).to_be_visible()
