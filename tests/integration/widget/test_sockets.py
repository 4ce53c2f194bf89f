"""The visitor's socket: a room of her own, hints, typing, and nothing else."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from flask_socketio import SocketIO, SocketIOTestClient

from helpdesk.realtime.relay import CHAT, CONSOLE
from helpdesk.staff.service import SignInAsk, sign_in
from helpdesk.tickets.desk import note, read
from helpdesk.web.access import SESSION_COOKIE
from tests.browser import PASSWORD
from tests.browser import hire as hire_with_password
from tests.conftest import TestClock, drain
from tests.integration.tickets.desk import hire
from tests.integration.widget.visitor import SHOP, ChatWorld, Visitor


@pytest.fixture
def connect(chat: ChatWorld) -> Iterator[Callable[..., SocketIOTestClient]]:
    """Return a function that opens a visitor's socket with whatever she sends as proof."""
    opened: list[SocketIOTestClient] = []

    def open_socket(auth: Any) -> SocketIOTestClient:
        socketio: SocketIO = chat.app.extensions["socketio"]
        client = socketio.test_client(chat.app, namespace=CHAT, auth=auth)
        opened.append(client)
        return client

    yield open_socket
    for client in opened:
        if client.is_connected(CHAT):
            client.disconnect(CHAT)


def heard(client: SocketIOTestClient, namespace: str = CHAT) -> list[str]:
    return [event["name"] for event in client.get_received(namespace)]


def line_of(connect: Callable[..., SocketIOTestClient], visitor: Visitor) -> SocketIOTestClient:
    client = connect({"secret": visitor.secret})
    assert client.is_connected(CHAT)
    return client


@pytest.mark.parametrize(
    "auth",
    [None, {}, {"secret": ""}, {"secret": "guess"}, {"secret": ["A" * 43]}, "A" * 43, [1]],
    ids=str,
)
def test_without_a_secret_there_is_no_line(
    connect: Callable[..., SocketIOTestClient], auth: Any
) -> None:
    assert not connect(auth).is_connected(CHAT)


def test_an_answer_is_a_hint_to_her_and_to_nobody_else(
    chat: ChatWorld, connect: Callable[..., SocketIOTestClient]
) -> None:
    ana, bia = chat.visitor(), chat.visitor()
    ana.says("hello")
    hers, others = line_of(connect, ana), line_of(connect, bia)
    chat.answers(chat.ticket().id, "hi, the code is 1234")
    received = hers.get_received(CHAT)
    assert "hint" in [event["name"] for event in received]
    assert "1234" not in str(received)  # a hint says that something is new, never what
    assert heard(others) == []


def test_two_tabs_of_one_browser_both_hear(
    chat: ChatWorld, connect: Callable[..., SocketIOTestClient]
) -> None:
    ana = chat.visitor()
    ana.says("hello")
    tabs = [line_of(connect, ana), line_of(connect, ana)]
    chat.answers(chat.ticket().id, "hi")
    assert all("hint" in heard(tab) for tab in tabs)


def test_a_note_is_not_even_a_hint(
    chat: ChatWorld, connect: Callable[..., SocketIOTestClient]
) -> None:
    ana = chat.visitor()
    ana.says("hello")
    line = line_of(connect, ana)
    agent = hire(chat.services, "Bruna")
    note(
        chat.services, agent, chat.ticket().id, body="careful with her", client_msg_id=str(uuid4())
    )
    drain(chat.services)
    assert heard(line) == []


def test_that_she_was_read_is_a_hint(
    chat: ChatWorld, connect: Callable[..., SocketIOTestClient]
) -> None:
    ana = chat.visitor()
    ana.says("hello")
    line = line_of(connect, ana)
    read(chat.services, hire(chat.services, "Bruna"), chat.ticket().id, 99)
    assert heard(line) == ["hint"]


