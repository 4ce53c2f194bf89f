"""Keeping the clocks of a ticket: helpers that a change of the conversation calls.

Each takes the open transaction and a locked ticket, appends the steps, moves the
projection and leaves `next_due_at` on the ticket: all of it or nothing. Notes, automatic
mail and the product's own messages never come here.
"""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from helpdesk.answers import answer_ahead, correct
from helpdesk.db import UnitOfWork
from helpdesk.sla import queries
from helpdesk.sla.model import MetricEvent, SlaClock
from helpdesk.sla.rules import (
    NEVER,
    REPLY_METRICS,
    Clock,
    Metric,
    Step,
    StepKind,
    advance,
    is_late,
    start,
)
from helpdesk.tickets.model import Ticket


def customer_wrote(tx: UnitOfWork, ticket: Ticket, channel: str) -> None:
    """Start the clocks a person's message asks for; one that waits already waits on."""
    if tx.is_unwritten(ticket) and ticket.waiting_since is None:
        _first_heard(tx, ticket, channel)
        return
    clocks = queries.open_clocks(tx.session, ticket.id)
    if not any(metric in clocks for metric in REPLY_METRICS):
        answered = queries.has_been_answered(tx.session, ticket.id)
        metric: Metric = "next_response" if answered else "first_response"
        clocks[metric] = _activate(tx, ticket, metric, channel)
    if "resolution" not in clocks:
        clocks["resolution"] = _activate(tx, ticket, "resolution", channel)
    if ticket.waiting_since is None:
        ticket.waiting_since = tx.at
    _show_earliest(ticket, clocks.values())


def _first_heard(tx: UnitOfWork, ticket: Ticket, channel: str) -> None:
    """Start the first clocks of a ticket that was opened just now: nothing is to be looked up."""
    targets = queries.targets_of(tx.session, channel)
    metrics: tuple[Metric, ...] = ("first_response", "resolution")
    clocks = [
        _begin(tx, ticket, metric, channel, cycle=1, target_s=targets.get(metric, 0))
        for metric in metrics
    ]
    answer_ahead(tx.session, queries.OPEN_CLOCKS, {ticket.id: clocks})
    ticket.waiting_since = tx.at
    _show_earliest(ticket, clocks)


def staff_answered(tx: UnitOfWork, ticket: Ticket, staff_id: UUID) -> None:
    """Fulfil the reply clock: a person has answered in public."""
    clocks = queries.open_clocks(tx.session, ticket.id)
    for metric in REPLY_METRICS:
        if metric in clocks:
            _take(tx, clocks[metric], "fulfil", staff_id)
    ticket.waiting_since = None
    show_next_due(tx, ticket)


def category_changed(
    tx: UnitOfWork, ticket: Ticket, was: str, *, staff_id: UUID | None = None
) -> None:
    """Follow a change of status. `ticket.category` is the new one, `was` the old.

    Waiting for the customer stops the resolution clock; solving fulfils it and cancels a
    reply clock, for nobody owes an answer any more; opening again begins a new cycle.
    """
    clocks = queries.open_clocks(tx.session, ticket.id)
    resolution = clocks.get("resolution")
    if ticket.category in ("solved", "closed"):
        if resolution is not None:
            _take(tx, resolution, "fulfil", staff_id)
        for metric in REPLY_METRICS:
            if metric in clocks:
                _take(tx, clocks[metric], "cancel")
        ticket.waiting_since = None
    elif was in ("solved", "closed"):
        if queries.cycles_so_far(tx.session, ticket.id, "resolution"):
            _activate(tx, ticket, "resolution", ticket.last_channel)
            _follow_waiting(tx, ticket)
    else:
        _follow_waiting(tx, ticket)
    show_next_due(tx, ticket)


def cancel_clocks(tx: UnitOfWork, ticket: Ticket) -> None:
    """End every open clock without a result: spam, or merged into another ticket."""
    for row in queries.open_clocks(tx.session, ticket.id).values():
        _take(tx, row, "cancel")
    ticket.waiting_since = None
    show_next_due(tx, ticket)


