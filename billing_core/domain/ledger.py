"""Double entry: what is booked for each movement. An entry that does not balance cannot exist."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from ..errors import Unbalanced
from .money import Money


class Account(StrEnum):
    """The chart of accounts. What grows each: `KINDS`."""

    CASH = "cash_at_gateway"
    OUT_OF_BAND = "bank_out_of_band"  # what passed through our own bank account instead
    DISPUTED = "disputed_funds"  # held back by the gateway until a dispute is decided
    RECEIVABLE = "receivable"
    TAX = "tax_payable"
    CUSTOMER_CREDIT = "customer_credit"  # we owe it to the customer
    UNAPPLIED = "unapplied_payments"  # money without an invoice: owed back
    REVENUE = "revenue"
    REFUNDS = "refunds"
    COURTESY = "courtesy_credits"
    BAD_DEBT = "bad_debt"
    DISPUTE_LOSS = "dispute_losses"
    GATEWAY_FEES = "gateway_fees"


class Kind(StrEnum):
    """A debit grows assets, contra revenue and expenses; a credit grows the other two."""

    ASSET = "asset"
    LIABILITY = "liability"
    REVENUE = "revenue"
    CONTRA = "contra"  # takes revenue back
    EXPENSE = "expense"


KINDS: Mapping[Account, Kind] = {
    Account.CASH: Kind.ASSET,
    Account.OUT_OF_BAND: Kind.ASSET,
    Account.DISPUTED: Kind.ASSET,
    Account.RECEIVABLE: Kind.ASSET,
    Account.TAX: Kind.LIABILITY,
    Account.CUSTOMER_CREDIT: Kind.LIABILITY,
    Account.UNAPPLIED: Kind.LIABILITY,
    Account.REVENUE: Kind.REVENUE,
    Account.REFUNDS: Kind.CONTRA,
    Account.COURTESY: Kind.CONTRA,
    Account.BAD_DEBT: Kind.EXPENSE,
    Account.DISPUTE_LOSS: Kind.EXPENSE,
    Account.GATEWAY_FEES: Kind.EXPENSE,
}


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
    payment_id: UUID,
    customer_id: UUID,
    amount: Money,
    *,
    for_invoice: bool,
    into: Account = Account.CASH,
) -> Entry:
    """`into` is OUT_OF_BAND when the customer paid by a transfer to our own bank account."""
    owed = Account.RECEIVABLE if for_invoice else Account.UNAPPLIED
    return entry(
        "captured",
        ("payment", payment_id),
        customer_id,
        debit=[(into, amount)],
        credit=[(owed, amount)],
    )


def payment_applied(payment_id: UUID, customer_id: UUID, amount: Money) -> Entry:
    """Money that had no invoice now pays one."""
    return entry(
        "applied",
        ("payment", payment_id),
        customer_id,
        debit=[(Account.UNAPPLIED, amount)],
        credit=[(Account.RECEIVABLE, amount)],
    )


def payment_credited(payment_id: UUID, customer_id: UUID, amount: Money) -> Entry:
    """Money that had no invoice becomes the customer's credit."""
    return entry(
        "credited",
        ("payment", payment_id),
        customer_id,
        debit=[(Account.UNAPPLIED, amount)],
        credit=[(Account.CUSTOMER_CREDIT, amount)],
    )


def fee_taken(source: tuple[str, UUID], customer_id: UUID, amount: Money) -> Entry:
    """The gateway kept a fee for `source`: a payment, a refund or a dispute. It rarely comes back."""
    return entry(
        "fee",
        source,
        customer_id,
        debit=[(Account.GATEWAY_FEES, amount)],
        credit=[(Account.CASH, amount)],
    )


def refund_settled(
    refund_id: UUID,
    customer_id: UUID,
    *,
    net: Money,
    tax: Money,
    for_invoice: bool,
    paid_from: Account = Account.CASH,
    round: int = 1,
) -> Entry:
    """`paid_from` is OUT_OF_BAND for a refund by bank transfer. `round` 2: it came back before."""
    return entry(
        _round("refunded", round),
        ("refund", refund_id),
        customer_id,
        debit=_given_back(net, tax, for_invoice),
        credit=[(paid_from, net + tax)],
    )


def refund_reversed(
    refund_id: UUID,
    customer_id: UUID,
    *,
    net: Money,
    tax: Money,
    for_invoice: bool,
    paid_from: Account = Account.CASH,
    round: int = 1,
) -> Entry:
    """The bank sent the money back to us after all."""
    return entry(
        _round("refund_reversed", round),
        ("refund", refund_id),
        customer_id,
        debit=[(paid_from, net + tax)],
        credit=_given_back(net, tax, for_invoice),
    )


