"""The periods that are due, as invoices: plan, add-ons, coupon, tax, and what was used.

Helpers; the run is in invoicing. Set-based: no statement is made for one subscription alone.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ColumnElement, bindparam, func, or_, select, update
from sqlalchemy.orm import Session

from .domain.calendar import local_date, start_of
from .domain.invoice import Draft, DraftLine
from .domain.money import Money
from .domain.proration import Span
from .domain.subscription import period_from
from .events import PlanChanged
from .issuing import issue
from .item_lines import period_lines, usage_line
from .metrics import record_mrr
from .new_periods import use_coupon
from .period_ends import goes_on
from .ports import Tx
from .running_period import whole_period
from .store.catalog import UsageRecord
from .store.invoice import InvoiceLine
from .store.locks import lock_all
from .store.subscription import RENEWING, Subscription
from .store.terms import Offer, Terms, offers_of, scheduled_terms, terms_of
from .waiting_lines import lines_waiting


@dataclass(frozen=True, slots=True)
class _Turn:
    """A subscription on the day its period is over. `now` is None where no other follows."""

    subscription: Subscription
    was: Terms
    now: Terms | None
    over: Span  # the period that is over; empty before the first one
    reason: str
    left_trial: bool = False

    def drafted(self, tx: Tx, lines: tuple[DraftLine, ...]) -> Draft:
        subscription = self.subscription
        end = self.now is None
        return Draft(
            customer_id=subscription.customer_id,
            subscription_id=subscription.id,
            payment_method_id=subscription.payment_method_id,
            currency=subscription.currency,
            reason=self.reason,
            due_on=local_date(tx.at, subscription.time_zone),
            start=self.over.start if end else subscription.current_period_start,
            end=self.over.end if end else subscription.current_period_end,
            lines=lines,
        )


Used = Mapping[UUID, Sequence[tuple[date, int]]]
"""What is not billed yet, by item and local day."""


def is_due(at: datetime) -> tuple[ColumnElement[bool], ...]:
    """Return what must all be true of a subscription whose next period is to be billed.

    One whose service was to end within the period waits until that is settled.
    """
    return (
        Subscription.next_bill_at <= at,
        Subscription.state.in_(RENEWING),
        Subscription.system == "native",
        Subscription.pending_invoice_id.is_(None),
        or_(
            Subscription.cancel_on.is_(None),
            Subscription.cancel_on >= Subscription.current_period_end,
        ),
    )


def bill_many(tx: Tx, subscription_ids: Sequence[UUID], *, skip_locked: bool = False) -> list[UUID]:
    """Issue the invoices of the periods that start now; return their ids, old or new.

    A subscription that is not due, or waits for the payment of a change, is left alone.
    `skip_locked` leaves those alone, too, that another run has taken.
    """
    if not subscription_ids:
        return []
    due = lock_all(
        tx.session,
        select(Subscription)
        .where(Subscription.id.in_(subscription_ids), *is_due(tx.at))
        .order_by(Subscription.id),
        skip_locked=skip_locked,
    )
    terms = terms_of(tx.session, *(subscription.id for subscription in due))
    taken = _slots_taken(tx.session, due)
    waiting = [one.scheduled_price_id for one in due if one.scheduled_price_id is not None]
    offers = offers_of(tx.session, waiting)
    turns = [_turn(tx, subscription, terms[subscription.id], offers) for subscription in due]
    tx.session.flush()
    invoices = _issue(tx, turns, taken)
    # Nothing else changes what a subscription is worth; most renewals change nothing.
    moved = [turn.subscription.id for turn in turns if turn.left_trial or turn.now is not turn.was]
    record_mrr(tx, *moved, *(turn.subscription.id for turn in turns if turn.was.coupons))
    return invoices


def _issue(tx: Tx, turns: Sequence[_Turn], taken: Mapping[tuple[UUID, date], UUID]) -> list[UUID]:
    used = _unbilled(tx.session, turns)
    waiting = lines_waiting(tx.session, [turn.subscription.id for turn in turns])
    known: list[UUID] = []
    drafts: list[Draft] = []
    for turn in turns:
        subscription = turn.subscription
        earlier = taken.get((subscription.id, subscription.current_period_start))
        if turn.now is not None and earlier is not None:
            known.append(earlier)
            continue
        late = (*waiting.get(subscription.id, ()), *_usage_lines(turn, used))
        lines = (*late, *_coming_lines(turn))
        if lines:
            drafts.append(turn.drafted(tx, lines))
    issued = [done.invoice_id for done in issue(tx, drafts)]
    _mark_used(tx.session, drafts, issued)
    return [*known, *issued]


def _turn(tx: Tx, subscription: Subscription, was: Terms, offers: Mapping[UUID, Offer]) -> _Turn:
    start, end = subscription.current_period_start, subscription.current_period_end
    over = Span(start, end, start, end)
    left_trial = subscription.state == "trialing"
    if not goes_on(tx, subscription):
        return _Turn(subscription, was, None, over, "usage")
    now = carry_out_scheduled(tx, subscription, was, offers)
    _advance(subscription, now)
    reason = "start" if start == end or left_trial else "renewal"
    return _Turn(subscription, was, now, over, reason, left_trial)


def _slots_taken(
    session: Session, subscriptions: Sequence[Subscription]
) -> dict[tuple[UUID, date], UUID]:
    """Belt to the braces of the unique slot: a period that has its invoice keeps that one."""
    if not subscriptions:
        return {}
    found = session.execute(
        select(InvoiceLine.subscription_id, InvoiceLine.period_start, InvoiceLine.invoice_id).where(
            InvoiceLine.holds_slot,
            InvoiceLine.reason == "period",
            InvoiceLine.subscription_id.in_([one.id for one in subscriptions]),
            InvoiceLine.period_start >= min(one.current_period_end for one in subscriptions),
        )
    )
    return {(id, start): invoice_id for id, start, invoice_id in found if id and start}


def carry_out_scheduled(
    tx: Tx, subscription: Subscription, terms: Terms, offers: Mapping[UUID, Offer]
) -> Terms:
    """Carry out a change that waited for this day."""
    then = scheduled_terms(subscription, terms, offers)
    if then is None:
        return terms
    if then.main.offer.rhythm != terms.main.offer.rhythm:
        subscription.anchor_date = subscription.current_period_end
        subscription.anchor_day = subscription.anchor_date.day
    item_id = subscription.scheduled_item_id or terms.item.id
    before = {one.item.id: one for one in terms.items}
    after = {one.item.id: one for one in then.items}
    old = before.get(item_id) or after[item_id]
    new = after.get(item_id) or before[item_id]
    if item_id not in after:
        old.item.ended_on = subscription.current_period_end
    elif item_id not in before:
        new.item.added_on = subscription.current_period_end
        tx.session.add(new.item)
    else:
        new.item.price_id, new.item.quantity = new.price.id, new.quantity
    act = subscription.scheduled_act_id
    subscription.forget_scheduled()
    tx.emit(
        PlanChanged(
            subscription_id=subscription.id,
            customer_id=subscription.customer_id,
            money_act_id=act,
            old_price_id=old.price.id,
            new_price_id=new.price.id,
            invoice_id=None,
            net=Money.zero(subscription.currency),
        )
    )
    return then


def _advance(subscription: Subscription, terms: Terms) -> None:
    interval, count = terms.main.offer.rhythm
    start, end = period_from(
        subscription.current_period_end,
        anchor_date=subscription.anchor_date,
        anchor_day=subscription.anchor_day,
        interval=interval,
        count=count,
        leaves_on=subscription.cancel_on,
    )
    if end <= start:
        raise AssertionError(f"period of {subscription.id} does not advance")
    subscription.current_period_start, subscription.current_period_end = start, end
    subscription.next_bill_at = start_of(end, subscription.time_zone)


def _coming_lines(turn: _Turn) -> tuple[DraftLine, ...]:
    """Return the lines of the period that begins; a coupon that covers it has one period less."""
    if turn.now is None:
        return ()
    start = turn.subscription.current_period_start
    end = turn.subscription.current_period_end
    use_coupon(turn.now, end)
    return period_lines(turn.now, Span(start, end, *whole_period(turn.subscription, turn.now)))


def _unbilled(session: Session, turns: Sequence[_Turn]) -> Used:
    """Return what was used and not asked for yet, for the measured items."""
    items = [one.item.id for turn in turns for one in turn.was.items if one.offer.metered]
    found: dict[UUID, list[tuple[date, int]]] = defaultdict(list)
    if items:
        for item_id, day, quantity in session.execute(
            select(
                UsageRecord.subscription_item_id,
                UsageRecord.used_on,
                func.sum(UsageRecord.quantity),
            )
            .where(UsageRecord.subscription_item_id.in_(items), UsageRecord.invoice_id.is_(None))
            .group_by(UsageRecord.subscription_item_id, UsageRecord.used_on)
        ):
            found[item_id].append((day, int(quantity)))
    return found


def _usage_lines(turn: _Turn, used: Used) -> Iterable[DraftLine]:
    """Return a line for each measured item: what was used before the period was over, late records too."""
    if not any(one.item.id in used for one in turn.was.items):
        return
    terms = turn.was.running(turn.over.start)
    for one in terms.items:
        days = used.get(one.item.id, ())
        total = sum(quantity for day, quantity in days if day < turn.over.end)
        if total:
            yield usage_line(one, turn.over, total)


def _mark_used(session: Session, drafts: Sequence[Draft], issued: Sequence[UUID]) -> None:
    marks = [
        {"item": line.item_id, "before": line.end, "invoice": invoice_id}
        for draft, invoice_id in zip(drafts, issued, strict=True)
        for line in draft.lines
        if line.kind == "usage"
    ]
    if marks:
        session.connection().execute(
            update(UsageRecord)
            .where(
                UsageRecord.subscription_item_id == bindparam("item"),
                UsageRecord.used_on < bindparam("before"),
                UsageRecord.invoice_id.is_(None),
            )
            .values(invoice_id=bindparam("invoice")),
            marks,
        )
