"""What a provider keeps for us is owed until it is here, or until nobody will get it any more."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import select

from helpdesk.db import UnitOfWork
from helpdesk.inbox.model import FilesDue
from helpdesk.services import Services

LEASE: Final = timedelta(minutes=5)  # longer than one try at one delivery usually takes
GIVE_UP_AFTER: Final = timedelta(days=3)  # an outage may last a weekend
FIRST_WAIT: Final = timedelta(seconds=15)
LONGEST_WAIT: Final = timedelta(hours=1)
AT_ONCE: Final = 50  # deliveries of one sweep


def owe_files(tx: UnitOfWork, inbound_id: UUID) -> None:
    """Remember that a delivery's files are to be fetched; its own job tries first."""
    tx.session.add(
        FilesDue(
            inbound_id=inbound_id,
            attempts=0,
            not_before=tx.at + LEASE,
            give_up_at=tx.at + GIVE_UP_AFTER,
        )
    )


def put_off(row: FilesDue, at: datetime) -> bool:
    """Give what could not be fetched its next try; False where it has had its time."""
    if at >= row.give_up_at:
        return False
    row.not_before = at + min(FIRST_WAIT * 2 ** min(row.attempts, 10), LONGEST_WAIT)
    row.attempts += 1
    return True


def take_up(services: Services) -> int:
    """Ask for everything whose time has come to be fetched; return how many deliveries."""
    with services.begin() as tx:
        rows = tx.session.scalars(
            select(FilesDue)
            .where(FilesDue.not_before <= tx.at)
            .order_by(FilesDue.not_before)
            .limit(AT_ONCE)
            .with_for_update(skip_locked=True)
        ).all()
        for row in rows:
            row.not_before = tx.at + LEASE
            tx.enqueue("fetch_media", str(row.inbound_id))
        return len(rows)
