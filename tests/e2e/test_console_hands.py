"""The console under real fingers: keys, drafts, one message for one intention."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.specimens import Specimens, chromium, open_browser

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium() is None, reason="chromium is not installed"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as opened:
        yield opened


@pytest.fixture
def specimens() -> Iterator[Specimens]:
    running = Specimens()
    yield running
    running.stop()


@pytest.fixture
def console(browser: Browser, specimens: Specimens) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.goto(f"{specimens.url}/inbox/48213?lang=en")
    page.wait_for_selector("body[data-live=yes]")
    yield page
    context.close()


def until(page: Page, true: Callable[[], object]) -> None:
    """Wait for something the server saw; give up after five seconds."""
    for _ in range(100):
        if true():
            return
        page.wait_for_timeout(50)
    pytest.fail("it did not happen within five seconds")


def test_a_hurried_double_send_is_one_message(console: Page, specimens: Specimens) -> None:
    console.fill("#body-reply", "Once, please")
    console.evaluate("() => { const b = document.querySelector('#send'); b.click(); b.click(); }")
    until(console, lambda: specimens.sent("/reply"))
    console.wait_for_selector("#composer:not([aria-busy])")
    assert [form["body"] for form in specimens.sent("/reply")] == ["Once, please"]


def test_each_message_has_an_id_of_its_own_and_a_failed_one_keeps_it(
    console: Page, specimens: Specimens
) -> None:
    console.fill("#body-reply", "first")
    console.evaluate(
        "() => { window.whole = fetch; window.fetch = () => Promise.reject(new TypeError('cut')); }"
    )
    console.keyboard.press("Control+Enter")
    expect(console.locator("#composer-error .banner")).to_be_visible()
    expect(console.locator("#body-reply")).to_have_value("first")
    before = console.input_value("[name=client_msg_id]")
    console.evaluate("() => { window.fetch = window.whole; }")
    console.keyboard.press("Control+Enter")
    until(console, lambda: len(specimens.sent("/reply")) == 1)
    expect(console.locator("#body-reply")).to_have_value("")
    console.fill("#body-reply", "second")
    console.keyboard.press("Control+Enter")
    until(console, lambda: len(specimens.sent("/reply")) == 2)
    first, second = (form["client_msg_id"] for form in specimens.sent("/reply"))
    assert first == before != second


def test_a_note_never_leaves_as_a_reply(console: Page, specimens: Specimens) -> None:
    reply = console.input_value("#body-reply")
    console.keyboard.press("n")
    console.keyboard.type("the customer must not see this")
    console.keyboard.press("Control+Enter")
    until(console, lambda: specimens.sent("/note"))
    assert specimens.sent("/reply") == []
    assert console.input_value("#body-reply") == reply


def test_reply_and_note_are_saved_as_separate_drafts(console: Page, specimens: Specimens) -> None:
    console.fill("#body-reply", "half a reply")
    console.click("#tab-note")
    console.fill("#body-note", "half a note")
    until(console, lambda: len(specimens.sent("/draft")) >= 2)
    saved = {form["kind"]: form["body"] for form in specimens.sent("/draft")}
    assert saved == {"reply": "half a reply", "note": "half a note"}


def test_money_takes_two_keys_and_only_opens_a_preview(console: Page, specimens: Specimens) -> None:
    console.focus("#timeline")
    console.keyboard.press("r")
    console.keyboard.press("Escape")
    console.keyboard.press("b")
    expect(console.locator("#drawer > *")).to_have_count(0)
    console.keyboard.press("r")
    expect(console.locator("#drawer-title")).to_be_focused()
    console.keyboard.press("Escape")
    expect(console.locator("#drawer > *")).to_have_count(0)
    expect(console.locator("#money-refund")).to_be_focused()
    assert not [path for path, _ in specimens.posts if "/money/" in path]


def test_single_keys_do_nothing_while_somebody_types(console: Page) -> None:
    console.focus("#body-reply")
    console.keyboard.press("Control+End")
    console.keyboard.type(" jkbr")
    assert console.input_value("#body-reply").endswith(" jkbr")
    expect(console.locator("#drawer > *")).to_have_count(0)


def test_j_and_k_walk_the_queue_and_the_address_follows(console: Page) -> None:
    console.focus("#timeline")
    console.keyboard.press("j")
    console.wait_for_url("**/inbox/48230")
    expect(console.locator("#row-48230")).to_have_attribute("aria-current", "true")
    expect(console.locator("#row-48213")).not_to_have_attribute("aria-current", "true")


def test_alt_and_a_number_choose_the_channel(console: Page) -> None:
    console.keyboard.press("Alt+2")
    expect(console.locator("#tab-email")).to_have_attribute("aria-selected", "true")
    assert console.input_value("[name=channel]") == "email"


def test_losing_the_connection_is_said_and_healed(console: Page) -> None:
    expect(console.locator("#not-live")).to_be_hidden()
    console.context.set_offline(True)
    console.evaluate("dispatchEvent(new Event('offline'))")
    expect(console.locator("#not-live")).to_be_visible(timeout=15_000)
    console.context.set_offline(False)
    console.evaluate("dispatchEvent(new Event('online'))")
    expect(console.locator("#not-live")).to_be_hidden(timeout=15_000)


def test_commands_are_found_without_accents_and_opened_by_name(console: Page) -> None:
    console.keyboard.press("Control+k")
    console.keyboard.type("give cre")
    expect(console.locator("#palette-list [role=option]")).to_have_count(1)
    console.keyboard.press("Enter")
    expect(console.locator("#drawer-title")).to_be_focused()


def test_an_amount_in_a_message_lights_its_charge(console: Page) -> None:
    console.locator(".amt[data-charge=capture-2]").first.focus()
    expect(console.locator("#charge-capture-2")).to_have_class("inv warn lit")


def test_an_answer_that_crosses_a_colleagues_is_asked_about_once(
    console: Page, specimens: Specimens
) -> None:
    console.fill("#body-reply", "crossing")
    console.route(
        "**/reply",
        lambda route: route.fulfill(
            status=409, content_type="text/html", body="<p>Bruno answered</p>"
        ),
    )
    console.keyboard.press("Control+Enter")
    expect(console.locator("#composer-error")).to_contain_text("Bruno answered")
    expect(console.locator("#body-reply")).to_have_value("crossing")
    console.unroute("**/reply")
    console.click("#composer-error button")
    until(console, lambda: specimens.sent("/reply"))
    [form] = specimens.sent("/reply")
    assert (form["body"], form["anyway"], form["seen_seq"]) == ("crossing", "1", "7")


def test_a_drawer_that_refreshes_leaves_the_writer_in_peace(console: Page) -> None:
    console.click("#money-refund")
    expect(console.locator("#drawer-title")).to_be_focused()
    console.focus("#body-reply")
    console.evaluate(
        "() => htmx.ajax('GET', '/tickets/1/money/refund/new',"
        " { target: '#drawer', swap: 'innerHTML', source: '#drawer' })"
    )
    expect(console.locator("#body-reply")).to_be_focused()


def ring(page: Page, selector: str) -> bool:
    """Say whether somebody who came by key sees that this element has the focus."""
    shadows: str = page.locator(selector).evaluate("e => getComputedStyle(e).boxShadow")
    return "rgb(49, 73, 212)" in shadows


def test_a_menu_opened_by_key_is_walked_and_left_by_key(
    console: Page, specimens: Specimens
) -> None:
    console.focus("#timeline")
    console.keyboard.press("z")
    items = console.locator("#menu-snooze button")
    expect(items.nth(0)).to_be_focused()
    console.keyboard.press("ArrowDown")
    expect(items.nth(1)).to_be_focused()
    console.keyboard.press("Escape")
    expect(console.locator("#menu-snooze")).to_be_hidden()
    expect(console.locator("#timeline")).to_be_focused()
    console.keyboard.press("t")
    console.keyboard.type("vip")
    console.keyboard.press("Enter")
    until(console, lambda: specimens.sent("/tag"))
    assert specimens.sent("/tag")[0]["add"] == "vip"


def test_whoever_goes_on_by_key_stands_in_the_next_conversation(console: Page) -> None:
    console.focus("#money-refund")
    before = console.url
    console.keyboard.press("j")
    console.wait_for_url(lambda url: url != before)
    expect(console.locator("#timeline")).to_be_focused()


def test_the_first_stop_leads_past_everything_to_the_queue(console: Page) -> None:
    console.evaluate("document.activeElement.blur()")
    console.keyboard.press("Tab")
    expect(console.locator(".skip")).to_be_focused()
    console.keyboard.press("Enter")
    expect(console.locator("#queue-list")).to_be_focused()


@pytest.mark.parametrize("selector", ["#send", "#act-snooze", "#money-refund", ".q-search"])
def test_every_kind_of_button_shows_the_focus(console: Page, selector: str) -> None:
    console.keyboard.press("Tab")  # from here on the browser draws rings
    console.focus(selector)
    assert ring(console, selector)


def test_a_copy_goes_with_a_mail_and_with_nothing_else(console: Page, specimens: Specimens) -> None:
    line, ask = console.locator("#cmp-cc"), console.locator(".cmp-tabs [data-show-cc]")
    expect(line).to_be_hidden()
    expect(ask).to_be_hidden()
    console.click("#tab-email")
    ask.press("Enter")
    expect(console.locator("#cc")).to_be_focused()
    expect(ask).to_be_hidden()
    console.keyboard.type("contas@x.example")
    console.fill("#body-reply", "Goes to both")
    console.keyboard.press("Control+Enter")
    until(console, lambda: len(specimens.sent("/reply")) == 1)
    expect(console.locator("#body-reply")).to_have_value("")
    expect(console.locator("#cc")).to_have_value("contas@x.example")
    console.click("#tab-whatsapp")
    expect(line).to_be_hidden()
    console.fill("#body-reply", "Goes to one")
    console.keyboard.press("Control+Enter")
    until(console, lambda: len(specimens.sent("/reply")) == 2)
    assert [form.get("cc") for form in specimens.sent("/reply")] == ["contas@x.example", None]


def test_a_draft_of_copies_is_saved_without_a_change_of_the_text(
    console: Page, specimens: Specimens
) -> None:
    console.click("#tab-email")
    console.fill("#body-reply", "Oi")
    until(console, lambda: specimens.sent("/draft"))
    console.locator(".cmp-tabs [data-show-cc]").click()
    console.keyboard.type("b@x.example")
    until(console, lambda: specimens.sent("/draft")[-1].get("cc") == "b@x.example")
    assert specimens.sent("/draft")[-1]["body"] == "Oi"
