"""Filling the money drawers: what is chosen from, and what a preview shows."""

from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from babel.core import Locale
from flask_babel import force_locale
from sqlalchemy.orm import Session

from billing_core.catalog import plans_on_sale
from billing_core.corrections import ReissueAsk
from billing_core.credits import CreditAsk
from billing_core.domain.money import Money
from billing_core.errors import NotAllowed
from billing_core.out_of_band import TransferAsk
from billing_core.refunds import RefundAsk, Windows
from billing_core.store.queries import account_of
from billing_core.store.views import AccountView, PriceView
from billing_core.subscriptions import PlanChangeAsk
from helpdesk.billing_desk import acts, rows, words
from helpdesk.billing_desk.about import INVOICES, payments_of
from helpdesk.billing_desk.choices import charges, wrong_lines
from helpdesk.billing_desk.frozen import Shown, money_from, thaw
from helpdesk.billing_desk.limits import Verdict, judge
from helpdesk.billing_desk.model import MoneyPreview
from helpdesk.billing_desk.plan_screen import coming_charges, gains, ruler, sums
from helpdesk.billing_desk.queries import approvers
from helpdesk.billing_desk.screen import (
    ChooseScreen,
    CurrentPlan,
    DrawerFrame,
    NeedsApproval,
    PlanWays,
    PreviewScreen,
    WillRead,
)
from helpdesk.billing_desk.words import _
from helpdesk.customers.model import Customer
from helpdesk.outbox.queries import reply_channels
from helpdesk.staff.model import Staff
from helpdesk.tickets.model import Ticket
from helpdesk.web.formats import Formats
from helpdesk.web.screen import person

if TYPE_CHECKING:
    from helpdesk.web.access import Agent

KIND = {"refund": "refund", "credit": "credit", "plan": "plan_change", "reissue": "reissue"}
WORD = {kind: word for word, kind in KIND.items()}
LANGUAGE_NAMES = {"pt": "Português", "en": "English"}


def frame_of(
    session: Session, ticket: Ticket, word: str, step: int, expires_at: datetime | None = None
) -> DrawerFrame:
    customer = session.get(Customer, ticket.customer_id) if ticket.customer_id else None
    return DrawerFrame(
        ticket_id=str(ticket.id),
        kind=word,  # type: ignore[arg-type]
        title=words.act_title(KIND[word]),
        customer_name=customer.name if customer else ticket.customer_name,
        step=step,
        expires_at=expires_at,
    )


def reasons() -> tuple[tuple[str, str], ...]:
    from helpdesk.billing_desk.forms import REASONS

    return tuple((code, words.reason(code)) for code in REASONS)


def choose(
    session: Session,
    ticket: Ticket,
    word: str,
    *,
    values: dict[str, str],
    formats: Formats,
    windows: Windows,
    problem: tuple[str, str] = ("", ""),
    offers_credit: bool = False,
) -> ChooseScreen:
    """Return step 1. `problem` is (field, sentence) where the last try was refused."""
    assert ticket.customer_id is not None
    account = account_of(session, ticket.customer_id, formats.now, invoices=INVOICES)
    return ChooseScreen(
        frame=frame_of(session, ticket, word, 1),
        values=values,
        reasons=reasons(),
        currency=account.currency,
        problem=problem[1],
        problem_field=problem[0],
        offers_credit=offers_credit,
        charges=charges(session, account, windows, formats) if word == "refund" else (),
        lines=wrong_lines(account) if word == "reissue" else (),
        current=_current(account) if word == "plan" else None,
        prices=_prices(session, account, formats) if word == "plan" else (),
    )


def show(
    session: Session,
    agent: "Agent",
    ticket: Ticket,
    preview: MoneyPreview,
    *,
    key: str,
    formats: Formats,
    company_currency: str,
) -> PreviewScreen:
    """Return step 2 of a frozen preview."""
    shown = thaw(preview.shown)
    amount = Money(preview.amount_minor, preview.currency)
    verdict = _verdict(session, agent, preview, formats.now, company_currency)
    common: dict[str, Any] = {
        "frame": frame_of(session, ticket, WORD[preview.kind], 2, preview.expires_at),
        "preview_id": str(preview.id),
        "key": key,
        "button": _button(preview.kind, shown, amount, verdict, formats),
        "values": values_of(preview, formats),
        "reasons": reasons(),
        "currency": preview.currency,
        "amount": amount,
        "rows": tuple(words.change_rows(shown, formats)),
        "will_read": will_read(session, ticket, preview.kind, shown, formats),
        "approval": _approval(session, agent, verdict, amount, formats),
    }
    if preview.kind == "refund":
        return PreviewScreen(**common, **_refund_parts(shown, formats))
    if preview.kind == "plan_change":
        parts = _plan_parts(session, preview, shown, common["frame"].first_name, formats)
        return PreviewScreen(**common, **parts)
    return PreviewScreen(**common)


