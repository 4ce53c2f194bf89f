"""What a change of plan, quantity or add-ons costs and gives back. Everything else rests on `plan`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from sqlalchemy.orm import Session

from .domain.calendar import next_boundary
from .domain.invoice import DraftLine, apply_credit
from .domain.metrics import monthly
from .domain.money import Money
from .domain.proration import Span
from .domain.smallest import too_small
from .errors import (
    ChangePending,
    CurrencyMismatch,
    LinesWaiting,
    NotFound,
    NothingToChange,
    PriceNotOnSale,
    RhythmMismatch,
    StaleInputs,
    WrongState,
)
from .item_lines import lines_for
from .running_period import (
    billed_lines,
    check_paid,
    day_within,
    rest_of_period,
    sum_of,
    take_back,
)
from .store.forecast import balance_minor
from .store.subscription import RENEWING, Subscription, SubscriptionItem
from .store.terms import ItemTerms, Offer, Terms, offer_of, terms_of
from .waiting_lines import has_waiting

When = Literal["now", "next_invoice", "period_end", "new_cycle"]

LONGEST_FREEZE = timedelta(hours=1)
"""For how long a preview by the second holds its instant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanChangeAsk:
    """A change of one item. `item_id` None: the plan; an unknown id: an add-on to be added.

    `quantity` None: as it is (a new one: 1); 0: the add-on goes. `when`: `now` charges at
    once; `next_invoice` changes at once and puts both lines on the next invoice;
    `period_end` changes nothing before; `new_cycle` charges the full price and starts a new
    period. `as_of` is the instant of the preview; it counts where time is measured by the
    second.
    """

    subscription_id: UUID
    new_price_id: UUID
    when: When = "now"
    reason: str = ""
    money_act_id: UUID | None = None
    item_id: UUID | None = None
    quantity: int | None = None
    as_of: datetime | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """Everything a change rests on and leads to. `lines` are what it asks for and takes back."""

    subscription: Subscription
    terms: Terms
    then: Terms
    item_id: UUID
    old: ItemTerms | None
    new: ItemTerms | None
    offer: Offer
    when: When
    new_cycle: bool
    on: date
    lines: tuple[DraftLine, ...]
    period: tuple[date, date, int]  # start, end, anchor day; afterwards
    credit: Money

    @property
    def net(self) -> Money:
        return sum_of(self.lines, self.subscription.currency)

    @property
    def inputs(self) -> dict[str, Any]:
        sub = self.subscription
        return {
            "act": "plan_change",
            "subscription": [sub.id, sub.state, sub.current_period_start, sub.current_period_end],
            "terms": [[one.item.id, one.price.id, one.quantity] for one in self.terms.items],
            "scheduled": [sub.scheduled_item_id, sub.scheduled_price_id, sub.scheduled_quantity],
            "change": [self.item_id, self.offer.price.id, self.new and self.new.quantity],
            "when": self.when,
            "credit": self.credit,
            "on": self.on,
            "lines": [[line.credits_line_id, line.net, line.tax] for line in self.lines],
        }


def plan(session: Session, subscription: Subscription, ask: PlanChangeAsk, at: datetime) -> Change:
    """Check an ask and compute it. Raises what forbids it."""
    terms = terms_of(session, subscription.id)[subscription.id]
    offer = _check(session, subscription, terms, ask)
    item_id = ask.item_id or terms.item.id
    then = terms.changed(item_id, offer, ask.quantity)
    old, new = _item(terms, item_id), _item(then, item_id)
    _check_items(then, old, new)
    if old is None and session.get(SubscriptionItem, item_id) is not None:
        raise WrongState("subscription item", item_id, "ended")
    new_cycle = ask.when == "new_cycle" or then.main.offer.rhythm != terms.main.offer.rhythm
    lines: tuple[DraftLine, ...] = ()
    on, period = subscription.current_period_end, _period(subscription)
    if ask.when != "period_end":
        if "second" in {one.price.proration for one in (*terms.items, *then.items)}:
            at = _instant(ask, at)
        on = day_within(subscription, at)
        _check_at_once(session, subscription, old)
        if new_cycle and subscription.state != "trialing":
            period = _new_period(then, on)
        lines = _lines(session, subscription, terms, then, item_id, on, at, new_cycle)
    minor = balance_minor(session, subscription.customer_id, subscription.currency)
    credit = Money(minor, subscription.currency)
    return Change(
        subscription,
        terms,
        then,
        item_id,
        old,
        new,
        offer,
        _when(ask.when, new_cycle, lines, credit),
        new_cycle,
        on,
        lines,
        period,
        credit,
    )


def _when(when: When, new_cycle: bool, lines: tuple[DraftLine, ...], credit: Money) -> When:
    """Return when it is charged: a sum that no gateway takes waits for the next invoice.

    A new rhythm has a new bill day: its charge cannot wait for the old one.
    """
    if new_cycle:
        return "now" if when == "next_invoice" else when
    net = sum_of(lines, credit.currency)
    if when == "now" and too_small(net - apply_credit(net, credit)):
        return "next_invoice"
    return when


def usual_when(session: Session, ask: PlanChangeAsk) -> Literal["now", "period_end"]:
    """Return when a change happens unless asked otherwise: dearer now, cheaper at period end."""
    terms = terms_of(session, ask.subscription_id).get(ask.subscription_id)
    offer = offer_of(session, ask.new_price_id)
    if terms is None:
        raise NotFound("subscription", ask.subscription_id)
    if offer is None:
        raise PriceNotOnSale(ask.new_price_id)
    then = terms.changed(ask.item_id, offer, ask.quantity)
    before, after = (_a_month(one.items) for one in (terms, then))
    return "now" if after > before else "period_end"


