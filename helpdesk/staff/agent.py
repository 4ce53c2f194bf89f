"""Who is asking: the signed-in person as every other feature sees her."""

from dataclasses import dataclass
from uuid import UUID

from helpdesk.staff.policy import may


@dataclass(frozen=True, slots=True)
class Agent:
    """The signed-in person behind a request or a socket event."""

    id: UUID
    name: str
    email: str
    role: str
    team_id: UUID | None
    language: str
    theme: str
    session_id: UUID
    time_zone: str = ""  # "" is the company's

    def may(self, permission: str) -> bool:
        return may(self.role, permission)
