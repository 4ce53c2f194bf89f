"""Reading the frames that the chat widget posts. Pure."""

import json

from channels.port import Delivery, File, Inbound, Party, Unreadable

MAX_TEXT = 4000  # characters of one chat message
MAX_ID = 64
MAX_SUBJECT = 200
MAX_FACT = 300
MAX_ANSWERS = 16_000  # characters of the pre-chat form, as JSON
CHAT_FILE = "application/vnd.guiche.chat-file"  # a frame, a line end, the bytes of a file
FACTS = ("email", "email_by", "page", "language", "widget", "closed", "token_id")


def read_frame(delivery: Delivery) -> dict[str, str]:
    """Return the frame of one delivery, its text free of what no database holds.

    Raises `Unreadable`.
    """
    body, _ = _parts(delivery)
    try:
        frame = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Unreadable("not JSON") from error
    if not isinstance(frame, dict):
        raise Unreadable("not an object")
    if not all(isinstance(value, str) for value in frame.values()):
        raise Unreadable("a field is not text")
    frame = {name: _storable(value) for name, value in frame.items()}
    for name, limit in (("chat_key", MAX_ID), ("client_msg_id", MAX_ID), ("text", MAX_TEXT)):
        value = frame.get(name, "")
        if not value.strip():
            raise Unreadable(f"{name} is missing")
        if len(value) > limit:
            raise Unreadable(f"{name} is too long")
    if len(frame.get("answers", "")) > MAX_ANSWERS:
        raise Unreadable("the form is too long")
    if len(frame.get("subject", "")) > MAX_SUBJECT:
        raise Unreadable("subject is too long")
    return frame


def read_file(delivery: Delivery, frame: dict[str, str]) -> tuple[File, ...]:
    """Return the file that came behind a frame, if one did."""
    _, content = _parts(delivery)
    if not content:
        return ()
    return (File(frame.get("file_name", ""), frame.get("file_type", ""), content),)


def _parts(delivery: Delivery) -> tuple[bytes, bytes]:
    if delivery.headers.get("content-type") != CHAT_FILE:
        return delivery.body, b""
    frame, _, content = delivery.body.partition(b"\n")
    return frame, content


def read_message(frame: dict[str, str], files: tuple[File, ...] = ()) -> Inbound:
    """Turn a frame into a message.

    A visitor who proved who she is (`subject` was set by our server from a signed
    token) writes from her external id; anybody else only from her conversation, and an
    address that she typed is told as a fact, never used as a sender.
    """
    text = frame["text"].strip()
    name = frame.get("name", "").strip()[:120]
    subject = frame.get("subject", "")
    sender = (
        Party("external", subject, name, verified=True)
        if subject
        else Party("chat", frame["chat_key"], name)
    )
    return Inbound(
        channel="chat",
        external_id=f"{frame['chat_key']}:{frame['client_msg_id']}",
        sender=sender,
        text=text,
        reply_text=text,
        sent_at=None,
        trust="verified" if subject else "bare",
        thread_key=frame["chat_key"],
        files=files,
        data=_facts(frame),
    )


def _facts(frame: dict[str, str]) -> dict[str, str]:
    facts = {name: frame[name][:MAX_FACT] for name in FACTS if frame.get(name)}
    if frame.get("answers"):
        facts["answers"] = frame["answers"]
    return facts


def _storable(text: str) -> str:
    """Return text without NUL and half characters, which JSON can carry and a database cannot."""
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")
