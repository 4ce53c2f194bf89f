"""What each message does to a ticket, its timeline and its row in the queue."""

import pytest
from sqlalchemy import select

from helpdesk.errors import NotFound
from helpdesk.events.model import Event
from helpdesk.events.service import Actor, event_hash
from helpdesk.services import Services
from helpdesk.tickets.model import Message
from helpdesk.tickets.queries import lock_ticket, read_up_to
from helpdesk.tickets.service import (
    NewTicket,
    add_system_message,
    link_ticket_to_customer,
    mark_read,
    open_ticket,
    set_status,
)
from tests.integration.tickets.desk import (
    customer_writes,
    hire,
    read_ticket,
    staff_writes,
)


def test_tickets_are_numbered_one_by_one_without_gaps(services_on_both: Services) -> None:
    services = services_on_both
    first = read_ticket(services, customer_writes(services)).number

    def fail() -> None:
        with services.begin() as tx:
            open_ticket(tx, NewTicket(subject="lost", channel="email"))
            raise RuntimeError("rolled back")

    with pytest.raises(RuntimeError):
        fail()
    assert read_ticket(services, customer_writes(services)).number == first + 1


def test_a_message_and_its_event_share_the_seq_and_the_chain_holds(
    services_on_both: Services,
) -> None:
    services = services_on_both
    ana = hire(services, "Ana")
    ticket_id = customer_writes(services)
    staff_writes(services, ticket_id, ana)
    staff_writes(services, ticket_id, ana, visibility="note")
    with services.reading() as session:
        events = session.scalars(
            select(Event).where(Event.ticket_id == ticket_id).order_by(Event.seq)
        ).all()
        messages = session.scalars(select(Message).where(Message.ticket_id == ticket_id)).all()
    assert [event.kind for event in events] == [
        "ticket.opened", "message.received", "message.sent", "ticket.status", "note.added",
    ]  # fmt: skip
    assert [event.seq for event in events] == [1, 2, 3, 4, 5]
    by_seq = {event.seq: event for event in events}
    for message in messages:
        assert by_seq[message.seq].data == {"message_id": str(message.id)}
    previous = ""
    for event in events:
        assert event.prev_hash == previous
        assert event.hash == event_hash(event)
        previous = event.hash
    assert read_ticket(services, ticket_id).last_hash == previous


def test_the_queue_row_follows_the_last_public_message(services: Services) -> None:
    ana = hire(services, "Ana")
    ticket_id = customer_writes(services, text="First\n line", channel="sms")
    assert read_ticket(services, ticket_id).snippet == "First line"
    staff_writes(services, ticket_id, ana, text="x" * 400)
    row = read_ticket(services, ticket_id)
    assert (len(row.snippet), row.last_channel, row.first_channel) == (160, "email", "sms")
    staff_writes(services, ticket_id, ana, visibility="note", text="ask finance")
    assert read_ticket(services, ticket_id).snippet == row.snippet
    staff_writes(services, ticket_id, ana, text="\n\n a" * 400)
    assert read_ticket(services, ticket_id).snippet == "a " * 79 + "a…"


@pytest.mark.parametrize("status", ["pending", "on_hold", "solved"])
def test_a_persons_message_opens_a_ticket_again(services: Services, status: str) -> None:
    ticket_id = customer_writes(services)
    with services.begin() as tx:
        set_status(tx, lock_ticket(tx, ticket_id), status, actor=Actor.system())
    customer_writes(services, ticket_id, text="Still waiting")
    row = read_ticket(services, ticket_id)
    assert (row.status, row.category, row.solved_at) == ("open", "open", None)


@pytest.mark.parametrize("auto", ["auto_reply", "bounce", "list", "own"])
def test_a_machine_reopens_nothing(services: Services, auto: str) -> None:
    ticket_id = customer_writes(services)
    with services.begin() as tx:
        set_status(tx, lock_ticket(tx, ticket_id), "solved", actor=Actor.system())
    customer_writes(services, ticket_id, text="I am on holiday", auto=auto)
    row = read_ticket(services, ticket_id)
    assert (row.category, row.snippet) == ("solved", "I am on holiday")


def test_the_products_own_message_is_no_answer(services: Services) -> None:
    ticket_id = customer_writes(services)
    with services.begin() as tx:
        ticket = lock_ticket(tx, ticket_id)
        message = add_system_message(tx, ticket, channel="email", body="Your refund is on its way.")
    row = read_ticket(services, ticket_id)
    assert (message.author_kind, message.direction, message.visibility) == (
        "system", "out", "public",
    )  # fmt: skip
    assert row.due_metric == "first_response"
    assert row.waiting_since is not None


def test_linking_another_customer_drops_the_first_ones_subscription(services: Services) -> None:
    from helpdesk.customers.model import Customer

    ticket_id = customer_writes(services)
    with services.begin() as tx:
        people = [Customer(id=tx.new_id(), name=name, created_at=tx.at) for name in ("A", "B")]
        tx.session.add_all(people)
    subscription = people[0].id  # any id: billing's are opaque here
    with services.begin() as tx:
        ticket = lock_ticket(tx, ticket_id)
        link_ticket_to_customer(tx, ticket, people[0].id, subscription, actor=Actor.system())
        link_ticket_to_customer(tx, ticket, people[0].id, None, actor=Actor.system())
        assert ticket.subscription_id == subscription
        link_ticket_to_customer(tx, ticket, people[1].id, None, actor=Actor.system())
    assert read_ticket(services, ticket_id).subscription_id is None


def test_read_marks_never_go_back(services_on_both: Services) -> None:
    services = services_on_both
    ana = hire(services, "Ana")
    ticket_id = customer_writes(services)
    for seq in (2, 5, 3):
        with services.begin() as tx:
            mark_read(tx, ticket_id, ana.id, seq)
    with services.reading() as session:
        assert read_up_to(session, ana.id, ticket_id) == 5


def test_locking_what_does_not_exist_is_refused(services: Services) -> None:
    ana = hire(services, "Ana")
    with pytest.raises(NotFound), services.begin() as tx:
        lock_ticket(tx, ana.id)
