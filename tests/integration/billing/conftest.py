"""A small company with its own books: database, sandbox gateway and a clock that stands still."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from billing_core.catalog import PLAIN, Interval, PriceTerms, add_plan, add_price, add_product
from billing_core.domain.money import Money
from billing_core.gateways.sandbox import Sandbox
from billing_core.ledger import verify_ledger
from billing_core.payments import Collected, collect_invoice
from billing_core.ports import Gateway
from billing_core.renewals import bill_many
from billing_core.store.invoice import Invoice, InvoiceLine
from billing_core.store.payment import Payment
from billing_core.store.queries import account_of
from billing_core.store.views import AccountView
from billing_core.subscriptions import (
    NewMethod,
    StartSubscription,
    add_payment_method,
    start_subscription,
)
from helpdesk.db import make_engine, uuid7
from tests.databases import unsynced


def brl(minor: int) -> Money:
    return Money(minor, "BRL")


@dataclass
class Unit:
    """One transaction, as billing_core.ports.Tx wants it."""

    session: Session
    at: datetime
    entropy: Callable[[int], bytes] = os.urandom
    events: list[object] = field(default_factory=list)

    def new_id(self) -> UUID:
        return uuid7(self.at, self.entropy(10))

    def emit(self, event: object) -> None:
        self.events.append(event)


_open: ContextVar[bool] = ContextVar("open", default=False)


class Company:
    """Everything a billing test needs; say only what the test is about."""

    def __init__(self, url: str, *, synced: bool = True) -> None:
        self.engine = make_engine(url)
        self.books = make_engine(url)  # the gateway's own connections
        if not synced:
            unsynced(self.engine)
            unsynced(self.books)
        self.at = datetime(2026, 11, 16, 12, 0, tzinfo=UTC)
        self.entropy: Callable[[int], bytes] = os.urandom  # a seeded one makes a run repeatable
        self.events: list[object] = []
        self.gateway = Sandbox(
            self.books, lambda: self.at, transaction_is_open=_open.get, secret="whsec_of_tests"
        )
        self.gateways: dict[str, Gateway] = {"sandbox": self.gateway}

    def open(self) -> "Company":
        """Put the first product on the shelf."""
        with self.begin() as tx:
            self.product_id = add_product(tx, "stream", "Sabiá")
        return self

    @contextmanager
    def begin(self) -> Iterator[Unit]:
        assert not _open.get(), "a transaction is open already"
        token = _open.set(True)
        try:
            with Session(self.engine, expire_on_commit=False) as session, session.begin():
                tx = Unit(session, self.at, self.entropy)
                yield tx
        finally:
            _open.reset(token)
        self.events += tx.events

    def new_id(self) -> UUID:
        return uuid7(self.at, self.entropy(10))

    def forward(self, **delta: float) -> None:
        self.at += timedelta(**delta)

    def price(
        self,
        name: str = "Família",
        minor: int = 12990,
        *,
        interval: Interval = "month",
        currency: str = "BRL",
        terms: PriceTerms = PLAIN,
    ) -> UUID:
        with self.begin() as tx:
            plan_id = add_plan(
                tx, self.product_id, code=f"{name}-{interval}-{currency}-{minor}", name=name
            )
            return add_price(
                tx, plan_id, amount=Money(minor, currency), interval=interval, terms=terms
            )

    def start(self, price_id: UUID | None = None, *, quantity: int = 1) -> tuple[UUID, UUID]:
        """Return (customer, subscription) with an open first invoice and a card."""
        customer_id = self.new_id()
        price_id = price_id or self.price(f"Plano {customer_id}")
        with self.begin() as tx:
            method_id = add_payment_method(
                tx,
                NewMethod(
                    customer_id=customer_id,
                    kind="card",
                    token=f"tok_{customer_id}",
                    brand="visa",
                    last4="4417",
                ),
            )
            subscription_id = start_subscription(
                tx,
                StartSubscription(
                    customer_id=customer_id,
                    price_id=price_id,
                    payment_method_id=method_id,
                    quantity=quantity,
                ),
            )
        return customer_id, subscription_id

    def paying(self, price_id: UUID | None = None) -> tuple[UUID, UUID, UUID]:
        """Return (customer, subscription, payment): the first month is paid."""
        customer_id, subscription_id = self.start(price_id)
        done = self.collect(self.invoice(customer_id).id)
        assert done.payment_id is not None, done
        return customer_id, subscription_id, done.payment_id

    def renew(self, subscription_id: UUID) -> UUID:
        with self.begin() as tx:
            [invoice_id] = bill_many(tx, [subscription_id])
        return invoice_id

    def collect(self, invoice_id: UUID) -> Collected:
        return collect_invoice(self.begin, self.gateways, invoice_id)

    def invoice(self, customer_id: UUID) -> Invoice:
        """Return the customer's newest invoice."""
        with self.begin() as tx:
            return (
                tx.session.query(Invoice)
                .filter_by(customer_id=customer_id)
                .order_by(Invoice.issued_at.desc(), Invoice.number.desc())
                .limit(1)
                .one()
            )

    def lines(self, invoice_id: UUID) -> list[InvoiceLine]:
        with self.begin() as tx:
            return (
                tx.session.query(InvoiceLine)
                .filter_by(invoice_id=invoice_id)
                .order_by(InvoiceLine.position)
                .all()
            )

    def payment(self, payment_id: UUID) -> Payment:
        with self.begin() as tx:
            return tx.session.get_one(Payment, payment_id)

    def account(self, customer_id: UUID) -> AccountView:
        with self.begin() as tx:
            return account_of(tx.session, customer_id, self.at)

    def told(self, kind: type) -> list[object]:
        """Return the events of one kind, in order."""
        return [event for event in self.events if type(event) is kind]

    def faults(self) -> list[str]:
        with self.begin() as tx:
            return verify_ledger(tx.session)

    def close(self) -> None:
        self.engine.dispose()
        self.books.dispose()


@pytest.fixture
def company(database_url: str) -> Iterator[Company]:
    """A company on SQLite and again on PostgreSQL; its books must add up when the test ends."""
    made = Company(database_url)
    try:
        yield made.open()
        assert made.faults() == []
    finally:
        made.close()


@pytest.fixture
def small_company(sqlite_url: str) -> Iterator[Company]:
    """The same on SQLite alone, where the database is not the point."""
    made = Company(sqlite_url)
    try:
        yield made.open()
        assert made.faults() == []
    finally:
        made.close()
