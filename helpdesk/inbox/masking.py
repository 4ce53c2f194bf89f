"""Card numbers and security codes are masked before anything inbound is first written.

Covered: the readable text of every message, its subject, its names and files that are text,
and the kept copy of what arrived: forms and the JSON in them, text, and mails with their
headers, the mails inside them and parts in any transfer encoding but uuencode.

Not covered, because no text is there to read: pictures, PDF, archives and what Outlook wraps;
a number glued to a word, spelled out in words or spread over several messages.
Masking a kept mail breaks its DKIM signature; trust was judged by our own mail server
before, and is read from its header.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlencode

from channels.port import Delivery, File, Inbound, Party
from helpdesk.inbox.cards import is_card_number, mask_html, mask_json, mask_text
from helpdesk.inbox.masking_mail import mask_bytes, mask_if_text, mask_mail

__all__ = ["CHAT_FILE", "is_card_number", "mask_delivery", "mask_inbound", "mask_text"]

Value = TypeVar("Value", Inbound, Party, File)

CHAT_FILE = "application/vnd.guiche.chat-file"  # a chat frame, a line end, a file's bytes
JSON_FIELDS = frozenset({"TranscriptionData"})  # of a form


def mask_delivery(delivery: Delivery) -> Delivery:
    """Return the delivery as it may be kept. Its signature fits the unmasked bytes only."""
    kind = delivery.headers.get("content-type", "").partition(";")[0].strip().casefold()
    by_kind: dict[str, Callable[[bytes], bytes]] = {
        "message/rfc822": mask_mail,
        "application/x-www-form-urlencoded": _mask_form,
        CHAT_FILE: _mask_chat_file,
    }
    try:
        body = by_kind.get(kind, mask_bytes)(delivery.body)
    except Exception:  # strangers write the bytes: an unforeseen fault must not lose them
        body = mask_bytes(delivery.body)
    return delivery if body == delivery.body else replace(delivery, body=body)


def mask_inbound(item: Inbound) -> Inbound:
    """Return a read message as it may be written."""
    text = mask_text(item.text)
    new = item.reply_text != item.text
    return with_changes(
        item,
        text=text,
        reply_text=mask_text(item.reply_text) if new else text,
        subject=mask_text(item.subject),
        html=mask_html(item.html),
        sender=with_changes(item.sender, name=mask_text(item.sender.name)),
        files=tuple(_mask_file(file) for file in item.files),
    )


def with_changes(value: Value, /, **fields: Any) -> Value:
    """Return a frozen value with other fields; the value itself where they are the same."""
    if all(getattr(value, name) == field for name, field in fields.items()):
        return value
    return replace(value, **fields)


def _mask_file(file: File) -> File:
    text = file.media_type.startswith("text/")
    content = mask_bytes(file.content) if text else mask_if_text(file.content)
    return with_changes(file, name=mask_text(file.name), content=content)


def _mask_chat_file(body: bytes) -> bytes:
    """Mask the frame, and the file behind it where it is text; other bytes stay as they are."""
    frame, end, content = body.partition(b"\n")
    with suppress(UnicodeDecodeError):
        content = mask_text(content.decode("utf-8")).encode()
    return mask_bytes(frame) + end + content


def _mask_form(body: bytes) -> bytes:
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="surrogateescape")
    except (UnicodeDecodeError, ValueError):
        return mask_bytes(body)
    masked = [
        (name, mask_json(value) if name in JSON_FIELDS else mask_text(value))
        for name, value in pairs
    ]
    if masked == pairs:
        return body  # as it was signed
    return urlencode(masked, errors="surrogateescape").encode("ascii")
