"""The console on a fresh SQLite file, with people signed in before it."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from flask import Flask
from sqlalchemy import select

from helpdesk.app import create_app
from helpdesk.services import Services
from helpdesk.staff.agent import Agent
from helpdesk.staff.model import Staff
from helpdesk.staff.service import session_agent
from helpdesk.translations.catalogue import compile_catalogues
from tests.browser import Browser, hire


@pytest.fixture
def app(services: Services) -> Flask:
    compile_catalogues()
    return create_app(services.settings, services)


@dataclass(frozen=True, slots=True)
class Seat:
    """Somebody at work: her browser, and who the product takes her for."""

    browser: Browser
    agent: Agent


@pytest.fixture
def seat(app: Flask, services: Services) -> Callable[..., Seat]:
    """Return a function that hires somebody and signs her in; English, unless it matters."""

    def make(name: str = "Ana", role: str = "agent", **facts: object) -> Seat:
        browser = Browser(app)
        email = hire(services, role, name=name, email=f"{name.lower()}@sabia.example", **facts)
        with services.begin() as tx:
            tx.session.scalars(select(Staff).where(Staff.email == email)).one().language = "en"
        assert browser.sign_in(email).status_code == 303
        agent = session_agent(services, browser.token)
        assert agent is not None
        return Seat(browser, agent)

    return make
