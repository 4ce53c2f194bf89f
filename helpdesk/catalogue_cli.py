"""Commands of `guiche billing` about what is sold, one customer's account, and test clocks."""

import argparse
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from billing_core.domain.money import Money
from helpdesk.acts_cli import Add, Failed, Lines, answer_for, refusals

if TYPE_CHECKING:
    from helpdesk.services import Services


def add_catalogue(acts: Any, add: Add) -> None:
    """Add looking at the catalogue and at accounts, prices, coupons, taxes and clocks."""
    prices = add(acts, "prices", "what is on sale", _prices)
    prices.add_argument("--currency")
    account = add(acts, "account", "what one customer has, owes and is owed", _account)
    account.add_argument("customer", type=UUID, metavar="CUSTOMER")
    dunning = add(acts, "dunning", "how an unpaid invoice is asked for", _dunning)
    dunning.add_argument("invoice", type=UUID, metavar="INVOICE")
    price = add(acts, "price", "put a new version of a plan's price on sale", _price)
    price.add_argument("plan", type=UUID, metavar="PLAN")
    price.add_argument("amount", metavar="AMOUNT", help="such as 129.90")
    price.add_argument("currency", metavar="CURRENCY")
    price.add_argument("--interval", choices=["day", "week", "month", "year"], default="month")
    price.add_argument("--count", type=int, default=1, metavar="N")
    price.add_argument("--trial-days", type=int, default=0, metavar="N")
    price.add_argument("--proration", choices=["day", "second"], default="day")
    price.add_argument("--tax", metavar="CODE")
    price.add_argument("--tax-inside", action="store_true", help="the price contains the tax")
    coupon = add(acts, "coupon", "make a coupon", _coupon)
    coupon.add_argument("code")
    coupon.add_argument("off", metavar="OFF", help="12.5 percent, or an amount: 20.00BRL")
    coupon.add_argument("--periods", type=int, metavar="N", help="without: for ever")
    coupon.add_argument("--plan", type=UUID, action="append", default=[], metavar="PLAN")
    coupon.add_argument("--most", type=int, metavar="N", help="redemptions in all")
    redeem = add(acts, "redeem", "put a coupon on a subscription, one at a time", _redeem)
    redeem.add_argument("subscription", type=UUID, metavar="SUBSCRIPTION")
    redeem.add_argument("code")
    tax = add(acts, "tax", "put a tax rate in force", _tax)
    tax.add_argument("code")
    tax.add_argument("percent", nargs="+", help="5, or parts that go together: ISS=5 PIS=0.65")
    for made in (price, coupon, redeem, tax):
        made.add_argument("--by", required=True, metavar="ADDRESS", help="who answers for it")
    _add_clock(acts, add)


def _add_clock(acts: Any, add: Add) -> None:
    clock = add(acts, "clock", "test clocks: move customers' time, never a real customer's")
    steps = clock.add_subparsers(required=True, metavar="STEP")
    made = add(steps, "new", "make a clock that shows the present, or another instant", _new_clock)
    made.add_argument("name")
    made.add_argument("--at", type=_instant, metavar="INSTANT")
    join = add(steps, "join", "let a customer live by a clock", _join_clock)
    join.add_argument("clock", type=UUID, metavar="CLOCK")
    join.add_argument("customer", type=UUID, metavar="CUSTOMER")
    move = add(steps, "advance", "move a clock; what is due on the way happens", _advance)
    move.add_argument("clock", type=UUID, metavar="CLOCK")
    move.add_argument("to", type=_instant, metavar="INSTANT", help="2027-01-31T12:00:00+00:00")


