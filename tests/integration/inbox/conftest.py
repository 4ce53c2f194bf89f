"""An organisation with played channels, on SQLite and on each database."""

from collections.abc import Callable

import pytest

from helpdesk.services import Services
from tests.integration.inbox.world import World


@pytest.fixture
def world(make_services: Callable[..., Services], sqlite_url: str) -> World:
    return World.build(make_services, sqlite_url)


@pytest.fixture
def world_on_both(make_services: Callable[..., Services], database_url: str) -> World:
    return World.build(make_services, database_url)
