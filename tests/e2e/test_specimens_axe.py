"""axe-core finds nothing on any screen: three widths, both themes, both languages."""

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.e2e.specimens import Specimens, chromium, open_browser

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium() is None, reason="chromium is not installed"),
]

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
SCREENS = {
    "login": ("/login", (1440, 900), ""),
    "login-refused-390": ("/login?error=wrong", (390, 844), ""),
    "console-1440": ("/inbox/48213", (1440, 900), ""),
    "console-1024": ("/inbox/48213", (1024, 768), ""),
    "console-390": ("/inbox/48213", (390, 844), ""),
    "queue-390": ("/inbox", (390, 844), ""),
    "money-sheet-390": ("/inbox/48213", (390, 844), "[data-sheet]"),
    "queue-over-1024": ("/inbox/48213", (1024, 768), "[data-queue-open]"),
    "note-1440": ("/inbox/48213", (1440, 900), "#tab-note"),
    "commands-1440": ("/inbox/48213", (1440, 900), ".q-search"),
    "empty-1440": ("/inbox?empty", (1440, 900), ""),
}


@pytest.fixture(scope="module")
def specimens() -> Iterator[Specimens]:
    running = Specimens()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as opened:
        yield opened


def faults(page: Page) -> list[str]:
    """Return `rule: first element` of each violation."""
    violations = Axe().run(page, options=RULES).response["violations"]
    return [f"{found['id']}: {found['nodes'][0]['html'][:160]}" for found in violations]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", SCREENS)
def test_a_screen_has_no_accessibility_fault(
    specimens: Specimens, browser: Browser, name: str, theme: str
) -> None:
    address, (width, height), press = SCREENS[name]
    language = "en" if theme == "dark" else "pt_BR"
    context = browser.new_context(
        viewport={"width": width, "height": height}, reduced_motion="reduce"
    )
    page = context.new_page()
    refused: list[str] = []
    page.on("console", lambda m: refused.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: refused.append(str(error)))
    joint = "&" if "?" in address else "?"
    page.goto(f"{specimens.url}{address}{joint}lang={language}&theme={theme}")
    page.wait_for_load_state("networkidle")
    if press:
        page.click(press)
    assert faults(page) == []
    assert refused == []  # the content security policy among others
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()


def test_the_check_finds_a_planted_fault(specimens: Specimens, browser: Browser) -> None:
    page = browser.new_page()
    page.goto(f"{specimens.url}/login")
    page.evaluate("document.querySelector('label').remove()")
    assert any(fault.startswith("label") for fault in faults(page))
    page.close()
