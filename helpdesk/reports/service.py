"""Putting the board together: one read, no writes."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo
from itertools import accumulate

from sqlalchemy.orm import Session

from billing_core.domain.money import Money
from helpdesk.billing_desk.queries import waiting_acts
from helpdesk.reports import chart, queries, rules
from helpdesk.reports.queries import Backlog, Scope
from helpdesk.reports.rules import Answered, Attainment, Broken, Figures, Spread
from helpdesk.reports.screen import (
    AgentRow,
    Bar,
    ChannelRow,
    DueRow,
    FiguresScreen,
    Line,
    ListsScreen,
    Open,
    Promises,
    TimeFigure,
    WaitingRow,
)
from helpdesk.sla.rules import NEVER, Metric
from helpdesk.staff.policy import may
from helpdesk.tickets.screen import SlaChip
from helpdesk.web.screen import person

SOON = timedelta(minutes=30)
SHOWN_DUE = 9
SHOWN_WAITING = 4
SHOWN_AGENTS = 9
WEEK = timedelta(days=7)
HOUR = timedelta(hours=1)
SPARK = {"width": 180, "height": 30}


def day_until(now: datetime, zone: tzinfo) -> tuple[datetime, datetime]:
    """Return [midnight where the reader is, now) in UTC terms."""
    local = now.astimezone(zone)
    return local.replace(hour=0, minute=0, second=0, microsecond=0).astimezone(now.tzinfo), now


def figures_between(session: Session, scope: Scope, since: datetime, until: datetime) -> Figures:
    """Return the figures of a stretch of time. `recount` says the same from the raw steps."""
    return rules.figures(
        queries.answered_between(session, scope, since, until),
        queries.broken_between(session, scope, since, until),
    )


def figures_screen(
    session: Session, scope: Scope, *, now: datetime, zone: tzinfo, words: chart.Words
) -> FiguresScreen:
    """Return today so far, compared with the same day last week up to the same time."""
    since, until = day_until(now, zone)
    answered = queries.answered_between(session, scope, since, until)
    broken = queries.broken_between(session, scope, since, until)
    today = rules.figures(answered, broken)
    week_ago = (now.astimezone(zone) - WEEK).astimezone(now.tzinfo)
    before = figures_between(session, scope, *day_until(week_ago, zone))
    waiting = queries.backlog(session, scope, now)
    return FiguresScreen(
        at=now,
        week_ago=week_ago,
        times=_times(today, before, answered, since, until),
        promises=_promises(today.attainment, before.attainment, answered, broken, since, until),
        open=_open(session, scope, waiting, since, now, week_ago),
        channels=_channels(waiting, today),
        chart=chart.chart(answered, since=since, until=until, zone=zone, words=words),
    )


def _times(
    today: Figures,
    before: Figures,
    answered: Sequence[Answered],
    since: datetime,
    until: datetime,
) -> tuple[TimeFigure, ...]:
    def line(metric: Metric) -> Line | None:
        of_metric = [cycle for cycle in answered if cycle.metric == metric]
        hours = rules.windows(of_metric, since=since, until=until, step=HOUR)
        target = rules.typical_target(of_metric)
        paths = rules.spark(
            [hour.spread.p90 for hour in hours], target=target[0] if target else None, **SPARK
        )
        return Line(*paths) if paths else None

    return tuple(
        TimeFigure(
            metric,
            today.spreads[metric],
            rules.change(today.spreads[metric].p50, before.spreads[metric].p50),
            line(metric),
        )
        for metric in rules.METRICS
    )


def _promises(
    today: Attainment,
    before: Attainment,
    answered: Sequence[Answered],
    broken: Sequence[Broken],
    since: datetime,
    until: datetime,
) -> Promises:
    """Return promises kept, with the day's line: all that was decided up to each full hour."""
    kept = [cycle.ended_at for cycle in answered if cycle.target_s and cycle.kept]
    hours = [since + HOUR * n for n in range(1, (until - since) // HOUR + 1)]
    paths = rules.spark(
        [
            Attainment(
                sum(at <= hour for at in kept), sum(one.at <= hour for one in broken)
            ).per_mille
            for hour in hours
        ],
        **SPARK,
    )
    points = None
    if today.per_mille is not None and before.per_mille is not None:
        points = today.per_mille - before.per_mille
    return Promises(today, points, Line(*paths) if paths else None)


def _open(
    session: Session,
    scope: Scope,
    waiting: Sequence[Backlog],
    since: datetime,
    now: datetime,
    week_ago: datetime,
) -> Open:
    count = sum(one.open for one in waiting)
    change, paths = None, None
    if scope.team_id is None:  # the hourly counts do not know teams
        hours = queries.backlog_before(session, since, now, scope.channel)
        paths = rules.spark([n for _, n in hours] + [count], **SPARK)
        then = queries.backlog_before(session, week_ago - HOUR, week_ago, scope.channel)
        change = count - then[-1][1] if then else None
    return Open(
        count,
        sum(one.unassigned for one in waiting),
        sum(one.past_due for one in waiting),
        change,
        Line(*paths) if paths else None,
    )


def _channels(waiting: Sequence[Backlog], today: Figures) -> tuple[ChannelRow, ...]:
    longest = max((one.open for one in waiting), default=0)
    return tuple(
        ChannelRow(
            one.channel,
            one.open,
            one.ages,
            age_bars(one.ages, longest),
            today.next_response_by_channel.get(one.channel, Spread()),
            today.attainment_by_channel.get(one.channel, Attainment()),
        )
        for one in waiting
    )


def age_bars(ages: Sequence[int], longest: int) -> tuple[Bar, ...]:
    """Return the parts of one age bar; the channel with most fills the whole width."""
    ends = list(accumulate(ages))
    return tuple(
        Bar(
            round((end - count) * 100 / longest, 2),
            round(max(count * 100 / longest - 0.8, 0.8), 2),  # a hairline between parts
            age,
        )
        for age, (count, end) in enumerate(zip(ages, ends, strict=True))
        if count
    )


def lists_screen(session: Session, scope: Scope, *, now: datetime, zone: tzinfo) -> ListsScreen:
    """Return who and what needs somebody now."""
    since, until = day_until(now, zone)
    late = queries.count_due(session, scope, datetime.min.replace(tzinfo=now.tzinfo), now)
    acts = waiting_acts(session, scope.agent) if scope.agent.may("billing.approve") else []
    theirs = [view for view in acts if view.act.requester_id != scope.agent.id]
    staff = queries.people(session)
    return ListsScreen(
        due=_due(session, scope, now),
        past_due=late,
        soon=queries.count_due(session, scope, now, now + SOON),
        may_approve=scope.agent.may("billing.approve"),
        waiting=tuple(
            WaitingRow(
                str(view.act.id),
                view.act.kind,
                Money(view.act.amount_minor, view.act.currency),
                view.ticket.customer_name,
                view.act.reason,
                view.act.created_at,
            )
            for view in theirs[:SHOWN_WAITING]
        ),
        waiting_count=len(theirs),
        waiting_total=_totals([Money(view.act.amount_minor, view.act.currency) for view in theirs]),
        agents=_agents(session, scope, since, until),
        by_availability=dict(Counter(one.availability for one in staff if answers(one.role))),
    )


def answers(role: str) -> bool:
    """Say whether somebody of this role carries conversations every day."""
    return may(role, "ticket.reply") and not may(role, "board.read")


def _totals(amounts: Sequence[Money]) -> tuple[Money, ...]:
    sums: Counter[str] = Counter()
    for amount in amounts:
        sums[amount.currency] += amount.minor
    return tuple(Money(minor, currency) for currency, minor in sorted(sums.items()))


def _due(session: Session, scope: Scope, now: datetime) -> tuple[DueRow, ...]:
    return tuple(
        DueRow(
            number=ticket.number,
            channel=ticket.last_channel,
            name=ticket.customer_name,
            subject=ticket.subject or ticket.snippet,
            metric=ticket.due_metric,
            sla=SlaChip("running", due_at=ticket.next_due_at, target_s=ticket.due_target_s),
            at_stake=Money(ticket.money_at_stake_minor, ticket.money_currency)
            if ticket.money_at_stake_minor and ticket.money_currency
            else None,
            owner=person(owner.name, key=str(owner.id)) if owner else None,
        )
        for ticket, owner in queries.due_before(
            session, scope, min(now + SOON, NEVER), limit=SHOWN_DUE
        )
    )


def _agents(
    session: Session, scope: Scope, since: datetime, until: datetime
) -> tuple[AgentRow, ...]:
    """Return those who carry conversations, the most loaded first."""
    owned = queries.open_by_owner(session, scope)
    answered = queries.answered_between(session, scope, since, until)
    rows = []
    for one in queries.people(session):
        channels = owned.get(one.id, {})
        if not answers(one.role) and not channels:
            continue
        theirs = (
            rules.waited_s(cycle)
            for cycle in answered
            if cycle.metric == "next_response" and cycle.staff_id == one.id
        )
        disc = person(one.name, key=str(one.id), availability=one.availability)  # type: ignore[arg-type]  # a CHECK keeps the words
        most_first = tuple(sorted(channels.items(), key=lambda item: (-item[1], item[0])))
        rows.append(AgentRow(disc, most_first, sum(channels.values()), rules.spread(theirs)))
    rows.sort(key=lambda row: (-row.load, row.person.name))
    return tuple(rows[:SHOWN_AGENTS])
