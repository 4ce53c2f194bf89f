from contextlib import nullcontext, suppress
from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_core.domain.balance import (
    LineBalance,
    NetRefunds,
    PaymentBalance,
    check_refund,
    credit_line,
    divide,
    invoice_balance,
    line_share,
    refundable,
    spread,
    wallet_after,
)
from billing_core.domain.money import Money
from billing_core.domain.tax import Taxed
from billing_core.errors import (
    AmountNotPositive,
    CurrencyMismatch,
    LineTooSmall,
    NotAllowed,
    RefundTooLarge,
)


def brl(minor: int) -> Money:
    return Money(minor, "BRL")


def balance(
    captured: int, refunded: int = 0, reserved: int = 0, disputed: int = 0
) -> PaymentBalance:
    return PaymentBalance(
        captured=brl(captured),
        refunded=brl(refunded),
        reserved=brl(reserved),
        disputed=brl(disputed),
    )


def line(net: int, tax: int = 0, credited: int = 0, id: UUID | None = None) -> LineBalance:
    return LineBalance(id or uuid4(), brl(net), brl(tax), brl(credited))


@pytest.mark.parametrize(
    ("before", "asked", "refusal"),
    [
        pytest.param(balance(100, 60), 40, None, id="the-rest-exactly"),
        pytest.param(balance(100, 60), 41, RefundTooLarge, id="one-cent-too-many"),
        pytest.param(balance(100, 0, 70), 40, RefundTooLarge, id="promised-money-is-spent"),
        pytest.param(balance(100, 0, 0, 70), 40, RefundTooLarge, id="disputed-money-is-blocked"),
        pytest.param(balance(100), 0, AmountNotPositive, id="nothing-is-not-a-refund"),
        pytest.param(balance(100), -1, AmountNotPositive, id="less-than-nothing"),
    ],
)
def test_a_refund_stays_within_what_was_paid(
    before: PaymentBalance, asked: int, refusal: type[NotAllowed] | None
) -> None:
    with nullcontext() if refusal is None else pytest.raises(refusal):
        check_refund(before, brl(asked))


def test_the_refusal_says_what_is_left() -> None:
    with pytest.raises(RefundTooLarge) as refused:
        check_refund(balance(100, 30, 30), brl(60))
    assert (refused.value.asked, refused.value.left) == (brl(60), brl(40))
    assert str(refused.value) == "asked for BRL 0.60, only BRL 0.40 is left"


def test_another_currency_is_refused_first() -> None:
    with pytest.raises(CurrencyMismatch):
        check_refund(balance(100), Money(1, "USD"))


def test_what_the_lines_gave_back_already_cannot_leave_as_money() -> None:
    lines = [line(100, credited=30), line(-20)]
    assert refundable(balance(100), lines) == brl(70)
    assert refundable(balance(50), lines) == brl(50)
    assert refundable(balance(50), None) == brl(50)
    with pytest.raises(RefundTooLarge):
        check_refund(balance(100), brl(71), lines)


@given(
    st.integers(1, 10**9),
    st.lists(st.integers(1, 10**9), max_size=20),
)
def test_no_run_of_refunds_gives_back_more_than_was_paid(paid: int, asks: list[int]) -> None:
    given_back = 0
    for asked in asks:
        with suppress(RefundTooLarge):
            check_refund(balance(paid, given_back), brl(asked))
            given_back += asked
    assert given_back <= paid


gross_lines = st.lists(
    st.tuples(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6)), min_size=1
).map(lambda rows: [line(net, tax, min(credited, net + tax)) for net, tax, credited in rows])


@given(gross_lines, st.data())
def test_spreading_gives_back_the_whole_amount_and_no_line_more_than_it_has(
    lines: list[LineBalance], data: st.DataObject
) -> None:
    left = sum(one.left.minor for one in lines)
    asked = data.draw(st.integers(0, left))
    credits = spread(brl(asked), lines)
    by_id = {one.line_id: one for one in lines}
    assert sum(credit.gross.minor for credit in credits) == asked
    for credit in credits:
        assert brl(0) < credit.gross <= by_id[credit.line_id].left


@given(st.integers(1, 10**6), st.integers(0, 10**6), st.lists(st.integers(1, 10**5), max_size=8))
def test_the_last_part_takes_the_tax_that_rounding_left(
    net: int, tax: int, parts: list[int]
) -> None:
    credited = taken = 0
    for part in [*parts, None]:
        now = line(net, tax, credited)
        gross = now.left if part is None else brl(min(part, now.left.minor))
        if not gross:
            continue
        taken += credit_line(now, gross).tax.minor
        credited += gross.minor
    assert credited == net + tax
    assert taken == tax


def test_tax_is_split_as_the_line_was_taxed() -> None:
    assert credit_line(line(1000, 250), brl(375)).tax == brl(75)
    assert credit_line(line(1000, 250, 375), brl(375)).tax == brl(75)
    assert credit_line(line(1000, 250, 750), brl(500)).tax == brl(100)


def test_a_line_cannot_give_more_than_it_has() -> None:
    one = line(100, credited=90)
    with pytest.raises(LineTooSmall) as refused:
        credit_line(one, brl(11))
    assert refused.value.left == brl(10)
    with pytest.raises(AmountNotPositive):
        credit_line(one, brl(0))


def by_net(net: int, tax: int) -> NetRefunds:
    return NetRefunds(Taxed(brl(net), brl(tax)), Taxed(brl(0), brl(0)))


