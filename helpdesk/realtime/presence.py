"""Who has which conversation open, and who is writing in it.

Nothing depends on it: it is kept in memory, or in Redis where there are several processes,
and forgotten once a browser has been silent for a minute.
"""

import json
import threading
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal, Protocol
from uuid import UUID

from billing_core.ports import Clock

if TYPE_CHECKING:
    from redis import Redis

SILENT_FOR = timedelta(seconds=60)

State = Literal["viewing", "replying"]


@dataclass(frozen=True, slots=True)
class Viewer:
    id: str  # of staff
    name: str
    state: State = "viewing"


class Presence(Protocol):
    """One person may look through several browsers (`socket`): they count once."""

    def see(self, ticket_id: UUID, socket: str, viewer: Viewer) -> None:
        """Note that this browser shows the conversation, now."""
        ...

    def leave(self, ticket_id: UUID, socket: str) -> None: ...

    def viewers(self, ticket_id: UUID) -> tuple[Viewer, ...]:
        """Return who is looking, by name; who writes in one browser is writing."""
        ...


class MemoryPresence:
    """For one process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: dict[UUID, dict[str, tuple[datetime, Viewer]]] = {}

    def see(self, ticket_id: UUID, socket: str, viewer: Viewer) -> None:
        with self._lock:
            self._seen.setdefault(ticket_id, {})[socket] = (self._clock(), viewer)

    def leave(self, ticket_id: UUID, socket: str) -> None:
        with self._lock:
            there = self._seen.get(ticket_id, {})
            there.pop(socket, None)
            if not there:
                self._seen.pop(ticket_id, None)

    def viewers(self, ticket_id: UUID) -> tuple[Viewer, ...]:
        oldest = self._clock() - SILENT_FOR
        with self._lock:
            there = self._seen.get(ticket_id, {})
            return _together(viewer for at, viewer in there.values() if at > oldest)


class RedisPresence:
    """For several processes. One hash a conversation; Redis forgets it by itself."""

    def __init__(self, redis: "Redis", clock: Clock) -> None:
        self._redis = redis
        self._clock = clock

    def see(self, ticket_id: UUID, socket: str, viewer: Viewer) -> None:
        seen = json.dumps({"at": self._clock().isoformat(), **asdict(viewer)})
        steps = self._redis.pipeline(transaction=False)
        steps.hset(_key(ticket_id), socket, seen)
        steps.expire(_key(ticket_id), 2 * SILENT_FOR)
        steps.execute()

    def leave(self, ticket_id: UUID, socket: str) -> None:
        self._redis.hdel(_key(ticket_id), socket)

    def viewers(self, ticket_id: UUID) -> tuple[Viewer, ...]:
        oldest = self._clock() - SILENT_FOR
        found: dict[bytes, bytes] = self._redis.hgetall(_key(ticket_id))  # type: ignore[assignment]
        seen = [json.loads(value) for value in found.values()]
        return _together(
            Viewer(one["id"], one["name"], one["state"])
            for one in seen
            if datetime.fromisoformat(one["at"]) > oldest
        )


def build_presence(redis_url: str, clock: Clock) -> Presence:
    """Return the presence of this installation: Redis where one is set up."""
    if not redis_url:
        return MemoryPresence(clock)
    from redis import Redis

    return RedisPresence(Redis.from_url(redis_url), clock)


def _key(ticket_id: UUID) -> str:
    return f"guiche:presence:{ticket_id}"


def _together(viewers: Iterable[Viewer]) -> tuple[Viewer, ...]:
    people: dict[str, Viewer] = {}
    for viewer in viewers:
        if viewer.id not in people or viewer.state == "replying":
            people[viewer.id] = viewer
    return tuple(sorted(people.values(), key=lambda one: (one.name, one.id)))
