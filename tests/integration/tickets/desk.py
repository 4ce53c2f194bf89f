"""What the tests of tickets have in common: people, and a conversation to work on."""

from uuid import UUID, uuid4

from sqlalchemy.orm import Session

from helpdesk.services import Services
from helpdesk.sla.queries import clocks_of, steps_of
from helpdesk.sla.rules import Clock, replay
from helpdesk.staff.agent import Agent
from helpdesk.staff.model import Staff, Team
from helpdesk.tickets.model import Ticket
from helpdesk.tickets.queries import lock_ticket
from helpdesk.tickets.service import (
    CustomerMessage,
    NewTicket,
    add_customer_message,
    add_staff_message,
    open_ticket,
)


def hire(
    services: Services, name: str, *, role: str = "agent", team_id: UUID | None = None
) -> Agent:
    """Save somebody who works here and return her as the product sees her."""
    with services.begin() as tx:
        person = Staff(
            id=tx.new_id(),
            email=f"{name.lower()}@sabia.example",
            name=name,
            password_hash="-",
            role=role,
            team_id=team_id,
            created_at=tx.at,
        )
        tx.session.add(person)
    return Agent(person.id, name, person.email, role, team_id, "en", "auto", session_id=uuid4())


def make_team(services: Services, name: str) -> UUID:
    with services.begin() as tx:
        team = Team(id=tx.new_id(), name=name)
        tx.session.add(team)
    return team.id


def said(text: str, *, channel: str = "email", auto: str = "") -> CustomerMessage:
    return CustomerMessage(
        channel=channel,
        author_name="Mariana Alves",
        author_handle="mariana@example.com",
        body=text,
        reply_text=text,
        auto=auto,
    )


def customer_writes(
    services: Services,
    ticket_id: UUID | None = None,
    *,
    text: str = "I was charged twice.",
    channel: str = "email",
    auto: str = "",
    team_id: UUID | None = None,
) -> UUID:
    """Have the customer write, on a new ticket where none is named. Return the ticket's id."""
    with services.begin() as tx:
        if ticket_id is None:
            ticket = open_ticket(
                tx,
                NewTicket(
                    subject="Two charges",
                    channel=channel,
                    customer_name="Mariana Alves",
                    team_id=team_id,
                ),
            )
        else:
            ticket = lock_ticket(tx, ticket_id)
        add_customer_message(tx, ticket, said(text, channel=channel, auto=auto))
        return ticket.id


def staff_writes(
    services: Services,
    ticket_id: UUID,
    agent: Agent,
    *,
    visibility: str = "public",
    text: str = "Let me look.",
) -> int:
    """Have somebody answer without anything leaving; return the message's seq."""
    with services.begin() as tx:
        ticket = lock_ticket(tx, ticket_id)
        message = add_staff_message(
            tx,
            ticket,
            agent,
            channel="email",
            body=text,
            visibility=visibility,
            client_msg_id=None,
        )
        return message.seq


def change(services: Services, ticket_id: UUID, act: object) -> None:
    """Run `act(tx, ticket)` on the locked ticket."""
    with services.begin() as tx:
        act(tx, lock_ticket(tx, ticket_id))  # type: ignore[operator]


def read_ticket(services: Services, ticket_id: UUID) -> Ticket:
    with services.reading() as session:
        return session.get_one(Ticket, ticket_id)


def clocks(services: Services, ticket_id: UUID) -> dict[tuple[str, int], Clock]:
    """Return the clocks of a ticket, once they agree with a replay of its raw steps."""
    with services.reading() as session:
        shown = projection(session, ticket_id)
        assert shown == replay(steps_of(session, ticket_id))
        return shown  # type: ignore[return-value]


def projection(session: Session, ticket_id: UUID) -> dict[tuple[object, int], Clock]:
    return {(clock.metric, clock.cycle): clock for clock in clocks_of(session, ticket_id)}
