"""Commands of `guiche billing` that move a customer's money, as the console's drawers do.

Each opens a preview in a ticket, frozen for a few minutes; `confirm` makes the act of it. The
permission and the limits are those of the person who answers, who is written down. What is
above them waits for another person, who approves it in the console, signed in.
"""

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from billing_core.domain.money import Money
from billing_core.errors import UnreadableAmount
from helpdesk.acts_cli import BY_COMMAND, Add, Failed, Lines, refusals, shown
from helpdesk.errors import HelpdeskError

if TYPE_CHECKING:
    from helpdesk.billing_desk.acts import Ask
    from helpdesk.services import Services
    from helpdesk.staff.agent import Agent

OF_A_COMMAND: Final = UUID(int=0)  # the session of somebody who is not signed in


def add_money(acts: Any, add: Add) -> None:
    """Add the acts of the drawers, and confirming one."""
    refund = _act(acts, add, "refund", "give a payment back, all or part of it", _refund)
    refund.add_argument("id", type=UUID, metavar="PAYMENT")
    refund.add_argument("amount", metavar="AMOUNT", help="such as 30.00, in its own currency")
    credit = _act(acts, add, "credit", "give the ticket's customer credit", _credit)
    credit.add_argument("amount", metavar="AMOUNT")
    credit.add_argument("currency", metavar="CURRENCY")
    correct = _act(acts, add, "correct", "put a wrong invoice right with a new one", _correct)
    correct.add_argument("id", type=UUID, metavar="INVOICE")
    correct.add_argument("line", nargs="+", metavar="LINE=AMOUNT", help="what it should have cost")
    correct.add_argument("--settle", choices=["refund", "credit"], default="refund")
    change = _act(acts, add, "change", "change a plan, its quantity or its interval", _change)
    change.add_argument("id", type=UUID, metavar="SUBSCRIPTION")
    change.add_argument("price", type=UUID, metavar="PRICE")
    change.add_argument("--item", type=UUID, help="an add-on; without: the plan")
    change.add_argument("--quantity", type=int, metavar="N")
    change.add_argument(
        "--when", choices=["now", "next_invoice", "period_end", "new_cycle"], default="now"
    )
    confirm = add(acts, "confirm", "make an act of a preview; again: nothing more", _confirm)
    confirm.add_argument("preview", type=UUID, metavar="PREVIEW")
    confirm.add_argument("--by", required=True, metavar="ADDRESS", help="who previewed it")
    confirm.add_argument(
        "--accepted", action="store_true", help="the customer agreed to pay what is charged"
    )


def _act(
    acts: Any, add: Add, name: str, help_: str, ask: "Callable[[Services, argparse.Namespace], Ask]"
) -> argparse.ArgumentParser:
    made = add(acts, name, help_, _preview)
    made.add_argument("--ticket", type=int, required=True, metavar="NUMBER")
    made.add_argument("--by", required=True, metavar="ADDRESS", help="who answers for it")
    made.add_argument("--reason", default="our_mistake", help="a code of the drawer's list")
    made.set_defaults(ask=ask)
    return made


@contextmanager
def _explained() -> Iterator[None]:
    """Turn a refusal of the desk or of billing into what the command says."""
    try:
        with refusals():
            yield
    except HelpdeskError as refusal:
        raise Failed(f"{type(refusal).__name__}: {refusal}") from refusal


def _preview(services: "Services", parsed: argparse.Namespace) -> Lines:
    from helpdesk.billing_desk.acts import Request
    from helpdesk.billing_desk.forms import REASONS
    from helpdesk.billing_desk.frozen import thaw
    from helpdesk.billing_desk.service import open_preview
    from helpdesk.tickets.queries import numbered_ticket_visible_to

    agent = _person(services, parsed.by)
    if parsed.reason not in REASONS:
        raise Failed(f"no reason {parsed.reason}; there are: {', '.join(REASONS)}")
    with _explained():
        with services.reading() as session:
            ticket = numbered_ticket_visible_to(session, agent, parsed.ticket)
        parsed.customer = ticket.customer_id
        preview = open_preview(services, agent, ticket.id, Request(parsed.ask(services, parsed)))
    seen = thaw(preview.shown)
    yield from shown(seen)
    yield f"  {'amount':22}{'':>20}      {Money(preview.amount_minor, preview.currency)}"
    if seen.charge_now is not None:
        yield f"  {'charged now':22}{'':>20}      {seen.charge_now}"
    yield f"nothing is done yet: guiche billing confirm {preview.id} --by {agent.email}"


