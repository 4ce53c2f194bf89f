"""Why is it different? Every step is true, and together they are the whole difference."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_core.domain.bridge import Billed, BilledLine, Step, bridge
from billing_core.domain.discount import Discount, Off
from billing_core.domain.invoice import ask_for
from billing_core.domain.money import Money, total
from billing_core.domain.pricing import Pricing, Tier
from billing_core.domain.proration import Span
from billing_core.domain.tax import TaxRule

PLAN, ADD_ON = uuid4(), uuid4()
OLD, NEW = uuid4(), uuid4()
ISS = TaxRule("ISS", "5")
DAY = date(2026, 11, 16)


def brl(minor: int) -> Money:
    return Money(minor, "BRL")


def line(
    minor: int = 10000,
    *,
    quantity: int = 1,
    days: int = 30,
    discount: Discount | None = None,
    tax: TaxRule | None = None,
    item: UUID = PLAN,
    price: UUID = OLD,
    label: str = "Família",
    kind: str = "subscription",
    tiers: tuple[Tier, ...] = (),
) -> BilledLine:
    charge = Pricing("tiered" if tiers else "per_unit", brl(minor), tiers).charge(quantity)
    off = None
    if discount is not None:
        off = Off(discount.off([charge.amount])[0], discount)
    span = Span(DAY, DAY + timedelta(days=days), DAY, DAY + timedelta(days=30))
    asked = ask_for(charge, span, off=off, tax=tax)
    return BilledLine(kind, label, item, price, asked.parts.gross, asked.arithmetic)


def steps(
    before: list[BilledLine], after: list[BilledLine], credit: tuple[int, int] = (0, 0)
) -> list[tuple[str, int]]:
    found = bridge(Billed(before, brl(credit[0])), Billed(after, brl(credit[1])))
    return [(step.cause, step.amount.minor) for step in found]


TEN = Discount("DEZ", percent="10")


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param(line(), line(), [], id="nothing-changed"),
        pytest.param(line(), line(12000, price=NEW), [("price", 2000)], id="a-new-price"),
        pytest.param(
            line(), line(12000, price=NEW, label="Plus"), [("plan", 2000)], id="another-plan"
        ),
        pytest.param(line(), line(quantity=3), [("quantity", 20000)], id="more-seats"),
        pytest.param(line(days=15), line(), [("days", 5000)], id="a-short-period-before"),
        pytest.param(line(discount=TEN), line(), [("discount", 1000)], id="the-discount-ended"),
        pytest.param(line(), line(discount=TEN), [("discount", -1000)], id="a-discount-began"),
        pytest.param(line(), line(tax=ISS), [("tax", 500)], id="tax-began"),
        pytest.param(
            line(tax=ISS), line(tax=TaxRule("ISS", "2")), [("tax", -300)], id="another-rate"
        ),
        pytest.param(
            line(discount=TEN),
            line(12000, price=NEW, quantity=2, discount=TEN, tax=ISS),
            [("price", 1800), ("quantity", 10800), ("tax", 1080)],
            id="a-percentage-follows-the-price",
        ),
        pytest.param(
            line(0, quantity=5, tiers=(Tier(None, "100"),)),
            line(0, quantity=9, tiers=(Tier(None, "200"),), price=NEW),
            [("price", 1300)],
            id="by-tiers-price-and-quantity-are-one-step",
        ),
        pytest.param(
            line(0, quantity=5, tiers=(Tier(None, "100"),), kind="usage"),
            line(0, quantity=9, tiers=(Tier(None, "100"),), kind="usage"),
            [("usage", 400)],
            id="more-was-used",
        ),
    ],
)
def test_each_cause_is_a_step(
    before: BilledLine, after: BilledLine, expected: list[tuple[str, int]]
) -> None:
    assert steps([before], [after]) == expected


def test_what_came_and_what_went_are_steps_and_so_is_credit() -> None:
    extra = line(990, item=ADD_ON, label="Telas")
    assert steps([line()], [line(), extra]) == [("added", 990)]
    assert steps([line(), extra], [line()]) == [("gone", -990)]
    assert steps([line()], [line()], (0, 3000)) == [("credit", -3000)]


def test_the_lines_of_a_change_come_and_go() -> None:
    """They are about one period only, even when both invoices have some."""
    once = line(500, kind="proration_charge")
    assert steps([line(), once], [line(), once]) == [("added", 500), ("gone", -500)]


def test_a_second_line_of_an_item_is_an_added_one() -> None:
    assert steps([line()], [line(), line(7)]) == [("added", 7)]


def test_a_correction_of_the_earlier_invoice_is_its_own_step() -> None:
    corrected = replace(line(), gross=brl(6000))
    assert steps([corrected], [line()]) == [("correction", 4000)]


def test_a_period_may_be_measured_in_seconds() -> None:
    facts: dict[str, Any] = line().arithmetic
    facts = {key: value for key, value in facts.items() if key not in ("days", "of_days")}
    facts |= {"unit": "second", "seconds": 1, "of_seconds": 4}
    [step] = bridge(
        Billed([replace(line(), gross=brl(2500), arithmetic=facts)], brl(0)),
        Billed([line()], brl(0)),
    )
    assert (step.cause, step.amount) == ("days", brl(7500))
    assert step.data["before"] == {"unit": "second", "seconds": 1, "of_seconds": 4}


discounts = st.none() | st.builds(
    lambda percent: Discount("A", percent=str(percent)), st.integers(1, 100)
)
amounts_off = st.builds(lambda minor: Discount("B", amount=brl(minor)), st.integers(1, 10**7))
taxes = st.none() | st.builds(
    lambda percent, inclusive: TaxRule("T", str(percent), inclusive),
    st.integers(0, 40),
    st.booleans(),
)
lines = st.builds(
    line,
    st.integers(0, 10**7),
    quantity=st.integers(1, 50),
    days=st.integers(1, 30),
    discount=discounts | amounts_off,
    tax=taxes,
    item=st.sampled_from([PLAN, ADD_ON]),
    price=st.sampled_from([OLD, NEW]),
    kind=st.sampled_from(["subscription", "usage", "proration_charge"]),
    tiers=st.sampled_from([(), (Tier(5, "99.5"), Tier(None, "50", flat_minor=7))]),
)


@given(
    before=st.lists(lines, max_size=4),
    after=st.lists(lines, max_size=4),
    credit=st.tuples(st.integers(0, 10**7), st.integers(0, 10**7)),
)
def test_the_steps_add_up_to_the_difference(
    before: list[BilledLine], after: list[BilledLine], credit: tuple[int, int]
) -> None:
    was = total((one.gross for one in before), "BRL") - brl(credit[0])
    now = total((one.gross for one in after), "BRL") - brl(credit[1])
    found = bridge(Billed(before, brl(credit[0])), Billed(after, brl(credit[1])))
    assert total((step.amount for step in found), "BRL") == now - was
    assert all(step.amount for step in found)


def all_of(before: list[BilledLine], after: list[BilledLine], credit: int = 0) -> list[Step]:
    return list(bridge(Billed(before, brl(0)), Billed(after, brl(credit))))


def test_a_step_says_what_it_is_about() -> None:
    extra = line(990, item=ADD_ON, label="Telas", kind="usage")
    assert all_of([line()], [line(), extra], 10) == [
        Step("added", "Telas", brl(990), {"kind": "usage"}),
        Step("credit", "", brl(-10), {"before": 0, "after": 10}),
    ]
    assert all_of([line(), extra], [line()]) == [
        Step("gone", "Telas", brl(-990), {"kind": "usage"})
    ]


@pytest.mark.parametrize(
    ("before", "after", "data"),
    [
        pytest.param(
            line(),
            line(12000, price=NEW, label="Plus"),
            {"before": "Família", "after": "Plus", "unit_before": 10000, "unit_after": 12000},
            id="plan",
        ),
        pytest.param(line(), line(quantity=3), {"before": 1, "after": 3}, id="quantity"),
        pytest.param(
            line(days=15),
            line(),
            {"before": {"days": 15, "of_days": 30}, "after": {"days": 30, "of_days": 30}},
            id="days",
        ),
        pytest.param(
            line(discount=TEN),
            line(),
            {"before": {"code": "DEZ", "percent": "10"}, "after": None},
            id="discount",
        ),
        pytest.param(
            line(),
            line(tax=ISS),
            {"before": None, "after": {"code": "ISS", "percent": "5", "inclusive": False}},
            id="tax",
        ),
        pytest.param(
            line(),
            line(discount=TEN),
            {"before": None, "after": {"code": "DEZ", "percent": "10"}},
            id="a-discount-began",
        ),
        pytest.param(
            line(tax=ISS),
            line(),
            {"before": {"code": "ISS", "percent": "5", "inclusive": False}, "after": None},
            id="a-tax-ended",
        ),
    ],
)
def test_a_step_shows_both_sides(
    before: BilledLine, after: BilledLine, data: dict[str, Any]
) -> None:
    [step] = all_of([before], [after])
    assert (step.label, step.data) == (after.label, data)


def test_an_amount_off_stays_the_same_amount_at_another_price() -> None:
    off = Discount("VINTE", amount=brl(2000))
    assert steps([line(discount=off)], [line(12000, price=NEW, discount=off)]) == [("price", 2000)]
    assert steps([line(1000, discount=off)], [line(3000, price=NEW, discount=off)]) == [
        ("price", 2000),
        ("discount", -1000),
    ]
    facts = line(discount=off).arithmetic
    assert (facts["off_minor"], facts["discount"]["code"]) == (2000, "VINTE")


def test_a_correction_names_its_line() -> None:
    [step] = all_of([replace(line(), gross=brl(6000))], [line()])
    assert step == Step("correction", "Família", brl(4000), {})


def test_from_a_price_by_unit_to_tiers_price_and_quantity_are_one_step() -> None:
    by_unit = line(100, quantity=5)
    by_tiers = line(0, quantity=9, tiers=(Tier(None, "200"),), price=NEW)
    assert steps([by_unit], [by_tiers]) == [("price", 1300)]
    assert steps([by_tiers], [line(100, quantity=5, price=OLD)]) == [("price", -1300)]
