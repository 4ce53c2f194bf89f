"""The console's socket: who is looking, what was missed, and nothing that is true by itself.

Every event asks again who is speaking: a session that was revoked a moment ago may still
have an open socket.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast
from uuid import UUID

from flask import g, request
from flask_socketio import Namespace, emit, join_room, leave_room

from helpdesk.errors import InvalidInput
from helpdesk.realtime.presence import State, Viewer
from helpdesk.realtime.relay import (
    CONSOLE,
    EVERYTHING,
    session_room,
    staff_room,
    team_room,
    ticket_room,
)
from helpdesk.services import Services
from helpdesk.staff.service import session_agent
from helpdesk.tickets.queries import ticket_visible_to
from helpdesk.tickets.timeline import events_after
from helpdesk.web.access import SESSION_COOKIE, current_agent, public, requires
from helpdesk.web.errors import answer_socket_error
from helpdesk.web.screen import person

Handler = TypeVar("Handler", bound=Callable[..., Any])
Answer = dict[str, Any]

DOOR = "finds out who is there, and lets nobody in without a live session"


def speaking(handler: Handler) -> Handler:
    """Find out who speaks before the handler's policy is asked; a refusal becomes an answer.

    Requests have `before_request` for this; socket events have nothing.
    """

    @wraps(handler)
    def heard(self: "ConsoleNamespace", *args: Any) -> Any:
        try:
            g.agent = self.who()
            return handler(self, *args)
        except Exception as error:
            return answer_socket_error(error)

    return cast(Handler, heard)


class ConsoleNamespace(Namespace):  # type: ignore[misc]
    """Namespace "/console". One socket shows at most one conversation."""

    def __init__(self, services: Services) -> None:
        super().__init__(CONSOLE)
        self._services = services
        self._watching: dict[str, UUID] = {}  # socket -> conversation, of this process's sockets

    def who(self) -> Any:
        """Return whose socket this is, by the cookie of its handshake; None when it is over."""
        return session_agent(self._services, request.cookies.get(SESSION_COOKIE, ""))

    @public(DOOR)
    def on_connect(self, auth: Any = None) -> bool:  # noqa: ARG002 - the cookie proves her
        agent = self.who()
        if agent is None or not agent.may("console.use"):
            return False
        join_room(session_room(agent.session_id))
        join_room(staff_room(agent.id))
        join_room(team_room(None))
        if agent.team_id is not None:
            join_room(team_room(agent.team_id))
        if agent.may("ticket.read_all"):
            join_room(EVERYTHING)
        return True

    @public(DOOR)
    def on_disconnect(self, reason: Any = None) -> None:  # noqa: ARG002
        self._leave()

    @speaking
    @requires("ticket.read")
    def on_watch(self, data: Any) -> Answer:
        """Show one conversation and hand over what was missed since `after_seq`. Also a heartbeat."""
        ticket_id, after = read_ticket_id(data), read_seq(data)
        agent = current_agent()
        with self._services.reading() as session:
            ticket_visible_to(session, agent, ticket_id)
        if self._watching.get(sid()) != ticket_id:
            self._leave()
        # Join before reading: an event in between arrives twice (same seq), never not at all.
        join_room(ticket_room(ticket_id))
        self._watching[sid()] = ticket_id
        with self._services.reading() as session:
            events = events_after(session, ticket_id, after)
        self._see(ticket_id, "viewing")
        now = int(self._services.clock().timestamp() * 1000)
        return {"ok": True, "events": events, "now": now}

    @speaking
    @requires("ticket.read")
    def on_leave(self, data: Any = None) -> Answer:  # noqa: ARG002 - there is only one to leave
        self._leave()
        return {"ok": True}

    @speaking
    @requires("ticket.reply")
    def on_typing(self, data: Any) -> Answer:
        """Say that somebody writes a reply. Notes are nobody's business."""
        ticket_id = self._shown(data)
        if data.get("kind", "reply") not in ("reply", "note", ""):
            raise InvalidInput("kind", "This is not one of the choices.")
        if data.get("kind", "reply") == "reply":
            self._tell_visitor(ticket_id)
        self._see(ticket_id, "replying" if data.get("kind", "reply") == "reply" else "viewing")
        return {"ok": True}

    @speaking
    @requires("ticket.read")
    def on_heartbeat(self, data: Any) -> Answer:
        self._see(self._shown(data), "viewing")
        return {"ok": True}

    def _shown(self, data: Any) -> UUID:
        """Return the conversation an event is about: the one this socket was let into."""
        ticket_id = read_ticket_id(data)
        if self._watching.get(sid()) != ticket_id:
            raise InvalidInput("ticket_id", "Watch it first.")
        return ticket_id

    def _see(self, ticket_id: UUID, state: State) -> None:
        agent = current_agent()
        self._services.presence.see(ticket_id, sid(), Viewer(str(agent.id), agent.name, state))
        self._tell(ticket_id)

    def _tell_visitor(self, ticket_id: UUID) -> None:
        """Let a visitor see that somebody writes to her, while she is the one who chats."""
        with self._services.reading() as session:
            ticket = ticket_visible_to(session, current_agent(), ticket_id)
        if ticket.last_channel == "chat":
            name = person(current_agent().name).first_name
            self._services.relay.tell_visitor(ticket.chat_key, "staff_typing", {"name": name})

    def _leave(self) -> None:
        ticket_id = self._watching.pop(sid(), None)
        if ticket_id is None:
            return
        leave_room(ticket_room(ticket_id))
        self._services.presence.leave(ticket_id, sid())
        self._tell(ticket_id)

    def _tell(self, ticket_id: UUID) -> None:
        viewers = []
        for viewer in self._services.presence.viewers(ticket_id):
            disc = person(viewer.name, key=viewer.id)
            viewers.append(
                {
                    "id": viewer.id,
                    "name": viewer.name,
                    "initials": disc.initials,
                    "tone": disc.tone,
                    "state": viewer.state,
                    "writing": viewer.state == "replying",
                }
            )
        told = {"ticket_id": str(ticket_id), "viewers": viewers}
        emit("viewers", told, to=ticket_room(ticket_id))


def sid() -> str:
    """Return the id of the socket that speaks."""
    return str(request.sid)  # type: ignore[attr-defined]  # set by Flask-SocketIO


def read_ticket_id(data: Any) -> UUID:
    value = data.get("ticket_id") if isinstance(data, dict) else None
    try:
        return UUID(value)
    except (TypeError, ValueError, AttributeError):
        raise InvalidInput("ticket_id", "This is not an id.") from None


def read_seq(data: dict[str, Any]) -> int:
    value = data.get("after_seq", 0)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**31:
        raise InvalidInput("after_seq", "This is not a number.")
    return value
