"""Telephone numbers, signatures and answers to calls that other people collected.

The collection stays outside the repository (`CORPORA` names it). Everything is compared
exactly; the table at the end of the run says how many of each kind agree.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree

import pytest

from channels.port import BadSignature, Delivery
from channels.twilio_gate import read_number as read_network_number
from channels.twilio_gate import read_signed_form
from helpdesk.customers.handles import spellings
from helpdesk.demo.loopback import Reply
from helpdesk.demo.twilio_calls import LiveCall, Player
from helpdesk.demo.twilio_forms import call_form
from helpdesk.phone.numbers import find_numbers, likeness, read_number

CORPUS = Path(os.environ.get("CORPORA", "../shared/corpora")) / "phone"

LIKENESS = {
    "NOT_A_NUMBER": "not_a_number",
    "NO_MATCH": "no_match",
    "SHORT_NSN_MATCH": "short",
    "NSN_MATCH": "national",
    "EXACT_MATCH": "exact",
}
WRITTEN = ("typed_national", "typed_international", "rfc3966", "typed_from_US")
NO_NUMBER = ("IMPOSSIBLE_CASES", "POSSIBLE_ONLY_CASES")

Case = dict[str, Any]
Scored = Iterator[tuple[Case, bool]]

pytestmark = pytest.mark.skipif(
    not CORPUS.is_dir(), reason=f"no collection of telephone numbers at {CORPUS} (CORPORA)"
)


def lines(name: str) -> list[Case]:
    text = (CORPUS / name).read_text("utf-8")
    found: list[Case] = [json.loads(line) for line in text.splitlines()]
    # Vectors made for invented numbering plans say nothing about real ones.
    return [case for case in found if case.get("same_with_real_metadata", True)]


def parsing() -> Scored:
    for case in lines("parse.jsonl"):
        number = read_number(case["input"], _region(case))
        yield (
            case,
            number is not None
            and (number.e164, number.country, number.national, number.extension or None)
            == (case["e164"], case["country_code"], case["national_number"], case["extension"])
            and number.leading_zero == case["italian_leading_zero"],
        )


def matching() -> Scored:
    for case in lines("match.jsonl"):
        yield case, likeness(case["a"], case["b"]) == LIKENESS[case["match"]]


def writing() -> Scored:
    """Every way of writing a number gives the same one."""
    for case in lines("e164_examples.jsonl"):
        for name in WRITTEN:
            if case.get(name):
                region = {"typed_national": case["region"], "typed_from_US": "US"}.get(name, "")
                number = read_number(case[name], region)
                yield (
                    {name: case[name]} | case,
                    number is not None and number.e164 == case["e164"] and number.valid,
                )


def hearing() -> Scored:
    """What the network names us is the same number again."""
    for case in lines("e164_examples.jsonl"):
        heard = read_network_number(case["e164"])
        yield case, heard is not None and heard in spellings("phone", case["e164"])


def refusing() -> Scored:
    for case in lines("invalid_examples.jsonl"):
        number = read_number(case["input"], _region(case))
        yield case, number is None or not number.valid


def finding() -> Scored:
    """Whether a text holds a number. Its vectors are from invented plans: shown, not judged."""
    for case in lines("find_in_text.jsonl"):
        yield (
            case,
            bool(find_numbers(case["text"], case["region"])) == (case["class"] not in NO_NUMBER),
        )


def signing() -> Scored:
    cases = json.loads((CORPUS / "twilio_signatures.json").read_text("utf-8"))
    for case in cases:
        if (
            "signature" not in case
        ):  # says something about JSON bodies, which are never posted to us
            continue
        body = case.get("form_body") or case.get("body") or urlencode(case["params"] or {})
        delivery = Delivery(
            body.encode(), {"x-twilio-signature": case["signature"]}, url=case["url"]
        )
        yield case, _is_signed(delivery, case["auth_token"]) == case["valid"]


def answering() -> Scored:
    """Every answer that the provider's own library writes is played to its end."""
    for case in lines("twiml.jsonl"):
        posted: list[str] = []

        def post(url: str, form: Mapping[str, str], posted: list[str] = posted) -> Reply:
            posted.append(form.get("CallStatus", ""))
            return Reply(200, "<Response/>")

        call = LiveCall(call_form("AC1", "+5511987654321", "+551140041234"), "http://app/")
        Player(post, "AC1").play(call, ElementTree.fromstring(case["xml"]))
        yield case, call.over or bool(call.queue_action) or bool(posted)


JUDGED = (parsing, matching, writing, hearing, refusing, signing, answering)


@pytest.mark.parametrize("kind", JUDGED, ids=lambda kind: kind.__name__)
def test_every_vector_agrees_exactly(kind: Callable[[], Scored]) -> None:
    scored = list(kind())
    assert scored
    assert [case for case, agreed in scored if not agreed] == []


def test_how_far_we_agree(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [f"{'telephone vectors':<20}{'agree':>8}{'of':>8}"]
    for kind in (*JUDGED, finding):
        agreed = [fits for _, fits in kind()]
        rows.append(f"{kind.__name__:<20}{sum(agreed):>8}{len(agreed):>8}")
    with capsys.disabled():
        print("\n" + "\n".join(rows))  # noqa: T201 - the table is the point
    assert len(rows) > len(JUDGED)


def _region(case: Case) -> str:
    return "" if case["region"] in (None, "ZZ") else str(case["region"])


def _is_signed(delivery: Delivery, token: str) -> bool:
    try:
        read_signed_form(delivery, token)
    except BadSignature:
        return False
    return True
