"""The collected mails, and how far what we read agrees with what their makers found."""

import json
import os
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from channels.email.page import html_to_text, lay_out
from channels.email.parse import parse_mail
from channels.email.reply import Split, split_reply
from channels.email.rules import MailRules
from channels.port import Inbound, Party, Unreadable

CORPUS = Path(os.environ.get("CORPORA", "../shared/corpora")) / "email"
SECONDS = 5

Case = dict[str, Any]
Fact = tuple[str, bool]

_NOBODY = Inbound("email", "", sender=Party("email", ""), text="", reply_text="", sent_at=None)
_MACHINES = ("auto_reply", "bounce", "report")


def cases(*kinds: str) -> list[Case]:
    index = CORPUS / "cases.jsonl"
    if not index.exists():
        return []
    found = [json.loads(line) for line in index.read_text("utf-8").splitlines()]
    return [case for case in found if case["kind"] in kinds]


class TooSlow(BaseException):
    """Not an Exception: the parser must not be able to catch it."""


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    def stop(number: int, frame: FrameType | None) -> None:
        raise TooSlow

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def raw_of(case: Case) -> bytes:
    return CORPUS.joinpath(str(case["file"])).read_bytes()


def read(case: Case) -> Inbound | None:
    """Return what the mail says, or None where it is refused."""
    try:
        with at_most(SECONDS):
            found = parse_mail(raw_of(case), MailRules(), case["id"])[0]
    except Unreadable:
        return None
    assert isinstance(found, Inbound)
    return found


def judge(case: Case) -> Iterator[Fact]:
    """Yield each fact that the collection states about a case, and whether we agree."""
    if case["kind"] == "mime":
        found = read(case) or _NOBODY
        for part in (_headers, _parts, _machines):
            yield from part(case["expect"], found)
        split = Split(found.reply_text, "")
        yield from (("reply of a mail", agreed) for agreed in _exact(case["expect"], split.reply))
        return
    with at_most(case["expect"].get("max_seconds", SECONDS)):
        text = raw_of(case).decode("utf-8", "replace").replace("\r\n", "\n")
        if case["kind"] == "html_body":
            yield from _page(case["expect"], text)
        else:
            yield from _replies(case["expect"], text)


def _headers(expected: dict[str, Any], found: Inbound) -> Iterator[Fact]:
    if "from" in expected:
        yield "from", found.sender.value == (expected["from"] or "").casefold()
    if "from_name" in expected:
        yield "from_name", _same(found.sender.name, expected["from_name"])
    if "to" in expected:
        yield "to", {one.casefold() for one in expected["to"]} <= set(found.recipients)
    if "subject" in expected:
        yield "subject", _same(found.subject, expected["subject"])
        yield "subject, to the letter", _words(found.subject) == _words(expected["subject"])
    if "message_id" in expected:
        yield "message_id", found.message_id == expected["message_id"]
    if "in_reply_to" in expected:
        yield "in_reply_to", expected["in_reply_to"] in found.references[:1]
    if "references" in expected:
        yield "references", set(expected["references"]) <= set(found.references)
    if "reply_to" in expected:
        yield "reply_to", found.data.get("reply_to", "") in expected["reply_to"].casefold()
    if "effective_sender" in expected:
        shown = (found.sender.value, found.data.get("original_sender"))
        yield "effective_sender", expected["effective_sender"].casefold() in shown
    if "no_valid_sender" in expected:
        yield "no_valid_sender", (not found.sender.value) == expected["no_valid_sender"]
    if "spoofed_sender_warnings" in expected:
        warned = "sender_warnings" in found.data or "doubt" in found.data
        yield "spoofed_sender", warned == bool(expected["spoofed_sender_warnings"])


def _parts(expected: dict[str, Any], found: Inbound) -> Iterator[Fact]:
    if "text_contains" in expected:
        have = _tight(found.text)
        yield "text", all(_within(_tight(part), have) for part in expected["text_contains"])
        exact = all(_tight(part) in have for part in expected["text_contains"])
        yield "text, to the letter", exact
        yield "contains", exact
    if "text_equal_ws" in expected:
        yield "text, whole", _tight(expected["text_equal_ws"]) == _tight(found.text)
    if "empty_body" in expected:
        yield "empty_body", (not found.text.strip()) == expected["empty_body"]
    if "attachments" in expected:
        theirs = [one["filename"] or "" for one in expected["attachments"]]
        ours = [file.name for file in found.files]
        yield "attachment names", _same_names([n for n in ours if n], [n for n in theirs if n])
        yield "attachments, nameless too", _same_names(ours, theirs)
        yield "attachments, to the letter", Counter(ours) == Counter(theirs)
    if "attachment_count" in expected:
        yield "attachment_count", len(found.files) == expected["attachment_count"]
    if "attachment_names_include" in expected:
        names = {file.name for file in found.files}
        yield "attachment names", set(expected["attachment_names_include"]) <= names


