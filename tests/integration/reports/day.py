"""A working day made by the product itself: customers write, people answer, or do not."""

import random
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import select

from helpdesk.db import UnitOfWork
from helpdesk.events.service import Actor
from helpdesk.reports.queries import Scope
from helpdesk.services import Services
from helpdesk.sla.jobs import mark_breaches
from helpdesk.staff.agent import Agent
from helpdesk.staff.model import Staff, Team
from helpdesk.tickets.defaults import add_defaults
from helpdesk.tickets.model import CHANNELS, Ticket
from helpdesk.tickets.queries import lock_ticket
from helpdesk.tickets.service import (
    CustomerMessage,
    NewTicket,
    add_customer_message,
    add_staff_message,
    open_ticket,
    set_status,
)
from tests.browser import hire
from tests.conftest import TestClock

NAMES = ("Ana Reis", "Bruno Sales", "Camila Duarte", "Diego Prates")
CUSTOMERS = (
    ("Mariana Prado", "Fui cobrada duas vezes em novembro"),
    ("Otávio Brandão", "Quero cancelar, recebo algo de volta?"),
    ("Hannah Lindqvist", "Refund promised on 6 Nov not received"),
    ("Padaria Bela Vista", "Boleto com valor diferente do mês passado"),
    ("Mei Tanaka", "Invoice shows the wrong company name"),
    ("Grupo Aurora S.A.", "Boleto pago, acesso ainda bloqueado"),
)


@dataclass
class Day:
    """Moves the clock and lets one thing happen after another."""

    services: Services
    clock: TestClock
    seed: int = 1
    agents: list[Agent] = field(default_factory=list)
    team_id: UUID | None = None
    tickets: list[UUID] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)
        with self.services.begin() as tx:
            add_defaults(tx.session)
            self.team_id = tx.new_id()
            tx.session.add(Team(id=self.team_id, name="Cobrança"))
        for n, name in enumerate(NAMES):
            hire(self.services, name=name, email=f"agent{n}@sabia.example")
        hire(self.services, "supervisor", name="Paula Lima", language="en")
        with self.services.reading() as session:
            staff = list(session.scalars(select(Staff).order_by(Staff.email)))
        self.agents = [agent_of(one) for one in staff if one.role == "agent"]
        self.boss = next(agent_of(one) for one in staff if one.role == "supervisor")

    def run(self, steps: int, *, pace_s: int = 120, sweep: bool = True) -> None:
        """Let `steps` things happen, about `pace_s` seconds apart."""
        for _ in range(steps):
            self.clock.forward(seconds=self.dice.randint(1, 2 * pace_s))
            self.dice.choices(
                [self.write, self.answer, self.wait, self.solve, self.wake_up], [5, 6, 1, 3, 1]
            )[0]()
            if sweep and self.dice.random() < 0.3:
                self.sweep()

    def write(self) -> None:
        if len(self.tickets) < 3 or self.dice.random() < 0.6:
            name, subject = self.dice.choice(CUSTOMERS)
            with self.services.begin() as tx:
                new = NewTicket(
                    subject=subject,
                    channel=self.dice.choice(CHANNELS),
                    customer_name=name,
                    team_id=self.dice.choice([None, self.team_id]),
                )
                ticket = open_ticket(tx, new)
                add_customer_message(tx, ticket, said(name, subject, ticket.first_channel))
                if self.dice.random() < 0.4:
                    ticket.money_at_stake_minor, ticket.money_currency = 129_90, "BRL"
                self.tickets.append(ticket.id)
            return
        with self.services.begin() as tx:
            known = self._any(tx)
            if known is not None and known.category != "closed":
                again = said(known.customer_name, "E então?", self.dice.choice(CHANNELS))
                add_customer_message(tx, known, again)

    def answer(self) -> None:
        with self.services.begin() as tx:
            ticket = self._any(tx)
            if ticket is None or ticket.category == "closed":
                return
            agent = self.dice.choice(self.agents)
            ticket.assignee_id = ticket.assignee_id or agent.id
            add_staff_message(
                tx,
                ticket,
                agent,
                channel=ticket.last_channel,
                body="Já vejo isso para você.",
                visibility="public",
                client_msg_id=str(tx.new_id()),
            )

    def wait(self) -> None:
        self._become("pending", when="open")

    def wake_up(self) -> None:
        self._become("open", when="waiting")

    def solve(self) -> None:
        self._become("solved", when="open")

    def _become(self, status: str, *, when: str) -> None:
        with self.services.begin() as tx:
            ticket = self._any(tx)
            if ticket is not None and ticket.category == when:
                set_status(tx, ticket, status, actor=Actor.staff(self.agents[0].id))

    def sweep(self) -> None:
        mark_breaches(self.services)

    def _any(self, tx: UnitOfWork) -> Ticket | None:
        return lock_ticket(tx, self.dice.choice(self.tickets[-40:])) if self.tickets else None

    def scope(self, **narrow: Any) -> Scope:
        """Return what the supervisor sees, or one channel or team of it."""
        return Scope(self.boss, **narrow)


def agent_of(staff: Staff) -> Agent:
    return Agent(
        id=staff.id,
        name=staff.name,
        email=staff.email,
        role=staff.role,
        team_id=staff.team_id,
        language=staff.language,
        theme=staff.theme,
        session_id=UUID(int=0),
    )


def said(name: str, text: str, channel: str) -> CustomerMessage:
    return CustomerMessage(
        channel=channel, author_name=name, author_handle="", body=text, reply_text=text
    )
