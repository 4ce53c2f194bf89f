"""What the board shows: plain frozen values between queries and templates."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from billing_core.domain.money import Money
from helpdesk.reports.rules import Attainment, Spread, Trend
from helpdesk.sla.rules import Metric
from helpdesk.tickets.screen import SlaChip
from helpdesk.web.screen import Person

SLOTS = 6  # conversations one person carries at once


@dataclass(frozen=True, slots=True)
class Line:
    """A small line: SVG paths in a box of 180 by 30."""

    path: str
    target: str = ""


@dataclass(frozen=True, slots=True)
class TimeFigure:
    """First response, next response or resolution."""

    metric: Metric
    spread: Spread
    change: tuple[int, Trend] | None = None  # against the same day last week
    line: Line | None = None


@dataclass(frozen=True, slots=True)
class Promises:
    """SLA attainment. Points are tenths of a percentage point."""

    attainment: Attainment
    points: int | None = None  # against the same day last week
    line: Line | None = None


@dataclass(frozen=True, slots=True)
class Open:
    """The backlog in one number."""

    count: int
    unassigned: int
    past_due: int
    change: int | None = None
    line: Line | None = None


@dataclass(frozen=True, slots=True)
class Bar:
    """One part of an age bar, in hundredths of the longest bar."""

    x: float
    width: float
    age: int  # 0 youngest to 3 oldest


@dataclass(frozen=True, slots=True)
class ChannelRow:
    channel: str
    open: int
    ages: tuple[int, ...]  # under 1 h, 1-4 h, 4-24 h, older
    bars: tuple[Bar, ...]
    next_response: Spread
    attainment: Attainment


@dataclass(frozen=True, slots=True)
class DueRow:
    """One conversation that is late or will be."""

    number: int
    channel: str
    name: str
    subject: str
    metric: str
    sla: SlaChip
    at_stake: Money | None
    owner: Person | None


@dataclass(frozen=True, slots=True)
class WaitingRow:
    """One money act that waits for a second person."""

    act_id: str
    kind: str
    amount: Money
    name: str
    reason: str
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class AgentRow:
    person: Person
    channels: tuple[tuple[str, int], ...]  # open conversations, most first
    load: int
    next_response: Spread

    @property
    def slots(self) -> int:
        return min(self.load, SLOTS)


@dataclass(frozen=True, slots=True)
class Choice:
    """One entry of a filter."""

    value: str
    label: str  # "" where the template has the word
    chosen: bool


@dataclass(frozen=True, slots=True)
class FiguresScreen:
    at: datetime
    week_ago: datetime  # the day it is compared with
    times: tuple[TimeFigure, ...]
    promises: Promises
    open: Open
    channels: tuple[ChannelRow, ...]
    chart: dict[str, Any]  # what static/reports/live.js draws
    query: str = ""


@dataclass(frozen=True, slots=True)
class ListsScreen:
    due: tuple[DueRow, ...]
    past_due: int
    soon: int
    may_approve: bool
    waiting: tuple[WaitingRow, ...]  # the oldest
    waiting_count: int
    waiting_total: tuple[Money, ...]  # one for each currency
    agents: tuple[AgentRow, ...]
    by_availability: dict[str, int]
    query: str = ""


@dataclass(frozen=True, slots=True)
class BoardScreen:
    figures: FiguresScreen
    lists: ListsScreen
    channels: tuple[Choice, ...]
    teams: tuple[Choice, ...]
