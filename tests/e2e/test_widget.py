"""The widget in Chromium, on a page of another origin than the product's."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, FrameLocator, Page, Route, expect

from billing_core import catalog
from billing_core.domain.money import Money
from tests.e2e.chat_site import ChatSite, chat_site
from tests.e2e.specimens import chromium, open_browser
from tests.e2e.test_specimens_axe import RULES

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium() is None, reason="chromium is not installed"),
]

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
    page.on("request", lambda request: asked.append(request.url))

    def is_idle() -> bool:
        before = len(asked)
        page.wait_for_timeout(500)
        return len(asked) == before

    until(page, is_idle)


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


QUESTIONS: list[dict[str, Any]] = [
    {"name": "q1", "kind": "name", "label": {"pt_BR": "Nome", "en": "Name"}, "required": True},
    {
        "name": "q2",
        "kind": "phone",
        "label": {"pt_BR": "Telefone", "en": "Phone"},
        "required": False,
    },
]
NEVER_OPEN = {"zone": "America/Sao_Paulo", "days": {}, "closed": []}


def test_the_questions_before_the_first_message_lose_nothing(
    site: ChatSite, visit: Callable[..., Page]
) -> None:
    address = site.shop_page(key=site.widget(fields=QUESTIONS))
    page = visit(address)
    window = open_chat(page)
    say(window, "My card was charged twice")
    expect(window.get_by_text("Please fill this in.")).to_be_visible()
    expect(window.get_by_label("Name")).to_be_focused()
    window.get_by_label("Name").fill("Ana Reis")
    window.get_by_label("Phone").fill("call me")
    page.reload()  # what she has typed of herself is still there
    window = page.frame_locator("iframe[title=Chat]")
    expect(window.get_by_label("Name")).to_have_value("Ana Reis")
    say(window, "My card was charged twice")
    expect(window.get_by_text("This is not a telephone number.")).to_be_visible()
    box = window.get_by_role("textbox", name="Message")
    expect(box).to_have_value("My card was charged twice")  # the server refused: nothing is lost
    assert site.said() == []
    window.get_by_label("Phone").fill("11 98765-4321")
    box.press("Enter")
    expect(window.locator(".it.me .st")).to_contain_text("Sent")
    expect(window.get_by_role("form", name="About you")).to_be_hidden()
    assert site.said() == ["My card was charged twice"]
    assert site.tickets()[0].customer_name == "Ana Reis"


def test_outside_the_hours_she_leaves_a_message_and_an_address(
    site: ChatSite, visit: Callable[..., Page]
) -> None:
    page = visit(site.shop_page(key=site.widget(hours=NEVER_OPEN)))
    window = open_chat(page)
    expect(window.get_by_text("We are away now. Leave a message")).to_be_visible()
    say(window, "Please call back")
    expect(window.get_by_label("Your e-mail, for the answer")).to_be_focused()
    window.get_by_label("Your e-mail, for the answer").fill("ana@exemplo.com.br")
    window.get_by_role("textbox", name="Message").press("Enter")
    expect(window.locator(".it.me .st")).to_contain_text("Sent")
    assert site.said() == ["Please call back"]


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
    page.keyboard.press("Escape")
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


def test_two_people_at_one_browser_do_not_share_a_conversation(
    site: ChatSite, visit: Callable[..., Page]
) -> None:
    ana = site.customer("Ana Reis", "ana")
    page = visit(site.shop_page("ana", identity=site.token("ana", "Ana")))
    window = open_chat(page)
    say(window, "this is Ana")
    expect(window.locator(".it.me .st")).to_contain_text("Sent")
    page = visit(site.shop_page("nobody"), page.context)
    window = open_chat_again(page)
    expect(window.get_by_text("Tell us what happened")).to_be_visible()
    say(window, "this is somebody else")
    until(page, lambda: len(site.tickets()) == 2)
    assert [ticket.customer_id for ticket in site.tickets()] == [ana, None]


@pytest.mark.parametrize("answered", [202, 422], ids=["taken", "her-token-has-expired"])
def test_a_message_on_its_way_never_follows_the_next_person_at_the_browser(
    site: ChatSite, visit: Callable[..., Page], answered: int
) -> None:
    site.customer("Ana Reis", "ana")
    site.customer("Bia Lima", "bia")
    page = visit(site.shop_page("ana", identity=site.token("ana", "Ana")))
    window = open_chat(page)
    held: list[Route] = []

    def hold_first(route: Route) -> None:
        if route.request.method != "POST" or held:
            route.continue_()
        else:
            held.append(route)

    page.route("**/chat/messages*", hold_first)
    say(window, "a secret of Ana's")
    until(page, lambda: held)
    window.get_by_role("textbox", name="Message").fill("half a word of Ana's")
    page.evaluate("(token) => guiche.identify(token)", site.token("bia", "Bia"))
    expect(window.locator(".it.me")).to_have_count(0)
    expect(window.get_by_role("textbox", name="Message")).to_have_value("")
    if answered == 202:
        held[0].continue_()
    else:
        held[0].fulfill(status=422, json={"error": {"field": "identity"}})
    say(window, "this is Bia")
    until(page, lambda: "this is Bia" in site.said())
    expect(window.locator(".it.me")).to_have_count(1)
    expect(window.get_by_text("a secret of Ana's")).to_have_count(0)
    page.evaluate("(token) => guiche.identify(token)", site.token("ana", "Ana"))
    until(page, lambda: site.said().count("a secret of Ana's") == 1)
    assert len(site.tickets()) == 2


def open_chat_again(page: Page) -> FrameLocator:
    page.get_by_role("button", name="Open chat").click()
    return page.frame_locator("iframe[title=Chat]")


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
