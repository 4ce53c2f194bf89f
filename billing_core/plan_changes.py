"""From one plan to another: previewed and carried out by one computation, `plan_change_rules.plan`."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy.orm import Session

from .acts_done import done_before, note_done
from .domain.calendar import local_date
from .domain.invoice import DraftLine, apply_credit
from .domain.money import Money
from .errors import NotFound, StaleInputs
from .events import PlanChangeScheduled
from .issuing import issue
from .metrics import record_mrr
from .new_periods import use_coupon
from .own_time import on_own_time, time_of
from .pending_changes import apply_paid_change, carry_out
from .plan_change_rules import Change, PlanChangeAsk, payload_of, plan
from .ports import Tx
from .preview import ChangeRow, MoneyPreview, PreviewLine, hash_inputs
from .running_period import draft_of
from .store.forecast import next_charge
from .store.locks import lock_subscription
from .store.subscription import Subscription, SubscriptionItem
from .store.views import NextCharge
from .waiting_lines import lines_waiting, put_by


@dataclass(frozen=True, slots=True)
class PlanChangeResult:
    """`state`: applied; awaiting_payment (collect `invoice_id`, then it applies); scheduled."""

    state: Literal["applied", "awaiting_payment", "scheduled"]
    invoice_id: UUID | None
    net: Money  # positive: to be paid; negative: went to the credit balance
    on: date


def preview_plan_change(session: Session, ask: PlanChangeAsk, at: datetime) -> MoneyPreview:
    """Raises what the change itself would raise. The payload names the instant it was made for."""
    subscription = session.get(Subscription, ask.subscription_id)
    if subscription is None:
        raise NotFound("subscription", ask.subscription_id)
    at = time_of(session, subscription.customer_id, at)
    change = plan(session, subscription, ask, at)
    charge = Money.zero(subscription.currency)
    if change.net.minor > 0:
        charge = change.net - apply_credit(change.net, change.credit)
    return MoneyPreview(
        act="plan_change",
        amount=abs(change.net),
        charge_now=charge if change.when in ("now", "new_cycle") else None,
        rows=tuple(_rows(session, change, at)),
        lines=tuple(preview_line(line) for line in change.lines),
        inputs_hash=hash_inputs(change.inputs),
        payload=payload_of(replace(ask, as_of=ask.as_of or at)),
    )


def change_plan(tx: Tx, ask: PlanChangeAsk, *, expected: str | None = None) -> PlanChangeResult:
    """Do what `ask.when` says, once per `money_act_id`.

    A positive net applies only when its invoice is paid; a negative one becomes credit and
    is never refunded by itself. A later change at period end replaces an earlier one.

    Raises:
        StaleInputs: `expected`, the preview's inputs hash, is not what it would be now.
    """
    subscription = lock_subscription(tx.session, ask.subscription_id)
    if (earlier := done_before(tx.session, ask.money_act_id, "plan_change")) is not None:
        return _result_from(subscription, earlier)
    tx = on_own_time(tx, subscription.customer_id)
    change = plan(tx.session, subscription, ask, tx.at)
    if expected is not None and hash_inputs(change.inputs) != expected:
        raise StaleInputs
    match change.when:
        case "period_end":
            done = _schedule(tx, change, ask)
        case "now" | "new_cycle" if change.lines:
            done = _bill_now(tx, change, ask)
        case _:  # on the next invoice; a trial has nothing to ask for
            done = _apply_and_bill_later(tx, change, ask)
    record_mrr(tx, subscription.id)
    note_done(tx, subscription, ask.money_act_id, "plan_change", _result_kept(done))
    return done


def cancel_scheduled_change(tx: Tx, subscription_id: UUID) -> None:
    """Forget a change that waits for the period's end. Nothing scheduled is fine."""
    subscription = lock_subscription(tx.session, subscription_id)
    subscription.forget_scheduled()


def bill_waiting_lines(tx: Tx, subscription_id: UUID) -> UUID | None:
    """Issue what waits for the next invoice as an invoice of its own; None: nothing waits."""
    subscription = lock_subscription(tx.session, subscription_id)
    tx = on_own_time(tx, subscription.customer_id)
    lines = lines_waiting(tx.session, [subscription.id]).get(subscription.id, ())
    if not lines:
        return None
    draft = draft_of(
        subscription,
        lines,
        reason="plan_change",
        due_on=local_date(tx.at, subscription.time_zone),
        start=lines[0].start,
        end=lines[0].end,
        money_act_id=None,
    )
    return issue(tx, [draft])[0].invoice_id


def preview_line(line: DraftLine) -> PreviewLine:
    if line.start is None or line.end is None:
        raise AssertionError("a line of a change covers days")
    return PreviewLine(line.kind, line.label, line.gross, line.start, line.end, line.arithmetic)


