"""Invoices in words: what each line adds up from, and why it is not what it was.

Every figure comes from a line's arithmetic (billing_core/domain/invoice.py) or from a step
of the bridge (billing_core/domain/bridge.py); nothing is computed anew.
"""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from babel.dates import format_date
from babel.numbers import format_currency, format_decimal

from billing_core.domain.bridge import Step
from billing_core.domain.invoice import full_price
from billing_core.domain.money import Money, minor_units
from billing_core.store.invoice import InvoiceLine
from helpdesk.web.formats import Formats


def line_title(line: InvoiceLine, formats: Formats) -> str:
    return _titled(line.kind, line.label, formats)


def line_detail(line: InvoiceLine, formats: Formats) -> str:
    """Return which days a line covers and how its amount came about, as sentences."""
    facts = line.arithmetic
    sentences = []
    if line.period_start is not None and line.period_end is not None:
        sentences.append(_period(line.period_start, line.period_end, formats))
    if facts:
        sentences.append(arithmetic(facts, formats))
        if "cap_minor" in facts:
            cap = formats.money(Money(facts["cap_minor"], facts["currency"]))
            sentences.append(
                formats.gettext("Limited to %(amount)s, what was left of that charge", amount=cap)
            )
        if "corrected_from_minor" in facts:
            was = formats.money(Money(facts["corrected_from_minor"], facts["currency"]))
            sentences.append(formats.gettext("Corrected; it was %(amount)s before", amount=was))
    return " ".join(f"{sentence.removesuffix('.')}." for sentence in sentences if sentence)


def arithmetic(facts: dict[str, Any], formats: Formats) -> str:
    """Return a line's sum: "18 of 30 days of R$129.90". Empty where it is the price itself."""
    price = _price(facts, formats)
    part = _part(facts)
    if part is None:
        return price
    after = full_price(facts) - Money(facts.get("off_minor", 0), facts["currency"])
    words = {"amount": formats.money(after), **_numbers(part, formats)}
    if facts.get("unit") == "second":
        said = formats.gettext("%(part)s of %(whole)s seconds of %(amount)s", **words)
    else:
        said = formats.gettext("%(part)s of %(whole)s days of %(amount)s", **words)
    return f"{said} ({price})" if price else said


def tax_words(facts: dict[str, Any], amount: Money, formats: Formats) -> str:
    """Return a tax that is inside the prices: "R$6.19 of ISS (5%)"."""
    return formats.gettext(
        "%(amount)s of %(tax)s (%(percent)s)",
        amount=formats.money(amount),
        tax=facts["code"],
        percent=percent(facts["percent"], formats),
    )


def percent(text: str, formats: Formats) -> str:
    return f"{format_decimal(Decimal(text), locale=formats.locale)}%"


def month_of(day: date, formats: Formats) -> str:
    """Return the month's name, with its year where that is not this one."""
    other = day.year != formats.today().year
    spoken = {"pt": "LLLL 'de' y", "en": "LLLL y"}.get(formats.locale.language, "LLLL y")
    return str(format_date(day, spoken if other else "LLLL", locale=formats.locale))


def step_words(step: Step, formats: Formats) -> str:
    """Return one cause of the difference, in a few words."""
    before, after = step.data.get("before"), step.data.get("after")
    match step.cause:
        case "plan":
            return formats.gettext("%(before)s became %(after)s", before=before, after=after)
        case "price":
            return _repriced(step, formats)
        case "quantity":
            values = {"before": _number(before, formats), "after": _number(after, formats)}
            return formats.gettext(
                "%(label)s: %(after)s instead of %(before)s", label=step.label, **values
            )
        case "usage":
            values = {"before": _number(before, formats), "after": _number(after, formats)}
            return formats.gettext(
                "%(label)s: %(after)s used, %(before)s before", label=step.label, **values
            )
        case "days":
            return formats.gettext("%(label)s: days charged", label=step.label)
        case "discount":
            return _discount(before, after, formats)
        case "tax":
            return _taxed(before, after, formats)
        case "correction":
            return formats.gettext("%(label)s: earlier correction", label=step.label)
        case "added":
            return _titled(step.data["kind"], step.label, formats)
        case "gone":
            title = _titled(step.data["kind"], step.label, formats)
            return formats.gettext("Not any more: %(what)s", what=title)
        case "credit":
            return formats.gettext("Paid from the credit balance")


