"""Files that came with a message: kept once, typed by us, named for showing only."""

import re
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from channels.port import File
from helpdesk.db import UnitOfWork
from helpdesk.inbox.blobs import Keeper, name_blob
from helpdesk.inbox.cards import mask_text
from helpdesk.inbox.masking_mail import mask_if_text
from helpdesk.inbox.model import Attachment

PLAIN: Final = "application/octet-stream"

# What the bytes themselves say. Everything else is only ever downloaded.
_MAGIC: Final = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"OggS", "audio/ogg"),
    (b"ID3", "audio/mpeg"),
    (b"\xff\xfb", "audio/mpeg"),
    (b"\xff\xf3", "audio/mpeg"),
)
_UNSHOWABLE = re.compile(r"[\x00-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2066-\u2069/\\]")
_LONGEST_NAME = 150


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file whose bytes are safe on disk and which no row names yet."""

    digest: str
    size: int
    name: str
    media_type: str
    content_id: str


def decide_type(content: bytes) -> str:
    """Return the media type that the bytes prove; what the sender claims is not asked."""
    for start, media_type in _MAGIC:
        if content.startswith(start):
            return media_type
    if content[:4] == b"RIFF":
        return {b"WEBP": "image/webp", b"WAVE": "audio/wav"}.get(content[8:12], PLAIN)
    return PLAIN


def keep_file(blobs: Keeper, file: File) -> KeptFile:
    """Write the bytes of a file, card numbers in text and name masked.

    No transaction may be open: disks are slow.
    """
    content = mask_if_text(file.content)
    name = mask_text(_UNSHOWABLE.sub("_", file.name))
    return KeptFile(
        digest=blobs.keep(content),
        size=len(content),
        name=name[-_LONGEST_NAME:] or "file",
        media_type=decide_type(content),
        content_id=file.content_id[:200],
    )


def attach(tx: UnitOfWork, message_id: UUID, file: KeptFile, *, attachment_id: UUID) -> None:
    """Record a kept file as part of a message. Give an id that nobody can guess."""
    name_blob(tx, file.digest, size=file.size, media_type=file.media_type)
    tx.record(
        Attachment(
            id=attachment_id,
            message_id=message_id,
            blob=file.digest,
            name=file.name,
            media_type=file.media_type,
            size=file.size,
            content_id=file.content_id,
        )
    )
