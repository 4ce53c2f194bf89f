"""Who may load the script, frame the window, and what each page lets the browser do."""

from dataclasses import replace

import pytest

from helpdesk.app import create_app
from tests.browser import Browser
from tests.integration.widget.visitor import SHOP, ChatWorld


@pytest.fixture
def browser(chat: ChatWorld) -> Browser:
    return Browser(chat.app)


def policy_of(browser: Browser, address: str) -> dict[str, str]:
    headers = browser.get(address).headers
    return dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))


def test_any_site_may_load_the_script(browser: Browser) -> None:
    answer = browser.get("/widget.js")
    assert answer.status_code == 200
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    assert answer.mimetype == "text/javascript"
    again = browser.get("/widget.js", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304


def test_the_script_has_the_company_s_colour_and_an_ink_that_can_be_read_on_it(
    chat: ChatWorld,
) -> None:
    settings = replace(chat.services.settings, widget_colour="#FFD400")
    app = create_app(settings, replace(chat.services, settings=settings))
    assert '"colour": "#FFD400", "ink": "#12161F"' in Browser(app).get("/widget.js").text
    assert "--w: #FFD400; --w-ink: #12161F;" in Browser(app).get("/chat/theme.css").text


def test_the_window_may_be_framed_by_the_sites_that_were_named_and_by_ours(
    browser: Browser,
) -> None:
    assert policy_of(browser, "/chat/frame")["frame-ancestors"] == f"'self' {SHOP}"
    headers = browser.get("/chat/frame").headers
    assert "X-Frame-Options" not in headers
    assert headers["Cross-Origin-Resource-Policy"] == "cross-origin"


def test_without_named_sites_only_ours_may_frame_it(chat: ChatWorld) -> None:
    settings = replace(chat.services.settings, site_origins=())
    app = create_app(settings, replace(chat.services, settings=settings))
    assert policy_of(Browser(app), "/chat/frame")["frame-ancestors"] == "'self'"


@pytest.mark.parametrize(
    "address", ["/login", "/site", "/chat/theme.css", "/chat/messages", "/static/widget/frame.js"]
)
def test_everything_else_may_be_framed_by_nobody(browser: Browser, address: str) -> None:
    assert policy_of(browser, address)["frame-ancestors"] == "'none'"
    assert browser.get(address).headers["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize("address", ["/chat/frame", "/site"])
def test_neither_page_may_run_anything_of_its_own(browser: Browser, address: str) -> None:
    policy = policy_of(browser, address)
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["default-src"] == "'none'"


def test_what_a_visitor_reads_is_kept_by_no_cache(chat: ChatWorld) -> None:
    answer = chat.app.test_client().get("/chat/messages", headers=chat.visitor().headers())
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"


@pytest.mark.parametrize(
    ("asked", "spoken"), [("en", "en"), ("en-GB", "en"), ("pt-BR", "pt-BR"), ("xx", "pt-BR")]
)
def test_the_window_speaks_the_language_of_the_page_around_it(
    browser: Browser, asked: str, spoken: str
) -> None:
    page = browser.get(f"/chat/frame?lang={asked}").text
    assert f'<html lang="{spoken}">' in page
    assert ("Write your message" in page) == (spoken == "en")


def test_the_sample_page_is_served_only_where_it_is_asked_for(chat: ChatWorld) -> None:
    assert Browser(chat.app).get("/site").status_code == 200
    settings = replace(chat.services.settings, sample_site=False)
    app = create_app(settings, replace(chat.services, settings=settings))
    assert Browser(app).get("/site").status_code == 404


def test_the_sample_page_vouches_only_for_customers_it_knows(chat: ChatWorld) -> None:
    chat.customer("Mariana Prado", external="mariana.prado")
    browser = Browser(chat.app)
    assert "Mariana Prado" in browser.get("/site?as=mariana.prado").text
    assert "data-identity" in browser.get("/site?as=mariana.prado").text
    assert "data-identity" not in browser.get("/site?as=nobody").text
    assert "data-identity" not in browser.get("/site").text
