"""Commands of `guiche billing` and `guiche reconcile` that change something: shown first, done with --yes.

Somebody who may approve answers for each of them and is written down. What gives a customer
money or changes what she pays has the limits of the console: money_cli.
"""

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

from billing_core.errors import BillingError
from billing_core.preview import MoneyPreview

if TYPE_CHECKING:
    from helpdesk.billing_desk.frozen import Shown
    from helpdesk.db import UnitOfWork
    from helpdesk.services import Services

Lines = Iterator[str]
Command = Callable[["Services", argparse.Namespace], Lines]
"""Yields what to print. `Failed` ends it with status 1."""

BY_COMMAND = "money.by_command"
LATER = "nothing is done yet: add --yes, and --by with the address of who answers for it"


class Failed(Exception):
    """The command has said what is wrong; its status is 1."""


class Add(Protocol):
    """How a command is added: to which parser, its name, what it is for, what it runs."""

    def __call__(
        self, to: Any, name: str, help_: str, command: Command | None = None
    ) -> argparse.ArgumentParser: ...


@dataclass(frozen=True, slots=True)
class Act:
    """`ask` reads the arguments; `show` and `do` are the library's own two."""

    help_: str
    options: Callable[[argparse.ArgumentParser], None]
    ask: Callable[[argparse.Namespace], Any]
    show: str  # module.function of billing_core
    do: str


def _start_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("price", type=UUID, metavar="PRICE")
    parser.add_argument("--method", type=UUID, metavar="ID", help="what pays for it")
    parser.add_argument("--quantity", type=int, default=1, metavar="N")
    parser.add_argument("--trial-days", type=int, metavar="N", help="without: as the price says")
    parser.add_argument("--bill-day", type=int, metavar="DAY", help="of the month, 1 to 31")
    parser.add_argument("--coupon", metavar="CODE")
    parser.add_argument("--pay-first", action="store_true", help="nothing begins before it is paid")
    parser.add_argument("--time-zone", default="America/Sao_Paulo", metavar="ZONE")


def _start(parsed: argparse.Namespace) -> Any:
    from billing_core.subscriptions import StartSubscription

    return StartSubscription(
        customer_id=parsed.id,
        price_id=parsed.price,
        payment_method_id=parsed.method,
        time_zone=parsed.time_zone,
        quantity=parsed.quantity,
        trial_days=parsed.trial_days,
        bill_day=parsed.bill_day,
        pay_first=parsed.pay_first,
        coupon=parsed.coupon,
    )


def _pause_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--now", action="store_true", help="give the rest of the period as credit")
    parser.add_argument("--until", type=date.fromisoformat, metavar="DATE")


def _pause(parsed: argparse.Namespace) -> Any:
    from billing_core.pauses import PauseAsk

    when: Any = "now" if parsed.now else "period_end"
    return PauseAsk(
        subscription_id=parsed.id, when=when, resumes_on=parsed.until, reason=parsed.reason
    )


def _resume(parsed: argparse.Namespace) -> Any:
    from billing_core.resumptions import ResumeAsk

    return ResumeAsk(subscription_id=parsed.id, reason=parsed.reason)


def _cancel_options(parser: argparse.ArgumentParser) -> None:
    when = parser.add_mutually_exclusive_group()
    when.add_argument("--now", action="store_true")
    when.add_argument("--on", type=date.fromisoformat, metavar="DATE")
    parser.add_argument("--settle", choices=["nothing", "credit"], default="nothing")


def _cancel(parsed: argparse.Namespace) -> Any:
    from billing_core.cancellations import CancelAsk

    when: Any = "now" if parsed.now else "on_date" if parsed.on else "period_end"
    return CancelAsk(
        subscription_id=parsed.id,
        when=when,
        on=parsed.on,
        settle=parsed.settle,
        reason=parsed.reason,
    )


def _void(parsed: argparse.Namespace) -> Any:
    from billing_core.voids import VoidAsk

    return VoidAsk(invoice_id=parsed.id, reason=parsed.reason)


def _write_off(parsed: argparse.Namespace) -> Any:
    from billing_core.write_offs import WriteOffAsk

    return WriteOffAsk(invoice_id=parsed.id, reason=parsed.reason)


def _nothing_more(_: argparse.ArgumentParser) -> None:
    """The act has no options of its own."""


ACTS: dict[str, Act] = {
    "start": Act(
        "start a customer's subscription",
        _start_options,
        _start,
        "starts.preview_start",
        "starts.start_subscription",
    ),
    "pause": Act(
        "pause a subscription at its period's end, or now",
        _pause_options,
        _pause,
        "pauses.preview_pause",
        "pauses.pause",
    ),
    "resume": Act(
        "resume a paused subscription",
        _nothing_more,
        _resume,
        "resumptions.preview_resume",
        "resumptions.resume",
    ),
    "cancel": Act(
        "cancel a subscription at its period's end, on a date, or now",
        _cancel_options,
        _cancel,
        "cancellations.preview_cancel",
        "cancellations.cancel",
    ),
    "void": Act(
        "drop an unpaid invoice", _nothing_more, _void, "voids.preview_void", "voids.void_invoice"
    ),
    "write-off": Act(
        "give up on an open invoice's money",
        _nothing_more,
        _write_off,
        "write_offs.preview_write_off",
        "write_offs.write_off",
    ),
}


