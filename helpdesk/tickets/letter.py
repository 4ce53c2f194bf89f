"""A letter as its sender designed it, with the pictures that came along in their places."""

import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import unquote
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from helpdesk.inbox.model import Attachment

MOST_SIGNS: Final = 8_000_000  # that pictures may add to a page; the rest stay attachments

_PLACE = re.compile(r"(\bsrc\s{0,9}=\s{0,9}[\"']?)cid:([^\s\"'<>]{1,200})", re.IGNORECASE)
# A picture is what its bytes say, whatever the sender calls it.
_KINDS: Final = (
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png"),
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg"),
    (re.compile(rb"GIF8[79]a"), "image/gif"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "image/webp"),
)


def named_pictures(html: str) -> set[str]:
    """Return the content ids of the pictures that a page wants to show."""
    return {unquote(found[2]) for found in _PLACE.finditer(html)}


def pictures_of(session: Session, message_id: UUID, ids: Iterable[str]) -> dict[str, str]:
    """Return the blob of each of these content ids that came with a message."""
    rows = session.execute(
        select(Attachment.content_id, Attachment.blob).where(
            Attachment.message_id == message_id,
            Attachment.content_id.in_(sorted(ids)[:200]),
            Attachment.size <= MOST_SIGNS,
        )
    )
    return {content_id: blob for content_id, blob in rows if content_id}


def with_pictures(html: str, pictures: Mapping[str, bytes]) -> str:
    """Put pictures where the page names them. The result is as untrusted as the page."""
    sources = {name: source for name, data in pictures.items() if (source := _source(data))}
    left = MOST_SIGNS

    def show(found: re.Match[str]) -> str:
        nonlocal left
        source = sources.get(unquote(found[2]), "")
        if not source or len(source) > left:
            return found[0]
        left -= len(source)
        return found[1] + source

    return _PLACE.sub(show, html)


def _source(data: bytes) -> str:
    kind = next((name for begin, name in _KINDS if begin.match(data)), "")
    return f"data:{kind};base64,{b64encode(data).decode()}" if kind else ""
