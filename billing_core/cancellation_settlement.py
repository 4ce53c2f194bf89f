"""What an early end gives back of the lines that the running period was billed with."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from .credit_notes import NewNote, lower_due
from .domain.balance import credit_line
from .domain.calendar import local_date
from .domain.invoice import DraftLine, full_price
from .domain.money import Money, total
from .domain.proration import Span
from .domain.tax import TaxRule
from .domain.termination import EndedLine, OnTermination, paid_share
from .domain.termination import settle as settle_line
from .errors import BeingCharged
from .issuing import issue
from .item_lines import unused_line
from .ports import Tx
from .refund_plan import plan_return
from .refunds import carry_out_return
from .running_period import billed_lines, draft_of, rest_of_period, sum_of
from .store.funds import credit_left, lock_invoice_funds, payments_for
from .store.invoice import Invoice, InvoiceLine
from .store.lines import balance_of_line, lines_of
from .store.payment import OPEN_ATTEMPTS, Payment, PaymentAttempt
from .store.subscription import Subscription
from .store.terms import Terms

Parts = tuple[tuple[UUID, Money], ...]


@dataclass(frozen=True, slots=True)
class Ending:
    """What one invoice gives back, by line: as money, off what is still due, or as credit.

    Credit is an invoice of its own, of negative lines: part of it may have been paid with
    what an earlier change took back, which no payment of this invoice shows.
    """

    invoice: Invoice
    payment: Payment | None
    refunds: Parts
    lowers: Parts
    credit_lines: tuple[DraftLine, ...]

    @property
    def refund(self) -> Money:
        return self._sum(self.refunds)

    @property
    def lowered(self) -> Money:
        return self._sum(self.lowers)

    @property
    def credit(self) -> Money:
        return -sum_of(self.credit_lines, self.invoice.currency)

    @property
    def inputs(self) -> list[Any]:
        left = self.payment.balance.left if self.payment else None
        ways = [self.refund, self.lowered, self.credit]
        return [self.invoice.id, self.invoice.state, *ways, left]

    def _sum(self, parts: Parts) -> Money:
        return total((amount for _, amount in parts), self.invoice.currency)


def plan_endings(
    session: Session,
    subscription: Subscription,
    terms: Terms,
    *,
    settle: Literal["refund", "credit"],
    on: date,
    at: datetime,
) -> tuple[Ending, ...]:
    """Compute what each invoice of the running period gives back. Raises `BeingCharged`."""
    by_invoice: dict[UUID, list[tuple[InvoiceLine, Span]]] = {}
    invoices: dict[UUID, Invoice] = {}
    prices = {one.item.id: one.price.proration for one in terms.items}
    for item_id, (line, invoice) in billed_lines(session, subscription, terms).items():
        rest = rest_of_period(subscription, terms, prices[item_id], on=on, at=at)
        by_invoice.setdefault(invoice.id, []).append((line, rest))
        invoices[invoice.id] = invoice
    return tuple(
        _ending(session, invoices[id], lines, settle) for id, lines in sorted(by_invoice.items())
    )


def carry_out_ending(
    tx: Tx, subscription: Subscription, ending: Ending, *, reason: str
) -> list[UUID]:
    """Lower, refund and credit; return the refunds to be sent. The subscription is locked."""
    invoice = lock_invoice_funds(tx.session, ending.invoice.id)
    if ending.lowers:
        _lower(tx, invoice, ending, reason)
    refund_ids = []
    if ending.refund:
        plan = plan_return(
            tx.session,
            invoice,
            ending.payment,
            ending.refund,
            order="transaction_first",
            named=ending.refunds,
        )
        done = carry_out_return(tx, plan, reason=reason, money_act_id=None, held=False)
        refund_ids += [done.refund_id] if done.refund_id else []
    if ending.credit_lines:
        draft = draft_of(
            subscription,
            ending.credit_lines,
            reason="cancel",
            due_on=local_date(tx.at, subscription.time_zone),
            start=ending.credit_lines[0].start,
            end=ending.credit_lines[0].end,
            money_act_id=None,
        )
        issue(tx, [draft])
    return refund_ids


def _ending(
    session: Session,
    invoice: Invoice,
    lines: Sequence[tuple[InvoiceLine, Span]],
    settle: Literal["refund", "credit"],
) -> Ending:
    """Split each line's unused part over the ways back, as far as each way reaches."""
    payment = next(iter(payments_for(session, invoice.id)), None)
    zero = Money.zero(invoice.currency)
    room = Money(invoice.due_minor, invoice.currency)
    blocked = payment is not None and payment.disputed_minor > 0
    if invoice.state != "open":
        room = credit_left(session, invoice, invoice.currency)
        room = room + (payment.balance.left if payment else zero)
    else:
        _check_not_charged(session, invoice)
    direct, credit_lines = [], []
    for line, rest in lines:
        found = settle_line(_ended(invoice, line, rest), _way(invoice, settle))
        left = balance_of_line(line, invoice.currency).left
        first = max(zero, min(found.refund + found.offset, room, left))
        room = room - first
        if first:
            direct.append((line.id, first))
        later = min(found.given.gross, left) - first
        if later and not blocked:
            credit_lines.append(unused_line(line, rest, left=later, reason="cancel"))
    refunds, lowers = (tuple(direct), ()) if invoice.state != "open" else ((), tuple(direct))
    return Ending(invoice, payment, refunds, lowers, tuple(credit_lines))


