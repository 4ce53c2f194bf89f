"""Turns committed hints into socket events for the rooms of those who may see them.

Sockets carry hints, not truth: the client fetches through the scoped query, and asks
again from its last `seq` after any gap. A hint lost with a dying process costs one
refresh interval, never a message.
"""

from collections.abc import Iterable
from typing import Any, Protocol
from uuid import UUID

import structlog

from helpdesk.events.hints import Hint

log = structlog.get_logger()

CONSOLE = "/console"
CHAT = "/chat"


def team_room(team_id: UUID | None) -> str:
    """Return the room of staff who may see a team's tickets; None is every team's."""
    return f"team:{team_id or 'any'}"


def ticket_room(ticket_id: UUID) -> str:
    """Return the room of those who have the ticket open (presence only)."""
    return f"ticket:{ticket_id}"


def staff_room(staff_id: UUID) -> str:
    return f"staff:{staff_id}"


def session_room(session_id: UUID) -> str:
    """Return the room of the sockets that one signed-in browser has open."""
    return f"session:{session_id}"


def chat_room(chat_key: str) -> str:
    return f"chat:{chat_key}"


EVERYTHING = "desk:all"  # supervisors and admins

# What changes on a visitor's screen. That a note was written is not her business.
TO_VISITOR = (
    "message.received",
    "message.sent",
    "ticket.status",
    "ticket.assigned",
    "money.succeeded",
    "money.reversed",
)


class Emitter(Protocol):
    """The part of a Socket.IO server that the relay uses."""

    def emit(self, event: str, data: Any, *, namespace: str, to: str) -> None: ...


class Relay:
    """Publishes hints. Until `connect` is called there is nobody to tell."""

    def __init__(self) -> None:
        self._emitter: Emitter | None = None

    def connect(self, emitter: Emitter) -> None:
        """Use this Socket.IO server (or its write-only twin in a worker)."""
        self._emitter = emitter

    def publish(self, hints: list[Hint]) -> None:
        """Send hints after a commit. Never raises: the commit stands whatever happens here."""
        for hint in hints:
            try:
                self._send(hint)
            except Exception:
                log.exception("hint lost", ticket_id=str(hint.ticket_id), seq=hint.seq)

    def tell(self, rooms: Iterable[str], event: str, data: dict[str, Any]) -> None:
        """Send something that is not about one ticket (approvals, figures) to console rooms."""
        if self._emitter is None:
            return
        for room in rooms:
            self._emitter.emit(event, data, namespace=CONSOLE, to=room)

    def tell_visitor(self, chat_key: str, event: str, data: dict[str, Any]) -> None:
        """Send something to whoever holds a chat's secret. Never raises: nothing rests on it."""
        if self._emitter is None or not chat_key:
            return
        try:
            self._emitter.emit(event, data, namespace=CHAT, to=chat_room(chat_key))
        except Exception:
            log.exception("visitor not told", event_name=event)

    def hang_up(self, session_ids: Iterable[UUID]) -> None:
        """End the sockets of revoked sessions. Never raises: the revocation stands.

        Sockets of this process are closed here; those of another are told, close
        themselves, and are refused by the session check of their next event.
        """
        for session_id in session_ids:
            room = session_room(session_id)
            try:
                self.tell([room], "signed_out", {})
                self._close(room)
            except Exception:
                log.exception("sign-out not told", session_id=str(session_id))

    def _close(self, room: str) -> None:
        server = getattr(self._emitter, "server", None)
        if server is None:  # a write-only twin holds no sockets
            return
        for sid, _ in list(server.manager.get_participants(CONSOLE, room)):
            server.disconnect(sid, namespace=CONSOLE)

    def _send(self, hint: Hint) -> None:
        data = {"ticket": str(hint.ticket_id), "seq": hint.seq, "kind": hint.kind}
        rooms = [team_room(hint.team_id), EVERYTHING]
        if hint.team_id is not None and hint.assignee_id is not None:
            rooms.append(staff_room(hint.assignee_id))  # she may be of another team
        self.tell(rooms, "hint", data)
        if hint.kind in TO_VISITOR:
            self.tell_visitor(hint.chat_key, "hint", {"seq": hint.seq})
