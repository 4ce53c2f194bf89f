"""The chat over lines that break: nothing is lost, doubled or left unseen."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.chat_site import ChatSite
from tests.e2e.specimens import chromium
from tests.e2e.visitor import (
    browser,
    open_chat,
    say,
    site,
    until,
    until_idle,
    visit,
)

__all__ = ["browser", "site", "visit"]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium() is None, reason="chromium is not installed"),
]


def test_what_is_written_off_line_is_kept_and_sent_once(
    site: ChatSite, visit: Callable[..., Page]
) -> None:
    page = visit(site.shop_page())
    window = open_chat(page)
    say(window, "one")
    expect(window.locator(".it.me .st")).to_contain_text("Sent")
    page.context.set_offline(True)
    say(window, "two")
    say(window, "three")
    expect(window.get_by_text("Not sent. We try again by ourselves.").first).to_be_visible()
    expect(window.get_by_role("status").first).to_contain_text("You are offline")
    assert site.said() == ["one"]
    page.context.set_offline(False)
    until(page, lambda: len(site.said()) == 3)
    expect(window.get_by_text("Not sent. We try again by ourselves.")).to_have_count(0)
    assert site.said() == ["one", "two", "three"]
    expect(window.locator(".it.me")).to_have_count(3)


def test_an_answer_lost_on_the_way_does_not_double_the_message(
    site: ChatSite, visit: Callable[..., Page]
) -> None:
    page = visit(site.shop_page())
    window = open_chat(page)
    lost: list[int] = []

    def lose_first(route: Route) -> None:
        if route.request.method != "POST" or lost:
            route.continue_()
            return
        lost.append(route.fetch().status)  # it arrived and was stored
        route.abort()

    page.route("**/chat/messages*", lose_first)
    say(window, "once")
    expect(window.locator(".it.me .st")).to_contain_text("Sent", timeout=15_000)
    assert lost == [202]
    assert site.said() == ["once"]
    expect(window.locator(".it.me")).to_have_count(1)


def test_what_was_not_sent_survives_a_reload_and_the_history_comes_back(
    site: ChatSite, visit: Callable[..., Page]
) -> None:
    page = visit(site.shop_page())
    window = open_chat(page)
    say(window, "one")
    expect(window.locator(".it.me .st")).to_contain_text("Sent")
    page.route("**/chat/messages*", lambda route: route.abort())
    say(window, "two")
    expect(window.get_by_text("Not sent. We try again by ourselves.")).to_be_visible()
    page.unroute("**/chat/messages*")
    page.reload()
    window = page.frame_locator("iframe[title=Chat]")  # it was open, and is again
    expect(window.locator(".it.me")).to_have_count(2)
    until(page, lambda: site.said() == ["one", "two"])
    site.answers(site.tickets()[0].id, "Got both.")
    expect(window.get_by_text("Got both.")).to_be_visible()


def test_f13_r7_a_hundred_forced_disconnects_lose_nothing_and_double_nothing(
    site: ChatSite, visit: Callable[..., Page]
) -> None:
    page = visit(site.shop_page())
    window = open_chat(page)
    say(window, "the first")
    until(page, site.tickets)
    ticket_id = site.tickets()[0].id
    expected = ["the first"]
    for drop in range(100):
        site.cut_lines()
        if drop % 10 == 3:
            say(window, f"mine {drop}")
            until(page, lambda: len(site.said()) > sum("answer" not in one for one in expected))
            expected.append(f"mine {drop}")
        site.answers(ticket_id, f"answer {drop}")
        expected.append(f"answer {drop}")
    bubbles = window.locator(".it:not([hidden]) [data-text]")
    expect(bubbles).to_have_count(len(expected), timeout=20_000)
    assert bubbles.all_inner_texts() == expected


def test_f14_a_line_that_only_looks_alive_is_noticed_when_she_comes_back(
    site: ChatSite, visit: Callable[..., Page]
) -> None:
    page = visit(site.shop_page())
    window = open_chat(page)
    say(window, "hello")
    until(page, site.tickets)
    until_idle(page)  # what the first message brings about is over
    with site.silent():  # hints go nowhere, as to a machine that sleeps
        site.answers(site.tickets()[0].id, "Are you there?")
    page.wait_for_timeout(300)
    expect(window.get_by_text("Are you there?")).to_have_count(0)
    page.frames[1].evaluate("window.dispatchEvent(new Event('focus'))")
    expect(window.get_by_text("Are you there?")).to_be_visible()


def test_a_file_whose_line_breaks_is_sent_again_once(
    site: ChatSite, visit: Callable[..., Page]
) -> None:
    page = visit(site.shop_page())
    window = open_chat(page)
    tries: list[int] = []

    def lose_first(route: Route) -> None:
        tries.append(1)
        if len(tries) == 1:
            route.abort()
        else:
            route.continue_()

    page.route("**/chat/files", lose_first)
    file = {"name": "a.txt", "mimeType": "text/plain", "buffer": b"words"}
    window.get_by_label("Send a file").set_input_files(file)  # type: ignore[arg-type]
    expect(window.get_by_text("Not sent. We try again by ourselves.")).to_be_visible()
    expect(window.locator(".it.me .st")).to_contain_text("Sent", timeout=10_000)
    assert site.said() == ["a.txt"]
