"""The right column: the customer, and the money facts of the account in plain sentences."""

from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from billing_core.domain.invoice import full_price
from billing_core.domain.money import Money
from billing_core.errors import BillingError
from billing_core.store.queries import account_of
from billing_core.store.views import (
    AccountView,
    InvoiceView,
    LineView,
    MethodView,
    NextCharge,
    SubscriptionView,
)
from helpdesk.customers.handles import PHONES
from helpdesk.customers.likeness import Facts
from helpdesk.customers.link_codes import CHANNEL_OF, standing_codes
from helpdesk.customers.match import candidates
from helpdesk.customers.model import Customer, Handle
from helpdesk.customers.queries import handles_of
from helpdesk.customers.screen import (
    AlertCard,
    Candidate,
    CustomerCard,
    InvoiceLine,
    InvoiceState,
    PanelScreen,
    StandingCode,
    SubscriptionCard,
    SubscriptionState,
)
from helpdesk.customers.screen import NextCharge as NextChargeCard
from helpdesk.staff.agent import Agent
from helpdesk.staff.model import Staff
from helpdesk.tickets.model import Participant, Ticket
from helpdesk.web.formats import Formats
from helpdesk.web.screen import person

log = structlog.get_logger()

INVOICES = 6
MOST_CONTACTS = 99
ACTS = (
    ("refund", "billing.refund"),
    ("plan", "billing.plan_change"),
    ("credit", "billing.credit"),
    ("reissue", "billing.reissue"),
)
STATES: dict[str, SubscriptionState] = {
    "trialing": "trial",
    "active": "active",
    "past_due": "past_due",
    "unpaid": "past_due",
    "paused": "paused",
    "canceled": "cancelled",
}


def panel_screen(session: Session, ticket: Ticket, agent: Agent, formats: Formats) -> PanelScreen:
    """Return the column; with nobody identified, who it may be."""
    code = _standing_code(session, ticket, formats)
    if ticket.customer_id is None:
        offered = _candidates(session, ticket, formats)
        return PanelScreen(str(ticket.id), candidates=offered, code=code)
    customer = session.get_one(Customer, ticket.customer_id)
    account = _account(session, customer.id, formats.now) if agent.may("billing.read") else None
    card = _customer_card(session, ticket, customer, account, formats)
    if account is None:
        failed = agent.may("billing.read")
        return PanelScreen(str(ticket.id), customer=card, code=code, failed=failed)
    limit = session.scalar(select(Staff.act_limit_minor).where(Staff.id == agent.id)) or 0
    return PanelScreen(
        ticket_id=str(ticket.id),
        customer=card,
        code=code,
        alert=_alert(ticket, account, formats),
        next_charge=_next_charge(account.next_charge, formats),
        subscription=_subscription(account.subscription, formats),
        invoices=tuple(
            _invoice(ticket, bill, account, formats, may_fix=agent.may("billing.reissue"))
            for bill in account.invoices[:INVOICES]
        ),
        invoices_total=len(account.invoices),
        acts=tuple(code for code, permission in ACTS if agent.may(permission)),
        limit=Money(limit, account.currency),
    )


def _account(session: Session, customer_id: UUID, at: datetime) -> AccountView | None:
    """Return the account; None where billing does not answer: the conversation goes on."""
    try:
        return account_of(session, customer_id, at)
    except BillingError:
        log.exception("billing did not answer", customer_id=str(customer_id))
        return None


def _candidates(session: Session, ticket: Ticket, formats: Formats) -> tuple[Candidate, ...]:
    parts = session.scalars(
        select(Participant).where(Participant.ticket_id == ticket.id, ~Participant.cc)
    ).all()
    addresses = {part.value for part in parts}  # who says no name is called by one of them
    told = Facts(
        name="" if ticket.customer_name in addresses else ticket.customer_name,
        emails=tuple(part.value for part in parts if part.kind == "email"),
        phones=tuple(part.value for part in parts if part.kind in PHONES),
    )
    reasons = {
        "email": formats.gettext("e-mail"),
        "phone": formats.gettext("phone"),
        "name": formats.gettext("name"),
        "born_on": formats.gettext("birth date"),
        "document": formats.gettext("document"),
        "address": formats.gettext("address"),
    }
    offered = []
    for one in candidates(session, told):
        handles = handles_of(session, one.customer_id)
        offered.append(
            Candidate(
                customer_id=str(one.customer_id),
                name=one.name,
                detail=handles[0].value if handles else "",
                reason=reasons.get(one.why, one.why),
                score=one.score,
                can_prove=_reachable(handles),
            )
        )
    return tuple(offered)


