"""What screens are told after a commit: that something is new, never what."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Hint:
    """Ticket `ticket_id` has reached `seq`. Sent to the rooms of those who may see it."""

    ticket_id: UUID
    seq: int
    kind: str
    team_id: UUID | None  # None: every team may see the ticket
    chat_key: str = ""  # the visitor's conversation, when she may see it too
    assignee_id: UUID | None = None  # may see it whatever the team
