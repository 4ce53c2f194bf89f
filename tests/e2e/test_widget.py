"""The widget in Chromium, on a page of another origin than the product's."""

from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from billing_core import catalog
from billing_core.domain.money import Money
from tests.e2e.chat_site import ChatSite
from tests.e2e.specimens import chromium
from tests.e2e.test_specimens_axe import RULES
from tests.e2e.visitor import NARROW, WIDE, browser, open_chat, say, site, until, visit

__all__ = ["browser", "site", "visit"]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium() is None, reason="chromium is not installed"),
]


def test_a_conversation_goes_to_and_fro_without_a_reload(
    site: ChatSite, visit: Callable[..., Page]
) -> None:
    page = visit(site.shop_page())
    refused: list[str] = []
    page.on("pageerror", lambda error: refused.append(str(error)))
    page.on("console", lambda m: refused.append(m.text) if m.type == "error" else None)
    window = open_chat(page)
    expect(window.get_by_text("Tell us what happened")).to_be_visible()
    say(window, "I was charged twice <b>today</b>")
    expect(window.locator(".it.me .st")).to_contain_text("Sent")
    (ticket,) = site.tickets()
    site.answers(ticket.id, "Let me look.")
    expect(window.get_by_text("Let me look.")).to_be_visible()
    expect(window.locator(".it.me .st")).to_contain_text("Read")
    expect(window.get_by_role("heading", level=1)).to_have_text("Camila, from Sabiá")
    expect(window.get_by_text("I was charged twice <b>today</b>")).to_be_visible()  # as text
    site.solves(ticket.id)
    expect(window.get_by_text("Write again here if anything is missing")).to_be_visible()
    say(window, "Thanks")
    expect(window.get_by_text("Write again here if anything is missing")).to_be_hidden()
    assert site.said() == ["I was charged twice <b>today</b>", "Thanks"]
    assert refused == []


def test_a_page_greets_once_a_visit_and_never_in_the_middle_of_a_conversation(
    site: ChatSite, visit: Callable[..., Page]
) -> None:
    rules = [
        {"path": "/pl*", "delay_s": 0, "text": {"pt_BR": "Oi!", "en": "Questions about a plan?"}}
    ]
    key = site.widget(greetings=rules)
    plans, other = site.shop_page("plans", key=key), site.shop_page("other", key=key)
    page = visit(other)
    expect(page.get_by_role("button", name="Open chat")).to_be_visible()
    page.wait_for_timeout(300)
    expect(page.get_by_text("Questions about a plan?")).to_have_count(0)
    page.goto(plans)
    page.get_by_role("button", name="Questions about a plan?").click()
    window = page.frame_locator("iframe[title=Chat]")
    expect(window.get_by_text("Questions about a plan?")).to_be_visible()
    window.locator("body").press("Escape")
    expect(page.get_by_role("button", name="Open chat")).to_be_visible()
    page.reload()
    expect(page.get_by_role("button", name="Open chat")).to_be_visible()
    page.wait_for_timeout(300)
    expect(page.get_by_text("Questions about a plan?")).to_have_count(0)


def test_before_it_is_opened_the_widget_costs_one_small_script(
    site: ChatSite, visit: Callable[..., Page]
) -> None:
    asked: list[str] = []
    page = visit("about:blank")
    page.on("request", lambda request: asked.append(request.url))
    page.goto(site.shop_page())
    expect(page.get_by_role("button", name="Open chat")).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert [one for one in asked if one.startswith(site.home)] == [f"{site.home}/widget.js"]


def test_files_travel_both_ways_and_what_cannot_says_why(
    site: ChatSite, visit: Callable[..., Page]
) -> None:
    page = visit(site.shop_page())
    refused: list[str] = []
    page.on("pageerror", lambda error: refused.append(str(error)))
    window = open_chat(page)
    choose = window.get_by_label("Send a file")
    pixel = site.home_picture()
    choose.set_input_files({"name": "receipt.png", "mimeType": "image/png", "buffer": pixel})
    picture = window.locator(".it.me img")
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.naturalWidth") == 1
    expect(window.locator(".it.me .st")).to_contain_text("Sent")
    choose.set_input_files({"name": "a.exe", "mimeType": "x/y", "buffer": b"MZ\x90\x00"})
    expect(window.get_by_text("Files of this kind are not accepted.")).to_be_visible()
    choose.set_input_files({"name": "void.txt", "mimeType": "text/plain", "buffer": b""})
    expect(window.get_by_text("This file is empty.")).to_be_visible()
    site.answers_with_file(site.tickets()[0].id, "Here it is.", "invoice.pdf", b"%PDF-1.4 ours")
    expect(window.get_by_text("Here it is.")).to_be_visible()
    with page.expect_download() as download:
        window.get_by_role("button", name="invoice.pdf").click()
    assert Path(download.value.path()).read_bytes() == b"%PDF-1.4 ours"
    assert site.said() == ["receipt.png"]
    assert refused == []


def test_two_tabs_show_one_conversation(site: ChatSite, visit: Callable[..., Page]) -> None:
    first = visit(site.shop_page())
    second = visit(site.shop_page(), first.context)
    windows = [open_chat(first), open_chat(second)]
    say(windows[0], "from the first")
    expect(windows[1].get_by_text("from the first")).to_be_visible()
    say(windows[1], "from the second")
    expect(windows[0].get_by_text("from the second")).to_be_visible()
    for window in windows:
        expect(window.locator(".it.me")).to_have_count(2)
    assert len(site.tickets()) == 1


