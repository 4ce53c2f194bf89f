"""The console's socket: who gets in, what was missed, who is looking."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask_socketio import SocketIO, SocketIOTestClient, join_room

from helpdesk.realtime.relay import CONSOLE
from helpdesk.services import Services
from helpdesk.staff.service import sign_out
from helpdesk.tickets import desk, sockets
from helpdesk.tickets.timeline import events_after
from helpdesk.web.access import SESSION_COOKIE
from tests.conftest import TestClock
from tests.integration.tickets.conftest import Seat
from tests.integration.tickets.desk import (
    customer_writes,
    make_team,
    read_ticket,
    staff_writes,
)


@pytest.fixture
def connect(app: Flask) -> Iterator[Callable[[Seat], SocketIOTestClient]]:
    """Return a function that opens the socket of somebody's browser."""
    opened: list[SocketIOTestClient] = []

    def make(seat: Seat) -> SocketIOTestClient:
        opened.append(open_socket(app, seat.browser.token))
        assert opened[-1].is_connected(CONSOLE)
        return opened[-1]

    yield make
    for client in opened:
        if client.is_connected(CONSOLE):
            client.disconnect(namespace=CONSOLE)


def open_socket(app: Flask, token: str) -> SocketIOTestClient:
    socketio: SocketIO = app.extensions["socketio"]
    headers = {"Cookie": f"{SESSION_COOKIE}={token}"} if token else {}
    return socketio.test_client(app, namespace=CONSOLE, headers=headers)


def ask(socket: SocketIOTestClient, event: str, data: Any) -> dict[str, Any]:
    answer: dict[str, Any] = socket.emit(event, data, namespace=CONSOLE, callback=True)
    return answer


def watch(socket: SocketIOTestClient, ticket_id: UUID, after: int = 0) -> dict[str, Any]:
    return ask(socket, "watch", {"ticket_id": str(ticket_id), "after_seq": after})


def heard(socket: SocketIOTestClient, event: str) -> list[dict[str, Any]]:
    return [got["args"][0] for got in socket.get_received(CONSOLE) if got["name"] == event]


@pytest.mark.parametrize("token", ["", "made up"])
def test_nobody_gets_in_without_a_live_session(app: Flask, token: str) -> None:
    assert not open_socket(app, token).is_connected(CONSOLE)


def test_a_revoked_session_is_heard_no_more(
    services: Services, app: Flask, seat: Callable[..., Seat], connect: Callable[..., Any]
) -> None:
    ana = seat()
    ticket_id = customer_writes(services)
    socket = connect(ana)
    assert watch(socket, ticket_id)["ok"]
    sign_out(services, ana.agent)
    assert not open_socket(app, ana.browser.token).is_connected(CONSOLE)
    if socket.is_connected(CONSOLE):
        assert watch(socket, ticket_id) == {"ok": False, "error": "signed_out"}


def test_watching_hands_over_exactly_what_was_missed(
    services: Services, seat: Callable[..., Seat], connect: Callable[..., Any]
) -> None:
    ana = seat()
    ticket_id = customer_writes(services)
    socket = connect(ana)
    assert [one["seq"] for one in watch(socket, ticket_id)["events"]] == [1, 2]
    socket.disconnect(namespace=CONSOLE)
    customer_writes(services, ticket_id)
    staff_writes(services, ticket_id, ana.agent, visibility="note")
    again = watch(connect(ana), ticket_id, after=2)
    assert again["events"] == [
        {"seq": 3, "kind": "message.received"},
        {"seq": 4, "kind": "note.added"},
    ]
    assert again["now"] == int(services.clock().timestamp() * 1000)


