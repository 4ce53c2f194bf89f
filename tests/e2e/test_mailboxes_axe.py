"""The screens about mailboxes, without an accessibility fault, and their test buttons at work."""

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from werkzeug.serving import make_server

from helpdesk.app import create_app
from helpdesk.mailboxes.health import note_fetch_fault, note_fetched, note_sent
from helpdesk.mailboxes.service import MailboxFacts, add_mailbox
from helpdesk.services import Services
from helpdesk.staff.service import session_agent
from helpdesk.translations.catalogue import compile_catalogues
from tests.browser import PASSWORD, hire
from tests.browser import Browser as Visitor
from tests.e2e.installation import free_port
from tests.e2e.specimens import chromium, open_browser
from tests.e2e.test_specimens_axe import RULES

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium() is None, reason="chromium is not installed"),
]
SALES, MONEY = "vendas@sabia.example", "financeiro@sabia.example"


def set_up(services: Services) -> str:
    """Set two mailboxes up, one that works and one that does not; return the second's id."""
    visitor = Visitor(create_app(services.settings, services))
    visitor.sign_in(hire(services, "admin", name="Ana Prado"))
    agent = session_agent(services, visitor.token)
    assert agent is not None
    facts = MailboxFacts(
        address=SALES, name="Vendas da Sabiá", auth="password", user_name="vendas",
        imap_host="127.0.0.1", imap_port=1, imap_security="none", smtp_host="127.0.0.1",
        smtp_port=1, smtp_security="none", secret="correct-horse",
        signature_text="{agent}\n{company} · {address}",
    )  # fmt: skip
    add_mailbox(services, agent, facts)
    broken = add_mailbox(services, agent, replace(facts, address=MONEY, name="Financeiro"))
    with services.begin() as tx:
        note_fetched(tx, SALES)
        note_sent(tx, SALES)
        note_fetch_fault(tx, MONEY, "login", "[AUTHENTICATIONFAILED] Authentication failed.")
    return str(broken)


@pytest.fixture
def address(services: Services) -> Iterator[str]:
    """The page of a mailbox that fails, served on loopback."""
    compile_catalogues()
    url = f"http://127.0.0.1:{free_port()}"
    services = replace(
        services,
        settings=replace(
            services.settings, public_url=url, mail_address="suporte@sabia.example",
            imap_url="imap://suporte:x@127.0.0.1:1/INBOX",
        ),
    )  # fmt: skip
    mailbox_id = set_up(services)
    app = create_app(services.settings, services)
    server = make_server("127.0.0.1", int(url.rpartition(":")[2]), app, threaded=True)
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    yield f"{url}/mailboxes/{mailbox_id}"
    server.shutdown()
    serving.join(10)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as opened:
        yield opened


def enter(browser: Browser, address: str, *, width: int, theme: str, language: str) -> Page:
    """Sign in with a fresh browser that has this width, theme and language."""
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=theme,  # type: ignore[arg-type]
        reduced_motion="reduce",
    )  # fmt: skip
    page = context.new_page()
    page.goto(address.partition("/mailboxes")[0] + "/login")
    page.click(f"button[name=language][value={language}]")
    page.fill("input[name=email]", "admin@sabia.example")
    page.fill("input[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/inbox**")
    page.evaluate(
        """language => fetch('/preferences/language', {method: 'POST', headers: {
            'X-CSRF-Token': document.querySelector('meta[name=csrf]').content,
            'Content-Type': 'application/x-www-form-urlencoded'}, body: 'language=' + language})""",
        language,
    )
    return page


def faults(page: Page) -> list[str]:
    page.wait_for_load_state("networkidle")
    found = Axe().run(page, options=RULES).response["violations"]
    return [f"{one['id']}: {one['nodes'][0]['html'][:160]}" for one in found]


def overflow(page: Page) -> int:
    """Return by how many pixels the page is wider than its window."""
    return int(page.evaluate("document.documentElement.scrollWidth - innerWidth"))


@pytest.mark.parametrize(
    ("width", "theme", "language"),
    [(1440, "light", "pt_BR"), (1024, "dark", "en"), (390, "light", "en"), (390, "dark", "pt_BR")],
)
def test_no_screen_about_mailboxes_shuts_anybody_out(
    browser: Browser, address: str, width: int, theme: str, language: str
) -> None:
    page = enter(browser, address, width=width, theme=theme, language=language)
    found, wide = {}, {}
    pages = {"list": address.rpartition("/")[0], "one": address}
    pages["new"] = pages["list"] + "/new"
    for name, url in pages.items():
        page.goto(url)
        found[name], wide[name] = faults(page), overflow(page)
    page.goto(address)
    page.locator("summary").first.click()
    page.get_by_role("button", name="IMAP").click()
    expect(page.locator("#verdict-fetching .banner.danger")).to_be_visible()
    page.locator("button[form='try-signature']").click()
    expect(page.locator("#verdict-signature .banner.danger")).to_be_visible()
    page.fill("#signature_text", "Equipe Sabiá")
    page.locator("[hx-post='/mailboxes/signature']").click()
    look = page.frame_locator("#signature-look iframe")
    expect(look.locator("body")).to_contain_text("Equipe Sabiá")
    page.fill("#rate_per_minute", "0")
    page.evaluate("document.querySelector('.box-form').noValidate = true")
    page.locator(".save button").click()
    expect(page.locator("#rate_per_minute-fault")).to_be_visible()
    found["refused"], wide["refused"] = faults(page), overflow(page)
    assert {name: some for name, some in found.items() if some} == {}
    assert {name: pixels for name, pixels in wide.items() if pixels > 0} == {}
