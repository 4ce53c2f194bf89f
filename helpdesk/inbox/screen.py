"""What the screens about held deliveries and blocked senders show. Plain values."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class HeldRow:
    """One line of the list."""

    id: str
    channel: str  # as the conversation names it
    reason: str  # machine code
    sender: str
    subject: str
    at: datetime


@dataclass(frozen=True, slots=True)
class HeldDetail:
    """One held delivery, with a safe look at what it says."""

    row: HeldRow
    detail: str  # what the reader of the bytes said
    source: str
    size: int  # bytes
    attempts: int
    headers: tuple[tuple[str, str], ...]
    text: str
    raw: bool  # `text` is the bytes as they came, for nobody could read them
    files: tuple[str, ...]
    block: str  # what "block this sender" would block; "" where nobody is named


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of reading a held delivery on trial. `code` "" is well."""

    code: str = ""
    detail: str = ""
    count: int = 0  # messages in it


@dataclass(frozen=True, slots=True)
class QuarantineScreen:
    rows: tuple[HeldRow, ...]
    reasons: tuple[str, ...]  # codes that occur, for the filter
    reason: str = ""  # the one chosen
    chosen: HeldDetail | None = None
    more: str = ""  # id after which the next page begins
    said: str = ""  # machine code of what has just been done
    problem: str = ""
    tried: "Tried | None" = None


@dataclass(frozen=True, slots=True)
class BlockedRow:
    id: str
    kind: str  # address, domain
    value: str
    note: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class BlockedScreen:
    rows: tuple[BlockedRow, ...]
    typed: str = ""
    note: str = ""
    problem: str = ""
    tried: bool = False  # what was typed was only tested
    held_by: str = ""  # the entry that holds it; "" where it would come in