def _instant(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise argparse.ArgumentTypeError("an instant needs its offset, such as +00:00")
    return at


def _prices(services: "Services", parsed: argparse.Namespace) -> Lines:
    from billing_core.catalog import plans_on_sale

    with services.reading() as session:
        for kind in ("plan", "add_on"):
            for one in plans_on_sale(session, parsed.currency, kind=kind):
                rhythm = f"{one.interval_count} {one.interval}"
                yield f"{one.price_id} {kind:7} {one.plan_name}: {one.amount} every {rhythm}"
                yield f"  plan {one.plan_id}"


def _account(services: "Services", parsed: argparse.Namespace) -> Lines:
    from billing_core.store.queries import account_of

    with services.reading() as session:
        view = account_of(session, parsed.customer, services.clock())
    yield f"credit {view.credit}, paid in all {view.paid_total}"
    for one in view.subscriptions:
        yield f"subscription {one.subscription_id} {one.plan_name}: {one.state}"
    for bill in view.invoices:
        yield f"invoice {bill.invoice_id} {bill.number} {bill.state}: {bill.total}"
        for line in bill.lines:
            yield f"  line {line.line_id} {line.label}: {line.net}"
        for paid in bill.payments:
            yield f"  payment {paid.payment_id}: {paid.captured}, may be refunded {paid.refundable}"


def _dunning(services: "Services", parsed: argparse.Namespace) -> Lines:
    from billing_core.dunning import dunning_plan

    with services.reading() as session:
        plan = dunning_plan(session, parsed.invoice)
    if plan is None:
        raise Failed("its payment never failed")
    for step in plan.steps:
        yield f"{step.on} {step.act:12}{step.outcome:10}{step.result} {step.code}".rstrip()
    yield f"ends on {plan.ends_on}; service until {plan.benefits_until}"


def _price(services: "Services", parsed: argparse.Namespace) -> Lines:
    from billing_core.catalog import PriceTerms, add_price

    with refusals(), services.begin() as tx:
        answer_for(tx, parsed.by, "price", plan=str(parsed.plan), amount=parsed.amount)
        price_id = add_price(
            tx,
            parsed.plan,
            amount=Money.parse(parsed.amount, parsed.currency),
            interval=parsed.interval,
            interval_count=parsed.count,
            terms=PriceTerms(
                proration=parsed.proration,
                trial_days=parsed.trial_days,
                tax_code=parsed.tax,
                tax_inclusive=parsed.tax_inside,
            ),
        )
    yield f"{price_id}; who has the earlier one keeps it"


def _coupon(services: "Services", parsed: argparse.Namespace) -> Lines:
    from billing_core.coupons import NewCoupon, add_coupon

    with refusals(), services.begin() as tx:
        answer_for(tx, parsed.by, "coupon", code=parsed.code, off=parsed.off)
        text: str = parsed.off
        off = Money.parse(text[:-3], text[-3:]) if text[-3:].isalpha() else text
        coupon_id = add_coupon(
            tx,
            NewCoupon(
                code=parsed.code,
                name=parsed.code,
                off=off,
                periods=parsed.periods,
                plan_ids=parsed.plan,
                most=parsed.most,
            ),
        )
    yield str(coupon_id)


def _redeem(services: "Services", parsed: argparse.Namespace) -> Lines:
    from billing_core.coupons import redeem_coupon

    with refusals(), services.begin() as tx:
        answer_for(tx, parsed.by, "redeem", id=str(parsed.subscription), code=parsed.code)
        redeem_coupon(tx, parsed.subscription, parsed.code)
    yield "from the next period on"


def _tax(services: "Services", parsed: argparse.Namespace) -> Lines:
    from billing_core.catalog import set_tax_rate

    texts: list[str] = parsed.percent
    parts = [(code, percent) for code, _, percent in (text.partition("=") for text in texts)]
    alone = len(texts) == 1 and "=" not in texts[0]
    with refusals(), services.begin() as tx:
        answer_for(tx, parsed.by, "tax", code=parsed.code, percent=" ".join(texts))
        set_tax_rate(tx, parsed.code, name=parsed.code, percent=texts[0] if alone else parts)
    yield "in force for every line from now on"


def _new_clock(services: "Services", parsed: argparse.Namespace) -> Lines:
    from billing_core.clocks import make_clock

    with services.begin() as tx:
        yield str(make_clock(tx, parsed.name, now_at=parsed.at))


def _join_clock(services: "Services", parsed: argparse.Namespace) -> Lines:
    from billing_core.clocks import live_by_clock

    with refusals(), services.begin() as tx:
        live_by_clock(tx, parsed.clock, parsed.customer)
    yield "done"


def _advance(services: "Services", parsed: argparse.Namespace) -> Lines:
    from billing_core.clocks import advance

    with refusals():
        done = advance(services.begin, services.gateways, parsed.clock, to=parsed.to)
    stops = len(done.stops)
    yield f"{done.now_at}: {stops} stops, {done.invoices} invoices, {done.paid} paid"
    for id, fault in done.faults:
        yield f"  {id}: {fault}"
    if done.faults:
        raise Failed(f"{len(done.faults)} need a person to look at them")
