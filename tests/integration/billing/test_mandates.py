"""Standing consents, from the question to the charge, over HTTP at the bank's stand-in."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import pairwise
from uuid import UUID, uuid4

import pytest

from billing_core.domain.mandate import EDGES, STATES, refusal_of, state_of
from billing_core.domain.money import Money
from billing_core.errors import AmountNotPositive, NotFound, WrongState
from billing_core.events import MandateChanged
from billing_core.gateway_events import read_event, take_delivery
from billing_core.gateways.bank_line import BankAccess
from billing_core.gateways.pix import PixGateway, Receiver
from billing_core.instructions import payment_instructions
from billing_core.mandates import (
    NewMandate,
    cancel_mandate,
    mandate_gateway,
    mandates_to_send,
    request_mandate,
    send_mandate,
    settle_mandate,
)
from billing_core.payments import collect_batch, collect_invoice, reconcile_attempt
from billing_core.ports import Gateways, Receipt
from billing_core.store.mandate import Mandate
from billing_core.store.payment import PaymentAttempt
from billing_core.store.subscription import PaymentMethod, Subscription
from billing_core.subscriptions import NewMethod, add_payment_method, use_payment_method
from helpdesk.db import transaction_is_open
from helpdesk.demo.bank_standin.server import BankStandIn
from tests.integration.billing.conftest import Company, brl


@dataclass
class Town:
    """A company with a bank, and one customer whose month is open."""

    company: Company
    bank: BankStandIn

    def __post_init__(self) -> None:
        access = BankAccess(self.bank.url, self.bank.token, self.bank.secret, timeout_s=5)
        receiver = Receiver(key="pix@sabia.example", name="Sabiá", city="Recife")
        self.pix = PixGateway(access, receiver, transaction_is_open=transaction_is_open)
        self.gateways: Gateways = {"pix": self.pix}
        self.customer_id, self.subscription_id = self.company.start()

    def ask(self, most: int | None = 200_00, *, key: str = "", linked: bool = True) -> UUID:
        new = NewMandate(
            customer_id=self.customer_id,
            payer="payer-1",
            currency="BRL",
            max_amount=None if most is None else brl(most),
            period="month",
            starts_on=date(2026, 12, 1),
            subscription_id=self.subscription_id if linked else None,
        )
        with self.company.begin() as tx:
            return request_mandate(tx, new, key=key or os.urandom(8).hex())

    def send(self, mandate_id: UUID) -> str:
        return send_mandate(self.company.begin, self.gateways, mandate_id)

    def accepted(self, most: int | None = 200_00) -> UUID:
        mandate_id = self.ask(most)
        assert self.send(mandate_id) == "pending"
        self.bank.books.answer_mandate(self.row(mandate_id).gateway_ref or "", accept=True)
        assert self.hear() == ["read"]
        assert self.row(mandate_id).state == "accepted"
        return mandate_id

    def hear(self) -> list[str]:
        """Deliver what the bank says, and read it."""
        states = []
        for notice in self.bank.notices.said("pix"):
            headers = self.bank.notices.headers(notice)
            for id in take_delivery(
                self.company.begin, self.pix, notice.body, headers, at=self.company.at
            ):
                states.append(read_event(self.company.begin, self.gateways, id))
        return states

    def row(self, mandate_id: UUID) -> Mandate:
        with self.company.begin() as tx:
            return tx.session.get_one(Mandate, mandate_id)

    def method(self) -> PaymentMethod:
        """Return what the subscription is charged by."""
        with self.company.begin() as tx:
            subscription = tx.session.get_one(Subscription, self.subscription_id)
            return tx.session.get_one(PaymentMethod, subscription.payment_method_id)

    def invoice_id(self) -> UUID:
        return self.company.invoice(self.customer_id).id


@pytest.fixture
def town(company: Company) -> Iterator[Town]:
    with BankStandIn(lambda: company.at) as bank:
        yield Town(company, bank)
        assert bank.books.over_refunds() == []


def test_an_accepted_consent_pays_the_subscription(town: Town) -> None:
    mandate_id = town.accepted()
    method = town.method()
    assert (method.kind, method.gateway) == ("pix_automatico", "pix")
    assert town.row(mandate_id).payment_method_id == method.id
    collected = collect_invoice(town.company.begin, town.gateways, town.invoice_id())
    assert collected.state == "pending"
    [charge] = town.bank.books.charges()
    assert (charge.rail, charge.amount_minor) == ("pix_automatico", 129_90)
    town.bank.books.pay(charge.id)
    town.hear()
    assert town.company.invoice(town.customer_id).state == "paid"
    told = town.company.told(MandateChanged)
    assert [event.state for event in told if isinstance(event, MandateChanged)] == [
        "pending",
        "accepted",
    ]


def test_a_charge_above_the_maximum_is_refused_before_it_is_sent(town: Town) -> None:
    town.accepted(most=129_89)
    before = len(town.bank.requests)
    collected = collect_invoice(town.company.begin, town.gateways, town.invoice_id())
    assert (collected.state, collected.code) == ("failed", "mandate_limit_exceeded")
    assert town.bank.requests[before:] == []


def test_the_maximum_is_looked_at_again_when_an_attempt_is_taken_up(town: Town) -> None:
    town.accepted()
    town.bank.behave("drop_before", on="charge")
    begin = town.company.begin
    collected = collect_invoice(begin, town.gateways, town.invoice_id())
    assert collected.state == "unknown"
    assert collected.attempt_id is not None
    with begin() as tx:
        tx.session.query(Mandate).one().max_minor = 1
    again = reconcile_attempt(begin, town.gateways, collected.attempt_id)
    assert again is not None
    assert (again.state, again.code) == ("failed", "mandate_limit_exceeded")
    assert town.bank.books.charges() == []


def test_of_two_charges_only_the_one_above_the_maximum_is_refused(town: Town) -> None:
    town.accepted(most=300_00)
    first = town.invoice_id()
    _, other = town.company.start(town.company.price("Dois anos", 400_00))
    with town.company.begin() as tx:
        subscription = tx.session.get_one(Subscription, other)
        subscription.payment_method_id = tx.session.query(Mandate).one().payment_method_id
        customer_id = subscription.customer_id
    second = town.company.invoice(customer_id).id
    done = collect_batch(town.company.begin, town.gateways, [first, second])
    assert {one.invoice_id: one.code for one in done} == {
        first: "",
        second: "mandate_limit_exceeded",
    }


def test_nothing_is_charged_under_a_consent_that_ended(town: Town) -> None:
    mandate_id = town.accepted()
    town.bank.books.cancel_mandate(town.row(mandate_id).gateway_ref or "", "cancelled_by_payer")
    town.hear()
    row = town.row(mandate_id)
    assert (row.state, row.code) == ("cancelled", "cancelled_by_payer")
    collected = collect_invoice(town.company.begin, town.gateways, town.invoice_id())
    assert (collected.state, collected.code) == ("failed", "mandate_ended")
    assert town.bank.books.charges() == []


def test_an_automatic_method_without_a_consent_of_ours_is_not_charged(town: Town) -> None:
    with town.company.begin() as tx:
        method_id = add_payment_method(
            tx,
            NewMethod(
                customer_id=town.customer_id,
                kind="pix_automatico",
                token="mandate:x",
                gateway="pix",
            ),
        )
        use_payment_method(tx, town.subscription_id, method_id)
    collected = collect_invoice(town.company.begin, town.gateways, town.invoice_id())
    assert (collected.state, collected.code) == ("failed", "mandate_ended")


def test_a_consent_that_we_cancel_ends_here_at_once_and_at_the_bank_when_it_hears(
    town: Town,
) -> None:
    mandate_id = town.accepted()
    with town.company.begin() as tx:
        cancel_mandate(tx, mandate_id)
        cancel_mandate(tx, mandate_id)
    collected = collect_invoice(town.company.begin, town.gateways, town.invoice_id())
    assert collected.code == "mandate_ended"
    town.bank.behave("drop_after", on="mandate")
    assert town.send(mandate_id) == "accepted"
    with town.company.begin() as tx:
        assert mandates_to_send(tx.session, tx.at) == [mandate_id]
    assert town.send(mandate_id) == "cancelled"
    assert town.send(mandate_id) == "cancelled"
    with town.company.begin() as tx:
        assert mandates_to_send(tx.session, tx.at) == []
        with pytest.raises(WrongState):
            cancel_mandate(tx, mandate_id)


def test_a_consent_cancelled_before_it_was_asked_for_is_never_asked_for(town: Town) -> None:
    mandate_id = town.ask()
    with town.company.begin() as tx:
        cancel_mandate(tx, mandate_id)
    assert town.send(mandate_id) == "cancelled"
    assert [method for method, _ in town.bank.requests] == ["GET"]


def test_an_acceptance_that_comes_after_our_cancellation_makes_no_method(town: Town) -> None:
    mandate_id = town.ask(None)
    town.send(mandate_id)
    with town.company.begin() as tx:
        cancel_mandate(tx, mandate_id)
    town.bank.books.answer_mandate(town.row(mandate_id).gateway_ref or "", accept=True)
    town.hear()
    assert town.row(mandate_id).payment_method_id is None
    assert town.method().kind == "card"
    assert town.send(mandate_id) == "cancelled"


def test_a_consent_is_asked_about_less_and_less_often(town: Town) -> None:
    mandate_id = town.ask()
    asked = []
    for _ in range(24 * 60 // 10):
        with town.company.begin() as tx:
            due = mandates_to_send(tx.session, tx.at)
        for one in due:
            assert one == mandate_id
            town.send(one)
            asked.append(town.company.at)
        town.company.forward(minutes=10)
    waits = [later - earlier for earlier, later in pairwise(asked)]
    assert waits == sorted(waits)
    assert waits[-1] == timedelta(hours=1)


def test_a_payer_may_refuse(town: Town) -> None:
    mandate_id = town.ask(None, linked=False)
    town.send(mandate_id)
    town.bank.books.answer_mandate(town.row(mandate_id).gateway_ref or "", accept=False)
    town.hear()
    assert town.row(mandate_id).state == "refused"
    assert town.method().kind == "card"


def test_a_consent_without_a_subscription_is_a_method_to_choose(town: Town) -> None:
    mandate_id = town.ask(linked=False)
    town.send(mandate_id)
    town.bank.books.answer_mandate(town.row(mandate_id).gateway_ref or "", accept=True)
    town.hear()
    assert town.row(mandate_id).payment_method_id is not None
    assert town.method().kind == "card"


@pytest.mark.parametrize("act", ["drop_before", "drop_after"])
def test_a_consent_is_asked_for_once_whatever_the_line_does(town: Town, act: str) -> None:
    mandate_id = town.ask(key="once")
    assert town.ask(key="once") == mandate_id
    town.bank.behave(act, on="mandate")  # type: ignore[arg-type]
    assert town.send(mandate_id) == "requested"
    assert town.send(mandate_id) == "pending"
    assert town.send(mandate_id) == "pending"
    changes = town.company.told(MandateChanged)
    assert len(changes) == 1


def test_a_gateway_s_refusal_ends_the_request(town: Town) -> None:
    mandate_id = town.ask()
    with town.company.begin() as tx:
        row = tx.session.get_one(Mandate, mandate_id)
        row.max_minor, row.currency = 100, "USD"
    assert town.send(mandate_id) == "cancelled"
    assert town.row(mandate_id).code == "currency_not_supported"


def test_without_its_gateway_a_consent_waits(town: Town) -> None:
    mandate_id = town.ask()
    assert send_mandate(town.company.begin, {}, mandate_id) == "requested"
    sandbox = town.company.gateway
    assert mandate_gateway({"sandbox": sandbox}, "card") is None
    with pytest.raises(NotFound):
        town.send(uuid4())
    with pytest.raises(NotFound), town.company.begin() as tx:
        cancel_mandate(tx, uuid4())


def test_a_maximum_of_nothing_is_no_maximum(town: Town) -> None:
    with pytest.raises(AmountNotPositive):
        town.ask(0)


def test_a_consent_that_is_not_ours_is_parked(town: Town) -> None:
    receipt = Receipt("made-elsewhere", "r", "succeeded", brl(0))
    for key in ("made-elsewhere", str(uuid4())):
        asked = replace(receipt, key=key)
        assert settle_mandate(town.company.begin, town.pix, asked) is None
    town.bank.books.take_mandate(
        "elsewhere" * 3, {"key": "elsewhere" * 3, "period": "month", "starts_on": "2026-12-01"}
    )
    town.bank.books.answer_mandate("elsewhere" * 3, accept=True)
    assert town.hear() == ["parked"]


def test_a_notice_of_a_consent_nobody_knows_is_parked(town: Town) -> None:
    town.bank.books.take_mandate("x", {"key": "y", "period": "month", "starts_on": "2026-12-01"})
    town.bank.books.answer_mandate("x", accept=True)
    assert town.hear() == ["parked"]


def test_what_waits_for_the_customer_is_shown_until_it_is_paid(town: Town) -> None:
    begin = town.company.begin
    invoice_id = town.invoice_id()
    with begin() as tx:
        assert payment_instructions(tx.session, invoice_id) is None
        method_id = add_payment_method(
            tx, NewMethod(customer_id=town.customer_id, kind="pix", token="payer-1", gateway="pix")
        )
        use_payment_method(tx, town.subscription_id, method_id)
    collected = collect_invoice(begin, town.gateways, invoice_id)
    assert collected.state == "pending"
    with begin() as tx:
        shown = payment_instructions(tx.session, invoice_id)
        attempt = tx.session.query(PaymentAttempt).one()
    assert shown is not None
    asked = town.pix.find_charge(attempt.key)
    assert asked is not None
    assert (shown.attempt_id, shown.amount, shown.due_on) == (
        attempt.id,
        brl(129_90),
        attempt.due_on,
    )
    assert shown.pay_by == asked.pay_by
    town.bank.books.pay_code(shown.pay_by.code)
    town.hear()
    with begin() as tx:
        assert payment_instructions(tx.session, invoice_id) is None


def test_instructions_without_an_end_are_read_too(town: Town) -> None:
    invoice_id, method_id = town.invoice_id(), town.method().id
    with town.company.begin() as tx:
        tx.session.add(
            PaymentAttempt(
                id=tx.new_id(),
                key="k",
                invoice_id=invoice_id,
                customer_id=town.customer_id,
                payment_method_id=method_id,
                gateway="boleto",
                rail="boleto",
                currency="BRL",
                amount_minor=129_90,
                state="pending",
                pay_by={"rail": "boleto", "code": "1", "barcode": "2", "expires_at": None},
                ask_at=tx.at + timedelta(days=1),
                created_at=tx.at,
                changed_at=tx.at,
            )
        )
    with town.company.begin() as tx:
        shown = payment_instructions(tx.session, invoice_id)
    assert shown is not None
    assert shown.pay_by.expires_at is None


def test_the_life_of_a_consent_has_an_end() -> None:
    assert set(EDGES) == set(STATES)
    assert {state for state in STATES if not EDGES[state]} == {"refused", "cancelled", "expired"}
    assert state_of("failed", "expired") == "expired"
    assert state_of("failed", "anything else") == "cancelled"
    assert refusal_of("accepted", None, Money(10**12, "BRL")) == ""
    assert refusal_of("accepted", brl(100), brl(100)) == ""
    assert refusal_of("accepted", brl(100), brl(101)) == "mandate_limit_exceeded"
    assert refusal_of("pending", None, brl(1)) == "mandate_ended"
