"""Money acts in words, in the language of whoever reads them.

Inside `flask_babel.force_locale` the reader is the customer: `news` writes to her.
"""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

from babel.dates import format_date
from flask_babel import gettext

from billing_core.domain.invoice import full_price
from billing_core.domain.money import Money
from billing_core.preview import ChangeRow, PreviewLine
from helpdesk.billing_desk.frozen import Shown, money_from
from helpdesk.invoices.words import arithmetic
from helpdesk.web.formats import Formats


def _(sentence: str, /, **values: Any) -> str:
    """Translate and fill. Named `_` so that the catalogue tools find its sentences."""
    return str(gettext(sentence, **values))


UNUSED = "proration_credit"  # the line that gives back what was paid and not used
CARD_TAKES = timedelta(days=60)  # one or two statements


def reason(code: str) -> str:
    words = {
        "duplicate": _("Charged twice, our mistake"),
        "our_mistake": _("Wrong charge, our mistake"),
        "service_disruption": _("The service did not work"),
        "order_change": _("The customer changed the order"),
        "product_unsatisfactory": _("The customer is not satisfied"),
        "goodwill": _("Goodwill"),
        "fraudulent": _("The customer did not make this purchase"),
    }
    return words.get(code, code)


def act_title(kind: str) -> str:
    return {
        "refund": _("Refund money"),
        "credit": _("Give credit"),
        "reissue": _("Put a charge right"),
        "plan_change": _("Change plan"),
    }[kind]


def method(facts: dict[str, str] | None) -> str:
    """Return how an agent reads a way to pay: `Visa •• 4417`."""
    if facts is None:
        return _("original payment method")
    if facts["kind"] == "bank_transfer":
        return _("bank transfer to %(payee)s", payee=facts["last4"])
    if facts["kind"] == "card":
        return f"{facts['brand'] or _('Card')} •• {facts['last4']}"
    return {"pix": "Pix", "boleto": _("Boleto")}.get(facts["kind"], facts["kind"])


def arrives(facts: dict[str, str] | None, formats: Formats) -> str:
    """Return when refunded money is seen, for the agent."""
    kind = facts["kind"] if facts else ""
    if kind == "card":
        day = formats.day((formats.now + CARD_TAKES), "short")
        return _("on the statement by %(day)s", day=day)
    if kind == "pix":
        return _("within minutes")
    return _("within two working days")


# ---- before and after ----

Row = tuple[str, str, str, str, bool]


def change_rows(shown: Shown, formats: Formats) -> list[Row]:
    """Return (label, detail, before, after, changes) for every thing that may change."""
    rows = []
    for row in shown.rows:
        label, detail = _change_label(row, shown, formats)
        before, after = (_value(row.item, value, formats) for value in (row.before, row.after))
        if row.item == "plan":
            before, after = (
                f"{name}, {amount}"
                for name, amount in (
                    (before, _amount_of(row, "before_minor", formats)),
                    (after, _amount_of(row, "after_minor", formats)),
                )
            )
        rows.append((label, detail, before, after, row.before != row.after))
    return rows


def _change_label(row: ChangeRow, shown: Shown, formats: Formats) -> tuple[str, str]:
    day = formats.day(date.fromisoformat(row.data["on"]), "short") if "on" in row.data else ""
    labels: dict[str, tuple[str, str]] = {
        "payment.kept": (_("Paid with this charge"), ""),
        "payment.left": (_("Can still be refunded"), _("of this charge")),
        "payment.waiting": (
            _("Can still be paid"),
            {"pix": _("Pix code, withdrawn")}.get(
                row.data.get("rail", ""), _("boleto, withdrawn; if it is paid, a ticket opens")
            ),
        ),
        "refund.window": (
            _("The provider refunds until"),
            "" if row.data.get("partial", True) else _("only the whole charge"),
        ),
        "refund.payee": (_("By bank transfer to"), row.data.get("holder", "")),
        "invoice.left": (_("Valid on the invoice"), row.data.get("number", "")),
        "invoice.total": (_("Invoice total"), row.data.get("number", "")),
        "invoice.due": (_("To be paid"), ""),
        "line": (row.data.get("label", ""), _("this line")),
        "credit.balance": (
            _("Customer's credit"),
            _("courtesy") if shown.about.get("courtesy") else "",
        ),
        "next_charge": (_("Next charge, %(day)s", day=day), ""),
        "subscription.state": (_("Subscription"), ""),
        "plan": (_("Plan"), ""),
        "period_end": (_("Current cycle until"), ""),
    }
    return labels.get(row.item, (row.item, ""))


def _value(item: str, value: Money | str | date | None, formats: Formats) -> str:
    match value:
        case None:
            return _("none")
        case Money():
            return formats.money(value)
        case date():
            return formats.day(value - timedelta(days=1 if item == "period_end" else 0), "short")
    if item == "refund.payee":
        return {"pix": "Pix", "account": _("bank account")}.get(value, value)
    states = {
        "active": _("Active"),
        "past_due": _("Past due"),
        "paused": _("Paused"),
        "canceled": _("Ended"),
    }
    return states.get(value, value) if item == "subscription.state" else value


