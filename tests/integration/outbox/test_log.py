"""The delivery log: every message with its true state, every try, and the alarms."""

from dataclasses import replace
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select

from channels.port import Outbound, Refused, Uncertain, Unreachable
from helpdesk.app import create_app
from helpdesk.errors import Conflict
from helpdesk.outbox.log import KINDS, LogAsk, LogScreen, log_screen
from helpdesk.outbox.model import OutboundAttempt
from helpdesk.outbox.sending import mark_abandoned, send_due
from helpdesk.outbox.service import confirm_sent, retry_outbound
from tests.browser import Browser, hire
from tests.conftest import TestClock, drain
from tests.integration.inbox.world import ANA, World, mail, text_message


@pytest.fixture
def app(world: World) -> Flask:
    return create_app(world.services.settings, world.services)


@pytest.fixture
def browser(world: World, app: Flask) -> Browser:
    browser = Browser(app)
    browser.sign_in(hire(world.services, "supervisor", language="en"))
    return browser


def log_of(world: World, kind: str = "all") -> LogScreen:
    boss = replace(world.agent, role="supervisor")
    with world.services.reading() as session:
        return log_screen(session, boss, LogAsk(kind), at=world.services.clock())


def fails(world: World, ticket_id: UUID, *faults: Exception) -> UUID:
    world.email.faults = list(faults)
    message_id = world.replies(ticket_id)
    world.drain()
    return message_id


def dies_after_a_day(world: World, ticket_id: UUID, clock: TestClock) -> UUID:
    message_id = fails(world, ticket_id, *[Unreachable("no mail server")] * 1000)
    clock.forward(hours=25)
    send_due(world.services)
    world.email.faults = []
    return message_id


def test_each_end_of_a_message_has_its_own_list(world_on_both: World, clock: TestClock) -> None:
    world = world_on_both
    tickets = [world.ticket_of(world.arrives(mail(f"7:{n}"), key=f"7:{n}")).id for n in range(5)]
    dead = dies_after_a_day(world, tickets[0], clock)
    refused = fails(world, tickets[1], Refused("550 no such user"))
    unsure = fails(world, tickets[2], Uncertain("cut"))
    sent = fails(world, tickets[3])
    waits = fails(world, tickets[4], Unreachable("away"))
    lists = {kind: {row.id for row in log_of(world, kind).rows} for kind in KINDS}
    ends = (dead, refused, unsure, sent, waits)
    dead, refused, unsure, sent, waits = (world.outbound(one).id for one in ends)
    assert lists == {
        "attention": {str(dead), str(refused), str(unsure)},
        "waiting": {str(waits)},
        "uncertain": {str(unsure)},
        "failed": {str(refused)},
        "dead": {str(dead)},
        "sent": {str(sent)},
        "cancelled": set(),
        "all": {str(one) for one in (dead, refused, unsure, sent, waits)},
    }
    clock.forward(minutes=16)
    alarms = log_of(world).alarms
    assert (alarms.dead, alarms.failed, alarms.uncertain, alarms.waiting) == (1, 1, 1, 1)
    assert (alarms.oldest_s, alarms.too_old) == (960, True)


def test_every_try_of_a_message_is_written_down(world_on_both: World, clock: TestClock) -> None:
    world = world_on_both
    ticket = world.ticket_of(world.arrives(mail()))
    fails(world, ticket.id, Unreachable("away"), Unreachable("still away"))
    for _ in range(2):
        clock.forward(minutes=1)
        send_due(world.services)
    (row,) = log_of(world).rows
    assert row.recipient == ANA
    assert [(one.position, one.outcome, one.why) for one in row.tries] == [
        (3, "sent", ""), (2, "queued", "still away"), (1, "queued", "away"),
    ]  # fmt: skip


def test_a_slow_process_corrects_what_was_said_of_a_dead_one(
    world: World, ticket_id: UUID, clock: TestClock
) -> None:
    def takes_longer_than_its_lease(_: Outbound) -> None:
        clock.forward(minutes=6)
        mark_abandoned(world.services)

    world.email.sending = takes_longer_than_its_lease
    message_id = world.replies(ticket_id)
    world.drain()
    assert world.outbound(message_id).state == "sent"
    with world.services.reading() as session:
        (attempt,) = session.scalars(select(OutboundAttempt))
    assert (attempt.position, attempt.outcome) == (1, "sent")


def test_a_dead_letter_sent_again_is_dead_no_more(
    world: World, ticket_id: UUID, clock: TestClock
) -> None:
    message_id = dies_after_a_day(world, ticket_id, clock)
    assert log_of(world, "dead").alarms.dead == 1
    retry_outbound(world.services, world.agent, message_id)
    world.drain()
    assert world.outbound(message_id).state == "sent"
    assert log_of(world, "dead").alarms.dead == 0


