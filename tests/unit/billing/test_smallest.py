"""A few cents are not worth a charge."""

import pytest

from billing_core.domain.money import Money
from billing_core.domain.smallest import too_small


@pytest.mark.parametrize(
    ("minor", "currency", "waits"),
    [
        pytest.param(49, "BRL", True, id="one-cent-below"),
        pytest.param(50, "BRL", False, id="the-smallest-itself"),
        pytest.param(1, "BRL", True, id="one-cent"),
        pytest.param(0, "BRL", False, id="nothing-is-not-too-small"),
        pytest.param(-10, "BRL", False, id="what-is-given-back-is-not-charged"),
        pytest.param(1, "XAF", False, id="a-currency-without-a-rule"),
    ],
)
def test_a_sum_is_too_small_below_what_gateways_take(
    minor: int, currency: str, waits: bool
) -> None:
    assert too_small(Money(minor, currency)) == waits