def values_of(preview: MoneyPreview, formats: Formats) -> dict[str, str]:
    """Return what has to be typed to ask for the same thing again."""
    request = acts.read_back(preview.ask)
    match request.ask:
        case RefundAsk() as ask:
            courtesy = formats.figure(request.courtesy.amount) if request.courtesy else ""
            return {
                "payment": str(ask.payment_id),
                "amount": formats.figure(ask.amount),
                "reason": ask.reason,
                "courtesy": courtesy,
            }
        case TransferAsk() as ask:
            return {
                "payment": str(ask.payment_id),
                "amount": formats.figure(ask.amount),
                "reason": ask.reason,
            }
        case CreditAsk() as ask:
            return {"amount": formats.figure(ask.amount), "reason": ask.reason}
        case ReissueAsk() as ask:
            line_id, right = ask.lines[0]
            return {
                "invoice": str(ask.invoice_id),
                "line": str(line_id),
                "right": formats.figure(right),
                "reason": ask.reason,
                "settle_by": ask.settle_by,
            }
        case PlanChangeAsk() as ask:
            return {
                "subscription": str(ask.subscription_id),
                "price": str(ask.new_price_id),
                "when": ask.when,
            }


def will_read(
    session: Session, ticket: Ticket, kind: str, shown: Shown, formats: Formats
) -> WillRead:
    """Return the customer's message, in her language and on the channel she used last."""
    customer = session.get_one(Customer, ticket.customer_id)
    locale = Locale.parse(customer.language)
    with force_locale(customer.language):
        text = words.news(kind, shown, Formats(locale, formats.zone, formats.now, formats.gettext))
    channels = reply_channels(session, ticket)
    return WillRead(
        text=text,
        language=customer.language.replace("_", "-"),
        language_name=LANGUAGE_NAMES.get(locale.language, locale.language),
        channel=channels[0].channel if channels else "",
    )


def _current(account: AccountView) -> CurrentPlan | None:
    now = account.subscription
    if now is None:
        return None
    return CurrentPlan(
        subscription_id=str(now.subscription_id),
        plan=now.plan_name,
        price=now.price,
        interval=now.interval,
        interval_count=now.interval_count,
        period_end=now.period_end,
    )


def _prices(
    session: Session, account: AccountView, formats: Formats
) -> tuple[tuple[PriceView, str], ...]:
    """Return what she may change to; first what is next above her plan, as most ask for more."""
    subscription = account.subscription
    current = subscription.price_id if subscription else None
    now = subscription.price.minor if subscription else 0
    on_sale = plans_on_sale(session, account.currency)
    return tuple(
        (
            one,
            words.per_period(formats.money(one.amount), one.interval, one.interval_count),
        )
        for one in sorted(on_sale, key=lambda one: (one.amount.minor <= now, one.amount.minor))
        if one.price_id != current
    )


def _verdict(
    session: Session, agent: "Agent", preview: MoneyPreview, at: datetime, currency: str
) -> Verdict:
    """Say what confirming would need if it happened now. Confirming judges again."""
    staff = session.get_one(Staff, agent.id)
    spent = rows.spent(
        session, staff_id=agent.id, customer_id=preview.customer_id, currency=currency, at=at
    )
    if acts.read_back(preview.ask).is_transfer:
        return Verdict("transfer")
    amount = Money(preview.amount_minor, preview.currency)
    return judge(amount, rows.limits_of(staff, currency), spent)


def _approval(
    session: Session, agent: "Agent", verdict: Verdict, amount: Money, formats: Formats
) -> NeedsApproval | None:
    if not verdict.needs_approval:
        return None
    values = {"amount": formats.money(amount)}
    if verdict.limit is not None and verdict.used is not None:
        values |= {"limit": formats.money(verdict.limit), "used": formats.money(verdict.used)}
    sentence = {
        "act": lambda: _("%(amount)s is above your limit of %(limit)s for one act.", **values),
        "day": lambda: _(
            "With the %(used)s of the last 24 hours, %(amount)s is above your limit of "
            "%(limit)s a day.",
            **values,
        ),
        "customer": lambda: _(
            "This customer got %(used)s in the last 24 hours; with %(amount)s that is above "
            "your limit of %(limit)s.",
            **values,
        ),
        "transfer": lambda: _("A refund by bank transfer always needs a second person."),
        "currency": lambda: _("%(amount)s is not in the currency of your limit.", **values),
    }[verdict.bound]()
    people = tuple(
        person(one.name, key=str(one.id), availability=one.availability)  # type: ignore[arg-type]
        for one in approvers(session, but=agent.id)
    )
    return NeedsApproval(sentence, people)


