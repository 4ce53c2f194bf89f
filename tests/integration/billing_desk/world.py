"""A small company with one customer, two agents, two supervisors and a gateway in memory."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select

from billing_core import catalog, payments, subscriptions
from billing_core.domain.money import Money
from billing_core.domain.refund_window import RefundWindow
from billing_core.errors import BadSignature, GatewayDeclined, GatewayUnreachable, KeyReused
from billing_core.ports import DisputeNotice, GatewayEvent, Receipt, ReportLine
from billing_core.refunds import RefundAsk
from billing_core.store.invoice import Invoice
from billing_core.store.ledger import LedgerEntry
from billing_core.store.payment import Payment, Refund
from billing_core.store.subscription import Subscription
from helpdesk.billing_desk.acts import Request
from helpdesk.billing_desk.model import MoneyAct
from helpdesk.customers.model import Customer
from helpdesk.db import transaction_is_open
from helpdesk.events.model import Event
from helpdesk.services import Services
from helpdesk.staff.model import Staff
from helpdesk.tickets.service import NewTicket, open_ticket
from helpdesk.web.access import Agent


def brl(minor: int) -> Money:
    return Money(minor, "BRL")


class Crash(BaseException):
    """The process dies here. Nothing of ours catches it."""


@dataclass
class GatewayInMemory:
    """A gateway with its own books and idempotency. `mood` says how the next calls go."""

    name: str = "sandbox"
    refunds: dict[str, Receipt] = field(default_factory=dict)
    charges: dict[str, Receipt] = field(default_factory=dict)
    mood: str = ""  # "", decline, drop_before, drop_after, crash_after
    calls: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    rails: frozenset[str] = frozenset({"card"})
    refund_windows: Mapping[str, RefundWindow] = field(
        default_factory=lambda: {"card": RefundWindow(180)}
    )

    def charge(
        self,
        *,
        method_token: str,
        amount: Money,
        key: str,
        reference: str,
        due_on: date | None = None,
    ) -> Receipt:
        return self._move(self.charges, key, amount, "ch")

    def withdraw(self, *, key: str) -> Receipt:
        assert not transaction_is_open()
        return self.charges[key]  # a card is charged at once: it is always too late

    def refund(self, *, payment_ref: str, amount: Money, key: str) -> Receipt:
        return self._move(self.refunds, key, amount, "re")

    def find_charge(self, key: str) -> Receipt | None:
        assert not transaction_is_open()
        return self.charges.get(key)

    def find_refund(self, key: str) -> Receipt | None:
        assert not transaction_is_open()
        return self.refunds.get(key)

    def find_dispute(self, ref: str) -> DisputeNotice | None:
        assert not transaction_is_open()
        return None

    def answer_dispute(self, ref: str, *, evidence: Mapping[str, str] | None, key: str) -> None:
        raise GatewayDeclined("no_such_dispute")

    def read_events(
        self, body: bytes, headers: Mapping[str, str], *, at: datetime
    ) -> Sequence[GatewayEvent]:
        raise BadSignature("this gateway sends no notices")

    def report(self, day: date) -> Sequence[ReportLine]:
        assert not transaction_is_open()
        return []

    def _move(self, book: dict[str, Receipt], key: str, amount: Money, kind: str) -> Receipt:
        assert not transaction_is_open()
        with self.lock:
            self.calls += 1
            if self.mood == "decline":
                raise GatewayDeclined("do_not_honor")
            if self.mood == "drop_before":
                raise GatewayUnreachable
            if key in book and book[key].amount != amount:
                raise KeyReused(key)
            receipt = book.setdefault(
                key, Receipt(key, f"{kind}_{key[-12:]}_{len(book)}", "succeeded", amount)
            )
            if self.mood == "drop_after":
                raise GatewayUnreachable
            if self.mood == "crash_after":
                raise Crash
            return receipt


@dataclass
class Desk:
    """What a test of the billing desk talks about."""

    services: Services
    gateway: GatewayInMemory
    ana: Agent  # agent: 100 an act, 200 a day, 150 a customer
    bia: Agent  # agent, the same
    paula: Agent  # supervisor
    rui: Agent  # supervisor
    customer_id: UUID
    ticket_id: UUID
    subscription_id: UUID
    payment_id: UUID  # 100.00, paid
    prices: dict[str, UUID]

    def refund(self, minor: int, *, reason: str = "duplicate") -> Request:
        return Request(RefundAsk(payment_id=self.payment_id, amount=brl(minor), reason=reason))

    def act(self, act_id: UUID) -> MoneyAct:
        with self.services.reading() as session:
            return session.get_one(MoneyAct, act_id)

    def payment(self) -> Payment:
        with self.services.reading() as session:
            return session.get_one(Payment, self.payment_id)

    def refund_rows(self) -> list[Refund]:
        with self.services.reading() as session:
            return list(session.scalars(select(Refund)))

    def ledger_entries(self, source_id: UUID) -> list[LedgerEntry]:
        with self.services.reading() as session:
            return list(
                session.scalars(select(LedgerEntry).where(LedgerEntry.source_id == source_id))
            )

    def timeline(self) -> list[str]:
        """Return the kinds of the ticket's money events, in order."""
        with self.services.reading() as session:
            kinds = session.scalars(
                select(Event.kind).where(Event.ticket_id == self.ticket_id).order_by(Event.seq)
            )
            return [kind for kind in kinds if kind.startswith("money.")]

    def change_staff(self, agent: Agent, **values: object) -> None:
        with self.services.begin() as tx:
            row = tx.session.get_one(Staff, agent.id)
            for name, value in values.items():
                setattr(row, name, value)

    def plan_name_price(self) -> UUID:
        with self.services.reading() as session:
            from billing_core.store.subscription import SubscriptionItem

            return session.scalars(
                select(SubscriptionItem.price_id).where(
                    SubscriptionItem.subscription_id == self.subscription_id
                )
            ).one()