def test_she_cannot_name_a_room_to_listen_in(
    chat: ChatWorld, connect: Callable[..., SocketIOTestClient]
) -> None:
    ana, bia = chat.visitor(), chat.visitor()
    ana.says("hello")
    key = chat.ticket().chat_key
    line = line_of(connect, bia)
    for event in ("join", "watch", "subscribe"):
        line.emit(event, {"room": f"chat:{key}", "secret": ana.secret}, namespace=CHAT)
    chat.answers(chat.ticket().id, "hi")
    assert heard(line) == []


@pytest.mark.parametrize("origin", ["https://evil.example", SHOP, "null", "http://localhost.evil"])
def test_a5_a_page_of_another_site_opens_no_socket_of_ours(chat: ChatWorld, origin: str) -> None:
    # The widget's frame is a page of ours: not even a site that may show it speaks to the socket.
    handshake = "/socket.io/?EIO=4&transport=websocket"
    refused = chat.app.test_client().get(handshake, headers={"Origin": origin})
    assert (refused.status_code, "Not an accepted origin" in refused.text) == (400, True)
    ours = {"Origin": chat.services.settings.public_url}
    assert "Not an accepted origin" not in chat.app.test_client().get(handshake, headers=ours).text


def test_five_events_that_nobody_knows_end_the_line(
    chat: ChatWorld, connect: Callable[..., SocketIOTestClient]
) -> None:
    line = line_of(connect, chat.visitor())
    for _ in range(4):
        answer = line.emit("base", {"event": "base"}, namespace=CHAT, callback=True)
        assert answer == {"ok": False, "error": "unknown_event"}
    assert line.is_connected(CHAT)
    line.emit("base", namespace=CHAT)
    assert not line.is_connected(CHAT)


def test_her_typing_reaches_who_has_the_conversation_open_at_most_every_two_seconds(
    chat: ChatWorld, connect: Callable[..., SocketIOTestClient], clock: TestClock
) -> None:
    ana = chat.visitor()
    ana.says("hello")
    console = watching(chat)
    line = line_of(connect, ana)
    for _ in range(10):
        assert line.emit("typing", namespace=CHAT, callback=True) == {"ok": True}
    typed = [event for event in console.get_received(CONSOLE) if event["name"] == "typing"]
    assert len(typed) == 1
    told = {"ticket_id": str(chat.ticket().id), "name": "Visitante", "typing": True}
    assert typed[0]["args"] == [told]
    clock.forward(seconds=2)
    line.emit("typing", namespace=CHAT)
    assert "typing" in heard(console, CONSOLE)


def test_a_reply_being_written_is_told_by_first_name_and_a_note_is_not(
    chat: ChatWorld, connect: Callable[..., SocketIOTestClient]
) -> None:
    ana, bia = chat.visitor(), chat.visitor()
    ana.says("hello")
    line, other = line_of(connect, ana), line_of(connect, bia)
    console = watching(chat)
    ticket_id = str(chat.ticket().id)
    heard(line)
    console.emit("typing", {"ticket_id": ticket_id, "kind": "note"}, namespace=CONSOLE)
    assert heard(line) == []
    console.emit("typing", {"ticket_id": ticket_id, "kind": "reply"}, namespace=CONSOLE)
    (event,) = line.get_received(CHAT)
    assert (event["name"], event["args"]) == ("staff_typing", [{"name": "Camila"}])
    assert heard(other) == []


def watching(chat: ChatWorld) -> SocketIOTestClient:
    """Return the socket of somebody who has the only conversation open in the console."""
    email = hire_with_password(chat.services, name="Camila Duarte")
    signed = sign_in(chat.services, SignInAsk(email, PASSWORD))
    client = chat.app.test_client()
    client.set_cookie(SESSION_COOKIE, signed.token)
    socketio: SocketIO = chat.app.extensions["socketio"]
    console = socketio.test_client(chat.app, namespace=CONSOLE, flask_test_client=client)
    assert console.is_connected(CONSOLE)
    watch = {"ticket_id": str(chat.ticket().id), "after_seq": 0}
    assert console.emit("watch", watch, namespace=CONSOLE, callback=True)["ok"]
    console.get_received(CONSOLE)
    return console
