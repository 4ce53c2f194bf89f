"""The form of a widget: one flat list of named texts, read into values and written from them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from helpdesk.errors import InvalidInput
from helpdesk.settings import is_origin
from helpdesk.web.input import refuse_unknown
from helpdesk.widget.hours import Hours, NoSpan, hours_as_data, read_spans, write_spans
from helpdesk.widget.setup import CONTACTS, KINDS, LANGUAGES, PLACES, Setup

MOST_FIELDS: Final = 6
MOST_GREETINGS: Final = 3
MOST_ORIGINS: Final = 20
LONGEST: Final = 200  # characters of a short text
LONGEST_TEXT: Final = 500
LONGEST_DELAY_S: Final = 3600
LONGEST_WAIT_MIN: Final = 7 * 24 * 60
DEFAULT_COLOUR: Final = "#B5451B"
_COLOUR = re.compile(r"#[0-9A-Fa-f]{6}")
_PATH = re.compile(r"/[^\s?#*]*(?:\*[^\s?#*]*){0,3}|\*")

Form = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class WidgetForm:
    """A widget as somebody wrote it, checked; the JSON columns as the row keeps them."""

    name: str
    colour: str
    texts: dict[str, Any]
    hours: dict[str, Any]
    fields: list[Any]
    greetings: list[Any]
    origins: list[Any]
    mail_after_min: int


def names() -> Iterator[str]:
    """Yield the name of every control of the form."""
    yield from ("name", "colour", "origins", "mail_after_min", "zone", "closed")
    yield from (f"day_{day}" for day in range(7))
    yield from (f"{place}_{language}" for place in PLACES for language in LANGUAGES)
    for n in range(1, MOST_FIELDS + 1):
        yield from (f"field_{n}_{what}" for what in ("kind", "pt_BR", "en", "required", "choices"))
    for n in range(1, MOST_GREETINGS + 1):
        yield from (f"greeting_{n}_{what}" for what in ("path", "delay", "pt_BR", "en"))


def read_widget(form: Form) -> WidgetForm:
    """Check what somebody wrote. Raises `InvalidInput`, naming the control."""
    refuse_unknown(form, *names())
    name = _short(form, "name")
    if not name:
        raise InvalidInput("name", "Give it a name.")
    colour = form.get("colour", "")
    if not _COLOUR.fullmatch(colour):
        raise InvalidInput("colour", "Write a colour such as #B5451B.")
    return WidgetForm(
        name=name,
        colour=colour.upper(),
        texts=_texts(form),
        hours=hours_as_data(_hours(form)),
        fields=list(_fields(form)),
        greetings=list(_greetings(form)),
        origins=_origins(form),
        mail_after_min=_number(form, "mail_after_min", 1, LONGEST_WAIT_MIN),
    )


def as_values(setup: Setup) -> dict[str, str]:
    """Return a widget as the form shows it."""
    values = {
        "name": setup.name,
        "colour": setup.colour,
        "origins": "\n".join(setup.origins),
        "mail_after_min": str(setup.mail_after_min),
        "zone": setup.hours.zone,
        "closed": "\n".join(sorted(day.isoformat() for day in setup.hours.closed)),
    }
    values |= {f"day_{day}": write_spans(spans) for day, spans in setup.hours.days.items()}
    for language in LANGUAGES:
        values |= {f"{place}_{language}": setup.text(language, place) for place in PLACES}
    for field in setup.fields:
        row = f"field_{field.name.removeprefix('q')}"  # its own: browsers may hold answers to it
        values |= {f"{row}_{language}": words for language, words in field.label.items()}
        values |= {
            f"{row}_kind": field.kind,
            f"{row}_required": "1" if field.required else "",
            f"{row}_choices": ", ".join(field.choices),
        }
    for n, greeting in enumerate(setup.greetings, 1):
        values |= {f"greeting_{n}_{language}": words for language, words in greeting.text.items()}
        values |= {
            f"greeting_{n}_path": greeting.path,
            f"greeting_{n}_delay": str(greeting.delay_s),
        }
    return values


def _texts(form: Form) -> dict[str, Any]:
    return {
        language: {
            place: words
            for place in PLACES
            if (words := _short(form, f"{place}_{language}", LONGEST_TEXT))
        }
        for language in LANGUAGES
    }


def _hours(form: Form) -> Hours:
    zone = form.get("zone", "").strip()
    if not zone:
        return Hours()
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidInput("zone", "There is no such time zone.") from None
    days = {}
    for day in range(7):
        try:
            days[day] = read_spans(form.get(f"day_{day}", ""))
        except NoSpan:
            raise InvalidInput(f"day_{day}", "Write hours as 09:00-12:00, 13:00-18:00.") from None
    return Hours(zone, days, frozenset(_closed(form)))


def _closed(form: Form) -> Iterator[date]:
    for line in form.get("closed", "").split():
        try:
            yield date.fromisoformat(line)
        except ValueError:
            raise InvalidInput("closed", "Write days as 2026-12-25, one a line.") from None


def _fields(form: Form) -> Iterator[dict[str, Any]]:
    taken: set[str] = set()
    for n in range(1, MOST_FIELDS + 1):
        kind = form.get(f"field_{n}_kind", "")
        if not kind:
            continue
        if kind not in KINDS:
            raise InvalidInput(f"field_{n}_kind", "Choose one.")
        if kind in CONTACTS and kind in taken:
            raise InvalidInput(f"field_{n}_kind", "This is asked already.")
        taken.add(kind)
        choices = [one for part in form.get(f"field_{n}_choices", "").split(",")
                   if (one := " ".join(part.split()))]  # fmt: skip
        if kind == "choice" and len(choices) < 2:
            raise InvalidInput(f"field_{n}_choices", "Write two choices or more.")
        yield {
            "name": f"q{n}",
            "kind": kind,
            "label": _both(form, f"field_{n}"),
            "required": form.get(f"field_{n}_required") == "1",
            "choices": choices if kind == "choice" else [],
        }


def _greetings(form: Form) -> Iterator[dict[str, Any]]:
    for n in range(1, MOST_GREETINGS + 1):
        path = form.get(f"greeting_{n}_path", "").strip()
        if not path:
            continue
        if not _PATH.fullmatch(path) or len(path) > LONGEST:
            raise InvalidInput(f"greeting_{n}_path", "Write a path such as /plans or /help/*.")
        yield {
            "path": path,
            "delay_s": _number(form, f"greeting_{n}_delay", 0, LONGEST_DELAY_S),
            "text": _both(form, f"greeting_{n}"),
        }


def _both(form: Form, name: str) -> dict[str, str]:
    words = {language: _short(form, f"{name}_{language}") for language in LANGUAGES}
    for language, said in words.items():
        if not said:
            raise InvalidInput(f"{name}_{language}", "Write it in both languages.")
    return words


def _origins(form: Form) -> list[Any]:
    origins = list(dict.fromkeys(form.get("origins", "").lower().split()))
    if len(origins) > MOST_ORIGINS:
        raise InvalidInput("origins", "These are too many sites for one widget.")
    for origin in origins:
        if not is_origin(origin):
            raise InvalidInput("origins", "Write sites as https://shop.example, one a line.")
    return origins


def _short(form: Form, name: str, longest: int = LONGEST) -> str:
    text = " ".join(form.get(name, "").replace("\0", "").split())
    if len(text) > longest:
        raise InvalidInput(name, "This is too long.")
    return text


def _number(form: Form, name: str, low: int, high: int) -> int:
    text = form.get(name, "").strip()
    if not (text.isascii() and text.isdigit()) or not low <= int(text[:9]) <= high:
        raise InvalidInput(name, "This number does not fit.")
    return int(text)
