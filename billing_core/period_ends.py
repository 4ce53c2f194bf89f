"""What becomes of a subscription when its period is over, or its money is there again."""

from datetime import date

from sqlalchemy import exists, select

from .domain.calendar import local_date, start_of
from .domain.subscription import period_around
from .events import SubscriptionActivated, SubscriptionCanceled, SubscriptionPaused
from .metrics import record_mrr
from .ports import Tx
from .store.invoice import Invoice
from .store.subscription import Subscription
from .store.terms import terms_of


def goes_on(tx: Tx, subscription: Subscription) -> bool:
    """Say whether another period follows; where none does, do what ends the last one.

    A pause cannot begin while money is owed: it waits, unbilled, until that is paid.
    """
    over = subscription.current_period_end
    leaves_on = subscription.cancel_on
    if subscription.cancel_at_period_end or (leaves_on is not None and leaves_on <= over):
        end_subscription(tx, subscription, on=over, why="asked")
        return False
    if subscription.pause_at_period_end:
        subscription.next_bill_at = None
        if subscription.state != "past_due":
            begin_pause(tx, subscription, on=over)
        return False
    if subscription.state == "trialing":
        return _leave_trial(tx, subscription)
    return True


def begin_pause(tx: Tx, subscription: Subscription, *, on: date) -> None:
    """Pause from `on`, a local date; nothing is billed until it is resumed."""
    subscription.become("paused")
    subscription.paused_on = on
    subscription.pause_at_period_end = False
    subscription.next_bill_at = None
    set_alarm(subscription)
    tx.emit(
        SubscriptionPaused(
            subscription_id=subscription.id,
            customer_id=subscription.customer_id,
            money_act_id=None,
            on=on,
            resumes_on=subscription.resumes_on,
        )
    )


def activate(tx: Tx, subscription: Subscription) -> None:
    """The trial is over, or the first payment is there."""
    subscription.become("active")
    subscription.pay_first_by = None
    set_alarm(subscription)
    tx.emit(
        SubscriptionActivated(
            subscription_id=subscription.id,
            customer_id=subscription.customer_id,
            money_act_id=None,
        )
    )


def go_on_when_paid(tx: Tx, subscription: Subscription) -> None:
    """Let a subscription (locked) go on once none of its invoices is open, however that came about."""
    owed = exists().where(Invoice.subscription_id == subscription.id, Invoice.state == "open")
    if tx.session.scalar(select(owed)):
        return
    if subscription.state in ("past_due", "unpaid"):
        recover(tx, subscription)
    elif subscription.state == "incomplete":
        activate(tx, subscription)
        record_mrr(tx, subscription.id)
    tx.session.flush()


def recover(tx: Tx, subscription: Subscription) -> None:
    """Everything owed is paid: it is active again, or begins the pause that waited for this.

    What an unpaid one did not get is not asked for: its next period begins today, and its
    bill day stays.
    """
    was_unpaid = subscription.state == "unpaid"
    subscription.become("active")
    tx.session.flush()  # the database is to see each step
    if was_unpaid:
        _rejoin(tx, subscription)
    if subscription.pause_at_period_end and subscription.next_bill_at is None:
        begin_pause(tx, subscription, on=subscription.current_period_end)


def end_subscription(tx: Tx, subscription: Subscription, *, on: date, why: str) -> None:
    """End it for good; `on` is the first day without service. Invoices stay as they are.

    `why` is told on: asked, debt, no_method. It must be live.
    """
    subscription.become("canceled")
    subscription.ended_on = on
    subscription.next_bill_at = subscription.wakes_at = None
    subscription.forget_scheduled()
    tx.emit(
        SubscriptionCanceled(
            subscription_id=subscription.id,
            customer_id=subscription.customer_id,
            money_act_id=subscription.cancel_act_id,
            on=on,
            why=why,
        )
    )


def set_alarm(subscription: Subscription) -> None:
    """Note when something other than a renewal happens next."""
    zone = subscription.time_zone
    days = (subscription.cancel_on, subscription.resumes_on)
    times = [start_of(day, zone) for day in days if day is not None]
    if subscription.state == "incomplete" and subscription.pay_first_by is not None:
        times = [subscription.pay_first_by]
    subscription.wakes_at = min(times, default=None)


def _rejoin(tx: Tx, subscription: Subscription) -> None:
    today = local_date(tx.at, subscription.time_zone)
    if today < subscription.current_period_end:
        return
    interval, count = terms_of(tx.session, subscription.id)[subscription.id].main.offer.rhythm
    start, end = period_around(
        today,
        anchor_date=subscription.anchor_date,
        anchor_day=subscription.anchor_day,
        interval=interval,
        count=count,
    )
    subscription.anchor_date = start if start == today else end
    subscription.current_period_start = subscription.current_period_end = today
    subscription.next_bill_at = start_of(today, subscription.time_zone)


def _leave_trial(tx: Tx, subscription: Subscription) -> bool:
    over = subscription.current_period_end
    if subscription.payment_method_id is None:
        if subscription.trial_without_method == "cancel":
            end_subscription(tx, subscription, on=over, why="no_method")
        else:
            begin_pause(tx, subscription, on=over)
        return False
    activate(tx, subscription)
    return True
