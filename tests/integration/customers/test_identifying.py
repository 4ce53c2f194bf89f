"""Proven handles name a customer; what only seems alike is offered to a person."""

from uuid import UUID

import pytest
from sqlalchemy import update

from billing_core import catalog, payments, subscriptions
from billing_core.domain.money import Money
from channels.port import Party
from helpdesk.customers.likeness import Facts
from helpdesk.customers.match import candidates
from helpdesk.customers.model import Customer, Handle
from helpdesk.customers.queries import handles_of
from helpdesk.customers.service import add_handle, identify, link
from helpdesk.errors import Conflict, NotFound
from helpdesk.tickets.panel import panel_screen
from tests.conftest import TestClock
from tests.integration.inbox.world import ANA, PHONE, World, mail, text_message
from tests.integration.tickets.test_money_beside import english


def who(world: World, kind: str, value: str, trust: str = "bare") -> tuple[UUID | None, bool]:
    with world.services.begin() as tx:
        found = identify(tx, Party(kind, value), trust=trust)  # type: ignore[arg-type]
    return found.customer_id, found.exact


def claim(world: World, customer_id: UUID, kind: str, value: str) -> None:
    with world.services.begin() as tx:
        add_handle(tx, customer_id, kind=kind, value=value, verified=False)  # type: ignore[arg-type]


def test_a_proven_handle_names_its_customer(world_on_both: World) -> None:
    ana = world_on_both.customer(email=ANA)
    assert who(world_on_both, "email", ANA) == (ana, True)
    assert who(world_on_both, "email", "other@example.com") == (None, False)


@pytest.mark.parametrize("kind", ["phone", "whatsapp"])
@pytest.mark.parametrize("number", [PHONE, "+551187654321"], ids=["nine", "eight"])
def test_one_telephone_is_known_on_every_channel_and_with_either_length(
    world: World, kind: str, number: str
) -> None:
    ana = world.customer(phone=PHONE)
    assert who(world, kind, number) == (ana, True)


@pytest.mark.parametrize("number", [PHONE, "+551187654321"], ids=["nine", "eight"])
def test_a_number_kept_without_its_ninth_digit_is_found_with_it(
    world_on_both: World, number: str
) -> None:
    """Records taken over from elsewhere hold numbers from before the ninth digit."""
    world = world_on_both
    ana = world.customer(phone=PHONE)
    with world.services.begin() as tx:
        tx.session.execute(update(Handle).values(value="+551187654321"))
    assert who(world, "whatsapp", number) == (ana, True)


def test_a_proven_handle_beats_a_claim(world: World) -> None:
    ana, eva = world.customer(email=ANA), world.customer("Eva")
    claim(world, eva, "email", ANA)
    assert who(world, "email", ANA) == (ana, True)


def test_one_claimant_is_named_and_two_are_not(world_on_both: World) -> None:
    world = world_on_both
    ana, eva = world.customer("Ana"), world.customer("Eva")
    claim(world, ana, "email", ANA)
    assert who(world, "email", ANA) == (ana, True)
    claim(world, eva, "email", ANA)
    assert who(world, "email", ANA) == (None, False)


def test_a_sender_whose_proof_failed_is_nobody(world: World) -> None:
    world.customer(email=ANA)
    assert who(world, "email", ANA, trust="failed") == (None, False)


def test_a_merged_customer_is_found_under_her_survivor(world: World) -> None:
    old, new = world.customer("Ana", email=ANA), world.customer("Ana Souza")
    with world.services.begin() as tx:
        tx.session.get_one(Customer, old).merged_into_id = new
    assert who(world, "email", ANA) == (new, True)


def test_two_customers_cannot_prove_one_handle(world_on_both: World) -> None:
    world = world_on_both
    world.customer(email=ANA)
    eva = world.customer("Eva")
    with world.services.begin() as tx, pytest.raises(Conflict):
        add_handle(tx, eva, kind="email", value=ANA.upper(), verified=True)
    assert world.count(Handle) == 1


def test_a_claim_can_be_proven_later(world: World) -> None:
    ana = world.customer()
    claim(world, ana, "email", ANA)
    with world.services.begin() as tx:
        add_handle(tx, ana, kind="email", value=ANA, verified=True)
    with world.services.reading() as session:
        (handle,) = handles_of(session, ana)
    assert handle.verified_at is not None
    assert handle.claimed_at is not None


# -- on arrival ---------------------------------------------------------------------------


def test_her_mail_and_her_text_stand_under_one_customer(world: World) -> None:
    ana = world.customer(email=ANA, phone=PHONE)
    first = world.ticket_of(world.arrives(mail("7:1")))
    second = world.ticket_of(world.arrives(text_message("SM1")))
    assert (first.customer_id, second.customer_id) == (ana, ana)
    assert first.customer_name == "Ana Souza"
    assert len(world.events(first.id, "customer.linked")) == 1


def test_an_unknown_sender_makes_no_customer(world: World) -> None:
    ticket = world.ticket_of(world.arrives(mail("7:1")))
    assert (ticket.customer_id, ticket.customer_name) == (None, "Ana Souza")
    assert world.count(Customer) == 0


# -- a person decides ---------------------------------------------------------------------


def test_linking_gives_the_customer_the_ticket_and_its_handles(world_on_both: World) -> None:
    world = world_on_both
    ana = world.customer("Ana Maria Souza")
    by_mail = world.ticket_of(world.arrives(mail("7:1")))
    by_text = world.ticket_of(world.arrives(text_message("SM1")))
    for ticket in (by_mail, by_text):
        link(world.services, world.agent, ticket_id=ticket.id, customer_id=ana)
    assert world.ticket(by_mail.id).customer_id == ana
    assert world.ticket(by_mail.id).customer_name == "Ana Maria Souza"
    with world.services.reading() as session:
        proven = {one.kind: one.verified_at is not None for one in handles_of(session, ana)}
    assert proven == {"phone": True, "email": False}  # the network proves a phone, nobody a From
    assert world.ticket_of(world.arrives(mail("7:2"))).customer_id == ana


