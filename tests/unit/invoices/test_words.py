"""Every sum on an invoice in words, and every cause of a difference."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from babel.core import Locale

from billing_core.domain.bridge import Step
from billing_core.domain.money import Money
from billing_core.store.invoice import InvoiceLine
from helpdesk.invoices.words import arithmetic, line_detail, line_title, month_of, step_words
from helpdesk.web.formats import Formats


def say(message: str, /, **values: Any) -> str:
    return message % values if values else message


EN = Formats(Locale("en"), UTC, datetime(2026, 11, 22, 12, tzinfo=UTC), say)
MONTH = {"days": 30, "of_days": 30, "unit_minor": 12990, "quantity": 1, "currency": "BRL"}
TEN = {"code": "DEZ", "percent": "10"}


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        pytest.param({}, "", id="the-price-itself-needs-no-sum"),
        pytest.param({"days": 18}, "18 of 30 days of R$129.90", id="a-part-of-a-month"),
        pytest.param({"quantity": 12}, "12 × R$129.90", id="seats"),
        pytest.param(
            {"quantity": 2, "days": 18},
            "18 of 30 days of R$259.80 (2 × R$129.90)",
            id="a-part-of-a-month-of-seats",
        ),
        pytest.param(
            {"off_minor": 1299, "discount": TEN},
            "R$129.90 less 10%, coupon DEZ",
            id="a-percentage-off",
        ),
        pytest.param(
            {"days": 18, "off_minor": 500, "discount": {"code": "V", "amount_minor": 900}},
            "18 of 30 days of R$124.90 (R$129.90 less R$5.00, coupon V)",
            id="the-share-of-an-amount-off",
        ),
        pytest.param(
            {"unit": "second", "seconds": 881112, "of_seconds": 2419200},
            "881,112 of 2,419,200 seconds of R$129.90",
            id="by-the-second",
        ),
        pytest.param(
            {"quantity": 3, "full_minor": 12990, "model": "flat"}, "", id="flat-for-any-quantity"
        ),
        pytest.param(
            {
                "quantity": 11,
                "full_minor": 5400,
                "steps": [
                    {"units": 10, "unit": "500", "flat_minor": 0},
                    {"units": 1, "unit": "400", "flat_minor": 0},
                ],
            },
            "10 × R$5.00 + 1 × R$4.00 = R$54.00",
            id="tier-by-tier",
        ),
        pytest.param(
            {
                "quantity": 1501,
                "full_minor": 525,
                "steps": [{"units": 1501, "unit": "0.35", "flat_minor": 0}],
            },
            "1,501 × R$0.0035",
            id="less-than-a-cent-each",
        ),
    ],
)
def test_a_sum_is_said_as_it_was_made(facts: dict[str, Any], said: str) -> None:
    assert arithmetic(MONTH | facts, EN) == said


def line(kind: str = "subscription", **facts: Any) -> InvoiceLine:
    return InvoiceLine(
        kind=kind,
        label="Família",
        period_start=date(2026, 11, 16),
        period_end=date(2026, 12, 16),
        arithmetic=MONTH | facts,
    )


def test_a_line_says_its_days_first() -> None:
    assert line_detail(line(), EN) == "From 16 Nov to 15 Dec."
    alone = InvoiceLine(kind="adjustment", label="Taxa", arithmetic={})
    assert line_detail(alone, EN) == ""


def test_a_line_that_is_not_its_sum_says_why() -> None:
    capped = line_detail(line(days=18, cap_minor=5000), EN)
    assert capped.endswith("Limited to R$50.00, what was left of that charge.")
    corrected = line_detail(line(corrected_from_minor=14990), EN)
    assert corrected.endswith("Corrected; it was R$149.90 before.")


@pytest.mark.parametrize(
    ("kind", "title"),
    [
        ("subscription", "Família"),
        ("usage", "Família, what was used"),
        ("proration_credit", "Família, time not used"),
        ("proration_charge", "Família, rest of the period"),
    ],
)
def test_a_line_is_named_by_what_it_is(kind: str, title: str) -> None:
    assert line_title(line(kind), EN) == title


ISS = {"code": "ISS", "percent": "5", "inclusive": False}


@pytest.mark.parametrize(
    ("cause", "data", "said"),
    [
        ("plan", {"before": "Plus", "after": "Família"}, "Plus became Família"),
        ("price", {"unit_before": 100, "unit_after": 200}, "Plano: R$2.00 instead of R$1.00"),
        ("price", {"unit_before": 0, "unit_after": 0}, "Plano: new price"),
        ("quantity", {"before": 10, "after": 12}, "Plano: 12 instead of 10"),
        ("usage", {"before": 10, "after": 1200}, "Plano: 1,200 used, 10 before"),
        ("days", {"before": {}, "after": {}}, "Plano: days charged"),
        ("discount", {"before": TEN, "after": None}, "Coupon DEZ has ended"),
        ("discount", {"before": None, "after": TEN}, "Coupon DEZ"),
        ("discount", {"before": TEN, "after": TEN}, "Another discount"),
        ("tax", {"before": None, "after": ISS}, "Tax"),
        ("tax", {"before": ISS, "after": ISS | {"percent": "2.5"}}, "ISS: 2.5% instead of 5%"),
        ("correction", {}, "Plano: earlier correction"),
        ("added", {"kind": "subscription"}, "Plano"),
        ("gone", {"kind": "usage"}, "Not any more: Plano, what was used"),
        ("credit", {"before": 0, "after": 1}, "Paid from the credit balance"),
    ],
)
def test_every_cause_has_its_words(cause: Any, data: dict[str, Any], said: str) -> None:
    assert step_words(Step(cause, "Plano", Money(1, "BRL"), data), EN) == said


def test_a_month_of_another_year_says_so() -> None:
    assert month_of(date(2026, 10, 1), EN) == "October"
    assert month_of(date(2027, 1, 1), EN) == "January 2027"
