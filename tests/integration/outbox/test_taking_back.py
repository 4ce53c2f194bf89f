"""An agent's answer waits a moment before it leaves, and can be taken back in it."""

from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from helpdesk.errors import Conflict, NotFound
from helpdesk.outbox.sending import send_due
from helpdesk.outbox.service import take_back
from helpdesk.services import Services
from helpdesk.sla.queries import clocks_of
from helpdesk.tickets.desk import ReplyAsk, reply
from helpdesk.tickets.queries import lock_ticket
from tests.conftest import TestClock
from tests.integration.inbox.world import World, mail
from tests.integration.tickets.desk import hire, make_team


@pytest.fixture
def slow(world: World) -> Services:
    """The same organisation, where an answer can be taken back for ten seconds."""
    return replace(world.services, settings=replace(world.services.settings, undo_send_s=10))


def answer(
    world: World, services: Services, ticket_id: UUID, *, then: str = "", text: str = "Olá"
) -> UUID:
    ask = ReplyAsk(channel="email", body=text, client_msg_id=str(uuid4()), then=then)
    return reply(services, world.agent, ticket_id, ask).id


def running(world: World, ticket_id: UUID) -> set[str]:
    with world.services.reading() as session:
        return {one.metric for one in clocks_of(session, ticket_id) if one.state == "running"}


def test_an_answer_leaves_when_its_time_is_over_and_not_before(
    world: World, slow: Services, clock: TestClock
) -> None:
    ticket = world.ticket_of(world.arrives(mail()))
    message_id = answer(world, slow, ticket.id)
    world.drain()
    clock.forward(seconds=9)
    send_due(slow)
    assert world.email.sent == []
    clock.forward(seconds=1)
    with pytest.raises(Conflict):  # it may be leaving at this moment
        take_back(slow, world.agent, message_id)
    send_due(slow)
    assert len(world.email.sent) == 1
    with pytest.raises(Conflict):
        take_back(slow, world.agent, message_id)


def test_what_is_taken_back_never_leaves_and_the_customer_waits_on(
    world: World, slow: Services, clock: TestClock
) -> None:
    ticket = world.ticket_of(world.arrives(mail()))
    clock.forward(minutes=5)
    message_id = answer(world, slow, ticket.id, then="solved")
    assert world.ticket(ticket.id).category == "solved"
    take_back(slow, world.agent, message_id)
    clock.forward(minutes=1)
    send_due(slow)
    world.drain()
    assert world.email.sent == []
    assert world.outbound(message_id).state == "cancelled"
    after = world.ticket(ticket.id)
    assert (after.category, after.waiting_since) == ("open", ticket.created_at)
    assert running(world, ticket.id) == {"next_response", "resolution"}
    with pytest.raises(Conflict):
        take_back(slow, world.agent, message_id)


def test_the_answers_behind_it_go_on(world: World, slow: Services, clock: TestClock) -> None:
    ticket = world.ticket_of(world.arrives(mail()))
    first = answer(world, slow, ticket.id, text="1")
    answer(world, slow, ticket.id, text="2")
    take_back(slow, world.agent, first)
    assert world.ticket(ticket.id).waiting_since is None  # the second one answers her
    clock.forward(seconds=10)
    send_due(slow)
    assert [one.text for one in world.email.sent] == ["2"]


def test_a_word_in_a_chat_is_not_held_back(world: World, slow: Services) -> None:
    with world.services.begin() as tx:
        from helpdesk.tickets.service import NewTicket, open_ticket

        ticket_id = open_ticket(tx, NewTicket("hi", "chat", chat_key="k" * 20)).id
    ask = ReplyAsk(channel="chat", body="Olá", client_msg_id=str(uuid4()))
    message = reply(slow, world.agent, ticket_id, ask)
    assert world.outbound(message.id).not_before == message.at


def test_nobody_takes_back_what_she_cannot_see(world: World, slow: Services) -> None:
    ticket = world.ticket_of(world.arrives(mail()))
    message_id = answer(world, slow, ticket.id)
    stranger = hire(world.services, "Caio", team_id=make_team(world.services, "Outra"))
    ours = make_team(world.services, "Nossa")
    with world.services.begin() as tx:
        lock_ticket(tx, ticket.id).team_id = ours
    with pytest.raises(NotFound):
        take_back(slow, stranger, message_id)
