"""Why a billing call was refused.

BillingError
  NotAllowed                a rule said no; nothing changed
    NotFound                no such row, or not the caller's
    CurrencyMismatch
    UnreadableAmount        not a number, too many decimals, no such currency
    UnreadableTiers         they do not rise, the last one ends, or they do not fit the model
    NoSuchCode              no coupon or tax rate has this code
    CouponNotForThis        a subscription cannot have this coupon
      CouponOver            expired, or redeemed as often as it may be
      CouponForOtherPlans
      AnotherCouponIsOn     one at a time
    NotMeasured             usage of something that has no meter
    UsageTooSmall           less than one unit
    AmountNotPositive       zero or less
    RefundTooLarge          carries what is left
    RefundWindowClosed      the provider takes no such refund; carries what is possible instead
      NoRefundRail          it never took one on this rail
      WholeRefundOnly       it takes back the whole payment or nothing
    LineTooSmall            one invoice line was asked to give back more than it has left
    LineNotOfInvoice
    WrongState              the row is in a state that forbids the act
      BeingCharged          a charge of the invoice has no answer yet
        PaperWaiting        a boleto or a Pix code of it can still be paid
    ChangePending           another plan change waits for its payment
    LinesWaiting            lines for the next invoice must be billed first
    NothingToChange         the new value is the old one
    RhythmMismatch          an item with another interval than the subscription's
    DateTooEarly            carries the first date that is possible
    ClockBehind             a test clock does not go back; carries the first instant that is possible
    PriceNotOnSale
    PeriodUnpaid            the running period is not paid; its unused part cannot be credited
    UnreadablePayee         bank details that are incomplete or wrong
    DeadlinePassed          the day for an answer is over
    PaidOnlyLower           a paid invoice can be corrected downwards only
    NoPaymentMethod
    StaleInputs             the account changed since the preview was made
  GatewayError              the payment provider said no, or nothing at all
    GatewayDeclined         final; do not retry with the same key
    GatewayUnreachable      outcome unknown; ask again with the same key
    KeyReused               the same key with another amount; nothing was sent on
    BadSignature            a notice that the provider did not sign, or signed too long ago
    UnreadableNotice        a signed notice that says nothing we understand
Unbalanced, TransactionOpen, IllegalEdge: a defect of ours, never the user's doing.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from .domain.money import Money


class BillingError(Exception):
    """Any refusal of billing."""


class NotAllowed(BillingError):
    """A rule said no; nothing changed."""


class NotFound(NotAllowed):
    def __init__(self, kind: str, id: UUID) -> None:
        super().__init__(f"no {kind} {id}")
        self.kind, self.id = kind, id


class CurrencyMismatch(NotAllowed):
    def __init__(self, expected: str, given: str) -> None:
        super().__init__(f"expected {expected}, not {given}")
        self.expected, self.given = expected, given


class UnreadableAmount(NotAllowed):
    def __init__(self, text: str) -> None:
        super().__init__(f"not an amount: {text!r}")
        self.text = text


class UnreadableTiers(NotAllowed):
    def __init__(self, why: str) -> None:
        super().__init__(f"not tiers: {why}")


class NoSuchCode(NotAllowed):
    def __init__(self, kind: str, code: str) -> None:
        super().__init__(f"no {kind} {code!r}")
        self.kind, self.code = kind, code


class CouponNotForThis(NotAllowed):
    """`why`: over (expired or used up), plan (none of its plans), another (one is on already)."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(f"coupon {code!r}: {why}")
        self.code, self.why = code, why


class CouponOver(CouponNotForThis):
    def __init__(self, code: str) -> None:
        super().__init__(code, "over")


class CouponForOtherPlans(CouponNotForThis):
    def __init__(self, code: str) -> None:
        super().__init__(code, "plan")


class AnotherCouponIsOn(CouponNotForThis):
    """Discounts do not add up: the first one ends or is removed before."""

    def __init__(self, code: str) -> None:
        super().__init__(code, "another")


class NotMeasured(NotAllowed):
    def __init__(self, item_id: UUID) -> None:
        super().__init__(f"item {item_id} has no meter")
        self.item_id = item_id


class UsageTooSmall(NotAllowed):
    def __init__(self, quantity: int) -> None:
        super().__init__(f"usage of {quantity}")
        self.quantity = quantity


class AmountNotPositive(NotAllowed):
    def __init__(self, asked: Money) -> None:
        super().__init__(f"{asked} is not more than zero")
        self.asked = asked


class RefundTooLarge(NotAllowed):
    def __init__(self, asked: Money, left: Money) -> None:
        super().__init__(f"asked for {asked}, only {left} is left")
        self.asked, self.left = asked, left


class RefundWindowClosed(NotAllowed):
    """`last_day` was the last one; None where the rail has no way back."""

    alternatives: tuple[str, ...] = ("credit", "out_of_band")

    def __init__(self, rail: str, last_day: date | None) -> None:
        super().__init__(f"{type(self).__name__} on {rail}: last day {last_day}")
        self.rail, self.last_day = rail, last_day