def _amount_of(row: ChangeRow, name: str, formats: Formats) -> str:
    return formats.money(Money(row.data[name], row.data["currency"]))


def per_period(amount: str, interval: str, count: int) -> str:
    """Return a price with its rhythm: `R$ 79,90/month`."""
    if count == 1:
        words = {
            "day": _("%(amount)s/day", amount=amount),
            "week": _("%(amount)s/week", amount=amount),
            "month": _("%(amount)s/month", amount=amount),
            "year": _("%(amount)s/year", amount=amount),
        }
        return words[interval]
    words = {
        "day": _("%(amount)s every %(count)s days", amount=amount, count=count),
        "week": _("%(amount)s every %(count)s weeks", amount=amount, count=count),
        "month": _("%(amount)s every %(count)s months", amount=amount, count=count),
        "year": _("%(amount)s every %(count)s years", amount=amount, count=count),
    }
    return words[interval]


def feature(name: str) -> str:
    return {
        "profiles": _("Profiles"),
        "screens": _("Screens at once"),
        "downloads": _("Devices with downloads"),
    }.get(name, name)


def line_words(line: PreviewLine, name: str, formats: Formats) -> tuple[str, str]:
    """Return what a coming line is, and its arithmetic as a fraction of the cycle."""
    sums = arithmetic(line.arithmetic, formats) or formats.money(full_price(line.arithmetic))
    days = (line.end - line.start).days
    if line.kind == UNUSED:
        return (
            _("%(plan)s that %(name)s paid for and will not use", plan=line.label, name=name),
            _("%(sum)s, comes back as a discount", sum=sums),
        )
    return (
        _("%(plan)s for the %(days)s days left", plan=line.label, days=days),
        sums,
    )


# ---- why it ended, for the agent ----


def failure(code: str) -> str:
    return {
        "refused": _("Another person did not approve it."),
        "withdrawn": _("The request was taken back."),
        "expired": _("Nobody decided within 24 hours."),
        "stale": _("The account changed while the request waited. Make a new preview."),
        "requester_lost_right": _("The person who asked may no longer do this."),
        "approver_lost_right": _("The person who approved may no longer do this."),
        "limit_lowered": _("The limit of the person who asked was lowered meanwhile."),
        "request_changed": _("The request is not what was approved."),
        "no_method": _("There is no payment method to charge."),
    }.get(code, _("The provider's answer: %(code)s", code=code) if code else "")


# ---- to the customer ----


def news(kind: str, shown: Shown, formats: Formats) -> str:
    """Return what the customer is told once the act is done."""
    tellers: dict[str, Callable[[Shown, Formats], str]] = {
        "refund": _refund_news,
        "credit": _credit_news,
        "reissue": _reissue_news,
        "plan_change": _plan_news,
    }
    return tellers[kind](shown, formats)


def _refund_news(shown: Shown, formats: Formats) -> str:
    about = shown.about
    told = _both_ways(shown, money_from(about["amount"]), formats)
    coming = shown.row("next_charge")
    if about["courtesy"] is None:
        return told
    credit = formats.money(money_from(about["courtesy"]))
    if coming is None or not isinstance(coming.after, Money):
        return told + " " + _("You also got %(credit)s of credit.", credit=credit)
    return (
        told
        + " "
        + _(
            "You also got %(credit)s of credit: on %(day)s the charge will be %(amount)s.",
            credit=credit,
            day=formats.day(date.fromisoformat(coming.data["on"]), "table"),
            amount=formats.money(coming.after),
        )
    )


def _both_ways(shown: Shown, amount: Money, formats: Formats) -> str:
    """Say what went back as money and what as credit, where credit had paid a part."""
    row = shown.row("payment.kept") or shown.row("payment.left")
    money = amount
    if row is not None and isinstance(row.before, Money) and isinstance(row.after, Money):
        money = row.before - row.after
    elif row is None:
        money = Money.zero(amount.currency)
    told = _given_back(money, shown.about["method"], formats) if money else ""
    credit = amount - money
    if not credit:
        return told
    returned = _("%(credit)s is back in your credit.", credit=formats.money(credit))
    return f"{told} {returned}".strip()


def _given_back(amount: Money, method: dict[str, str] | None, formats: Formats) -> str:
    text = formats.money(amount)
    kind = method["kind"] if method else ""
    if method is not None and kind == "card":
        return _(
            "We refunded %(amount)s to your %(brand)s ending %(last4)s. It shows by %(day)s.",
            amount=text,
            brand=method["brand"] or _("card"),
            last4=method["last4"],
            day=_long_day(formats.now + CARD_TAKES, formats),
        )
    if kind == "bank_transfer" and method is not None:
        return _(
            "We are sending %(amount)s to you by bank transfer (%(payee)s).",
            amount=text,
            payee=method["last4"],
        )
    if kind == "pix":
        return _("We refunded %(amount)s by Pix. It arrives within minutes.", amount=text)
    return _(
        "We refunded %(amount)s the way you paid. It arrives within two working days.", amount=text
    )


