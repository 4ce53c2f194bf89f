"""Founding the sample company and living through its two years of charges.

Nothing is written past the billing code: the clock is moved day by day and the same
billing run that would run at night does the charging.
"""

from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from billing_core.attempts import invoices_to_collect
from billing_core.catalog import add_plan, add_price, add_product
from billing_core.domain.money import Money
from billing_core.gateways.sandbox import Sandbox
from billing_core.invoicing import due_subscriptions, run_billing
from billing_core.payments import collect_batch
from billing_core.subscriptions import (
    NewMethod,
    StartSubscription,
    add_payment_method,
    cancel_at_period_end,
    start_subscription,
)
from channels.port import HandleKind
from helpdesk.customers.service import add_handle, create_customer
from helpdesk.db import UnitOfWork
from helpdesk.demo.people import Person
from helpdesk.services import Services
from helpdesk.staff.service import NewStaff, add_staff

PLANS = (
    ("essencial", "Essencial", 49_90, {"profiles": 1, "screens": 1, "downloads": 0}),
    ("plus", "Plus", 79_90, {"profiles": 2, "screens": 1, "downloads": 2}),
    ("familia", "Família", 129_90, {"profiles": 6, "screens": 4, "downloads": 6}),
)
PASSWORD = "guiche-demo"  # noqa: S105 - printed on the screen at every start
STAFF = (
    ("camila.duarte@sabia.exemplo", "Camila Duarte", "agent", 100_00, 500_00),
    ("bruno.sales@sabia.exemplo", "Bruno Sales", "agent", 100_00, 500_00),
    ("patricia.lemos@sabia.exemplo", "Patrícia Lemos", "supervisor", 1_000_00, 5_000_00),
    ("helena.couto@sabia.exemplo", "Helena Couto", "admin", 1_000_00, 5_000_00),
)
NIGHT = time(6, 0)  # UTC: 3 in the morning in São Paulo


class MovingClock:
    """A clock that the seed moves. It never goes back."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def move_to(self, at: datetime) -> None:
        self.at = max(self.at, at)


def hire(services: Services) -> dict[str, UUID]:
    """Add the staff and return their ids by e-mail."""
    return {
        email: add_staff(
            services,
            NewStaff(
                email=email,
                name=name,
                password=PASSWORD,
                role=role,
                act_limit_minor=act,
                day_limit_minor=day,
                customer_limit_minor=day,
            ),
        )
        for email, name, role, act, day in STAFF
    }


def open_catalogue(services: Services) -> dict[str, UUID]:
    """Put the plans on sale and return their price ids by code."""
    with services.begin() as tx:
        product = add_product(tx, "musica", "Sabiá Música")
        return {
            code: add_price(
                tx,
                add_plan(tx, product, code=code, name=name, features=features),
                amount=Money(minor, services.settings.currency),
            )
            for code, name, minor, features in PLANS
        }


def live_two_years(
    services: Services,
    clock: MovingClock,
    crowd: list[Person],
    prices: dict[str, UUID],
    *,
    until: datetime,
) -> dict[str, UUID]:
    """Let customers come, be charged and go, a day at a time. Return their ids by key."""
    ids: dict[str, UUID] = {}
    arrivals: dict[date, list[Person]] = {}
    for person in crowd:
        arrivals.setdefault(first_day(person, until.date()), []).append(person)
    leaving = {
        until.date() - timedelta(days=20 + 9 * number): person
        for number, person in enumerate(p for p in crowd if p.leaves)
    }
    subscriptions: dict[str, UUID] = {}
    day = min(arrivals)
    while day <= until.date():
        clock.move_to(datetime.combine(day, NIGHT, UTC))
        with services.begin() as tx:
            for person in arrivals.get(day, ()):
                ids[person.key], subscriptions[person.key] = _join(tx, person, prices)
            gone = leaving.get(day)
            if gone is not None and gone.key in subscriptions:
                cancel_at_period_end(tx, subscriptions[gone.key])
        charge_everybody(services)
        day += timedelta(days=1)
    return ids


def charge_everybody(services: Services) -> None:
    """Do what the night does: bill what is due, then collect what is open."""
    gateway = sandbox(services)
    with services.reading() as session:
        due = due_subscriptions(session, services.clock(), limit=1)
        fresh = invoices_to_collect(session, services.clock(), limit=500)
    if due:
        run_billing(services.begin, services.gateways, batch=100, together=gateway.together)
    if fresh:
        collect_batch(services.begin, services.gateways, fresh, together=gateway.together)


def sandbox(services: Services) -> Sandbox:
    """Return the sandbox gateway, whose own doors the demo may use."""
    gateway = services.gateways["sandbox"]
    assert isinstance(gateway, Sandbox)
    return gateway


def first_day(person: Person, today: date) -> date:
    """Return the day of somebody's first charge, `months` before today's month."""
    months = today.year * 12 + today.month - 1 - person.months
    year, month = divmod(months, 12)
    return date(year, month + 1, min(person.day, monthrange(year, month + 1)[1]))


def _join(tx: UnitOfWork, person: Person, prices: dict[str, UUID]) -> tuple[UUID, UUID]:
    customer = create_customer(
        tx,
        name=person.name,
        language=person.language,
        time_zone=person.time_zone,
        document_masked=person.document_masked,
    )
    handles: tuple[tuple[HandleKind, str], ...] = (
        ("email", person.email),
        ("phone", person.phone),
        ("external", person.key),
    )
    for kind, value in handles:
        add_handle(tx, customer.id, kind=kind, value=value, verified=True)
    method = add_payment_method(
        tx,
        NewMethod(
            customer_id=customer.id,
            kind=person.method,
            token=f"tok_{person.key}",
            brand=person.brand,
            last4=person.last4,
            exp_month=8 if person.brand else None,
            exp_year=tx.at.year + 2 if person.brand else None,
        ),
    )
    subscription = start_subscription(
        tx,
        StartSubscription(
            customer_id=customer.id,
            price_id=prices[person.plan],
            payment_method_id=method,
            time_zone=person.time_zone,
        ),
    )
    return customer.id, subscription