def _confirm(services: "Services", parsed: argparse.Namespace) -> Lines:
    from helpdesk.billing_desk.model import MoneyAct
    from helpdesk.billing_desk.service import confirm
    from helpdesk.events.service import Actor, audit

    agent = _person(services, parsed.by)
    with services.begin() as tx:
        data = {"act": "confirm", "preview": str(parsed.preview)}
        audit(tx, BY_COMMAND, actor=Actor.staff(agent.id), data=data)
    with _explained():
        act_id = confirm(
            services,
            agent,
            parsed.preview,
            one_time_key=str(parsed.preview),  # the same preview is the same act, however often
            accepted=parsed.accepted,
        )
    with services.reading() as session:
        act = session.get_one(MoneyAct, act_id)
    yield f"act {act.number}: {act.state}"


def _person(services: "Services", address: str) -> "Agent":
    from helpdesk.staff.queries import active_by_email, as_agent
    from helpdesk.staff.service import normal_email

    with services.reading() as session:
        person = active_by_email(session, normal_email(address))
    if person is None:
        raise Failed(f"nobody here has the address {address}")
    return as_agent(person, OF_A_COMMAND)


def _amount(text: str, currency: str) -> Money:
    try:
        amount = Money.parse(text, currency.upper())
    except UnreadableAmount as fault:
        raise Failed(f"{text} is not an amount of {currency}") from fault
    if amount.minor < 0:
        raise Failed(f"{text} is less than nothing")
    return amount


def _refund(services: "Services", parsed: argparse.Namespace) -> "Ask":
    from billing_core.refunds import RefundAsk
    from billing_core.store.payment import Payment

    with services.reading() as session:
        payment = session.get(Payment, parsed.id)
    if payment is None:
        raise Failed(f"no payment {parsed.id}")
    amount = _amount(parsed.amount, payment.currency)
    return RefundAsk(payment_id=parsed.id, amount=amount, reason=parsed.reason)


def _credit(_: "Services", parsed: argparse.Namespace) -> "Ask":
    from billing_core.credits import CreditAsk

    if parsed.customer is None:
        raise Failed("the ticket is not linked to a customer")
    amount = _amount(parsed.amount, parsed.currency)
    return CreditAsk(customer_id=parsed.customer, amount=amount, reason=parsed.reason)


def _correct(services: "Services", parsed: argparse.Namespace) -> "Ask":
    from billing_core.corrections import ReissueAsk
    from billing_core.store.invoice import Invoice

    with services.reading() as session:
        invoice = session.get(Invoice, parsed.id)
    if invoice is None:
        raise Failed(f"no invoice {parsed.id}")
    lines = []
    for text in parsed.line:
        line, _, amount = text.partition("=")
        try:
            lines.append((UUID(line), _amount(amount, invoice.currency)))
        except ValueError as fault:
            raise Failed(f"{text} is not LINE=AMOUNT") from fault
    return ReissueAsk(
        invoice_id=parsed.id, lines=tuple(lines), reason=parsed.reason, settle_by=parsed.settle
    )


def _change(_: "Services", parsed: argparse.Namespace) -> "Ask":
    from billing_core.subscriptions import PlanChangeAsk

    return PlanChangeAsk(
        subscription_id=parsed.id,
        new_price_id=parsed.price,
        when=parsed.when,
        reason=parsed.reason,
        item_id=parsed.item,
        quantity=parsed.quantity,
    )