def _schedule(tx: Tx, change: Change, ask: PlanChangeAsk) -> PlanChangeResult:
    subscription = change.subscription
    subscription.scheduled_item_id = change.item_id
    subscription.scheduled_price_id = change.offer.price.id
    subscription.scheduled_quantity = ask.quantity
    subscription.scheduled_act_id = ask.money_act_id
    old = change.old or change.new
    tx.emit(
        PlanChangeScheduled(
            subscription_id=subscription.id,
            customer_id=subscription.customer_id,
            money_act_id=ask.money_act_id,
            old_price_id=old.price.id if old else change.offer.price.id,
            new_price_id=change.offer.price.id,
            on=change.on,
        )
    )
    return PlanChangeResult("scheduled", None, change.net, change.on)


def _apply_and_bill_later(tx: Tx, change: Change, ask: PlanChangeAsk) -> PlanChangeResult:
    _write_new_item(tx, change)
    put_by(tx, change.subscription, change.lines)
    _pend(change, ask, None)
    carry_out(tx, change.subscription, None, change.net, change.period)
    return PlanChangeResult("applied", None, change.net, change.on)


def _bill_now(tx: Tx, change: Change, ask: PlanChangeAsk) -> PlanChangeResult:
    subscription = change.subscription
    _write_new_item(tx, change)
    start, end, _ = change.period
    draft = draft_of(
        subscription,
        change.lines,
        reason="plan_change",
        due_on=change.on,
        start=start if change.new_cycle else change.on,
        end=end,
        money_act_id=ask.money_act_id,
    )
    [issued] = issue(tx, [draft])
    if change.new_cycle:
        use_coupon(change.then.coming(), end)
    _pend(change, ask, issued.invoice_id)
    if issued.due:
        return PlanChangeResult("awaiting_payment", issued.invoice_id, change.net, change.on)
    apply_paid_change(tx, subscription, issued.invoice_id)
    return PlanChangeResult("applied", issued.invoice_id, change.net, change.on)


def _write_new_item(tx: Tx, change: Change) -> None:
    """Lines point to their item: an add-on is written before its invoice, ended until it is paid."""
    new = change.new
    if change.old is not None or new is None:
        return
    tx.session.add(
        SubscriptionItem(
            id=change.item_id,
            subscription_id=change.subscription.id,
            price_id=new.price.id,
            quantity=new.quantity,
            added_on=change.on,
            ended_on=change.on,
        )
    )
    tx.session.flush()


def _pend(change: Change, ask: PlanChangeAsk, invoice_id: UUID | None) -> None:
    subscription = change.subscription
    subscription.pending_item_id = change.item_id
    subscription.pending_price_id = change.offer.price.id
    subscription.pending_quantity = ask.quantity
    subscription.pending_new_cycle = change.new_cycle
    subscription.pending_invoice_id = invoice_id
    subscription.pending_act_id = ask.money_act_id
    subscription.pending_on = change.on


def _result_kept(done: PlanChangeResult) -> dict[str, Any]:
    return {
        "state": done.state,
        "invoice_id": str(done.invoice_id) if done.invoice_id else None,
        "net": [done.net.minor, done.net.currency],
        "on": done.on.isoformat(),
    }


def _result_from(subscription: Subscription, kept: dict[str, Any]) -> PlanChangeResult:
    invoice_id = UUID(kept["invoice_id"]) if kept["invoice_id"] else None
    state = kept["state"]
    if state == "awaiting_payment" and subscription.pending_invoice_id != invoice_id:
        state = "applied"
    return PlanChangeResult(state, invoice_id, Money(*kept["net"]), date.fromisoformat(kept["on"]))


def _rows(session: Session, change: Change, at: datetime) -> list[ChangeRow]:
    subscription, credit = change.subscription, change.credit
    billed_now = change.when in ("now", "new_cycle")
    after = credit - apply_credit(change.net, credit) if billed_now else credit
    coming = next_charge(session, subscription, at, credit=credit)
    then = next_charge(
        session,
        subscription,
        at,
        credit=after,
        terms=change.then,
        period=change.period if change.new_cycle and change.when != "period_end" else None,
        waiting=None if billed_now else change.net,
    )
    rows = [
        _plan_row(change),
        ChangeRow("period_end", subscription.current_period_end, change.period[1]),
        ChangeRow("credit.balance", credit, after),
    ]
    return [*rows, _next_charge_row(coming, then)] if coming and then else rows


def _next_charge_row(coming: NextCharge, then: NextCharge) -> ChangeRow:
    data = {"on": then.on.isoformat(), "before_on": coming.on.isoformat()}
    return ChangeRow("next_charge", coming.amount, then.amount, data)


def _plan_row(change: Change) -> ChangeRow:
    """An item that comes has nothing before, one that goes nothing after."""
    old, new, offer = change.old, change.new, change.offer
    return ChangeRow(
        "plan",
        old.plan_name if old else None,
        new.plan_name if new else None,
        {
            "on": change.on.isoformat(),
            "before_minor": old.offer.charge(old.quantity).amount.minor if old else 0,
            "after_minor": new.offer.charge(new.quantity).amount.minor if new else 0,
            "before_quantity": old.quantity if old else 0,
            "after_quantity": new.quantity if new else 0,
            "currency": change.subscription.currency,
            "interval": offer.price.interval,
            "interval_count": offer.price.interval_count,
        },
    )
