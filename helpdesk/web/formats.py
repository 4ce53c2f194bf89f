"""How amounts, moments and spans of time read on a screen.

Money and dates are written by the server, never by the browser, so a figure in a
timeline, a panel and an e-mail is the same string. One `Formats` is one reader: their
locale, their time zone and the instant of this request.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any, Literal, Protocol

from babel.core import Locale
from babel.dates import format_date, format_datetime
from babel.numbers import format_currency, format_decimal
from flask import Flask, current_app, g
from flask_babel import get_locale, get_timezone, gettext

from billing_core.domain.money import Money, minor_units
from helpdesk.customers.handles import spaced

MINUS = "\N{MINUS SIGN}"

# Both masks of a Brazilian document keep their punctuation; a bullet stands for a hidden digit.
DOCUMENTS = (
    ("CPF", re.compile(r"[\d•]{3}\.[\d•]{3}\.[\d•]{3}-[\d•]{2}")),
    ("CNPJ", re.compile(r"[\w•]{2}\.[\w•]{3}\.[\w•]{3}/[\w•]{4}-[\d•]{2}")),
)

DayForm = Literal["weekday", "short", "table", "month", "long", "heading"]

# pt-BR wants "de" between words and slashes in tables; English wants neither.
PATTERNS: dict[str, dict[str, str]] = {
    "pt": {
        "weekday": "EEE, d MMM y",
        "short": "d MMM",
        "short_year": "d MMM y",
        "table": "dd/MM",
        "table_year": "dd/MM/y",
        "month": "MMM y",
        "long": "EEEE, d 'de' MMMM",
        "long_year": "EEEE, d 'de' MMMM 'de' y",
        "stamp": "dd/MM/y HH:mm:ss ZZZZ",
    },
    "en": {
        "weekday": "EEE, d MMM y",
        "short": "d MMM",
        "short_year": "d MMM y",
        "table": "d MMM",
        "table_year": "d MMM y",
        "month": "MMM y",
        "long": "EEEE, d MMMM",
        "long_year": "EEEE, d MMMM y",
        "stamp": "d MMM y HH:mm:ss ZZZZ",
    },
}


class Gettext(Protocol):
    """Translate `message` and fill its named placeholders."""

    def __call__(self, message: str, /, **values: Any) -> str: ...


@dataclass(frozen=True, slots=True)
class Formats:
    """The rules of one reader."""

    locale: Locale
    zone: tzinfo
    now: datetime  # aware
    gettext: Gettext

    def money(self, amount: Money, *, code: bool = False, sign: bool = False) -> str:
        """Write an amount: `R$ 129,90` or `R$129.90`, minus before the symbol.

        `code` adds the ISO code, for accounts with more than one currency.
        `sign` marks a gain with a plus.
        """
        places = minor_units(amount.currency)
        pattern = self.locale.currency_formats["standard"].pattern
        pattern = pattern.replace(".00", "." + "0" * places if places else "")
        text = format_currency(
            abs(major_units(amount)),
            amount.currency,
            pattern,
            locale=self.locale,
            currency_digits=False,  # ours decide, as in the ledger
        )
        lead = MINUS if amount.minor < 0 else "+" if sign and amount.minor > 0 else ""
        tail = f"\N{NO-BREAK SPACE}{amount.currency}" if code else ""
        return f"{lead}{text}{tail}"

    def figure(self, amount: Money) -> str:
        """Write the number alone, as a person would type it into an amount field."""
        places = minor_units(amount.currency)
        pattern = "0" if places == 0 else "0." + "0" * places
        text: str = format_decimal(abs(major_units(amount)), pattern, locale=self.locale)
        return (MINUS if amount.minor < 0 else "") + text

    def clock(self, moment: datetime, *, seconds: bool = False) -> str:
        """24-hour wall clock in the reader's zone."""
        return self.local(moment).strftime("%H:%M:%S" if seconds else "%H:%M")

    def day(self, day: date, form: DayForm = "weekday") -> str:
        """Write a date. Only `weekday` and `month`, which stand beside money, always say the year.

        A datetime is taken to the reader's zone first; a plain date is a billing date
        and is never shifted.
        """
        when = self.local(day).date() if isinstance(day, datetime) else day
        if form == "heading":
            return self._heading(when)
        patterns = self._patterns()
        elsewhere = when.year != self.today().year
        name = f"{form}_year" if elsewhere and f"{form}_year" in patterns else form
        return str(format_date(when, patterns[name], locale=self.locale))

    def ago(self, moment: datetime) -> str:
        """Relative up to 60 minutes, then the clock, then the date."""
        past = self.now - moment
        if past < timedelta(minutes=1):
            return self.gettext("now")
        if past < timedelta(hours=1):
            return self.gettext("%(minutes)s min ago", minutes=past // timedelta(minutes=1))
        if self.local(moment).date() == self.today():
            return self.clock(moment)
        return self.day(moment, "short")

    def moment(self, moment: datetime) -> str:
        """The clock today, `yesterday, 21:47`, or date and clock."""
        day = self.local(moment).date()
        clock = self.clock(moment)
        if day == self.today():
            return clock
        if day == self.today() - timedelta(days=1):
            return self.gettext("yesterday, %(clock)s", clock=clock)
        return f"{self.day(day, 'table')} {clock}"

    def entry(self, moment: datetime) -> str:
        """Like `moment`, for lists where a bare clock would leave the day open: `today 14:21`."""
        if self.local(moment).date() == self.today():
            return self.gettext("today %(clock)s", clock=self.clock(moment))
        return f"{self.day(moment, 'table')} {self.clock(moment)}"

    def stamp(self, moment: datetime) -> str:
        """Everything there is to say about an instant, for `title`."""
        local = self.local(moment)
        return str(format_datetime(local, self._patterns()["stamp"], locale=self.locale))

    def duration(self, seconds: int) -> str:
        """Two largest units: `48 s`, `3 min 12 s`, `5 h 22 min`, `2 d 3 h`."""
        minutes, rest = divmod(max(seconds, 0), 60)
        hours, minutes_left = divmod(minutes, 60)
        days, hours_left = divmod(hours, 24)
        if days >= 2:
            return self.gettext("%(days)s d %(hours)s h", days=days, hours=hours_left)
        if hours:
            return self.gettext("%(hours)s h %(minutes)s min", hours=hours, minutes=minutes_left)
        if minutes:
            return self.gettext("%(minutes)s min %(seconds)s s", minutes=minutes, seconds=rest)
        return self.gettext("%(seconds)s s", seconds=rest)

    def countdown(self, due: datetime) -> str:
        """Time left: `12:51` under an hour, then `1 h 12`, then `2 d 3 h`; late ones carry a minus.

        static/ui/sla.js continues this text once a second and must agree with it.
        """
        left = int((due - self.now).total_seconds())
        lead = MINUS if left < 0 else ""
        minutes, seconds = divmod(abs(left), 60)
        hours, minutes_left = divmod(minutes, 60)
        if hours >= 48:
            return lead + self.gettext("%(days)s d %(hours)s h", days=hours // 24, hours=hours % 24)
        if hours:
            return lead + self.gettext(
                "%(hours)s h %(minutes)s", hours=hours, minutes=f"{minutes_left:02}"
            )
        return f"{lead}{minutes:02}:{seconds:02}"

    def telephone(self, text: str) -> str:
        """Write a number as people read it, in every country alike; any other text as it is."""
        return spaced(text)

    def document(self, masked: str) -> str:
        """Say which document a masked number is of: `CPF •••.482.118-••`."""
        known = next((name for name, shape in DOCUMENTS if shape.fullmatch(masked)), "")
        return f"{known} {masked}".strip()

    def size(self, count: int) -> str:
        """Write a number of bytes: `212 kB`, `1,4 MB`."""
        if count < 1000:
            return f"{count} B"
        unit, name = (1_000_000, "MB") if count >= 1_000_000 else (1000, "kB")
        pattern = "#,##0.#" if name == "MB" else "#,##0"
        figure = format_decimal(Decimal(count) / unit, pattern, locale=self.locale)
        return f"{figure}\N{NO-BREAK SPACE}{name}"

    def local(self, moment: datetime) -> datetime:
        return moment.astimezone(self.zone)

    def today(self) -> date:
        return self.local(self.now).date()

    def _heading(self, day: date) -> str:
        words = self.day(day, "long")
        if day == self.today():
            return self.gettext("Today, %(day)s", day=words)
        if day == self.today() - timedelta(days=1):
            return self.gettext("Yesterday, %(day)s", day=words)
        return words[:1].upper() + words[1:]

    def _patterns(self) -> dict[str, str]:
        return PATTERNS.get(self.locale.language, PATTERNS["en"])


def major_units(amount: Money) -> Decimal:
    return Decimal(amount.minor).scaleb(-minor_units(amount.currency))


def template_filters(current: Callable[[], Formats]) -> dict[str, Callable[..., str]]:
    """Return the Jinja filters; `current` is asked again for each use, once per request.

    Use: `app.jinja_env.filters.update(template_filters(formats_of_this_request))`.
    """
    names = (
        "money", "figure", "clock", "day", "ago", "moment", "entry", "stamp", "duration", "countdown",
        "telephone", "document", "size",
    )  # fmt: skip

    def bound(name: str) -> Callable[..., str]:
        def apply(value: Any, *args: Any, **options: Any) -> str:
            text: str = getattr(current(), name)(value, *args, **options)
            return text

        return apply

    return {name: bound(name) for name in names}


def current_formats() -> Formats:
    """Return the rules of whoever reads this answer; one instant for the whole request."""
    if "formats" not in g:
        now = current_app.extensions["guiche"].clock()
        g.formats = Formats(get_locale() or Locale("en"), get_timezone(), now, gettext)
    formats: Formats = g.formats
    return formats


def configure_formats(app: Flask) -> None:
    """Give templates the filters of this request's reader, and `now()`."""
    app.jinja_env.filters.update(template_filters(current_formats))
    app.jinja_env.globals["now"] = lambda: current_formats().now
