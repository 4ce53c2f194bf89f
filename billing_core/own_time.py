"""A customer's own time: the wall's, or that of the test clock she lives by."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from .ports import Tx
from .store.clock import ClockCustomer, TestClock


@dataclass(frozen=True, slots=True)
class AtAnotherTime:
    """An open transaction, as it is at `at`."""

    tx: Tx
    at: datetime

    @property
    def session(self) -> Session:
        return self.tx.session

    def new_id(self) -> UUID:
        return self.tx.new_id()

    def emit(self, event: object) -> None:
        self.tx.emit(event)


def time_of(session: Session, customer_id: UUID, at: datetime) -> datetime:
    """Return what time it is for a customer when it is `at` for everybody."""
    frozen = session.scalar(
        select(TestClock.now_at)
        .join(ClockCustomer, ClockCustomer.clock_id == TestClock.id)
        .where(ClockCustomer.customer_id == customer_id)
    )
    return frozen or at


def on_own_time(tx: Tx, customer_id: UUID) -> Tx:
    """Return the transaction as it is for this customer."""
    at = time_of(tx.session, customer_id, tx.at)
    return tx if at == tx.at else AtAnotherTime(tx, at)
