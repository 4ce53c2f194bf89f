"""The parts of a plan change that explain it: the ruler of days, the sum, what comes next."""

from datetime import date, timedelta
from typing import Any

from billing_core.domain.calendar import next_boundary
from billing_core.domain.money import Money
from helpdesk.billing_desk import words
from helpdesk.billing_desk.frozen import Shown, money_from
from helpdesk.billing_desk.screen import Cell, Coming, Ruler, SumLine
from helpdesk.billing_desk.words import _
from helpdesk.web.formats import Formats

LONGEST_RULER = 62  # days; a year is said in words


def ruler(shown: Shown, formats: Formats) -> Ruler | None:
    """Return the days of the cycle; None where the plan does not change within it."""
    about = shown.about
    if about["when"] != "now" or not shown.lines:
        return None
    unused = next(line for line in shown.lines if line.kind == words.UNUSED)
    start, end = date.fromisoformat(about["period_start"]), unused.end
    on = unused.start
    if not 0 < (end - start).days <= LONGEST_RULER:
        return None
    days = [start + timedelta(days=n) for n in range((end - start).days)]
    used, left = (on - start).days, (end - on).days
    last = end - timedelta(days=1)
    spoken = _(
        "%(used)s days on %(old)s, from %(start)s on; %(left)s days on %(new)s, "
        "from %(on)s to %(last)s",
        used=used,
        old=about["from"],
        start=formats.day(start, "short"),
        left=left,
        new=about["to"],
        on=formats.day(on, "short"),
        last=formats.day(last, "short"),
    )
    cells = tuple(Cell(day.day, fresh=day >= on, today=day == on) for day in days)
    return Ruler(cells, used, left, start, last, on, spoken)


def sums(shown: Shown, name: str, formats: Formats) -> tuple[SumLine, ...]:
    """Return the coming invoice's lines, the charge first, each with its fraction of the cycle."""
    ordered = sorted(shown.lines, key=lambda line: line.kind == words.UNUSED)
    found = [
        SumLine(*words.line_words(line, name, formats), amount=line.amount) for line in ordered
    ]
    credit = shown.row("credit.balance")
    if found and credit and isinstance(credit.before, Money) and isinstance(credit.after, Money):
        used = credit.after - credit.before
        if used.minor:
            label = _("Customer's credit")
            how = _("comes off today") if used.minor < 0 else _("stays for the next charges")
            found.append(SumLine(label, how, used))
    return tuple(found)


def gains(about: dict[str, Any]) -> tuple[tuple[str, str, str], ...]:
    """Return (feature, before, after) of what becomes different."""
    return tuple(
        (words.feature(name), before or "–", after)
        for name, before, after in about["gains"]
        if before != after
    )


def coming_charges(shown: Shown, formats: Formats) -> tuple[Coming, ...]:
    """Return today's charge and the next ones, with what each would have been."""
    about, found = shown.about, []
    if shown.charge_now is not None and shown.charge_now.minor > 0:
        found.append(Coming(formats.today(), shown.charge_now, None, today=True))
    coming = shown.row("next_charge")
    if coming is None or not isinstance(coming.after, Money):
        return tuple(found)
    on = date.fromisoformat(coming.data["on"])
    before = coming.before if isinstance(coming.before, Money) else None
    same_day = coming.data.get("before_on", coming.data["on"]) == coming.data["on"]
    found.append(Coming(on, coming.after, before if same_day else None))
    while len(found) < 3:
        on = next_boundary(
            on,
            anchor_day=date.fromisoformat(about["period_start"]).day,
            interval=about["interval"],
            count=about["interval_count"],
        )
        found.append(
            Coming(
                on,
                money_from(about["to_amount"]),
                money_from(about["from_amount"]) if same_day else None,
            )
        )
    return tuple(found)
