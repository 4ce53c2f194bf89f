"""The chain of the books: each seal holds a hash over its entry and over the seal before it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from uuid import UUID

ORIGIN = "0" * 64
"""What stands for the hash before the first."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """All of an entry that must never change."""

    entry_id: UUID
    at: datetime
    reason: str
    source_kind: str
    source_id: UUID
    customer_id: UUID
    lines: Sequence[tuple[int, str, str, str, int]]
    """(position, account, side, currency, minor units), by position."""


def hash_after(previous: str, seq: int, entry: Sealed) -> str:
    """Return 64 hex digits: SHA-256 over the previous hash and the entry in one fixed spelling."""
    content = [
        previous,
        seq,
        str(entry.entry_id),
        entry.at.astimezone(UTC).isoformat(timespec="microseconds"),
        entry.reason,
        entry.source_kind,
        str(entry.source_id),
        str(entry.customer_id),
        [list(line) for line in entry.lines],
    ]
    return sha256(json.dumps(content, separators=(",", ":")).encode()).hexdigest()
