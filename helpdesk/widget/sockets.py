"""The visitor's socket: hints and typing. Everything that is read or written is HTTP."""

from datetime import datetime, timedelta
from typing import Any

from flask import request
from flask_socketio import Namespace, join_room

from helpdesk.errors import SignedOut
from helpdesk.realtime.relay import CHAT, chat_room, ticket_room
from helpdesk.services import Services
from helpdesk.web.access import public
from helpdesk.widget.queries import current_ticket, last_seq_of
from helpdesk.widget.service import chat_key_of

OWN_SECRET = "the visitor proves herself with the secret of her conversation"  # noqa: S105
MOST_FAULTS = 5
TYPING_EVERY = timedelta(seconds=2)


class _Line:
    """One open socket: whose conversation it hears, how often it spoke nonsense."""

    def __init__(self, chat_key: str) -> None:
        self.chat_key = chat_key
        self.faults = 0
        self.typed_at: datetime | None = None


class ChatNamespace(Namespace):  # type: ignore[misc]
    """Namespace "/chat". The room is derived from the secret, never named by the client."""

    def __init__(self, services: Services) -> None:
        super().__init__(CHAT)
        self._services = services
        self._lines: dict[str, _Line] = {}  # by socket, of this process

    def trigger_event(self, event: str, *args: Any) -> Any:
        """Handle an event; one that nobody knows is a fault, and five faults end the socket."""
        if not hasattr(self, f"on_{event}"):
            self._count_fault(str(args[0]))
            return {"ok": False, "error": "unknown_event"}
        return super().trigger_event(event, *args)

    @public(OWN_SECRET)
    def on_connect(self, auth: Any = None) -> bool:
        secret = auth.get("secret") if isinstance(auth, dict) else None
        try:
            chat_key = chat_key_of(secret) if isinstance(secret, str) else None
        except SignedOut:
            chat_key = None
        if chat_key is None:
            return False
        self._lines[_sid()] = _Line(chat_key)
        join_room(chat_room(chat_key))
        return True

    @public(OWN_SECRET)
    def on_disconnect(self, reason: Any = None) -> None:  # noqa: ARG002
        self._lines.pop(_sid(), None)

    @public(OWN_SECRET)
    def on_alive(self, data: Any = None) -> dict[str, Any]:  # noqa: ARG002 - it says nothing more
        """Prove that the line carries, and say how far the conversation has come."""
        line = self._lines.get(_sid())
        if line is None:
            return {"ok": False, "error": "signed_out"}
        with self._services.reading() as session:
            return {"ok": True, "seq": last_seq_of(session, line.chat_key)}

    @public(OWN_SECRET)
    def on_typing(self, data: Any = None) -> dict[str, Any]:  # noqa: ARG002 - it says nothing more
        """Tell who has the conversation open that she writes; what she writes stays with her."""
        line = self._lines.get(_sid())
        if line is None:
            return {"ok": False, "error": "signed_out"}
        now = self._services.clock()
        if line.typed_at is None or now - line.typed_at >= TYPING_EVERY:
            line.typed_at = now
            self._tell_staff(line.chat_key)
        return {"ok": True}

    def _tell_staff(self, chat_key: str) -> None:
        with self._services.reading() as session:
            ticket = current_ticket(session, chat_key)
        if ticket is not None:
            told = {"ticket_id": str(ticket.id), "name": ticket.customer_name, "typing": True}
            self._services.relay.tell([ticket_room(ticket.id)], "typing", told)

    def _count_fault(self, sid: str) -> None:
        line = self._lines.get(sid)
        if line is None:
            return
        line.faults += 1
        if line.faults >= MOST_FAULTS:
            self.socketio.server.disconnect(sid, namespace=CHAT)


def _sid() -> str:
    """Return the id of the socket that speaks."""
    return str(request.sid)  # type: ignore[attr-defined]  # set by Flask-SocketIO
