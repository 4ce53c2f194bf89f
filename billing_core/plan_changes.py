"""From one plan to another: what it costs, what it gives back, and when it happens.

One computation (`_plan`) serves preview, check and execution.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from .domain.calendar import local_date, start_of
from .domain.invoice import Draft, DraftLine, apply_credit, line_for
from .domain.money import Money
from .domain.proration import PlanSwitch, switch_plan
from .errors import (
    ChangePending,
    CurrencyMismatch,
    NotFound,
    NothingToChange,
    PeriodUnpaid,
    PriceNotOnSale,
    StaleInputs,
    WrongState,
)
from .events import PlanChanged, PlanChangeFailed, PlanChangeScheduled
from .issuing import issue, void
from .ports import Tx
from .preview import ChangeRow, MoneyPreview, PreviewLine, hash_inputs
from .store.catalog import Price
from .store.forecast import Terms, balance_minor, next_charge, price_with_plan, rate_of, terms_of
from .store.invoice import Invoice, InvoiceLine
from .store.lines import balance_of_line, live_line
from .store.locks import lock_invoice, lock_subscription
from .store.subscription import LIVE, Subscription


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanChangeAsk:
    subscription_id: UUID
    new_price_id: UUID
    when: Literal["now", "period_end"] = "now"
    reason: str = ""
    money_act_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class PlanChangeResult:
    """`state`: applied; awaiting_payment (collect `invoice_id`, then it applies); scheduled."""

    state: Literal["applied", "awaiting_payment", "scheduled"]
    invoice_id: UUID | None
    net: Money  # positive: to be paid; negative: went to the credit balance
    on: date


@dataclass(frozen=True, slots=True)
class _Plan:
    """Everything a change rests on and leads to. `switch` is None at period end."""

    subscription: Subscription
    terms: Terms
    price: Price
    plan_name: str
    on: date
    line: InvoiceLine | None
    switch: PlanSwitch | None
    credit: Money

    @property
    def zero(self) -> Money:
        return Money.zero(self.subscription.currency)

    @property
    def net(self) -> Money:
        return self.switch.net if self.switch else self.zero

    @property
    def inputs(self) -> dict[str, Any]:
        sub, switch = self.subscription, self.switch
        return {
            "act": "plan_change",
            "subscription": [sub.id, sub.state, sub.current_period_start, sub.current_period_end],
            "terms": [self.terms.price.id, self.terms.item.quantity, sub.scheduled_price_id],
            "price": [self.price.id, self.price.unit_minor],
            "line": [self.line.id, self.line.credited_minor] if self.line else None,
            "credit": self.credit,
            "on": self.on,
            "net": [switch.unused.amount, switch.remaining.amount] if switch else None,
        }


def preview_plan_change(session: Session, ask: PlanChangeAsk, at: datetime) -> MoneyPreview:
    """Raises what the change itself would raise."""
    subscription = session.get(Subscription, ask.subscription_id)
    if subscription is None:
        raise NotFound("subscription", ask.subscription_id)
    plan = _plan(session, subscription, ask, at)
    lines = _draft_lines(plan, ask.when)
    charge = plan.net - apply_credit(plan.net, plan.credit) if plan.net.minor > 0 else plan.zero
    return MoneyPreview(
        act="plan_change",
        amount=abs(plan.net),
        charge_now=charge if ask.when == "now" else None,
        rows=tuple(_rows(session, plan, at)),
        lines=tuple(_preview_line(line) for line in lines),
        inputs_hash=hash_inputs(plan.inputs),
        payload=payload_of(ask),
    )


def change_plan(tx: Tx, ask: PlanChangeAsk, *, expected: str | None = None) -> PlanChangeResult:
    """Do what `ask.when` says. `expected` is the preview's inputs hash: else `StaleInputs`."""
    act = change_plan_now if ask.when == "now" else schedule_plan_change
    return act(tx, ask, expected=expected)


def change_plan_now(tx: Tx, ask: PlanChangeAsk, *, expected: str | None = None) -> PlanChangeResult:
    """Change at once, with two lines. A positive net applies only when its invoice is paid.

    The same `money_act_id` changes once.
    """
    subscription = lock_subscription(tx.session, ask.subscription_id)
    if earlier := _earlier(tx.session, subscription, ask):
        return earlier
    plan = _plan(tx.session, subscription, ask, tx.at)
    if expected is not None and hash_inputs(plan.inputs) != expected:
        raise StaleInputs
    [issued] = issue(tx, [_draft(plan, ask)])
    subscription.pending_price_id = plan.price.id
    subscription.pending_invoice_id = issued.invoice_id
    subscription.pending_act_id = ask.money_act_id
    subscription.pending_on = plan.on
    if not issued.due:
        apply_paid_change(tx, subscription, issued.invoice_id)
        return PlanChangeResult("applied", issued.invoice_id, plan.net, plan.on)
    return PlanChangeResult("awaiting_payment", issued.invoice_id, plan.net, plan.on)


