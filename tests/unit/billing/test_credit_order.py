"""Money or balance: whichever order is chosen, nothing is lost and nothing comes twice."""

from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_core.domain.balance import LineBalance, LineCredit, divide, line_share, spread
from billing_core.domain.credit_order import ORDERS, CreditOrder, share
from billing_core.domain.credit_parts import before_payment, parts_of
from billing_core.domain.money import Money, total
from billing_core.errors import AmountNotPositive, LineTooSmall, RefundTooLarge


def brl(minor: int) -> Money:
    return Money(minor, "BRL")


@pytest.mark.parametrize(
    ("order", "money", "balance"),
    [
        pytest.param("transaction_first", 70, 10, id="what was paid as money first"),
        pytest.param("credit_first", 50, 30, id="what was paid as credit first"),
        pytest.param("all_credit", 0, 80, id="all of it as credit"),
    ],
)
def test_the_order_says_what_returns_as_what(order: CreditOrder, money: int, balance: int) -> None:
    shares = share(order, brl(80), money_left=brl(70), credit_left=brl(30))
    assert (shares.money, shares.balance) == (brl(money), brl(balance))


@pytest.mark.parametrize(
    ("order", "asked", "left"),
    [
        pytest.param("all_transaction", 71, 70, id="more than the money"),
        pytest.param("transaction_first", 101, 100, id="more than both"),
        pytest.param("credit_first", 101, 100, id="more than both, credit first"),
        pytest.param("all_credit", 101, 100, id="more credit than was paid"),
    ],
)
def test_no_order_gives_back_more_than_came_in(order: CreditOrder, asked: int, left: int) -> None:
    with pytest.raises(RefundTooLarge) as refused:
        share(order, brl(asked), money_left=brl(70), credit_left=brl(30))
    assert refused.value.left == brl(left)


def test_nothing_is_no_refund() -> None:
    with pytest.raises(AmountNotPositive):
        share("credit_first", brl(0), money_left=brl(70), credit_left=brl(30))


minor = st.integers(0, 10**7)


@given(st.sampled_from(ORDERS), st.integers(1, 10**7), minor, minor)
def test_shares_add_up_and_stay_within_their_source(
    order: CreditOrder, asked: int, money: int, credit: int
) -> None:
    sources = {"money_left": brl(money), "credit_left": brl(credit)}
    left = money if order == "all_transaction" else money + credit
    if asked > left:
        with pytest.raises(RefundTooLarge):
            share(order, brl(asked), **sources)
        return
    shares = share(order, brl(asked), **sources)
    assert shares.money + shares.balance == brl(asked)
    assert 0 <= shares.money.minor <= money
    assert shares.balance.minor <= (money + credit if order == "all_credit" else credit)


@given(st.integers(1, 10**6), minor, st.integers(1, 10**6), st.booleans())
def test_the_parts_of_a_credit_note_are_the_whole_note(
    amount: int, due: int, credit: int, out_of_band: bool
) -> None:
    pre = before_payment(brl(amount), brl(due))
    rest = brl(amount) - pre
    shares = None
    if rest:
        money = brl(max(0, rest.minor - credit))
        shares = share(
            "credit_first", rest, money_left=money, credit_left=brl(min(credit, rest.minor))
        )
    parts = parts_of(pre, shares, out_of_band=out_of_band)
    assert parts.total == brl(amount)
    assert parts.post_payment == rest
    assert not (parts.refund and parts.out_of_band)
    assert pre <= brl(due)


lines = st.lists(
    st.tuples(st.integers(1, 10**6), st.integers(0, 10**5), st.integers(0, 100)),
    min_size=1,
    max_size=5,
)


@given(lines, st.data())
def test_a_divided_note_keeps_every_cent_of_net_and_tax(
    found: list[tuple[int, int, int]], data: st.DataObject
) -> None:
    known = [
        LineBalance(uuid4(), brl(net), brl(tax), brl((net + tax) * given // 101))
        for net, tax, given in found
    ]
    left = sum(line.left.minor for line in known)
    asked = brl(data.draw(st.integers(1, left)))
    first = brl(data.draw(st.integers(0, asked.minor)))
    credits = spread(asked, known)
    ones, others = divide(credits, known, first)
    assert total((one.gross for one in ones), "BRL") == first
    by_line: dict[UUID, LineCredit] = {}
    for part in (*ones, *others):
        assert part.gross.minor > 0
        so_far = by_line.get(part.line_id)
        by_line[part.line_id] = (
            LineCredit(part.line_id, so_far.net + part.net, so_far.tax + part.tax)
            if so_far
            else part
        )
    assert by_line == {credit.line_id: credit for credit in credits}


def test_nothing_is_divided_into_nothing() -> None:
    assert divide((), (), brl(5)) == ((), ())


@given(st.integers(1, 10**6), st.integers(0, 10**5), st.integers(1, 12))
def test_all_units_one_by_one_are_the_whole_line(net: int, tax: int, of: int) -> None:
    line = LineBalance(uuid4(), brl(net), brl(tax), brl(0))
    if net + tax < of * 2:
        return
    for _ in range(of):
        part = line_share(line, 1, of=of)
        line = LineBalance(line.line_id, line.net, line.tax, line.credited + part)
    assert line.left == brl(0)
    with pytest.raises(LineTooSmall):
        line_share(line, 1, of=of)


@pytest.mark.parametrize(("net", "units"), [(1000, 0), (1000, -1), (-500, 1)])
def test_no_units_of_nothing(net: int, units: int) -> None:
    with pytest.raises(AmountNotPositive):
        line_share(LineBalance(uuid4(), brl(net), brl(0), brl(0)), units, of=3)


def test_an_orders_refusal_says_what_was_asked() -> None:
    for order in ORDERS:
        with pytest.raises(AmountNotPositive) as nothing:
            share(order, brl(0), money_left=brl(5), credit_left=brl(5))
        assert nothing.value.asked == brl(0)
        with pytest.raises(RefundTooLarge) as large:
            share(order, brl(11), money_left=brl(5), credit_left=brl(5))
        assert large.value.asked == brl(11)
