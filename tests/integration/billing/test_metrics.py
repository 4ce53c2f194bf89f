"""Recurring revenue, by hand and by any sequence of changes."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text, update
from sqlalchemy.exc import DBAPIError

from billing_core.catalog import PriceTerms, set_tax_rate
from billing_core.coupons import NewCoupon, add_coupon, redeem_coupon, remove_coupon
from billing_core.domain.metrics import Figures
from billing_core.domain.money import Money
from billing_core.metrics import figures, mrr_faults, record_mrr
from billing_core.store.metrics import MrrMovement
from billing_core.store.subscription import Subscription, SubscriptionItem
from tests.databases import Rewindable, fresh_sqlite

from .conftest import Company, brl

DAY = timedelta(days=1)


def change(company: Company, subscription_id: UUID, **values: object) -> None:
    with company.begin() as tx:
        subscription = tx.session.get_one(Subscription, subscription_id)
        for name, value in values.items():
            setattr(subscription, name, value)
        record_mrr(tx, subscription_id)


def allow_any_step(company: Company) -> None:
    """Let a subscription go from any state to any other: here only the figures matter."""
    with company.begin() as tx:
        tx.session.execute(text("DROP TRIGGER IF EXISTS subscription_edges"))


def start_paying(company: Company, price_id: UUID | None = None) -> UUID:
    _, subscription_id = company.start(price_id)
    change(company, subscription_id)
    return subscription_id


def move_to(
    company: Company, subscription_id: UUID, price_id: UUID | None = None, quantity: int = 1
) -> None:
    with company.begin() as tx:
        item = tx.session.query(SubscriptionItem).filter_by(subscription_id=subscription_id).one()
        item.price_id, item.quantity = price_id or item.price_id, quantity
        record_mrr(tx, subscription_id)


def read(company: Company, start: datetime, end: datetime) -> dict[str, Figures]:
    with company.begin() as tx:
        assert list(mrr_faults(tx.session)) == []
        return {one.currency: one for one in figures(tx.session, start, end)}


def test_a_month_of_every_movement(company: Company) -> None:
    family, solo = company.price("Família", 10000), company.price("Solo", 4000)
    customers = [start_paying(company, family) for _ in range(4)]
    company.forward(days=1)
    start = company.at
    company.forward(days=1)
    start_paying(company, solo)
    move_to(company, customers[0], solo)  # -6000
    move_to(company, customers[1], family, quantity=3)  # +20000
    change(company, customers[2], state="canceled")
    change(company, customers[3], cancel_at_period_end=True)
    month = read(company, start, company.at + DAY)["BRL"]
    assert month.starting == brl(40000)
    assert month.new == brl(4000)
    assert month.expansion == brl(20000)
    assert month.contraction == brl(6000)
    assert month.churn == brl(10000)
    assert month.ending == brl(48000)
    assert month.committed == brl(38000), "the one set to end is left out"
    assert month.yearly == brl(576000)
    assert month.per_customer == brl(12000)
    assert (month.customers_at_start, month.customers_lost, month.customers_at_end) == (4, 1, 4)
    assert month.customer_churn == Fraction(1, 4)
    assert month.revenue_churn == Fraction(10000, 40000)
    assert month.net_retention == Fraction(44000, 40000)
    assert month.gross_retention == Fraction(24000, 40000)


def test_who_comes_back_is_not_new(small_company: Company) -> None:
    company = small_company
    allow_any_step(company)
    subscription_id = start_paying(company, company.price(minor=5000))
    company.forward(days=1)
    change(company, subscription_id, state="canceled")
    company.forward(days=1)
    start = company.at
    change(company, subscription_id, state="active")
    month = read(company, start, company.at + DAY)["BRL"]
    assert (month.new, month.reactivation) == (brl(0), brl(5000))
    assert month.starting == brl(0)
    assert month.customer_churn is None
    assert month.net_retention is None


def test_one_of_two_subscriptions_that_ends_is_a_contraction(small_company: Company) -> None:
    company = small_company
    first = start_paying(company, company.price(minor=5000))
    with company.begin() as tx:
        [one] = tx.session.query(Subscription).filter_by(id=first)
        item = tx.session.query(SubscriptionItem).filter_by(subscription_id=first).one()
        values = {
            column.name: getattr(one, column.name) for column in Subscription.__table__.columns
        }
        second = tx.new_id()
        tx.session.add(Subscription(**(values | {"id": second})))
        tx.session.flush()
        tx.session.add(
            SubscriptionItem(
                id=tx.new_id(), subscription_id=second, price_id=item.price_id, quantity=1
            )
        )
        record_mrr(tx, second)
    company.forward(days=1)
    start = company.at
    change(company, first, state="canceled")
    company.forward(days=1)
    change(company, second, state="canceled")
    month = read(company, start, company.at + DAY)["BRL"]
    assert (month.contraction, month.churn) == (brl(5000), brl(5000))
    assert (month.customers_at_start, month.customers_lost) == (1, 1)


@pytest.mark.parametrize(
    ("interval", "minor", "worth"),
    [
        pytest.param("month", 12990, 12990, id="month"),
        pytest.param("year", 119900, 9992, id="a-twelfth-of-a-year-rounded"),
        pytest.param("week", 1000, 4345, id="365-days-are-12-months"),
        pytest.param("day", 100, 3042, id="a-day-365-twelfths"),
    ],
)
def test_every_interval_is_turned_into_a_month(
    small_company: Company, interval: str, minor: int, worth: int
) -> None:
    company = small_company
    start_paying(company, company.price("Plano", minor, interval=interval))  # type: ignore[arg-type]
    assert read(company, company.at, company.at + DAY)["BRL"].new == brl(worth)


def test_a_lasting_discount_counts_and_one_for_a_single_period_does_not(
    company: Company,
) -> None:
    price_id = company.price("Família", 10000)
    lasting, single = start_paying(company, price_id), start_paying(company, price_id)
    with company.begin() as tx:
        add_coupon(tx, NewCoupon(code="FOREVER", name="Sempre", off="10", periods=None))
        add_coupon(tx, NewCoupon(code="ONCE", name="Uma vez", off="50"))
        redeem_coupon(tx, lasting, "FOREVER")
        redeem_coupon(tx, single, "ONCE")
    assert read(company, company.at, company.at + DAY)["BRL"].ending == brl(19000)
    with company.begin() as tx:
        remove_coupon(tx, lasting)
    assert read(company, company.at, company.at + DAY)["BRL"].ending == brl(20000)


def test_a_discount_for_some_periods_counts_until_the_last_has_begun(company: Company) -> None:
    subscription_id = start_paying(company, company.price("Família", 10000))
    with company.begin() as tx:
        add_coupon(tx, NewCoupon(code="TWICE", name="Duas", off="10", periods=2))
        redeem_coupon(tx, subscription_id, "TWICE")
    worth = []
    for _ in range(3):
        worth.append(read(company, company.at, company.at + DAY)["BRL"].ending)
        company.forward(days=31)
        company.renew(subscription_id)
    assert worth == [brl(9000), brl(9000), brl(10000)]


def test_tax_is_left_out_whether_the_price_contains_it_or_not(company: Company) -> None:
    with company.begin() as tx:
        set_tax_rate(tx, "iss", name="ISS", percent="25")
    inside = company.price("A", 12500, terms=PriceTerms(tax_code="iss", tax_inclusive=True))
    on_top = company.price("B", 10000, terms=PriceTerms(tax_code="iss"))
    start_paying(company, inside)
    start_paying(company, on_top)
    assert read(company, company.at, company.at + DAY)["BRL"].ending == brl(20000)
    with company.begin() as tx:
        set_tax_rate(tx, "iss", name="ISS", percent="0")
    assert read(company, company.at, company.at + DAY)["BRL"].ending == brl(22500)


def test_usage_is_left_out_and_every_other_item_counts(company: Company) -> None:
    subscription_id = start_paying(company, company.price("Família", 10000))
    calls = company.price("Chamadas", 50, terms=PriceTerms(model="usage", meter="calls"))
    extra = company.price("Tela", 1500)
    with company.begin() as tx:
        for price_id, quantity in ((calls, 1), (extra, 2)):
            tx.session.add(
                SubscriptionItem(
                    id=tx.new_id(),
                    subscription_id=subscription_id,
                    price_id=price_id,
                    quantity=quantity,
                    added_on=company.at.date(),
                )
            )
        record_mrr(tx, subscription_id)
    assert read(company, company.at, company.at + DAY)["BRL"].ending == brl(13000)


def test_a_trial_that_waits_for_a_way_to_pay_counts_nothing(small_company: Company) -> None:
    company = small_company
    allow_any_step(company)
    subscription_id = start_paying(company, company.price("Família", 10000))
    day = company.at.date()
    change(company, subscription_id, state="paused", trial_end=day, paused_on=day)
    assert read(company, company.at, company.at + DAY)["BRL"].ending == brl(0)


def test_currencies_are_told_apart(small_company: Company) -> None:
    company = small_company
    start_paying(company, company.price("A", 5000, currency="BRL"))
    start_paying(company, company.price("B", 900, currency="JPY"))
    found = read(company, company.at, company.at + DAY)
    assert {name: one.ending for name, one in found.items()} == {
        "BRL": brl(5000),
        "JPY": Money(900, "JPY"),
    }


@pytest.mark.parametrize(
    ("state", "counts"),
    [
        ("incomplete", False),
        ("trialing", False),
        ("active", True),
        ("past_due", True),
        ("unpaid", True),
        ("paused", True),
        ("canceled", False),
        ("incomplete_expired", False),
    ],
)
def test_a_subscription_counts_from_its_first_paid_day_until_it_ends(
    small_company: Company, state: str, counts: bool
) -> None:
    company = small_company
    allow_any_step(company)
    subscription_id = start_paying(company, company.price(minor=5000))
    change(company, subscription_id, state=state)
    found = read(company, company.at, company.at + DAY)["BRL"]
    assert found.ending == brl(5000 if counts else 0)
    assert found.per_customer == brl(5000 if counts else 0)


def test_noting_twice_is_noting_once(small_company: Company) -> None:
    subscription_id = start_paying(small_company)
    for _ in range(2):
        change(small_company, subscription_id)
    with small_company.begin() as tx:
        assert tx.session.query(MrrMovement).count() == 1


def test_a_clock_that_goes_back_keeps_the_order(small_company: Company) -> None:
    company = small_company
    subscription_id = start_paying(company, company.price(minor=5000))
    company.forward(hours=-1)
    change(company, subscription_id, state="canceled")
    with company.begin() as tx:
        first, second = tx.session.query(MrrMovement).order_by(MrrMovement.number)
        assert first.at == second.at


def test_a_change_that_nobody_noted_is_found(small_company: Company) -> None:
    subscription_id = start_paying(small_company, small_company.price(minor=5000))
    with small_company.begin() as tx:
        tx.session.get_one(Subscription, subscription_id).state = "canceled"
        tx.session.flush()
        [fault] = mrr_faults(tx.session)
        tx.session.rollback()
    assert "worth 0 a month" in fault


def test_movements_are_never_rewritten(company: Company) -> None:
    start_paying(company)
    with pytest.raises(DBAPIError), company.begin() as tx:
        tx.session.execute(update(MrrMovement).values(minor=1))


@pytest.fixture
def quick_company(tmp_path: Path) -> Iterator[Company]:
    """A company whose database leaves the disk alone: for examples by the thousand."""
    made = Company(fresh_sqlite(tmp_path), synced=False).open()
    yield made
    made.close()


def test_figures_add_up_after_any_sequence(quick_company: Company, full: bool) -> None:
    company = quick_company
    allow_any_step(company)
    prices = {
        "cheap": company.price("Solo", 1990),
        "dear": company.price("Família", 9990),
        "yearly": company.price("Ano", 99990, interval="year"),
    }
    ids = [start_paying(company, prices["cheap"]) for _ in range(3)]
    begun, first_day = company.at, Rewindable(company.engine)
    step = st.tuples(
        st.integers(0, 2),
        st.sampled_from(["cheap", "dear", "yearly", "cancel", "resume", "trial", "plan_end"]),
        st.integers(0, 40),
    )

    @settings(
        max_examples=2000 if full else 15,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(steps=st.lists(step, max_size=12), at=st.integers(0, 400))
    def check(steps: list[tuple[int, str, int]], at: int) -> None:
        first_day.rewind()
        company.at = begun
        for who, what, days in steps:
            company.forward(days=days)
            match what:
                case "cancel":
                    change(company, ids[who], state="canceled")
                case "trial":
                    change(company, ids[who], state="trialing")
                case "resume":
                    change(company, ids[who], state="active", cancel_at_period_end=False)
                case "plan_end":
                    change(company, ids[who], cancel_at_period_end=True)
                case plan:
                    move_to(company, ids[who], prices[plan])
        cut = begun + timedelta(days=at)
        whole = read(company, begun, company.at + DAY)["BRL"]
        [first, second] = [
            read(company, a, b).get("BRL")
            for a, b in ((begun, cut), (cut, max(cut, company.at) + DAY))
        ]
        for one in filter(None, (whole, first, second)):
            up = one.starting + one.new + one.reactivation + one.expansion
            assert up - one.contraction - one.churn == one.ending
            assert brl(0) <= one.committed <= one.ending
            assert one.gross_retention is None or 0 <= one.gross_retention <= 1
        assert whole.starting == brl(0)
        assert second is not None
        assert (first.ending if first else brl(0)) == second.starting
        assert second.ending == whole.ending

    check()
    first_day.close()
