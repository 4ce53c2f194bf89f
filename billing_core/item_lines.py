"""From what an item costs to the lines of an invoice. Renewals and changes share these."""

from dataclasses import replace

from .domain.discount import Off
from .domain.invoice import Asked, DraftLine, ask_back, ask_for
from .domain.money import Money
from .domain.proration import Span
from .store.invoice import InvoiceLine
from .store.terms import ItemTerms, Terms


def lines_for(
    terms: ItemTerms, span: Span, *, kind: str, reason: str, holds_slot: bool = False
) -> tuple[DraftLine, ...]:
    """Return what `span` of an item costs: coupon off the full price, then the part, then tax.

    A whole period and a part of one are computed alike. A measured item has no line: what
    was used is billed when the period is over (`usage_line`). `terms` come from
    `Terms.items`, for a period to come, or from `Terms.running(on)`, for the one that runs.
    """
    if terms.offer.metered:
        return ()
    charge = terms.offer.charge(terms.quantity)
    asked = ask_for(charge, span, off=terms.off, tax=terms.offer.tax)
    return (_line(terms, asked, span, kind, reason, charge.quantity, holds_slot=holds_slot),)


def usage_line(terms: ItemTerms, span: Span, used: int) -> DraftLine:
    """Return what `used` units, measured in the period `span`, cost."""
    charge = terms.offer.charge(used)
    off = None
    if terms.use is not None:
        [amount] = terms.use.discount.off([charge.amount])
        off = Off(amount, terms.use.discount)
    asked = ask_for(charge, span, off=off, tax=terms.offer.tax)
    facts = asked.arithmetic | {"meter": terms.price.meter}
    return _line(terms, replace(asked, arithmetic=facts), span, "usage", "usage", used)


def unused_line(
    line: InvoiceLine, span: Span, *, left: Money, kind: str = "proration_credit", reason: str
) -> DraftLine:
    """Return the line that takes back the unused `span` of an earlier one: negative amounts.

    It rests on what that line really asked for: its price, its discount, even if that has
    ended since, and its tax. `left` is what can still be given back of it, tax included.
    """
    net = Money(line.net_minor, left.currency)
    asked = ask_back(net, line.arithmetic, span, left=left)
    return DraftLine(
        kind=kind,
        reason=reason,
        label=line.label,
        net=-asked.parts.net,
        tax=-asked.parts.tax,
        discount=-asked.discount,
        unit=Money(line.unit_minor, left.currency),
        quantity=line.quantity,
        arithmetic=asked.arithmetic,
        start=span.start,
        end=span.end,
        item_id=line.subscription_item_id,
        price_id=line.price_id,
        credits_line_id=line.id,
    )


def period_lines(terms: Terms, span: Span) -> tuple[DraftLine, ...]:
    """Return the lines of a whole period, the plan first. One of them holds its slot, for all."""
    ordered = (terms.main, *(one for one in terms.items if one is not terms.main))
    lines: list[DraftLine] = []
    for one in ordered:
        first = not lines
        lines += lines_for(one, span, kind="subscription", reason="period", holds_slot=first)
    return tuple(lines)


def _line(
    terms: ItemTerms,
    asked: Asked,
    span: Span,
    kind: str,
    reason: str,
    quantity: int,
    *,
    holds_slot: bool = False,
) -> DraftLine:
    currency = terms.price.currency
    return DraftLine(
        kind=kind,
        reason=reason,
        label=terms.plan_name,
        net=asked.parts.net,
        tax=asked.parts.tax,
        discount=asked.discount,
        unit=Money(terms.price.unit_minor, currency),
        quantity=quantity,
        arithmetic=asked.arithmetic,
        start=span.start,
        end=span.end,
        holds_slot=holds_slot,
        item_id=terms.item.id,
        price_id=terms.price.id,
    )
