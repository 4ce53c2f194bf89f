"""Which part of the work a supervisor looks at."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlencode
from uuid import UUID

from helpdesk.errors import InvalidInput
from helpdesk.tickets.model import CHANNELS
from helpdesk.web.input import refuse_unknown


@dataclass(frozen=True, slots=True)
class BoardAsk:
    channel: str = ""
    team_id: UUID | None = None

    @classmethod
    def parse(cls, query: Mapping[str, str]) -> Self:
        """Read `channel` and `team`; empty means all. Raises `InvalidInput`."""
        refuse_unknown(query, "channel", "team")
        channel = query.get("channel", "")
        if channel and channel not in CHANNELS:
            raise InvalidInput("channel", "There is no such channel.")
        try:
            team_id = UUID(query["team"]) if query.get("team") else None
        except ValueError:
            raise InvalidInput("team", "There is no such team.") from None
        return cls(channel, team_id)

    @property
    def query(self) -> str:
        """Return the same choice as the end of an address."""
        chosen = {"channel": self.channel, "team": str(self.team_id or "")}
        text = urlencode({name: value for name, value in chosen.items() if value})
        return f"?{text}" if text else ""
