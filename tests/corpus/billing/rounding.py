"""Rounding: one rule, per part; a total is the sum of rounded parts."""

from fractions import Fraction
from typing import Any

from billing_core.domain.money import Money, minor_units, round_half_away
from billing_core.domain.tax import Taxed, split_price
from tests.corpus.billing.reading import Amounts, Input, tax_rule


def run_round(given: Input) -> int:
    return round_half_away(Fraction(given["value"]))


def run_minor_units(given: Input) -> int:
    return minor_units(given["currency"])


def _parts(parts: Taxed, amounts: Amounts) -> dict[str, Any]:
    found = {"net": parts.net, "tax": parts.tax, "total": parts.gross}
    return {name: amounts.write(amount) for name, amount in found.items()}


def run_credit_note_unused(given: Input) -> dict[str, Any]:
    amounts = Amounts.like(given["price"], given)
    net = amounts.read(given["price"]).times(Fraction(given["fraction"]))
    return _parts(split_price(net, tax_rule(given)), amounts)


def run_totals_must_add(given: Input) -> dict[str, Any]:
    amounts = Amounts(given.get("currency", "USD"), in_units=False)
    tax = given.get("tax_precise", given.get("tax", 0))
    return _parts(Taxed(amounts.read(given["net_precise"]), amounts.read(tax)), amounts)


def run_drift(given: Input) -> dict[str, Any]:
    """Lines rounded alone drift from their rounded sum; the customer must not pay for it."""
    amounts = Amounts.like(given["credit"], given)
    right, shown = amounts.read(given["exact_usage"]), amounts.read(given["sum_of_rounded_lines"])
    credit = amounts.read(given["credit"])
    drift: Money = right - shown
    found = {
        "overage": right - credit,
        "wrong_credit_shown": credit - drift,
        "right_credit": credit,
        "drift": drift,
    }
    return {name: amounts.write(amount) for name, amount in found.items()}


RUNNERS = {
    "round_half_away_from_zero": run_round,
    "minor_units": run_minor_units,
    "credit_note_unused": run_credit_note_unused,
    "totals_must_add": run_totals_must_add,
    "rounding_drift": run_drift,
}
