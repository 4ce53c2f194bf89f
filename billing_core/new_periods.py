"""A period that begins outside the run: at the start of a subscription, or when it is resumed."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from .domain.calendar import next_boundary, nominal_period, start_of
from .domain.invoice import DraftLine
from .domain.proration import Span
from .issuing import Issued, issue
from .item_lines import period_lines
from .ports import Tx
from .running_period import draft_of
from .store.subscription import Subscription
from .store.terms import Terms


@dataclass(frozen=True, slots=True)
class NewPeriod:
    """`lines` ask for the whole of it, or for a stub that ends on the bill day."""

    start: date
    end: date
    lines: tuple[DraftLine, ...]


def plan_period(terms: Terms, *, on: date, anchor_date: date, anchor_day: int) -> NewPeriod:
    """Compute the period that begins `on`: up to the anchor where that is ahead, else a whole one."""
    interval, count = terms.main.offer.rhythm
    end = next_boundary(on, anchor_day=anchor_day, interval=interval, count=count)
    whole = (on, end)
    if on < anchor_date:
        end = anchor_date
        whole = nominal_period(anchor_date, interval=interval, count=count, ends=True)
    return NewPeriod(on, end, period_lines(terms, Span(on, end, *whole)))


def open_period(
    tx: Tx,
    subscription: Subscription,
    terms: Terms,
    period: NewPeriod,
    *,
    reason: str,
    money_act_id: UUID | None,
) -> Issued | None:
    """Begin the period and issue its invoice; None where there is nothing to ask for.

    The caller holds the subscription's lock.
    """
    subscription.current_period_start, subscription.current_period_end = period.start, period.end
    subscription.next_bill_at = start_of(period.end, subscription.time_zone)
    end_cover(terms, period.start)
    use_coupon(terms, period.end)
    tx.session.flush()
    if not period.lines:
        return None
    draft = draft_of(
        subscription,
        period.lines,
        reason=reason,
        due_on=period.start,
        start=period.start,
        end=period.end,
        money_act_id=money_act_id,
    )
    return issue(tx, [draft])[0]


def end_cover(terms: Terms, on: date, *, but: date | None = None) -> None:
    """A period was cut short `on` this day: what a coupon covered of it is over as well.

    `but` is the end of the period that begins instead, where a coupon covers that.
    """
    for use in terms.coupons:
        if use.covers(on) and use.redemption.covered_until != but:
            use.redemption.covered_until = on


def use_coupon(terms: Terms, until: date) -> None:
    """A coupon covers the period that ends on `until`: it has one period less."""
    use = terms.next_coupon
    if use is None or not any(one.off or one.use for one in terms.items):
        return
    use.redemption.covered_until = until
    if use.redemption.periods_left is not None:
        use.redemption.periods_left -= 1
        use.redemption.live = use.redemption.periods_left > 0
