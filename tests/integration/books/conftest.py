"""A company with one customer who pays."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

import pytest

from billing_core.catalog import add_plan, add_price, add_product
from billing_core.domain.money import Money
from billing_core.invoicing import run_billing
from billing_core.subscriptions import (
    NewMethod,
    StartSubscription,
    add_payment_method,
    start_subscription,
)
from helpdesk.services import Services


@dataclass(frozen=True)
class Sold:
    services: Services
    customer_id: UUID
    subscription_id: UUID


@pytest.fixture
def sell() -> Callable[[Services], Sold]:
    """Return a function that sells one monthly plan for BRL 129.90 and collects its first month."""

    def sell(services: Services) -> Sold:
        with services.begin() as tx:
            product_id = add_product(tx, "stream", "Sabiá")
            plan_id = add_plan(tx, product_id, code="family", name="Família")
            price_id = add_price(tx, plan_id, amount=Money(12990, "BRL"), interval="month")
            customer_id = tx.new_id()
            method_id = add_payment_method(
                tx, NewMethod(customer_id=customer_id, kind="card", token="tok_1")
            )
            subscription_id = start_subscription(
                tx,
                StartSubscription(
                    customer_id=customer_id, price_id=price_id, payment_method_id=method_id
                ),
            )
        run_billing(services.begin, services.gateways)
        return Sold(services, customer_id, subscription_id)

    return sell
