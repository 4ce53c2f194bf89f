"""The sweep that asks payers for standing consents and hears how they stand."""

from collections.abc import Callable
from datetime import date

from billing_core.domain.money import Money
from billing_core.gateways.bank_line import BankAccess
from billing_core.gateways.pix import PixGateway, Receiver
from billing_core.mandates import NewMandate, request_mandate
from billing_core.store.mandate import Mandate
from helpdesk.billing_desk.jobs import send_mandates
from helpdesk.db import transaction_is_open
from helpdesk.demo.bank_standin.server import BankStandIn
from helpdesk.services import Services
from tests.conftest import TestClock


def test_a_consent_is_asked_for_and_heard_of_without_any_notice(
    make_services: Callable[..., Services], sqlite_url: str, clock: TestClock
) -> None:
    with BankStandIn(clock) as bank:
        access = BankAccess(bank.url, bank.token, bank.secret, timeout_s=5)
        receiver = Receiver(key="pix@sabia.example", name="Sabiá", city="Recife")
        pix = PixGateway(access, receiver, transaction_is_open=transaction_is_open)
        services = make_services(sqlite_url, gateways={"pix": pix})

        def state() -> str:
            with services.reading() as session:
                return session.query(Mandate).one().state

        with services.begin() as tx:
            new = NewMandate(
                customer_id=tx.new_id(),
                payer="payer-1",
                currency="BRL",
                max_amount=Money(200_00, "BRL"),
                period="month",
                starts_on=date(2026, 12, 1),
            )
            request_mandate(tx, new, key="once")
        send_mandates(services)
        assert state() == "pending"
        [ref] = [path.rpartition("/")[2] for method, path in bank.requests if method == "PUT"]
        bank.books.answer_mandate(ref, accept=True)
        clock.forward(hours=1)
        send_mandates(services)
        assert state() == "accepted"
        asked = len(bank.requests)
        clock.forward(days=1)
        send_mandates(services)
        assert len(bank.requests) == asked
