from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_core.domain import ledger
from billing_core.domain.ledger import Account, Entry, Leg
from billing_core.domain.money import Money
from billing_core.errors import Unbalanced

ID, CUSTOMER = uuid4(), uuid4()


def brl(minor: int) -> Money:
    return Money(minor, "BRL")


def signed(entry: Entry) -> dict[Account, int]:
    """Debits minus credits of each account."""
    sums: dict[Account, int] = {}
    for leg in entry.legs:
        sums[leg.account] = sums.get(leg.account, 0) + (
            leg.amount.minor if leg.side == "debit" else -leg.amount.minor
        )
    return sums


@pytest.mark.parametrize(
    "legs",
    [
        (),
        (Leg(Account.CASH, "debit", brl(5)),),
        (Leg(Account.CASH, "debit", brl(5)), Leg(Account.REVENUE, "credit", brl(4))),
        (Leg(Account.CASH, "debit", brl(5)), Leg(Account.REVENUE, "credit", Money(5, "USD"))),
        (Leg(Account.CASH, "debit", brl(0)), Leg(Account.REVENUE, "credit", brl(0))),
        (Leg(Account.CASH, "debit", brl(-5)), Leg(Account.REVENUE, "credit", brl(-5))),
    ],
    ids=["empty", "one-sided", "off-by-one", "two-currencies", "zero", "negative"],
)
def test_an_entry_that_does_not_balance_cannot_be_made(legs: tuple[Leg, ...]) -> None:
    with pytest.raises(Unbalanced):
        Entry("test", "payment", ID, CUSTOMER, legs)


@given(st.integers(-(10**9), 10**9), st.integers(0, 10**9), st.integers(0, 10**9))
def test_issuing_and_voiding_cancel_out(net: int, tax: int, credit: int) -> None:
    if net + tax == 0 or (net == 0 and tax == 0):
        return
    applied = min(net + tax, credit)
    issued = ledger.invoice_issued(
        ID, CUSTOMER, net=brl(net), tax=brl(tax), credit_applied=brl(applied)
    )
    voided = ledger.invoice_voided(
        ID, CUSTOMER, net=brl(net), tax=brl(tax), credit_applied=brl(applied)
    )
    assert {account: -sum_ for account, sum_ in signed(issued).items()} == signed(voided)


def test_a_negative_invoice_gives_credit_and_takes_revenue_back() -> None:
    entry = ledger.invoice_issued(ID, CUSTOMER, net=brl(-30), tax=brl(0), credit_applied=brl(-30))
    assert signed(entry) == {Account.REVENUE: 30, Account.CUSTOMER_CREDIT: -30}


def test_a_refund_of_an_invoice_lowers_revenue_and_tax() -> None:
    entry = ledger.refund_settled(ID, CUSTOMER, net=brl(80), tax=brl(20), for_invoice=True)
    assert signed(entry) == {Account.REFUNDS: 80, Account.TAX: 20, Account.CASH: -100}


def test_giving_back_money_without_an_invoice_is_no_loss_of_revenue() -> None:
    captured = ledger.payment_captured(ID, CUSTOMER, brl(100), for_invoice=False)
    refunded = ledger.refund_settled(ID, CUSTOMER, net=brl(100), tax=brl(0), for_invoice=False)
    assert signed(captured) == {Account.CASH: 100, Account.UNAPPLIED: -100}
    assert signed(refunded) == {Account.CASH: -100, Account.UNAPPLIED: 100}


def test_a_refund_that_came_back_undoes_itself() -> None:
    amounts = {"net": brl(80), "tax": brl(20), "for_invoice": True}
    settled = ledger.refund_settled(ID, CUSTOMER, **amounts)  # type: ignore[arg-type]
    undone = ledger.refund_reversed(ID, CUSTOMER, **amounts)  # type: ignore[arg-type]
    assert {account: -sum_ for account, sum_ in signed(settled).items()} == signed(undone)


def test_credit_is_owed_to_the_customer() -> None:
    courtesy = ledger.courtesy_given(ID, CUSTOMER, brl(20))
    corrected = ledger.credited_to_balance(ID, CUSTOMER, net=brl(20), tax=brl(5))
    assert signed(courtesy) == {Account.COURTESY: 20, Account.CUSTOMER_CREDIT: -20}
    assert signed(corrected) == {
        Account.REFUNDS: 20,
        Account.TAX: 5,
        Account.CUSTOMER_CREDIT: -25,
    }
