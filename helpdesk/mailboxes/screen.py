"""What the screens about mailboxes show. Plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Way = Literal["fetching", "sending", "signature"]
State = Literal["well", "waiting", "late", "failing", "off", "unused"]


@dataclass(frozen=True, slots=True)
class WayScreen:
    """How fetching or sending fares."""

    state: State
    at: datetime | None = None  # last success
    since: datetime | None = None  # of a fault
    said: str = ""  # the fault as a sentence
    detail: str = ""  # what the server said


@dataclass(frozen=True, slots=True)
class MailboxLine:
    """One mailbox in the list; `id` "" is the one of the settings."""

    id: str
    address: str
    name: str
    enabled: bool
    fetching: WayScreen
    sending: WayScreen


@dataclass(frozen=True, slots=True)
class MailboxesScreen:
    lines: tuple[MailboxLine, ...]
    notice: str = ""  # added, changed, on, off


@dataclass(frozen=True, slots=True)
class VerdictScreen:
    """What came of a test."""

    way: Way
    well: bool
    said: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class FormScreen:
    """One mailbox to fill in. Secrets are never among the values, only whether there is one."""

    id: str
    values: Mapping[str, str]
    kept: frozenset[str] = frozenset()  # secrets that are on file
    wrong: str = ""  # the field that the fault is in
    fault: str = ""
    enabled: bool = True
    line: MailboxLine | None = None
    verdicts: Mapping[Way, VerdictScreen] = field(default_factory=dict)
    preview: str = ""  # a whole HTML page for a frame
