"""Use cases of the visitor's side of a chat.

A visitor holds a secret that her browser made; the conversation is named by its hash,
so nobody else can name it. A site that knows its customers also hands out a signed,
short-lived token; without one the visitor is anonymous, whatever address she types.
"""

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Final, Literal
from uuid import UUID

import structlog

from channels.port import Delivery, File, Receipt, Unreadable
from helpdesk.errors import Conflict, InvalidInput, SignedOut
from helpdesk.inbox.masking import CHAT_FILE
from helpdesk.inbox.phrases import phrase
from helpdesk.inbox.preparing import storable
from helpdesk.inbox.service import read_one, store_delivery
from helpdesk.outbox.service import record_receipt
from helpdesk.services import Services
from helpdesk.widget.hours import is_open
from helpdesk.widget.intake import Answers, read_answers
from helpdesk.widget.queries import keys_to_settle, last_seq_of, written_by_another
from helpdesk.widget.setup import Setup, setup_of
from helpdesk.widget.tokens import bind_token
from helpdesk.widget.visitors import Visitor, visitor_of, vouched_email

log = structlog.get_logger()

SECRET: Final = re.compile(r"[A-Za-z0-9_-]{43,86}")  # 32 random bytes or more, base64url
CLIENT_ID: Final = re.compile(r"[A-Za-z0-9-]{8,64}")


@dataclass(frozen=True, slots=True)
class ChatPost:
    """One message a visitor sends. Sending the same `client_msg_id` again is the same message."""

    secret: str
    client_msg_id: str
    text: str
    name: str = ""
    email: str = ""  # only a claim: it finds no customer and reaches no mailbox
    page: str = ""
    language: str = ""
    identity: str = ""  # the site's signed token, "" for an anonymous visitor
    widget: str = ""  # the key of the widget she writes in
    answers: str = ""  # the pre-chat form, a JSON object name -> text


def chat_key_of(secret: str) -> str:
    """Return the public name of the conversation that `secret` opens. Raises `SignedOut`."""
    if not SECRET.fullmatch(secret):
        raise SignedOut
    return hashlib.sha256(b"guiche-chat:" + secret.encode()).hexdigest()[:48]


def post_message(services: Services, post: ChatPost, file: File | None = None) -> str:
    """Store one message, read it, and return the conversation's key.

    A `file` has been checked; the message's text is then its name.

    Once it is stored it is kept, whatever happens afterwards: should reading fail here,
    the job does it. Reading here keeps a visitor's messages in the order she sent them.

    Raises `InvalidInput`, `SignedOut`, and `Conflict` where the conversation is of
    another proven visitor.
    """
    chat_key = chat_key_of(post.secret)
    visitor = visitor_of(services, post.identity)
    if not CLIENT_ID.fullmatch(post.client_msg_id):
        raise InvalidInput("client_msg_id", "must be 8 to 64 letters, digits or hyphens")
    with services.reading() as session:
        if visitor is not None and written_by_another(session, chat_key, visitor.subject):
            raise Conflict("this conversation is another person's")
        setup = setup_of(session, services.settings, post.widget)
        first = last_seq_of(session, chat_key) == 0
    if visitor is not None:
        bind_token(services, visitor, chat_key)
    answers = read_answers(
        setup,
        post.answers,
        language=services.settings.language,
        proven=visitor is not None,
        first=first,
    )
    facts = _facts(services, setup, post, visitor, answers)
    if file is not None:
        facts |= {"file_name": file.name, "file_type": file.media_type}
    delivery = _delivery(_frame(post, visitor, chat_key, facts), file)
    try:
        key = services.adapters["chat"].receive(delivery)
    except Unreadable as error:
        raise InvalidInput("text", str(error)) from error
    row_id, new = store_delivery(
        services, source="chat", channel="chat", key=key, delivery=delivery
    )
    if new:
        _read_now(services, row_id)
    return chat_key


def note_seen(
    services: Services, chat_key: str, message_id: UUID, state: Literal["delivered", "read"]
) -> int:
    """Note that the visitor's browser holds, or she has before her, all up to a message.

    Returns for how many answers that was news. Safe to repeat; a message that is not of
    this conversation is no news.
    """
    with services.reading() as session:
        if not keys_to_settle(session, chat_key, message_id, state):
            return 0
    with services.begin() as tx:
        keys = keys_to_settle(tx.session, chat_key, message_id, state)
        for key in keys:
            record_receipt(tx, Receipt("chat", provider_id=key, state=state, key=key))
        return len(keys)


def _facts(
    services: Services, setup: Setup, post: ChatPost, visitor: Visitor | None, answers: Answers
) -> dict[str, str]:
    """Return what is told beside a message, as far as we know it from more than the client."""
    if visitor is not None:
        name, email, by = visitor.name, vouched_email(visitor), "site"
    else:
        name, email = answers.name or post.name, answers.email or post.email
        by = "visitor" if answers.email else ""
    return {
        "name": name.strip() or phrase(services.settings.language, "visitor"),
        "email": email,
        "email_by": by if email else "",
        "widget": setup.key,
        "closed": "" if is_open(setup.hours, services.clock()) else "yes",
        "token_id": visitor.token_id if visitor else "",
        "answers": json.dumps(answers.said, ensure_ascii=False) if answers.said else "",
    }


def _frame(post: ChatPost, visitor: Visitor | None, chat_key: str, facts: dict[str, str]) -> bytes:
    """Return the bytes to keep. `subject` is ours to set: only a checked token fills it."""
    frame = facts | {
        "chat_key": chat_key,
        "client_msg_id": post.client_msg_id,
        "text": post.text,
        "subject": visitor.subject if visitor else "",
        "page": post.page,
        "language": post.language,
    }
    plain = {name: storable(value) for name, value in frame.items()}
    return json.dumps(plain, ensure_ascii=False).encode()


def _delivery(frame: bytes, file: File | None) -> Delivery:
    if file is None:
        return Delivery(frame)
    return Delivery(frame + b"\n" + file.content, {"content-type": CHAT_FILE})


def _read_now(services: Services, inbound_id: UUID) -> None:
    try:
        read_one(services, inbound_id)
    except Exception:  # it is stored, and its job is there
        log.exception("chat message not read at once", inbound_id=str(inbound_id))
