"""Facts billing announces through `tx.emit`, inside the transaction that makes them true."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from .domain.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundEvent:
    refund_id: UUID
    payment_id: UUID
    customer_id: UUID
    money_act_id: UUID | None
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundRequested(RefundEvent):
    """The money is reserved. `held` means that it waits for an approval first."""

    held: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundSucceeded(RefundEvent):
    """The gateway has moved the money; the ledger has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundFailed(RefundEvent):
    """No money moved, or it came back (`reversed`); the reservation is released."""

    code: str
    reversed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundUnknown(RefundEvent):
    """The gateway did not answer; the reservation stays until it does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundContradicted(RefundEvent):
    """The gateway says that money moved which we know as `before`, and nothing is left to match it."""

    before: str
    left: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundReleased(RefundEvent):
    """Never sent: refused, expired or withdrawn (`why`)."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayNoticeKept:
    """A notice of a gateway is stored and waits to be read."""

    notice_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundMadeOutside(RefundEvent):
    """Somebody gave money back in the provider's own screens; our books have followed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditGiven:
    credit_entry_id: UUID
    customer_id: UUID
    money_act_id: UUID | None
    amount: Money
    balance: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceIssued:
    invoice_id: UUID
    number: str
    customer_id: UUID
    subscription_id: UUID | None
    total: Money
    due: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceReissued:
    """A wrong charge was corrected. An open invoice is replaced; a paid one gets a credit note."""

    invoice_id: UUID
    new_invoice_id: UUID | None
    credit_note_id: UUID | None
    refund_id: UUID | None
    customer_id: UUID
    money_act_id: UUID | None
    difference: Money  # negative: the customer pays less


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanChanged:
    subscription_id: UUID
    customer_id: UUID
    money_act_id: UUID | None
    old_price_id: UUID
    new_price_id: UUID
    invoice_id: UUID | None
    net: Money  # charged now; negative went to the credit balance


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanChangeScheduled:
    subscription_id: UUID
    customer_id: UUID
    money_act_id: UUID | None
    old_price_id: UUID
    new_price_id: UUID
    on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanChangeFailed:
    """The payment for a change was declined: nothing changed, its invoice is void."""

    subscription_id: UUID
    customer_id: UUID
    money_act_id: UUID | None
    invoice_id: UUID
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionEvent:
    subscription_id: UUID
    customer_id: UUID
    money_act_id: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionStarted(SubscriptionEvent):
    """`state` is active, trialing or, until its first payment, incomplete."""

    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionActivated(SubscriptionEvent):
    """The trial is over or the first payment is there: from now on it costs something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionExpired(SubscriptionEvent):
    """The first payment never came; its invoice is void."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionPaused(SubscriptionEvent):
    on: date  # first day without service
    resumes_on: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionResumed(SubscriptionEvent):
    invoice_id: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionCanceled(SubscriptionEvent):
    """It is over. `why`: asked, debt, no_method, or what else ended it."""

    on: date  # first day without service
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentCaptured:
    payment_id: UUID
    customer_id: UUID
    invoice_id: UUID | None  # None: money without an invoice
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentsCaptured:
    """Everything one transaction captured, after each was announced: a run books many at once."""

    payments: tuple[PaymentCaptured, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentFailed:
    attempt_id: UUID
    customer_id: UUID
    invoice_id: UUID
    amount: Money
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DuplicateChargeFound:
    """Two captures look like one charge made twice; `payment_id` is the one to give back."""

    payment_id: UUID
    twin_payment_id: UUID
    customer_id: UUID
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceLowered:
    """A credit note took off an open invoice's amount due. `due` 0 means that it counts as paid."""

    invoice_id: UUID
    customer_id: UUID
    credit_note_id: UUID
    money_act_id: UUID | None
    amount: Money
    due: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceWrittenOff:
    """We no longer expect the money; it can still be paid."""

    invoice_id: UUID
    customer_id: UUID
    subscription_id: UUID | None
    money_act_id: UUID | None
    due: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceVoided:
    """Nobody asks for it any more, and nothing replaces it."""

    invoice_id: UUID
    customer_id: UUID
    subscription_id: UUID | None
    money_act_id: UUID | None
    due: Money  # what it still asked for


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceRecovered:
    """A written-off invoice is owed again: paid, corrected or voided in this transaction."""

    invoice_id: UUID
    customer_id: UUID
    due: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeEvent:
    """`reserved` is what of `amount` was still with us; the rest had been given back before."""

    dispute_id: UUID
    payment_id: UUID
    invoice_id: UUID | None
    customer_id: UUID
    state: str
    reason: str
    kind: str  # chargeback or special_return
    amount: Money
    reserved: Money
    respond_by: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeOpened(DisputeEvent):
    """A payer objects, or is about to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeChanged(DisputeEvent):
    """Another state, amount or deadline."""

    before: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeAnswerFailed(DisputeEvent):
    """The gateway refused our answer; the deadline still runs."""

    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LatePaymentArrived:
    """Money came for an invoice that was not to be paid any more, or with another amount.

    It is booked as a payment without an invoice: a person decides what becomes of it.
    """

    payment_id: UUID
    customer_id: UUID
    invoice_id: UUID  # the one it was asked for
    rail: str
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class DunningStepDue:
    """A step for an unpaid invoice is being carried out: retry, remind or second_copy."""

    invoice_id: UUID
    customer_id: UUID
    subscription_id: UUID | None
    n: int
    act: str
    rail: str
    due: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class DunningEnded:
    """The time to pay is over; `ending` is what the subscription became, empty without one."""

    invoice_id: UUID
    customer_id: UUID
    subscription_id: UUID | None
    ending: str
    due: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class MandateChanged:
    """A payer's standing consent was accepted, refused, cancelled, or expired (`state`)."""

    mandate_id: UUID
    customer_id: UUID
    subscription_id: UUID | None
    state: str
    code: str
