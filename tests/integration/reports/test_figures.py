"""The board's figures are the ones that the raw steps tell, on both databases."""

from collections import Counter
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from helpdesk.reports import queries
from helpdesk.reports.recount import recount
from helpdesk.reports.rules import Figures
from helpdesk.reports.service import figures_between
from helpdesk.services import Services
from helpdesk.sla.model import MetricEvent
from helpdesk.tickets.model import Ticket
from tests.conftest import TestClock
from tests.integration.reports.day import Day


def raw(services: Services) -> list[MetricEvent]:
    with services.reading() as session:
        return list(session.scalars(select(MetricEvent)))


def board(day: Day, since: datetime, until: datetime, **narrow: Any) -> Figures:
    with day.services.reading() as session:
        return figures_between(session, day.scope(**narrow), since, until)


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(
    "sweep", [True, False], ids=["breaches-written", "breaches-not-yet-written"]
)
def test_the_board_agrees_with_a_recount_from_the_raw_steps(
    services_on_both: Services, clock: TestClock, seed: int, sweep: bool
) -> None:
    day = Day(services_on_both, clock, seed=seed)
    begin = clock()
    day.run(110, pace_s=250, sweep=sweep)
    until = clock.forward(minutes=7)
    steps = raw(services_on_both)
    for since in (begin, begin + timedelta(hours=2), until - timedelta(hours=1)):
        assert board(day, since, until) == recount(steps, since=since, until=until)
    told = board(day, begin, until)
    kinds = Counter(step.kind for step in steps)
    assert kinds["fulfil"] > 20
    assert kinds["pause"] > 0
    assert told.attainment.met > 0
    assert told.attainment.breached > 0, asdict(told)
    for channel in ("chat", "email"):
        alone = [step for step in steps if step.channel == channel]
        assert board(day, begin, until, channel=channel) == recount(alone, since=begin, until=until)


def test_a_team_sees_its_own_figures(services: Services, clock: TestClock) -> None:
    day = Day(services, clock)
    begin = clock()
    day.run(80)
    until = clock.forward(minutes=1)
    with services.reading() as session:
        theirs = set(session.scalars(select(Ticket.id).where(Ticket.team_id == day.team_id)))
    steps = [step for step in raw(services) if step.ticket_id in theirs]
    told = board(day, begin, until, team_id=day.team_id)
    assert told == recount(steps, since=begin, until=until)
    assert 0 < told.attainment.due < board(day, begin, until).attainment.due


def test_an_overdue_promise_counts_as_broken_before_anybody_writes_it_down(
    services: Services, clock: TestClock
) -> None:
    day = Day(services, clock)
    begin = clock()
    day.write()
    clock.forward(days=1)
    assert board(day, begin, clock()).attainment.breached == 1  # first response, not resolution
    day.sweep()
    assert board(day, begin, clock()).attainment.breached == 1


def test_the_backlog_counts_open_tickets_by_channel_and_age(
    services_on_both: Services, clock: TestClock
) -> None:
    day = Day(services_on_both, clock)
    day.run(60, pace_s=900)
    now = clock.forward(minutes=3)
    with services_on_both.reading() as session:
        found = queries.backlog(session, day.scope(), now)
        tickets = list(session.scalars(select(Ticket).where(Ticket.category == "open")))
    assert sum(one.open for one in found) == len(tickets) > 5
    for one in found:
        theirs = [ticket for ticket in tickets if ticket.last_channel == one.channel]
        ages = [(now - ticket.created_at) / timedelta(hours=1) for ticket in theirs]
        assert one.ages == (
            sum(age < 1 for age in ages),
            sum(1 <= age < 4 for age in ages),
            sum(4 <= age < 24 for age in ages),
            sum(age >= 24 for age in ages),
        )
        assert one.unassigned == sum(ticket.assignee_id is None for ticket in theirs)
        assert one.past_due == sum(ticket.next_due_at <= now for ticket in theirs)
