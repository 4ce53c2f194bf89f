"""When clocks start, stop, rest and break, on whole conversations."""

from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from helpdesk.events.service import Actor
from helpdesk.services import Services
from helpdesk.sla.jobs import mark_breaches
from helpdesk.sla.rules import NEVER
from helpdesk.sla.service import cancel_clocks
from helpdesk.tickets.service import add_system_message, set_status
from tests.conftest import TestClock
from tests.integration.tickets.desk import (
    change,
    clocks,
    customer_writes,
    hire,
    read_ticket,
    staff_writes,
)

HOUR = 3600


def to(status: str) -> object:
    return lambda tx, ticket: set_status(tx, ticket, status, actor=Actor.system())


def test_the_first_message_starts_the_first_response_and_the_resolution(
    services_on_both: Services, clock: TestClock
) -> None:
    services = services_on_both
    ticket_id = customer_writes(services, channel="email")
    assert {key: (one.state, one.due_at) for key, one in clocks(services, ticket_id).items()} == {
        ("first_response", 1): ("running", clock.at + timedelta(hours=4)),
        ("resolution", 1): ("running", clock.at + timedelta(hours=48)),
    }
    row = read_ticket(services, ticket_id)
    assert (row.next_due_at, row.due_metric, row.due_target_s) == (
        clock.at + timedelta(hours=4), "first_response", 4 * HOUR,
    )  # fmt: skip
    assert row.waiting_since == clock.at


def test_several_messages_in_a_row_are_one_wait_from_the_oldest(
    services: Services, clock: TestClock
) -> None:
    ana = hire(services, "Ana")
    ticket_id = customer_writes(services)
    staff_writes(services, ticket_id, ana)
    asked = clock.forward(minutes=10)
    customer_writes(services, ticket_id)
    clock.forward(minutes=10)
    customer_writes(services, ticket_id)
    reply = clocks(services, ticket_id)["next_response", 1]
    assert (reply.started_at, reply.state) == (asked, "running")
    assert ("next_response", 2) not in clocks(services, ticket_id)
    assert read_ticket(services, ticket_id).waiting_since == asked
    clock.forward(minutes=5)
    staff_writes(services, ticket_id, ana)
    assert clocks(services, ticket_id)["next_response", 1].consumed_s == 15 * 60
    customer_writes(services, ticket_id)
    assert clocks(services, ticket_id)["next_response", 2].state == "running"


def test_only_a_public_answer_by_a_person_stops_the_reply_clock(
    services: Services, clock: TestClock
) -> None:
    ana = hire(services, "Ana")
    ticket_id = customer_writes(services)
    staff_writes(services, ticket_id, ana, visibility="note")
    change(
        services,
        ticket_id,
        lambda tx, ticket: add_system_message(tx, ticket, channel="email", body="We got it."),
    )
    assert clocks(services, ticket_id)["first_response", 1].state == "running"
    clock.forward(hours=1)
    staff_writes(services, ticket_id, ana)
    done = clocks(services, ticket_id)["first_response", 1]
    assert (done.state, done.consumed_s) == ("fulfilled", HOUR)
    row = read_ticket(services, ticket_id)
    assert (row.due_metric, row.waiting_since) == ("resolution", None)


@pytest.mark.parametrize("auto", ["auto_reply", "bounce", "list", "own"])
def test_a_machine_starts_no_clock(services: Services, auto: str) -> None:
    ticket_id = customer_writes(services, auto=auto)
    assert clocks(services, ticket_id) == {}
    row = read_ticket(services, ticket_id)
    assert (row.next_due_at, row.due_metric, row.waiting_since) == (NEVER, "", None)


def test_the_agent_who_spoke_last_owes_nothing(services: Services) -> None:
    ana = hire(services, "Ana")
    ticket_id = customer_writes(services)
    staff_writes(services, ticket_id, ana)
    change(services, ticket_id, to("pending"))
    row = read_ticket(services, ticket_id)
    assert (row.next_due_at, row.due_metric) == (NEVER, "")


def test_waiting_for_the_customer_rests_the_resolution_but_not_an_owed_answer(
    services_on_both: Services, clock: TestClock
) -> None:
    services = services_on_both
    ticket_id = customer_writes(services)
    clock.forward(hours=1)
    change(services, ticket_id, to("pending"))
    clock.forward(hours=10)
    held = clocks(services, ticket_id)
    assert (held["resolution", 1].state, held["resolution", 1].consumed_s) == ("paused", HOUR)
    assert held["first_response", 1].state == "running"
    customer_writes(services, ticket_id)
    resumed = clocks(services, ticket_id)["resolution", 1]
    assert resumed.due_at == clock.at + timedelta(hours=47)