def write_breaches(tx: UnitOfWork, ticket: Ticket) -> int:
    """Append a breach for every clock of this ticket that has run out. Safe to repeat."""
    late = [
        row
        for row in queries.open_clocks(tx.session, ticket.id).values()
        if is_late(queries.as_clock(row), tx.at)
    ]
    for row in late:
        _breach(tx, row)
    return len(late)


def show_next_due(tx: UnitOfWork, ticket: Ticket) -> None:
    """Put the earliest open promise on the row that the queue is ordered by."""
    _show_earliest(ticket, queries.open_clocks(tx.session, ticket.id).values())


def _show_earliest(ticket: Ticket, clocks: Iterable[SlaClock]) -> None:
    promised = [(row.due_at, row.metric, row.target_s) for row in clocks if row.due_at is not None]
    ticket.next_due_at, ticket.due_metric, ticket.due_target_s = min(
        promised, default=(NEVER, "", 0)
    )


def _follow_waiting(tx: UnitOfWork, ticket: Ticket) -> None:
    resolution = queries.open_clocks(tx.session, ticket.id).get("resolution")
    if resolution is None:
        return
    if ticket.category == "waiting" and resolution.state == "running":
        _take(tx, resolution, "pause")
    elif ticket.category == "open" and resolution.state == "paused":
        _take(tx, resolution, "resume")


def _activate(tx: UnitOfWork, ticket: Ticket, metric: Metric, channel: str) -> SlaClock:
    cycle = queries.cycles_so_far(tx.session, ticket.id, metric) + 1
    target_s = queries.targets_of(tx.session, channel).get(metric, 0)
    return _begin(tx, ticket, metric, channel, cycle=cycle, target_s=target_s)


def _begin(
    tx: UnitOfWork, ticket: Ticket, metric: Metric, channel: str, *, cycle: int, target_s: int
) -> SlaClock:
    step = Step(
        metric=metric,
        cycle=cycle,
        position=1,
        kind="activate",
        at=tx.at,
        channel=channel,
        target_s=target_s,
    )
    row = SlaClock(id=tx.new_id(), ticket_id=ticket.id, **_facts(start(step)))
    tx.add(row)
    _append(tx, ticket.id, step)
    correct(tx.session, queries.OPEN_CLOCKS, ticket.id, lambda rows: [*rows, row])
    return row


def _take(tx: UnitOfWork, row: SlaClock, kind: StepKind, staff_id: UUID | None = None) -> None:
    """Append one step. A promise broken before it is written down first, whoever noticed."""
    if is_late(queries.as_clock(row), tx.at):
        _breach(tx, row)
    _step(tx, row, Step(**_same_cycle(row), kind=kind, at=tx.at, staff_id=staff_id))


def _breach(tx: UnitOfWork, row: SlaClock) -> None:
    assert row.due_at is not None
    # The promise broke when it fell due, not when the sweep or a person came by.
    _step(tx, row, Step(**_same_cycle(row), kind="breach", at=row.due_at))


def _same_cycle(row: SlaClock) -> dict[str, Any]:
    return {
        "metric": row.metric,
        "cycle": row.cycle,
        "position": row.position + 1,
        "channel": row.channel,
        "target_s": row.target_s,
    }


def _step(tx: UnitOfWork, row: SlaClock, step: Step) -> None:
    for name, value in _facts(advance(queries.as_clock(row), step)).items():
        setattr(row, name, value)
    _append(tx, row.ticket_id, step)


def _facts(clock: Clock) -> dict[str, Any]:
    """Return the columns that show how a clock stands."""
    return {
        "metric": clock.metric,
        "cycle": clock.cycle,
        "channel": clock.channel,
        "target_s": clock.target_s,
        "position": clock.position,
        "state": clock.state,
        "started_at": clock.started_at,
        "due_at": clock.due_at,
        "ended_at": clock.ended_at,
        "consumed_s": clock.consumed_s,
        "resumed_at": clock.resumed_at,
        "breached_at": clock.breached_at,
    }


def _append(tx: UnitOfWork, ticket_id: UUID, step: Step) -> None:
    tx.record(
        MetricEvent(
            id=tx.new_id(),
            ticket_id=ticket_id,
            metric=step.metric,
            cycle=step.cycle,
            position=step.position,
            kind=step.kind,
            at=step.at,
            channel=step.channel,
            target_s=step.target_s,
            staff_id=step.staff_id,
        )
    )
