from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_core.domain import ledger
from billing_core.domain.ledger import Account, Entry, Kind, Leg
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


def test_every_account_has_its_kind() -> None:
    assert set(ledger.KINDS) == set(Account)
    assert set(ledger.KINDS.values()) == set(Kind)


def test_money_paid_by_bank_transfer_passes_the_gateway_by() -> None:
    captured = ledger.payment_captured(
        ID, CUSTOMER, brl(100), for_invoice=True, into=Account.OUT_OF_BAND
    )
    refunded = ledger.refund_settled(
        ID, CUSTOMER, net=brl(40), tax=brl(0), for_invoice=True, paid_from=Account.OUT_OF_BAND
    )
    assert signed(captured) == {Account.OUT_OF_BAND: 100, Account.RECEIVABLE: -100}
    assert signed(refunded) == {Account.REFUNDS: 40, Account.OUT_OF_BAND: -40}


def test_money_without_an_invoice_pays_one_or_becomes_credit() -> None:
    applied = ledger.payment_applied(ID, CUSTOMER, brl(100))
    credited = ledger.payment_credited(ID, CUSTOMER, brl(100))
    assert signed(applied) == {Account.UNAPPLIED: 100, Account.RECEIVABLE: -100}
    assert signed(credited) == {Account.UNAPPLIED: 100, Account.CUSTOMER_CREDIT: -100}


def test_a_debt_given_up_and_paid_after_all_leaves_no_loss() -> None:
    given_up = signed(ledger.written_off(ID, CUSTOMER, brl(50)))
    back = signed(ledger.recovered(ID, CUSTOMER, brl(50)))
    assert given_up == {Account.BAD_DEBT: 50, Account.RECEIVABLE: -50}
    assert back == {account: -sum_ for account, sum_ in given_up.items()}


def test_a_note_on_an_open_invoice_lowers_what_is_owed() -> None:
    entry = ledger.due_lowered(ID, CUSTOMER, net=brl(20), tax=brl(5))
    assert signed(entry) == {Account.REFUNDS: 20, Account.TAX: 5, Account.RECEIVABLE: -25}


def test_disputed_money_is_held_and_then_ours_or_gone() -> None:
    opened = signed(ledger.dispute_opened(ID, CUSTOMER, brl(80)))
    won = signed(ledger.dispute_won(ID, CUSTOMER, brl(80)))
    lost = signed(ledger.dispute_lost(ID, CUSTOMER, brl(80)))
    assert opened == {Account.DISPUTED: 80, Account.CASH: -80}
    assert won == {account: -sum_ for account, sum_ in opened.items()}
    assert lost == {Account.DISPUTE_LOSS: 80, Account.DISPUTED: -80}


def test_a_dispute_that_is_reopened_is_booked_again() -> None:
    first = ledger.dispute_opened(ID, CUSTOMER, brl(80))
    second = ledger.dispute_opened(ID, CUSTOMER, brl(80), round=2)
    assert (first.reason, second.reason) == ("disputed", "disputed_2")


def test_a_fee_is_an_expense_paid_out_of_the_money_at_the_gateway() -> None:
    entry = ledger.fee_taken(("payment", ID), CUSTOMER, brl(3))
    assert signed(entry) == {Account.GATEWAY_FEES: 3, Account.CASH: -3}


def test_a_single_cent_is_booked_on_its_side() -> None:
    one = ledger.invoice_issued(uuid4(), uuid4(), net=brl(1), tax=brl(0), credit_applied=brl(0))
    assert {(leg.account, leg.side) for leg in one.legs} == {
        (Account.RECEIVABLE, "debit"),
        (Account.REVENUE, "credit"),
    }
