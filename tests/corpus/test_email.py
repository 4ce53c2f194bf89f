"""Mail that other people collected: all of it is read, none of it slowly.

The collection stays outside the repository (`CORPORA` names it). The table printed at
the end of the run says how far we agree with what its makers found in it. Where they
could not read a letter themselves (U+FFFD), any letter agrees; the lines "to the
letter" count it as a difference.
"""

from collections import Counter
from collections.abc import Callable

import pytest

from helpdesk.bootstrap import build_adapters
from helpdesk.inbox.model import Inbound as Row
from helpdesk.inbox.service import ingest_mail, read_one
from helpdesk.services import Services
from helpdesk.settings import Settings
from tests.conftest import TestClock
from tests.corpus.mails import CORPUS, TooSlow, cases, judge, raw_of, read

pytestmark = pytest.mark.skipif(
    not cases("mime"), reason=f"no collection of mails at {CORPUS} (CORPORA)"
)

# Percent of the facts of a kind that must agree.
BARS = {
    "from": 97,
    "subject": 97,
    "from_name": 95,
    "text": 95,
    "attachment names": 95,
    "exact reply": 70,
    "contains": 90,
    "bounces found": 95,
    "bounces denied": 95,
    "auto_reply": 100,
}


def test_every_mail_is_read_or_refused_in_time() -> None:
    faults = []
    for case in cases("mime"):
        try:
            read(case)
        except (Exception, TooSlow) as fault:
            faults.append(f"{case['id']}: {fault!r}")
    assert not faults


def test_every_mail_becomes_a_ticket_a_held_row_or_a_stated_skip(
    make_services: Callable[..., Services],
    make_settings: Callable[..., Settings],
    sqlite_url: str,
    clock: TestClock,
) -> None:
    adapters = build_adapters(make_settings(), clock)
    services = make_services(sqlite_url, adapters=adapters)
    faults = []
    for case in cases("mime"):
        row_id, _ = ingest_mail(services, raw_of(case), name=case["id"])
        read_one(services, row_id)
        with services.reading() as session:
            row = session.get_one(Row, row_id)
        in_ticket = row.state == "read" and row.ticket_id is not None
        stated = row.state in ("quarantined", "discarded") and row.reason != ""
        if not in_ticket and not stated:
            faults.append(f"{case['id']}: {row.state} {row.reason}")
    assert not faults


def test_what_we_read_agrees_with_what_others_found(
    capsys: pytest.CaptureFixture[str],
) -> None:
    right: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for case in cases("mime", "plaintext_body", "html_body"):
        for name, agreed in judge(case):
            total[name] += 1
            right[name] += agreed
    with capsys.disabled():
        print("\n" + "\n".join(table(right, total)))  # noqa: T201 - the table is the point
    short = [name for name, bar in BARS.items() if 100 * right[name] < bar * total[name]]
    assert not short


def table(right: Counter[str], total: Counter[str]) -> list[str]:
    return [
        f"  {name:28} {right[name]:4} of {total[name]:4}  {100 * right[name] / total[name]:5.1f} %"
        + (f"  at least {BARS[name]} %" if name in BARS else "")
        for name in sorted(total)
    ]
