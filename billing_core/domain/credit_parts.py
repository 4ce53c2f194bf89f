"""How a credit note is settled: first what is still owed, then what was paid (Stripe's model)."""

from dataclasses import dataclass

from .credit_order import Shares
from .money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditParts:
    """`pre_payment` lowers the amount due; the other three add up to what is left of the note."""

    pre_payment: Money
    refund: Money
    balance: Money
    out_of_band: Money

    @property
    def post_payment(self) -> Money:
        return self.refund + self.balance + self.out_of_band

    @property
    def total(self) -> Money:
        return self.pre_payment + self.post_payment


def before_payment(amount: Money, due: Money) -> Money:
    """Return how much of a credit note lowers the amount due: never below zero."""
    return min(amount, due)


def parts_of(pre_payment: Money, shares: Shares | None, *, out_of_band: bool) -> CreditParts:
    """Name the ways; `shares` is None where nothing is left after the amount due."""
    nothing = Money.zero(pre_payment.currency)
    money = shares.money if shares else nothing
    return CreditParts(
        pre_payment=pre_payment,
        refund=nothing if out_of_band else money,
        balance=shares.balance if shares else nothing,
        out_of_band=money if out_of_band else nothing,
    )
