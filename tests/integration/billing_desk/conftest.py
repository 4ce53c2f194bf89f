"""The billing desk's fixtures: a desk on SQLite, and one on each database."""

from collections.abc import Callable

import pytest
from flask import Flask

from helpdesk.app import create_app
from helpdesk.customers.model import Handle
from helpdesk.services import Services
from helpdesk.translations.catalogue import compile_catalogues
from tests.browser import Browser, hire
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


@pytest.fixture
def app(desk: Desk) -> Flask:
    compile_catalogues()
    with desk.services.begin() as tx:
        tx.session.add(
            Handle(
                id=tx.new_id(),
                customer_id=desk.customer_id,
                kind="email",
                value="mariana@exemplo.com.br",
                verified_at=tx.at,
            )
        )
    return create_app(desk.services.settings, desk.services)


@pytest.fixture
def sign_in(app: Flask, desk: Desk) -> Callable[..., Browser]:
    """Return a function that signs a new person of that role in."""

    def make(role: str = "agent", **facts: object) -> Browser:
        browser = Browser(app)
        values = {"language": "en", "act_limit_minor": 100_00, "day_limit_minor": 500_00}
        values |= {"customer_limit_minor": 500_00, **facts}
        assert browser.sign_in(hire(desk.services, role, **values)).status_code == 303
        return browser

    return make