def _titled(kind: str, label: str, formats: Formats) -> str:
    if kind == "proration_credit":
        return formats.gettext("%(plan)s, time not used", plan=label)
    if kind == "proration_charge":
        return formats.gettext("%(plan)s, rest of the period", plan=label)
    if kind == "usage":
        return formats.gettext("%(plan)s, what was used", plan=label)
    return label


def _period(start: date, end: date, formats: Formats) -> str:
    days = {
        "start": formats.day(start, "short"),
        "end": formats.day(end - timedelta(days=1), "short"),
    }
    return formats.gettext("From %(start)s to %(end)s", **days)


def _price(facts: dict[str, Any], formats: Formats) -> str:
    """Return how a full period's price came about; empty where it is one unit's price."""
    sum_words = _sum(facts, formats)
    if "off_minor" not in facts:
        return sum_words
    given = facts["discount"]
    off = Money(facts["off_minor"], facts["currency"])
    less = percent(given["percent"], formats) if "percent" in given else formats.money(off)
    return formats.gettext(
        "%(price)s less %(off)s, coupon %(code)s",
        price=sum_words or formats.money(full_price(facts)),
        off=less,
        code=given["code"],
    )


def _sum(facts: dict[str, Any], formats: Formats) -> str:
    currency = facts["currency"]
    if facts.get("steps"):
        parts = [_step(step, currency, formats) for step in facts["steps"]]
        text = " + ".join(part for pair in parts for part in pair if part)
        plain = len(facts["steps"]) == 1 and not facts["steps"][0]["flat_minor"]
        return text if plain else f"{text} = {formats.money(full_price(facts))}"
    if facts["quantity"] == 1 or "full_minor" in facts:
        return ""
    unit = formats.money(Money(facts["unit_minor"], currency))
    return f"{_number(facts['quantity'], formats)} × {unit}"


def _step(step: dict[str, Any], currency: str, formats: Formats) -> tuple[str, str]:
    unit = _unit_price(step["unit"], currency, formats)
    flat = formats.money(Money(step["flat_minor"], currency)) if step["flat_minor"] else ""
    return f"{_number(step['units'], formats)} × {unit}", flat


def _unit_price(text: str, currency: str, formats: Formats) -> str:
    """Write the price of one unit, with as many decimals as it has."""
    minor = Decimal(text).normalize()
    if minor == minor.to_integral_value():
        return formats.money(Money(int(minor), currency))
    major = minor.scaleb(-minor_units(currency))
    places = -int(major.as_tuple().exponent)
    pattern = formats.locale.currency_formats["standard"].pattern.replace(".00", "." + "0" * places)
    return str(
        format_currency(major, currency, pattern, locale=formats.locale, currency_digits=False)
    )


def _part(facts: dict[str, Any]) -> tuple[int, int] | None:
    """Return (part, whole) in days or seconds; None for a whole period."""
    if facts.get("unit") == "second":
        part, whole = facts["seconds"], facts["of_seconds"]
    else:
        part, whole = facts["days"], facts["of_days"]
    return None if part == whole else (part, whole)


def _numbers(part: tuple[int, int], formats: Formats) -> dict[str, str]:
    return {"part": _number(part[0], formats), "whole": _number(part[1], formats)}


def _number(value: Any, formats: Formats) -> str:
    return str(format_decimal(value, locale=formats.locale))


def _repriced(step: Step, formats: Formats) -> str:
    currency = step.amount.currency
    before, after = step.data["unit_before"], step.data["unit_after"]
    if before == after:
        return formats.gettext("%(label)s: new price", label=step.label)
    return formats.gettext(
        "%(label)s: %(after)s instead of %(before)s",
        label=step.label,
        before=formats.money(Money(before, currency)),
        after=formats.money(Money(after, currency)),
    )


def _discount(before: dict[str, Any] | None, after: dict[str, Any] | None, formats: Formats) -> str:
    if after is None and before is not None:
        return formats.gettext("Coupon %(code)s has ended", code=before["code"])
    if after is not None and before is None:
        return formats.gettext("Coupon %(code)s", code=after["code"])
    return formats.gettext("Another discount")


def _taxed(before: dict[str, Any] | None, after: dict[str, Any] | None, formats: Formats) -> str:
    if before is None or after is None:
        return formats.gettext("Tax")
    return formats.gettext(
        "%(label)s: %(after)s instead of %(before)s",
        label=after["code"],
        before=percent(before["percent"], formats),
        after=percent(after["percent"], formats),
    )