def _machines(expected: dict[str, Any], found: Inbound) -> Iterator[Fact]:
    if "is_bounce" in expected:
        name = "bounces found" if expected["is_bounce"] else "bounces denied"
        yield name, (found.auto == "bounce") == expected["is_bounce"]
    if "is_auto_reply" in expected:
        yield "auto_reply", (found.auto in _MACHINES) == expected["is_auto_reply"]
    if "is_complaint" in expected:
        yield "complaint", (found.auto == "complaint") == expected["is_complaint"]
    if "is_delivery_report" in expected:
        yield "delivery report", (found.auto == "report") == expected["is_delivery_report"]
    if expected.get("is_bounce") and expected.get("bounce"):
        yield from _bounce(expected["bounce"], found)


def _bounce(failures: list[dict[str, Any]], found: Inbound) -> Iterator[Fact]:
    status = found.data.get("status", "")
    # Numbers from 900 on are their own, for reports that give none.
    given = {one["status"] for one in failures if not one["status"][3:].startswith(".9")}
    if given := {one for one in given if one and not one.split(".")[2].startswith("9")}:
        yield "bounce status", status in given
    codes = {one["smtp_code"] for one in failures if one["smtp_code"]}
    if codes:
        yield "bounce SMTP code", any(code in found.data.get("reason", "") for code in codes)
    hard = found.data.get("bounce") == "hard"
    yield "bounce is hard", hard in {bool(one["hard"]) for one in failures}


def _replies(expected: dict[str, Any], text: str) -> Iterator[Fact]:
    split = split_reply(text)
    yield from (("exact reply", agreed) for agreed in _exact(expected, split.reply))
    reply = " ".join(split.reply.split())
    if "reply_contains" in expected:
        parts = (" ".join(part.split()) for part in expected["reply_contains"])
        yield "contains", all(part in reply for part in parts)
    if "reply_not_contains" in expected:
        parts = (" ".join(part.split()) for part in expected["reply_not_contains"])
        yield "contains", not any(part in reply for part in parts)
    if expected.get("reply_is_whole_body"):
        yield "whole body", _words(split.reply) == _words(text)
    if "elided_text" in expected:
        yield "elided text", _words(split.rest) == _words(expected["elided_text"])
    if expected.get("forwarded_text"):
        rest = _tight(split.rest if expected.get("text_before_forward") else text)
        yield "forwarded text", rest.endswith(_tight(expected["forwarded_text"]))


def _exact(expected: dict[str, Any], reply: str) -> Iterator[bool]:
    if "reply_text" in expected:
        yield _words(reply) == _words(expected["reply_text"])


def _page(expected: dict[str, Any], html: str) -> Iterator[Fact]:
    page = lay_out(html)
    split = split_reply(page.marked)
    reply = _tight(split.reply if split.rest else page.text)
    if "reply_text" in expected:
        yield "reply of a page", reply == _tight(expected["reply_text"])
    if "reply_html" in expected:
        yield "reply of a page", reply == _tight(html_to_text(expected["reply_html"]))


def _words(text: str | None) -> list[str]:
    return (text or "").split()


def _tight(text: str) -> str:
    return "".join(text.split())


def _same(ours: str, theirs: str | None) -> bool:
    """Compare; where the collection could not read a sign, any will do."""
    mine, wanted = " ".join(_words(ours)), " ".join(_words(theirs))
    return len(mine) == len(wanted) and _within(wanted, mine)


def _within(part: str, whole: str) -> bool:
    if "\ufffd" not in part:
        return part in whole
    last = len(whole) - len(part)
    return any(
        all(sign in ("\ufffd", whole[at + of]) for of, sign in enumerate(part))
        for at in range(last + 1)
    )


def _same_names(ours: list[str], theirs: list[str]) -> bool:
    left = list(ours)
    for name in theirs:
        match = next((one for one in left if _same(one, name)), None)
        if match is None:
            return False
        left.remove(match)
    return not left
