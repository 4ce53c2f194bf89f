"""An organisation with played channels, on SQLite and on each database."""

from collections.abc import Callable, Iterator
from uuid import UUID

import pytest

from helpdesk.services import Services
from tests.integration.inbox.world import World, mail
from tests.integration.outbox.house import House, open_house


@pytest.fixture
def world(make_services: Callable[..., Services], sqlite_url: str) -> World:
    return World.build(make_services, sqlite_url)


@pytest.fixture
def world_on_both(make_services: Callable[..., Services], database_url: str) -> World:
    return World.build(make_services, database_url)


@pytest.fixture
def ticket_id(world: World) -> UUID:
    """A conversation that began with a mail of Ana's."""
    return world.ticket_of(world.arrives(mail("7:1", message_id="hers@x"))).id


@pytest.fixture
def ticket_on_both(world_on_both: World) -> UUID:
    return world_on_both.ticket_of(world_on_both.arrives(mail("7:1", message_id="hers@x"))).id


@pytest.fixture
def house(make_services: Callable[..., Services], sqlite_url: str) -> Iterator[House]:
    with open_house(make_services, sqlite_url) as house:
        yield house
