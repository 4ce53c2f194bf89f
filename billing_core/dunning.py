"""Asking again for money that did not come: the plan of one invoice, from its first failure to its end.

A plan is written once. What is tried by hand, or because another method was saved, is no
step of it and moves nothing in it.
"""

from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, cast
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from .domain.calendar import local_date, start_of
from .domain.dunning import (
    Policy,
    Rail,
    benefits_end_on,
    is_hard,
    overdue_state,
    timetable,
)
from .domain.money import Money
from .ports import Tx
from .store.base import add_rows
from .store.dunning import DunningPolicy, DunningStep
from .store.invoice import Invoice
from .store.payment import PaymentAttempt
from .store.subscription import Subscription

HOME = "America/Sao_Paulo"  # the day of an invoice that has no subscription


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """`result` is what became of a retry's charge, once it was sent: as an attempt's state."""

    n: int
    on: date
    act: str
    outcome: str
    result: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class DunningPlan:
    """What the customer can expect. `next_on` None: nothing more will happen by itself."""

    invoice_id: UUID
    rail: str
    failed_on: date
    steps: tuple[PlannedStep, ...]
    next_on: date | None
    ends_on: date
    benefits_until: date  # first day without
    retries_made: int
    retries_left: int


@dataclass(frozen=True, slots=True)
class Overdue:
    """What one customer owes in one currency past its day."""

    total: Money
    since: date  # the due day of the earliest unpaid invoice
    state: str  # as in domain/dunning.py; empty: in none yet


def policy_in_force(session: Session) -> Policy:
    """Return the newest policy that was set, or the default."""
    terms = session.scalars(
        select(DunningPolicy.terms)
        .order_by(DunningPolicy.set_at.desc(), DunningPolicy.id.desc())
        .limit(1)
    ).first()
    return _read_policy(terms) if terms is not None else Policy()


def set_policy(tx: Tx, policy: Policy) -> UUID:
    """Put a policy in force. Plans that are running keep their dates."""
    row = DunningPolicy(id=tx.new_id(), terms=_dump_policy(policy), set_at=tx.at)
    tx.session.add(row)
    tx.session.flush()
    return row.id


def note_failure(tx: Tx, attempt: PaymentAttempt) -> None:
    """Plan what follows an open invoice's first failure; a later one moves no date.

    After a hard decline the retries to come are skipped; a soft one, of another method by
    then, brings them back. Called in the transaction that books the failure, with the
    invoice locked.
    """
    steps = tx.session.scalars(
        select(DunningStep).where(DunningStep.invoice_id == attempt.invoice_id)
    ).all()
    if not steps:
        _write_plan(tx, attempt)
        return
    outcome = _outcome_of_retries(attempt)
    for step in steps:
        coming = step.outcome == "waiting" or (step.outcome == "skipped" and step.due_at > tx.at)
        if step.act == "retry" and coming:
            step.outcome = outcome


def stop_dunning(tx: Tx, *invoice_ids: UUID) -> None:
    """Let go of what waits for these invoices: they are paid, void, or their time is over."""
    tx.session.execute(
        update(DunningStep)
        .where(DunningStep.invoice_id.in_(invoice_ids), DunningStep.outcome == "waiting")
        .values(outcome="stopped", done_at=tx.at)
        .execution_options(synchronize_session=False)
    )


def dunning_plan(session: Session, invoice_id: UUID) -> DunningPlan | None:
    """Return what was done about an invoice and what will be. None: its payment never failed."""
    found = session.execute(
        select(DunningStep, PaymentAttempt.state, PaymentAttempt.failure_code)
        .outerjoin(PaymentAttempt, PaymentAttempt.id == DunningStep.attempt_id)
        .where(DunningStep.invoice_id == invoice_id)
        .order_by(DunningStep.n)
        .execution_options(populate_existing=True)
    ).all()
    if not found:
        return None
    policy = policy_in_force(session)
    failed_on = local_date(found[0][0].planned_at, zone_of(session, invoice_id))
    is_open = session.scalar(select(Invoice.state).where(Invoice.id == invoice_id)) == "open"
    steps = tuple(
        PlannedStep(row.n, row.due_on, row.act, row.outcome, state or "", code or "")
        for row, state, code in found
    )
    waiting = [step for step in steps if is_open and step.outcome == "waiting"]
    return DunningPlan(
        invoice_id=invoice_id,
        rail=found[0][0].rail,
        failed_on=failed_on,
        steps=steps,
        next_on=waiting[0].on if waiting else None,
        ends_on=steps[-1].on,
        benefits_until=benefits_end_on(failed_on, grace_days=policy.grace_days),
        retries_made=sum(step.outcome == "started" for step in steps),
        retries_left=sum(step.act == "retry" for step in waiting),
    )


def overdue_of(session: Session, customer_id: UUID, on: date) -> dict[str, Overdue]:
    """Return what a customer owes past its day, by currency: currencies never add up."""
    found = session.execute(
        select(Invoice.currency, func.sum(Invoice.due_minor), func.min(Invoice.due_on))
        .where(Invoice.customer_id == customer_id, Invoice.state == "open", Invoice.due_on < on)
        .group_by(Invoice.currency)
    )
    return {
        currency: Overdue(Money(int(minor), currency), since, overdue_state(since, on))
        for currency, minor, since in found
    }


def zone_of(session: Session, invoice_id: UUID) -> str:
    """Return the time zone in which an invoice's days are counted."""
    found = session.scalar(
        select(Subscription.time_zone)
        .join(Invoice, Invoice.subscription_id == Subscription.id)
        .where(Invoice.id == invoice_id)
    )
    return found or HOME


def _write_plan(tx: Tx, attempt: PaymentAttempt) -> None:
    invoice = tx.session.get_one(Invoice, attempt.invoice_id)
    zone = zone_of(tx.session, invoice.id)
    rows = [
        {
            "id": tx.new_id(),
            "invoice_id": invoice.id,
            "n": step.n,
            "rail": attempt.rail,
            "act": step.act,
            "planned_at": tx.at,
            "due_on": step.on,
            "due_at": start_of(step.on, zone),
            "outcome": _outcome_of_retries(attempt) if step.act == "retry" else "waiting",
        }
        for step in timetable(
            cast(Rail, attempt.rail),
            local_date(tx.at, zone),
            due_on=attempt.due_on or invoice.due_on,
            policy=policy_in_force(tx.session),
            next_cycle_on=invoice.period_end,
        )
    ]
    add_rows(tx.session, DunningStep, rows)


def _outcome_of_retries(attempt: PaymentAttempt) -> str:
    """A hard decline is answered with another method, not with another try."""
    return "skipped" if is_hard(attempt.failure_code) else "waiting"


def _dump_policy(policy: Policy) -> dict[str, Any]:
    return asdict(policy) | {
        "minimums": {currency: money.minor for currency, money in policy.minimums.items()}
    }


def _read_policy(terms: dict[str, Any]) -> Policy:
    return Policy(
        **terms
        | {
            "card_days": tuple(terms["card_days"]),
            "pix_automatico_days": tuple(terms["pix_automatico_days"]),
            "minimums": {
                currency: Money(minor, currency) for currency, minor in terms["minimums"].items()
            },
        }
    )
