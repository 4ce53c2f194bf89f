"""Faults on the way out, each by its id in docs/cases.md; more stand beside their subject."""

from channels.port import Outbound, Unreachable
from helpdesk.outbox.sending import send_due
from tests.conftest import TestClock
from tests.integration.inbox.world import World, mail


def test_r2_a_worker_killed_after_the_data_was_taken_sends_no_second_copy(
    world_on_both: World, clock: TestClock
) -> None:
    world = world_on_both
    ticket = world.ticket_of(world.arrives(mail()))

    def die_after_sending(letter: Outbound) -> None:
        world.email.sent.append(letter)
        raise KeyboardInterrupt

    world.email.sending = die_after_sending
    message_id = world.replies(ticket.id)
    try:
        world.drain()
    except KeyboardInterrupt:
        assert world.outbound(message_id).state == "sending"  # committed before it left
    world.email.sending = lambda _: None
    for _ in range(20):
        clock.forward(hours=1)
        send_due(world.services)
        world.drain()
    assert world.outbound(message_id).state == "uncertain"
    assert len(world.email.sent) == 1


def test_r3_after_six_hours_without_a_server_all_leave_in_order_and_say_when(
    world_on_both: World, clock: TestClock
) -> None:
    world = world_on_both
    tickets = [world.ticket_of(world.arrives(mail(f"7:{n}"), key=f"7:{n}")).id for n in range(3)]
    world.email.faults = [Unreachable("connection refused")] * 10_000
    replies = []
    for hour in range(6):
        for ticket_id in tickets:
            replies.append(world.replies(ticket_id, f"{tickets.index(ticket_id)}.{hour}"))
        world.drain()
        for _ in range(12):
            clock.forward(minutes=5)
            send_due(world.services)
    assert {world.outbound(one).state for one in replies} == {"queued"}
    assert world.email.sent == []
    world.email.faults = []
    up = clock.at
    for _ in range(120):
        clock.forward(minutes=1)
        send_due(world.services)
        world.drain()
    left = [one.text for one in world.email.sent]
    for n in range(3):
        assert [text for text in left if text.startswith(f"{n}.")] == [f"{n}.{h}" for h in range(6)]
    for one in replies:
        sent_at = world.outbound(one).sent_at
        assert sent_at is not None
        assert sent_at > up  # the moment it really left, not when it was written