def test_linking_takes_no_proven_handle_from_another_customer(world: World) -> None:
    eva = world.customer("Eva", email=ANA)
    ana = world.customer("Ana")
    ticket = world.ticket_of(world.arrives(mail("7:1")))
    link(world.services, world.agent, ticket_id=ticket.id, customer_id=ana)
    assert who(world, "email", ANA) == (eva, True)


def test_linking_to_nobody_is_refused(world: World) -> None:
    ticket = world.ticket_of(world.arrives(mail("7:1")))
    with pytest.raises(NotFound):
        link(world.services, world.agent, ticket_id=ticket.id, customer_id=ticket.id)
    assert world.ticket(ticket.id).customer_id is None


# -- candidates ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "why"),
    [
        pytest.param(Facts("joao silva"), "name", id="no-accents"),
        pytest.param(Facts("João da Silva Neto"), "name", id="more-names"),
        pytest.param(Facts("Silva, João"), "name", id="other-order"),
        pytest.param(Facts(emails=("joao.silva@gmail.com",)), "email", id="other-domain"),
        pytest.param(Facts(emails=("joao.slva@hotmail.com",)), "email", id="slip"),
        pytest.param(Facts(phones=("+551187654321",)), "phone", id="phone-of-eight-digits"),
    ],
)
def test_who_is_alike_is_offered(world_on_both: World, told: Facts, why: str) -> None:
    world = world_on_both
    joao = world.customer("João Silva", email="joao.silva@hotmail.com", phone=PHONE)
    world.customer("Márcia Pereira", email="marcia@example.com", phone="+5521912345678")
    with world.services.reading() as session:
        found = candidates(session, told)
    assert [(one.customer_id, one.why) for one in found] == [(joao, why)]
    assert 70 <= found[0].score <= 95


def test_an_address_is_no_name_that_speaks_against_anybody(world: World) -> None:
    joao = world.customer("João Silva", email="tempestade.77@hotmail.com")
    row_id = world.arrives(mail(sender="tempestad.77@hotmail.com", name=""))
    with world.services.reading() as session:
        panel = panel_screen(session, world.ticket_of(row_id), world.agent, english(world.services))
    assert [one.customer_id for one in panel.candidates] == [str(joao)]


def test_nothing_known_offers_nobody(world: World) -> None:
    world.customer(email=ANA)
    with world.services.reading() as session:
        assert candidates(session, Facts()) == []


def test_a_wild_card_in_a_name_finds_nobody(world: World) -> None:
    world.customer(email=ANA)
    with world.services.reading() as session:
        assert candidates(session, Facts("%% __", emails=("%@x",))) == []


# -- money --------------------------------------------------------------------------------


def subscribe(world: World, customer_id: UUID) -> UUID:
    """Start a subscription for the customer; return it."""
    with world.services.begin() as tx:
        product = catalog.add_product(tx, "sabia", "Sabiá")
        plan = catalog.add_plan(tx, product, code="pro", name="Pro")
        price = catalog.add_price(tx, plan, amount=Money(10000, "BRL"))
        method = subscriptions.add_payment_method(
            tx, subscriptions.NewMethod(customer_id=customer_id, kind="card", token="tok")
        )
        return subscriptions.start_subscription(
            tx,
            subscriptions.StartSubscription(
                customer_id=customer_id, price_id=price, payment_method_id=method
            ),
        )


def charge(world: World, customer_id: UUID, ref: str) -> UUID:
    with world.services.begin() as tx:
        return payments.record_capture(
            tx,
            customer_id=customer_id,
            amount=Money(10000, "BRL"),
            gateway="sandbox",
            gateway_ref=ref,
        )


def test_a_known_customer_brings_her_subscription(world: World) -> None:
    ana = world.customer(email=ANA)
    subscription = subscribe(world, ana)
    assert world.ticket_of(world.arrives(mail())).subscription_id == subscription


def test_a_doubled_charge_is_noted_once_with_what_is_at_stake(world_on_both: World) -> None:
    world = world_on_both
    ana = world.customer(email=ANA)
    first, second = charge(world, ana, "a"), charge(world, ana, "b")
    ticket = world.ticket_of(world.arrives(mail("7:1", message_id="hers@x")))
    world.arrives(mail("7:2", references=["hers@x"]))
    link(world.services, world.agent, ticket_id=ticket.id, customer_id=ana)
    world.drain()
    (noted,) = world.events(ticket.id, "duplicate.detected")
    assert set(noted["payment_ids"]) == {str(first), str(second)}
    assert (noted["amount_minor"], noted["currency"]) == (10000, "BRL")
    assert (ticket.money_at_stake_minor, ticket.money_currency) == (10000, "BRL")


def test_a_charge_that_doubles_while_she_writes_is_noted_too(
    world_on_both: World, clock: TestClock
) -> None:
    world = world_on_both
    ana = world.customer(email=ANA)
    charge(world, ana, "a")
    ticket = world.ticket_of(world.arrives(mail("7:1")))
    clock.forward(minutes=5)
    charge(world, ana, "b")
    world.drain()
    assert len(world.events(ticket.id, "duplicate.detected")) == 1
    assert world.ticket(ticket.id).money_at_stake_minor == 10000


def test_a_charge_of_somebody_without_a_ticket_asks_for_no_work(world: World) -> None:
    ana = world.customer(email=ANA)
    world.drain()
    charge(world, ana, "a")
    assert world.drain() == 0
