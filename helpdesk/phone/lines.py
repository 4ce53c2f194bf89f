"""How our line answers at this moment."""

from collections.abc import Callable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing_core.ports import Clock
from helpdesk.db import Database
from helpdesk.phone.hours import is_open
from helpdesk.phone.model import PhoneLine, StaffPhone
from helpdesk.phone.queries import line_of
from helpdesk.settings import Settings
from helpdesk.staff.model import Staff


@dataclass(frozen=True, slots=True)
class LineNow:
    """What a caller meets: see `channels.voice.answer.Line`."""

    is_open: bool
    has_queue: bool
    language: str
    greeting: str
    closed_greeting: str


def line_reader(db: Database, settings: Settings, clock: Clock) -> Callable[[], LineNow]:
    """Return a function that says how our line answers now."""

    def read() -> LineNow:
        with db.reading() as session:
            row = line_of(session, settings.voice_number)
            staffed = (row is None or row.takes_queue) and somebody_answers(session)
            opened = row is None or is_open(row.hours, clock(), ZoneInfo(settings.time_zone))
            return _line(row, settings, opened=opened, staffed=staffed)

    return read


def somebody_answers(session: Session) -> bool:
    """Say whether a colleague is at work who has named a telephone."""
    found = session.scalar(
        select(StaffPhone.staff_id)
        .join(Staff, Staff.id == StaffPhone.staff_id)
        .where(Staff.disabled_at.is_(None), Staff.availability == "available")
        .limit(1)
    )
    return found is not None


def _line(row: PhoneLine | None, settings: Settings, *, opened: bool, staffed: bool) -> LineNow:
    return LineNow(
        is_open=opened,
        has_queue=staffed,
        language=row.language if row else settings.language,
        greeting=row.greeting if row else "",
        closed_greeting=row.closed_greeting if row else "",
    )
