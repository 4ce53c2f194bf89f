"""Visitors in front of the application, on SQLite and on each database."""

from collections.abc import Callable

import pytest

from helpdesk.services import Services
from tests.integration.widget.visitor import ChatWorld


@pytest.fixture
def chat(make_services: Callable[..., Services], sqlite_url: str) -> ChatWorld:
    return ChatWorld.build(make_services(sqlite_url))


@pytest.fixture
def chat_on_both(make_services: Callable[..., Services], database_url: str) -> ChatWorld:
    return ChatWorld.build(make_services(database_url))
