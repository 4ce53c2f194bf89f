"""What an early ending gives back. The figures are Lago's: 31.00 a month, 20 % tax, 15 days used."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_core.domain.money import Money, round_half_away
from billing_core.domain.tax import TaxRule
from billing_core.domain.termination import EndedLine, OnTermination, paid_share, settle

TAX = TaxRule("vat", "20")


def eur(minor: int) -> Money:
    return Money(minor, "EUR")


def line(
    paid: Fraction | int,
    *,
    price: int = 3100,
    coupon: Fraction | int = 0,
    credited: int = 0,
    unused: Fraction = Fraction(16, 31),
    used: Fraction = Fraction(15, 31),
    tax: TaxRule | None = TAX,
) -> EndedLine:
    return EndedLine(
        price=eur(price),
        coupon=Fraction(coupon),
        credited=eur(credited),
        unused=unused,
        used=used,
        tax=tax,
        paid=Fraction(paid),
    )


@pytest.mark.parametrize(
    ("ended", "total", "tax", "refund", "credit"),
    [
        pytest.param(line(3720), 1920, 320, 1920, 0, id="paid-in-full"),
        pytest.param(line(2790), 1920, 320, 990, 930, id="paid-in-part"),
        pytest.param(line(465), 1920, 320, 0, 1920, id="paid-less-than-consumed"),
        pytest.param(line(0), 1920, 320, 0, 1920, id="unpaid"),
        pytest.param(line(2790, credited=200), 1680, 280, 990, 690, id="credited-before"),
        pytest.param(
            line(
                paid_share(eur(5580), line=eur(3120), invoice=eur(6840)), coupon=500, credited=200
            ),
            1409,
            235,
            1035,
            374,
            id="coupon-and-credited-before",
        ),
        pytest.param(line(1920, used=Fraction(4, 31)), 1920, 320, 1440, 480, id="after-a-trial"),
        pytest.param(line(3720, credited=5000), 0, 0, 0, 0, id="credited-beyond-the-unused"),
        pytest.param(line(3100, tax=None), 1600, 0, 1600, 0, id="no-tax"),
        pytest.param(
            line(3100, tax=TaxRule("vat", "20", inclusive=True)),
            1600,
            267,
            1600,
            0,
            id="tax-inside",
        ),
        pytest.param(line(0, price=0), 0, 0, 0, 0, id="free"),
        pytest.param(line(9999), 1920, 320, 1920, 0, id="never-more-than-creditable"),
    ],
)
def test_a_refund_gives_back_what_was_paid_beyond_what_was_consumed(
    ended: EndedLine, total: int, tax: int, refund: int, credit: int
) -> None:
    settled = settle(ended, "refund")
    assert (settled.given.gross, settled.given.tax) == (eur(total), eur(tax))
    assert (settled.refund, settled.credit) == (eur(refund), eur(credit))
    assert settled.offset == eur(0)


def test_what_was_consumed_is_rounded_before_it_is_subtracted() -> None:
    share = paid_share(eur(5580), line=eur(3120), invoice=eur(6840))
    ended = line(share, coupon=500)
    assert ended.consumed == eur(1510)
    assert ended.refundable == eur(1035)
    assert round_half_away(share - Fraction(2600 * 15, 31) * Fraction(6, 5)) == 1036


def test_credit_keeps_the_money_here() -> None:
    settled = settle(line(3720), "credit")
    assert (settled.refund, settled.credit, settled.offset) == (eur(0), eur(1920), eur(0))


@pytest.mark.parametrize(
    ("paid", "offset", "credit"),
    [
        pytest.param(0, 1920, 0, id="nothing-paid"),
        pytest.param(3000, 720, 1200, id="little-open"),
        pytest.param(3720, 0, 1920, id="nothing-open"),
        pytest.param(4000, 0, 1920, id="paid-too-much"),
    ],
)
def test_an_offset_lowers_what_is_open_first(paid: int, offset: int, credit: int) -> None:
    settled = settle(line(paid), "offset")
    assert (settled.offset, settled.credit, settled.refund) == (eur(offset), eur(credit), eur(0))


def test_what_is_open_knows_the_coupon() -> None:
    assert line(0, coupon=500).unpaid == eur(3120)
    assert line(0, coupon=500, tax=None).unpaid == eur(2600)


def test_skipping_gives_nothing_back() -> None:
    settled = settle(line(3720), "skip")
    assert settled.given.gross == settled.refund == settled.credit == settled.offset == eur(0)
    assert settled.given.tax == eur(0)


def test_a_share_of_a_payment_is_exact() -> None:
    assert paid_share(eur(100), line=eur(1), invoice=eur(3)) == Fraction(100, 3)
    assert paid_share(eur(100), line=eur(0), invoice=eur(0)) == 0


@given(
    price=st.integers(0, 10**8),
    coupon=st.integers(0, 10**8),
    credited=st.integers(0, 10**8),
    used=st.integers(0, 31),
    paid=st.fractions(0, 1),
    how=st.sampled_from(["credit", "refund", "offset", "skip"]),
)
def test_what_is_given_goes_somewhere_and_never_beyond_what_was_paid(
    price: int, coupon: int, credited: int, used: int, paid: Fraction, how: OnTermination
) -> None:
    off = min(price, coupon)
    gross = round_half_away((price - off) * Fraction(6, 5))
    ended = line(
        gross * paid,
        price=price,
        coupon=off,
        credited=credited,
        used=Fraction(used, 31),
        unused=Fraction(31 - used, 31),
    )
    settled = settle(ended, how)
    assert settled.refund + settled.credit + settled.offset == settled.given.gross
    assert all(part.minor >= 0 for part in (settled.refund, settled.credit, settled.offset))
    assert settled.refund.minor <= gross * paid + Fraction(1, 2)
