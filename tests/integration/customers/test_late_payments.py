"""Money that comes too late is never lost: it is a ticket of the customer's, once."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from threading import Barrier, Thread
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from billing_core.catalog import add_plan, add_price, add_product
from billing_core.domain.money import Money
from billing_core.events import LatePaymentArrived
from billing_core.gateway_events import read_event, take_delivery
from billing_core.gateways.bank_line import BankAccess
from billing_core.gateways.boleto import BoletoGateway
from billing_core.gateways.sandbox import Sandbox
from billing_core.payments import collect_invoice, withdraw_invoice
from billing_core.ports import Gateways
from billing_core.store.invoice import Invoice
from billing_core.store.payment import Payment
from billing_core.subscriptions import (
    NewMethod,
    StartSubscription,
    add_payment_method,
    start_subscription,
    use_payment_method,
)
from helpdesk.customers.late_payments import open_late_payment
from helpdesk.customers.model import Customer
from helpdesk.customers.service import create_customer
from helpdesk.db import transaction_is_open
from helpdesk.demo.bank_standin.server import BankStandIn
from helpdesk.events.model import Event
from helpdesk.services import Services
from helpdesk.tickets.model import Ticket
from helpdesk.tickets.service import NewTicket, open_ticket
from tests.conftest import drain


@dataclass
class Town:
    """A helpdesk with a bank, and one customer who has a boleto to pay."""

    services: Services
    bank: BankStandIn

    def open(self, customer_id: UUID | None = None) -> "Town":
        access = BankAccess(self.bank.url, self.bank.token, self.bank.secret, timeout_s=5)
        self.boleto = BoletoGateway(access, transaction_is_open=transaction_is_open)
        sandbox = Sandbox(
            self.services.db.separate_engine(),
            self.services.clock,
            transaction_is_open=transaction_is_open,
        )
        self.gateways: Gateways = {"boleto": self.boleto, "sandbox": sandbox}
        with self.services.begin() as tx:
            self.customer_id = customer_id or create_customer(tx, name="Ana Lima").id
            product_id = add_product(tx, "stream", "Sabiá")
            plan_id = add_plan(tx, product_id, code="f", name="Família")
            price_id = add_price(tx, plan_id, amount=Money(129_90, "BRL"), interval="month")
            self.boleto_id = self.method(tx, "boleto")
            self.subscription_id = start_subscription(
                tx,
                StartSubscription(
                    customer_id=self.customer_id,
                    price_id=price_id,
                    payment_method_id=self.boleto_id,
                ),
            )
            self.invoice_id = tx.session.scalars(select(Invoice.id)).one()
        return self

    def method(self, tx: object, kind: str) -> UUID:
        new = NewMethod(
            customer_id=self.customer_id,
            kind=kind,  # type: ignore[arg-type]
            token=f"{kind}-{self.customer_id}",
            gateway="boleto" if kind == "boleto" else "sandbox",
        )
        return add_payment_method(tx, new)  # type: ignore[arg-type]

    def pay_twice(self) -> None:
        """The boleto is withdrawn and a card pays; then somebody pays the boleto as well."""
        begin = self.services.begin
        assert collect_invoice(begin, self.gateways, self.invoice_id).state == "pending"
        assert withdraw_invoice(begin, self.gateways, self.invoice_id) is not None
        with begin() as tx:
            use_payment_method(tx, self.subscription_id, self.method(tx, "card"))
        assert collect_invoice(begin, self.gateways, self.invoice_id).state == "paid"
        [boleto] = self.bank.books.charges()
        self.bank.books.pay(boleto.id)
        self.hear()

    def hear(self) -> None:
        """Deliver all that the bank has said, and read it."""
        for notice in self.bank.notices.said():
            headers = self.bank.notices.headers(notice)
            for id in take_delivery(
                self.services.begin, self.boleto, notice.body, headers, at=self.services.clock()
            ):
                read_event(self.services.begin, self.gateways, id)

    def tickets(self) -> list[Ticket]:
        with self.services.reading() as session:
            return list(session.scalars(select(Ticket).order_by(Ticket.number)))

    def late(self) -> Payment:
        with self.services.reading() as session:
            return session.scalars(select(Payment).where(Payment.invoice_id.is_(None))).one()


@pytest.fixture
def town(services_on_both: Services) -> Iterator[Town]:
    with BankStandIn(services_on_both.clock) as bank:
        yield Town(services_on_both, bank)


def test_a_withdrawn_boleto_that_is_paid_all_the_same_becomes_a_ticket(town: Town) -> None:
    town.open().pay_twice()
    drain(town.services)
    [ticket] = town.tickets()
    assert ticket.subject == "Pagamento atrasado: dinheiro à espera de uma decisão"
    assert ticket.customer_id == town.customer_id
    assert ticket.customer_name == "Ana Lima"
    assert ticket.subscription_id == town.subscription_id
    assert (ticket.category, ticket.priority) == ("open", "high")
    assert (ticket.money_at_stake_minor, ticket.money_currency) == (129_90, "BRL")
    with town.services.reading() as session:
        told = session.scalars(select(Event).where(Event.kind == "payment.late")).one()
        number = session.scalars(select(Invoice.number)).one()
    assert told.data["payment_id"] == str(town.late().id)
    assert told.data["invoice_number"] == number


def test_however_often_it_is_told_it_is_one_ticket(town: Town) -> None:
    town.open().pay_twice()
    town.hear()
    drain(town.services)
    [ticket] = town.tickets()
    again = open_late_payment(town.services, town.late().id, town.invoice_id)
    assert again == ticket.id
    assert len(town.tickets()) == 1


def test_two_at_once_open_one_ticket(town: Town) -> None:
    town.open().pay_twice()
    payment_id, start, opened = town.late().id, Barrier(2), []

    def run() -> None:
        start.wait()
        opened.append(open_late_payment(town.services, payment_id, town.invoice_id))

    threads = [Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(opened)) == 1
    assert len(town.tickets()) == 1


def test_it_is_related_to_what_she_is_writing_about(town: Town) -> None:
    town.open()
    with town.services.begin() as tx:
        first = open_ticket(
            tx,
            NewTicket(
                subject="Paguei?",
                channel="whatsapp",
                customer_id=town.customer_id,
                customer_name="Ana Lima",
            ),
        ).id
    town.pay_twice()
    drain(town.services)
    [_, late] = town.tickets()
    assert (late.related_id, late.last_channel) == (first, "whatsapp")


def test_the_ticket_goes_to_whom_the_customer_was_merged_into(town: Town) -> None:
    town.open()
    with town.services.begin() as tx:
        living = create_customer(tx, name="Ana Lima Souza").id
        tx.session.get_one(Customer, town.customer_id).merged_into_id = living
    town.pay_twice()
    drain(town.services)
    [ticket] = town.tickets()
    assert (ticket.customer_id, ticket.customer_name) == (living, "Ana Lima Souza")


def test_money_of_nobody_we_know_is_a_ticket_too(town: Town) -> None:
    town.open(uuid4()).pay_twice()
    drain(town.services)
    [ticket] = town.tickets()
    assert (ticket.customer_id, ticket.customer_name) == (None, "")


def test_nothing_is_opened_when_the_money_was_not_booked(
    make_services: Callable[..., Services], sqlite_url: str
) -> None:
    services = make_services(sqlite_url)
    event = LatePaymentArrived(
        payment_id=uuid4(),
        customer_id=uuid4(),
        invoice_id=uuid4(),
        rail="boleto",
        amount=Money(1, "BRL"),
    )
    with suppress(RuntimeError), services.begin() as tx:
        tx.emit(event)
        raise RuntimeError("the transaction does not commit")
    assert drain(services) == 0
