"""What every answer carries, whatever it answers."""

import io
import json
from collections.abc import Callable
from contextlib import redirect_stderr
from dataclasses import replace

import pytest
from flask import Flask, g

from helpdesk.app import create_app
from helpdesk.services import Services
from tests.browser import Browser

ANSWERS = [
    "/login",
    "/",
    "/no-such-page",
    "/static/ui/ui.css",
    "/static/none.css",
    "/healthz",
    "/boom",
]


@pytest.fixture
def browser(app: Flask) -> Browser:
    def boom() -> str:
        password = "what somebody typed"
        raise ZeroDivisionError(len(password))

    def framed() -> str:
        g.frame_ancestors = "https://shop.example"
        return "widget"

    app.add_url_rule("/boom", view_func=boom)
    app.add_url_rule("/framed", view_func=framed)
    return Browser(app)


@pytest.mark.parametrize("address", ANSWERS)
def test_every_answer_forbids_inline_code_framing_and_guessing(
    browser: Browser, address: str
) -> None:
    headers = browser.get(address).headers
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["object-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["connect-src"] == "'self' ws://localhost"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Referrer-Policy"] == "same-origin"
    assert "geolocation=()" in headers["Permissions-Policy"]
    assert headers["X-Request-ID"]
    assert "Strict-Transport-Security" not in headers


@pytest.mark.parametrize(
    ("address", "policy"),
    [
        ("/login", "no-store"),
        ("/no-such-page", "no-store"),
        ("/static/ui/ui.css", "no-cache"),
        ("/static/vendor/htmx-4.0.1/htmx.min.js", "public, max-age=31536000, immutable"),
    ],
)
def test_only_pinned_files_are_kept_by_browsers(
    browser: Browser, address: str, policy: str
) -> None:
    assert browser.get(address).headers["Cache-Control"] == policy


def test_a_view_may_be_framed_only_by_whom_it_names(browser: Browser) -> None:
    headers = browser.get("/framed").headers
    assert "frame-ancestors https://shop.example;" in headers["Content-Security-Policy"]
    assert "X-Frame-Options" not in headers
    assert headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert "frame-ancestors 'none'" in browser.get("/login").headers["Content-Security-Policy"]


def test_an_https_site_insists_on_https(services: Services) -> None:
    settings = replace(services.settings, public_url="https://desk.example")
    app = create_app(settings, replace(services, settings=settings))
    headers = app.test_client().get("/healthz").headers
    assert headers["Strict-Transport-Security"].startswith("max-age=31536000")
    assert "wss://desk.example" in headers["Content-Security-Policy"]


@pytest.mark.parametrize("given", ["abcdef12-3456", "A" * 64])
def test_a_plain_request_id_is_kept(browser: Browser, given: str) -> None:
    answer = browser.get("/healthz", headers={"X-Request-ID": given})
    assert answer.headers["X-Request-ID"] == given


@pytest.mark.parametrize("given", ["short", "A" * 65, "has spaces in it", '{"a":"b"}xx', "é" * 9])
def test_a_strange_request_id_is_replaced(browser: Browser, given: str) -> None:
    answer = browser.get("/healthz", headers={"X-Request-ID": given})
    assert answer.headers["X-Request-ID"] not in ("", given)


def logged(act: Callable[[], object]) -> list[dict[str, object]]:
    text = io.StringIO()
    with redirect_stderr(text):
        act()
    return [json.loads(line) for line in text.getvalue().splitlines()]


def test_each_request_is_one_line_with_its_id_and_its_pattern(browser: Browser) -> None:
    lines = logged(
        lambda: browser.get("/healthz?token=secret", headers={"X-Request-ID": "abcd1234"})
    )
    assert len(lines) == 1
    line = lines[0]
    assert (line["request_id"], line["route"], line["status"]) == ("abcd1234", "/healthz", 200)
    assert "secret" not in str(lines)


def test_the_trace_of_a_defect_is_logged_without_the_values_of_variables(browser: Browser) -> None:
    text = json.dumps(logged(lambda: browser.get("/boom")))
    assert "ZeroDivisionError" in text
    assert "what somebody typed" not in text
