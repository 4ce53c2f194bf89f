"""What both ways of keeping presence promise."""

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from helpdesk.realtime.presence import MemoryPresence, Presence, RedisPresence, Viewer

ANA, BRUNO = Viewer("1", "Ana"), Viewer("2", "Bruno")


class Clock:
    def __init__(self) -> None:
        self.at = datetime(2026, 11, 17, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
def time() -> Clock:
    return Clock()


@pytest.fixture
def ticket_id() -> UUID:
    return uuid4()


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.redis)])
def make_presence(request: pytest.FixtureRequest, time: Clock) -> Iterator[Callable[[], Presence]]:
    """Return a function that gives one process's view: Redis is shared, memory is one process."""
    if request.param == "memory":
        only = MemoryPresence(time)
        yield lambda: only
        return
    url = os.environ.get("GUICHE_TEST_REDIS")
    if url is None:
        pytest.skip("GUICHE_TEST_REDIS names no Redis server")
    from redis import Redis

    clients: list[Redis] = []

    def make() -> Presence:
        clients.append(Redis.from_url(url))
        return RedisPresence(clients[-1], time)

    yield make
    for client in clients:
        client.close()


def test_who_looks_is_seen_by_name_from_every_process(
    make_presence: Callable[[], Presence], ticket_id: UUID
) -> None:
    here, there = make_presence(), make_presence()
    here.see(ticket_id, "s2", BRUNO)
    there.see(ticket_id, "s1", ANA)
    assert here.viewers(ticket_id) == there.viewers(ticket_id) == (ANA, BRUNO)
    assert here.viewers(uuid4()) == ()


def test_two_browsers_are_one_person_and_writing_wins(
    make_presence: Callable[[], Presence], ticket_id: UUID
) -> None:
    presence = make_presence()
    writing = Viewer("1", "Ana", "replying")
    presence.see(ticket_id, "s1", writing)
    presence.see(ticket_id, "s2", ANA)
    assert presence.viewers(ticket_id) == (writing,)
    presence.leave(ticket_id, "s1")
    assert presence.viewers(ticket_id) == (ANA,)
    presence.leave(ticket_id, "s2")
    presence.leave(ticket_id, "s2")
    assert presence.viewers(ticket_id) == ()


def test_a_silent_browser_is_forgotten_and_a_heartbeat_keeps_one(
    make_presence: Callable[[], Presence], ticket_id: UUID, time: Clock
) -> None:
    presence = make_presence()
    presence.see(ticket_id, "s1", ANA)
    presence.see(ticket_id, "s2", BRUNO)
    time.at += timedelta(seconds=40)
    presence.see(ticket_id, "s2", BRUNO)
    time.at += timedelta(seconds=40)
    assert presence.viewers(ticket_id) == (BRUNO,)
