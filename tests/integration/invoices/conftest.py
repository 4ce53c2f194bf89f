"""A customer with a plan, add-ons, a coupon and tax, billed twice; and people who may look."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select

from billing_core import catalog, subscriptions
from billing_core.catalog import PriceTerms
from billing_core.coupons import NewCoupon, add_coupon, redeem_coupon
from billing_core.credits import CreditAsk, give_credit
from billing_core.domain.money import Money
from billing_core.domain.pricing import Tier
from billing_core.invoices import set_tax_document
from billing_core.invoicing import run_billing
from billing_core.store.invoice import Invoice
from billing_core.store.subscription import SubscriptionItem
from billing_core.usage import NewUsage, record_usage
from helpdesk.app import create_app
from helpdesk.customers.model import Customer
from helpdesk.services import Services
from helpdesk.tickets.service import NewTicket, open_ticket
from helpdesk.translations.catalogue import compile_catalogues
from tests.browser import Browser, hire
from tests.conftest import TestClock


@dataclass
class Shop:
    services: Services
    clock: TestClock
    customer_id: UUID
    subscription_id: UUID

    def invoices(self) -> list[UUID]:
        with self.services.reading() as session:
            return list(session.scalars(select(Invoice.id).order_by(Invoice.number)))

    def invoice(self, invoice_id: UUID) -> Invoice:
        with self.services.reading() as session:
            return session.get_one(Invoice, invoice_id)

    def bill(self) -> UUID:
        """Let a month go by and return its invoice."""
        self.clock.forward(days=31)
        run_billing(self.services.begin, self.services.gateways)
        return self.invoices()[-1]


def sell(services: Services, kind: str, name: str, minor: int, terms: PriceTerms) -> UUID:
    with services.begin() as tx:
        product = catalog.add_product(tx, name, name)
        plan = catalog.add_plan(tx, product, code=name, name=name, kind=kind)  # type: ignore[arg-type]
        return catalog.add_price(tx, plan, amount=Money(minor, "BRL"), terms=terms)


@pytest.fixture
def shop(services: Services, clock: TestClock) -> Shop:
    """12 seats and calls by tiers, 5 % ISS inside; the second month has a coupon and some credit."""
    with services.begin() as tx:
        catalog.set_tax_rate(tx, "ISS", name="ISS", percent="5")
    inside = PriceTerms(tax_code="ISS", tax_inclusive=True)
    tiers = (Tier(1000, "0.35"), Tier(None, "0.2", flat_minor=500))
    calls_terms = PriceTerms(model="usage", meter="calls", tiers=tiers, tax_code="ISS")
    team = sell(services, "plan", "Equipe", 9990, inside)
    calls = sell(services, "add_on", "Chamadas", 0, calls_terms)
    with services.begin() as tx:
        customer = Customer(
            id=tx.new_id(),
            name="Construtora Ipê Ltda.",
            language="pt_BR",
            document_masked="••.•••.111/0001-••",
            created_at=tx.at,
        )
        tx.session.add(customer)
        method = subscriptions.add_payment_method(
            tx,
            subscriptions.NewMethod(customer_id=customer.id, kind="card", token="tok_ipe"),
        )
        subscription_id = subscriptions.start_subscription(
            tx,
            subscriptions.StartSubscription(
                customer_id=customer.id, price_id=team, payment_method_id=method, quantity=10
            ),
        )
        item = SubscriptionItem(
            id=tx.new_id(),
            subscription_id=subscription_id,
            price_id=calls,
            quantity=1,
            added_on=date(2026, 1, 1),
        )
        tx.session.add(item)
        tx.session.flush()
        new = NewUsage(item_id=item.id, quantity=2400, used_at=tx.at, key="november")
        record_usage(tx, new)
        customer_id = customer.id
    run_billing(services.begin, services.gateways)
    with services.begin() as tx:
        seats = tx.session.scalars(
            select(SubscriptionItem).where(
                SubscriptionItem.subscription_id == subscription_id,
                SubscriptionItem.added_on.is_(None),
            )
        ).one()
        seats.quantity = 12
        add_coupon(tx, NewCoupon(code="DEZ", name="Dez", off="10"))
        redeem_coupon(tx, subscription_id, "DEZ")
        amount = Money(4000, "BRL")
        give_credit(tx, CreditAsk(customer_id=customer_id, amount=amount, reason="outage"))
    made = Shop(services, clock, customer_id, subscription_id)
    invoice_id = made.bill()
    with services.begin() as tx:
        set_tax_document(tx, invoice_id, "2026/90377")
    return made


@pytest.fixture
def open_ticket_of(shop: Shop) -> Callable[..., None]:
    """Return a function that opens a conversation with the customer."""

    def make(**values: object) -> None:
        with shop.services.begin() as tx:
            ticket = open_ticket(
                tx,
                NewTicket(
                    subject="Fatura",
                    channel="email",
                    customer_id=shop.customer_id,
                    customer_name="Construtora Ipê Ltda.",
                ),
            )
            for name, value in values.items():
                setattr(ticket, name, value)

    return make


@pytest.fixture
def app(services: Services) -> Flask:
    compile_catalogues()
    return create_app(services.settings, services)


@pytest.fixture
def signed_in(app: Flask, services: Services) -> Callable[..., Browser]:
    def make(role: str, **facts: object) -> Browser:
        browser = Browser(app)
        assert browser.sign_in(hire(services, role, **facts)).status_code == 303
        return browser

    return make
