"""The account as the console shows it. Selects that lock nothing and change nothing."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ..domain.balance import refundable
from ..domain.calendar import local_date
from ..domain.money import Money
from ..domain.refund import RESERVING
from .duplicates import find_duplicate_charges
from .forecast import balance_minor, main_subscription, next_charge
from .invoice import Invoice, InvoiceLine
from .lines import balance_of_line
from .payment import Payment, PaymentAttempt, Refund
from .subscription import LIVE, PaymentMethod, Subscription
from .terms import offer_of, terms_of
from .views import (
    AccountView,
    InvoiceView,
    LineView,
    MethodView,
    NextCharge,
    PaymentView,
    RefundView,
    ScheduledChange,
    SubscriptionView,
)


def account_of(
    session: Session, customer_id: UUID, at: datetime, *, invoices: int = 24
) -> AccountView:
    """Return all the money facts of one customer, the newest `invoices` invoices with lines."""
    methods = _methods(session, customer_id)
    subscriptions = _subscriptions(session, customer_id, at, methods)
    main = main_subscription(session, customer_id)
    currency = _currency(session, customer_id, main)
    credit = Money(balance_minor(session, customer_id, currency), currency)
    shown = _invoices(session, customer_id, methods, invoices)
    return AccountView(
        customer_id=customer_id,
        currency=currency,
        subscription=next(
            (one for one in subscriptions if main and one.subscription_id == main.id), None
        ),
        subscriptions=subscriptions,
        next_charge=_next_charge(session, main, at, credit, shown),
        invoices=shown,
        payments_without_invoice=_without_invoice(session, customer_id, methods),
        credit=credit,
        paid_total=_paid_total(session, customer_id, currency),
        open_refunds=_open_refunds(session, customer_id),
        duplicates=tuple(find_duplicate_charges(session, customer_id)),
        methods=tuple(methods.values()),
    )


def _currency(session: Session, customer_id: UUID, main: Subscription | None) -> str:
    """Return the currency the account is shown in: its subscription's, or the last one used."""
    if main is not None:
        return main.currency
    last = session.scalar(
        select(Payment.currency)
        .where(Payment.customer_id == customer_id)
        .order_by(Payment.captured_at.desc())
        .limit(1)
    )
    return last or "BRL"


def _methods(session: Session, customer_id: UUID) -> dict[UUID, MethodView]:
    rows = session.scalars(
        select(PaymentMethod)
        .where(PaymentMethod.customer_id == customer_id)
        .order_by(PaymentMethod.created_at, PaymentMethod.id)
    )
    return {
        row.id: MethodView(row.id, row.kind, row.brand, row.last4, row.exp_month, row.exp_year)
        for row in rows
    }


def _subscriptions(
    session: Session, customer_id: UUID, at: datetime, methods: dict[UUID, MethodView]
) -> tuple[SubscriptionView, ...]:
    rows = session.scalars(
        select(Subscription)
        .where(Subscription.customer_id == customer_id)
        .order_by(Subscription.state.in_(LIVE).desc(), Subscription.started_at.desc())
    ).all()
    terms = terms_of(session, *(row.id for row in rows))
    result = []
    for row in rows:
        now = terms[row.id]
        days = (row.current_period_end - row.current_period_start).days
        day = (local_date(at, row.time_zone) - row.current_period_start).days + 1
        result.append(
            SubscriptionView(
                subscription_id=row.id,
                plan_name=now.plan_name,
                price_id=now.price.id,
                price=now.main.full,
                quantity=now.item.quantity,
                interval=now.price.interval,
                interval_count=now.price.interval_count,
                state=row.state,
                anchor_day=row.anchor_day,
                time_zone=row.time_zone,
                period_start=row.current_period_start,
                period_end=row.current_period_end,
                day=max(1, min(day, days)),
                days=days,
                cancels_on=row.current_period_end if row.cancel_at_period_end else row.ended_on,
                change=_change(session, row, now.item.quantity),
                method=methods.get(row.payment_method_id) if row.payment_method_id else None,
                started_on=local_date(row.started_at, row.time_zone),
                system=row.system,
            )
        )
    return tuple(result)


def _change(session: Session, row: Subscription, quantity: int) -> ScheduledChange | None:
    price_id = row.pending_price_id or row.scheduled_price_id
    offer = offer_of(session, price_id) if price_id else None
    if offer is None:
        return None
    on = row.pending_on or row.current_period_end
    amount = offer.charge(quantity).amount
    return ScheduledChange(offer.price.id, offer.plan_name, amount, on, row.pending_invoice_id)


def _next_charge(
    session: Session,
    main: Subscription | None,
    at: datetime,
    credit: Money,
    invoices: Sequence[InvoiceView],
) -> NextCharge | None:
    """What is open comes first: nobody waits for a renewal while an invoice is unpaid."""
    unpaid = [one for one in invoices if one.state == "open"]
    if main is None or not unpaid:
        return next_charge(session, main, at, credit=credit)
    first = unpaid[-1]
    today = local_date(at, main.time_zone)
    return NextCharge(
        amount=first.due,
        on=max(first.due_on, today),
        why="open_invoice",
        gross=first.total,
        credit=first.credit_applied,
        plan_name=first.lines[-1].label,
        period_start=first.period_start or first.due_on,
        period_end=first.period_end or first.due_on,
        days_left=max(0, (first.due_on - today).days),
    )