def _reachable(handles: list[Handle]) -> bool:
    """Say whether a code can go to a confirmed address."""
    return any(one.verified_at is not None and one.kind in CHANNEL_OF for one in handles)


def _standing_code(session: Session, ticket: Ticket, formats: Formats) -> StandingCode | None:
    codes = [one for one in standing_codes(session, ticket.id) if one.expires_at > formats.now]
    return StandingCode(codes[0].expires_at, codes[0].tries_left) if codes else None


def _customer_card(
    session: Session,
    ticket: Ticket,
    customer: Customer,
    account: AccountView | None,
    formats: Formats,
) -> CustomerCard:
    handles = handles_of(session, customer.id)
    handle = _handle(session, ticket, handles)
    proven = handle is not None and handle.verified_at is not None
    abroad = customer.time_zone != str(formats.zone)
    year_ago = formats.now - timedelta(days=365)
    contacts = (
        select(Ticket.id)
        .where(Ticket.customer_id == customer.id, Ticket.created_at > year_ago)
        .limit(MOST_CONTACTS)
        .subquery()
    )
    started = [one.started_on for one in account.subscriptions] if account else []
    return CustomerCard(
        customer_id=str(customer.id),
        person=person(customer.name, key=str(customer.id)),
        address=_address(handle, handles),
        local_time=formats.now.astimezone(ZoneInfo(customer.time_zone)),
        place=customer.time_zone.rpartition("/")[2].replace("_", " ") if abroad else "",
        identity="unknown" if handle is None else "confirmed" if handle.verified_at else "claimed",
        identity_at=handle.verified_at if handle else None,
        document=customer.document_masked,
        since=min([formats.local(customer.created_at).date(), *started]),
        paid=account.paid_total if account else None,
        contacts=session.scalar(select(func.count()).select_from(contacts)) or 0,
        url=f"/customers/{customer.id}",
        can_prove=not proven and _reachable(handles),
    )


def _address(handle: Handle | None, handles: list[Handle]) -> str:
    """Return what a person can read and use: never the key under which a chat knows a visitor."""
    known = [handle, *handles] if handle else handles
    return next((one.value for one in known if one.kind in ("email", *PHONES)), "")


def _handle(session: Session, ticket: Ticket, handles: list[Handle]) -> Handle | None:
    """Return the handle this conversation came from, else the best proven one."""
    values = set(
        session.scalars(
            select(Participant.value).where(Participant.ticket_id == ticket.id, ~Participant.cc)
        )
    )
    return next((one for one in handles if one.value in values), handles[0] if handles else None)


def _alert(ticket: Ticket, account: AccountView, formats: Formats) -> AlertCard | None:
    """Return the one finding that matters most: money to give back."""
    doubled = next((one for one in account.duplicates if one.refundable.minor > 0), None)
    if doubled is None:
        return None
    first, second = sorted((doubled.twin_captured_at, doubled.captured_at))
    return AlertCard(
        title=formats.gettext("Charged twice"),
        text=formats.gettext(
            "%(amount)s was taken on %(first)s and again on %(second)s.",
            amount=formats.money(doubled.amount),
            first=formats.entry(first),
            second=formats.entry(second),
        ),
        action="refund",
        amount=doubled.refundable,
        url=f"/tickets/{ticket.id}/money/refund/new?payment={doubled.payment_id}&reason=duplicate",
    )


def _next_charge(charge: NextCharge | None, formats: Formats) -> NextChargeCard | None:
    if charge is None:
        return None
    parts = [
        formats.gettext(
            "%(plan)s, %(start)s to %(end)s.",
            plan=charge.plan_name,
            start=formats.day(charge.period_start, "short"),
            end=formats.day(charge.period_end - timedelta(days=1), "short"),
        )
    ]
    if charge.why == "scheduled_change":
        parts.append(formats.gettext("The plan changes on this day."))
    elif charge.why == "open_invoice":
        parts.append(formats.gettext("This invoice is still open."))
    if charge.credit.minor > 0:
        parts.append(
            formats.gettext("%(credit)s of credit comes off.", credit=formats.money(charge.credit))
        )
    return NextChargeCard(charge.amount, charge.on, charge.days_left, " ".join(parts))