def test_a_person_says_that_an_uncertain_message_was_sent(world: World, ticket_id: UUID) -> None:
    message_id = fails(world, ticket_id, Uncertain("cut"))
    confirm_sent(world.services, world.agent, message_id)
    row = world.outbound(message_id)
    assert (row.state, row.sent_at) == ("sent", row.last_try_at)
    with pytest.raises(Conflict):
        confirm_sent(world.services, world.agent, message_id)
    refused = fails(world, ticket_id, Refused("no"))
    with pytest.raises(Conflict):
        confirm_sent(world.services, world.agent, refused)


# -- draining ---------------------------------------------------------------------------------


def test_no_more_leave_in_a_minute_than_the_cap_and_no_channel_waits_for_another(
    world_on_both: World, clock: TestClock
) -> None:
    world = world_on_both
    capped = replace(world.services, settings=replace(world.services.settings, outbox_per_minute=3))
    for n in range(8):
        world.replies(world.ticket_of(world.arrives(mail(f"7:{n}"), key=f"7:{n}")).id, str(n))
        clock.forward(milliseconds=1)  # ids of one millisecond have no order
    phone = world.ticket_of(world.arrives(text_message()))
    world.replies(phone.id, channel="sms")
    drain(capped)  # a wake-up for each: they are capped as the sweep is
    for later_s, left in ((0, 3), (30, 3), (31, 6), (61, 8)):
        clock.forward(seconds=later_s)
        send_due(capped)
        send_due(capped)
        assert (len(world.email.sent), len(world.sms.sent)) == (left, 1)
    assert [one.text for one in world.email.sent] == [str(n) for n in range(8)]


def test_a_long_queue_behind_a_failing_message_hides_nobody_elses(
    world_on_both: World, clock: TestClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("helpdesk.outbox.sending.AT_ONCE", 4)
    world = world_on_both
    stuck = world.ticket_of(world.arrives(mail("7:1"))).id
    world.email.faults = [Unreachable("away")]
    for n in range(6):
        world.replies(stuck, f"stuck {n}")
    send_due(world.services)
    world.services.db.jobs.close()  # every wake-up is lost: the sweep is all there is
    clock.forward(seconds=1)
    other = world.ticket_of(world.arrives(mail("7:2"), key="7:2")).id
    world.replies(other, "free")
    world.services.db.jobs.close()
    send_due(world.services)
    assert [one.text for one in world.email.sent] == ["free"]


# -- the screen -------------------------------------------------------------------------------


def test_the_log_asks_whether_an_uncertain_message_was_sent(
    world: World, ticket_id: UUID, browser: Browser
) -> None:
    message_id = fails(world, ticket_id, Uncertain("the connection was cut"))
    page = browser.get("/deliveries").get_data(as_text=True)
    for told in (ANA, "Was it sent?", "the connection was cut", "not known if it arrived"):
        assert told in page
    said = browser.post(
        f"/deliveries/{world.outbound(message_id).id}/was-sent?kind=sent", htmx=True
    )
    assert ANA in said.get_data(as_text=True)
    assert world.outbound(message_id).state == "sent"
    again = browser.post(f"/deliveries/{world.outbound(message_id).id}/give-up", htmx=True)
    assert (again.status_code, "arrived" in again.get_data(as_text=True)) == (409, True)


def test_dead_letters_are_sent_again_or_left_from_the_log(
    world: World, ticket_id: UUID, browser: Browser, clock: TestClock
) -> None:
    dead = dies_after_a_day(world, ticket_id, clock)
    browser.sign_in("supervisor@sabia.example")  # a day has passed
    assert "given up after a day" in browser.get("/deliveries?kind=dead").get_data(as_text=True)
    answer = browser.post(f"/deliveries/{world.outbound(dead).id}/retry?kind=dead")
    assert (answer.status_code, answer.location) == (303, "/deliveries?kind=dead")
    assert world.outbound(dead).state == "queued"
    world.drain()
    refused = fails(world, ticket_id, Refused("no"))
    browser.post(f"/deliveries/{world.outbound(refused).id}/give-up")
    assert world.outbound(refused).state == "cancelled"


@pytest.mark.parametrize("query", ["?kind=other", "?after=1", "?x=1"])
def test_an_unknown_choice_is_refused(browser: Browser, query: str) -> None:
    assert browser.get(f"/deliveries{query}").status_code == 422


def test_the_number_of_dead_letters_is_a_figure(
    world: World, ticket_id: UUID, browser: Browser, clock: TestClock
) -> None:
    dies_after_a_day(world, ticket_id, clock)
    figures = browser.get("/metrics").get_data(as_text=True)
    assert "guiche_dead_letters 1.0" in figures
