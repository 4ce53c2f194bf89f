"""What is left of a payment and of an invoice line, and how a refund is spread."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from uuid import UUID

from ..errors import AmountNotPositive, CurrencyMismatch, LineTooSmall, RefundTooLarge
from .money import Money, round_half_away
from .tax import Taxed


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentBalance:
    """`reserved` is promised to refunds that have no final answer yet.

    `credited` stayed with us as the customer's credit; None: nothing did.
    """

    captured: Money
    refunded: Money
    reserved: Money
    disputed: Money
    credited: Money | None = None

    @property
    def left(self) -> Money:
        left = self.captured - self.refunded - self.reserved - self.disputed
        return left - self.credited if self.credited is not None else left


@dataclass(frozen=True, slots=True)
class LineBalance:
    """How much of one invoice line can still be given back, tax included."""

    line_id: UUID
    net: Money
    tax: Money
    credited: Money

    @property
    def left(self) -> Money:
        gross = self.net + self.tax
        return gross - self.credited if gross.minor > 0 else Money.zero(gross.currency)

    def tax_within(self, gross_given_back: Money) -> Money:
        """Return the tax inside the next `gross_given_back`.

        Rounded on the running total, so that the last one takes what rounding left over.
        """
        gross = self.net + self.tax
        share = Fraction(self.tax.minor, gross.minor)
        before = round_half_away(self.credited.minor * share)
        after = round_half_away((self.credited + gross_given_back).minor * share)
        return Money(after - before, gross.currency)


@dataclass(frozen=True, slots=True)
class LineCredit:
    """Part of a credit note: what one line gives back."""

    line_id: UUID
    net: Money
    tax: Money

    @property
    def gross(self) -> Money:
        return self.net + self.tax


def refundable(balance: PaymentBalance, lines: Sequence[LineBalance] | None) -> Money:
    """Return what a refund may ask: left of the payment, and left on the invoice's lines.

    None: the payment has no invoice, so only the payment counts.
    """
    left = balance.left
    bounds = [left.minor]
    if lines is not None:
        bounds.append(sum(line.left.minor for line in lines))
    return Money(max(0, min(bounds)), left.currency)


def check_refund(
    balance: PaymentBalance, asked: Money, lines: Sequence[LineBalance] | None = None
) -> None:
    """Raise unless `asked` is positive, in the payment's currency and still there."""
    if asked.currency != balance.captured.currency:
        raise CurrencyMismatch(balance.captured.currency, asked.currency)
    if asked.minor <= 0:
        raise AmountNotPositive(asked)
    left = refundable(balance, lines)
    if asked > left:
        raise RefundTooLarge(asked, left)


def spread(asked: Money, lines: Sequence[LineBalance]) -> list[LineCredit]:
    """Split a refund over the lines by what each has left. Nothing is lost to rounding."""
    parts = asked.allocate([line.left.minor for line in lines])
    return [credit_line(line, part) for line, part in zip(lines, parts, strict=True) if part]


def line_share(line: LineBalance, units: int, *, of: int) -> Money:
    """Return what the next `units` of a line's `of` units cost, tax included, as far as left.

    Rounded on the running total, so that all units together are the whole line.

    Raises:
        AmountNotPositive: no units, or a line that charged nothing.
        LineTooSmall: more units than are left.
    """
    gross = (line.net + line.tax).minor
    if units <= 0 or gross <= 0:
        raise AmountNotPositive(Money(units, line.net.currency))
    whole = Money(gross, line.net.currency)
    before = round_half_away(Fraction(line.credited.minor * of, gross))
    if before + units > of:
        raise LineTooSmall(line.line_id, whole.times(Fraction(units, of)), line.left)
    share = whole.times(Fraction(before + units, of)) - whole.times(Fraction(before, of))
    return min(share, line.left)


def credit_line(line: LineBalance, gross: Money) -> LineCredit:
    """Take `gross` back from one line. Raises `LineTooSmall`."""
    if gross.minor <= 0:
        raise AmountNotPositive(gross)
    if gross > line.left:
        raise LineTooSmall(line.line_id, gross, line.left)
    tax = line.tax_within(gross)
    return LineCredit(line.line_id, gross - tax, tax)


def divide(
    credits: Sequence[LineCredit], lines: Sequence[LineBalance], first: Money
) -> tuple[tuple[LineCredit, ...], tuple[LineCredit, ...]]:
    """Divide what lines give back into `first` and the rest; net and tax add up exactly.

    `lines` are the balances the credits were taken from.
    """
    if not credits:
        return (), ()
    known = {line.line_id: line for line in lines}
    ones: list[LineCredit] = []
    others: list[LineCredit] = []
    for credit, part in zip(
        credits, first.allocate([credit.gross.minor for credit in credits]), strict=True
    ):
        net, tax = credit.net, credit.tax
        if part:
            one = credit_line(known[credit.line_id], part)
            ones.append(one)
            net, tax = net - one.net, tax - one.tax
        if part != credit.gross:
            others.append(LineCredit(credit.line_id, net, tax))
    return tuple(ones), tuple(others)


@dataclass(frozen=True, slots=True)
class NetRefunds:
    """An invoice's net and tax, and what refunds that were asked for by net gave back so far."""

    whole: Taxed
    given: Taxed

    def give_back(self, net: Money) -> Taxed:
        """Return the refund of so much net with its tax; the last one takes the tax that is left.

        Raises `AmountNotPositive` or `RefundTooLarge`.
        """
        left = Taxed(self.whole.net - self.given.net, self.whole.tax - self.given.tax)
        if net.minor <= 0:
            raise AmountNotPositive(net)
        if net > left.net:
            raise RefundTooLarge(net, left.net)
        if net == left.net:
            return left
        share = Fraction(net.minor, self.whole.net.minor)
        return Taxed(net, min(self.whole.tax.times(share), left.tax))

    def after(self, refund: Taxed) -> "NetRefunds":
        """Return the balance once a refund is given."""
        return NetRefunds(
            self.whole, Taxed(self.given.net + refund.net, self.given.tax + refund.tax)
        )

    @property
    def state(self) -> str:
        """paid, partially_refunded or refunded."""
        if not self.given.net:
            return "paid"
        return "refunded" if self.given == self.whole else "partially_refunded"


def invoice_balance(total: Money, *, paid: Money, refunded: Money, adjusted: Money) -> Money:
    """Return what an invoice still asks for; below zero, what it owes the customer.

    A refund alone brings the debt back; `adjusted`, zero or less, is what credit notes took
    off the invoice. That is why the two always go together.
    """
    return total + adjusted - (paid - refunded)


def wallet_after(wallet: Money, refund: Money) -> Money:
    """Return a prepaid balance after a refund: drawn down, never below zero; a debt stays."""
    if wallet.minor <= 0:
        return wallet
    return max(wallet - refund, Money.zero(wallet.currency))
