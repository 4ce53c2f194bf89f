"""Every movement of money as it is booked: reason, source, customer, both sides."""

from collections.abc import Callable
from uuid import UUID, uuid4

import pytest

from billing_core.domain import ledger
from billing_core.domain.ledger import Account, Entry, Leg
from billing_core.domain.money import Money
from billing_core.errors import Unbalanced

ID, CUSTOMER = uuid4(), uuid4()


def brl(minor: int) -> Money:
    return Money(minor, "BRL")


A, NET, TAX = brl(100), brl(80), brl(20)
Booked = tuple[Callable[[], Entry], str, tuple[str, UUID], str, str]

BOOKED: dict[str, Booked] = {
    "an-invoice": (
        lambda: ledger.invoice_issued(ID, CUSTOMER, net=NET, tax=TAX, credit_applied=brl(30)),
        "issued",
        ("invoice", ID),
        "receivable 70, customer_credit 30",
        "revenue 80, tax 20",
    ),
    "a-voided-invoice": (
        lambda: ledger.invoice_voided(ID, CUSTOMER, net=NET, tax=TAX, credit_applied=brl(30)),
        "voided",
        ("invoice", ID),
        "revenue 80, tax 20",
        "receivable 70, customer_credit 30",
    ),
    "a-payment": (
        lambda: ledger.payment_captured(ID, CUSTOMER, A, for_invoice=True),
        "captured",
        ("payment", ID),
        "cash 100",
        "receivable 100",
    ),
    "a-payment-of-nothing-known": (
        lambda: ledger.payment_captured(ID, CUSTOMER, A, for_invoice=False),
        "captured",
        ("payment", ID),
        "cash 100",
        "unapplied 100",
    ),
    "a-transfer": (
        lambda: ledger.payment_captured(
            ID, CUSTOMER, A, for_invoice=True, into=Account.OUT_OF_BAND
        ),
        "captured",
        ("payment", ID),
        "out_of_band 100",
        "receivable 100",
    ),
    "a-payment-that-found-its-invoice": (
        lambda: ledger.payment_applied(ID, CUSTOMER, A),
        "applied",
        ("payment", ID),
        "unapplied 100",
        "receivable 100",
    ),
    "a-payment-that-became-credit": (
        lambda: ledger.payment_credited(ID, CUSTOMER, A),
        "credited",
        ("payment", ID),
        "unapplied 100",
        "customer_credit 100",
    ),
    "a-fee": (
        lambda: ledger.fee_taken(("dispute", ID), CUSTOMER, A),
        "fee",
        ("dispute", ID),
        "gateway_fees 100",
        "cash 100",
    ),
    "a-refund": (
        lambda: ledger.refund_settled(ID, CUSTOMER, net=NET, tax=TAX, for_invoice=True),
        "refunded",
        ("refund", ID),
        "refunds 80, tax 20",
        "cash 100",
    ),
    "a-second-refund-by-transfer": (
        lambda: ledger.refund_settled(
            ID,
            CUSTOMER,
            net=NET,
            tax=TAX,
            for_invoice=False,
            paid_from=Account.OUT_OF_BAND,
            round=2,
        ),
        "refunded_2",
        ("refund", ID),
        "unapplied 100",
        "out_of_band 100",
    ),
    "a-refund-that-came-back": (
        lambda: ledger.refund_reversed(ID, CUSTOMER, net=NET, tax=TAX, for_invoice=True),
        "refund_reversed",
        ("refund", ID),
        "cash 100",
        "refunds 80, tax 20",
    ),
    "a-transfer-that-came-back-twice": (
        lambda: ledger.refund_reversed(
            ID,
            CUSTOMER,
            net=NET,
            tax=TAX,
            for_invoice=False,
            paid_from=Account.OUT_OF_BAND,
            round=2,
        ),
        "refund_reversed_2",
        ("refund", ID),
        "out_of_band 100",
        "unapplied 100",
    ),
    "a-debt-given-up": (
        lambda: ledger.written_off(ID, CUSTOMER, A),
        "written_off",
        ("invoice", ID),
        "bad_debt 100",
        "receivable 100",
    ),
    "a-debt-paid-after-all": (
        lambda: ledger.recovered(ID, CUSTOMER, A),
        "recovered",
        ("invoice", ID),
        "receivable 100",
        "bad_debt 100",
    ),
    "a-dispute": (
        lambda: ledger.dispute_opened(ID, CUSTOMER, A),
        "disputed",
        ("dispute", ID),
        "disputed 100",
        "cash 100",
    ),
    "a-dispute-again": (
        lambda: ledger.dispute_opened(ID, CUSTOMER, A, round=2),
        "disputed_2",
        ("dispute", ID),
        "disputed 100",
        "cash 100",
    ),
    "a-dispute-won": (
        lambda: ledger.dispute_won(ID, CUSTOMER, A),
        "dispute_won",
        ("dispute", ID),
        "cash 100",
        "disputed 100",
    ),
    "a-dispute-won-again": (
        lambda: ledger.dispute_won(ID, CUSTOMER, A, round=3),
        "dispute_won_3",
        ("dispute", ID),
        "cash 100",
        "disputed 100",
    ),
    "a-dispute-lost": (
        lambda: ledger.dispute_lost(ID, CUSTOMER, A),
        "dispute_lost",
        ("dispute", ID),
        "dispute_loss 100",
        "disputed 100",
    ),
    "a-dispute-lost-again": (
        lambda: ledger.dispute_lost(ID, CUSTOMER, A, round=2),
        "dispute_lost_2",
        ("dispute", ID),
        "dispute_loss 100",
        "disputed 100",
    ),
    "a-dispute-reopened": (
        lambda: ledger.dispute_reopened(ID, CUSTOMER, A, round=2),
        "dispute_reopened_2",
        ("dispute", ID),
        "disputed 100",
        "dispute_loss 100",
    ),
    "a-courtesy": (
        lambda: ledger.courtesy_given(ID, CUSTOMER, A),
        "courtesy",
        ("credit_entry", ID),
        "courtesy 100",
        "customer_credit 100",
    ),
    "a-note-as-credit": (
        lambda: ledger.credited_to_balance(ID, CUSTOMER, net=NET, tax=TAX),
        "credited",
        ("credit_note", ID),
        "refunds 80, tax 20",
        "customer_credit 100",
    ),
    "a-note-as-credit-without-an-invoice": (
        lambda: ledger.credited_to_balance(ID, CUSTOMER, net=NET, tax=TAX, for_invoice=False),
        "credited",
        ("credit_note", ID),
        "unapplied 100",
        "customer_credit 100",
    ),
    "a-note-on-an-open-invoice": (
        lambda: ledger.due_lowered(ID, CUSTOMER, net=NET, tax=TAX),
        "due_lowered",
        ("credit_note", ID),
        "refunds 80, tax 20",
        "receivable 100",
    ),
    "such-a-note-undone": (
        lambda: ledger.due_raised(ID, CUSTOMER, net=NET, tax=TAX),
        "due_raised",
        ("credit_note", ID),
        "receivable 100",
        "refunds 80, tax 20",
    ),
}


