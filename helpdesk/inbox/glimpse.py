"""A look at bytes that nobody could read: enough to judge them by, never a fault.

Nothing here is believed or acted upon. It is text for a person's eyes, bounded, without
signs that move the cursor or turn the direction of writing.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.errors import MessageError
from email.header import decode_header
from itertools import islice
from typing import Final

from channels.port import Delivery
from helpdesk.inbox.masking import mask_text
from helpdesk.inbox.preparing import storable

LONGEST_LINE: Final = 1_000
LONGEST_TEXT: Final = 20_000
MOST_HEADERS: Final = 80
_HEAD: Final = 64 * 1024  # where the headers of any honest mail have ended
_UNSHOWABLE = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]"
)


@dataclass(frozen=True, slots=True)
class Glimpse:
    """What can be said about a delivery without understanding it."""

    sender: str = ""
    subject: str = ""
    headers: tuple[tuple[str, str], ...] = ()


def glimpse(delivery: Delivery) -> Glimpse:
    """Return sender, subject and headers as far as they can be made out. Never raises."""
    if delivery.headers.get("content-type") != "message/rfc822":
        return Glimpse(headers=_shown(delivery.headers.items()))
    try:
        message = message_from_bytes(_head(delivery.body), policy=policy.compat32)
        headers = _shown((name, str(value)) for name, value in message.items())
    except (MessageError, ValueError, LookupError, IndexError, TypeError):
        return Glimpse()
    first = {name.casefold(): value for name, value in reversed(headers)}
    return Glimpse(first.get("from", ""), first.get("subject", ""), headers)


def raw_text(body: bytes) -> str:
    """Return the beginning of the bytes as text, whatever they are."""
    return showable(body[: LONGEST_TEXT * 4].decode("utf-8", "replace"))[:LONGEST_TEXT]


def showable(text: str) -> str:
    """Return text that a page can show as it stands: masked, without invisible signs."""
    return _UNSHOWABLE.sub("\N{REPLACEMENT CHARACTER}", mask_text(storable(text)))


def decoded(value: str) -> str:
    """Return a header's words; one that is broken comes back as it stood."""
    try:
        parts = [
            part.decode(charset or "utf-8", "replace") if isinstance(part, bytes) else part
            for part, charset in decode_header(value)
        ]
    except (MessageError, ValueError, LookupError, IndexError, TypeError):
        return value
    return "".join(parts)


def _head(body: bytes) -> bytes:
    found = re.search(rb"\r?\n\r?\n", body[:_HEAD])
    return body[: found.end()] if found else body[:_HEAD]


def _shown(pairs: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    shown = []
    for name, value in islice(pairs, MOST_HEADERS):
        line = " ".join(decoded(value.replace("\r", " ").replace("\n", " ")).split())
        shown.append((showable(name)[:100], showable(line)[:LONGEST_LINE]))
    return tuple(shown)