class NoRefundRail(RefundWindowClosed):
    """A boleto, say: the provider has no way back to who paid."""


class WholeRefundOnly(RefundWindowClosed):
    alternatives = ("whole", "credit", "out_of_band")


class LineTooSmall(NotAllowed):
    def __init__(self, line_id: UUID, asked: Money, left: Money) -> None:
        super().__init__(f"asked for {asked} of line {line_id}, only {left} is left")
        self.line_id, self.asked, self.left = line_id, asked, left


class LineNotOfInvoice(NotAllowed):
    def __init__(self, line_id: UUID, invoice_id: UUID | None) -> None:
        super().__init__(f"line {line_id} is not on invoice {invoice_id}")
        self.line_id, self.invoice_id = line_id, invoice_id


class WrongState(NotAllowed):
    def __init__(self, kind: str, id: UUID, state: str) -> None:
        super().__init__(f"{kind} {id} is {state}")
        self.kind, self.id, self.state = kind, id, state


class BeingCharged(WrongState):
    """An invoice whose payment has no answer yet: nobody knows what is owed."""

    def __init__(self, invoice_id: UUID) -> None:
        super().__init__("invoice", invoice_id, "being charged")


class PaperWaiting(BeingCharged):
    """A boleto or a Pix code of this amount can still be paid: it is withdrawn first, or with the invoice."""


class ChangePending(NotAllowed):
    def __init__(self, subscription_id: UUID, invoice_id: UUID) -> None:
        super().__init__(f"subscription {subscription_id} waits for invoice {invoice_id}")
        self.subscription_id, self.invoice_id = subscription_id, invoice_id


class LinesWaiting(NotAllowed):
    def __init__(self, subscription_id: UUID) -> None:
        super().__init__(f"lines of subscription {subscription_id} wait for its next invoice")
        self.subscription_id = subscription_id


class NothingToChange(NotAllowed):
    """The new value is the old one."""


class RhythmMismatch(NotAllowed):
    def __init__(self, expected: tuple[str, int], given: tuple[str, int]) -> None:
        super().__init__(f"the subscription renews every {expected}, the item every {given}")
        self.expected, self.given = expected, given


class DateTooEarly(NotAllowed):
    def __init__(self, asked: date, earliest: date) -> None:
        super().__init__(f"{asked} is before {earliest}")
        self.asked, self.earliest = asked, earliest


class ClockBehind(NotAllowed):
    def __init__(self, asked: datetime, earliest: datetime) -> None:
        super().__init__(f"{asked} is before {earliest}")
        self.asked, self.earliest = asked, earliest


class PriceNotOnSale(NotAllowed):
    def __init__(self, price_id: UUID) -> None:
        super().__init__(f"price {price_id} is not on sale")
        self.price_id = price_id


class PeriodUnpaid(NotAllowed):
    def __init__(self, invoice_id: UUID) -> None:
        super().__init__(f"the running period's invoice {invoice_id} is not paid")
        self.invoice_id = invoice_id


class UnreadablePayee(NotAllowed):
    def __init__(self, field: str) -> None:
        super().__init__(f"bank details: {field}")
        self.field = field


class DeadlinePassed(NotAllowed):
    def __init__(self, kind: str, id: UUID, was: datetime) -> None:
        super().__init__(f"{kind} {id} had to be answered by {was}")
        self.kind, self.id, self.was = kind, id, was


class PaidOnlyLower(NotAllowed):
    def __init__(self, line_id: UUID, was: Money, asked: Money) -> None:
        super().__init__(f"line {line_id} is paid with {was} left; it cannot become {asked}")
        self.line_id, self.was, self.asked = line_id, was, asked


class NoPaymentMethod(NotAllowed):
    def __init__(self, invoice_id: UUID) -> None:
        super().__init__(f"nothing to charge for invoice {invoice_id}")
        self.invoice_id = invoice_id


class StaleInputs(NotAllowed):
    """The account changed since the preview was made."""


class GatewayError(BillingError):
    """The payment provider said no, or nothing at all."""


class GatewayDeclined(GatewayError):
    """Final. `code` is the provider's word, such as `insufficient_funds`."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class GatewayUnreachable(GatewayError):
    """The outcome is unknown: the money may or may not have moved."""


class KeyReused(GatewayError):
    def __init__(self, key: str) -> None:
        super().__init__(f"key {key} was used for another request")
        self.key = key


class BadSignature(GatewayError):
    """A notice that the provider did not sign, or signed too long ago."""


class UnreadableNotice(GatewayError):
    """A signed notice that says nothing we understand."""


class Unbalanced(AssertionError):
    """A ledger entry whose sides differ cannot be constructed."""


class TransactionOpen(AssertionError):
    """A gateway was called while a transaction of ours was open."""


class IllegalEdge(AssertionError):
    def __init__(self, kind: str, before: str, after: str) -> None:
        super().__init__(f"{kind}: {before} -> {after}")
        self.kind, self.before, self.after = kind, before, after
