"""Read what Telegram posts to a bot's webhook. Pure."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from channels.port import Delivery, Inbound, Party, Unreadable

ADDRESS = "telegram:"  # before a person's number, so that no other channel's id is the same
MEDIA = "telegram-file:"
MOST_FACTS = 300  # characters of one
LATEST = 253_402_300_799  # the last second of the year 9999


def read_update(body: bytes) -> dict[str, Any]:
    """Return one update. Raises `Unreadable`."""
    try:
        update = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Unreadable("not JSON") from error
    if not isinstance(update, dict) or not _is_id(update.get("update_id")):
        raise Unreadable("no update of Telegram's")
    return update


def parse(delivery: Delivery) -> list[Inbound]:
    """Return the message in one delivery; nothing for what is no message of a person's to us."""
    update = read_update(delivery.body)
    message = update.get("message")
    if message is None:
        return []
    if not isinstance(message, dict):
        raise Unreadable("the message is no object")
    chat, sender = _object(message, "chat"), _object(message, "from")
    if chat.get("type") != "private" or sender.get("is_bot"):
        return []  # a group's talk is nobody's request
    for one in (chat.get("id"), sender.get("id"), message.get("message_id")):
        if not _is_id(one):
            raise Unreadable("the message names nobody")
    text = _text(message.get("text") or message.get("caption"))
    facts = dict(_facts(message, sender))
    if not text and "media_0_url" not in facts:
        return []  # a sticker, a game, somebody joined
    return [
        Inbound(
            channel="telegram",
            external_id=f"{chat['id']}:{message['message_id']}",
            sender=Party("external", f"{ADDRESS}{sender['id']}", _name(sender), verified=True),
            text=text,
            reply_text=text,
            sent_at=_moment(message.get("date")),
            trust="verified",
            data=facts,
        )
    ]


def _facts(message: dict[str, Any], sender: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, key in (("username", "username"), ("language", "language_code")):
        if value := _text(sender.get(key)):
            yield name, value[:MOST_FACTS]
    for place, (file_id, media_type) in enumerate(_files(message)):
        yield f"media_{place}_url", f"{MEDIA}{file_id}"
        yield f"media_{place}_type", media_type


def _files(message: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the id and the type of each file; of a picture the largest size."""
    pictures = message.get("photo")
    if isinstance(pictures, list) and pictures and isinstance(pictures[-1], dict):
        yield from _file(pictures[-1], "image/jpeg")
    for kind, usual in (("document", ""), ("voice", "audio/ogg"), ("audio", ""), ("video", "")):
        found = message.get(kind)
        if isinstance(found, dict):
            yield from _file(found, _text(found.get("mime_type")) or usual)


def _file(found: dict[str, Any], media_type: str) -> Iterator[tuple[str, str]]:
    if file_id := _text(found.get("file_id")):
        yield file_id[:MOST_FACTS], media_type[:MOST_FACTS]


def _object(message: dict[str, Any], name: str) -> dict[str, Any]:
    found = message.get(name)
    return found if isinstance(found, dict) else {}


def _is_id(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 63


def _name(sender: dict[str, Any]) -> str:
    names = (_text(sender.get("first_name")), _text(sender.get("last_name")))
    return " ".join(filter(None, names))[:120]


def _moment(stamp: object) -> datetime | None:
    if not isinstance(stamp, int) or not 0 < stamp <= LATEST:
        return None
    return datetime.fromtimestamp(stamp, UTC)


def _text(value: object) -> str:
    """Return text without what no database holds."""
    if not isinstance(value, str):
        return ""
    return value.replace("\0", "").encode("utf-8", "replace").decode("utf-8").strip()
