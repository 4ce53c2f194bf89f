"""Who gets through which door: every route there is, for every kind of visitor."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from helpdesk.app import create_app
from helpdesk.services import Services
from helpdesk.staff.policy import GRANTS, may
from helpdesk.web import features
from helpdesk.web.access import PolicyMissing, public, requires
from tests.browser import Browser, hire

SAMPLE = {
    "UUIDConverter": "018f2f7e-7b1c-7cc0-8000-000000000000",
    "IntegerConverter": 1,
    "FloatConverter": 1.0,
    "UnicodeConverter": "x",
    "PathConverter": "x",
    "AnyConverter": None,  # its first choice
}


def doors(app: Flask) -> Iterator[tuple[str, str, str]]:
    """Yield (method, address, policy) of every route with something plausible filled in."""
    with app.test_request_context():
        adapter = app.url_map.bind("localhost")
    for rule in app.url_map.iter_rules():
        address = adapter.build(rule.endpoint, _filled_in(rule), force_external=False)
        view: Any = app.view_functions[rule.endpoint]
        policy: str = view.policy
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield method, address, policy


def _filled_in(rule: Rule) -> dict[str, Any]:
    values = {}
    for name, converter in rule._converters.items():
        kind = type(converter).__name__
        values[name] = next(iter(converter.items)) if kind == "AnyConverter" else SAMPLE[kind]  # type: ignore[attr-defined]
    return values


def knock(browser: Browser, method: str, address: str) -> TestResponse:
    return browser.client.open(address, method=method)


def is_sent_away(answer: TestResponse) -> bool:
    """True for "sign in first", however it is said."""
    return answer.status_code == 401 or (
        answer.status_code in (302, 303) and answer.location.startswith("/login")
    )


@pytest.fixture
def open_app(app: Flask) -> Flask:
    """The application without form tokens, so that the policy alone decides."""
    app.config["WTF_CSRF_ENABLED"] = False
    return app


def test_a_visitor_gets_nothing_but_what_is_declared_public(open_app: Flask) -> None:
    let_in = [
        f"{method} {address} ({policy})"
        for method, address, policy in doors(open_app)
        if not policy.startswith("public: ")
        and not is_sent_away(knock(Browser(open_app), method, address))
    ]
    assert let_in == []


@pytest.mark.parametrize("role", sorted(GRANTS))
def test_a_role_gets_what_its_policy_grants_and_nothing_more(
    role: str, open_app: Flask, services: Services
) -> None:
    email = hire(services, role)
    browser = Browser(open_app)
    browser.sign_in(email)
    wrong = []
    for method, address, policy in sorted(doors(open_app), key=lambda door: door[1] == "/logout"):
        if policy.startswith("public: "):
            continue
        answer = knock(browser, method, address)
        status = answer.status_code
        signed_out = is_sent_away(answer) and address != "/logout"
        if (status == 403) == may(role, policy) or status >= 500 or signed_out:
            wrong.append(f"{method} {address} ({policy}): {status}")
    assert wrong == []


def test_the_matrix_covers_every_route(app: Flask) -> None:
    addressed = {address for _, address, _ in doors(app)}
    assert {"/", "/login", "/logout", "/metrics"} <= addressed
    assert len(list(doors(app))) >= len(list(app.url_map.iter_rules()))


def with_extra_route(
    monkeypatch: pytest.MonkeyPatch, services: Services, view: Callable[[], str]
) -> None:
    """Start the product with one more feature that has this view."""
    from flask import Blueprint

    extra = Blueprint("extra", __name__)
    extra.add_url_rule("/extra", view_func=view)
    known = features.blueprints()
    monkeypatch.setattr(features, "blueprints", lambda: [*known, extra])
    create_app(services.settings, services)


def plain() -> Callable[[], str]:
    """Return a view of its own each time: declaring a policy marks it for good."""

    def view() -> str:
        return "hello"

    return view


def test_the_product_does_not_start_with_a_route_that_declares_no_policy(
    monkeypatch: pytest.MonkeyPatch, services: Services
) -> None:
    with pytest.raises(PolicyMissing, match="/extra declares no policy"):
        with_extra_route(monkeypatch, services, plain())


def test_the_product_does_not_start_with_a_permission_that_does_not_exist(
    monkeypatch: pytest.MonkeyPatch, services: Services
) -> None:
    with pytest.raises(PolicyMissing, match=r"unknown permission: ticket\.raed"):
        with_extra_route(monkeypatch, services, requires("ticket.raed")(plain()))


def test_the_product_starts_with_the_same_route_once_it_has_a_policy(
    monkeypatch: pytest.MonkeyPatch, services: Services
) -> None:
    with_extra_route(monkeypatch, services, public("says hello")(plain()))


def test_the_product_does_not_start_with_a_socket_event_that_declares_no_policy(
    monkeypatch: pytest.MonkeyPatch, services: Services
) -> None:
    from flask_socketio import Namespace

    class Careless(Namespace):  # type: ignore[misc]
        def on_peek(self, data: object) -> None: ...

    monkeypatch.setattr(features, "namespaces", lambda _services: {"/extra": Careless("/extra")})
    with pytest.raises(PolicyMissing, match="socket /extra peek declares no policy"):
        create_app(services.settings, services)
