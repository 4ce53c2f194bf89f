"""The life of an outgoing message. News about it arrives in any order and more than once."""

from datetime import timedelta
from hashlib import sha256
from typing import Final

from channels.port import DeliveryState

LEASE: Final = timedelta(minutes=5)  # longer than any provider lets one send last
GIVE_UP_AFTER: Final = timedelta(hours=24)  # a mail server may be down for a working day
LONGEST_WAIT_S: Final = 900
FIRST_WAIT_S: Final = 5

SHOWN: Final = ("sent", "delivered", "read", "uncertain", "failed", "cancelled")
ON_ITS_WAY: Final = ("queued", "sending")  # the next message of the ticket waits for these
FOR_A_PERSON: Final = ("uncertain", "failed", "cancelled")

# What is known overrules what is feared; a failure reported from outside is final.
_RANK: Final = {
    "queued": 0,
    "sending": 1,
    "uncertain": 2,
    "cancelled": 2,
    "sent": 3,
    "delivered": 4,
    "read": 5,
    "failed": 6,
}


def forward(state: str, told: DeliveryState | str) -> str:
    """Return the state after a piece of news: it never goes back."""
    news = {"undelivered": "failed", "delayed": "sent"}.get(told, told)
    return news if _RANK[news] > _RANK[state] else state


def wait_s(key: str, attempts: int) -> int:
    """Return the seconds to wait after the n-th try, spread so that not all knock at once.

    The spread comes from the key: the same on every machine, different for each message.
    """
    longest = min(LONGEST_WAIT_S, FIRST_WAIT_S << min(attempts - 1, 20))
    spread = int.from_bytes(sha256(f"{key}:{attempts}".encode()).digest()[:4], "big")
    return longest // 2 + spread % (longest // 2 + 1)