def test_what_happens_between_joining_and_reading_is_not_lost(
    services: Services,
    seat: Callable[..., Seat],
    connect: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ticket_id = customer_writes(services)
    socket = connect(seat())
    joined: list[str] = []

    def join_and_be_overtaken(room: str) -> None:
        join_room(room)
        joined.append(room)
        if room.startswith("ticket:"):
            customer_writes(services, ticket_id)  # commits after the join, before the read

    def read_after_joining(*args: Any) -> Any:
        assert joined, "read before it joined"
        return events_after(*args)

    monkeypatch.setattr(sockets, "join_room", join_and_be_overtaken)
    monkeypatch.setattr(sockets, "events_after", read_after_joining)
    answer = watch(socket, ticket_id, after=2)
    assert [one["seq"] for one in answer["events"]] == [3]
    assert 3 in [one["seq"] for one in heard(socket, "hint")]  # twice, never not at all


def test_hints_reach_those_who_may_see_the_ticket(
    services: Services, seat: Callable[..., Seat], connect: Callable[..., Any]
) -> None:
    ours, theirs = make_team(services, "Billing"), make_team(services, "Technical")
    insider = connect(seat("Ines", team_id=ours))
    olga = seat("Olga", team_id=theirs)
    outsider = connect(olga)
    lead = connect(seat("Lia", "supervisor", team_id=theirs))
    ticket_id = customer_writes(services, team_id=ours)
    assert {one["ticket"] for one in heard(insider, "hint")} == {str(ticket_id)}
    assert {one["ticket"] for one in heard(lead, "hint")} == {str(ticket_id)}
    assert heard(outsider, "hint") == []
    boss = seat("Bia", "supervisor")
    desk.assign(services, boss.agent, ticket_id, olga.agent.id)
    assert {one["kind"] for one in heard(outsider, "hint")} == {"ticket.assigned", "ticket.status"}


def test_what_may_not_be_seen_cannot_be_watched_or_told_apart(
    services: Services, seat: Callable[..., Seat], connect: Callable[..., Any]
) -> None:
    ours, theirs = make_team(services, "Billing"), make_team(services, "Technical")
    outsider = connect(seat("Olga", team_id=theirs))
    ticket_id = customer_writes(services, team_id=ours)
    assert watch(outsider, ticket_id) == watch(outsider, uuid4())
    assert watch(outsider, ticket_id) == {"ok": False, "error": "not_found"}
    typed = ask(outsider, "typing", {"ticket_id": str(ticket_id), "kind": "reply"})
    assert typed["ok"] is False
    assert services.presence.viewers(ticket_id) == ()


@pytest.mark.parametrize("event", ["watch", "typing", "heartbeat"])
@pytest.mark.parametrize(
    "data",
    [
        None,
        "text",
        [],
        {},
        {"ticket_id": 7},
        {"ticket_id": "x"},
        {"ticket_id": None, "after_seq": 1},
        {"ticket_id": str(uuid4()), "after_seq": "1", "kind": 5},
        {"ticket_id": str(uuid4()), "after_seq": -1, "kind": []},
        {"ticket_id": str(uuid4()), "after_seq": True, "kind": "poem"},
    ],
)
def test_wrong_shapes_are_answered_not_raised(
    seat: Callable[..., Seat], connect: Callable[..., Any], event: str, data: Any
) -> None:
    answer = ask(connect(seat()), event, data)
    assert (answer["ok"], answer["error"]) == (False, "invalid_input")


def test_colleagues_see_who_looks_and_who_writes(
    services: Services,
    seat: Callable[..., Seat],
    connect: Callable[..., Any],
    clock: TestClock,
) -> None:
    ticket_id = customer_writes(services)
    ana, bruno = seat("Ana Lima"), seat("Bruno")
    first, second = connect(ana), connect(bruno)
    watch(first, ticket_id)
    watch(second, ticket_id)
    ask(second, "typing", {"ticket_id": str(ticket_id), "kind": "reply"})
    told = heard(first, "viewers")[-1]
    assert told["ticket_id"] == str(ticket_id)
    assert [(one["name"], one["initials"], one["state"]) for one in told["viewers"]] == [
        ("Ana Lima", "AL", "viewing"),
        ("Bruno", "B", "replying"),
    ]
    ask(second, "typing", {"ticket_id": str(ticket_id), "kind": "note"})
    assert not heard(first, "viewers")[-1]["viewers"][1]["writing"]
    other = customer_writes(services)
    watch(second, other)  # one socket shows one conversation
    assert [one["name"] for one in heard(first, "viewers")[-1]["viewers"]] == ["Ana Lima"]
    second.disconnect(namespace=CONSOLE)
    assert services.presence.viewers(other) == ()
    number = read_ticket(services, ticket_id).number
    page = bruno.browser.get(f"/inbox/{number}").get_data(as_text=True)
    assert "Ana Lima is looking too" in page
    assert ask(first, "leave", {}) == {"ok": True}
    assert services.presence.viewers(ticket_id) == ()


def test_the_cookie_alone_opens_no_socket_from_another_site(app: Flask) -> None:
    server = app.extensions["socketio"].server.eio
    assert server.cors_allowed_origins == [app.extensions["guiche"].settings.public_url]
