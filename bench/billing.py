"""Invoices a second of a billing run, beside a bare loop of the same inserts.

The run bills, charges and settles every due subscription; its gateway answers at once. The
bare loop writes the rows that the run leaves behind (invoice, line, books, attempt, payment)
into the same tables, in as many transactions, and nothing else.
Each is measured in a process of its own, on SQLite and, where GUICHE_TEST_PG names a
server, on PostgreSQL; peak memory also at a tenth of the size, which shows whether it grows.
"""

import time
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, Table, func, insert, select
from sqlalchemy.orm import Session

from bench.figures import Figures, run
from bench.places import NOON, databases, measured, new_id, services_at
from billing_core.domain.calendar import start_of
from billing_core.domain.money import Money
from billing_core.gateways.sandbox import Sandbox
from billing_core.invoicing import bill_subscription, run_billing
from billing_core.payments import collect_invoice
from billing_core.ports import Gateways, Receipt
from billing_core.store.catalog import Plan, Price, Product
from billing_core.store.payment import Payment
from billing_core.store.subscription import PaymentMethod, Subscription, SubscriptionItem
from billing_core.store.tables import metadata
from helpdesk.db import transaction_is_open
from helpdesk.services import Services

BEGAN, ENDS = date(2026, 10, 17), date(2026, 11, 17)
ZONE = "America/Sao_Paulo"
BATCH = 500


def fill(url: str, size: int) -> float:
    """Write subscriptions whose month is over, each with a card."""
    services = services_at(url)
    product, plan, price = new_id(), new_id(), new_id()
    with services.begin() as tx:
        connection = tx.session.connection()
        put(connection, Product, [{"id": product, "code": "p", "name": "Sabiá"}])
        put(
            connection,
            Plan,
            [{"id": plan, "product_id": product, "code": "f", "name": "Família", "features": {}}],
        )
        put(
            connection,
            Price,
            [
                {
                    "id": price,
                    "plan_id": plan,
                    "version": 1,
                    "valid_from": NOON,
                    "interval": "month",
                    "interval_count": 1,
                    "currency": "BRL",
                    "unit_minor": 12990,
                }
            ],
        )
    for count in portions(size):
        with services.begin() as tx:
            fill_portion(tx.session.connection(), count, price)
    services.db.close()
    return 0.0


def fill_portion(connection: Connection, count: int, price: UUID) -> None:
    ids = [(new_id(), new_id(), new_id()) for _ in range(count)]
    put(
        connection,
        PaymentMethod,
        [
            {
                "id": method,
                "customer_id": customer,
                "kind": "card",
                "gateway": "sandbox",
                "token": f"tok_{method}",
                "brand": "visa",
                "last4": "4417",
                "created_at": NOON,
            }
            for _, customer, method in ids
        ],
    )
    put(
        connection,
        Subscription,
        [
            {
                "id": id,
                "customer_id": customer,
                "system": "native",
                "state": "active",
                "currency": "BRL",
                "time_zone": ZONE,
                "anchor_day": BEGAN.day,
                "anchor_date": BEGAN,
                "current_period_start": BEGAN,
                "current_period_end": ENDS,
                "next_bill_at": start_of(ENDS, ZONE),
                "payment_method_id": method,
                "started_at": NOON,
            }
            for id, customer, method in ids
        ],
    )
    put(
        connection,
        SubscriptionItem,
        [
            {"id": new_id(), "subscription_id": id, "price_id": price, "quantity": 1}
            for id, _, _ in ids
        ],
    )


class Instant(Sandbox):
    """Says yes at once and keeps no books: a provider's time is not ours to measure."""

    def charge(self, *, amount: Money, key: str, **_: object) -> Receipt:
        return Receipt(key, f"ch_{key}", "succeeded", amount)


def gateways_of(services: Services) -> Gateways:
    engine = services.db.separate_engine()
    instant = Instant(engine, lambda: NOON, transaction_is_open=transaction_is_open)
    return {instant.name: instant}


def bill(url: str, size: int) -> float:
    services = services_at(url)
    begin = time.perf_counter()
    done = run_billing(services.begin, gateways_of(services), batch=BATCH)
    seconds = time.perf_counter() - begin
    assert (done.invoices, done.paid, done.faults) == (size, size, []), done
    services.db.close()
    return seconds


def insert_barely(url: str, size: int) -> float:
    """Write what `bill` writes, with the same engine, batches and number of transactions.

    The rows are copies of what a run has left behind for one subscription, with ids of
    their own. Making them is timed as well, reading whom they are for is not.
    """
    services = services_at(url)
    bill_one(services)
    with services.reading() as session:
        model = Model(session)
    seconds = 0.0
    for number, count in enumerate(portions(size)):
        with services.reading() as session:
            owners = model.owners(session, count)
        begin = time.perf_counter()
        copies = [model.copy(owner, number * BATCH + n) for n, owner in enumerate(owners, start=2)]
        for tables in model.transactions:
            with services.begin() as tx:
                for place in tables:
                    rows = [row for copy in copies for row in copy[place]]
                    tx.session.connection().execute(insert(model.tables[place]), rows)
        seconds += time.perf_counter() - begin
    with services.reading() as session:
        assert session.scalar(select(func.count()).select_from(Payment)) == size + 1
    services.db.close()
    return seconds