def _way(invoice: Invoice, settle: Literal["refund", "credit"]) -> OnTermination:
    return "offset" if invoice.state == "open" else settle


def _ended(invoice: Invoice, line: InvoiceLine, rest: Span) -> EndedLine:
    """Return a line of ours as the rule of termination reads it."""
    facts, currency = line.arithmetic, invoice.currency
    price, off = full_price(facts), Money(facts.get("off_minor", 0), currency)
    if "corrected_from_minor" in facts:
        share = Fraction(line.net_minor, facts["corrected_from_minor"])
        price, off = price.times(share), off.times(share)
    tax = TaxRule.from_arithmetic(facts["tax"]) if "tax" in facts else None
    gross = line.net_minor + line.tax_minor
    credited = Money(line.credited_minor, currency)
    if gross and tax is not None and not tax.inclusive:
        credited = credited.times(Fraction(line.net_minor, gross))
    if price - off:
        credited = credited.times(Fraction(price.minor, (price - off).minor))
    asked = invoice.total_minor - invoice.lowered_minor if invoice.state == "paid" else 0
    return EndedLine(
        price=price,
        coupon=Fraction(off.minor),
        credited=credited,
        unused=rest.fraction,
        used=max(Fraction(0), _covered(facts) - rest.fraction),
        tax=tax,
        paid=paid_share(
            Money(asked, currency),
            line=Money(gross, currency),
            invoice=Money(invoice.total_minor, currency),
        ),
    )


def _covered(facts: dict[str, Any]) -> Fraction:
    """Return what part of a whole period a line covers."""
    if facts.get("unit") == "second":
        return Fraction(facts["seconds"], facts["of_seconds"])
    return Fraction(facts["days"], facts["of_days"])


def _check_not_charged(session: Session, invoice: Invoice) -> None:
    unanswered = exists().where(
        PaymentAttempt.invoice_id == invoice.id, PaymentAttempt.state.in_(OPEN_ATTEMPTS)
    )
    if session.scalar(select(unanswered)):
        raise BeingCharged(invoice.id)


def _lower(tx: Tx, invoice: Invoice, ending: Ending, reason: str) -> None:
    lines = {line.id: line for line in lines_of(tx.session, invoice.id)}
    lower_due(
        tx,
        invoice,
        NewNote(
            customer_id=invoice.customer_id,
            invoice_id=invoice.id,
            settled_by="due",
            amount=ending.lowered,
            reason=reason,
            money_act_id=None,
            credits=tuple(
                credit_line(balance_of_line(lines[id], invoice.currency), amount)
                for id, amount in ending.lowers
            ),
        ),
    )
