"""The queue: who is in it, in what order, and how much it costs to show."""

from datetime import timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import event

from helpdesk.errors import InvalidInput
from helpdesk.services import Services
from helpdesk.staff.agent import Agent
from helpdesk.tickets import desk
from helpdesk.tickets import queue as queue_module
from helpdesk.tickets.queue import QueueAsk, Reader, queue_screen
from helpdesk.tickets.screen import QueueScreen
from tests.conftest import TestClock
from tests.integration.tickets.desk import (
    change,
    customer_writes,
    hire,
    make_team,
    read_ticket,
    staff_writes,
)

SAO_PAULO = ZoneInfo("America/Sao_Paulo")


def look(services: Services, agent: Agent, view: str = "all", **ask: str) -> QueueScreen:
    with services.reading() as session:
        reader = Reader(agent, services.clock(), SAO_PAULO)
        return queue_screen(session, reader, QueueAsk(view, **ask))  # type: ignore[arg-type]


def rows(screen: QueueScreen) -> list[str]:
    return [row.ticket_id for group in screen.groups for row in group.rows]


def due_in(services: Services, ticket_id: UUID, **delta: float) -> None:
    at = services.clock() + timedelta(**delta)
    change(services, ticket_id, lambda tx, ticket: setattr(ticket, "next_due_at", at))


def test_the_next_deadline_comes_first_in_groups(services_on_both: Services) -> None:
    services = services_on_both
    ana = hire(services, "Ana")
    made = [customer_writes(services) for _ in range(5)]
    for ticket_id, minutes in zip(made, (600, -5, 3 * 24 * 60, 29, 0), strict=True):
        due_in(services, ticket_id, minutes=minutes)
    screen = look(services, ana)
    assert [(group.code, group.total) for group in screen.groups] == [
        ("late", 2), ("soon", 1), ("today", 1), ("later", 1),
    ]  # fmt: skip
    assert rows(screen) == [str(made[place]) for place in (1, 4, 3, 0, 2)]
    assert (screen.total, screen.late) == (5, 2)


def test_pages_follow_one_another_without_gap_or_repeat(
    services_on_both: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = services_on_both
    monkeypatch.setattr(queue_module, "PAGE", 3)
    ana = hire(services, "Ana")
    made = {str(customer_writes(services)) for _ in range(8)}  # all due at the same instant
    seen: list[str] = []
    after = ""
    for _ in range(4):
        screen = look(services, ana, after=after)
        seen += rows(screen)
        after = screen.next_page
        if not after:
            break
    assert len(seen) == len(set(seen)) == 8
    assert set(seen) == made
    for cursor in ("x", "é", "AAAA"):
        with pytest.raises(InvalidInput):
            look(services, ana, after=cursor)


def test_solved_pages_go_back_in_time(
    services: Services, clock: TestClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_module, "PAGE", 2)
    ana = hire(services, "Ana")
    made = [customer_writes(services) for _ in range(5)]
    for ticket_id in made:
        clock.forward(minutes=1)
        desk.change_category(services, ana, ticket_id, "solved")
    first = look(services, ana, "solved")
    second = look(services, ana, "solved", after=first.next_page)
    last = look(services, ana, "solved", after=second.next_page)
    assert rows(first) + rows(second) + rows(last) == [str(one) for one in reversed(made)]
    assert last.next_page == ""


def test_each_view_holds_its_own(services: Services, clock: TestClock) -> None:
    ana, bruno = hire(services, "Ana"), hire(services, "Bruno")
    mine, his, free, waits, done = (customer_writes(services) for _ in range(5))
    desk.assign(services, ana, mine, ana.id)
    desk.assign(services, bruno, his, bruno.id)
    desk.snooze(services, ana, waits, clock.at + timedelta(hours=3))
    desk.change_category(services, ana, done, "solved")
    shown = {view: set(rows(look(services, ana, view))) for view in queue_module.VIEWS}
    assert shown == {
        "mine": {str(mine)},
        "unassigned": {str(free)},
        "all": {str(mine), str(his), str(free)},
        "waiting": {str(waits)},
        "solved": {str(done)},
    }


def test_nobody_sees_another_teams_queue_or_counts_it(services: Services) -> None:
    ours, theirs = make_team(services, "Billing"), make_team(services, "Technical")
    ana = hire(services, "Ana", team_id=ours)
    lia = hire(services, "Lia", role="supervisor", team_id=theirs)
    seen = {str(customer_writes(services, team_id=ours)), str(customer_writes(services))}
    hidden = customer_writes(services, team_id=theirs, channel="sms")
    screen = look(services, ana)
    assert set(rows(screen)) == seen
    assert (screen.total, dict(screen.channels)) == (2, {"email": 2})
    assert str(hidden) in rows(look(services, lia))


def test_a_channel_filter_narrows_rows_and_keeps_the_other_figures(services: Services) -> None:
    ana = hire(services, "Ana")
    for channel in ("email", "email", "sms"):
        customer_writes(services, channel=channel)
    screen = look(services, ana, channel="sms")
    assert (len(rows(screen)), screen.total) == (1, 1)
    assert dict(screen.channels) == {"email": 2, "sms": 1}


def test_what_somebody_said_is_unread_until_it_is_read(services: Services) -> None:
    ana, bruno = hire(services, "Ana"), hire(services, "Bruno")
    ticket_id = customer_writes(services)

    def unread(agent: Agent) -> bool:
        return look(services, agent).groups[0].rows[0].unread

    assert unread(ana)
    desk.read(services, ana, ticket_id, read_ticket(services, ticket_id).last_seq)
    assert not unread(ana)
    desk.tag(services, bruno, ticket_id, add=frozenset({"vip"}))
    assert not unread(ana)  # a grey line is no news
    staff_writes(services, ticket_id, bruno, visibility="note")
    assert (unread(ana), unread(bruno)) == (True, False)


def test_figures_are_bounded_and_a_page_costs_three_selects(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_module, "COUNTED", 4)
    ana = hire(services, "Ana")
    for _ in range(7):
        customer_writes(services)
    statements: list[str] = []

    def listen(_conn: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    event.listen(services.db.engine, "before_cursor_execute", listen)
    screen = look(services, ana)
    assert screen.total == 4
    assert len([one for one in statements if one.startswith("SELECT")]) == 3
    assert all("LIMIT" in one for one in statements if "count" in one)