def bill_one(services: Services) -> None:
    """Bill the first subscription alone, as a model for the others."""
    with services.begin() as tx:
        first = tx.session.scalars(select(Subscription.id).order_by(Subscription.id)).first()
        assert first is not None
        invoice_id = bill_subscription(tx, first)
    assert invoice_id is not None
    assert collect_invoice(services.begin, gateways_of(services), invoice_id).state == "paid"


class Model:
    """The rows that billing one subscription leaves behind, to be copied for others."""

    def __init__(self, session: Session) -> None:
        first = session.execute(OWNERS.limit(1)).one()
        self._last = first[0]
        self._ids: list[UUID | None] = list(first)  # the owner's come first
        self.tables: list[Table] = []
        self.transactions: list[list[int]] = [[], []]
        self._recipes: list[list[Recipe]] = []
        captured = set(session.scalars(select(Payment.id)))
        for table in metadata.sorted_tables:
            if table.name in KEPT:
                continue
            found = [dict(row._mapping) for row in session.execute(select(table))]
            for turn, rows in enumerate(_turns(table, found, captured)):
                if rows:
                    self.transactions[turn].append(len(self.tables))
                    self.tables.append(table)
                    self._recipes.append([self._recipe(table, row) for row in rows])

    def owners(self, session: Session, count: int) -> Sequence[Sequence[UUID | None]]:
        found = session.execute(OWNERS.where(Subscription.id > self._last).limit(count)).all()
        self._last = found[-1][0]
        return [tuple(row) for row in found]

    def copy(self, owner: Sequence[UUID | None], number: int) -> list[list[dict[str, Any]]]:
        """Return the rows of each table, with this owner's ids and fresh ones of their own."""
        ids = [*owner, *(new_id() for _ in range(len(self._ids) - len(owner)))]
        return [
            [
                {
                    **recipe.row,
                    **{column: ids[place] for column, place in recipe.ids},
                    **{column: str(ids[place]) for column, place in recipe.keys},
                    **dict.fromkeys(recipe.numbers, number),
                }
                for recipe in recipes
            ]
            for recipes in self._recipes
        ]

    def _recipe(self, table: Table, row: dict[str, Any]) -> "Recipe":
        shared = ("price_id", "plan_id")
        if table.name == "payment_attempt":
            row = row | {"payment_id": None}  # written once the money is there
        return Recipe(
            row,
            [
                (column, self._place(value))
                for column, value in row.items()
                if isinstance(value, UUID) and column not in shared
            ],
            [
                (column, self._place(UUID(value.removeprefix("ch_"))))
                for column, value in row.items()
                if column in ("key", "gateway_ref")
            ],
            [column for column in row if column == "number"],
        )

    def _place(self, id: UUID) -> int:
        if id not in self._ids:
            self._ids.append(id)
        return self._ids.index(id)


class Recipe(NamedTuple):
    """One row, and what differs in each copy of it: column by column, the id it takes."""

    row: dict[str, Any]
    ids: list[tuple[str, int]]
    keys: list[tuple[str, int]]  # ids as text
    numbers: list[str]


OWNERS = (
    select(
        Subscription.id,
        Subscription.customer_id,
        Subscription.payment_method_id,
        SubscriptionItem.id,
    )
    .join(SubscriptionItem, SubscriptionItem.subscription_id == Subscription.id)
    .order_by(Subscription.id)
)
KEPT = {
    "product",
    "plan",
    "price",
    "payment_method",
    "subscription",
    "subscription_item",
    "number_series",
}
"""What is there before a run, or is changed by it and not added to."""


def _turns(
    table: Table, rows: list[dict[str, Any]], captured: set[UUID]
) -> Iterator[list[dict[str, Any]]]:
    """Split rows by the transaction that writes them: the bill, or the settlement."""
    name = table.name
    late = [row for row in rows if name == "payment" or row.get("source_id") in captured]
    if name.startswith("ledger") and name != "ledger_entry":
        late = rows[len(rows) // 2 :]  # half of the books are the payment's
    yield [row for row in rows if row not in late]
    yield late


def put(connection: Connection, row: Any, rows: list[dict[str, Any]]) -> None:
    connection.execute(insert(row.__table__), rows)


def portions(size: int) -> Iterator[int]:
    for begin in range(0, size, BATCH):
        yield min(BATCH, size - begin)


def measure(size: int) -> Figures:
    figures: Figures = {"size": float(size)}
    for name, make in databases():
        for url in make():
            measured(fill, url, size // 10)
            _, figures[f"{name}_peak_mb_at_a_tenth"] = measured(bill, url, size // 10)
        for url in make():
            measured(fill, url, size + 1)
            figures[f"{name}_bare_s"], _ = measured(insert_barely, url, size)
        for url in make():
            measured(fill, url, size)
            figures[f"{name}_run_s"], figures[f"{name}_peak_mb"] = measured(bill, url, size)
        figures[f"{name}_invoices_per_s"] = size / figures[f"{name}_run_s"]
        figures[f"{name}_bare_per_s"] = size / figures[f"{name}_bare_s"]
        figures[f"{name}_ratio"] = figures[f"{name}_bare_s"] / figures[f"{name}_run_s"]
    return figures


if __name__ == "__main__":
    run(__doc__ or "", measure, size=100_000)
