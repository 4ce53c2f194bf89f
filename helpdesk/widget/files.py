"""Files in a chat: what may be sent, how large, and who may fetch it."""

from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from channels.port import File
from helpdesk.errors import InvalidInput, NotFound
from helpdesk.inbox.files import PLAIN, decide_type
from helpdesk.inbox.model import Attachment
from helpdesk.tickets.model import Message
from helpdesk.widget.model import Entry

LONGEST_FILE: Final = 10 * 1024 * 1024  # bytes
_TEXTS: Final = (".txt", ".csv", ".log")
_OFFICE: Final = (".docx", ".xlsx", ".pptx", ".odt", ".ods", ".odp")
_ZIP: Final = b"PK\x03\x04"


def check_file(name: str, content: bytes) -> File:
    """Return a file that may enter a conversation.

    Pictures, PDF and sound are known by their bytes, whatever they are called; texts and
    office documents by their name, where their bytes do not speak against it. Raises
    `InvalidInput` for `file.empty`, `file.size` or `file.type`.
    """
    if not content:
        raise InvalidInput("file.empty", "This file is empty.")
    if len(content) > LONGEST_FILE:
        raise InvalidInput("file.size", "This file is too large.")
    media_type = decide_type(content)
    lower = name.lower()
    if media_type == PLAIN and lower.endswith(_TEXTS) and _is_text(content):
        media_type = "text/plain"
    elif media_type == PLAIN and not (lower.endswith(_OFFICE) and content.startswith(_ZIP)):
        raise InvalidInput("file.type", "Files of this kind are not accepted.")
    return File(name=name, media_type=media_type, content=content)


def file_of(session: Session, chat_key: str, file_id: UUID) -> Attachment:
    """Return a file of one conversation's public messages. Raises `NotFound`."""
    found = session.scalar(
        select(Attachment)
        .join(Message, Message.id == Attachment.message_id)
        .join(Entry, Entry.message_id == Message.id)
        .where(
            Attachment.id == file_id,
            Entry.chat_key == chat_key,
            Message.channel == "chat",
            Message.visibility == "public",
        )
    )
    if found is None:
        raise NotFound("file")
    return found


def _is_text(content: bytes) -> bool:
    try:
        return "\0" not in content.decode("utf-8")
    except UnicodeDecodeError:
        return False
