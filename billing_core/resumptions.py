"""The end of a pause: a new period begins today and is charged at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from .acts_done import done_before, note_done
from .asks import dump_ask, load_ask
from .domain.calendar import local_date
from .domain.invoice import apply_credit
from .domain.money import Money
from .domain.subscription import period_around
from .errors import NotFound, StaleInputs, WrongState
from .events import SubscriptionResumed
from .metrics import record_mrr
from .new_periods import NewPeriod, open_period, plan_period
from .own_time import on_own_time, time_of
from .period_ends import set_alarm
from .plan_changes import preview_line
from .ports import Tx
from .preview import ChangeRow, MoneyPreview, hash_inputs
from .renewals import carry_out_scheduled
from .running_period import sum_of
from .store.forecast import balance_minor
from .store.locks import lock_subscription
from .store.subscription import Subscription
from .store.terms import Offer, Terms, offers_of, scheduled_terms, terms_of


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeAsk:
    """`in_cycle` keeps the bill day and charges up to it; else a whole period begins today.

    None: as it was paused. A pause at once keeps the bill day.
    """

    subscription_id: UUID
    in_cycle: bool | None = None
    reason: str = ""
    money_act_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class _Plan:
    subscription: Subscription
    was: Terms
    offers: Mapping[UUID, Offer]
    terms: Terms  # with the change that waited for the period's end
    period: NewPeriod
    anchor_date: date
    anchor_day: int
    balance: Money

    @property
    def amount(self) -> Money:
        return sum_of(self.period.lines, self.subscription.currency)

    @property
    def inputs(self) -> dict[str, Any]:
        sub = self.subscription
        return {
            "act": "resume",
            "subscription": [sub.id, sub.state],
            "period": [self.period.start, self.period.end, self.anchor_day],
            "lines": [[line.item_id, line.net, line.tax] for line in self.period.lines],
            "balance": self.balance,
        }


def preview_resume(session: Session, ask: ResumeAsk, at: datetime) -> MoneyPreview:
    """Raises what resuming itself would raise."""
    subscription = session.get(Subscription, ask.subscription_id)
    if subscription is None:
        raise NotFound("subscription", ask.subscription_id)
    at = time_of(session, subscription.customer_id, at)
    plan = _plan(session, subscription, ask, at)
    used = apply_credit(plan.amount, plan.balance)
    return MoneyPreview(
        act="resume",
        amount=plan.amount,
        charge_now=plan.amount - used,
        rows=(
            ChangeRow("subscription.state", "paused", "active"),
            ChangeRow("period_end", None, plan.period.end),
            ChangeRow("credit.balance", plan.balance, plan.balance - used),
        ),
        lines=tuple(preview_line(line) for line in plan.period.lines),
        inputs_hash=hash_inputs(plan.inputs),
        payload=payload_of(ask),
    )


def resume(tx: Tx, ask: ResumeAsk, *, expected: str | None = None) -> UUID | None:
    """Resume once per `money_act_id`; returns the invoice to collect, if there is one.

    Raises:
        WrongState: it is not paused.
        StaleInputs: `expected`, the preview's inputs hash, is not what it would be now.
    """
    subscription = lock_subscription(tx.session, ask.subscription_id)
    if (earlier := done_before(tx.session, ask.money_act_id, "resume")) is not None:
        return UUID(earlier["invoice_id"]) if earlier["invoice_id"] else None
    tx = on_own_time(tx, subscription.customer_id)
    plan = _plan(tx.session, subscription, ask, tx.at)
    if expected is not None and hash_inputs(plan.inputs) != expected:
        raise StaleInputs
    subscription.become("active")
    carry_out_scheduled(tx, subscription, plan.was, plan.offers)
    subscription.anchor_date, subscription.anchor_day = plan.anchor_date, plan.anchor_day
    subscription.paused_on = subscription.resumes_on = None
    subscription.resumes_in_cycle = False
    issued = open_period(
        tx,
        subscription,
        plan.terms,
        plan.period,
        reason="resume",
        money_act_id=ask.money_act_id,
    )
    set_alarm(subscription)
    record_mrr(tx, subscription.id)
    invoice_id = issued.invoice_id if issued else None
    tx.emit(
        SubscriptionResumed(
            subscription_id=subscription.id,
            customer_id=subscription.customer_id,
            money_act_id=ask.money_act_id,
            invoice_id=invoice_id,
        )
    )
    kept = {"invoice_id": str(invoice_id) if invoice_id else None}
    note_done(tx, subscription, ask.money_act_id, "resume", kept)
    return invoice_id


def payload_of(ask: ResumeAsk) -> dict[str, Any]:
    """Return the ask as JSON values; `ask_from` reads it back."""
    return dump_ask(ask)


def ask_from(payload: dict[str, Any]) -> ResumeAsk:
    return load_ask(ResumeAsk, payload)


def _plan(session: Session, subscription: Subscription, ask: ResumeAsk, at: datetime) -> _Plan:
    if subscription.state != "paused":
        raise WrongState("subscription", subscription.id, subscription.state)
    today = local_date(at, subscription.time_zone)
    was = terms_of(session, subscription.id)[subscription.id]
    waits_for = subscription.scheduled_price_id
    offers = offers_of(session, [waits_for] if waits_for else [])
    terms = scheduled_terms(subscription, was, offers) or was
    in_cycle = subscription.resumes_in_cycle if ask.in_cycle is None else ask.in_cycle
    anchor_date, anchor_day = today, today.day
    if in_cycle and terms.main.offer.rhythm == was.main.offer.rhythm:
        anchor_day = subscription.anchor_day
        interval, count = terms.main.offer.rhythm
        start, end = period_around(
            today,
            anchor_date=subscription.anchor_date,
            anchor_day=anchor_day,
            interval=interval,
            count=count,
        )
        anchor_date = start if start == today else end
    period = plan_period(terms, on=today, anchor_date=anchor_date, anchor_day=anchor_day)
    minor = balance_minor(session, subscription.customer_id, subscription.currency)
    balance = Money(minor, subscription.currency)
    return _Plan(subscription, was, offers, terms, period, anchor_date, anchor_day, balance)
