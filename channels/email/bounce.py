"""Recognise mail that says another mail did not arrive, and which one."""

import logging
import re
from email.message import Message

from flufl.bounce import all_failures

from channels.email.addresses import read_ids
from channels.email.failure import read_failure
from channels.email.mime import Body, content, header, media_type
from channels.email.tree import raw_headers, read_tree
from channels.port import DeliveryState, Receipt

# It reports each failure of its own detectors as an error, with a trace; we expect them.
logging.getLogger("flufl.bounce").setLevel(logging.CRITICAL + 1)

_DAEMON = re.compile(
    r"(?:mailer[-_.]?daemon|mail[-_.]?daemon|post[-_.]?master|mdaemon|mail-?delivery|bounces?"
    r"|mail[-_.]?deliver[a-z-]*|delivery-?status|microsoftexchange[0-9a-f]*)(?:[+.-][^@]*)?(?:@.*)?",
    re.IGNORECASE,
)
_NO_REPLY = re.compile(r"(?:no|do-?not)[._-]?repl(?:y|ies)[+.@-]", re.IGNORECASE)
_SUBJECT = re.compile(
    r"undeliver(?:able|ed)|delivery (?:status notification|failure|has failed|report)"
    r"|returned (?:mail|to sender)|mail delivery (?:failed|failure|system|error)"
    r"|failure notice|non.?delivery|could not be delivered|delivery problem"
    r"|n[ãa]o (?:foi )?entregue|falha na entrega|no se puede entregar|unzustellbar",
    re.IGNORECASE,
)
# Only where the envelope says that no answer is wanted: customers use these words too.
_WORDS = re.compile(
    r"could not be delivered to|unable to deliver|delivery (?:has )?failed|error message below"
    r"|mailbox is full|user unknown|no such user|n[ãa]o (?:p[ôo]de|foi poss[íi]vel) (?:ser )?entreg",
    re.IGNORECASE,
)
# Amazon's notices are JSON, at times inside a string of JSON.
_SES = re.compile(r'"notificationType\\{0,3}"\s*:\s*\\{0,3}"(\w{1,20})')
_COMPLAINT = re.compile(r"\s*complaint about message from \S", re.IGNORECASE)
_ACTION = re.compile(r"^action:\s*([a-z]+)", re.IGNORECASE | re.MULTILINE)
_RETURNED_ID = re.compile(r"^message-id:\s*(<[^<>\s]{1,998}>)", re.IGNORECASE | re.MULTILINE)
_RETURNED_PART = 64 * 1024
_REPORT = 64 * 1024


def looks_like_daemon(address: str) -> bool:
    return _DAEMON.fullmatch(address) is not None


def is_bounce(message: Message, body: Body, *, sender: str, raw: bytes) -> bool:
    """Tell whether a mail is a non-delivery report; `sender` is its author's address.

    The wording of a report is only looked for where a machine sent it: a customer who
    pastes one into her question is not a bounce.
    """
    if body.report == "delivery-status":
        return _ACTION.search(body.text) is None or any(
            action.casefold() in ("failed", "delayed") for action in _ACTION.findall(body.text)
        )
    if body.report:  # complaints and read receipts are machines, but nothing bounced
        return False
    if raw_headers(message, "x-failed-recipients"):
        return True
    if _notice(body) == "bounce":
        return True
    if _NO_REPLY.match(sender) and _returns_a_mail(body):
        return _WORDS.search(body.text[:4_000]) is not None
    if not _sent_by_machine(message, sender):
        return False
    if _SUBJECT.search(header(message, "subject")) or _names_failures(raw):
        return True
    return _answers_nobody(message, sender) and _WORDS.search(body.text[:4_000]) is not None


def _returns_a_mail(body: Body) -> bool:
    return any(file.media_type == "message/rfc822" for file in body.files)


def is_complaint(message: Message, body: Body) -> bool:
    """Tell whether a provider reports that somebody called a mail of ours spam."""
    if body.report == "feedback-report" or _notice(body) == "complaint":
        return True
    return _returns_a_mail(body) and _COMPLAINT.match(header(message, "subject")) is not None


def is_report(body: Body) -> bool:
    """Tell whether a machine reports something else: a mail delivered, or opened."""
    return bool(body.report) or _notice(body) == "delivery"


def _notice(body: Body) -> str:
    if not body.text.startswith("{"):
        return ""
    found = _SES.search(body.text[:_REPORT])
    return found[1].casefold() if found else ""


def failed_receipts(message: Message, body: Body, domains: frozenset[str]) -> list[Receipt]:
    """Return one receipt for each mail of ours that a bounce says will not arrive, or is late.

    `domains` are those of the Message-IDs that we mint: a report about other people's
    mail is nothing to us.
    """
    ids = returned_ids(message, body)
    failure = read_failure(body.text, header(message, "subject"))
    reason = failure.reason
    if failure.status and failure.status not in reason:
        reason = f"{failure.status} {reason}".strip()
    state: DeliveryState = "delayed" if failure.delayed else "undelivered"
    kind = "delayed" if failure.delayed else "hard" if failure.hard else "soft"
    return [
        Receipt("email", one, state, f"{kind}: {reason}".strip())
        for one in ids
        if one.rpartition("@")[2].casefold() in domains
    ]


def returned_ids(message: Message, body: Body) -> list[str]:
    """Return the Message-IDs of the mails that a report is about, each once."""
    return list(dict.fromkeys(_returned_ids(message, body)))


def _sent_by_machine(message: Message, sender: str) -> bool:
    if not sender or _answers_nobody(message, sender):
        return True
    return header(message, "auto-submitted").casefold().startswith("auto-")


def _answers_nobody(message: Message, sender: str) -> bool:
    return looks_like_daemon(sender) or any(
        value.strip() == "<>" for value in raw_headers(message, "return-path")
    )


def _names_failures(raw: bytes) -> bool:
    try:
        # Reports begin with what failed; the detectors are slow on a long returned mail.
        temporary, permanent = all_failures(read_tree(raw[:_REPORT]))
    except Exception:  # they use the standard decoders, which raise on real mail
        return False
    return bool(temporary or permanent)


def _returned_ids(message: Message, body: Body) -> list[str]:
    """Read the ids in the returned part, wherever the server put it."""
    ids: list[str] = []
    for part in message.walk():
        if part is not message and media_type(part) == "message/rfc822" and part.is_multipart():
            inner = part.get_payload()
            if isinstance(inner, list) and inner and isinstance(inner[0], Message):
                ids += [
                    one for value in raw_headers(inner[0], "message-id") for one in read_ids(value)
                ]
        elif media_type(part) == "text/rfc822-headers":
            text = content(part)[:_RETURNED_PART].decode("utf-8", "replace")
            ids += [one.strip("<>") for one in _RETURNED_ID.findall(text)]
    if not ids:
        ids = [one.strip("<>") for one in _RETURNED_ID.findall(body.text[-_RETURNED_PART:])]
    return ids
