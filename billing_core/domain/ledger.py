"""Double entry: what is booked for each movement. An entry that does not balance cannot exist."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from ..errors import Unbalanced
from .money import Money


class Account(StrEnum):
    """The chart of accounts. Debit grows the first two and the last two, credit the others."""

    CASH = "cash_at_gateway"
    RECEIVABLE = "receivable"
    REVENUE = "revenue"
    TAX = "tax_payable"
    CUSTOMER_CREDIT = "customer_credit"  # we owe it to the customer
    UNAPPLIED = "unapplied_payments"  # money without an invoice: owed back
    REFUNDS = "refunds"  # contra revenue
    COURTESY = "courtesy_credits"  # contra revenue


@dataclass(frozen=True, slots=True)
class Leg:
    account: Account
    side: str  # debit | credit
    amount: Money


@dataclass(frozen=True, slots=True)
class Entry:
    """One movement. Unique by (source kind, source id, reason): booking twice is impossible."""

    reason: str
    source_kind: str
    source_id: UUID
    customer_id: UUID
    legs: tuple[Leg, ...]

    def __post_init__(self) -> None:
        if not self.legs or any(leg.amount.minor <= 0 for leg in self.legs):
            raise Unbalanced(f"{self.reason}: empty, or a leg that is not positive")
        sums: dict[str, int] = {}
        for leg in self.legs:
            signed = leg.amount.minor if leg.side == "debit" else -leg.amount.minor
            sums[leg.amount.currency] = sums.get(leg.amount.currency, 0) + signed
        if any(sums.values()):
            raise Unbalanced(f"{self.reason}: {sums}")


Amounts = Iterable[tuple[Account, Money]]


def entry(
    reason: str, source: tuple[str, UUID], customer_id: UUID, *, debit: Amounts, credit: Amounts
) -> Entry:
    """Build an entry; amounts of zero are left out, negative ones change sides."""
    legs: list[Leg] = []
    for side, other, amounts in (("debit", "credit", debit), ("credit", "debit", credit)):
        for account, amount in amounts:
            if amount:
                legs.append(Leg(account, side if amount.minor > 0 else other, abs(amount)))
    return Entry(reason, *source, customer_id, tuple(legs))


def invoice_issued(
    invoice_id: UUID, customer_id: UUID, *, net: Money, tax: Money, credit_applied: Money
) -> Entry:
    """A negative `credit_applied` is credit given by an invoice with a negative total."""
    return entry(
        "issued",
        ("invoice", invoice_id),
        customer_id,
        debit=[
            (Account.RECEIVABLE, net + tax - credit_applied),
            (Account.CUSTOMER_CREDIT, credit_applied),
        ],
        credit=[(Account.REVENUE, net), (Account.TAX, tax)],
    )


def invoice_voided(
    invoice_id: UUID, customer_id: UUID, *, net: Money, tax: Money, credit_applied: Money
) -> Entry:
    return entry(
        "voided",
        ("invoice", invoice_id),
        customer_id,
        debit=[(Account.REVENUE, net), (Account.TAX, tax)],
        credit=[
            (Account.RECEIVABLE, net + tax - credit_applied),
            (Account.CUSTOMER_CREDIT, credit_applied),
        ],
    )


def payment_captured(
    payment_id: UUID, customer_id: UUID, amount: Money, *, for_invoice: bool
) -> Entry:
    owed = Account.RECEIVABLE if for_invoice else Account.UNAPPLIED
    return entry(
        "captured",
        ("payment", payment_id),
        customer_id,
        debit=[(Account.CASH, amount)],
        credit=[(owed, amount)],
    )


def refund_settled(
    refund_id: UUID, customer_id: UUID, *, net: Money, tax: Money, for_invoice: bool
) -> Entry:
    return entry(
        "refunded",
        ("refund", refund_id),
        customer_id,
        debit=_given_back(net, tax, for_invoice),
        credit=[(Account.CASH, net + tax)],
    )


def refund_reversed(
    refund_id: UUID, customer_id: UUID, *, net: Money, tax: Money, for_invoice: bool
) -> Entry:
    """The bank sent the money back to us after all."""
    return entry(
        "refund_reversed",
        ("refund", refund_id),
        customer_id,
        debit=[(Account.CASH, net + tax)],
        credit=_given_back(net, tax, for_invoice),
    )


def courtesy_given(credit_id: UUID, customer_id: UUID, amount: Money) -> Entry:
    return entry(
        "courtesy",
        ("credit_entry", credit_id),
        customer_id,
        debit=[(Account.COURTESY, amount)],
        credit=[(Account.CUSTOMER_CREDIT, amount)],
    )


def credited_to_balance(note_id: UUID, customer_id: UUID, *, net: Money, tax: Money) -> Entry:
    """A credit note whose money stays with us, as the customer's credit."""
    return entry(
        "credited",
        ("credit_note", note_id),
        customer_id,
        debit=_given_back(net, tax, for_invoice=True),
        credit=[(Account.CUSTOMER_CREDIT, net + tax)],
    )


def _given_back(net: Money, tax: Money, for_invoice: bool) -> list[tuple[Account, Money]]:
    if not for_invoice:
        return [(Account.UNAPPLIED, net + tax)]
    return [(Account.REFUNDS, net), (Account.TAX, tax)]