def schedule_plan_change(
    tx: Tx, ask: PlanChangeAsk, *, expected: str | None = None
) -> PlanChangeResult:
    """Change when the running period ends; a later ask replaces an earlier one."""
    subscription = lock_subscription(tx.session, ask.subscription_id)
    plan = _plan(tx.session, subscription, ask, tx.at)
    if expected is not None and hash_inputs(plan.inputs) != expected:
        raise StaleInputs
    subscription.scheduled_price_id = plan.price.id
    subscription.scheduled_act_id = ask.money_act_id
    tx.emit(
        PlanChangeScheduled(
            subscription_id=subscription.id,
            customer_id=subscription.customer_id,
            money_act_id=ask.money_act_id,
            old_price_id=plan.terms.price.id,
            new_price_id=plan.price.id,
            on=plan.on,
        )
    )
    return PlanChangeResult("scheduled", None, plan.zero, plan.on)


def cancel_scheduled_change(tx: Tx, subscription_id: UUID) -> None:
    """Forget a change that waits for the period's end. Nothing scheduled is fine."""
    subscription = lock_subscription(tx.session, subscription_id)
    subscription.scheduled_price_id = subscription.scheduled_act_id = None


def apply_paid_change(tx: Tx, subscription: Subscription, invoice_id: UUID) -> None:
    """The invoice of a pending change is paid: the new plan begins. The caller holds the lock."""
    if subscription.pending_invoice_id != invoice_id or subscription.pending_price_id is None:
        return
    terms = terms_of(tx.session, subscription.id)[subscription.id]
    found = price_with_plan(tx.session, subscription.pending_price_id)
    invoice = tx.session.get(Invoice, invoice_id)
    if found is None or invoice is None or invoice.period_start is None:
        raise AssertionError(f"pending change of {subscription.id} has lost its rows")
    price, _ = found
    if rate_of(price, 1).rhythm != terms.rate.rhythm:
        subscription.anchor_date = invoice.period_start
        subscription.anchor_day = invoice.period_start.day
        subscription.current_period_start = invoice.period_start
    if invoice.period_end is not None:
        subscription.current_period_end = invoice.period_end
        subscription.next_bill_at = start_of(invoice.period_end, subscription.time_zone)
    terms.item.price_id = price.id
    act = subscription.pending_act_id
    _forget_pending(subscription)
    subscription.scheduled_price_id = subscription.scheduled_act_id = None
    tx.emit(
        PlanChanged(
            subscription_id=subscription.id,
            customer_id=subscription.customer_id,
            money_act_id=act,
            old_price_id=terms.price.id,
            new_price_id=price.id,
            invoice_id=invoice_id,
            net=Money(invoice.total_minor, invoice.currency),
        )
    )


def abandon_change(tx: Tx, subscription_id: UUID, invoice_id: UUID, code: str) -> bool:
    """The payment of a pending change was declined: its invoice is void, the plan stays."""
    subscription = lock_subscription(tx.session, subscription_id)
    if subscription.pending_invoice_id != invoice_id:
        return False
    void(tx, lock_invoice(tx.session, invoice_id))
    act = subscription.pending_act_id
    _forget_pending(subscription)
    tx.emit(
        PlanChangeFailed(
            subscription_id=subscription.id,
            customer_id=subscription.customer_id,
            money_act_id=act,
            invoice_id=invoice_id,
            code=code,
        )
    )
    return True


def payload_of(ask: PlanChangeAsk) -> dict[str, Any]:
    """Return the ask as JSON values; `ask_from` reads it back."""
    return {
        "subscription_id": str(ask.subscription_id),
        "new_price_id": str(ask.new_price_id),
        "when": ask.when,
        "reason": ask.reason,
        "money_act_id": str(ask.money_act_id) if ask.money_act_id else None,
    }


def ask_from(payload: dict[str, Any]) -> PlanChangeAsk:
    act = payload.get("money_act_id")
    return PlanChangeAsk(
        subscription_id=UUID(payload["subscription_id"]),
        new_price_id=UUID(payload["new_price_id"]),
        when=payload["when"],
        reason=payload["reason"],
        money_act_id=UUID(act) if act else None,
    )


def _plan(session: Session, subscription: Subscription, ask: PlanChangeAsk, at: datetime) -> _Plan:
    terms, price, plan_name = _check(session, subscription, ask)
    credit = Money(
        balance_minor(session, subscription.customer_id, subscription.currency),
        subscription.currency,
    )
    if ask.when == "period_end":
        on = subscription.current_period_end
        return _Plan(subscription, terms, price, plan_name, on, None, None, credit)
    # A renewal that is late by hours has not moved the period yet: stay inside it.
    on = min(local_date(at, subscription.time_zone), subscription.current_period_end)
    on = max(on, subscription.current_period_start)
    found = live_line(session, subscription.id, price_id=terms.price.id)
    if found is None:
        raise WrongState("subscription", subscription.id, "unbilled")
    line, invoice = found
    if invoice.state != "paid":
        raise PeriodUnpaid(invoice.id)
    switch = switch_plan(
        terms.rate,
        rate_of(price, terms.item.quantity),
        on=on,
        start=subscription.current_period_start,
        end=subscription.current_period_end,
        anchor_day=subscription.anchor_day,
        creditable=balance_of_line(line, subscription.currency).left,
    )
    return _Plan(subscription, terms, price, plan_name, on, line, switch, credit)


