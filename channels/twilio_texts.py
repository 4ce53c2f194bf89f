"""Text messages over the provider, the same for SMS and WhatsApp.

The two differ in the addresses that they use, and in what WhatsApp alone knows: templates.
"""

import re
from collections.abc import Iterable, Mapping
from typing import ClassVar

from channels.port import (
    Answer,
    Check,
    Delivery,
    DeliveryState,
    File,
    HandleKind,
    Inbound,
    Outbound,
    Receipt,
    Refused,
    Unreadable,
)
from channels.twilio_check import check_number
from channels.twilio_gate import (
    WHATSAPP,
    Account,
    Form,
    as_word,
    from_query,
    read_party,
    read_signed_form,
    read_stored_form,
    require_sid,
    with_query,
)
from channels.twilio_line import fetch_media, send_text
from channels.twilio_words import explain

MOST_MEDIA = 20  # of one message; the provider takes ten

# The conversation goes on over REST; an answer in the webhook itself would have no key.
EMPTY_ANSWER = Answer(
    '<?xml version="1.0" encoding="UTF-8"?><Response/>', "text/xml; charset=utf-8"
)

# Before "sent" nothing has left, so these words change nothing for the agent.
_NOT_YET = frozenset({"accepted", "scheduled", "queued", "sending"})
_STATES: Mapping[str, DeliveryState] = {
    "sent": "sent",
    "delivered": "delivered",
    "read": "read",
    "undelivered": "undelivered",
    "failed": "failed",
    "canceled": "failed",
}


class TextAdapter:
    """Texts to and from telephones.

    `webhook_url` is the public address that the provider calls, for customers' messages
    and for what became of ours. A channel says how its addresses look.
    """

    name: str
    addressed_by: ClassVar[HandleKind]
    prefix: ClassVar[str] = ""  # of every address on this channel

    def __init__(self, account: Account, *, webhook_url: str) -> None:
        self._account = account
        self._webhook_url = webhook_url

    def receive(self, delivery: Delivery) -> str:
        return text_key(read_signed_form(delivery, self._account.token))

    def answer(self, delivery: Delivery) -> Answer:  # noqa: ARG002  # the port's signature
        return EMPTY_ANSWER

    def parse(self, delivery: Delivery) -> Iterable[Inbound | Receipt]:
        return parse(delivery)

    def send(self, message: Outbound) -> str:
        if message.to.kind != self.addressed_by:
            raise Refused(f"{message.to.value} is no number on this channel")
        if message.files:
            raise Refused("files cannot be sent on this channel")
        return send_text(
            self._account,
            to=self.prefix + message.to.value,
            sender=self.prefix + message.sender.removeprefix(self.prefix),
            text=message.text,
            callback=with_query(
                self._webhook_url, key=message.key, attempt=str(message.attempt or "")
            ),
            template=message.template,
            variables=message.variables,
        )

    def check(self, number: str) -> list[Check]:
        """Say whether a number of ours is set up as this channel needs it."""
        return check_number(
            self._account, number=number, channel=self.name, webhook_url=self._webhook_url
        )

    def fetch_media(self, url: str) -> File:
        """Download one picture or sound of a customer's message, 16 MiB at most.

        Raises `Refused`, or `Unreachable` where trying again may help.
        """
        return fetch_media(self._account, url)


def parse(delivery: Delivery) -> list[Inbound | Receipt]:
    """Return the message or the receipt in one delivery; nothing where it reports no news."""
    item = read_text(read_stored_form(delivery.body), delivery.url)
    return [] if item is None else [item]


def text_key(form: Form) -> str:
    """Name one delivery of a text webhook: its SID, with the status where it reports one."""
    sid = require_sid(form, "MessageSid")
    status = _status_of(form)
    return f"{sid}:{as_word(status)}" if status else sid


def read_text(form: Form, url: str) -> Inbound | Receipt | None:
    """Read one delivery of a text webhook. None reports nothing that an agent would see."""
    status = _status_of(form)
    if not status:
        return _read_message(form)
    state = read_state(status)
    if state is None:
        return None
    return Receipt(
        channel=_channel_of(form),
        provider_id=require_sid(form, "MessageSid"),
        state=state,
        reason=explain(form.get("ErrorCode", ""), form.get("ErrorMessage", "")),
        key=from_query(url, "key"),
        attempt=_number(from_query(url, "attempt")),
    )


def read_state(word: str) -> DeliveryState | None:
    """Translate the provider's status word; None where nothing has left yet."""
    if word in _NOT_YET:
        return None
    if word not in _STATES:
        raise Unreadable(f"unknown delivery status {word[:80]!r}")
    return _STATES[word]


def _number(text: str) -> int:
    return int(text) if re.fullmatch(r"[0-9]{1,6}", text) else 0


def _status_of(form: Form) -> str:
    """Return the status a callback reports, "" for a customer's message."""
    status = form.get("MessageStatus") or form.get("SmsStatus", "")
    return "" if status in ("received", "receiving") else status


def _channel_of(form: Form) -> str:
    ends = (form.get("From", ""), form.get("To", ""))
    return "whatsapp" if any(end.startswith(WHATSAPP) for end in ends) else "sms"


def _read_message(form: Form) -> Inbound:
    text = form.get("Body", "") or _place(form)
    return Inbound(
        channel=_channel_of(form),
        external_id=require_sid(form, "MessageSid"),
        sender=read_party(form.get("From", ""), name=form.get("ProfileName", "")),
        text=text,
        reply_text=text,
        sent_at=None,  # the provider does not say
        recipients=tuple(read_party(to).value for to in form.getlist("To")),
        trust="verified",
        data=_facts(form),
    )


def _place(form: Form) -> str:
    """Return a place that was sent instead of words, "" where none was."""
    where = [form.get(name, "").strip() for name in ("Latitude", "Longitude")]
    named = [form.get(name, "").strip() for name in ("Label", "Address")]
    return "\n".join([*filter(None, named), ", ".join(where)]) if all(where) else ""


def _facts(form: Form) -> dict[str, str]:
    """Return what an agent may want to see beside the text, and where its pictures are."""
    facts = {"address": form.get("From", "")}
    for name, field_name in (
        ("segments", "NumSegments"),
        ("button", "ButtonText"),
        ("opt_out", "OptOutType"),
        ("latitude", "Latitude"),
        ("longitude", "Longitude"),
    ):
        if value := form.get(field_name, ""):
            facts[name] = value
    count = form.get("NumMedia", "0")
    for n in range(min(int(count), MOST_MEDIA) if count.isdecimal() else 0):
        if url := form.get(f"MediaUrl{n}", ""):
            facts[f"media_{n}_url"] = url
            facts[f"media_{n}_type"] = form.get(f"MediaContentType{n}", "")
    return facts
