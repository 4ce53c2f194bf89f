"""The billing run: from due periods to paid invoices, each period once."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, tuple_
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from .payments import ChargeOrder, Collected, send_attempts, write_attempts
from .ports import Begin, Gateway, Tx
from .renewals import bill_many
from .store.subscription import RENEWING, Subscription


@dataclass(slots=True)
class BillingRun:
    """What a run did. `faults` holds (subscription, error) that a person must look at."""

    invoices: int = 0
    paid: int = 0
    failed: int = 0
    waiting: int = 0  # pending or unknown
    faults: list[tuple[UUID, str]] = field(default_factory=list)


Place = tuple[datetime, UUID]
"""How far a run has come: (next_bill_at, id) of the last subscription it took."""


def due_subscriptions(session: Session, at: datetime, limit: int = 100) -> list[UUID]:
    """Return subscriptions whose next period has begun, the longest due first."""
    return [id for _, id in _due(session, at, limit, after=None)]


def bill_subscription(tx: Tx, subscription_id: UUID) -> UUID | None:
    """Issue the invoice of the period that starts now. None: nothing is due.

    A subscription that is several periods late gets one invoice a call, in order.
    """
    return next(iter(bill_many(tx, [subscription_id])), None)


def run_billing(
    begin: Begin,
    gateway: Gateway,
    *,
    batch: int = 1,
    together: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> BillingRun:
    """Bill every due subscription, then collect, with no transaction open. Safe to run twice at once.

    `batch` subscriptions share a transaction; a batch that fails is tried again one by one,
    and the subscription at fault is named and left. `together` may let a gateway of our own
    group the charges of one batch.
    """
    run = BillingRun()
    place: Place | None = None
    while True:
        found, orders = _bill_next(begin, gateway, batch, after=place, run=run)
        _count(run, send_attempts(begin, gateway, orders, together=together))
        if not found:
            return run
        place = found[-1]


def _due(session: Session, at: datetime, limit: int, *, after: Place | None) -> list[Place]:
    # The next period of a late subscription lies after the one just billed, so it is met
    # again later in the same run, and the run always moves forward.
    query = (
        select(Subscription.next_bill_at, Subscription.id)
        .where(
            Subscription.next_bill_at <= at,
            Subscription.state.in_(RENEWING),
            Subscription.system == "native",
            Subscription.pending_invoice_id.is_(None),
        )
        .order_by(Subscription.next_bill_at, Subscription.id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(tuple_(Subscription.next_bill_at, Subscription.id) > after)
    return [(due_at, id) for due_at, id in session.execute(query) if due_at is not None]


def _bill_next(
    begin: Begin, gateway: Gateway, batch: int, *, after: Place | None, run: BillingRun
) -> tuple[list[Place], list[ChargeOrder]]:
    """Take the next subscriptions that are due; bill them and write the attempts in one go."""
    found: list[Place] = []
    try:
        with begin() as tx:
            found = _due(tx.session, tx.at, batch, after=after)
            return found, _bill(tx, gateway, [id for _, id in found], run)
    except OperationalError:  # the database is away: nobody's turn
        raise
    except Exception:
        if not found:
            raise
    alone = (_bill_alone(begin, gateway, id, run) for _, id in found)
    return found, [order for orders in alone for order in orders]


def _bill_alone(begin: Begin, gateway: Gateway, id: UUID, run: BillingRun) -> list[ChargeOrder]:
    try:
        with begin() as tx:
            return _bill(tx, gateway, [id], run)
    except OperationalError:
        raise
    except Exception as fault:  # whatever it is, the others must still be billed
        run.faults.append((id, f"{type(fault).__name__}: {fault}"))
        return []


def _bill(tx: Tx, gateway: Gateway, ids: list[UUID], run: BillingRun) -> list[ChargeOrder]:
    invoices = bill_many(tx, ids, skip_locked=True)
    orders = write_attempts(tx, gateway, invoices) if invoices else []
    run.invoices += len(invoices)
    return orders


def _count(run: BillingRun, collected: list[Collected]) -> None:
    for one in collected:
        match one.state:
            case "paid":
                run.paid += 1
            case "failed":
                run.failed += 1
            case "pending" | "unknown":
                run.waiting += 1