def _invoices(
    session: Session, customer_id: UUID, methods: dict[UUID, MethodView], limit: int
) -> tuple[InvoiceView, ...]:
    rows = session.scalars(
        select(Invoice)
        .where(Invoice.customer_id == customer_id)
        .order_by(Invoice.issued_at.desc(), Invoice.number.desc())
        .limit(limit)
        .execution_options(populate_existing=True)
    ).all()
    ids = [row.id for row in rows]
    lines = _by_invoice(
        session.scalars(
            select(InvoiceLine)
            .where(InvoiceLine.invoice_id.in_(ids))
            .order_by(InvoiceLine.position)
            .execution_options(populate_existing=True)
        )
    )
    payments: defaultdict[UUID | None, list[Payment]] = defaultdict(list)
    for payment in session.scalars(
        select(Payment)
        .where(Payment.invoice_id.in_(ids))
        .order_by(Payment.captured_at)
        .execution_options(populate_existing=True)
    ):
        payments[payment.invoice_id].append(payment)
    attempts = {
        attempt.invoice_id: attempt
        for attempt in session.scalars(
            select(PaymentAttempt)
            .where(PaymentAttempt.invoice_id.in_(ids))
            .order_by(PaymentAttempt.created_at, PaymentAttempt.id)
            .execution_options(populate_existing=True)
        )
    }
    return tuple(
        _invoice(row, lines[row.id], payments[row.id], attempts.get(row.id), methods)
        for row in rows
    )


def _by_invoice(lines: Iterable[InvoiceLine]) -> defaultdict[UUID, list[InvoiceLine]]:
    result = defaultdict(list)
    for line in lines:
        result[line.invoice_id].append(line)
    return result


def _invoice(
    row: Invoice,
    lines: list[InvoiceLine],
    payments: list[Payment],
    attempt: PaymentAttempt | None,
    methods: dict[UUID, MethodView],
) -> InvoiceView:
    currency = row.currency
    views = tuple(_payment(payment, lines, methods) for payment in payments)
    return InvoiceView(
        invoice_id=row.id,
        number=row.name,
        state=row.state,
        payment_state=_payment_state(row, payments, attempt),
        reason=row.reason,
        issued_at=row.issued_at,
        due_on=row.due_on,
        period_start=row.period_start,
        period_end=row.period_end,
        total=Money(row.total_minor, currency),
        credit_applied=Money(row.credit_applied_minor, currency),
        due=Money(row.due_minor, currency),
        paid=Money(sum(one.captured_minor - one.refunded_minor for one in payments), currency),
        refundable=max((view.refundable for view in views), default=Money.zero(currency)),
        failure_code=attempt.failure_code if attempt else "",
        lines=tuple(_line(line, currency) for line in lines),
        payments=views,
        previous_invoice_id=row.previous_invoice_id,
    )


def _payment_state(
    row: Invoice, payments: Sequence[Payment], attempt: PaymentAttempt | None
) -> str:
    captured = sum(payment.captured_minor for payment in payments)
    refunded = sum(payment.refunded_minor for payment in payments)
    if refunded:
        return "refunded" if refunded == captured else "part_refunded"
    if row.state == "paid":
        return "paid"
    if attempt is None:
        return "none"
    return "pending" if attempt.state == "init" else attempt.state


def _line(line: InvoiceLine, currency: str) -> LineView:
    return LineView(
        line_id=line.id,
        kind=line.kind,
        reason=line.reason,
        label=line.label,
        start=line.period_start,
        end=line.period_end,
        quantity=line.quantity,
        unit=Money(line.unit_minor, currency),
        net=Money(line.net_minor, currency),
        tax=Money(line.tax_minor, currency),
        total=Money(line.net_minor + line.tax_minor, currency),
        credited=Money(line.credited_minor, currency),
        arithmetic=line.arithmetic,
    )


def _payment(
    row: Payment, lines: Sequence[InvoiceLine] | None, methods: dict[UUID, MethodView]
) -> PaymentView:
    balance = row.balance
    on_lines = None if lines is None else [balance_of_line(line, row.currency) for line in lines]
    return PaymentView(
        payment_id=row.id,
        invoice_id=row.invoice_id,
        captured=balance.captured,
        refunded=balance.refunded,
        reserved=balance.reserved,
        disputed=balance.disputed,
        refundable=refundable(balance, on_lines),
        captured_at=row.captured_at,
        gateway=row.gateway,
        gateway_ref=row.gateway_ref,
        method=methods.get(row.payment_method_id) if row.payment_method_id else None,
    )


def _without_invoice(
    session: Session, customer_id: UUID, methods: dict[UUID, MethodView]
) -> tuple[PaymentView, ...]:
    rows = session.scalars(
        select(Payment)
        .where(Payment.customer_id == customer_id, Payment.invoice_id.is_(None))
        .order_by(Payment.captured_at.desc(), Payment.id)
        .execution_options(populate_existing=True)
    )
    return tuple(_payment(row, None, methods) for row in rows)


def _paid_total(session: Session, customer_id: UUID, currency: str) -> Money:
    minor = session.scalar(
        select(func.sum(Payment.captured_minor - Payment.refunded_minor)).where(
            Payment.customer_id == customer_id, Payment.currency == currency
        )
    )
    return Money(int(minor or 0), currency)


def _open_refunds(session: Session, customer_id: UUID) -> tuple[RefundView, ...]:
    rows = session.scalars(
        select(Refund)
        .where(Refund.customer_id == customer_id, Refund.state.in_(RESERVING))
        .order_by(Refund.requested_at)
        .execution_options(populate_existing=True)
    )
    return tuple(
        RefundView(
            refund_id=row.id,
            payment_id=row.payment_id,
            money_act_id=row.money_act_id,
            amount=row.amount,
            state=row.state,
            reason=row.reason,
            code=row.failure_code,
            requested_at=row.requested_at,
        )
        for row in rows
    )
