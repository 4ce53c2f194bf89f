"""What the console shows of one account. Frozen values; amounts, dates and codes, never sentences."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from ..domain.money import Money


@dataclass(frozen=True, slots=True)
class PriceView:
    """One price a customer can be moved to."""

    price_id: UUID
    plan_id: UUID
    product_name: str
    plan_name: str
    amount: Money
    interval: str  # day | week | month | year
    interval_count: int
    features: dict[str, Any]  # what the plan gives, as the catalogue says it


@dataclass(frozen=True, slots=True)
class MethodView:
    method_id: UUID
    kind: str  # card | pix | boleto
    brand: str
    last4: str
    exp_month: int | None
    exp_year: int | None


@dataclass(frozen=True, slots=True)
class ScheduledChange:
    """A plan change that waits: for its day, or (`invoice_id`) for its payment."""

    price_id: UUID
    plan_name: str
    amount: Money
    on: date
    invoice_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class SubscriptionView:
    subscription_id: UUID
    plan_name: str
    price_id: UUID
    price: Money  # of one period, all seats
    quantity: int
    interval: str
    interval_count: int
    state: str
    anchor_day: int
    time_zone: str
    period_start: date
    period_end: date  # first day of the next period
    day: int  # 1 on the first day
    days: int
    cancels_on: date | None
    change: ScheduledChange | None
    method: MethodView | None
    started_on: date
    system: str


@dataclass(frozen=True, slots=True)
class NextCharge:
    """`why` is renewal, scheduled_change or open_invoice. `gross` is before the credit balance."""

    amount: Money
    on: date
    why: str
    gross: Money
    credit: Money
    plan_name: str
    period_start: date
    period_end: date
    days_left: int


@dataclass(frozen=True, slots=True)
class LineView:
    line_id: UUID
    kind: str
    reason: str
    label: str
    start: date | None
    end: date | None
    quantity: int
    unit: Money
    net: Money
    tax: Money
    total: Money  # net + tax
    credited: Money  # given back so far
    arithmetic: dict[str, Any]


@dataclass(frozen=True, slots=True)
class PaymentView:
    payment_id: UUID
    invoice_id: UUID | None
    captured: Money
    refunded: Money
    reserved: Money
    disputed: Money
    refundable: Money  # what a refund may still ask, the invoice's lines considered
    captured_at: datetime
    gateway: str
    gateway_ref: str
    method: MethodView | None


@dataclass(frozen=True, slots=True)
class InvoiceView:
    """`payment_state`: none, pending, failed, unknown, paid, part_refunded, refunded."""

    invoice_id: UUID
    number: str
    state: str  # draft | open | paid | void | uncollectible
    payment_state: str
    reason: str  # start | renewal | plan_change | reissue
    issued_at: datetime
    due_on: date
    period_start: date | None
    period_end: date | None
    total: Money
    credit_applied: Money
    due: Money  # total - credit_applied
    paid: Money
    refundable: Money
    failure_code: str
    lines: tuple[LineView, ...]
    payments: tuple[PaymentView, ...]
    previous_invoice_id: UUID | None


@dataclass(frozen=True, slots=True)
class RefundView:
    refund_id: UUID
    payment_id: UUID
    money_act_id: UUID | None
    amount: Money
    state: str
    reason: str
    code: str
    requested_at: datetime


@dataclass(frozen=True, slots=True)
class DuplicateCharge:
    """`payment_id` is the surplus capture, `twin_payment_id` the one that paid the invoice."""

    payment_id: UUID
    twin_payment_id: UUID
    customer_id: UUID
    amount: Money
    refundable: Money
    captured_at: datetime
    twin_captured_at: datetime
    invoice_id: UUID | None
    number: str


@dataclass(frozen=True, slots=True)
class AccountView:
    customer_id: UUID
    currency: str
    subscription: SubscriptionView | None  # the live one, or the latest
    subscriptions: tuple[SubscriptionView, ...]
    next_charge: NextCharge | None
    invoices: tuple[InvoiceView, ...]  # newest first
    payments_without_invoice: tuple[PaymentView, ...]  # newest first
    credit: Money
    paid_total: Money  # captured - refunded, over the whole life
    open_refunds: tuple[RefundView, ...]
    duplicates: tuple[DuplicateCharge, ...]
    methods: tuple[MethodView, ...]
