"""The billing run: from due periods to paid invoices, each period once."""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select, tuple_
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from .attempts import ChargeOrder, untried_invoices, write_attempts
from .dunning_run import DunningRun, run_dunning
from .payments import Collected, collect_batch, send_attempts
from .ports import Begin, Gateways, Tx
from .renewals import bill_many, is_due
from .store.clock import lives_by
from .store.subscription import Subscription
from .turns import run_turns

Together = Callable[[], AbstractContextManager[object]]

SHORTEST_PERIOD = timedelta(hours=22)  # one day, in a zone whose clocks go forward

MOST_INVOICES = 60
"""How many invoices one subscription may get in one run. More than that is no delay but a defect."""


@dataclass(slots=True)
class BillingRun:
    """What a run did. `faults` holds (subscription, error) that a person must look at."""

    invoices: int = 0
    paid: int = 0
    failed: int = 0
    waiting: int = 0  # pending or unknown
    faults: list[tuple[UUID, str]] = field(default_factory=list)
    dunning: DunningRun = field(default_factory=DunningRun)
    late: Counter[UUID] = field(default_factory=Counter)
    """Invoices so far of those who are late; nobody else is counted."""
    met: dict[UUID, datetime] = field(default_factory=dict)
    """What was due when a late one, or one at fault, was taken: it is not taken for that again."""

    def count(self, collected: Sequence[Collected]) -> None:
        for one in collected:
            match one.state:
                case "paid":
                    self.paid += 1
                case "failed":
                    self.failed += 1
                case _:
                    self.waiting += 1


class Due(NamedTuple):
    """One subscription whose next period has begun."""

    at: datetime
    id: UUID
    late: bool  # more than one period may wait

    @property
    def place(self) -> tuple[datetime, UUID]:
        """How far a run has come when it has taken this one."""
        return self.at, self.id


@dataclass(frozen=True, slots=True)
class _Means:
    """What every part of a run works with. `clock_id`: whose time it is, None for everybody's."""

    begin: Begin
    gateways: Gateways
    batch: int
    together: Together
    clock_id: UUID | None


def due_subscriptions(session: Session, at: datetime, limit: int = 100) -> list[UUID]:
    """Return subscriptions whose next period has begun, the longest due first."""
    return [one.id for one in _due(session, at, limit, after=None, clock_id=None)]


def bill_subscription(tx: Tx, subscription_id: UUID) -> UUID | None:
    """Issue the invoice of the period that starts now. None: nothing is due.

    A subscription that is several periods late gets one invoice a call, in order.
    """
    return next(iter(bill_many(tx, [subscription_id])), None)


def run_billing(
    begin: Begin,
    gateways: Gateways,
    *,
    batch: int = 1,
    together: Together = nullcontext,
    clock_id: UUID | None = None,
) -> BillingRun:
    """Take every turn, bill every due subscription, collect, and ask again where that failed. Safe to run twice at once.

    A run that was killed is finished by the next one: whatever it had begun is in the rows.
    `batch` subscriptions share a transaction; a batch that fails is tried again one by one,
    and the subscription at fault is named and left. `together` may let a gateway of our own
    group the charges of one batch. Customers who live by a test clock are billed by its own
    run (`clock_id`) and no other.
    """
    means = _Means(begin, gateways, batch, together, clock_id)
    run = BillingRun()
    run.faults += run_turns(begin, clock_id=clock_id)
    while _bill_round(means, run):
        pass
    _collect_left(means, run)
    run.dunning = run_dunning(begin, gateways, batch=batch, clock_id=clock_id)
    run.count(run.dunning.collected)
    return run


def _bill_round(means: _Means, run: BillingRun) -> bool:
    """Take everybody who is due, once; say whether a late one was among them and may be due again."""
    after: Due | None = None
    late = False
    while True:
        found, fresh, orders = _bill_next(means, after=after, run=run)
        run.count(send_attempts(means.begin, means.gateways, orders, together=means.together))
        if not found:
            return late
        after = found[-1]
        late = late or any(one.late for one in fresh)


def _due(
    session: Session, at: datetime, limit: int, *, after: Due | None, clock_id: UUID | None
) -> list[Due]:
    query = (
        select(Subscription.next_bill_at, Subscription.id)
        .where(*is_due(at), lives_by(Subscription.customer_id, clock_id))
        .order_by(Subscription.next_bill_at, Subscription.id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(tuple_(Subscription.next_bill_at, Subscription.id) > after.place)
    return [
        Due(due_at, id, due_at <= at - SHORTEST_PERIOD)
        for due_at, id in session.execute(query)
        if due_at is not None
    ]


def _bill_next(
    means: _Means, *, after: Due | None, run: BillingRun
) -> tuple[list[Due], list[Due], list[ChargeOrder]]:
    """Take the next subscriptions that are due; bill them and write the attempts in one go.

    Returns who was found, who of them was not met before, and what to send.
    """
    found: list[Due] = []
    fresh: list[Due] = []
    try:
        with means.begin() as tx:
            found = _due(tx.session, tx.at, means.batch, after=after, clock_id=means.clock_id)
            fresh = [one for one in found if run.met.get(one.id) != one.at]
            invoices = bill_many(tx, _within_reason(fresh, run), skip_locked=True)
            orders = write_attempts(tx, invoices)
    except OperationalError:  # the database is away: nobody's turn
        raise
    except Exception:
        if not found:
            raise
        alone = (_bill_alone(means, one, run) for one in fresh)
        return found, fresh, [order for orders in alone for order in orders]
    _remember(fresh, invoices, run)
    return found, fresh, orders


def _bill_alone(means: _Means, one: Due, run: BillingRun) -> list[ChargeOrder]:
    try:
        with means.begin() as tx:
            invoices = bill_many(tx, _within_reason([one], run), skip_locked=True)
            orders = write_attempts(tx, invoices)
    except OperationalError:
        raise
    except Exception as fault:  # whatever it is, the others must still be billed
        run.faults.append((one.id, f"{type(fault).__name__}: {fault}"))
        run.met[one.id] = one.at
        return []
    _remember([one], invoices, run)
    return orders


def _within_reason(found: Sequence[Due], run: BillingRun) -> list[UUID]:
    """Leave out who has had more invoices in this run than any delay explains."""
    return [one.id for one in found if run.late[one.id] < MOST_INVOICES]


def _remember(found: Sequence[Due], invoices: Sequence[UUID], run: BillingRun) -> None:
    """Count what was committed, and name who has reached the limit."""
    run.invoices += len(invoices)
    for one in found:
        if one.late:
            run.met[one.id] = one.at
            run.late[one.id] += 1
            if run.late[one.id] == MOST_INVOICES:
                run.faults.append((one.id, f"{MOST_INVOICES} invoices in one run"))


def _collect_left(means: _Means, run: BillingRun) -> None:
    """Collect what nobody has tried to collect: a run died, or another method was saved."""
    after: tuple[date, UUID] | None = None
    while True:
        with means.begin() as tx:
            left = untried_invoices(
                tx.session, tx.at, means.batch, after=after, clock_id=means.clock_id
            )
        if not left:
            return
        after = left[-1]
        ids = [id for _, id in left]
        run.count(collect_batch(means.begin, means.gateways, ids, together=means.together))
