"""Rows that wait to be written together are there for whoever looks."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event, func, select

from helpdesk.db import UnitOfWork
from helpdesk.events.model import Event
from helpdesk.events.service import Actor, append_event
from helpdesk.tickets.model import Participant, Ticket
from helpdesk.tickets.service import NewTicket, open_ticket
from tests.integration.inbox.world import World, mail


def opened(tx: UnitOfWork) -> Ticket:
    return open_ticket(tx, NewTicket(subject="Cobrança", channel="email", customer_name="Ana"))


def count(tx: UnitOfWork, rows: type[Event] | type[Ticket]) -> int:
    return tx.session.scalars(select(func.count()).select_from(rows)).one()


@contextmanager
def heard(world: World) -> Iterator[list[str]]:
    """Collect the statements that add rows to the conversation."""
    said: list[str] = []

    def hear(*facts: object) -> None:
        if "INSERT INTO message" in str(facts[2]):
            said.append(str(facts[2]))

    event.listen(world.services.db.engine, "before_cursor_execute", hear)
    yield said
    event.remove(world.services.db.engine, "before_cursor_execute", hear)


def test_a_row_that_waits_is_found_by_the_next_question(world_on_both: World) -> None:
    with world_on_both.services.begin() as tx:
        ticket = opened(tx)
        assert tx.is_unwritten(ticket)
        assert (count(tx, Ticket), count(tx, Event)) == (1, 1)
        assert not tx.is_unwritten(ticket)


def test_a_row_is_followed_before_it_is_written_and_after(world_on_both: World) -> None:
    with world_on_both.services.begin() as tx:
        ticket = opened(tx)
        ticket.subject = "before"
        assert tx.session.scalar(select(Ticket.subject)) == "before"
        ticket.subject = "after"
    with world_on_both.services.reading() as session:
        found = session.scalars(select(Ticket)).one()
    assert (found.subject, found.solved_at, found.priority) == ("after", None, "normal")


def test_what_the_session_adds_itself_comes_after_what_waits(world_on_both: World) -> None:
    with world_on_both.services.begin() as tx:
        ticket = opened(tx)
        tx.session.add(
            Participant(id=tx.new_id(), ticket_id=ticket.id, kind="email", value="ana@x.example")
        )
    assert world_on_both.count(Participant) == 1


def test_nothing_that_waited_is_left_of_a_transaction_that_failed(world_on_both: World) -> None:
    def fail() -> None:
        with world_on_both.services.begin() as tx:
            opened(tx)
            raise RuntimeError("the power went")

    with pytest.raises(RuntimeError):
        fail()
    assert world_on_both.count(Ticket) == world_on_both.count(Event) == 0


def test_a_savepoint_takes_along_what_came_after_it_and_nothing_else(world_on_both: World) -> None:
    def refuse(tx: UnitOfWork, ticket: Ticket) -> None:
        with tx.session.begin_nested():
            append_event(tx, ticket, "ticket.tagged", actor=Actor.system())
            raise RuntimeError("refused")

    with world_on_both.services.begin() as tx:
        ticket = opened(tx)
        with pytest.raises(RuntimeError):
            refuse(tx, ticket)
    assert world_on_both.count(Ticket) == world_on_both.count(Event) == 1


def test_all_that_a_mail_adds_reaches_postgresql_in_one_statement(world_on_both: World) -> None:
    with heard(world_on_both) as said:
        world_on_both.arrives(mail("m1", text="Oi"))
    (statement,) = said
    together = [
        name
        for name in ("ticket", "event", "participant", "mail_index", "sla_clock", "metric_event")
        if f"INSERT INTO {name} " in statement
    ]
    on_postgresql = world_on_both.services.db.engine.dialect.name == "postgresql"
    assert len(together) == (6 if on_postgresql else 0)
