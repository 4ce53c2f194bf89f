"""One mail as it arrived -> one `Inbound`. Pure, and never in doubt about failing.

Whatever the bytes are, the outcome is an `Inbound` or `Unreadable`; headers decide
(`origin`), parts are walked inside bounds (`mime`), the new words are cut out (`reply`).
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from email.message import Message
from email.utils import parsedate_to_datetime

from channels.email import origin
from channels.email.addresses import (
    read_ids,
    read_mailboxes,
    read_references,
    reply_tokens,
    sender_warnings,
    without_tag,
)
from channels.email.bounce import failed_receipts, returned_ids
from channels.email.failure import read_failure
from channels.email.mime import Body, header, read_body
from channels.email.reply import split_reply
from channels.email.rules import MailRules
from channels.email.tree import raw_headers, read_tree
from channels.port import Inbound, Party, Receipt, Unreadable

_RECIPIENT_HEADERS = ("delivered-to", "x-original-to", "envelope-to", "to", "cc")
_SUBJECT = 1_000
_NAME = 200
_MOST_OTHERS = 20


def dedupe_key(raw: bytes) -> str:
    """Return the SHA-256 of a mail, in hex; the same for any kind of line ending.

    A mailbox that was made anew numbers its mails anew; this names them across that.
    """
    canonical = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return hashlib.sha256(canonical.rstrip(b"\n")).hexdigest()


def parse_mail(raw: bytes, rules: MailRules, external_id: str) -> list[Inbound | Receipt]:
    """Read one mail: the message first, then a receipt for each mail of ours it reports lost.

    The sender's value is empty where no address stands in From; `data["doubt"]` says
    "no_sender" or "several_senders" then, and the trust is "failed".

    Raises `Unreadable` where the mail is past the limits, nothing else.
    """
    try:
        return _parse(raw, rules, external_id)
    except Unreadable:
        raise
    except Exception as fault:
        # Mail is written by strangers: an unforeseen fault holds this one, not the mailbox.
        raise Unreadable(f"cannot be read: {type(fault).__name__}") from fault


def _parse(raw: bytes, rules: MailRules, external_id: str) -> list[Inbound | Receipt]:
    if not raw.strip():
        raise Unreadable("empty")
    message = read_tree(raw, rules.limits)
    body = read_body(message, rules.limits)
    sender = origin.read_sender(message)
    auto = origin.auto_kind(message, body, sender=sender, rules=rules, raw=raw)
    origin.strip_control_headers(message)
    inbound = Inbound(
        channel="email",
        external_id=external_id,
        sender=Party("email", sender.mailbox.address, sender.mailbox.name[:_NAME]),
        text=body.text,
        reply_text=_reply(body),
        sent_at=read_date(message),
        subject=header(message, "subject")[:_SUBJECT],
        html=body.html,
        recipients=_recipients(message),
        message_id=_message_id(message),
        references=read_references(
            raw_headers(message, "in-reply-to"), raw_headers(message, "references")
        ),
        reply_tokens=reply_tokens(_recipient_values(message)),
        files=tuple(body.files),
        auto=auto,
        trust=origin.read_trust(message, sender, rules),
        data=_facts(message, body, sender, rules),
    )
    if auto in ("bounce", "complaint", "report"):
        inbound = replace(inbound, data={**inbound.data, **_report_facts(message, body, auto)})
    if auto != "bounce":
        return [inbound]
    return [inbound, *failed_receipts(message, body, rules.message_id_domains)]


def _reply(body: Body) -> str:
    split = split_reply(body.marked)
    return split.reply if split.rest else body.text.strip()


def read_date(message: Message) -> datetime | None:
    """Return when the sender's side says it was sent, in UTC, or None."""
    text = header(message, "date")
    # Some programs write the zone twice or put a comment where none may stand.
    for attempt in (text, re.sub(r"\s*\(.*", "", text)):
        try:
            at = parsedate_to_datetime(attempt)
            return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, TypeError, OverflowError, IndexError):
            continue
    return None


def _message_id(message: Message) -> str:
    for value in raw_headers(message, "message-id"):
        for one in read_ids(value):
            return one
    return ""


def _recipient_values(message: Message) -> list[str]:
    return [value for name in _RECIPIENT_HEADERS for value in raw_headers(message, name)]


def _recipients(message: Message) -> tuple[str, ...]:
    boxes = (box for value in _recipient_values(message) for box in read_mailboxes(value))
    return tuple(dict.fromkeys(box.address for box in boxes if box.address))


def _facts(message: Message, body: Body, sender: origin.Sender, rules: MailRules) -> dict[str, str]:
    """Collect what an agent should see beside the message."""
    facts = origin.authentication_facts(message, rules)
    if sender.doubt:
        facts["doubt"] = sender.doubt
    if others := _others(message, sender, rules):
        facts["cc"] = ", ".join(others)
    if reply_to := _addresses(raw_headers(message, "reply-to")):
        facts["reply_to"] = ", ".join(reply_to)[:500]
    if warnings := sender_warnings(sender.mailbox):
        facts["sender_warnings"] = " ".join(warnings)
    # A group writes in her place and names her so; shown, and never believed.
    if original := _addresses(raw_headers(message, "x-original-sender")):
        facts["original_sender"] = original[0]
    if body.files_omitted:
        facts["files_omitted"] = str(body.files_omitted)
    if body.cut:
        facts["cut"] = "yes"
    if body.report:
        facts["report"] = body.report
    return facts


def _others(message: Message, sender: origin.Sender, rules: MailRules) -> list[str]:
    """Return whom the mail names as getting it beside us; an address of ours may carry a token."""
    named = _addresses([value for name in ("to", "cc") for value in raw_headers(message, name)])
    ours = {*rules.own_addresses, sender.mailbox.address}
    others = [one for one in named if not {one, without_tag(one)} & ours]
    return list(dict.fromkeys(others))[:_MOST_OTHERS]


def _report_facts(message: Message, body: Body, auto: str) -> dict[str, str]:
    """Say which mails a machine's report is about and, of a bounce, what went wrong."""
    facts = {}
    if ids := returned_ids(message, body):
        facts["about"] = " ".join(ids)[:1_000]
    if auto == "bounce":
        failure = read_failure(body.text, header(message, "subject"))
        facts["bounce"] = "delayed" if failure.delayed else "hard" if failure.hard else "soft"
        facts |= {"status": failure.status} if failure.status else {}
        facts |= {"reason": failure.reason} if failure.reason else {}
    return facts


def _addresses(values: Iterable[str]) -> list[str]:
    return [box.address for value in values for box in read_mailboxes(value) if box.address]
