"""Whoever only gets copies of a conversation is never taken for the customer of it."""

from uuid import UUID

import pytest
from sqlalchemy import update

from helpdesk.customers.merging import undo_merge
from helpdesk.customers.model import Customer
from helpdesk.customers.queries import handles_of
from helpdesk.customers.service import link, link_proven
from helpdesk.events.service import Actor
from helpdesk.tickets.model import Participant
from helpdesk.tickets.panel import panel_screen
from helpdesk.tickets.participants import add_participant
from helpdesk.tickets.queries import lock_ticket
from tests.integration.customers.test_merging import join
from tests.integration.inbox.world import ANA, PHONE, World, mail, text_message
from tests.integration.tickets.test_money_beside import english

BOOKS = "contas@escritorio.example"


@pytest.fixture
def ticket_id(world: World) -> UUID:
    """A conversation of somebody whom nobody knows, with her accountant in copy."""
    ticket = world.ticket_of(world.arrives(mail("7:1", message_id="hers@x")))
    world.replies(ticket.id, cc=[BOOKS])
    return ticket.id


def answers_in_copy(world: World) -> None:
    world.arrives(mail("7:2", sender=BOOKS, references=["hers@x"], name="Contas"))


def addresses(world: World, customer_id: UUID) -> set[str]:
    with world.services.reading() as session:
        return {one.value for one in handles_of(session, customer_id)}


def test_a_customer_who_answers_in_copy_does_not_become_the_one_whose_conversation_it_is(
    world: World, ticket_id: UUID
) -> None:
    world.customer("Escritório", email=BOOKS)
    answers_in_copy(world)
    assert [one.author_handle for one in world.messages(ticket_id)] == [ANA, "", BOOKS]
    assert world.ticket(ticket_id).customer_id is None
    ana = world.customer("Ana Souza", email=ANA)
    world.arrives(mail("7:3", references=["hers@x"]))
    assert world.ticket(ticket_id).customer_id == ana


def test_an_address_in_copy_is_not_given_to_the_customer_with_her_own(
    world: World, ticket_id: UUID
) -> None:
    answers_in_copy(world)
    ana = world.customer("Ana Souza", phone=PHONE)
    link(world.services, world.agent, ticket_id=ticket_id, customer_id=ana)
    assert addresses(world, ana) == {PHONE, ANA}


def test_a_proof_of_the_customer_proves_her_own_address_and_not_the_one_in_copy(
    world: World, ticket_id: UUID
) -> None:
    answers_in_copy(world)
    ana = world.customer("Ana Souza", phone=PHONE)
    with world.services.begin() as tx:
        customer = tx.session.get_one(Customer, ana)
        link_proven(tx, lock_ticket(tx, ticket_id), customer, actor=Actor.staff(world.agent.id))
    assert addresses(world, ana) == {PHONE, ANA}


def test_nobody_is_offered_as_the_customer_for_being_in_copy(world: World) -> None:
    office = world.customer("Escritório", email=BOOKS)
    ticket_id = world.ticket_of(world.arrives(mail("8:1", sender="a.b@x.example", name=""))).id

    def offered() -> list[str]:
        with world.services.reading() as session:
            ticket = world.ticket(ticket_id)
            panel = panel_screen(session, ticket, world.agent, english(world.services))
        return [one.customer_id for one in panel.candidates]

    world.replies(ticket_id, cc=[BOOKS])
    assert offered() == []
    with world.services.begin() as tx:
        tx.session.execute(update(Participant).values(cc=False))
    assert offered() == [str(office)]


def test_a_copy_does_not_keep_a_conversation_from_going_back_with_its_customer(
    world: World, ticket_id: UUID
) -> None:
    by_mail = world.customer("Ana Souza", email=ANA)
    by_phone = world.customer("Ana Maria Souza", phone=PHONE)
    merge_id = join(world, by_mail, by_phone)
    later = world.ticket_of(world.arrives(text_message("SM9")))
    with world.services.begin() as tx:
        add_participant(tx, lock_ticket(tx, later.id), "email", BOOKS, cc=True)
    undo_merge(world.services, world.agent, merge_id)
    assert world.ticket(later.id).customer_id == by_phone
