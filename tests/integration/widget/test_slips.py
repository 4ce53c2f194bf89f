"""Money in a visitor's chat: her own, and only while her site vouches for her."""

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

import pytest

from billing_core.credits import CreditAsk
from billing_core.refunds import RefundAsk
from billing_core.subscriptions import PlanChangeAsk
from helpdesk.billing_desk.acts import Request
from helpdesk.billing_desk.model import MoneyAct
from helpdesk.billing_desk.service import confirm, open_preview
from helpdesk.customers.service import add_handle, link
from helpdesk.services import Services
from tests.conftest import TestClock, drain
from tests.integration.billing_desk.world import Desk, GatewayInMemory, brl, build
from tests.integration.widget.visitor import ChatWorld, Visitor


class PaidChat:
    """Mariana, who pays R$ 100.00 a month, in a chat to which her site signs her in."""

    def __init__(self, desk: Desk, chat: ChatWorld) -> None:
        self.desk, self.chat = desk, chat
        with chat.services.begin() as tx:
            add_handle(tx, desk.customer_id, kind="external", value="mariana", verified=True)
        self.mariana = chat.visitor("mariana", "Mariana")
        self.mariana.says("I was charged twice")
        self.ticket_id = self.ticket_of(self.mariana)

    def ticket_of(self, visitor: Visitor) -> UUID:
        from helpdesk.widget.queries import current_ticket
        from helpdesk.widget.service import chat_key_of

        ticket = self.chat.look(
            lambda session: current_ticket(session, chat_key_of(visitor.secret))
        )
        assert ticket is not None
        return ticket.id

    def does(self, request: Request, ticket_id: UUID | None = None) -> UUID:
        services = self.chat.services
        preview = open_preview(services, self.desk.ana, ticket_id or self.ticket_id, request)
        act = confirm(services, self.desk.ana, preview.id, one_time_key=str(preview.id))
        drain(services)
        return act

    def refunds(self, minor: int = 30_00, ticket_id: UUID | None = None) -> UUID:
        ask = RefundAsk(payment_id=self.desk.payment_id, amount=brl(minor), reason="our_mistake")
        return self.does(Request(ask), ticket_id)

    def state(self, act_id: UUID) -> str:
        return self.chat.look(lambda session: session.get_one(MoneyAct, act_id).state)


@pytest.fixture
def paid(make_services: Callable[..., Services], sqlite_url: str) -> PaidChat:
    return _paid(make_services, sqlite_url)


@pytest.fixture
def paid_on_both(make_services: Callable[..., Services], database_url: str) -> PaidChat:
    return _paid(make_services, database_url)


def _paid(make_services: Callable[..., Services], url: str) -> PaidChat:
    gateway = GatewayInMemory()
    chat = ChatWorld.build(make_services(url, gateways={gateway.name: gateway}))
    return PaidChat(build(chat.services, gateway), chat)


def slips(visitor: Visitor, **query: str) -> list[tuple[str, list[list[str]]]]:
    items = visitor.reads(**query)["items"]
    return [(item["title"], item["rows"]) for item in items if item["kind"] == "slip"]


def test_a_refund_of_hers_stands_in_her_chat_in_her_words(paid_on_both: PaidChat) -> None:
    paid_on_both.refunds(30_00)
    ((title, rows),) = slips(paid_on_both.mariana, lang="pt-BR")
    assert title == "Reembolso feito"
    assert ["Reembolsado", "R$\N{NO-BREAK SPACE}30,00"] in rows
    assert ["Vai para", "Visa •• 4417"] in rows
    ((title, rows),) = slips(paid_on_both.mariana, lang="en")
    assert title == "Refund made"
    assert ["Refunded", "R$30.00"] in rows


def test_a_slip_stands_where_the_money_moved(paid: PaidChat) -> None:
    paid.refunds()
    paid.mariana.says("thank you")
    kinds = [(item["kind"], item.get("text")) for item in paid.mariana.reads()["items"]]
    assert kinds == [
        ("message", "I was charged twice"),
        ("slip", None),
        ("message", "thank you"),
    ]


def test_credit_and_plan_change_are_told_too(paid: PaidChat) -> None:
    paid.does(
        Request(CreditAsk(customer_id=paid.desk.customer_id, amount=brl(5_00), reason="goodwill"))
    )
    paid.does(
        Request(
            PlanChangeAsk(
                subscription_id=paid.desk.subscription_id,
                new_price_id=paid.desk.prices["Family"],
                when="period_end",
                reason="order_change",
            )
        )
    )
    credit, plan = slips(paid.mariana, lang="en")
    assert credit[0] == "Credit given"
    assert credit[1][0] == ["Credit for you", "R$5.00"]
    assert plan[0] == "Plan change arranged"
    assert plan[1][0] == ["Family", "R$160.00/month"]
    assert plan[1][1][0] == "Starts on"


def test_what_has_not_ended_well_is_not_told(paid: PaidChat) -> None:
    paid.desk.gateway.mood = "decline"
    act = paid.refunds()
    assert paid.state(act) == "failed"
    paid.desk.gateway.mood = "drop_before"
    act = paid.refunds()
    assert paid.state(act) in ("sending", "unknown")
    assert slips(paid.mariana) == []


def test_the_secret_alone_shows_no_money(paid: PaidChat) -> None:
    paid.refunds()
    assert len(slips(paid.mariana)) == 1
    anonymous = replace(paid.mariana, identity="")
    assert slips(anonymous) == []
    assert anonymous.sees() == ["I was charged twice"]  # what she wrote is still hers


def test_an_expired_or_forged_identity_shows_no_money_and_still_reads(
    paid: PaidChat, clock: TestClock
) -> None:
    paid.refunds()
    assert slips(replace(paid.mariana, identity=paid.mariana.identity + "x")) == []
    clock.forward(minutes=56)
    assert slips(paid.mariana) == []
    assert paid.mariana.sees() == ["I was charged twice"]


def test_another_proven_customer_with_the_secret_sees_none_of_her_money(paid: PaidChat) -> None:
    paid.refunds()
    paid.chat.customer("Bia", external="bia")
    bia = paid.chat.visitor("bia", "Bia")
    assert slips(replace(bia, secret=paid.mariana.secret)) == []


def test_a_token_that_vouches_elsewhere_shows_no_money_here(paid: PaidChat) -> None:
    paid.refunds()
    stolen = paid.chat.token("mariana", "Mariana")
    assert len(slips(replace(paid.mariana, identity=stolen))) == 1
    Visitor(paid.chat.app, stolen).says("somewhere else")
    assert slips(replace(paid.mariana, identity=stolen)) == []


def test_an_anonymous_chat_that_an_agent_linked_by_mistake_shows_no_money(paid: PaidChat) -> None:
    stranger = paid.chat.visitor()
    stranger.says("I am Mariana", name="Mariana Alves Prado")
    ticket_id = paid.ticket_of(stranger)
    link(paid.chat.services, paid.desk.ana, ticket_id=ticket_id, customer_id=paid.desk.customer_id)
    paid.refunds(ticket_id=ticket_id)
    assert slips(stranger) == []
    assert slips(paid.mariana) == []  # nor does it leak into her other conversation


def test_money_moved_in_another_ticket_of_hers_is_not_in_this_chat(paid: PaidChat) -> None:
    paid.refunds(ticket_id=paid.desk.ticket_id)
    assert slips(paid.mariana) == []
