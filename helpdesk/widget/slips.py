"""Money in a visitor's chat: a slip for each act of her own that has come to an end.

Only to a visitor whose site vouches for her with a signed token in this very request, and
only when the account that the token names is the one the ticket is linked to. The secret
of the conversation is not enough: it proves that she wrote here, not whose account an
agent linked to what she wrote. An anonymous visitor may call herself anybody, and an
agent may believe her; the account's figures must not follow from that. What an agent
tells her in words is the agent's to decide.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing_core.domain.money import Money
from helpdesk.billing_desk import words
from helpdesk.billing_desk.frozen import Shown, money_from, thaw
from helpdesk.billing_desk.model import MoneyAct, MoneyPreview
from helpdesk.customers.model import Customer, Handle
from helpdesk.customers.queries import living_customer
from helpdesk.errors import NotFound
from helpdesk.events.model import Event
from helpdesk.tickets.model import Ticket
from helpdesk.web.formats import Formats
from helpdesk.widget.queries import Place, anchor_of

ENDED = ("succeeded", "reversed")
MOST_SLIPS = 50

Rows = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Slip:
    """One act on her money, in words."""

    place: Place
    id: UUID
    title: str
    rows: Rows  # what, how much
    at: datetime
    undone: bool = False  # the bank sent the money back


@dataclass(frozen=True, slots=True)
class Ended:
    """An act that moved money of this conversation's customer, and where it stands in it."""

    place: Place
    act: MoneyAct
    shown: Shown


def proven_customer(session: Session, subject: str) -> Customer | None:
    """Return the customer whom a site's signed id names for certain; None for nobody."""
    found = session.scalar(
        select(Handle.customer_id).where(
            Handle.kind == "external", Handle.value == subject, Handle.verified_at.is_not(None)
        )
    )
    if found is None:
        return None
    try:
        return living_customer(session, found)
    except NotFound:
        return None


def ended_acts(session: Session, chat_key: str, customer_id: UUID) -> list[Ended]:
    """Return the acts of a conversation that moved this customer's money, oldest first."""
    rows = session.execute(
        select(MoneyAct, MoneyPreview.shown)
        .join(MoneyPreview, MoneyPreview.id == MoneyAct.preview_id)
        .join(Ticket, Ticket.id == MoneyAct.ticket_id)
        .where(
            Ticket.chat_key == chat_key,
            Ticket.customer_id == customer_id,
            MoneyAct.customer_id == customer_id,
            MoneyAct.state.in_(ENDED),
        )
        .order_by(MoneyAct.settled_at.desc())
        .limit(MOST_SLIPS)
    ).all()
    seqs = _seqs(session, {act.ticket_id for act, _ in rows})
    found = [
        Ended(_place(session, chat_key, act, seqs[act.id]), act, thaw(shown))
        for act, shown in rows
        if act.id in seqs
    ]
    return sorted(found, key=lambda one: one.place)


def write_slips(ended: Iterable[Ended], formats: Formats, zone: str) -> Iterator[Slip]:
    """Say acts in the reader's language and the customer's own days."""
    hers = Formats(formats.locale, ZoneInfo(zone), formats.now, formats.gettext)
    for one in ended:
        title, rows = _told(one, hers)
        yield Slip(
            place=one.place,
            id=one.act.id,
            title=title,
            rows=tuple(rows),
            at=one.act.settled_at or one.act.changed_at,
            undone=one.act.state == "reversed",
        )


def _seqs(session: Session, ticket_ids: set[UUID]) -> dict[UUID, int]:
    """Return where in its ticket each act succeeded."""
    rows = session.execute(
        select(Event.seq, Event.data)
        .where(Event.ticket_id.in_(ticket_ids), Event.kind == "money.succeeded")
        .order_by(Event.seq.desc())
    )
    return {UUID(data["act_id"]): seq or 0 for seq, data in rows}


def _place(session: Session, chat_key: str, act: MoneyAct, seq: int) -> Place:
    """Put an act behind the last message that was said before it succeeded."""
    return anchor_of(session, chat_key, act.ticket_id, seq), seq


def _told(one: Ended, formats: Formats) -> tuple[str, Iterator[tuple[str, str]]]:
    gettext = formats.gettext
    if one.act.state == "reversed":
        return gettext("The bank sent the refund back"), _undone(one, formats)
    match one.act.kind:
        case "refund":
            return gettext("Refund made"), _refund(one.shown, formats)
        case "credit":
            return gettext("Credit given"), _credit(one.shown, formats)
        case "reissue":
            return gettext("Charge put right"), _reissue(one.shown, formats)
    if one.shown.about["when"] == "period_end":
        return gettext("Plan change arranged"), _plan(one.shown, formats)
    return gettext("Plan changed"), _plan(one.shown, formats)


def _undone(one: Ended, formats: Formats) -> Iterator[tuple[str, str]]:
    amount = Money(one.act.amount_minor, one.act.currency)
    yield formats.gettext("Amount"), formats.money(amount)


def _refund(shown: Shown, formats: Formats) -> Iterator[tuple[str, str]]:
    yield formats.gettext("Refunded"), formats.money(money_from(shown.about["amount"]))
    yield from _way(shown, formats)
    if shown.about["courtesy"] is not None:
        courtesy = money_from(shown.about["courtesy"])
        yield formats.gettext("Credit for you"), formats.money(courtesy)
    yield from _next_charge(shown, formats)


def _credit(shown: Shown, formats: Formats) -> Iterator[tuple[str, str]]:
    yield formats.gettext("Credit for you"), formats.money(money_from(shown.about["amount"]))
    yield from _next_charge(shown, formats)


def _reissue(shown: Shown, formats: Formats) -> Iterator[tuple[str, str]]:
    about = shown.about
    yield formats.gettext("Invoice %(number)s", number=about["number"]), ""
    total = shown.row("invoice.total")
    if total is None or not isinstance(total.before, Money) or not isinstance(total.after, Money):
        return
    yield formats.gettext("Right amount"), formats.money(total.after)
    if about["invoice_state"] == "open":
        return
    back = formats.money(total.before - total.after)
    if about["settle_by"] == "credit":
        yield formats.gettext("Credit for you"), back
    else:
        yield formats.gettext("Refunded"), back
        yield from _way(shown, formats)


def _plan(shown: Shown, formats: Formats) -> Iterator[tuple[str, str]]:
    about = shown.about
    price = words.per_period(
        formats.money(money_from(about["to_amount"])), about["interval"], about["interval_count"]
    )
    yield about["to"], price
    if about["when"] == "period_end":
        starts = date.fromisoformat(about["period_end"])
        yield formats.gettext("Starts on"), formats.day(starts, "short")
    elif shown.charge_now is not None and shown.charge_now.minor > 0:
        yield formats.gettext("Paid today"), formats.money(shown.charge_now)
    yield from _next_charge(shown, formats)


def _way(shown: Shown, formats: Formats) -> Iterator[tuple[str, str]]:
    if shown.about["method"] is not None:
        yield formats.gettext("Goes to"), words.method(shown.about["method"])


def _next_charge(shown: Shown, formats: Formats) -> Iterator[tuple[str, str]]:
    """Say what was foreseen when the act was made: a slip is a receipt, not a forecast."""
    coming = shown.row("next_charge")
    if coming is not None and isinstance(coming.after, Money):
        day = formats.day(date.fromisoformat(coming.data["on"]), "short")
        yield formats.gettext("Next charge"), f"{day}, {formats.money(coming.after)}"
