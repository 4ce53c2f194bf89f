"""The web application on a fresh SQLite file, and browsers in front of it."""

from collections.abc import Callable

import pytest
from flask import Flask

from helpdesk.app import create_app
from helpdesk.services import Services
from tests.browser import Browser, hire


@pytest.fixture
def app(services: Services) -> Flask:
    return create_app(services.settings, services)


@pytest.fixture
def browser(app: Flask) -> Browser:
    return Browser(app)


@pytest.fixture
def signed_in(app: Flask, services: Services) -> Callable[[str], Browser]:
    """Return a function that gives a browser in which somebody of that role is signed in."""

    def make(role: str) -> Browser:
        browser = Browser(app)
        answer = browser.sign_in(hire(services, role))
        assert answer.status_code == 303, answer.text
        return browser

    return make
