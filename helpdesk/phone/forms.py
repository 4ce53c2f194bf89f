"""What people type about lines, templates and telephones."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from helpdesk.errors import InvalidInput
from helpdesk.phone.hours import WEEKDAYS, read_spans
from helpdesk.phone.model import CATEGORIES
from helpdesk.phone.numbers import read_number
from helpdesk.phone.service import variables_of
from helpdesk.tickets.forms import one_of
from helpdesk.web.input import refuse_unknown

Form = Mapping[str, str]

LANGUAGES: Final = ("pt_BR", "en")
LONGEST_GREETING: Final = 600  # characters; half a minute of speech
LONGEST_TEMPLATE: Final = 1024  # WhatsApp's own bound
MOST_VARIABLES: Final = 10


@dataclass(frozen=True, slots=True)
class LineForm:
    language: str
    greeting: str
    closed_greeting: str
    hours: dict[str, Any]
    takes_queue: bool


@dataclass(frozen=True, slots=True)
class TemplateForm:
    name: str
    language: str
    category: str
    provider_ref: str
    body: str
    labels: list[str]


def read_line(form: Form) -> LineForm:
    days = [f"day_{n}" for n in range(WEEKDAYS)]
    refuse_unknown(form, "language", "greeting", "closed_greeting", "takes_queue", *days)
    return LineForm(
        language=one_of(form, "language", LANGUAGES),
        greeting=_words(form, "greeting", LONGEST_GREETING),
        closed_greeting=_words(form, "closed_greeting", LONGEST_GREETING),
        hours={str(n): read_spans(form.get(day, ""), day) for n, day in enumerate(days)},
        takes_queue=form.get("takes_queue") == "1",
    )


def read_template(form: Form) -> TemplateForm:
    refuse_unknown(form, "name", "language", "category", "provider_ref", "body", "labels")
    body = form.get("body", "").replace("\r\n", "\n").strip()
    labels = [one.strip() for one in form.get("labels", "").split(",") if one.strip()]
    names = variables_of(body)
    if not body or len(body) > LONGEST_TEMPLATE:
        raise InvalidInput("body", "Write the approved text, 1024 characters at most.")
    if names != [str(n + 1) for n in range(len(names))] or len(names) > MOST_VARIABLES:
        raise InvalidInput("body", "Variables are written {{1}}, {{2}}, … without a gap.")
    if len(labels) != len(names):
        raise InvalidInput("labels", "Name each variable, separated by commas.")
    ref = form.get("provider_ref", "").strip()
    if not (ref.startswith("HX") and ref.isalnum() and len(ref) == 34):
        raise InvalidInput("provider_ref", "The content id begins with HX and has 34 characters.")
    return TemplateForm(
        name=_required(form, "name", 60),
        language=one_of(form, "language", LANGUAGES),
        category=one_of(form, "category", CATEGORIES),
        provider_ref=ref,
        body=body,
        labels=[label[:40] for label in labels],
    )


def read_my_phone(form: Form) -> str:
    """Return the number on which somebody takes calls, "browser", or "" for none."""
    refuse_unknown(form, "number", "browser")
    if form.get("browser") == "1":
        return "browser"
    text = form.get("number", "").strip()
    if not text:
        return ""
    number = read_number(text)
    if number is None or not number.valid or number.extension:
        raise InvalidInput("number", "This is not a telephone number.")
    return number.e164


def read_values(form: Form, count: int) -> list[str]:
    """Return what fills a template, {{1}} first."""
    names = [f"value_{n + 1}" for n in range(count)]
    refuse_unknown(form, "client_msg_id", *names)
    return [form.get(name, "") for name in names]


def _words(form: Form, name: str, longest: int) -> str:
    text = " ".join(form.get(name, "").split())
    if len(text) > longest:
        raise InvalidInput(name, "This text is too long to send.")
    return text


def _required(form: Form, name: str, longest: int) -> str:
    text = _words(form, name, longest)
    if not text:
        raise InvalidInput(name, "Write something first.")
    return text
