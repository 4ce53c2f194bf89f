"""An admin at the screens of the mailboxes, and a mail server that keeps what it is sent."""

from collections.abc import Iterator

import pytest
from flask import Flask

from helpdesk.app import create_app
from helpdesk.services import Services
from helpdesk.translations.catalogue import compile_catalogues
from tests.browser import Browser, hire
from tests.servers.smtp_sink import SmtpSink, running_smtp_sink


@pytest.fixture
def app(services: Services) -> Flask:
    compile_catalogues()
    return create_app(services.settings, services)


@pytest.fixture
def admin(app: Flask, services: Services) -> Browser:
    browser = Browser(app)
    browser.sign_in(hire(services, "admin"))
    browser.post("/preferences/language", {"language": "en"})
    return browser


@pytest.fixture
def sink() -> Iterator[SmtpSink]:
    with running_smtp_sink() as server:
        yield server
