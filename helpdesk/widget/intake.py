"""What a visitor says about herself before her first message: checked, kept, and shown."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from channels.port import Inbound as Said
from helpdesk.customers.handles import normalise
from helpdesk.db import UnitOfWork
from helpdesk.errors import InvalidInput
from helpdesk.inbox.phrases import phrase
from helpdesk.tickets.model import Ticket
from helpdesk.tickets.service import add_system_note
from helpdesk.widget.model import Conversation
from helpdesk.widget.setup import CONTACTS, Field, Setup

LONGEST_ANSWER: Final = 300


@dataclass(frozen=True, slots=True)
class Answers:
    """The pre-chat form, checked. `said` holds (label in the company's language, answer)."""

    name: str = ""
    email: str = ""
    said: tuple[tuple[str, str], ...] = ()


def read_answers(setup: Setup, posted: str, *, language: str, proven: bool, first: bool) -> Answers:
    """Check the form that a browser posts as a JSON object, name -> text.

    What is required is required with the first message of a conversation only; of a
    `proven` visitor nobody asks who she is. Raises `InvalidInput`, naming `answers.<field>`.
    """
    given = _object(posted)
    unknown = set(given) - {field.name for field in setup.fields} - {"email"}
    if unknown:
        raise InvalidInput("answers", "has unknown fields")
    found = {name: _answer(_field_of(setup, name), text) for name, text in given.items()}
    if first:
        for field in setup.fields:
            asked = field.required and not (proven and field.kind in CONTACTS)
            if asked and not found.get(field.name):
                raise InvalidInput(f"answers.{field.name}", "This is needed.")
    return Answers(
        name=next((found[one.name] for one in setup.fields if _has(found, one, "name")), ""),
        email=next(
            (found[one.name] for one in setup.fields if _has(found, one, "email")),
            found.get("email", ""),
        ),
        said=tuple(_said(setup, found, language)),
    )


def remember(tx: UnitOfWork, ticket: Ticket, item: Said, language: str) -> None:
    """Keep with the conversation what came beside a message, and show it to the staff.

    `language` is the staff's. The message itself has been added: its conversation has a row.
    """
    data = item.data
    row = tx.session.get(Conversation, ticket.chat_key, with_for_update=True)
    if row is None:
        return
    row.widget_key = data.get("widget", "") or row.widget_key
    row.language = data.get("language", "") or row.language
    row.left_closed = bool(data.get("closed"))
    if item.sender.kind == "external":
        row.subject = item.sender.value
    email, by = data.get("email", ""), data.get("email_by", "")
    if email and by and (by == "site" or row.email_by != "site"):
        row.email, row.email_by = email, by
    lines = [f"{label}: {answer}" for label, answer in json.loads(data.get("answers") or "[]")]
    if not lines:
        return
    if data.get("page"):
        lines.append(phrase(language, "page", page=data["page"]))
    add_system_note(tx, ticket, channel="chat", body="\n".join(lines))


def _object(posted: str) -> dict[str, str]:
    if not posted:
        return {}
    try:
        given = json.loads(posted)
    except (ValueError, RecursionError):
        raise InvalidInput("answers", "is not JSON") from None
    if not isinstance(given, dict) or not all(isinstance(one, str) for one in given.values()):
        raise InvalidInput("answers", "is not an object of texts")
    return given


def _field_of(setup: Setup, name: str) -> Field:
    """Return the question; an address is asked for outside the hours, set up or not."""
    wanted = (field for field in setup.fields if field.name == name)
    return next(wanted, Field("email", "email", {"pt_BR": "E-mail", "en": "Email"}))


def _answer(field: Field, text: str) -> str:
    text = " ".join(text.split())
    if not text:
        return ""
    if len(text) > LONGEST_ANSWER:
        raise InvalidInput(f"answers.{field.name}", "This is too long.")
    if field.kind == "choice" and text not in field.choices:
        raise InvalidInput(f"answers.{field.name}", "Choose one.")
    if field.kind in ("email", "phone"):
        try:
            return normalise(field.kind, text)
        except InvalidInput as fault:
            raise InvalidInput(f"answers.{field.name}", fault.message) from None
    return text


def _has(found: Mapping[str, str], field: Field, kind: str) -> bool:
    return field.kind == kind and bool(found.get(field.name))


def _said(setup: Setup, found: Mapping[str, str], language: str) -> Iterator[tuple[str, str]]:
    for name, answer in found.items():
        if answer:
            label = _field_of(setup, name).label
            yield label.get(language) or next(iter(label.values()), name), answer