@pytest.mark.parametrize(
    ("nets", "taxes", "states"),
    [
        pytest.param([1000], [250], ["refunded"], id="at-once"),
        pytest.param(
            [300, 300, 400],
            [75, 75, 100],
            ["partially_refunded", "partially_refunded", "refunded"],
            id="one-by-one",
        ),
        pytest.param([1, 999], [0, 250], ["partially_refunded", "refunded"], id="the-last-cent"),
    ],
)
def test_a_refund_by_net_brings_its_tax_and_the_last_one_the_rest(
    nets: list[int], taxes: list[int], states: list[str]
) -> None:
    balance = by_net(1000, 250)
    assert balance.state == "paid"
    for net, tax, state in zip(nets, taxes, states, strict=True):
        refund = balance.give_back(brl(net))
        assert refund == Taxed(brl(net), brl(tax))
        balance = balance.after(refund)
        assert balance.state == state


def test_a_refund_by_net_never_brings_more_tax_than_is_left() -> None:
    balance = by_net(4, 2)
    taxes = []
    for _ in range(4):
        refund = balance.give_back(brl(1))
        taxes.append(refund.tax.minor)
        balance = balance.after(refund)
    assert taxes == [1, 1, 0, 0]
    assert balance.state == "refunded"


def test_a_refund_by_net_stays_within_the_net() -> None:
    balance = by_net(1000, 250).after(Taxed(brl(600), brl(150)))
    with pytest.raises(RefundTooLarge) as refused:
        balance.give_back(brl(401))
    assert (refused.value.asked, refused.value.left) == (brl(401), brl(400))
    with pytest.raises(AmountNotPositive) as nothing:
        balance.give_back(brl(0))
    assert nothing.value.asked == brl(0)


@given(st.integers(1, 10**6), st.integers(0, 10**6), st.data())
def test_refunds_by_net_add_up_to_the_invoice(net: int, tax: int, data: st.DataObject) -> None:
    balance = by_net(net, tax)
    while balance.state != "refunded":
        left = (balance.whole.net - balance.given.net).minor
        refund = balance.give_back(brl(data.draw(st.integers(min(left, net // 5 + 1), left))))
        assert refund.tax.minor >= 0
        balance = balance.after(refund)
    assert balance.given == balance.whole


def test_a_refund_alone_brings_the_debt_back() -> None:
    alone = invoice_balance(brl(23382), paid=brl(23382), refunded=brl(23382), adjusted=brl(0))
    noted = invoice_balance(brl(23382), paid=brl(23382), refunded=brl(23382), adjusted=brl(-23382))
    unpaid = invoice_balance(brl(100), paid=brl(30), refunded=brl(10), adjusted=brl(-5))
    assert (alone, noted, unpaid) == (brl(23382), brl(0), brl(75))


@pytest.mark.parametrize(
    ("wallet", "refund", "after"),
    [(500, 125, 375), (500, 1250, 0), (500, 500, 0), (0, 125, 0), (-40, 125, -40), (1, 1, 0)],
)
def test_a_prepaid_wallet_is_drawn_down_to_nothing_at_most(
    wallet: int, refund: int, after: int
) -> None:
    assert wallet_after(brl(wallet), brl(refund)) == brl(after)


def test_a_payment_given_back_twice_has_nothing_left() -> None:
    assert refundable(balance(100, 70, 70), None) == brl(0)
    assert refundable(balance(100, 30), None) == brl(70)


def test_a_refused_refund_says_what_was_asked_and_what_is_left() -> None:
    with pytest.raises(CurrencyMismatch) as mixed:
        check_refund(balance(100), Money(1, "USD"))
    assert (mixed.value.expected, mixed.value.given) == ("BRL", "USD")
    with pytest.raises(AmountNotPositive) as nothing:
        check_refund(balance(100), brl(0))
    assert nothing.value.asked == brl(0)
    with pytest.raises(RefundTooLarge) as large:
        check_refund(balance(100, 60), brl(41))
    assert (large.value.asked, large.value.left) == (brl(41), brl(40))


def test_a_refused_refund_by_units_says_what_was_asked() -> None:
    half_gone = line(900, credited=600)
    with pytest.raises(LineTooSmall) as large:
        line_share(half_gone, 2, of=3)
    assert large.value.line_id == half_gone.line_id
    assert (large.value.asked, large.value.left) == (brl(600), brl(300))
    with pytest.raises(AmountNotPositive) as nothing:
        line_share(half_gone, 0, of=3)
    assert nothing.value.asked == brl(0)
    with pytest.raises(AmountNotPositive):
        line_share(line(0), 1, of=3)
    assert line_share(line(1), 1, of=1) == brl(1)


def test_a_refused_refund_of_a_line_says_what_was_asked() -> None:
    half_gone = line(900, credited=600)
    with pytest.raises(LineTooSmall) as large:
        credit_line(half_gone, brl(301))
    assert (large.value.line_id, large.value.asked) == (half_gone.line_id, brl(301))
    assert large.value.left == brl(300)
    with pytest.raises(AmountNotPositive) as nothing:
        credit_line(half_gone, brl(0))
    assert nothing.value.asked == brl(0)


def test_what_stayed_as_credit_cannot_be_refunded() -> None:
    kept = replace(balance(100, 20, 10, 5), credited=brl(25))
    assert kept.left == brl(40)
    assert balance(100, 20, 10, 5).left == brl(65)


def test_a_line_of_which_the_first_part_takes_nothing_is_among_the_rest_whole() -> None:
    lines = [line(1000, 50), line(2)]
    credits = [credit_line(lines[0], brl(1050)), credit_line(lines[1], brl(2))]
    first, rest = divide(credits, lines, brl(1))
    assert [(one.line_id, one.gross) for one in first] == [(lines[0].line_id, brl(1))]
    assert [(one.line_id, one.net, one.tax) for one in rest] == [
        (lines[0].line_id, brl(999), brl(50)),
        (lines[1].line_id, brl(2), brl(0)),
    ]
