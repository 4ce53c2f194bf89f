"""What the console posts, as typed values or `InvalidInput`."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo
from email.utils import getaddresses
from uuid import UUID

from werkzeug.datastructures import FileStorage

from channels.port import File
from helpdesk.customers.handles import normalise
from helpdesk.errors import InvalidInput
from helpdesk.tickets.desk import CARRY_FILES, CATEGORY_STATUS, THEN, ReplyAsk
from helpdesk.tickets.model import CHANNELS
from helpdesk.web.input import refuse_unknown

LONGEST_BODY = 20_000
LONGEST_TEXT = 1600  # characters the provider of texts takes in one
TEXTS = ("sms", "whatsapp")
LONGEST_TAG = 40
LONGEST_CC = 3_000
MOST_CC = 10
_SEPARATORS = re.compile(r"[,;\s]*[,;\n]\s*")
LONGEST_FILE = 10 * 1024 * 1024  # bytes
MOST_FILES = 5
OPENING = time(9)  # of the morning somebody snoozes to

Form = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class NoteAsk:
    body: str
    client_msg_id: str
    seen_seq: int | None


def read_reply(form: Form, adapters: Collection[str] = ()) -> ReplyAsk:
    refuse_unknown(form, "body", "channel", "client_msg_id", "seen_seq", "anyway", "then", "cc")
    channel = one_of(form, "channel", (*CHANNELS, *adapters))
    body = read_body(form)
    if channel in TEXTS and len(body) > LONGEST_TEXT:
        raise InvalidInput(
            "body", "A text takes at most 1600 characters. Shorten it, or send it in two."
        )
    return ReplyAsk(
        channel=channel,
        body=body,
        client_msg_id=read_client_msg_id(form),
        seen_seq=read_seen(form),
        anyway=form.get("anyway") == "1",
        then=one_of(form, "then", tuple(THEN), default=""),
        cc=read_cc(form, channel),
    )


def read_cc(form: Form, channel: str) -> tuple[str, ...]:
    """Return the addresses that get a copy, each once, as they are stored.

    They are typed as in a mail program: names or none, behind commas or semicolons.
    """
    typed = _SEPARATORS.sub(", ", form.get("cc", "")).strip(" ,")
    if not typed:
        return ()
    if channel != "email":
        raise InvalidInput("cc", "Only a mail has copies.")
    if len(typed) > LONGEST_CC:
        raise InvalidInput("cc", "These are too many copies: 10 at most.")
    if not typed.isprintable():
        raise InvalidInput("cc", "One of the copies has no e-mail address.")
    found = [address for _, address in getaddresses([typed])]
    try:
        addresses = tuple(dict.fromkeys(normalise("email", one) for one in found))
    except InvalidInput:
        raise InvalidInput("cc", "One of the copies has no e-mail address.") from None
    if len(addresses) > MOST_CC:
        raise InvalidInput("cc", "These are too many copies: 10 at most.")
    return addresses


def read_files(channel: str, sent: Iterable[FileStorage]) -> list[File]:
    """Return the files of an answer: a channel carries them or refuses them, never drops them."""
    files = [one for one in sent if one.filename]
    if files and channel not in CARRY_FILES:
        raise InvalidInput("files", "This channel carries no files.")
    if len(files) > MOST_FILES:
        raise InvalidInput("files", "These are too many files for one answer.")
    return [File(one.filename or "file", "", _content(one)) for one in files]


def _content(sent: FileStorage) -> bytes:
    content = sent.stream.read(LONGEST_FILE + 1)
    if not content:
        raise InvalidInput("files", "This file is empty.")
    if len(content) > LONGEST_FILE:
        raise InvalidInput("files", "This file is too large: 10 MB at most.")
    return content


def read_note(form: Form) -> NoteAsk:
    refuse_unknown(form, "body", "client_msg_id", "seen_seq")
    return NoteAsk(read_body(form), read_client_msg_id(form), read_seen(form))


def read_seen(form: Form) -> int | None:
    return whole(form, "seen_seq") if form.get("seen_seq") else None


def read_body(form: Form) -> str:
    body = form.get("body", "").replace("\r\n", "\n").replace("\x00", "").strip()
    if not body:
        raise InvalidInput("body", "Write something first.")
    if len(body) > LONGEST_BODY:
        raise InvalidInput("body", "This text is too long to send.")
    return body


def read_client_msg_id(form: Form) -> str:
    return str(read_id(form, "client_msg_id"))


def read_category(form: Form, default: str) -> str:
    refuse_unknown(form, "category")
    return one_of(form, "category", tuple(CATEGORY_STATUS), default=default)


def read_decision(form: Form) -> str:
    refuse_unknown(form, "decision")
    return one_of(form, "decision", ("accept", "dismiss"))


def read_assignee(form: Form) -> UUID | None:
    """Return whom to give it to; None, an empty field, is nobody."""
    refuse_unknown(form, "assignee")
    return read_id(form, "assignee") if form.get("assignee") else None


def read_tags(form: Form) -> tuple[frozenset[str], frozenset[str]]:
    """Return the words to add and to remove."""
    refuse_unknown(form, "add", "remove")
    added, removed = read_tag(form, "add"), read_tag(form, "remove")
    if not added and not removed:
        raise InvalidInput("add", "Write the tag.")
    return frozenset({added} - {""}), frozenset({removed} - {""})


def read_tag(form: Form, name: str) -> str:
    word = " ".join(form.get(name, "").casefold().split())
    if len(word) > LONGEST_TAG or not all(sign.isprintable() for sign in word):
        raise InvalidInput(name, "A tag is a short word.")
    return word


def read_snooze(form: Form, now: datetime, zone: tzinfo) -> datetime | None:
    """Return until when, in UTC; None wakes it now. Mornings are those of the reader."""
    refuse_unknown(form, "for")
    word = one_of(form, "for", ("1h", "3h", "tomorrow", "monday", "now"))
    local = now.astimezone(zone)
    match word:
        case "now":
            return None
        case "1h" | "3h":
            return now + timedelta(hours=int(word[0]))
        case "tomorrow":
            days = 1
        case _:
            days = 7 - local.weekday()
    morning = datetime.combine(local.date() + timedelta(days=days), OPENING, tzinfo=zone)
    return morning.astimezone(now.tzinfo)


def read_draft(form: Form) -> tuple[str, str, str, str]:
    """Return kind, channel, body and the copies as they were typed."""
    refuse_unknown(form, "kind", "channel", "body", "cc")
    body = form.get("body", "").replace("\r\n", "\n").replace("\x00", "")
    if len(body) > LONGEST_BODY:
        raise InvalidInput("body", "This text is too long to send.")
    channel = one_of(form, "channel", ("", *CHANNELS), default="")
    cc = form.get("cc", "").replace("\x00", "").strip()[:LONGEST_CC]
    return one_of(form, "kind", ("reply", "note")), channel, body, cc


def read_seq(form: Form, name: str = "seq") -> int:
    refuse_unknown(form, name)
    return whole(form, name)


def whole(form: Form, name: str) -> int:
    text = form.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise InvalidInput(name, "This is not a number.")
    return int(text)


def read_id(form: Form, name: str) -> UUID:
    try:
        return UUID(form.get(name, ""))
    except ValueError:
        raise InvalidInput(name, "This is not an id.") from None


def one_of(form: Form, name: str, known: tuple[str, ...], *, default: str | None = None) -> str:
    value = form.get(name, default)
    if value is None or value not in known:
        raise InvalidInput(name, "This is not one of the choices.")
    return value
