"""Who is at the chat: what is asked of her first, and what never reaches the next one."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.chat_site import ChatSite
from tests.e2e.specimens import chromium
from tests.e2e.visitor import (
    browser,
    open_chat,
    open_chat_again,
    say,
    site,
    until,
    visit,
)

__all__ = ["browser", "site", "visit"]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium() is None, reason="chromium is not installed"),
]


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
