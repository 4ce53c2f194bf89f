"""What was used of a measured item. Recorded once per key, billed when the period is over."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from .domain.calendar import local_date
from .errors import NotFound, NotMeasured, UsageTooSmall
from .ports import Tx
from .store.catalog import Price, UsageRecord
from .store.locks import lock_subscription
from .store.subscription import SubscriptionItem


@dataclass(frozen=True, slots=True, kw_only=True)
class NewUsage:
    """`key` is the measuring side's own name for this record; `used_at` is aware UTC."""

    item_id: UUID
    quantity: int
    used_at: datetime
    key: str


def record_usage(tx: Tx, new: NewUsage) -> UUID:
    """Count what was used; the same key counts once. Returns the record.

    A record that comes after its period was billed is part of the next invoice. Locks the
    subscription, so that no record slips between a run's sum and its mark.

    Raises:
        NotFound: no such item.
        NotMeasured: the item's price has no meter.
        UsageTooSmall: less than one unit.
    """
    item = tx.session.get(SubscriptionItem, new.item_id)
    if item is None:
        raise NotFound("subscription item", new.item_id)
    if new.quantity < 1:
        raise UsageTooSmall(new.quantity)
    subscription = lock_subscription(tx.session, item.subscription_id)
    earlier = tx.session.scalar(select(UsageRecord.id).where(UsageRecord.key == new.key))
    if earlier is not None:
        return earlier
    if tx.session.get_one(Price, item.price_id).meter is None:
        raise NotMeasured(item.id)
    record = UsageRecord(
        id=tx.new_id(),
        key=new.key,
        subscription_item_id=item.id,
        quantity=new.quantity,
        used_on=local_date(new.used_at, subscription.time_zone),
        recorded_at=tx.at,
    )
    tx.session.add(record)
    tx.session.flush()
    return record.id


def unbilled_usage(session: Session, item_id: UUID) -> int:
    """Return how many units no invoice has asked for yet."""
    found = session.scalar(
        select(func.sum(UsageRecord.quantity)).where(
            UsageRecord.subscription_item_id == item_id, UsageRecord.invoice_id.is_(None)
        )
    )
    return int(found or 0)
