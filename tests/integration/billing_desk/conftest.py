"""The billing desk's fixtures: a desk on SQLite, and one on each database."""

from collections.abc import Callable

import pytest

from helpdesk.services import Services
from tests.integration.billing_desk.world import Desk, GatewayInMemory, build


@pytest.fixture
def gateway() -> GatewayInMemory:
    return GatewayInMemory()


@pytest.fixture
def desk(make_services: Callable[..., Services], sqlite_url: str, gateway: GatewayInMemory) -> Desk:
    return build(make_services(sqlite_url, gateways={gateway.name: gateway}), gateway)


@pytest.fixture
def desk_on_both(
    make_services: Callable[..., Services], database_url: str, gateway: GatewayInMemory
) -> Desk:
    return build(make_services(database_url, gateways={gateway.name: gateway}), gateway)
