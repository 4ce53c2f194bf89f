"""What agents of the sample company did with money, and what waits for a second person."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from billing_core.domain.money import Money
from helpdesk.billing_desk.service import CustomerNews
from helpdesk.demo import money
from helpdesk.demo.cast import with_plan
from helpdesk.demo.people import Person
from helpdesk.demo.stories import Story
from helpdesk.demo.telling import Act
from helpdesk.services import Services
from helpdesk.staff.agent import Agent

REFUNDED = (
    "Pronto! Devolvemos a última mensalidade no mesmo cartão. O banco mostra em até duas faturas."
)
CREDITED = "Deixamos um crédito de R$ 10,00 na sua próxima fatura, pelo transtorno."

# What the first conversations about a matter led to: (tag, plans of the customer).
LED_TO = {
    "cobrança": ("refund", ("essencial", "plus"), 3),
    "Pix": ("credit", ("essencial", "plus", "familia"), 3),
    "mudança de plano": ("plan_change", ("essencial",), 2),
}


@dataclass
class PastActs:
    """Chooses who writes, and which of the conversations led to an act."""

    services: Services
    ids: Mapping[str, UUID]  # customers by key
    prices: Mapping[str, UUID]  # by plan
    free: list[Person]  # who has not written yet; taken from the end
    done: dict[str, int] = field(default_factory=dict)

    def match(self, story: Story) -> tuple[Person, Act | None]:
        """Return a customer for a story, and what its agent will do for her."""
        kind, plans, most = LED_TO.get(story.tags[0], ("", (), 0))
        fitting = with_plan(self.free, *plans)
        if self.done.get(kind, 0) >= most or not fitting:
            return self.free.pop(), None
        self.done[kind] = self.done.get(kind, 0) + 1
        person = fitting[-1]
        self.free.remove(person)
        make = {"refund": self._refund, "credit": self._credit, "plan_change": self._change}[kind]
        return person, make(person, story.turns[0].channel)

    def _refund(self, person: Person, channel: str) -> Act:
        customer_id = self.ids[person.key]

        def act(agent: Agent, ticket_id: UUID) -> None:
            with self.services.reading() as session:
                request = money.refund_last_charge(session, customer_id, "our_mistake")
            news = CustomerNews(channel, REFUNDED)
            money.carry_out(self.services, agent, ticket_id, request, news=news)

        return act

    def _credit(self, person: Person, channel: str) -> Act:
        request = money.give_credit(self.ids[person.key], Money(10_00, "BRL"), "goodwill")

        def act(agent: Agent, ticket_id: UUID) -> None:
            news = CustomerNews(channel, CREDITED)
            money.carry_out(self.services, agent, ticket_id, request, news=news)

        return act

    def _change(self, person: Person, _channel: str) -> Act:
        customer_id = self.ids[person.key]

        def act(agent: Agent, ticket_id: UUID) -> None:
            with self.services.reading() as session:
                request = money.change_plan(session, customer_id, self.prices["plus"])
            money.carry_out(self.services, agent, ticket_id, request)

        return act


def ask_for_refund(services: Services, customer_id: UUID) -> Act:
    """Return an act that asks for a whole charge back, after a cancellation that went wrong."""

    def act(agent: Agent, ticket_id: UUID) -> None:
        with services.reading() as session:
            request = money.refund_last_charge(session, customer_id, "order_change")
        money.carry_out(services, agent, ticket_id, request)

    return act


def ask_for_credit(services: Services, customer_id: UUID, amount: Money) -> Act:
    """Return an act that asks for a credit, after days on which the service failed."""
    request = money.give_credit(customer_id, amount, "service_disruption")

    def act(agent: Agent, ticket_id: UUID) -> None:
        money.carry_out(services, agent, ticket_id, request)

    return act
