"""What a line asks for and what is asked back of it: discount, part, tax, in that order."""

from datetime import date
from typing import Any
from uuid import uuid4

import pytest

from billing_core.domain.discount import Discount, Off
from billing_core.domain.invoice import (
    Draft,
    DraftLine,
    apply_credit,
    ask_back,
    ask_for,
    full_price,
)
from billing_core.domain.money import Money
from billing_core.domain.pricing import Charge, Pricing, Tier
from billing_core.domain.proration import Span
from billing_core.domain.tax import TaxPart, TaxRule

ISS = TaxRule("ISS", "5")
INSIDE = TaxRule("ISS", "25", inclusive=True)
MONTH = (date(2026, 6, 1), date(2026, 7, 1))
WHOLE = Span(*MONTH, *MONTH)
HALF = Span(date(2026, 6, 16), date(2026, 7, 1), *MONTH)
COUPON = Discount("FRIEND", amount=Money(2000, "BRL"))


def brl(minor: int) -> Money:
    return Money(minor, "BRL")


def charge(minor: int = 10000, quantity: int = 1) -> Charge:
    return Pricing("per_unit", brl(minor)).charge(quantity)


def test_a_discount_comes_off_first_and_tax_on_last() -> None:
    asked = ask_for(charge(), HALF, off=Off(brl(2000), COUPON), tax=ISS)
    assert (asked.parts.net, asked.parts.tax) == (brl(4000), brl(200))
    assert asked.discount == brl(1000)
    assert asked.arithmetic == {
        "days": 15,
        "of_days": 30,
        "from": "2026-06-16",
        "to": "2026-07-01",
        "unit_minor": 10000,
        "quantity": 1,
        "currency": "BRL",
        "off_minor": 2000,
        "discount": {"code": "FRIEND", "amount_minor": 2000},
        "tax": {"code": "ISS", "percent": "5", "inclusive": False},
    }


@pytest.mark.parametrize("off", [None, Off(Money(0, "BRL"), COUPON)], ids=["none", "of-nothing"])
def test_without_a_discount_none_is_named(off: Off | None) -> None:
    asked = ask_for(charge(), WHOLE, off=off, tax=None)
    assert (asked.parts.net, asked.parts.tax, asked.discount) == (brl(10000), brl(0), brl(0))
    assert not {"off_minor", "discount", "tax"} & set(asked.arithmetic)


def back(line: Any, *, left: int = 10**9, net: int | None = None, span: Span = HALF) -> Any:
    asked = brl(net) if net is not None else line.parts.net
    return ask_back(asked, line.arithmetic, span, left=brl(left))


def test_the_unused_part_is_asked_back_as_it_was_charged() -> None:
    line = ask_for(charge(), WHOLE, off=Off(brl(2000), COUPON), tax=ISS)
    unused = back(line)
    assert (unused.parts.net, unused.parts.tax) == (brl(4000), brl(200))
    assert unused.discount == brl(1000)
    assert unused.arithmetic == line.arithmetic | HALF.arithmetic


def test_a_part_of_a_part_names_its_own_days_only() -> None:
    capped = back(ask_for(charge(), HALF, off=None, tax=None), left=100)
    assert capped.arithmetic["cap_minor"] == 100
    again = ask_back(brl(100), capped.arithmetic, HALF, left=brl(10**9))
    assert "cap_minor" not in again.arithmetic


def test_no_more_is_asked_back_than_is_left_tax_included() -> None:
    line = ask_for(charge(), WHOLE, off=None, tax=ISS)
    exact = back(line, left=5250)
    assert (exact.parts.net, exact.parts.tax) == (brl(5000), brl(250))
    assert "cap_minor" not in exact.arithmetic
    capped = back(line, left=2100)
    assert (capped.parts.net, capped.parts.tax) == (brl(2000), brl(100))
    assert capped.arithmetic["cap_minor"] == 2100


def test_tax_inside_the_price_comes_back_from_inside() -> None:
    unused = back(ask_for(charge(), WHOLE, off=None, tax=INSIDE))
    assert (unused.parts.net, unused.parts.tax) == (brl(4000), brl(1000))


def test_of_a_corrected_line_only_what_it_asks_for_now_comes_back() -> None:
    line = ask_for(charge(), WHOLE, off=Off(brl(2000), COUPON), tax=None)
    corrected = line.arithmetic | {"corrected_from_minor": 8000}
    unused = ask_back(brl(4000), corrected, HALF, left=brl(10**9))
    assert unused.parts.gross == brl(2000)
    assert unused.discount == brl(500)


def test_the_full_price_is_the_tiers_where_there_are_any() -> None:
    tiers = (Tier(1, "500"), Tier(None, "100"))
    tiered = Pricing("tiered", brl(0), tiers).charge(3)
    assert full_price(ask_for(tiered, WHOLE, off=None, tax=None).arithmetic) == brl(700)
    assert full_price(ask_for(charge(50, 3), WHOLE, off=None, tax=None).arithmetic) == brl(150)


@pytest.mark.parametrize(
    ("due", "balance", "used"),
    [
        (24995, 30000, 24995),
        (24995, 5005, 5005),
        (24995, 0, 0),
        (0, 500, 0),
        (-30, 500, -30),
        (1, 500, 1),
        (1, 0, 0),
    ],
)
def test_credit_pays_what_is_due_and_a_negative_invoice_gives_credit(
    due: int, balance: int, used: int
) -> None:
    assert apply_credit(brl(due), brl(balance)) == brl(used)


def line(net: int, tax: int, discount: int | None) -> DraftLine:
    return DraftLine(
        kind="subscription",
        reason="period",
        label="Pro",
        net=brl(net),
        unit=brl(net),
        quantity=1,
        arithmetic={},
        start=None,
        end=None,
        tax=brl(tax),
        discount=None if discount is None else brl(discount),
    )


def test_a_draft_adds_up_its_lines() -> None:
    draft = Draft(
        customer_id=uuid4(),
        subscription_id=None,
        payment_method_id=None,
        currency="BRL",
        reason="period",
        due_on=MONTH[0],
        start=None,
        end=None,
        lines=(line(8000, 400, 2000), line(-1000, -50, None)),
    )
    assert (draft.total, draft.tax, draft.discount) == (brl(7350), brl(350), brl(2000))
    assert draft.series == "FAT"
    assert draft.lines[0].gross == brl(8400)
    assert not draft.lines[0].holds_slot


def test_taxes_of_a_part_are_told_as_that_part_was_taxed() -> None:
    """Each is rounded on the part's own price; spreading their sum would give 5, 0 and 3."""
    parts = (TaxPart("ISS", "5"), TaxPart("PIS", "0.65"), TaxPart("COFINS", "3"))
    asked = ask_for(charge(168), HALF, off=None, tax=TaxRule("BR", "8.65", parts=parts))
    back = ask_back(brl(168), asked.arithmetic, HALF, left=brl(1000))
    for one in (asked, back):
        assert (one.parts.net, one.parts.tax) == (brl(84), brl(8))
        assert [told["minor"] for told in one.arithmetic["tax"]["parts"]] == [4, 1, 3]


def test_a_tax_that_was_bounded_is_spread_by_weight() -> None:
    parts = (TaxPart("ISS", "5"), TaxPart("PIS", "0.0001"))
    asked = ask_for(charge(), WHOLE, off=None, tax=TaxRule("BR", "5.0001", parts=parts))
    back = ask_back(brl(10000), asked.arithmetic, WHOLE, left=brl(1050))
    assert back.parts.gross == brl(1050)
    assert [told["minor"] for told in back.arithmetic["tax"]["parts"]] == [50, 0]
