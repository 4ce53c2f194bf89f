"""Pausing and resuming: at the period's end, or at once with credit for what was paid ahead."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy.orm import Session

from .acts_done import done_before, note_done
from .asks import dump_ask, load_ask
from .domain.invoice import DraftLine
from .domain.money import Money
from .errors import (
    ChangePending,
    DateTooEarly,
    LinesWaiting,
    NotFound,
    NothingToChange,
    StaleInputs,
    WrongState,
)
from .issuing import issue
from .metrics import record_mrr
from .own_time import on_own_time, time_of
from .period_ends import begin_pause, set_alarm
from .plan_changes import preview_line
from .ports import Tx
from .preview import ChangeRow, MoneyPreview, hash_inputs
from .running_period import (
    billed_lines,
    check_paid,
    day_within,
    draft_of,
    free_slots,
    sum_of,
    take_back,
)
from .store.forecast import balance_minor, next_charge
from .store.locks import lock_subscription
from .store.subscription import BILLED, Subscription
from .store.terms import terms_of
from .store.views import NextCharge
from .waiting_lines import has_waiting


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseAsk:
    """`period_end` keeps what is paid for; `now` gives the rest of the period back as credit.

    `resumes_on` is the local date of the first day with service again; None: when asked.
    """

    subscription_id: UUID
    when: Literal["period_end", "now"] = "period_end"
    resumes_on: date | None = None
    reason: str = ""
    money_act_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class PauseResult:
    state: Literal["paused", "scheduled"]
    on: date  # first day without service
    credit: Money
    invoice_id: UUID | None


@dataclass(frozen=True, slots=True)
class _Plan:
    subscription: Subscription
    on: date
    lines: tuple[DraftLine, ...]
    balance: Money

    @property
    def credit(self) -> Money:
        return -sum_of(self.lines, self.subscription.currency)

    @property
    def inputs(self) -> dict[str, Any]:
        sub = self.subscription
        return {
            "act": "pause",
            "subscription": [sub.id, sub.state, sub.current_period_start, sub.current_period_end],
            "on": self.on,
            "lines": [[line.credits_line_id, line.net, line.tax] for line in self.lines],
            "balance": self.balance,
        }


def preview_pause(session: Session, ask: PauseAsk, at: datetime) -> MoneyPreview:
    """Raises what the pause itself would raise."""
    subscription = session.get(Subscription, ask.subscription_id)
    if subscription is None:
        raise NotFound("subscription", ask.subscription_id)
    at = time_of(session, subscription.customer_id, at)
    plan = _plan(session, subscription, ask, at)
    coming = next_charge(session, subscription, at, credit=plan.balance)
    rows = [
        ChangeRow("subscription.state", subscription.state, "paused", {"on": plan.on.isoformat()}),
        ChangeRow("credit.balance", plan.balance, plan.balance + plan.credit),
    ]
    return MoneyPreview(
        act="pause",
        amount=plan.credit,
        charge_now=None,
        rows=(*rows, *([_no_charge(coming)] if coming else [])),
        lines=tuple(preview_line(line) for line in plan.lines),
        inputs_hash=hash_inputs(plan.inputs),
        payload=payload_of(ask),
    )


def pause(tx: Tx, ask: PauseAsk, *, expected: str | None = None) -> PauseResult:
    """Pause once per `money_act_id`. Invoices made before are collected as ever.

    Raises:
        PeriodUnpaid: `now`, and the running period is not paid: there is nothing to give back.
        StaleInputs: `expected`, the preview's inputs hash, is not what it would be now.
    """
    subscription = lock_subscription(tx.session, ask.subscription_id)
    if (earlier := done_before(tx.session, ask.money_act_id, "pause")) is not None:
        return _result_from(earlier)
    tx = on_own_time(tx, subscription.customer_id)
    plan = _plan(tx.session, subscription, ask, tx.at)
    if expected is not None and hash_inputs(plan.inputs) != expected:
        raise StaleInputs
    subscription.resumes_on = ask.resumes_on
    if ask.when == "period_end":
        subscription.pause_at_period_end = True
        subscription.resumes_in_cycle = False
        done = PauseResult("scheduled", plan.on, plan.credit, None)
    else:
        done = PauseResult("paused", plan.on, plan.credit, _pause_now(tx, plan, ask))
    set_alarm(subscription)
    record_mrr(tx, subscription.id)
    note_done(tx, subscription, ask.money_act_id, "pause", _result_kept(done))
    return done


def cancel_pause(tx: Tx, subscription_id: UUID) -> None:
    """Take back a pause that has not begun. None to come is fine."""
    subscription = lock_subscription(tx.session, subscription_id)
    if subscription.state == "paused":
        raise WrongState("subscription", subscription_id, "paused")
    subscription.pause_at_period_end = False
    subscription.resumes_on = None
    set_alarm(subscription)


def pause_collection(tx: Tx, subscription_id: UUID, paused: bool) -> None:
    """Issue invoices without charging them, or charge them again. It stays what it is otherwise."""
    lock_subscription(tx.session, subscription_id).collection_paused = paused


def payload_of(ask: PauseAsk) -> dict[str, Any]:
    """Return the ask as JSON values; `ask_from` reads it back."""
    return dump_ask(ask)


def ask_from(payload: dict[str, Any]) -> PauseAsk:
    return load_ask(PauseAsk, payload)


def _plan(session: Session, subscription: Subscription, ask: PauseAsk, at: datetime) -> _Plan:
    _check(subscription)
    minor = balance_minor(session, subscription.customer_id, subscription.currency)
    balance = Money(minor, subscription.currency)
    on = subscription.current_period_end
    if ask.when == "now":
        on = day_within(subscription, at)
    if ask.resumes_on is not None and ask.resumes_on <= on:
        raise DateTooEarly(ask.resumes_on, on)
    if ask.when == "period_end":
        return _Plan(subscription, on, (), balance)
    if has_waiting(session, subscription.id):
        raise LinesWaiting(subscription.id)
    terms = terms_of(session, subscription.id)[subscription.id]
    billed = billed_lines(session, subscription, terms)
    check_paid(billed)
    if subscription.state == "past_due":  # an older invoice is owed
        raise WrongState("subscription", subscription.id, "past_due")
    lines = take_back(subscription, terms, billed, on=on, at=at, reason="pause")
    return _Plan(subscription, on, lines, balance)


def _no_charge(coming: NextCharge) -> ChangeRow:
    return ChangeRow("next_charge", coming.amount, None, {"on": coming.on.isoformat()})


def _check(subscription: Subscription) -> None:
    if subscription.pause_at_period_end or subscription.state == "paused":
        raise NothingToChange
    if subscription.state not in BILLED:
        raise WrongState("subscription", subscription.id, subscription.state)
    if subscription.cancel_at_period_end or subscription.cancel_on is not None:
        raise WrongState("subscription", subscription.id, "cancelling")
    if subscription.pending_invoice_id is not None:
        raise ChangePending(subscription.id, subscription.pending_invoice_id)


def _pause_now(tx: Tx, plan: _Plan, ask: PauseAsk) -> UUID | None:
    """Give the rest back and stop the period here. What was paid ahead pays the resumption."""
    subscription = plan.subscription
    issued = None
    if plan.credit:
        draft = draft_of(
            subscription,
            plan.lines,
            reason="pause",
            due_on=plan.on,
            start=plan.on,
            end=subscription.current_period_end,
            money_act_id=ask.money_act_id,
        )
        [issued] = issue(tx, [draft])
        free_slots(tx.session, subscription.id, plan.on)
    subscription.current_period_end = plan.on
    subscription.resumes_in_cycle = True
    begin_pause(tx, subscription, on=plan.on)
    return issued.invoice_id if issued else None


def _result_kept(done: PauseResult) -> dict[str, Any]:
    return {
        "state": done.state,
        "on": done.on.isoformat(),
        "credit": [done.credit.minor, done.credit.currency],
        "invoice_id": str(done.invoice_id) if done.invoice_id else None,
    }


def _result_from(kept: dict[str, Any]) -> PauseResult:
    invoice_id = UUID(kept["invoice_id"]) if kept["invoice_id"] else None
    on = date.fromisoformat(kept["on"])
    return PauseResult(kept["state"], on, Money(*kept["credit"]), invoice_id)
