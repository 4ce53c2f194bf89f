"""What befell customers' money: doubled captures, refused cards, and what agents did about it."""

import secrets
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing_core.credits import CreditAsk
from billing_core.domain.money import Money
from billing_core.payments import record_capture
from billing_core.refunds import RefundAsk
from billing_core.store.payment import Payment, PaymentAttempt
from billing_core.store.subscription import LIVE, Subscription
from billing_core.subscriptions import PlanChangeAsk
from helpdesk.billing_desk.acts import Request
from helpdesk.billing_desk.service import CustomerNews, confirm, open_preview
from helpdesk.demo.company import sandbox
from helpdesk.demo.people import Person
from helpdesk.services import Services
from helpdesk.staff.agent import Agent

LATER = timedelta(minutes=2, seconds=14)  # from a charge to its unwanted twin


def decline_next_charge(services: Services, person: Person) -> None:
    """Have a customer's bank refuse the next charge."""
    sandbox(services).behave("decline", on="charge", method_prefix=f"tok_{person.key}")


def capture_twice(services: Services, customer_id: UUID) -> UUID:
    """Repeat a customer's last charge, as an acquirer's repeated message does."""
    with services.reading() as session:
        attempt = session.scalars(
            select(PaymentAttempt)
            .where(PaymentAttempt.customer_id == customer_id, PaymentAttempt.state == "success")
            .order_by(PaymentAttempt.changed_at.desc())
            .limit(1)
        ).one()
    gateway = sandbox(services)
    receipt = gateway.repeat_capture(attempt.key)
    with services.begin() as tx:
        return record_capture(
            tx,
            customer_id=customer_id,
            amount=receipt.amount,
            gateway=gateway.name,
            gateway_ref=receipt.ref,
            payment_method_id=attempt.payment_method_id,
        )


def refund_last_charge(session: Session, customer_id: UUID, reason: str) -> Request:
    """Ask for all of a customer's last charge back."""
    payment = session.scalars(
        select(Payment)
        .where(Payment.customer_id == customer_id, Payment.invoice_id.is_not(None))
        .order_by(Payment.captured_at.desc())
        .limit(1)
    ).one()
    return Request(RefundAsk(payment_id=payment.id, amount=payment.balance.captured, reason=reason))


def give_credit(customer_id: UUID, amount: Money, reason: str) -> Request:
    return Request(CreditAsk(customer_id=customer_id, amount=amount, reason=reason))


def change_plan(session: Session, customer_id: UUID, price_id: UUID) -> Request:
    subscription_id = session.scalars(
        select(Subscription.id)
        .where(Subscription.customer_id == customer_id, Subscription.state.in_(LIVE))
        .limit(1)
    ).one()
    return Request(PlanChangeAsk(subscription_id=subscription_id, new_price_id=price_id))


def carry_out(
    services: Services,
    agent: Agent,
    ticket_id: UUID,
    request: Request,
    *,
    news: CustomerNews | None = None,
) -> UUID:
    """Preview an act and confirm it, as an agent does in the drawer. Return the act's id."""
    preview = open_preview(services, agent, ticket_id, request)
    return confirm(
        services,
        agent,
        preview.id,
        one_time_key=secrets.token_hex(16),
        news=news,
        accepted=True,  # the customers of the demo asked for what they are charged
    )
