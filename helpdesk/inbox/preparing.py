"""Making a read message fit to be written: masked, and free of what no database takes."""

from channels.port import File, Inbound
from helpdesk.inbox.masking import mask_inbound, with_changes


def prepare(item: Inbound) -> Inbound:
    """Return a message as it may be written."""
    sender = item.sender
    return mask_inbound(
        with_changes(
            item,
            text=storable(item.text),
            reply_text=storable(item.reply_text),
            subject=storable(item.subject),
            html=storable(item.html),
            message_id=storable(item.message_id),
            references=tuple(storable(one) for one in item.references),
            thread_key=storable(item.thread_key),
            sender=with_changes(sender, value=storable(sender.value), name=storable(sender.name)),
            files=tuple(_storable_file(file) for file in item.files),
            data={storable(name): storable(value) for name, value in item.data.items()},
        )
    )


def storable(text: str) -> str:
    """Return text without NUL and half characters: PostgreSQL takes neither."""
    if "\0" in text:
        text = text.replace("\0", "")
    if text.isascii():
        return text
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode("utf-8")
    return text


def _storable_file(file: File) -> File:
    return with_changes(file, name=storable(file.name), content_id=storable(file.content_id))