def _check(
    session: Session, subscription: Subscription, ask: PlanChangeAsk
) -> tuple[Terms, Price, str]:
    if subscription.state not in LIVE:
        raise WrongState("subscription", subscription.id, subscription.state)
    if subscription.cancel_at_period_end:
        raise WrongState("subscription", subscription.id, "cancelling")
    if subscription.pending_invoice_id is not None:
        raise ChangePending(subscription.id, subscription.pending_invoice_id)
    terms = terms_of(session, subscription.id)[subscription.id]
    found = price_with_plan(session, ask.new_price_id)
    if found is None or found[0].valid_until is not None:
        raise PriceNotOnSale(ask.new_price_id)
    price, plan_name = found
    if price.currency != subscription.currency:
        raise CurrencyMismatch(subscription.currency, price.currency)
    if price.id == terms.price.id:
        raise NothingToChange
    return terms, price, plan_name


def _earlier(
    session: Session, subscription: Subscription, ask: PlanChangeAsk
) -> PlanChangeResult | None:
    if ask.money_act_id is None:
        return None
    invoice = session.scalars(
        select(Invoice).where(Invoice.money_act_id == ask.money_act_id)
    ).first()
    if invoice is None:
        return None
    pending = subscription.pending_invoice_id == invoice.id
    net = Money(invoice.total_minor, invoice.currency)
    on = invoice.period_start or subscription.current_period_start
    return PlanChangeResult("awaiting_payment" if pending else "applied", invoice.id, net, on)


def _draft(plan: _Plan, ask: PlanChangeAsk) -> Draft:
    if plan.switch is None:
        raise AssertionError("a change at period end has no invoice of its own")
    subscription = plan.subscription
    return Draft(
        customer_id=subscription.customer_id,
        subscription_id=subscription.id,
        payment_method_id=subscription.payment_method_id,
        currency=subscription.currency,
        reason="plan_change",
        due_on=plan.on,
        start=plan.switch.remaining.span.start,
        end=plan.switch.period_end,
        lines=tuple(_draft_lines(plan, "now")),
        money_act_id=ask.money_act_id,
    )


def _draft_lines(plan: _Plan, when: str) -> list[DraftLine]:
    if plan.switch is None or plan.line is None or when != "now":
        return []
    return [
        line_for(
            plan.switch.unused,
            kind="proration_credit",
            reason="plan_change",
            label=plan.terms.plan_name,
            sign=-1,
            item_id=plan.terms.item.id,
            price_id=plan.terms.price.id,
            credits_line_id=plan.line.id,
        ),
        line_for(
            plan.switch.remaining,
            kind="proration_charge",
            reason="plan_change",
            label=plan.plan_name,
            item_id=plan.terms.item.id,
            price_id=plan.price.id,
        ),
    ]


def _preview_line(line: DraftLine) -> PreviewLine:
    if line.start is None or line.end is None:
        raise AssertionError("a line of a change covers days")
    return PreviewLine(line.kind, line.label, line.gross, line.start, line.end, line.arithmetic)


def _rows(session: Session, plan: _Plan, at: datetime) -> list[ChangeRow]:
    subscription, switch = plan.subscription, plan.switch
    after = plan.credit - apply_credit(plan.net, plan.credit)
    period = (switch.period_start, switch.period_end, switch.anchor_day) if switch else None
    coming = next_charge(session, subscription, at, credit=plan.credit)
    then = next_charge(
        session, subscription, at, credit=after, price=(plan.price, plan.plan_name), period=period
    )
    rows = [
        ChangeRow(
            "plan",
            plan.terms.plan_name,
            plan.plan_name,
            {
                "on": plan.on.isoformat(),
                "before_minor": plan.terms.rate.full.minor,
                "after_minor": rate_of(plan.price, plan.terms.item.quantity).full.minor,
                "currency": subscription.currency,
                "interval": plan.price.interval,
                "interval_count": plan.price.interval_count,
            },
        ),
        ChangeRow(
            "period_end",
            subscription.current_period_end,
            switch.period_end if switch else subscription.current_period_end,
        ),
        ChangeRow("credit.balance", plan.credit, after),
    ]
    if coming is not None and then is not None:
        data = {"on": then.on.isoformat(), "before_on": coming.on.isoformat()}
        rows.append(ChangeRow("next_charge", coming.amount, then.amount, data))
    return rows


def _forget_pending(subscription: Subscription) -> None:
    subscription.pending_price_id = None
    subscription.pending_invoice_id = None
    subscription.pending_act_id = None
    subscription.pending_on = None
