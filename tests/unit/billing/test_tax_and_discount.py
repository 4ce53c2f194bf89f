"""Tax on a price or inside it; discounts off the full price, spread without loss."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_core.domain.discount import Discount
from billing_core.domain.money import Money, total
from billing_core.domain.tax import TaxPart, TaxRule, read_percent, split_price
from billing_core.errors import UnreadableAmount


def brl(minor: int) -> Money:
    return Money(minor, "BRL")


@pytest.mark.parametrize(
    ("price", "percent", "inclusive", "net", "tax"),
    [
        pytest.param(19333, "25", False, 19333, 4833, id="the-total-is-the-sum-of-rounded-parts"),
        pytest.param(15467, "25", False, 15467, 3867, id="a-quarter-rounds-up"),
        pytest.param(6000, "25", True, 4800, 1200, id="inside-the-price"),
        pytest.param(12990, "5", True, 12371, 619, id="inside-with-a-remainder"),
        pytest.param(10, "5", False, 10, 1, id="half-a-cent-goes-away-from-zero"),
        pytest.param(0, "5", True, 0, 0, id="nothing"),
    ],
)
def test_a_price_has_a_net_part_and_a_tax_part(
    price: int, percent: str, inclusive: bool, net: int, tax: int
) -> None:
    rule = TaxRule("ISS", percent, inclusive)
    parts = split_price(brl(price), rule)
    assert (parts.net, parts.tax) == (brl(net), brl(tax))
    mirrored = split_price(brl(-price), rule)
    assert (mirrored.net, mirrored.tax) == (brl(-net), brl(-tax))
    assert mirrored.gross == -parts.gross


def test_without_a_rule_there_is_no_tax() -> None:
    assert split_price(brl(100), None).tax == brl(0)


@given(minor=st.integers(-(10**12), 10**12), basis_points=st.integers(0, 10_000))
def test_tax_inside_a_price_never_changes_what_is_paid(minor: int, basis_points: int) -> None:
    percent = f"{basis_points // 100}.{basis_points % 100:02d}"
    assert TaxRule("ISS", percent, inclusive=True).split(brl(minor)).gross == brl(minor)


@pytest.mark.parametrize("text", ["", "-5", "5,5", "1.23456", "100.0001", "101", "NaN", "1e1"])
def test_a_percentage_is_a_plain_decimal_up_to_a_hundred(text: str) -> None:
    with pytest.raises(UnreadableAmount):
        read_percent(text)


def test_a_rule_is_read_back_from_a_lines_arithmetic() -> None:
    rule = TaxRule("ISS", "2.9375", inclusive=True)
    assert TaxRule.from_arithmetic(rule.told(brl(0))) == rule


@pytest.mark.parametrize(
    ("discount", "fulls", "offs"),
    [
        pytest.param(Discount("A", percent="10"), [12990, 5], [1299, 1], id="a-share-of-each"),
        pytest.param(Discount("A", amount=brl(1000)), [12990], [1000], id="an-amount"),
        pytest.param(
            Discount("A", amount=brl(100)), [100, 100, 100], [34, 33, 33], id="nothing-lost"
        ),
        pytest.param(
            Discount("A", amount=brl(1000)), [300, 200], [300, 200], id="never-below-zero"
        ),
        pytest.param(Discount("A", amount=brl(1000)), [], [], id="nothing-to-discount"),
        pytest.param(Discount("A", percent="100"), [77], [77], id="for-free"),
    ],
)
def test_a_discount_comes_off_the_full_price(
    discount: Discount, fulls: list[int], offs: list[int]
) -> None:
    assert discount.off([brl(full) for full in fulls]) == [brl(off) for off in offs]


@given(amount=st.integers(1, 10**9), fulls=st.lists(st.integers(0, 10**9), min_size=1, max_size=20))
def test_spreading_a_discount_loses_nothing_and_makes_no_price_negative(
    amount: int, fulls: list[int]
) -> None:
    offs = Discount("A", amount=brl(amount)).off([brl(full) for full in fulls])
    assert total(offs, "BRL") == brl(min(amount, sum(fulls)))
    assert all(0 <= off.minor <= full for off, full in zip(offs, fulls, strict=True))


def test_a_discount_is_a_percentage_or_an_amount() -> None:
    for bad in ({}, {"percent": "5", "amount": brl(5)}):
        with pytest.raises(ValueError, match="percentage or an amount"):
            Discount("A", **bad)  # type: ignore[arg-type]
    assert Discount("A", percent="5").arithmetic == {"code": "A", "percent": "5"}
    assert Discount("A", amount=brl(5)).arithmetic == {"code": "A", "amount_minor": 5}


@pytest.mark.parametrize("text", ["5,5", "101"])
def test_a_refused_percentage_is_told(text: str) -> None:
    with pytest.raises(UnreadableAmount) as refused:
        read_percent(text)
    assert refused.value.text == text


# ---- several taxes together ----

SERVICE = TaxRule(
    "servicos",
    "8.65",
    parts=(TaxPart("ISS", "5"), TaxPart("PIS", "0.65"), TaxPart("COFINS", "3")),
)


def by_code(facts: dict[str, Any]) -> dict[str, int]:
    return {part["code"]: part["minor"] for part in facts["parts"]}


@pytest.mark.parametrize(
    ("rule", "net", "tax", "parts"),
    [
        pytest.param(SERVICE, 12990, 1124, {"ISS": 650, "PIS": 84, "COFINS": 390}, id="on-top"),
        pytest.param(
            replace(SERVICE, inclusive=True),
            11956,
            1034,
            {"ISS": 598, "PIS": 78, "COFINS": 359},
            id="inside",
        ),
    ],
)
def test_each_of_several_taxes_is_rounded_and_the_tax_is_their_sum(
    rule: TaxRule, net: int, tax: int, parts: dict[str, int]
) -> None:
    price = brl(12990)
    split = rule.split(price)
    assert by_code(rule.told(split.tax, price)) == parts
    assert split.tax == brl(sum(parts.values()))
    assert split.net == (price - split.tax if rule.inclusive else price)
    assert abs(split.net.minor - net) <= 1
    assert abs(split.tax.minor - tax) <= 1
    assert TaxRule.from_arithmetic(rule.told(split.tax, price)) == rule


@given(minor=st.integers(0, 10**12), tax=st.integers(0, 10**12), inclusive=st.booleans())
def test_the_parts_of_a_tax_always_add_up_to_it(minor: int, tax: int, inclusive: bool) -> None:
    rule = replace(SERVICE, inclusive=inclusive)
    split = rule.split(brl(minor))
    assert sum(by_code(rule.told(split.tax, brl(minor))).values()) == split.tax.minor
    assert sum(by_code(rule.told(brl(tax), brl(minor))).values()) == tax
    assert sum(by_code(rule.told(brl(tax))).values()) == tax
    if inclusive:
        assert split.gross == brl(minor)