def payload_of(ask: PlanChangeAsk) -> dict[str, Any]:
    """Return the ask as JSON values; `ask_from` reads it back."""
    return {
        "subscription_id": str(ask.subscription_id),
        "new_price_id": str(ask.new_price_id),
        "when": ask.when,
        "reason": ask.reason,
        "money_act_id": str(ask.money_act_id) if ask.money_act_id else None,
        "item_id": str(ask.item_id) if ask.item_id else None,
        "quantity": ask.quantity,
        "as_of": ask.as_of.isoformat() if ask.as_of else None,
    }


def ask_from(payload: dict[str, Any]) -> PlanChangeAsk:
    act, item, as_of = (payload.get(name) for name in ("money_act_id", "item_id", "as_of"))
    return PlanChangeAsk(
        subscription_id=UUID(payload["subscription_id"]),
        new_price_id=UUID(payload["new_price_id"]),
        when=payload["when"],
        reason=payload["reason"],
        money_act_id=UUID(act) if act else None,
        item_id=UUID(item) if item else None,
        quantity=payload.get("quantity"),
        as_of=datetime.fromisoformat(as_of) if as_of else None,
    )


def _a_month(items: Sequence[ItemTerms]) -> Any:
    """Return what items cost a month, exactly; usage left out."""
    return sum(
        monthly(one.offer.charge(one.quantity).amount, *one.offer.rhythm)
        for one in items
        if not one.offer.metered
    )


def _item(terms: Terms, item_id: UUID) -> ItemTerms | None:
    return next((one for one in terms.items if one.item.id == item_id), None)


def _period(subscription: Subscription) -> tuple[date, date, int]:
    start, end = subscription.current_period_start, subscription.current_period_end
    return start, end, subscription.anchor_day


def _new_period(then: Terms, on: date) -> tuple[date, date, int]:
    interval, count = then.main.offer.rhythm
    end = next_boundary(on, anchor_day=on.day, interval=interval, count=count)
    return on, end, on.day


def _instant(ask: PlanChangeAsk, at: datetime) -> datetime:
    """Return the instant that a change by the second is computed for: the preview's, if fresh."""
    if ask.as_of is None:
        return at
    if not timedelta(0) <= at - ask.as_of <= LONGEST_FREEZE:
        raise StaleInputs
    return ask.as_of


def _check(session: Session, subscription: Subscription, terms: Terms, ask: PlanChangeAsk) -> Offer:
    """A cancellation is taken back first; what waits for its payment is settled first."""
    if subscription.state not in RENEWING:
        raise WrongState("subscription", subscription.id, subscription.state)
    if subscription.cancel_at_period_end or subscription.cancel_on is not None:
        raise WrongState("subscription", subscription.id, "cancelling")
    if subscription.pending_invoice_id is not None:
        raise ChangePending(subscription.id, subscription.pending_invoice_id)
    offer = offer_of(session, ask.new_price_id)
    old = _item(terms, ask.item_id or terms.item.id)
    kept = offer is not None and old is not None and offer.price.id == old.price.id
    if offer is None or (offer.price.valid_until is not None and not kept):
        raise PriceNotOnSale(ask.new_price_id)
    if offer.price.currency != subscription.currency:
        raise CurrencyMismatch(subscription.currency, offer.price.currency)
    same = kept and old is not None and ask.quantity in (None, old.quantity)
    if same and ask.when != "new_cycle":
        raise NothingToChange
    return offer


def _check_items(then: Terms, old: ItemTerms | None, new: ItemTerms | None) -> None:
    if (old is None and new is None) or not then.items:
        raise NothingToChange
    if new is None and old is not None and old.item.added_on is None:
        raise WrongState("subscription item", old.item.id, "the plan itself")
    for one in then.items:
        if one.offer.rhythm != then.main.offer.rhythm:
            raise RhythmMismatch(then.main.offer.rhythm, one.offer.rhythm)


def _check_at_once(session: Session, subscription: Subscription, old: ItemTerms | None) -> None:
    if old is not None and old.offer.metered:  # its use so far has the old price
        raise WrongState("subscription item", old.item.id, "measured")
    if has_waiting(session, subscription.id):
        raise LinesWaiting(subscription.id)


def _lines(
    session: Session,
    subscription: Subscription,
    terms: Terms,
    then: Terms,
    item_id: UUID,
    on: date,
    at: datetime,
    new_cycle: bool,
) -> tuple[DraftLine, ...]:
    """Return what is taken back and what is asked for: two lines, for each item it touches.

    A new cycle touches every item. Nothing was asked for in a trial, so nothing changes hands.
    """
    if subscription.state == "trialing":
        return ()
    billed = billed_lines(session, subscription, terms)
    check_paid(billed)
    touched = {id: line for id, line in billed.items() if new_cycle or id == item_id}
    back = take_back(subscription, terms, touched, on=on, at=at, reason="plan_change")
    after = then.coming() if new_cycle else then.running(on)
    ahead: list[DraftLine] = []
    for one in after.items:
        if not (new_cycle or one.item.id == item_id):
            continue
        if new_cycle:
            start, end, _ = _new_period(then, on)
            span = Span(start, end, start, end)
        else:
            span = rest_of_period(subscription, terms, one.price.proration, on=on, at=at)
        ahead += lines_for(one, span, kind="proration_charge", reason="plan_change")
    return (*back, *ahead)
