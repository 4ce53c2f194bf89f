"""What happens to subscriptions on a day of its own: expiries, ends on a date, resumptions."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from .attempts import withdraw_attempts
from .cancellations import cancel_on_its_date
from .coupons import take_back_redemptions
from .domain.calendar import local_date
from .dunning import stop_dunning
from .errors import BeingCharged
from .events import SubscriptionExpired
from .issuing import void
from .period_ends import set_alarm
from .ports import Begin, Tx
from .resumptions import ResumeAsk, resume
from .store.clock import lives_by
from .store.invoice import Invoice
from .store.locks import lock_all, lock_subscription
from .store.payment import OPEN_ATTEMPTS, PaymentAttempt
from .store.subscription import Subscription

LOOK_AGAIN = timedelta(hours=1)


def due_turns(
    session: Session, at: datetime, limit: int = 100, *, clock_id: UUID | None = None
) -> list[UUID]:
    """Return subscriptions whose day has come, the longest due first."""
    return list(
        session.scalars(
            select(Subscription.id)
            .where(Subscription.wakes_at <= at, lives_by(Subscription.customer_id, clock_id))
            .order_by(Subscription.wakes_at, Subscription.id)
            .limit(limit)
        )
    )


def take_turn(tx: Tx, subscription_id: UUID) -> None:
    """Do what was due on one subscription. What cannot be done yet is looked at again later."""
    subscription = lock_subscription(tx.session, subscription_id)
    if subscription.wakes_at is None or subscription.wakes_at > tx.at:
        return
    today = local_date(tx.at, subscription.time_zone)
    set_alarm(subscription)
    if subscription.state == "incomplete":
        _expire(tx, subscription)
    elif subscription.pending_invoice_id is not None:
        subscription.wakes_at = tx.at + LOOK_AGAIN
    elif subscription.cancel_on is not None and subscription.cancel_on <= today:
        try:
            cancel_on_its_date(tx, subscription, subscription.cancel_on)
        except BeingCharged:  # what is to be given back depends on the answer
            subscription.wakes_at = tx.at + LOOK_AGAIN
    elif subscription.state == "paused":
        resume(tx, ResumeAsk(subscription_id=subscription_id))
    else:  # its pause waits for what is owed, and is over when it begins
        subscription.wakes_at = None


def run_turns(begin: Begin, *, clock_id: UUID | None = None) -> list[tuple[UUID, str]]:
    """Take every turn that is due, each in its own transaction. Returns (subscription, fault).

    One at fault is named and left; the next run meets it again.
    """
    faults: list[tuple[UUID, str]] = []
    met: set[UUID] = set()
    while True:
        with begin() as tx:
            found = due_turns(tx.session, tx.at, 100 + len(faults), clock_id=clock_id)
        fresh = [id for id in found if id not in met]
        if not fresh:
            return faults
        met.update(fresh)
        for id in fresh:
            try:
                with begin() as tx:
                    take_turn(tx, id)
            except OperationalError:  # the database is away: nobody's turn
                raise
            except Exception as fault:
                faults.append((id, f"{type(fault).__name__}: {fault}"))


def _expire(tx: Tx, subscription: Subscription) -> None:
    """Nobody paid in time. A payment without an answer may still have arrived: it is waited for."""
    open_ones = select(Invoice).where(
        Invoice.subscription_id == subscription.id, Invoice.state == "open"
    )
    invoices = lock_all(tx.session, open_ones.order_by(Invoice.id))
    ids = [invoice.id for invoice in invoices]
    unanswered = exists().where(
        PaymentAttempt.invoice_id.in_(ids), PaymentAttempt.state.in_(OPEN_ATTEMPTS)
    )
    withdraw_attempts(tx, ids)
    if tx.session.scalar(select(unanswered)):
        subscription.wakes_at = tx.at + LOOK_AGAIN
        return
    for invoice in invoices:
        void(tx, invoice)
    take_back_redemptions(tx, subscription.id)
    stop_dunning(tx, *ids)
    subscription.become("incomplete_expired")
    subscription.ended_on = local_date(tx.at, subscription.time_zone)
    subscription.next_bill_at = subscription.wakes_at = None
    tx.emit(
        SubscriptionExpired(
            subscription_id=subscription.id,
            customer_id=subscription.customer_id,
            money_act_id=None,
        )
    )
