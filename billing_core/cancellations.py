"""The end of a subscription: at once, on a date, at its period's end; and taking that back.

What is given back of the running period follows domain/termination.py.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal, get_args
from uuid import UUID

from sqlalchemy.orm import Session

from .acts_done import done_before, note_done
from .asks import dump_ask, load_ask
from .cancellation_settlement import Ending, carry_out_ending, plan_endings
from .domain.calendar import local_date, start_of
from .domain.money import Money, total
from .errors import (
    ChangePending,
    DateTooEarly,
    LinesWaiting,
    NotFound,
    NothingToChange,
    StaleInputs,
    WrongState,
)
from .metrics import record_mrr
from .own_time import on_own_time, time_of
from .period_ends import end_subscription, set_alarm
from .ports import Tx
from .preview import ChangeRow, MoneyPreview, hash_inputs
from .running_period import day_within
from .store.forecast import balance_minor, next_charge
from .store.locks import lock_subscription
from .store.subscription import BILLED, LIVE, Subscription
from .store.terms import terms_of
from .waiting_lines import has_waiting

Settle = Literal["refund", "credit", "nothing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelAsk:
    """`on` is the local date of the first day without service, for `on_date` only.

    `settle` says what becomes of the unused part of a period that is cut short: refund gives
    back what was paid for it, credit keeps it for the customer; an open invoice is lowered.
    """

    subscription_id: UUID
    when: Literal["now", "period_end", "on_date"] = "period_end"
    on: date | None = None
    settle: Settle = "nothing"
    reason: str = ""
    money_act_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class CancelResult:
    """`refund_ids` are promised and sent by their own job."""

    state: Literal["canceled", "scheduled"]
    on: date
    refunded: Money
    credited: Money
    lowered: Money
    refund_ids: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class _Plan:
    subscription: Subscription
    on: date
    endings: tuple[Ending, ...]
    balance: Money

    def sum(self, name: str) -> Money:
        parts = (getattr(one, name) for one in self.endings)
        return total(parts, self.subscription.currency)

    @property
    def inputs(self) -> dict[str, Any]:
        sub = self.subscription
        return {
            "act": "cancel",
            "subscription": [sub.id, sub.state, sub.current_period_start, sub.current_period_end],
            "on": self.on,
            "endings": [one.inputs for one in self.endings],
            "balance": self.balance,
        }


def preview_cancel(session: Session, ask: CancelAsk, at: datetime) -> MoneyPreview:
    """Raises what the cancellation itself would raise."""
    subscription = session.get(Subscription, ask.subscription_id)
    if subscription is None:
        raise NotFound("subscription", ask.subscription_id)
    at = time_of(session, subscription.customer_id, at)
    plan = _plan(session, subscription, ask, at)
    refunded, credited, lowered = (plan.sum(name) for name in ("refund", "credit", "lowered"))
    coming = next_charge(session, subscription, at, credit=plan.balance)
    rows = [
        ChangeRow(
            "subscription.state", subscription.state, "canceled", {"on": plan.on.isoformat()}
        ),
        ChangeRow("payment.refunded", Money.zero(subscription.currency), refunded),
        ChangeRow("invoice.lowered", Money.zero(subscription.currency), lowered),
        ChangeRow("credit.balance", plan.balance, plan.balance + credited),
    ]
    if coming is not None and coming.on >= plan.on:
        rows.append(ChangeRow("next_charge", coming.amount, None, {"on": coming.on.isoformat()}))
    return MoneyPreview(
        act="cancel",
        amount=refunded + credited + lowered,
        charge_now=None,
        rows=tuple(rows),
        lines=(),
        inputs_hash=hash_inputs(plan.inputs),
        payload=payload_of(ask),
    )


def cancel(tx: Tx, ask: CancelAsk, *, expected: str | None = None) -> CancelResult:
    """Cancel once per `money_act_id`. What waits for the period's end or its payment is dropped first.

    Raises:
        LinesWaiting: `now`, while lines wait for the next invoice.
        StaleInputs: `expected`, the preview's inputs hash, is not what it would be now.
    """
    subscription = lock_subscription(tx.session, ask.subscription_id)
    if (earlier := done_before(tx.session, ask.money_act_id, "cancel")) is not None:
        return _result_from(earlier)
    tx = on_own_time(tx, subscription.customer_id)
    plan = _plan(tx.session, subscription, ask, tx.at)
    if expected is not None and hash_inputs(plan.inputs) != expected:
        raise StaleInputs
    subscription.cancel_act_id = ask.money_act_id
    done = _end_now(tx, plan, ask) if ask.when == "now" else _schedule(tx, plan, ask)
    record_mrr(tx, subscription.id)
    note_done(tx, subscription, ask.money_act_id, "cancel", _result_kept(done))
    return done


def cancel_on_its_date(tx: Tx, subscription: Subscription, on: date) -> None:
    """The date has come: end it, and give back what it was to give back. The caller holds the lock."""
    ways: dict[str | None, Settle] = {one: one for one in get_args(Settle)}
    settle = ways[subscription.cancel_settle]
    ask = CancelAsk(subscription_id=subscription.id, when="now", settle=settle)
    at = start_of(on, subscription.time_zone)
    _end_now(tx, _plan(tx.session, subscription, ask, at), ask)
    record_mrr(tx, subscription.id)


def cancel_at_period_end(tx: Tx, subscription_id: UUID) -> date:
    """Return the first day without service. A scheduled plan change is dropped."""
    return cancel(tx, CancelAsk(subscription_id=subscription_id)).on


def uncancel(tx: Tx, subscription_id: UUID) -> None:
    """Take a cancellation back while the subscription still runs. None to come is fine."""
    subscription = lock_subscription(tx.session, subscription_id)
    if subscription.state not in LIVE:
        raise WrongState("subscription", subscription_id, subscription.state)
    subscription.cancel_at_period_end = False
    subscription.cancel_on = subscription.cancel_settle = subscription.cancel_act_id = None
    set_alarm(subscription)
    record_mrr(tx, subscription.id)


def payload_of(ask: CancelAsk) -> dict[str, Any]:
    """Return the ask as JSON values; `ask_from` reads it back."""
    return dump_ask(ask)


def ask_from(payload: dict[str, Any]) -> CancelAsk:
    return load_ask(CancelAsk, payload)


def _plan(session: Session, subscription: Subscription, ask: CancelAsk, at: datetime) -> _Plan:
    if subscription.state not in LIVE:
        raise WrongState("subscription", subscription.id, subscription.state)
    if subscription.pending_invoice_id is not None:
        raise ChangePending(subscription.id, subscription.pending_invoice_id)
    minor = balance_minor(session, subscription.customer_id, subscription.currency)
    balance = Money(minor, subscription.currency)
    if ask.when != "period_end" and has_waiting(session, subscription.id):
        raise LinesWaiting(subscription.id)
    if ask.when == "now":
        on = day_within(subscription, at)
        endings: tuple[Ending, ...] = ()
        if ask.settle != "nothing" and subscription.state in BILLED:
            terms = terms_of(session, subscription.id)[subscription.id]
            endings = plan_endings(session, subscription, terms, settle=ask.settle, on=on, at=at)
        return _Plan(subscription, on, endings, balance)
    if ask.when == "period_end":
        if subscription.cancel_at_period_end:
            raise NothingToChange
        return _Plan(subscription, subscription.current_period_end, (), balance)
    tomorrow = local_date(at, subscription.time_zone) + timedelta(days=1)
    if ask.on is None or ask.on < tomorrow:
        raise DateTooEarly(ask.on or date.min, tomorrow)
    return _Plan(subscription, ask.on, (), balance)


def _end_now(tx: Tx, plan: _Plan, ask: CancelAsk) -> CancelResult:
    subscription = plan.subscription
    refund_ids = tuple(
        id
        for one in plan.endings
        for id in carry_out_ending(tx, subscription, one, reason=ask.reason or "asked")
    )
    end_subscription(tx, subscription, on=plan.on, why="asked")
    return CancelResult(
        "canceled",
        plan.on,
        plan.sum("refund"),
        plan.sum("credit"),
        plan.sum("lowered"),
        refund_ids,
    )


def _schedule(tx: Tx, plan: _Plan, ask: CancelAsk) -> CancelResult:
    """A paused or unpaid one has no period that could end: it is over on that day, or at once."""
    subscription, nothing = plan.subscription, Money.zero(plan.subscription.currency)
    if ask.when == "on_date":
        subscription.cancel_on, subscription.cancel_settle = plan.on, ask.settle
        subscription.cancel_at_period_end = False
    elif subscription.next_bill_at is None:
        return _end_now(tx, plan, ask)
    else:
        subscription.cancel_at_period_end = True
        subscription.cancel_on = subscription.cancel_settle = None
    subscription.forget_scheduled()
    set_alarm(subscription)
    return CancelResult("scheduled", plan.on, nothing, nothing, nothing)


def _result_kept(done: CancelResult) -> dict[str, Any]:
    return {
        "state": done.state,
        "on": done.on.isoformat(),
        "sums": [done.refunded.minor, done.credited.minor, done.lowered.minor],
        "currency": done.refunded.currency,
        "refund_ids": [str(id) for id in done.refund_ids],
    }


def _result_from(kept: dict[str, Any]) -> CancelResult:
    refunded, credited, lowered = (Money(minor, kept["currency"]) for minor in kept["sums"])
    ids = tuple(UUID(id) for id in kept["refund_ids"])
    on = date.fromisoformat(kept["on"])
    return CancelResult(kept["state"], on, refunded, credited, lowered, ids)