def written_off(invoice_id: UUID, customer_id: UUID, due: Money) -> Entry:
    """We no longer expect the money. The tax stays owed: a bad debt does not bring it back."""
    return entry(
        "written_off",
        ("invoice", invoice_id),
        customer_id,
        debit=[(Account.BAD_DEBT, due)],
        credit=[(Account.RECEIVABLE, due)],
    )


def recovered(invoice_id: UUID, customer_id: UUID, due: Money) -> Entry:
    """A written-off invoice is owed again; its payment, or its voiding, is booked after this."""
    return entry(
        "recovered",
        ("invoice", invoice_id),
        customer_id,
        debit=[(Account.RECEIVABLE, due)],
        credit=[(Account.BAD_DEBT, due)],
    )


def dispute_opened(dispute_id: UUID, customer_id: UUID, amount: Money, *, round: int = 1) -> Entry:
    """The gateway holds the money back. A dispute that is reopened is `round` 2 of the same one."""
    return entry(
        _round("disputed", round),
        ("dispute", dispute_id),
        customer_id,
        debit=[(Account.DISPUTED, amount)],
        credit=[(Account.CASH, amount)],
    )


def dispute_won(dispute_id: UUID, customer_id: UUID, amount: Money, *, round: int = 1) -> Entry:
    """The gateway gives back what it held."""
    return entry(
        _round("dispute_won", round),
        ("dispute", dispute_id),
        customer_id,
        debit=[(Account.CASH, amount)],
        credit=[(Account.DISPUTED, amount)],
    )


def dispute_lost(dispute_id: UUID, customer_id: UUID, amount: Money, *, round: int = 1) -> Entry:
    """What was held is gone. It lowers no revenue by itself: a credit note would."""
    return entry(
        _round("dispute_lost", round),
        ("dispute", dispute_id),
        customer_id,
        debit=[(Account.DISPUTE_LOSS, amount)],
        credit=[(Account.DISPUTED, amount)],
    )


def courtesy_given(credit_id: UUID, customer_id: UUID, amount: Money) -> Entry:
    return entry(
        "courtesy",
        ("credit_entry", credit_id),
        customer_id,
        debit=[(Account.COURTESY, amount)],
        credit=[(Account.CUSTOMER_CREDIT, amount)],
    )


def credited_to_balance(
    note_id: UUID, customer_id: UUID, *, net: Money, tax: Money, for_invoice: bool = True
) -> Entry:
    """A credit note whose money stays with us, as the customer's credit."""
    return entry(
        "credited",
        ("credit_note", note_id),
        customer_id,
        debit=_given_back(net, tax, for_invoice),
        credit=[(Account.CUSTOMER_CREDIT, net + tax)],
    )


def dispute_reopened(dispute_id: UUID, customer_id: UUID, amount: Money, *, round: int) -> Entry:
    """What was lost is held again, or comes back; the next entry says which."""
    return entry(
        _round("dispute_reopened", round),
        ("dispute", dispute_id),
        customer_id,
        debit=[(Account.DISPUTED, amount)],
        credit=[(Account.DISPUTE_LOSS, amount)],
    )


def due_lowered(note_id: UUID, customer_id: UUID, *, net: Money, tax: Money) -> Entry:
    """A credit note on an invoice that is still open: the customer owes less."""
    return entry(
        "due_lowered",
        ("credit_note", note_id),
        customer_id,
        debit=_given_back(net, tax, for_invoice=True),
        credit=[(Account.RECEIVABLE, net + tax)],
    )


def due_raised(note_id: UUID, customer_id: UUID, *, net: Money, tax: Money) -> Entry:
    """Such a credit note is void because its invoice will be: what it took off is owed again."""
    return entry(
        "due_raised",
        ("credit_note", note_id),
        customer_id,
        debit=[(Account.RECEIVABLE, net + tax)],
        credit=_given_back(net, tax, for_invoice=True),
    )


def _given_back(net: Money, tax: Money, for_invoice: bool) -> list[tuple[Account, Money]]:
    if not for_invoice:
        return [(Account.UNAPPLIED, net + tax)]
    return [(Account.REFUNDS, net), (Account.TAX, tax)]


def _round(reason: str, round: int) -> str:
    return reason if round == 1 else f"{reason}_{round}"