def test_a_long_history_is_fetched_when_it_is_asked_for(
    site: ChatSite, visit: Callable[..., Page]
) -> None:
    page = visit(site.shop_page())
    window = open_chat(page)
    say(window, "the very first")
    until(page, site.tickets)
    for number in range(55):
        site.answers(site.tickets()[0].id, f"answer {number}")
    expect(window.get_by_text("answer 54", exact=True)).to_be_visible()
    page.reload()
    expect(window.get_by_text("answer 54", exact=True)).to_be_in_viewport()
    expect(window.get_by_text("the very first")).to_have_count(0)
    window.get_by_role("button", name="Earlier messages").click()
    expect(window.get_by_text("the very first")).to_have_count(1)
    expect(window.get_by_role("button", name="Earlier messages")).to_be_hidden()
    texts = window.locator(".it:not([hidden]) [data-text]").all_inner_texts()
    assert texts == ["the very first", *(f"answer {number}" for number in range(55))]


def test_escape_closes_the_window_and_gives_the_focus_back(
    site: ChatSite, visit: Callable[..., Page]
) -> None:
    page = visit(site.shop_page())
    window = open_chat(page)
    page.keyboard.press("Escape")
    expect(page.locator("iframe")).to_be_hidden()
    expect(page.get_by_role("button", name="Open chat")).to_be_focused()
    page.keyboard.press("Enter")
    expect(window.get_by_role("textbox", name="Message")).to_be_focused()
    window.get_by_role("button", name="Minimise").click()
    expect(page.get_by_role("button", name="Open chat")).to_be_focused()


def test_an_answer_to_a_closed_window_is_counted_on_its_button(
    site: ChatSite, visit: Callable[..., Page]
) -> None:
    page = visit(site.shop_page())
    window = open_chat(page)
    say(window, "hello")
    expect(window.locator(".it.me .st")).to_contain_text("Sent")
    page.keyboard.press("Escape")
    for text in ("one", "two"):
        site.answers(site.tickets()[0].id, text)
    expect(page.get_by_role("button", name="Open chat (2 new)")).to_be_visible()
    page.reload()  # a page that did not have it open still hears
    expect(page.get_by_role("button", name="Open chat (2 new)")).to_be_visible()
    expect(open_chat(page).get_by_text("two", exact=True)).to_be_visible()  # now it was read
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Open chat", exact=True)).to_be_visible()


def test_a_site_that_was_not_named_cannot_frame_the_window(
    site: ChatSite, visit: Callable[..., Page]
) -> None:
    address = site.shop_page().replace("127.0.0.1", "localhost")  # another origin
    page = visit(address)
    page.get_by_role("button", name="Open chat").click()
    window = page.frame_locator("iframe[title=Chat]")
    page.wait_for_timeout(500)
    expect(window.get_by_role("textbox", name="Message")).to_have_count(0)


def test_on_a_telephone_the_window_fills_the_screen(
    site: ChatSite, visit: Callable[..., Page]
) -> None:
    page = visit(site.shop_page(), viewport=NARROW, has_touch=True)
    window = open_chat(page)
    assert page.locator("iframe").bounding_box() == {"x": 0, "y": 0} | NARROW
    expect(page.locator("button[aria-expanded]")).to_be_hidden()
    say(window, "a" * 300)  # a word that does not end
    expect(window.locator(".it.me .st")).to_contain_text("Sent")
    frame = page.frames[1]
    assert frame.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
    for control in ("Send", "Minimise"):
        box = window.get_by_role("button", name=control, exact=True).bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 44
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Open chat")).to_be_focused()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "narrow"])
def test_neither_the_sample_page_nor_the_window_has_an_accessibility_fault(
    site: ChatSite, visit: Callable[..., Page], theme: str, viewport: dict[str, int]
) -> None:
    offer_plans(site)
    language = "en" if theme == "dark" else "pt"
    page = visit(
        f"{site.home}/site?lang={language}",
        viewport=viewport,
        color_scheme=theme,
        reduced_motion="reduce",
    )
    page.locator("button[aria-expanded]").click()
    window = page.frame_locator("iframe")
    field = window.get_by_role("textbox")
    field.fill("Oi")
    field.press("Enter")
    until(page, site.said)
    (ticket,) = site.tickets()
    site.answers(ticket.id, "Olá!")
    expect(window.get_by_text("Olá!")).to_be_visible()
    site.services.relay.tell_visitor(ticket.chat_key, "staff_typing", {"name": "Camila"})
    expect(window.locator("p[data-typing]")).to_be_visible()
    site.solves(ticket.id)
    expect(window.locator("[data-settled]")).to_be_visible()
    violations = Axe().run(page, options=RULES).response["violations"]  # frames included
    assert [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in violations] == []


def offer_plans(site: ChatSite) -> None:
    with site.services.begin() as tx:
        product = catalog.add_product(tx, "music", "Music")
        for name, minor in (("Essencial", 49_90), ("Plus", 79_90), ("Família", 129_90)):
            plan = catalog.add_plan(
                tx, product, code=name.lower(), name=name, features={"profiles": 2}
            )
            catalog.add_price(tx, plan, amount=Money(minor, "BRL"))
