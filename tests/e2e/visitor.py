"""A visitor of a shop in Chromium: the chat opened on a page of another origin than the product's."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, FrameLocator, Page, Request, expect

from tests.e2e.chat_site import ChatSite, chat_site
from tests.e2e.specimens import open_browser

WIDE = {"width": 1440, "height": 900}


NARROW = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as opened:
        yield opened


@pytest.fixture
def site(tmp_path: Path) -> Iterator[ChatSite]:
    with chat_site(tmp_path) as running:
        yield running


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Return a function that opens an address in a browser of its own, or in a given one."""
    opened: list[BrowserContext] = []

    def go(address: str, context: BrowserContext | None = None, **options: Any) -> Page:
        if context is None:
            context = browser.new_context(**({"viewport": WIDE, "locale": "en-GB"} | options))
            opened.append(context)
        page = context.new_page()
        page.goto(address)
        return page

    yield go
    for context in opened:
        context.close()


def open_chat(page: Page) -> FrameLocator:
    page.get_by_role("button", name="Open chat").click()
    window = page.frame_locator("iframe[title=Chat]")
    expect(window.get_by_role("textbox", name="Message")).to_be_focused()
    return window


def open_chat_again(page: Page) -> FrameLocator:
    page.get_by_role("button", name="Open chat").click()
    return page.frame_locator("iframe[title=Chat]")


def say(window: FrameLocator, text: str) -> None:
    box = window.get_by_role("textbox", name="Message")
    box.fill(text)
    box.press("Enter")


def until(page: Page, true: Callable[[], object]) -> None:
    """Wait for something that the server knows; give up after ten seconds."""
    for _ in range(200):
        if true():
            return
        page.wait_for_timeout(50)
    pytest.fail("it did not happen within ten seconds")


def until_idle(page: Page) -> None:
    """Wait until the page has asked for nothing more for a while."""
    asked: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url)

    def is_idle() -> bool:
        before = len(asked)
        page.wait_for_timeout(500)
        return len(asked) == before

    page.on("request", note)
    until(page, is_idle)
    page.remove_listener("request", note)
