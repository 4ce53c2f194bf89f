"""Filling an empty database with the sample company: two years of charges, a fortnight of talk.

Nothing is inserted past the product: the billing code charges, the channels' own doors take
in what customers write, and agents answer through the console's use cases. Only the clock
is moved.
"""

import gc
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import event, select

from billing_core.domain.money import Money
from billing_core.ports import Clock
from helpdesk.bootstrap import build_adapters, build_services, wall_clock
from helpdesk.demo import money
from helpdesk.demo.acts import PastActs, ask_for_credit, ask_for_refund
from helpdesk.demo.addresses import with_addresses
from helpdesk.demo.cast import DECLINED, DOUBLED, Cast, gather
from helpdesk.demo.company import (
    NIGHT,
    PLANS,
    MovingClock,
    charge_everybody,
    hire,
    live_two_years,
    open_catalogue,
)
from helpdesk.demo.diary import Diary
from helpdesk.demo.doors import Doors, Recorded, Sent
from helpdesk.demo.people import Person
from helpdesk.demo.stories import OPEN, past
from helpdesk.demo.telling import Teller, agents_of
from helpdesk.jobs.recorded import RecordedJobs
from helpdesk.services import Services
from helpdesk.settings import InvalidSettings, Settings
from helpdesk.staff.model import Staff

TALK = timedelta(days=15)  # how long before today conversations begin
TODAY = max(story.began for story in OPEN) + 60  # minutes before now that are lived last
HISTORY = timedelta(days=830)


def seed(
    settings: Settings,
    *,
    customers: int = 300,
    conversations: int = 120,
    now: Clock = wall_clock,
    tell: Callable[[str], None] = lambda _: None,
) -> None:
    """Fill an empty, migrated database. `tell` hears how far it has come.

    Raises `InvalidSettings` where somebody works here already.
    """
    # Its clock jumps, so nothing may wait to be taken back.
    founding = Founding(replace(with_addresses(settings), undo_send_s=0), now=now)
    gc.freeze()
    gc.set_threshold(50_000)  # a sixth of the time went into looking for garbage
    try:
        founding.found(customers, conversations, tell)
    finally:
        gc.set_threshold(700)
        gc.unfreeze()
        founding.services.db.close()


class Founding:
    """The company while it is made."""

    def __init__(self, settings: Settings, *, now: Clock) -> None:
        self.now, self.clock = now, MovingClock(now() - HISTORY)
        self.jobs = RecordedJobs()
        sent: list[Sent] = []
        self.services = build_services(
            settings,
            clock=self.clock,
            jobs=lambda _engine: self.jobs,
            adapters={
                name: Recorded(adapter, sent, self.clock)
                for name, adapter in build_adapters(settings, self.clock).items()
            },
        )
        if settings.database_is_sqlite:
            event.listen(self.services.db.engine, "connect", _leave_the_disk_alone)
        self.doors = Doors(self.services, sent)
        self.diary = Diary(self.services, self.clock, self.jobs)
        self.prices: dict[str, UUID] = {}
        self.ids: dict[str, UUID] = {}

    def found(self, customers: int, conversations: int, tell: Callable[[str], None]) -> None:
        _insist_on_emptiness(self.services)
        start = self.now()
        cast = gather(customers, start.date())
        tell("hiring")
        hire(self.services)
        self.prices = open_catalogue(self.services)
        tell("two years of charges")
        self.ids = live_two_years(
            self.services, self.clock, cast.crowd, self.prices, until=start - TALK
        )
        tell("a fortnight of conversations")
        teller = Teller(self.services, self.doors, self.diary, agents_of(self.services))
        self._write_nights(cast, start)
        self._write_past(teller, cast, start, conversations)
        self.diary.live(start - timedelta(minutes=TODAY))
        tell("today")
        today = self.now()  # making the past took a while; today is told as of now
        self._tell_today(teller, cast, today)
        self.diary.live(today)

    def _write_nights(self, cast: Cast, start: datetime) -> None:
        """Charging goes on, now and then with a refused card or a repeated capture."""
        doubled = {start.date() - timedelta(days=ago): name for name, ago in DOUBLED}
        declined = {start.date() - timedelta(days=ago): name for name, ago in DECLINED}
        day = (start - TALK).date() + timedelta(days=1)
        while (night := datetime.combine(day, NIGHT, UTC)) <= start:
            if day in declined:
                self.diary.write(night, self._decline(cast.named(declined[day])))
            self.diary.write(night, lambda: charge_everybody(self.services))
            if day in doubled:
                self.diary.write(night + money.LATER, self._double(cast.named(doubled[day])))
            day += timedelta(days=1)

    def _decline(self, person: Person) -> Callable[[], object]:
        return lambda: money.decline_next_charge(self.services, person)

    def _double(self, person: Person) -> Callable[[], object]:
        return lambda: money.capture_twice(self.services, self.ids[person.key])

    def _write_past(self, teller: Teller, cast: Cast, start: datetime, count: int) -> None:
        dice = random.Random(13)  # noqa: S311 - invented data, not a secret
        free = cast.free()
        dice.shuffle(free)
        acts = PastActs(self.services, self.ids, self.prices, free)
        for story in past(min(count, len(free))):
            person, act = acts.match(story)
            teller.tell(story, person, start - timedelta(minutes=story.began), act)

    def _tell_today(self, teller: Teller, cast: Cast, today: datetime) -> None:
        emma, sofia = cast.named("Emma Clarke"), cast.named("Sofia Menezes")
        month = next(minor for code, _, minor, _ in PLANS if code == sofia.plan)
        waiting = {  # above what an agent may do alone
            emma.name: (ask_for_refund(self.services, self.ids[emma.key]), 14),
            sofia.name: (
                ask_for_credit(self.services, self.ids[sofia.key], Money(month, "BRL")),
                6,
            ),
        }
        for story in OPEN:
            person = cast.named(story.person)
            conversation = teller.tell(story, person, today - timedelta(minutes=story.began))
            if story.person in waiting:
                act, ago = waiting[story.person]
                self.diary.write(today - timedelta(minutes=ago), conversation.later(act))


def _insist_on_emptiness(services: Services) -> None:
    with services.reading() as session:
        if session.scalar(select(Staff.id).limit(1)) is not None:
            raise InvalidSettings(["the database is not empty: sample data go into an empty one"])


def _leave_the_disk_alone(connection: Any, _record: Any) -> None:
    """A seed that was cut short is thrown away, so nothing of it needs to survive a crash."""
    connection.execute("PRAGMA synchronous=OFF")