def add_acts(acts: Any, add: Add) -> None:
    """Add the acts to `guiche billing`."""
    for name, act in ACTS.items():
        made = add(acts, name, act.help_, _do)
        made.add_argument("id", type=UUID, metavar="ID")
        made.add_argument("--reason", default="")
        _answered_for(made)
        act.options(made)
        made.set_defaults(act=name)
    made = add(acts, "uncancel", "take a cancellation back while the subscription runs", _uncancel)
    made.add_argument("id", type=UUID, metavar="SUBSCRIPTION")
    made.add_argument("--by", required=True, metavar="ADDRESS")


def add_differences(acts: Any, add: Add) -> None:
    """Add what is done about differences to `guiche reconcile`."""
    add(acts, "list", "everything that differs and nobody has resolved", _list)
    resolve = add(acts, "resolve", "say why a difference may stay", _resolve)
    resolve.add_argument("id", type=UUID, metavar="ITEM")
    resolve.add_argument("--note", required=True)
    resolve.add_argument("--by", required=True, metavar="ADDRESS")
    book = add(acts, "book", "book a refund made outside whose notice never came", _book)
    book.add_argument("id", type=UUID, metavar="ITEM")
    book.add_argument("payment", type=UUID, metavar="PAYMENT", help="what it gave back")
    book.add_argument("--note", required=True)
    _answered_for(book)


def _answered_for(made: argparse.ArgumentParser) -> None:
    made.add_argument("--yes", action="store_true", help="do it; without, it is only shown")
    made.add_argument("--by", default="", metavar="ADDRESS", help="who answers for it")


@contextmanager
def refusals() -> Iterator[None]:
    """Turn a refusal of billing into what the command says."""
    try:
        yield
    except BillingError as refusal:
        raise Failed(f"{type(refusal).__name__}: {refusal}") from refusal


def answer_for(tx: "UnitOfWork", address: str, act: str, **data: str) -> UUID:
    """Write down who answers for a command; return the person. Raises `Failed` for nobody."""
    from helpdesk.events.service import Actor, audit
    from helpdesk.staff.policy import may
    from helpdesk.staff.queries import active_by_email
    from helpdesk.staff.service import normal_email

    person = active_by_email(tx.session, normal_email(address))
    if person is None or not may(person.role, "billing.approve"):
        raise Failed(f"{address or 'nobody'} may not answer for this: name somebody who approves")
    audit(tx, BY_COMMAND, actor=Actor.staff(person.id), data={"act": act, **data})
    return person.id


def shown(preview: "MoneyPreview | Shown") -> Lines:
    """Say what an act would do, a line for each thing before and after."""
    for row in preview.rows:
        yield f"  {row.item:22}{row.before!s:>20}  ->  {row.after!s}"
    for line in preview.lines:
        yield f"  {line.label}, {line.start} to {line.end}: {line.amount}"


def _do(services: "Services", parsed: argparse.Namespace) -> Lines:
    act = ACTS[parsed.act]
    ask = act.ask(parsed)
    with refusals(), services.reading() as session:
        preview = _function(act.show)(session, ask, services.clock())
    yield from shown(preview)
    if not parsed.yes:
        yield LATER
        return
    with refusals(), services.begin() as tx:
        answer_for(tx, parsed.by, parsed.act, id=str(parsed.id), reason=parsed.reason)
        made = _function(act.do)(tx, ask, expected=preview.inputs_hash)
    yield f"done: {made}" if parsed.act == "start" else "done"


def _function(name: str) -> Callable[..., Any]:
    from importlib import import_module

    module, _, function = name.partition(".")
    found: Callable[..., Any] = getattr(import_module(f"billing_core.{module}"), function)
    return found


def _uncancel(services: "Services", parsed: argparse.Namespace) -> Lines:
    from billing_core.cancellations import uncancel

    with refusals(), services.begin() as tx:
        answer_for(tx, parsed.by, "uncancel", id=str(parsed.id))
        uncancel(tx, parsed.id)
    yield "done"


def _list(services: "Services", parsed: argparse.Namespace) -> Lines:
    from billing_core.reconcile import mismatches

    with services.reading() as session:
        found = mismatches(session, gateway=parsed.gateway, day=parsed.day)
    for item in found:
        yield f"{item.gateway} {item.day} {difference(item)}"
    if not found:
        yield "nothing differs"


def difference(item: Any) -> str:
    """Return a line of a report as a person reads it, with the id that names it."""
    sides = f"ours {item.ours or '-'}, theirs {item.theirs or '-'}"
    return f"{item.id} {item.kind} {item.ref}: {sides}"


def _resolve(services: "Services", parsed: argparse.Namespace) -> Lines:
    from billing_core.reconcile import resolve_item

    with refusals(), services.begin() as tx:
        by = answer_for(tx, parsed.by, "resolve", id=str(parsed.id))
        resolve_item(tx, parsed.id, note=parsed.note, by=by)
    yield "done"


def _book(services: "Services", parsed: argparse.Namespace) -> Lines:
    from billing_core.outside_refunds import book_missed_refund, preview_missed_refund
    from billing_core.store.reconciliation import ReconciliationItem

    with refusals(), services.reading() as session:
        preview = preview_missed_refund(session, parsed.id, parsed.payment, services.clock())
        name = session.get_one(ReconciliationItem, parsed.id).gateway
    yield from shown(preview)
    if not parsed.yes:
        yield LATER
        return
    gateway = services.gateways.get(name)
    if gateway is None:
        raise Failed(f"no gateway {name}")
    with services.begin() as tx:
        by = answer_for(tx, parsed.by, "book", id=str(parsed.id), payment=str(parsed.payment))
    with refusals():
        book_missed_refund(
            services.begin, gateway, parsed.id, parsed.payment, note=parsed.note, by=by
        )
    yield "done"