def build(services: Services, gateway: GatewayInMemory) -> Desk:
    """Fill an empty database: a customer who pays R$ 100.00 a month and has paid once."""
    people = {
        name: _hire(services, name, role)
        for name, role in (
            ("Ana Lima", "agent"),
            ("Bia Reis", "agent"),
            ("Paula Dias", "supervisor"),
            ("Rui Melo", "supervisor"),
        )
    }
    ana, bia, paula, rui = people.values()
    with services.begin() as tx:
        customer = Customer(
            id=tx.new_id(), name="Mariana Alves Prado", language="pt_BR", created_at=tx.at
        )
        tx.session.add(customer)
        tx.session.flush()
        ticket = open_ticket(
            tx,
            NewTicket(
                subject="Cobrada duas vezes",
                channel="email",
                customer_id=customer.id,
                customer_name=customer.name,
            ),
        )
        product = catalog.add_product(tx, "tv", "TV")
        prices = {}
        for name, minor, profiles in (
            ("Basic", 40_00, 1),
            ("Plus", 100_00, 2),
            ("Family", 160_00, 6),
        ):
            plan = catalog.add_plan(
                tx, product, code=name.lower(), name=name, features={"profiles": profiles}
            )
            prices[name] = catalog.add_price(tx, plan, amount=brl(minor))
        method = subscriptions.add_payment_method(
            tx,
            subscriptions.NewMethod(
                customer_id=customer.id, kind="card", token="tok_1", brand="Visa", last4="4417"
            ),
        )
        subscription_id = subscriptions.start_subscription(
            tx,
            subscriptions.StartSubscription(
                customer_id=customer.id, price_id=prices["Plus"], payment_method_id=method
            ),
        )
        invoice_id = tx.session.scalars(
            select(Invoice.id).where(Invoice.subscription_id == subscription_id)
        ).one()
    collected = payments.collect_invoice(services.begin, services.gateways, invoice_id)
    assert collected.payment_id is not None
    return Desk(
        services=services,
        gateway=gateway,
        ana=ana,
        bia=bia,
        paula=paula,
        rui=rui,
        customer_id=customer.id,
        ticket_id=ticket.id,
        subscription_id=subscription_id,
        payment_id=collected.payment_id,
        prices=prices,
    )


def _hire(services: Services, name: str, role: str) -> Agent:
    with services.begin() as tx:
        row = Staff(
            id=tx.new_id(),
            email=f"{name.split()[0].lower()}@sabia.example",
            name=name,
            password_hash="-",
            role=role,
            act_limit_minor=100_00,
            day_limit_minor=200_00,
            customer_limit_minor=150_00,
            created_at=tx.at,
        )
        tx.session.add(row)
        return Agent(
            id=row.id,
            name=row.name,
            email=row.email,
            role=role,
            team_id=None,
            language="en",
            theme="auto",
            session_id=row.id,
        )


def as_role(agent: Agent, role: str) -> Agent:
    """Return what a session that began under another role still believes."""
    return replace(agent, role=role)


__all__ = ["Crash", "Desk", "GatewayInMemory", "Subscription", "as_role", "brl", "build"]