def _subscription(view: SubscriptionView | None, formats: Formats) -> SubscriptionCard | None:
    if view is None:
        return None
    state = STATES.get(view.state, "none")
    if view.cancels_on is not None and state == "active":
        state = "cancelling"
    return SubscriptionCard(
        plan=view.plan_name,
        state=state,
        price=view.price,
        cycle=_cycle(view, formats),
        day=view.day,
        days=view.days,
        method=_method(view.method, formats),
        ends_on=view.cancels_on,
    )


def _cycle(view: SubscriptionView, formats: Formats) -> str:
    if view.interval == "month" and view.interval_count == 1:
        return formats.gettext("monthly, on day %(day)s", day=view.anchor_day)
    if view.interval == "year" and view.interval_count == 1:
        return formats.gettext("yearly, on %(day)s", day=formats.day(view.period_end, "short"))
    units = {
        "day": formats.gettext("days"),
        "week": formats.gettext("weeks"),
        "month": formats.gettext("months"),
        "year": formats.gettext("years"),
    }
    return formats.gettext(
        "every %(count)s %(unit)s",
        count=view.interval_count,
        unit=units.get(view.interval, view.interval),
    )


def _method(method: MethodView | None, formats: Formats) -> str:
    if method is None:
        return ""
    if method.kind != "card":
        return {"pix": "Pix", "boleto": "Boleto"}.get(method.kind, method.kind)
    name = f"{method.brand.capitalize()} •• {method.last4}"
    if method.exp_month is None or method.exp_year is None:
        return name
    expires = f"{method.exp_month:02}/{method.exp_year % 100:02}"
    return formats.gettext("%(card)s, expires %(month)s", card=name, month=expires)


def _invoice(
    ticket: Ticket, bill: InvoiceView, account: AccountView, formats: Formats, *, may_fix: bool
) -> InvoiceLine:
    doubled = {one.invoice_id for one in account.duplicates if one.refundable.minor > 0}
    fix_url = f"/tickets/{ticket.id}/money/reissue/new?invoice={bill.invoice_id}"
    return InvoiceLine(
        id=str(bill.invoice_id),
        on=formats.local(bill.issued_at).date(),
        number=bill.number,
        state=_invoice_state(bill, due_back=bill.invoice_id in doubled),
        total=bill.total,
        explanation=" ".join(_line(line, formats) for line in bill.lines),
        url=f"/invoices/{bill.invoice_id}",
        fix_url=fix_url if may_fix and bill.state in ("open", "paid") else "",
    )


def _invoice_state(bill: InvoiceView, *, due_back: bool) -> InvoiceState:
    if due_back:
        return "due_back"
    if bill.state in ("void", "uncollectible", "draft"):
        return bill.state  # type: ignore[return-value]  # the same words
    if bill.payment_state in ("refunded", "part_refunded", "failed", "pending"):
        return bill.payment_state  # type: ignore[return-value]
    return "paid" if bill.state == "paid" else "open"


def _after_discount(line: LineView) -> Money:
    full = full_price(line.arithmetic)
    return full - Money(line.arithmetic.get("off_minor", 0), full.currency)


def _line(line: LineView, formats: Formats) -> str:
    """Say what one line is, which days it covers, and which part of a cycle they are."""
    if line.start is None or line.end is None:
        return f"{line.label}: {formats.money(line.total)}."
    days, of_days = line.arithmetic.get("days"), line.arithmetic.get("of_days")
    if days and of_days and days < of_days:
        return formats.gettext(
            "%(what)s, %(start)s to %(end)s, %(days)s of %(of_days)s days of %(full)s: %(amount)s.",
            what=line.label,
            start=formats.day(line.start, "short"),
            end=formats.day(line.end - timedelta(days=1), "short"),
            days=days,
            of_days=of_days,
            full=formats.money(_after_discount(line)),
            amount=formats.money(line.total),
        )
    return formats.gettext(
        "%(what)s, %(start)s to %(end)s: %(amount)s.",
        what=line.label,
        start=formats.day(line.start, "short"),
        end=formats.day(line.end - timedelta(days=1), "short"),
        amount=formats.money(line.total),
    )