def _credit_news(shown: Shown, formats: Formats) -> str:
    amount = formats.money(money_from(shown.about["amount"]))
    coming = shown.row("next_charge")
    if coming is None or not isinstance(coming.after, Money):
        return _("You got %(amount)s of credit. It comes off your next charge.", amount=amount)
    return _(
        "You got %(amount)s of credit: on %(day)s the charge will be %(next)s.",
        amount=amount,
        day=formats.day(date.fromisoformat(coming.data["on"]), "table"),
        next=formats.money(coming.after),
    )


def _reissue_news(shown: Shown, formats: Formats) -> str:
    about = shown.about
    total = shown.row("invoice.total")
    if total is None or not isinstance(total.after, Money) or not isinstance(total.before, Money):
        raise AssertionError("a correction shows the invoice's total")
    values = {"number": about["number"], "total": formats.money(total.after)}
    if about["invoice_state"] == "open":
        return _(
            "We cancelled invoice %(number)s. You do not need to pay it. "
            "The right one is %(total)s.",
            **values,
        )
    corrected = _("We corrected invoice %(number)s: the right amount is %(total)s.", **values)
    difference = total.before - total.after
    if about["settle_by"] == "credit":
        credit = formats.money(difference)
        return (
            corrected
            + " "
            + _("%(credit)s stays as credit and comes off your next charge.", credit=credit)
        )
    return corrected + " " + _both_ways(shown, difference, formats)


def _plan_news(shown: Shown, formats: Formats) -> str:
    about = shown.about
    price = per_period(
        formats.money(money_from(about["to_amount"])), about["interval"], about["interval_count"]
    )
    coming = shown.row("next_charge")
    on = coming.data["on"] if coming else about["period_end"]
    then = _(
        "From %(day)s you pay %(price)s.",
        day=_long_day(date.fromisoformat(on), formats),
        price=price,
    )
    if about["when"] == "period_end":
        starts = _(
            "%(plan)s starts on %(day)s. Until then nothing changes.",
            plan=about["to"],
            day=_long_day(date.fromisoformat(about["period_end"]), formats),
        )
        return f"{starts} {then}"
    charge = next((line for line in shown.lines if line.kind != UNUSED), None)
    unused = next((line for line in shown.lines if line.kind == UNUSED), None)
    if charge is None or unused is None:
        return _("%(plan)s starts today.", plan=about["to"]) + " " + then
    values = {
        "plan": about["to"],
        "old": about["from"],
        "days": (charge.end - charge.start).days,
        "new_amount": formats.money(charge.amount),
        "old_amount": formats.money(-unused.amount),
    }
    return f"{_starts_today(shown, charge.amount + unused.amount, values, formats)} {then}"


def shown_unused(shown: Shown) -> bool:
    """Say whether anything that was paid and not used comes off the price."""
    return any(line.kind == UNUSED and line.amount.minor for line in shown.lines)


def _starts_today(shown: Shown, net: Money, values: dict[str, Any], formats: Formats) -> str:
    """Return what today costs and why; `net` is before the credit balance."""
    if net.minor <= 0:
        return _(
            "%(plan)s starts today and you pay nothing now. The %(days)s days of %(old)s you "
            "already paid for (%(old_amount)s) cover the %(days)s days of %(plan)s "
            "(%(new_amount)s); what is left stays as credit.",
            **values,
        )
    charge = shown.charge_now or Money.zero(net.currency)
    if net.minor == charge.minor and not shown_unused(shown):
        return _(
            "Today you pay %(charge)s and %(plan)s starts right away. That is for the "
            "%(days)s days left in this cycle.",
            charge=formats.money(charge),
            plan=values["plan"],
            days=values["days"],
        )
    opening = _(
        "Today you pay %(charge)s and %(plan)s starts right away. That is %(days)s days of "
        "%(plan)s (%(new_amount)s) minus the %(days)s days of %(old)s you already paid for "
        "(%(old_amount)s).",
        charge=formats.money(charge),
        **values,
    )
    if charge == net:
        return opening
    used = formats.money(net - charge)
    return opening + " " + _("%(credit)s of your credit comes off as well.", credit=used)


def _long_day(day: date | datetime, formats: Formats) -> str:
    """Write `16 de janeiro` or `16 January`; the year only where it is another one."""
    when = formats.local(day).date() if isinstance(day, datetime) else day
    near = abs(when - formats.today()) < timedelta(days=300)
    pattern = {"pt": "d 'de' MMMM"}.get(formats.locale.language, "d MMMM")
    year = {"pt": " 'de' y"}.get(formats.locale.language, " y")
    return str(format_date(when, pattern if near else pattern + year, locale=formats.locale))
