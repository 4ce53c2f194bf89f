"""The board's figures in the reader's language."""

from decimal import Decimal
from typing import Any

from babel.numbers import format_decimal
from flask_babel import gettext

from helpdesk.reports.chart import Summary, Words
from helpdesk.sla.rules import Metric
from helpdesk.web.formats import Formats


def _(message: str, **values: Any) -> str:
    return str(gettext(message, **values))


def span(formats: Formats, seconds: int | None) -> str:
    """Write a length of time as the board does: `2:04`, `1 h 26`, `2 d 3 h`."""
    if seconds is None:
        return "\N{EN DASH}"
    minutes, rest = divmod(seconds, 60)
    hours, minutes_left = divmod(minutes, 60)
    if hours >= 48:
        return formats.gettext("%(days)s d %(hours)s h", days=hours // 24, hours=hours % 24)
    if hours:
        return formats.gettext("%(hours)s h %(minutes)s", hours=hours, minutes=f"{minutes_left:02}")
    return f"{minutes}:{rest:02}"


def promise(formats: Formats, seconds: int) -> str:
    """Write a target without the zeros nobody says: `30 min`, `4 h`."""
    if seconds % 3600 == 0:
        return _("%(hours)s h", hours=seconds // 3600)
    if seconds % 60 == 0 and seconds < 3600:
        return _("%(minutes)s min", minutes=seconds // 60)
    return formats.duration(seconds)


def tenths(formats: Formats, value: int) -> str:
    """Write a number counted in tenths: `94.1` or `94,1`; whole ones without a fraction."""
    return str(format_decimal(Decimal(value) / 10, "0.#", locale=formats.locale))


def metric_name(metric: Metric) -> str:
    return {
        "first_response": _("First response"),
        "next_response": _("Next response"),
        "resolution": _("Resolution"),
    }[metric]


def chart_words(formats: Formats) -> Words:
    """Return the sentences of the chart for one reader."""

    def summary(facts: Summary) -> str:
        values = {
            "name": metric_name(facts.metric),
            "most": formats.duration(facts.highest),
            "clock": formats.clock(facts.highest_at),
            "latest": formats.duration(facts.latest),
            "count": facts.n,
        }
        if facts.target is None:
            return _(
                "%(name)s today: the 90th percentile was highest at %(clock)s with %(most)s "
                "and is now %(latest)s. Answers measured: %(count)s.",
                **values,
            )
        return _(
            "%(name)s today: the 90th percentile was highest at %(clock)s with %(most)s and is "
            "now %(latest)s, against a target of %(target)s. Answers measured: %(count)s.",
            target=promise(formats, facts.target),
            **values,
        )

    def nothing(metric: Metric) -> str:
        return _("%(name)s today: nothing to measure yet.", name=metric_name(metric))

    def target(seconds: int, same: bool) -> str:
        length = promise(formats, seconds)
        if same:
            return _("target, %(length)s", length=length)
        return _("median target, %(length)s", length=length)

    return Words(summary, nothing, target)
