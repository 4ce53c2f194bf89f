"""The life of a refund. Only these edges exist; a trigger in the database holds the same list."""

from typing import Literal, get_args

from ..errors import IllegalEdge

State = Literal[
    "awaiting_approval",
    "requested",
    "sending",
    "pending",
    "unknown",
    "succeeded",
    "failed",
    "released",
]
STATES: tuple[str, ...] = get_args(State)

EDGES: dict[str, tuple[str, ...]] = {
    "awaiting_approval": ("requested", "released"),
    "requested": ("sending", "released"),
    "sending": ("pending", "unknown", "succeeded", "failed"),
    "pending": ("succeeded", "failed"),
    "unknown": ("pending", "succeeded", "failed"),
    "succeeded": ("failed",),  # banks send money back days later
    "failed": ("succeeded",),  # a gateway that corrects itself: the money did leave
    "released": (),
}

RESERVING = ("awaiting_approval", "requested", "sending", "pending", "unknown")
"""States in which the money is promised: it counts as spent."""

UNANSWERED = ("sending", "pending", "unknown")
"""States that only the gateway's answer may end; age alone never does."""


OUT_OF_BAND = "bank_transfer"
"""The rail of a refund that a person sends from our own bank account, never a gateway."""


def check_edge(before: str, after: str) -> None:
    if after not in EDGES[before]:
        raise IllegalEdge("refund", before, after)
