"""A change that waits for its payment: applied when the money is there, dropped when it is not."""

from datetime import date
from uuid import UUID

from .domain.calendar import start_of
from .domain.money import Money
from .events import PlanChanged, PlanChangeFailed
from .issuing import void
from .metrics import record_mrr
from .new_periods import end_cover
from .ports import Tx
from .store.invoice import Invoice
from .store.locks import lock_invoice, lock_subscription
from .store.subscription import Subscription, SubscriptionItem
from .store.terms import terms_of


def apply_paid_change(tx: Tx, subscription: Subscription, invoice_id: UUID) -> None:
    """The invoice of a pending change is paid: the change happens. The caller holds the lock."""
    if subscription.pending_invoice_id != invoice_id:
        return
    invoice = tx.session.get(Invoice, invoice_id)
    if invoice is None or invoice.period_start is None or invoice.period_end is None:
        raise AssertionError(f"pending change of {subscription.id} has lost its invoice")
    period = (subscription.current_period_start, invoice.period_end, subscription.anchor_day)
    if subscription.pending_new_cycle:
        period = (invoice.period_start, invoice.period_end, invoice.period_start.day)
    net = Money(invoice.total_minor, invoice.currency)
    carry_out(tx, subscription, invoice_id, net, period)


def carry_out(
    tx: Tx,
    subscription: Subscription,
    invoice_id: UUID | None,
    net: Money,
    period: tuple[date, date, int],
) -> None:
    """Make the change in `pending_*` the subscription's own. What was scheduled is dropped."""
    price_id, on = subscription.pending_price_id, subscription.pending_on
    if price_id is None or on is None:
        raise AssertionError(f"pending change of {subscription.id} is incomplete")
    if subscription.pending_new_cycle:
        subscription.anchor_date, _, subscription.anchor_day = period
        terms = terms_of(tx.session, subscription.id)[subscription.id]
        end_cover(terms, period[0], but=period[1])
    subscription.current_period_start, subscription.current_period_end, _ = period
    subscription.next_bill_at = start_of(period[1], subscription.time_zone)
    old_price_id = _change_item(tx, subscription, price_id, on)
    act = subscription.pending_act_id
    _forget_pending(subscription)
    subscription.forget_scheduled()
    record_mrr(tx, subscription.id)
    tx.emit(
        PlanChanged(
            subscription_id=subscription.id,
            customer_id=subscription.customer_id,
            money_act_id=act,
            old_price_id=old_price_id,
            new_price_id=price_id,
            invoice_id=invoice_id,
            net=net,
        )
    )


def abandon_change(tx: Tx, subscription_id: UUID, invoice_id: UUID, code: str) -> bool:
    """The payment of a pending change was declined: its invoice is void, the plan stays."""
    subscription = lock_subscription(tx.session, subscription_id)
    if subscription.pending_invoice_id != invoice_id:
        return False
    void(tx, lock_invoice(tx.session, invoice_id))
    act = subscription.pending_act_id
    _forget_pending(subscription)
    tx.emit(
        PlanChangeFailed(
            subscription_id=subscription.id,
            customer_id=subscription.customer_id,
            money_act_id=act,
            invoice_id=invoice_id,
            code=code,
        )
    )
    return True


def _change_item(tx: Tx, subscription: Subscription, price_id: UUID, on: date) -> UUID:
    """Change, add or end the item; return the price it had, or has where it is new."""
    quantity = subscription.pending_quantity
    item = tx.session.get_one(SubscriptionItem, subscription.pending_item_id)
    old_price_id, item.price_id = item.price_id, price_id
    item.ended_on = on if quantity == 0 else None  # a new one was ended until now
    if quantity:
        item.quantity = quantity
    tx.session.flush()
    return old_price_id


def _forget_pending(subscription: Subscription) -> None:
    subscription.pending_item_id = subscription.pending_price_id = None
    subscription.pending_quantity = subscription.pending_invoice_id = None
    subscription.pending_act_id = subscription.pending_on = None
    subscription.pending_new_cycle = False
