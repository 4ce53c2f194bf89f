"""Charges that look like one charge made twice: found by a select, announced by an event."""

from uuid import UUID

from .events import DuplicateChargeFound
from .ports import Tx
from .store.duplicates import find_duplicate_charges
from .store.views import DuplicateCharge

__all__ = ["announce_duplicates", "find_duplicate_charges"]


def announce_duplicates(
    tx: Tx, customer_id: UUID, *, only: UUID | None = None
) -> list[DuplicateCharge]:
    """Find them and emit one `DuplicateChargeFound` each; `only` concerns one surplus payment."""
    found = [
        pair
        for pair in find_duplicate_charges(tx.session, customer_id)
        if only is None or pair.payment_id == only
    ]
    for pair in found:
        tx.emit(
            DuplicateChargeFound(
                payment_id=pair.payment_id,
                twin_payment_id=pair.twin_payment_id,
                customer_id=customer_id,
                amount=pair.amount,
            )
        )
    return found
