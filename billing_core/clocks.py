"""Test clocks: customers whose time stands still until somebody moves it, through years if need be.

For tests and demonstrations. Everything that would have happened on the way happens, in its
order and at its instant; the ordinary run leaves these customers alone.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from .errors import ClockBehind, NotFound
from .invoicing import run_billing
from .own_time import AtAnotherTime
from .payments import reconcile_attempt
from .ports import Begin, Gateways, Tx
from .store.clock import ClockCustomer, TestClock, lives_by
from .store.dunning import DunningStep
from .store.invoice import Invoice
from .store.locks import lock_all
from .store.payment import OPEN_ATTEMPTS, PaymentAttempt
from .store.subscription import RENEWING, Subscription


@dataclass(slots=True)
class Advance:
    """`stops` are the instants at which something was due. `faults`: (subscription, error)."""

    now_at: datetime
    stops: list[datetime] = field(default_factory=list)
    invoices: int = 0
    paid: int = 0
    faults: list[tuple[UUID, str]] = field(default_factory=list)


def make_clock(tx: Tx, name: str, *, now_at: datetime | None = None) -> UUID:
    """Make a clock that shows `now_at`, or the present."""
    clock = TestClock(id=tx.new_id(), name=name, now_at=now_at or tx.at, created_at=tx.at)
    tx.session.add(clock)
    tx.session.flush()
    return clock.id


def live_by_clock(tx: Tx, clock_id: UUID, customer_id: UUID) -> None:
    """Let a customer live by a clock from now on. Twice is once; another clock is refused.

    Raises:
        ClockBehind: the customer has invoices issued later than the clock shows.
    """
    clock = _lock(tx.session, clock_id)
    here = tx.session.get(ClockCustomer, customer_id)
    if here is not None:
        if here.clock_id != clock_id:
            raise ClockBehind(clock.now_at, clock.now_at)
        return
    newest = tx.session.scalar(
        select(func.max(Invoice.issued_at)).where(Invoice.customer_id == customer_id)
    )
    if newest is not None and newest > clock.now_at:
        raise ClockBehind(clock.now_at, newest)
    tx.session.add(ClockCustomer(customer_id=customer_id, clock_id=clock_id))
    tx.session.flush()


def advance(begin: Begin, gateways: Gateways, clock_id: UUID, *, to: datetime) -> Advance:
    """Move a clock to an instant, stopping wherever something is due on the way.

    Safe to repeat after a crash: the clock shows how far it came, and a stop is a billing
    run, which may be repeated. Moving to where it stands runs what is due there.

    Raises:
        ClockBehind: `to` is before what the clock shows, or before where a crashed
            advance was going.
        NotFound: no such clock.
    """
    with begin() as tx:
        clock = _lock(tx.session, clock_id)
        going_to = max(clock.now_at, clock.advancing_to or clock.now_at)
        if to < going_to:
            raise ClockBehind(to, going_to)
        clock.advancing_to = to
        done = Advance(clock.now_at)
    while True:
        _stop(begin, gateways, clock_id, done)
        with begin() as tx:
            clock = _lock(tx.session, clock_id)
            coming = _next_stop(tx.session, clock_id, after=clock.now_at)
            arrived = clock.now_at == to
            clock.now_at = done.now_at = to if coming is None or coming > to else coming
            if arrived:
                clock.advancing_to = None
                return done


@contextmanager
def _at(begin: Begin, at: datetime) -> Iterator[Tx]:
    with begin() as tx:
        yield AtAnotherTime(tx, at)


def _stop(begin: Begin, gateways: Gateways, clock_id: UUID, done: Advance) -> None:
    """Do everything that is due at the instant the clock shows."""
    at = done.now_at

    def begin_then() -> AbstractContextManager[Tx]:
        return _at(begin, at)

    with begin_then() as tx:
        unanswered = _unanswered(tx, clock_id)
    for attempt_id in unanswered:
        reconcile_attempt(begin_then, gateways, attempt_id)
    run = run_billing(begin_then, gateways, clock_id=clock_id)
    done.stops.append(at)
    done.invoices += run.invoices
    done.paid += run.paid
    done.faults += run.faults


def _unanswered(tx: Tx, clock_id: UUID) -> Sequence[UUID]:
    """Return the attempts that are to be asked about: a crash leaves some."""
    return tx.session.scalars(
        select(PaymentAttempt.id)
        .where(
            lives_by(PaymentAttempt.customer_id, clock_id),
            PaymentAttempt.state.in_(OPEN_ATTEMPTS),
            PaymentAttempt.ask_at <= tx.at,
        )
        .order_by(PaymentAttempt.ask_at, PaymentAttempt.id)
    ).all()


def _next_stop(session: Session, clock_id: UUID, *, after: datetime) -> datetime | None:
    """Return when something is due next. What is late is met at every stop and makes none."""
    mine = lives_by(Subscription.customer_id, clock_id)
    renewal = select(func.min(Subscription.next_bill_at)).where(
        mine, Subscription.next_bill_at > after, Subscription.state.in_(RENEWING)
    )
    turn = select(func.min(Subscription.wakes_at)).where(mine, Subscription.wakes_at > after)
    step = (
        select(func.min(DunningStep.due_at))
        .join(Invoice, Invoice.id == DunningStep.invoice_id)
        .where(
            lives_by(Invoice.customer_id, clock_id),
            DunningStep.outcome == "waiting",
            DunningStep.due_at > after,
        )
    )
    found = [session.scalar(query) for query in (renewal, turn, step)]
    return min((at for at in found if at is not None), default=None)


def _lock(session: Session, clock_id: UUID) -> TestClock:
    rows = lock_all(session, select(TestClock).where(TestClock.id == clock_id))
    if not rows:
        raise NotFound("test clock", clock_id)
    return rows[0]