def side(entry: Entry, name: str) -> str:
    return ", ".join(
        f"{leg.account.name.lower()} {leg.amount.minor}" for leg in entry.legs if leg.side == name
    )


@pytest.mark.parametrize("booked", BOOKED.values(), ids=BOOKED)
def test_a_movement_is_booked_on_both_sides(booked: Booked) -> None:
    book, reason, source, debit, credit = booked
    entry = book()
    assert (entry.reason, entry.source_kind, entry.source_id) == (reason, *source)
    assert entry.customer_id == CUSTOMER
    assert (side(entry, "debit"), side(entry, "credit")) == (debit, credit)


def test_an_entry_names_its_currency_and_leaves_zeros_out() -> None:
    entry = ledger.invoice_issued(ID, CUSTOMER, net=A, tax=brl(0), credit_applied=brl(0))
    assert side(entry, "debit") == "receivable 100"
    assert {leg.amount.currency for leg in entry.legs} == {"BRL"}


def test_a_negative_amount_changes_sides() -> None:
    entry = ledger.invoice_issued(ID, CUSTOMER, net=brl(-80), tax=brl(-20), credit_applied=brl(-30))
    assert side(entry, "debit") == "revenue 80, tax 20"
    assert side(entry, "credit") == "receivable 70, customer_credit 30"


def test_what_does_not_balance_is_told() -> None:
    one, other = Leg(Account.CASH, "debit", brl(5)), Leg(Account.REVENUE, "credit", brl(4))
    with pytest.raises(Unbalanced, match=r"^captured: \{'BRL': 1\}$"):
        Entry("captured", "payment", ID, CUSTOMER, (one, other))
    with pytest.raises(Unbalanced, match=r"^captured: empty, or a leg that is not positive$"):
        Entry("captured", "payment", ID, CUSTOMER, ())
