"""Every screen renders from its dataclasses, in both languages, full and empty."""

import re
from dataclasses import replace

import pytest
from flask import render_template
from flask.testing import FlaskClient

from helpdesk.tickets.screen import MessageItem, plain
from tests.specimens import samples
from tests.specimens.app import create_specimens

PAGES = (
    "/login",
    "/login?error=locked",
    "/inbox",
    "/inbox?empty",
    "/inbox/48213",
    "/queue",
    "/tickets/1/timeline?after=0",
    "/tickets/1/header",
    "/tickets/1/panel",
)


@pytest.fixture
def client() -> FlaskClient:
    return create_specimens().test_client()


def page(client: FlaskClient, address: str, language: str = "pt_BR") -> str:
    separator = "&" if "?" in address else "?"
    answer = client.get(f"{address}{separator}lang={language}")
    assert answer.status_code == 200
    return answer.text


@pytest.mark.parametrize("language", ["pt_BR", "en"])
@pytest.mark.parametrize("address", PAGES)
def test_a_screen_renders_with_every_id_once(
    client: FlaskClient, address: str, language: str
) -> None:
    ids = re.findall(r'\sid="([^"]+)"', page(client, address, language))
    assert len(ids) == len(set(ids))


def test_the_console_offers_the_regions_that_scripts_refresh(client: FlaskClient) -> None:
    html = page(client, "/inbox/48213")
    for region in (
        "shell", "queue", "queue-list", "work", "conversation", "conversation-header", "presence",
        "collision", "timeline", "timeline-items", "composer", "drawer", "panel", "not-live",
    ):  # fmt: skip
        assert f'id="{region}"' in html


def test_each_region_comes_alone_when_it_is_asked_for_alone(client: FlaskClient) -> None:
    answer = client.get("/inbox/48213", headers={"HX-Request-Type": "partial"})
    assert answer.text.strip().startswith('<div class="work" id="work"')
    assert "<html" not in answer.text


def test_amounts_and_words_follow_the_language(client: FlaskClient) -> None:
    assert "R$\u00a01.255,48" in page(client, "/queue")
    english = page(client, "/queue", "en")
    assert "R$1,255.48" in english
    assert "Past due" in english


def test_what_a_customer_writes_is_never_markup(client: FlaskClient) -> None:
    app = create_specimens()
    hostile = MessageItem(
        1, "in", "email", samples.MARIANA, samples.NOW, plain("<img src=x onerror=alert(1)>")
    )
    with app.test_request_context("/?lang=en"):
        app.preprocess_request()
        html = render_template(
            "console/timeline.html", timeline=replace(samples.timeline(), items=(hostile,))
        )
    assert "<img" not in html
    assert "&lt;img src=x" in html
