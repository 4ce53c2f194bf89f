"""What a subscription that ends early gives back: on the invoice, to the payer, as credit.

The order of rounding is Lago's: what was consumed is rounded to the minor unit before it is
subtracted from what was paid, and the paid share of a line is exact until then.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from .money import Money, round_half_away
from .tax import Taxed, TaxRule, split_price

OnTermination = Literal["credit", "refund", "offset", "skip"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedLine:
    """One line of the running period at the moment its subscription ends.

    `price`, `coupon` and `credited` are as the line is priced: without tax, unless the tax
    rule is inclusive. `credited` is what earlier credit notes gave back, before the coupon.
    `coupon` and `paid` count exact minor units, as they come from spreading them over
    lines; `paid` includes the tax.
    """

    price: Money
    coupon: Fraction
    credited: Money
    unused: Fraction  # of the period
    used: Fraction  # of the period; less than the rest where a trial cost nothing
    tax: TaxRule | None
    paid: Fraction

    @property
    def creditable(self) -> Taxed:
        """Return what may be given back: unused, not yet credited, without the coupon's share."""
        nothing = Money.zero(self.price.currency)
        left = max(self.price.times(self.unused) - self.credited, nothing)
        share = Fraction(left.minor, self.price.minor) if self.price else Fraction(0)
        coupon = Money(round_half_away(self.coupon * share), self.price.currency)
        return split_price(left - coupon, self.tax)

    @property
    def consumed(self) -> Money:
        """Return what was used, coupon taken off and tax put on, rounded once."""
        exact = (self.price.minor - self.coupon) * self.used
        return Money(round_half_away(exact * self._with_tax), self.price.currency)

    @property
    def unpaid(self) -> Money:
        """Return what is still open of the line's full price; never below zero."""
        coupon = Money(round_half_away(self.coupon), self.price.currency)
        asked = split_price(self.price - coupon, self.tax).gross
        return Money(max(0, round_half_away(asked.minor - self.paid)), asked.currency)

    @property
    def refundable(self) -> Money:
        """Return what was paid beyond what was consumed; never more than is creditable."""
        beyond = max(0, round_half_away(self.paid - self.consumed.minor))
        return min(self.creditable.gross, Money(beyond, self.price.currency))

    @property
    def _with_tax(self) -> Fraction:
        if self.tax is None or self.tax.inclusive:
            return Fraction(1)
        return 1 + self.tax.rate


@dataclass(frozen=True, slots=True)
class Settlement:
    """`given` is the credit note; refund, credit and offset add up to its gross amount."""

    given: Taxed
    refund: Money  # to the payment
    credit: Money  # to the credit balance
    offset: Money  # off what is still open on the invoice


def settle(line: EndedLine, how: OnTermination) -> Settlement:
    """Say where the unused part of a line goes.

    refund: what was paid for it goes back, the rest becomes credit. offset: what is open
    is lowered first, the rest becomes credit. skip: nothing is given back.
    """
    nothing = Money.zero(line.price.currency)
    if how == "skip":
        return Settlement(Taxed(nothing, nothing), nothing, nothing, nothing)
    given = line.creditable
    refund = line.refundable if how == "refund" else nothing
    offset = min(given.gross, line.unpaid) if how == "offset" else nothing
    return Settlement(given, refund, given.gross - refund - offset, offset)


def paid_share(paid: Money, *, line: Money, invoice: Money) -> Fraction:
    """Return what was paid for one line of a partly paid invoice, in exact minor units.

    `line` and `invoice` are gross. A free invoice was paid for in full.
    """
    if not invoice:
        return Fraction(0)
    return Fraction(paid.minor * line.minor, invoice.minor)