def _button(kind: str, shown: Shown, amount: Money, verdict: Verdict, formats: Formats) -> str:
    text = formats.money(amount)
    if verdict.needs_approval:
        return _("Ask approval for %(amount)s", amount=text)
    about = shown.about
    if kind == "refund":
        return _("Refund %(amount)s", amount=formats.money(money_from(about["amount"])))
    if kind == "credit":
        return _("Give %(amount)s of credit", amount=text)
    if kind == "plan_change":
        if about["when"] == "period_end":
            day = formats.day(date.fromisoformat(about["period_end"]), "short")
            return _("Change to %(plan)s on %(day)s", plan=about["to"], day=day)
        if shown.charge_now is not None and shown.charge_now.minor > 0:
            return _("Charge %(amount)s and change now", amount=formats.money(shown.charge_now))
        return _("Change to %(plan)s now", plan=about["to"])
    if about["invoice_state"] == "open":
        return _("Cancel and issue again, %(amount)s less", amount=text)
    if about["settle_by"] == "credit":
        return _("Correct it and give %(amount)s of credit", amount=text)
    return _("Correct it and refund %(amount)s", amount=text)


def _refund_parts(shown: Shown, formats: Formats) -> dict[str, Any]:
    about = shown.about
    amount, captured = money_from(about["amount"]), money_from(about["captured"])
    whole = _("whole amount") if amount == captured else _("part of it")
    where = _("invoice %(number)s", number=about["number"]) if about["number"] else _("no invoice")
    moment = datetime.fromisoformat(about["captured_at"])
    return {
        "refund_amount": amount,
        "charge_name": _("charged on %(when)s", when=formats.entry(moment)),
        "charge_detail": f"{whole}, {where}",
        "goes_to": words.method(about["method"]),
        "goes_to_kind": about["method"]["kind"] if about["method"] else "",
        "arrives": words.arrives(about["method"], formats),
    }


def _plan_parts(
    session: Session, preview: MoneyPreview, shown: Shown, name: str, formats: Formats
) -> dict[str, Any]:
    about = shown.about
    account = account_of(session, preview.customer_id, formats.now, invoices=1)
    return {
        "current": _current(account),
        "prices": _prices(session, account, formats),
        "ways": _ways(session, preview, shown, formats.now),
        "ruler": ruler(shown, formats),
        "sums": sums(shown, name, formats),
        "to_pay": shown.charge_now,
        "pay_with": words.method(about["method"]),
        "gains": gains(about),
        "coming": coming_charges(shown, formats),
        "needs_acceptance": bool(shown.charge_now and shown.charge_now.minor > 0),
    }


def _ways(session: Session, preview: MoneyPreview, shown: Shown, at: datetime) -> PlanWays:
    """Return both moments with what each costs today, whichever is chosen."""
    now = shown.charge_now
    later_on = date.fromisoformat(shown.about["period_end"])
    if shown.about["when"] != "now":
        ask = acts.read_back(preview.ask).ask
        assert isinstance(ask, PlanChangeAsk)
        at_once = PlanChangeAsk(
            subscription_id=ask.subscription_id,
            new_price_id=ask.new_price_id,
            when="now",
            reason=ask.reason,
        )
        try:
            now = acts.figures(session, acts.Request(at_once), at, {}).preview.charge_now
        except NotAllowed:
            now = None
    return PlanWays(now, later_on, shown.about["when"])


def prefilled(
    session: Session, customer_id: UUID, given: dict[str, str], formats: Formats
) -> dict[str, str]:
    """Complete the values of a refund that was offered: its payment, the whole of what is left."""
    if "payment" not in given:
        return given
    account = account_of(session, customer_id, formats.now, invoices=INVOICES)
    for payment, _invoice in payments_of(account):
        if str(payment.payment_id) == given["payment"]:
            return {"amount": formats.figure(payment.refundable), "reason": "duplicate"} | given
    return given


def currency_of(session: Session, customer_id: UUID, formats: Formats) -> str:
    """Return the currency a customer's account is kept in."""
    return account_of(session, customer_id, formats.now, invoices=1).currency
