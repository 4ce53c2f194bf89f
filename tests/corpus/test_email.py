"""Mail that other people collected: all of it is read, none of it slowly.

The collection stays outside the repository (`CORPORA` names it). The table printed at
the end of the run says how far we agree with what its makers found in it.
"""

import json
import os
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from channels.email.parse import parse_mail
from channels.email.reply import reply_text
from channels.email.rules import MailRules
from channels.port import Inbound, Party, Unreadable

CORPUS = Path(os.environ.get("CORPORA", "../shared/corpora")) / "email"
SECONDS = 5

_NOBODY = Party("email", "")


def cases(*kinds: str) -> list[dict[str, Any]]:
    index = CORPUS / "cases.jsonl"
    if not index.exists():
        return []
    found = [json.loads(line) for line in index.read_text("utf-8").splitlines()]
    return [case for case in found if case["kind"] in kinds]


pytestmark = pytest.mark.skipif(
    not cases("mime"), reason=f"no collection of mails at {CORPUS} (CORPORA)"
)


class TooSlow(BaseException):
    """Not an Exception: the parser must not be able to catch it."""


@contextmanager
def at_most(seconds: int) -> Iterator[None]:
    def stop(number: int, frame: FrameType | None) -> None:
        raise TooSlow

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def read(case: dict[str, Any]) -> Inbound | None:
    raw = (CORPUS / case["file"]).read_bytes()
    try:
        with at_most(SECONDS):
            found = parse_mail(raw, MailRules(), case["id"])[0]
    except Unreadable:
        return None
    assert isinstance(found, Inbound)
    return found


def test_every_mail_is_read_or_refused_in_time() -> None:
    faults = []
    for case in cases("mime"):
        try:
            read(case)
        except (Exception, TooSlow) as fault:
            faults.append(f"{case['id']}: {fault!r}")
    assert not faults


def agreement(case: dict[str, Any], found: Inbound | None) -> Iterator[tuple[str, bool]]:
    """Yield each fact that the collection states about a mail, and whether we agree."""
    expected = case["expect"]
    if found is None:
        found = Inbound("email", "", sender=_NOBODY, text="", reply_text="", sent_at=None)
    if "from" in expected:
        yield "from", found.sender.value == (expected["from"] or "").casefold()
    if "from_name" in expected:
        yield "from_name", _words(found.sender.name) == _words(expected["from_name"])
    if "to" in expected:
        yield "to", {one.casefold() for one in expected["to"]} <= set(found.recipients)
    if "subject" in expected:
        yield "subject", _words(found.subject) == _words(expected["subject"])
    if "message_id" in expected:
        yield "message_id", found.message_id == expected["message_id"]
    if "text_contains" in expected:
        have = "".join(found.text.split())
        yield "text", all("".join(part.split()) in have for part in expected["text_contains"])
    if "attachments" in expected:
        named = Counter(one["filename"] or "" for one in expected["attachments"])
        yield "attachments", Counter(file.name for file in found.files) == named
    if "is_bounce" in expected:
        yield "bounce", (found.auto == "bounce") == expected["is_bounce"]
    if "is_auto_reply" in expected and not expected.get("is_bounce"):
        yield "auto_reply", (found.auto == "auto_reply") == expected["is_auto_reply"]
    if "reply_text" in expected:
        yield "reply_text", _words(found.reply_text) == _words(expected["reply_text"])


def test_what_we_read_agrees_with_what_others_found(
    capsys: pytest.CaptureFixture[str],
) -> None:
    right: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for case in cases("mime"):
        for name, agreed in agreement(case, read(case)):
            total[name] += 1
            right[name] += agreed
    for case in cases("plaintext_body"):
        if "reply_text" in case["expect"]:
            text = (CORPUS / case["file"]).read_bytes().decode("utf-8", "replace")
            total["reply_text"] += 1
            reply = reply_text(text.replace("\r\n", "\n"))
            right["reply_text"] += _words(reply) == _words(case["expect"]["reply_text"])
    with capsys.disabled():
        print("\n" + "\n".join(table(right, total)))  # noqa: T201 - the table is the point
    # Floors, a little below what is reached: they catch a step back, not a rounding.
    floors = {
        "from": 0.95,
        "to": 0.95,
        "subject": 0.9,
        "message_id": 0.95,
        "text": 0.9,
        "bounce": 0.95,
    }
    short = {
        name: right[name] / total[name]
        for name in floors
        if right[name] < floors[name] * total[name]
    }
    assert not short


def _words(text: str | None) -> list[str]:
    return (text or "").split()


def table(right: Counter[str], total: Counter[str]) -> list[str]:
    return [
        f"  {name:12} {right[name]:4} of {total[name]:4}  {100 * right[name] / total[name]:5.1f} %"
        for name in total
    ]
