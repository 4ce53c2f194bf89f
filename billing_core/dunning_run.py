"""Carrying out what dunning planned: each step once, at most one a day for an invoice.

A step and the attempt it leads to are written in one transaction; the gateway is called
after it. A run that is killed in between leaves an attempt that is finished like any other.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import exists, select, tuple_
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from .attempts import ChargeOrder, write_attempts
from .domain.calendar import local_date
from .domain.dunning import Policy, pix_automatico_retry_allowed, worth_asking
from .domain.money import Money
from .dunning import HOME, overdue_of, policy_in_force, stop_dunning
from .events import DunningEnded, DunningStepDue
from .metrics import record_mrr
from .payments import Collected, send_attempts
from .period_ends import end_subscription
from .ports import Begin, Gateways, Tx
from .store.clock import lives_by
from .store.dunning import DunningStep
from .store.invoice import Invoice
from .store.locks import lock_all
from .store.payment import OPEN_ATTEMPTS, PaymentAttempt
from .store.subscription import PaymentMethod, Subscription


@dataclass(slots=True)
class DunningRun:
    """What was done. `faults` holds (invoice, error) that a person must look at."""

    collected: list[Collected] = field(default_factory=list)
    told: int = 0
    ended: int = 0
    skipped: int = 0
    faults: list[tuple[UUID, str]] = field(default_factory=list)


class Place(NamedTuple):
    """A step whose day has come."""

    due_at: datetime
    invoice_id: UUID
    n: int


@dataclass(frozen=True, slots=True)
class _Case:
    """One invoice with the step that is next, both locked, as they stand on a local day."""

    invoice: Invoice
    subscription: Subscription | None
    step: DunningStep
    today: date
    busy: bool  # a charge has no answer yet
    acted_today: bool
    policy: Policy

    @property
    def is_over(self) -> bool:
        """Nothing is to be paid any more, or the subscription has ended in another way."""
        ended = self.subscription is not None and self.subscription.ended_on is not None
        return ended or self.invoice.state != "open"

    @property
    def must_wait(self) -> bool:
        """A charge has no answer yet, the collection is paused, or today had its step."""
        paused = self.subscription is not None and self.subscription.collection_paused
        return paused or self.busy or (self.acted_today and self.step.act != "end")

    @property
    def due(self) -> Money:
        return Money(self.invoice.due_minor, self.invoice.currency)


def run_dunning(
    begin: Begin, gateways: Gateways, *, batch: int = 1, clock_id: UUID | None = None
) -> DunningRun:
    """Carry out the steps that are due. Safe to run twice at once and after a crash anywhere.

    A step waits while a charge of its invoice has no answer: silence is no failure. The
    invoice at fault is named and left; the others have their turn.
    """
    run = DunningRun()
    after: Place | None = None
    while True:
        with begin() as tx:
            found = due_steps(tx.session, tx.at, batch, after=after, clock_id=clock_id)
        if not found:
            return run
        after = found[-1]
        orders: list[ChargeOrder] = []
        for invoice_id in dict.fromkeys(place.invoice_id for place in found):
            orders += _carry_out_alone(begin, invoice_id, run)
        run.collected += send_attempts(begin, gateways, orders)


def due_steps(
    session: Session,
    at: datetime,
    limit: int = 100,
    *,
    after: Place | None = None,
    clock_id: UUID | None = None,
) -> list[Place]:
    """Return steps that wait and whose day has begun, the longest due first."""
    query = (
        select(DunningStep.due_at, DunningStep.invoice_id, DunningStep.n)
        .join(Invoice, Invoice.id == DunningStep.invoice_id)
        .where(
            DunningStep.outcome == "waiting",
            DunningStep.due_at <= at,
            lives_by(Invoice.customer_id, clock_id),
        )
        .order_by(DunningStep.due_at, DunningStep.invoice_id, DunningStep.n)
        .limit(limit)
    )
    if after is not None:
        place = tuple_(DunningStep.due_at, DunningStep.invoice_id, DunningStep.n)
        query = query.where(place > after)
    return [Place(*row) for row in session.execute(query)]


def carry_out_step(tx: Tx, invoice_id: UUID) -> tuple[str, list[ChargeOrder]]:
    """Do the next step of one invoice, if its day has come; return its outcome and what to send.

    The outcome is empty where nothing could be done today.
    """
    case = _lock_case(tx, invoice_id)
    if case is None:
        return "", []
    if case.is_over:
        stop_dunning(tx, invoice_id)
        return "stopped", []
    if case.must_wait:
        return "", []
    if not _is_worth_it(tx.session, case):
        return _finish(tx, case, "skipped"), []
    if case.step.act == "end":
        return _end(tx, case), []
    if case.step.act == "remind":
        _announce(tx, case)
        return _finish(tx, case, "told"), []
    return _charge_again(tx, case)


def _carry_out_alone(begin: Begin, invoice_id: UUID, run: DunningRun) -> list[ChargeOrder]:
    try:
        with begin() as tx:
            outcome, orders = carry_out_step(tx, invoice_id)
    except OperationalError:  # the database is away: nobody's turn
        raise
    except Exception as fault:  # whatever it is, the others must have their turn
        run.faults.append((invoice_id, f"{type(fault).__name__}: {fault}"))
        return []
    run.told += outcome == "told"
    run.ended += outcome == "ended"
    run.skipped += outcome == "skipped"
    return orders


def _lock_case(tx: Tx, invoice_id: UUID) -> _Case | None:
    """Lock subscription, invoice and the next step, in this order, and read them again."""
    session = tx.session
    owner = select(Invoice.subscription_id).where(Invoice.id == invoice_id)
    owners = lock_all(session, select(Subscription).where(Subscription.id.in_(owner)))
    [invoice] = lock_all(session, select(Invoice).where(Invoice.id == invoice_id))
    steps = lock_all(
        session,
        select(DunningStep).where(DunningStep.invoice_id == invoice_id).order_by(DunningStep.n),
    )
    step = next((one for one in steps if one.outcome == "waiting"), None)
    if step is None or step.due_at > tx.at:  # another run was faster
        return None
    zone = owners[0].time_zone if owners else HOME
    today = local_date(tx.at, zone)
    acted = [one.done_at for one in steps if one.outcome in ("started", "told") and one.done_at]
    busy = exists().where(
        PaymentAttempt.invoice_id == invoice_id, PaymentAttempt.state.in_(OPEN_ATTEMPTS)
    )
    return _Case(
        invoice=invoice,
        subscription=owners[0] if owners else None,
        step=step,
        today=today,
        busy=bool(session.scalar(select(busy))),
        acted_today=any(local_date(at, zone) == today for at in acted),
        policy=policy_in_force(session),
    )


def _is_worth_it(session: Session, case: _Case) -> bool:
    """Apply the threshold to everything the customer owes in this currency."""
    overdue = overdue_of(session, case.invoice.customer_id, case.today).get(case.invoice.currency)
    return worth_asking(overdue.total if overdue else case.due, case.policy)


def _charge_again(tx: Tx, case: _Case) -> tuple[str, list[ChargeOrder]]:
    rail = _rail_now(tx.session, case)
    if rail is None or (rail == "pix_automatico" and not _scheme_allows(tx.session, case)):
        return _finish(tx, case, "skipped"), []
    [order] = orders = write_attempts(tx, [case.invoice.id])
    case.step.attempt_id = order.attempt_id
    _announce(tx, case)
    return _finish(tx, case, "started"), orders


def _rail_now(session: Session, case: _Case) -> str | None:
    """Return the rail of the method that would be charged; the customer may have changed it."""
    method_id = case.subscription.payment_method_id if case.subscription is not None else None
    return session.scalar(
        select(PaymentMethod.kind).where(
            PaymentMethod.id == (method_id or case.invoice.payment_method_id)
        )
    )


def _scheme_allows(session: Session, case: _Case) -> bool:
    """Check the day of a retry that may be late: the scheme counts days, not our plans."""
    tries = session.execute(
        select(PaymentAttempt.due_on, PaymentAttempt.id == DunningStep.attempt_id)
        .outerjoin(DunningStep, DunningStep.attempt_id == PaymentAttempt.id)
        .where(
            PaymentAttempt.invoice_id == case.invoice.id,
            PaymentAttempt.rail == "pix_automatico",
        )
        .order_by(PaymentAttempt.created_at, PaymentAttempt.id)
    ).all()
    days = [day or case.today for day, _ in tries]
    first_due = days[0] if days else case.today
    cycle = case.invoice.period_end
    return pix_automatico_retry_allowed(
        [
            (day - first_due).days
            for day in (
                *(day for day, (_, ours) in zip(days, tries, strict=True) if ours),
                case.today,
            )
        ],
        max_tries=case.policy.pix_automatico_tries,
        window_days=case.policy.pix_automatico_window,
        next_cycle=(cycle - first_due).days if cycle is not None else None,
    )


def _end(tx: Tx, case: _Case) -> str:
    """The time to pay is over: the subscription ends as the policy says, and so do its other plans."""
    subscription, ending = case.subscription, ""
    if subscription is not None and subscription.state == "past_due":
        ending = case.policy.ending
        if ending == "canceled":
            end_subscription(tx, subscription, on=case.today, why="debt")
            record_mrr(tx, subscription.id)
        elif ending == "unpaid":
            subscription.become("unpaid")
    outcome = _finish(tx, case, "ended")
    if ending == "canceled":
        stop_dunning(tx, *_other_invoices(tx.session, case))
    tx.emit(
        DunningEnded(
            invoice_id=case.invoice.id,
            customer_id=case.invoice.customer_id,
            subscription_id=case.invoice.subscription_id,
            ending=ending,
            due=case.due,
        )
    )
    return outcome


def _other_invoices(session: Session, case: _Case) -> Sequence[UUID]:
    return session.scalars(
        select(Invoice.id).where(
            Invoice.subscription_id == case.invoice.subscription_id, Invoice.state == "open"
        )
    ).all()


def _announce(tx: Tx, case: _Case) -> None:
    tx.emit(
        DunningStepDue(
            invoice_id=case.invoice.id,
            customer_id=case.invoice.customer_id,
            subscription_id=case.invoice.subscription_id,
            n=case.step.n,
            act=case.step.act,
            rail=case.step.rail,
            due=case.due,
        )
    )


def _finish(tx: Tx, case: _Case, outcome: str) -> str:
    case.step.outcome, case.step.done_at = outcome, tx.at
    tx.session.flush()
    return outcome
