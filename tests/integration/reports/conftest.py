"""A working day and a supervisor before her board."""

from collections.abc import Callable

import pytest
from flask import Flask

from helpdesk.app import create_app
from helpdesk.services import Services
from helpdesk.translations.catalogue import compile_catalogues
from tests.browser import Browser
from tests.conftest import TestClock
from tests.integration.reports.day import Day


@pytest.fixture
def app(services: Services) -> Flask:
    compile_catalogues()
    return create_app(services.settings, services)


@pytest.fixture
def day(services: Services, clock: TestClock) -> Day:
    return Day(services, clock)


@pytest.fixture
def signed_in(app: Flask) -> Callable[[str], Browser]:
    def make(email: str) -> Browser:
        browser = Browser(app)
        assert browser.sign_in(email).status_code == 303
        return browser

    return make
