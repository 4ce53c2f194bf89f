"""What ends a session, and how soon."""

from collections.abc import Callable

import pytest
from flask import Flask, request
from flask_socketio import Namespace, SocketIO, SocketIOTestClient, join_room

from helpdesk.errors import WrongPassword
from helpdesk.realtime.relay import CONSOLE, session_room
from helpdesk.services import Services
from helpdesk.staff import service
from helpdesk.staff.agent import Agent
from helpdesk.staff.service import SignInAsk, session_agent, sign_in
from tests.browser import PASSWORD, Browser, hire
from tests.conftest import TestClock

SignedIn = Callable[[str], Browser]


def agent_in(services: Services, browser: Browser) -> Agent:
    agent = session_agent(services, browser.token)
    assert agent is not None
    return agent


def is_signed_in(browser: Browser) -> bool:
    return browser.get("/").location == "/inbox"


def test_signing_out_ends_the_session_also_for_who_copied_the_cookie(
    services: Services, signed_in: SignedIn
) -> None:
    browser = signed_in("agent")
    copied = browser.token
    assert is_signed_in(browser)
    assert browser.post("/logout").status_code == 303
    assert session_agent(services, copied) is None
    assert not is_signed_in(browser)


def test_a_session_ends_after_12_hours(
    services: Services, signed_in: SignedIn, clock: TestClock
) -> None:
    browser = signed_in("agent")
    clock.forward(hours=11, minutes=59)
    assert is_signed_in(browser)
    clock.forward(minutes=1)
    assert not is_signed_in(browser)


def test_a_cookie_from_before_signing_in_is_never_adopted(
    browser: Browser, services: Services
) -> None:
    email = hire(services)
    browser.client.set_cookie("guiche_session", "planted-by-somebody-else")
    browser.sign_in(email)
    first = browser.token
    assert first not in ("", "planted-by-somebody-else")
    assert session_agent(services, "planted-by-somebody-else") is None
    browser.sign_in(email)
    assert browser.token not in ("", first)
    assert session_agent(services, first) is None, "the browser's old session lives on"


def test_form_tokens_from_before_signing_in_are_worth_nothing_after_it(
    browser: Browser, services: Services
) -> None:
    before = browser.form_token()
    browser.sign_in(hire(services))
    answer = browser.client.post("/preferences/theme", data={"theme": "dark", "csrf_token": before})
    assert answer.status_code == 400


def test_a_new_password_ends_every_other_session(services: Services, signed_in: SignedIn) -> None:
    browser = signed_in("agent")
    agent = agent_in(services, browser)
    elsewhere = sign_in(services, SignInAsk(agent.email, PASSWORD)).token
    service.change_password(services, agent, current=PASSWORD, new="a much better one")
    assert session_agent(services, elsewhere) is None
    assert is_signed_in(browser)
    with pytest.raises(WrongPassword):
        sign_in(services, SignInAsk(agent.email, PASSWORD))
    assert sign_in(services, SignInAsk(agent.email, "a much better one")).token


def test_a_new_password_needs_the_old_one(services: Services, signed_in: SignedIn) -> None:
    agent = agent_in(services, signed_in("agent"))
    with pytest.raises(WrongPassword):
        service.change_password(services, agent, current="a guess", new="a much better one")


def test_another_role_and_being_disabled_end_a_session_at_once(
    services: Services, signed_in: SignedIn
) -> None:
    admin = agent_in(services, signed_in("admin"))
    promoted, gone = signed_in("supervisor"), signed_in("agent")
    service.change_role(services, admin, agent_in(services, promoted).id, role="agent")
    service.disable_staff(services, admin, agent_in(services, gone).id)
    assert not is_signed_in(promoted)
    assert not is_signed_in(gone)


class Listening(Namespace):  # type: ignore[misc]
    """Joins its browser's room, as the console does."""

    def __init__(self, services: Services) -> None:
        super().__init__(CONSOLE)
        self.services = services

    def on_connect(self, _auth: object = None) -> bool:
        agent = session_agent(self.services, request.cookies.get("guiche_session", ""))
        if agent is None:
            return False
        join_room(session_room(agent.session_id))
        return True


def test_signing_out_closes_the_open_sockets_of_that_session_only(
    services: Services, signed_in: SignedIn, app: Flask
) -> None:
    socketio: SocketIO = app.extensions["socketio"]
    socketio.on_namespace(Listening(services))

    def connect(browser: Browser) -> SocketIOTestClient:
        return socketio.test_client(app, namespace=CONSOLE, flask_test_client=browser.client)

    leaving, staying = signed_in("agent"), signed_in("supervisor")
    ended, kept = connect(leaving), connect(staying)
    assert ended.is_connected(CONSOLE)
    leaving.post("/logout")
    assert not ended.is_connected(CONSOLE)
    assert kept.is_connected(CONSOLE)
    assert kept.get_received(CONSOLE) == []


class FarAway:
    """The write-only twin of a Socket.IO server, as a worker has it."""

    def __init__(self, *, broken: bool = False) -> None:
        self.told: list[tuple[str, str]] = []
        self.broken = broken

    def emit(self, event: str, data: object, *, namespace: str, to: str) -> None:
        if self.broken:
            raise ConnectionError("no broker")
        self.told.append((event, to))


def test_browsers_connected_to_another_process_are_told(
    services: Services, signed_in: SignedIn
) -> None:
    browser = signed_in("agent")
    session_id = agent_in(services, browser).session_id
    far = FarAway()
    services.relay.connect(far)
    browser.post("/logout")
    assert far.told == [("signed_out", f"session:{session_id}")]


def test_a_session_ends_also_when_nobody_can_be_told(
    services: Services, signed_in: SignedIn
) -> None:
    browser = signed_in("agent")
    services.relay.connect(FarAway(broken=True))
    assert browser.post("/logout").status_code == 303
    assert not is_signed_in(browser)


def test_what_somebody_likes_is_kept(services: Services, signed_in: SignedIn) -> None:
    browser = signed_in("agent")
    back = browser.post(
        "/preferences/theme", {"theme": "dark"}, headers={"Referer": "http://localhost/inbox?q=1"}
    )
    assert back.location == "/inbox?q=1"
    assert browser.post("/preferences/language", {"language": "en"}, htmx=True).status_code == 204
    agent = agent_in(services, browser)
    assert (agent.theme, agent.language) == ("dark", "en")
    assert browser.post("/preferences/theme", {"theme": "plaid"}).status_code == 422


def test_the_sign_in_page_speaks_the_language_of_the_browser(browser: Browser) -> None:
    def lang(**headers: str) -> str:
        page = browser.get("/login", headers=headers).text
        return page.split('<html lang="')[1].split('"')[0]

    assert lang() == "pt-BR"  # the company's
    assert lang(**{"Accept-Language": "en-GB,en;q=0.9"}) == "en"
    back = browser.post(
        "/preferences/language", {"language": "en"}, headers={"Referer": "http://localhost/login"}
    )
    assert back.location == "/login"
    assert lang(**{"Accept-Language": "pt-BR"}) == "en"
