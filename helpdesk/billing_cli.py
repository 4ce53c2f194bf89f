"""The commands of `guiche` about money: they read, and run what the schedule runs anyway.

What changes something by a person's decision: acts_cli, catalogue_cli and money_cli.
"""

import argparse
import sys
from collections.abc import Callable
from datetime import UTC, date, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING
from uuid import UUID

from billing_core.domain.calendar import local_date, start_of
from billing_core.domain.metrics import Figures
from billing_core.domain.money import Money
from helpdesk.acts_cli import Command, Failed, Lines, add_acts, add_differences, difference
from helpdesk.catalogue_cli import add_catalogue
from helpdesk.money_cli import add_money

__all__ = ["Command", "Failed", "add_commands", "print_lines"]

if TYPE_CHECKING:
    from helpdesk.services import Services

TEACH = {
    "billing": """\
Bill what is due, or look at what will be.

  guiche billing run                   bill every period that has begun, collect, ask again
  guiche billing preview SUBSCRIPTION  the next charge of one subscription, line by line
  guiche billing prices|account|dunning   the catalogue, a customer, an unpaid invoice
  guiche billing price|coupon|redeem|tax  change what is sold, discounted and taxed
  guiche billing start CUSTOMER PRICE     begin a subscription, in a trial or billed at once
  guiche billing pause|resume|cancel|uncancel SUBSCRIPTION
  guiche billing void|write-off INVOICE   shown first; done with --yes --by ADDRESS
  guiche billing refund|credit|correct|change --ticket NUMBER --by ADDRESS   show what it does
  guiche billing confirm PREVIEW --by ADDRESS   do it, once, within the limits of that person
  guiche billing clock new|join|advance   move a test customer through years

What is above a person's limits waits for another one, who approves it in the console.
The worker does `run` every minute; running it by hand as well bills nothing twice.
""",
    "ledger": """\
The books: double entry, never rewritten, sealed in a chain of hashes.

  guiche ledger verify                   look for edits, removals, insertions and wrong sums
  guiche ledger verify --noted 120:9f..  also that seal 120 still has the hash you noted
  guiche ledger balance                  every account, today
  guiche ledger balance --on 2026-10-31  every account, that day: before, debits, credits, after

`verify` exits with 0 when all is right and with 1 when anything is not. It prints the head
of the chain: whoever keeps it elsewhere sees when anything before it is rewritten.
""",
    "reconcile": """\
Compare one day (UTC) with what the gateways themselves report, and list what differs.

  guiche reconcile                                   yesterday, every gateway
  guiche reconcile --gateway stripe --day 2026-10-31

  guiche reconcile list                              all that is not resolved
  guiche reconcile resolve ITEM --note TEXT --by ADDRESS
  guiche reconcile book ITEM PAYMENT --note TEXT     a refund made outside, never told of

A movement whose answer we missed is asked for again and settled as usual; nothing else is
changed. Exits with 1 while something differs. A person resolves a difference, or books it.
""",
    "metrics": """\
Recurring revenue of one month, for each currency: MRR and its movements, ARR, churn, NRR, GRR.

  guiche metrics                  this month so far
  guiche metrics --month 2026-10

A month begins at midnight in the time zone of the settings. Revenue is what plans cost a
month (a year / 12, a day x 365 / 12), after lasting discounts, before tax, without usage.
""",
}


