"""The sweep that asks payers for standing consents and hears how they stand."""

from collections.abc import Callable, Iterator
from datetime import date
from uuid import UUID

import pytest
from sqlalchemy import select

from billing_core.domain.money import Money
from billing_core.gateways.bank_line import BankAccess
from billing_core.gateways.pix import PixGateway, Receiver
from billing_core.mandates import NewMandate, cancel_mandate, request_mandate, send_mandate
from billing_core.store.mandate import Mandate
from helpdesk.billing_desk.jobs import send_mandates
from helpdesk.customers.ended_consents import tell_of_ended_consent
from helpdesk.customers.service import create_customer
from helpdesk.db import transaction_is_open
from helpdesk.demo.bank_standin.server import BankStandIn
from helpdesk.services import Services
from helpdesk.tickets.model import Ticket
from tests.conftest import TestClock, drain


@pytest.fixture
def bank(clock: TestClock) -> Iterator[BankStandIn]:
    with BankStandIn(clock) as opened:
        yield opened


@pytest.fixture
def desk(make_services: Callable[..., Services], database_url: str, bank: BankStandIn) -> Services:
    """A helpdesk whose payers consent at the bank."""
    access = BankAccess(bank.url, bank.token, bank.secret, timeout_s=5)
    receiver = Receiver(key="pix@sabia.example", name="Sabiá", city="Recife")
    pix = PixGateway(access, receiver, transaction_is_open=transaction_is_open)
    return make_services(database_url, gateways={"pix": pix})


def asked(desk: Services, bank: BankStandIn) -> tuple[UUID, str]:
    """Ask a customer for her consent; return our id of it and the bank's."""
    with desk.begin() as tx:
        new = NewMandate(
            customer_id=create_customer(tx, name="Ana Lima").id,
            payer="payer-1",
            currency="BRL",
            max_amount=Money(200_00, "BRL"),
            period="month",
            starts_on=date(2026, 12, 1),
        )
        mandate_id = request_mandate(tx, new, key="once")
    send_mandates(desk)
    assert state(desk) == "pending"
    [ref] = [path.rpartition("/")[2] for method, path in bank.requests if method == "PUT"]
    return mandate_id, ref


def state(desk: Services) -> str:
    with desk.reading() as session:
        return session.query(Mandate).one().state


def tickets(desk: Services) -> list[Ticket]:
    drain(desk)
    with desk.reading() as session:
        return list(session.scalars(select(Ticket)))


def test_a_consent_is_asked_for_and_heard_of_without_any_notice(
    desk: Services, bank: BankStandIn, clock: TestClock
) -> None:
    _, ref = asked(desk, bank)
    bank.books.answer_mandate(ref, accept=True)
    clock.forward(hours=1)
    send_mandates(desk)
    assert state(desk) == "accepted"
    before = len(bank.requests)
    clock.forward(days=1)
    send_mandates(desk)
    assert len(bank.requests) == before


def accepted(desk: Services, bank: BankStandIn) -> tuple[UUID, str]:
    mandate_id, ref = asked(desk, bank)
    bank.books.answer_mandate(ref, accept=True)
    assert send_mandate(desk.begin, desk.gateways, mandate_id) == "accepted"
    return mandate_id, ref


def test_a_consent_that_its_payer_has_ended_becomes_a_ticket_once(
    desk: Services, bank: BankStandIn
) -> None:
    mandate_id, ref = accepted(desk, bank)
    bank.books.cancel_mandate(ref, "cancelled_by_payer")
    assert send_mandate(desk.begin, desk.gateways, mandate_id) == "cancelled"
    [ticket] = tickets(desk)
    assert ticket.subject.startswith("Pix Automático encerrado")
    assert (ticket.customer_name, ticket.priority) == ("Ana Lima", "high")
    assert tell_of_ended_consent(desk, mandate_id) == ticket.id
    assert len(tickets(desk)) == 1


def test_a_consent_that_we_have_ended_is_no_news(desk: Services, bank: BankStandIn) -> None:
    mandate_id, _ = accepted(desk, bank)
    with desk.begin() as tx:
        cancel_mandate(tx, mandate_id)
    assert send_mandate(desk.begin, desk.gateways, mandate_id) == "cancelled"
    assert tickets(desk) == []


def test_a_consent_that_was_refused_was_never_a_way_to_pay(
    desk: Services, bank: BankStandIn
) -> None:
    mandate_id, ref = asked(desk, bank)
    bank.books.answer_mandate(ref, accept=False)
    assert send_mandate(desk.begin, desk.gateways, mandate_id) == "refused"
    assert tickets(desk) == []