def test_solving_fulfils_the_resolution_and_cancels_an_owed_answer(services: Services) -> None:
    ticket_id = customer_writes(services)
    change(services, ticket_id, to("solved"))
    assert {key: one.state for key, one in clocks(services, ticket_id).items()} == {
        ("first_response", 1): "cancelled",
        ("resolution", 1): "fulfilled",
    }
    row = read_ticket(services, ticket_id)
    assert (row.next_due_at, row.waiting_since) == (NEVER, None)


def test_opening_again_starts_new_cycles_and_never_counts_the_quiet_days(
    services: Services, clock: TestClock
) -> None:
    ana = hire(services, "Ana")
    ticket_id = customer_writes(services)
    staff_writes(services, ticket_id, ana)
    change(services, ticket_id, to("solved"))
    clock.forward(days=5)
    customer_writes(services, ticket_id)
    clock.forward(minutes=3)
    staff_writes(services, ticket_id, ana)
    shown = clocks(services, ticket_id)
    assert shown["next_response", 1].consumed_s == 3 * 60
    assert (shown["resolution", 2].state, shown["resolution", 1].state) == ("running", "fulfilled")
    assert shown["first_response", 1].state == "fulfilled"
    assert ("first_response", 2) not in shown


def test_a_ticket_solved_unanswered_owes_a_first_answer_when_it_opens_again(
    services: Services,
) -> None:
    ticket_id = customer_writes(services)
    change(services, ticket_id, to("solved"))
    customer_writes(services, ticket_id)
    assert clocks(services, ticket_id)["first_response", 2].state == "running"


def test_an_agent_who_opens_a_ticket_again_owes_a_solution_but_no_answer(
    services: Services,
) -> None:
    ticket_id = customer_writes(services)
    change(services, ticket_id, to("solved"))
    change(services, ticket_id, to("open"))
    shown = clocks(services, ticket_id)
    assert shown["resolution", 2].state == "running"
    assert [key for key, one in shown.items() if one.open] == [("resolution", 2)]


def test_spam_ends_every_clock_without_a_result(services: Services) -> None:
    ticket_id = customer_writes(services)
    change(services, ticket_id, cancel_clocks)
    assert {one.state for one in clocks(services, ticket_id).values()} == {"cancelled"}
    assert read_ticket(services, ticket_id).next_due_at == NEVER


def test_the_sweep_writes_each_breach_once_at_the_instant_it_happened(
    services_on_both: Services, clock: TestClock
) -> None:
    services = services_on_both
    ticket_id = customer_writes(services, channel="email")
    due = clock.at + timedelta(hours=4)
    clock.forward(hours=3)
    mark_breaches(services)
    assert clocks(services, ticket_id)["first_response", 1].breached_at is None
    clock.forward(hours=6)
    mark_breaches(services)
    mark_breaches(services)
    late = clocks(services, ticket_id)["first_response", 1]
    assert (late.breached_at, late.state, late.position) == (due, "running", 2)
    assert read_ticket(services, ticket_id).next_due_at == due  # it stays on top of the queue


def test_a_late_answer_is_a_breach_also_when_no_sweep_came_by(
    services: Services, clock: TestClock
) -> None:
    ana = hire(services, "Ana")
    ticket_id = customer_writes(services, channel="chat")
    due = clock.at + timedelta(minutes=2)
    clock.forward(minutes=9)
    staff_writes(services, ticket_id, ana)
    late = clocks(services, ticket_id)["first_response", 1]
    assert (late.breached_at, late.state, late.consumed_s) == (due, "fulfilled", 9 * 60)


def test_a_channel_without_a_promise_is_measured_and_never_due(services: Services) -> None:
    with services.begin() as tx:
        tx.session.execute(text("DELETE FROM sla_target"))
    ticket_id = customer_writes(services)
    assert {one.due_at for one in clocks(services, ticket_id).values()} == {None}
    assert read_ticket(services, ticket_id).next_due_at == NEVER


@pytest.mark.parametrize(
    "statement", ["UPDATE metric_event SET cycle = 9", "DELETE FROM metric_event"]
)
def test_metric_events_cannot_be_rewritten(services_on_both: Services, statement: str) -> None:
    services = services_on_both
    customer_writes(services)

    def rewrite() -> None:
        with services.begin() as tx:
            tx.session.execute(text(statement))

    with pytest.raises(DBAPIError):
        rewrite()