def add_commands(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    run: Callable[[Command, argparse.Namespace], int],
) -> None:
    """Add billing, ledger, reconcile and metrics. `run` builds the services around a command."""

    def add(
        to: "argparse._SubParsersAction[argparse.ArgumentParser]",
        name: str,
        help_: str,
        command: Command | None = None,
    ) -> argparse.ArgumentParser:
        made = to.add_parser(
            name,
            help=help_,
            description=TEACH.get(name, help_),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if command is not None:
            made.set_defaults(run=lambda parsed: run(command, parsed))
        return made

    billing = add(commands, "billing", "bill what is due, or look at what will be")
    acts = billing.add_subparsers(required=True, metavar="ACTION")
    add(acts, "run", "bill every period that has begun, collect, ask again", billing_run)
    preview = add(acts, "preview", "the next charge of one subscription", billing_preview)
    preview.add_argument("subscription", type=UUID, metavar="SUBSCRIPTION")
    add_catalogue(acts, add)
    add_acts(acts, add)
    add_money(acts, add)
    ledger = add(commands, "ledger", "verify the books, or print every account")
    acts = ledger.add_subparsers(required=True, metavar="ACTION")
    verify = add(acts, "verify", "look for everything that may be wrong", ledger_verify)
    verify.add_argument("--noted", type=noted, metavar="SEQ:HASH", help="a head noted earlier")
    balance = add(acts, "balance", "every account on one day", ledger_balance)
    balance.add_argument("--on", type=date.fromisoformat, metavar="DATE")
    reconcile = add(
        commands, "reconcile", "compare a day with the gateways' reports", reconcile_days
    )
    reconcile.add_argument("--gateway", metavar="NAME")
    reconcile.add_argument("--day", type=date.fromisoformat, metavar="DATE")
    add_differences(reconcile.add_subparsers(metavar="ACTION"), add)
    metrics = add(commands, "metrics", "recurring revenue, churn and retention", metrics_of_month)
    metrics.add_argument("--month", type=month, metavar="YYYY-MM")


def print_lines(command: Command, services: "Services", parsed: argparse.Namespace) -> int:
    """Print what a command says; return its status."""
    try:
        for line in command(services, parsed):
            print(line)  # noqa: T201
    except Failed as failed:
        print(f"guiche: {failed}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


def noted(text: str) -> tuple[int, str]:
    seq, _, hash = text.partition(":")
    if len(hash) != 64:
        raise argparse.ArgumentTypeError("expected SEQ:HASH, the hash with 64 digits")
    return int(seq), hash.lower()


def month(text: str) -> date:
    return date.fromisoformat(f"{text}-01")


def billing_run(services: "Services", _: argparse.Namespace) -> Lines:
    from billing_core.invoicing import run_billing

    run = run_billing(services.begin, services.gateways, batch=50)
    yield (
        f"invoices {run.invoices}, paid {run.paid}, declined {run.failed},"
        f" without an answer yet {run.waiting}"
    )
    faults = [*run.faults, *run.dunning.faults]
    for id, fault in faults:
        yield f"  {id}: {fault}"
    if faults:
        raise Failed(f"{len(faults)} need a person to look at them")


def billing_preview(services: "Services", parsed: argparse.Namespace) -> Lines:
    from billing_core.store.forecast import balance_minor, next_charge
    from billing_core.store.subscription import Subscription

    with services.reading() as session:
        subscription = session.get(Subscription, parsed.subscription)
        if subscription is None:
            raise Failed(f"no subscription {parsed.subscription}")
        minor = balance_minor(session, subscription.customer_id, subscription.currency)
        credit = Money(minor, subscription.currency)
        charge = next_charge(session, subscription, services.clock(), credit=credit)
    if charge is None:
        yield f"{subscription.state}: nothing will be charged"
        return
    yield f"{charge.on}, in {charge.days_left} days: {charge.amount} ({charge.why})"
    yield f"  {charge.plan_name}, {charge.period_start} to {charge.period_end}: {charge.gross}"
    if charge.credit:
        yield f"  paid by the credit balance: {-charge.credit}"


def ledger_verify(services: "Services", parsed: argparse.Namespace) -> Lines:
    from billing_core.proof import prove_books

    with services.reading() as session:
        proof = prove_books(session, noted=parsed.noted)
    chain = proof.chain
    yield f"entries   {chain.sealed + chain.waiting}"
    yield f"sealed    {chain.sealed}"
    yield f"waiting   {chain.waiting}"
    for currency, minor in sorted(proof.sums.items()):
        yield f"balance   {Money(minor, currency)}"
    yield f"head      {chain.head_seq}:{chain.head_hash}"
    for fault in proof.first_faults:
        yield f"WRONG     {fault}"
    if proof.faults:
        raise Failed(f"{proof.faults} faults in the books")
    yield "all right"


def ledger_balance(services: "Services", parsed: argparse.Namespace) -> Lines:
    from billing_core.statements import account_movements

    zone = services.settings.time_zone
    day = parsed.on or local_date(services.clock(), zone)
    with services.reading() as session:
        rows = account_movements(
            session, start_of(day, zone), start_of(day + timedelta(days=1), zone)
        )
    yield f"{day} ({zone}); debits are positive"
    yield f"{'account':22}{'kind':11}{'before':>20}{'debits':>20}{'credits':>20}{'after':>20}"
    for row in rows:
        amounts = (row.opening, row.debits, row.credits, row.closing)
        yield f"{row.account:22}{row.kind:11}" + "".join(f"{amount!s:>20}" for amount in amounts)
    for currency in sorted({row.opening.currency for row in rows}):
        closing = sum(row.closing.minor for row in rows if row.opening.currency == currency)
        yield f"{'sum':93}{Money(closing, currency)!s:>20}"


def reconcile_days(services: "Services", parsed: argparse.Namespace) -> Lines:
    from billing_core.errors import GatewayError
    from billing_core.reconcile import mismatches, reconcile_day

    day = parsed.day or services.clock().astimezone(UTC).date() - timedelta(days=1)
    names = [parsed.gateway] if parsed.gateway else sorted(services.gateways)
    open_ = 0
    for name in names:
        gateway = services.gateways.get(name)
        if gateway is None:
            raise Failed(f"no gateway {name}; there are: {', '.join(sorted(services.gateways))}")
        try:
            done = reconcile_day(services.begin, gateway, day)
        except GatewayError as fault:
            raise Failed(f"{name}: no report ({fault})") from fault
        counts = ", ".join(f"{state} {count}" for state, count in sorted(done.counts.items()))
        yield f"{name} {day}: {counts or 'nothing moved'}"
        open_ += done.open
        with services.reading() as session:
            found = mismatches(session, gateway=name, day=day)
        for item in found:
            yield f"  {difference(item)}"
    if open_:
        raise Failed(f"{open_} movements differ")


def metrics_of_month(services: "Services", parsed: argparse.Namespace) -> Lines:
    from billing_core.metrics import figures

    zone = services.settings.time_zone
    first = parsed.month or local_date(services.clock(), zone).replace(day=1)
    after = (first + timedelta(days=31)).replace(day=1)
    end = min(start_of(after, zone), services.clock() + timedelta(microseconds=1))
    with services.reading() as session:
        found = figures(session, start_of(first, zone), max(end, start_of(first, zone)))
    yield f"{first:%Y-%m} ({zone})"
    for one in found:
        yield from _metrics(one)
    if not found:
        yield "no recurring revenue yet"


def _metrics(one: Figures) -> Lines:
    yield ""
    yield f"{one.currency}"
    for name, amount in (
        ("MRR at the start", one.starting),
        ("+ new", one.new),
        ("+ reactivation", one.reactivation),
        ("+ expansion", one.expansion),
        ("- contraction", -one.contraction),
        ("- churn", -one.churn),
        ("= MRR", one.ending),
        ("committed MRR", one.committed),
        ("ARR", one.yearly),
        ("ARPU", one.per_customer),
    ):
        yield f"  {name:22}{amount!s:>20}"
    yield (
        f"  {'customers':22}{one.customers_at_end:>20}"
        f"  ({one.customers_at_start} at the start, {one.customers_lost} of them lost)"
    )
    for name, share in (
        ("customer churn", one.customer_churn),
        ("revenue churn", one.revenue_churn),
        ("NRR", one.net_retention),
        ("GRR", one.gross_retention),
    ):
        yield f"  {name:22}{percent(share):>20}"


def percent(share: Fraction | None) -> str:
    """Return a share as "12.5 %", or "-" where there is none."""
    if share is None:
        return "-"
    tenths = int(share * 1000 + Fraction(1, 2))
    return f"{tenths // 10}.{tenths % 10} %"
