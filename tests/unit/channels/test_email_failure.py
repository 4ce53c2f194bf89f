"""Why a mail did not arrive, from reports of many servers."""

import pytest

from channels.email.failure import read_failure

RETURNED = "\nReceived: from x by y (Lotus SMTP MTA v4.6.1)\nSubject: 452 4.2.2 mailbox full\n"


@pytest.mark.parametrize(
    ("text", "status", "code", "hard"),
    [
        pytest.param("550: 5.1.1 <a@x.example>... User Unknown", "5.1.1", "550", True, id="colon"),
        pytest.param("Status: 5.0.0\n550 5.2.2 Mailbox full", "5.2.2", "550", False, id="words-say-more"),
        pytest.param("Status: 5.3.0\nDiagnostic-Code: X-Unix; 77\n\n550 5.0.0 no permission", "5.3.0", "550", False, id="exit-code"),
        pytest.param("See DSN 5.1.10 errors\nReturned '550 5.1.10 RecipientNotFound'", "5.1.10", "550", True, id="reply-before-mention"),
        pytest.param(f"User not listed in public Address Book\n{RETURNED}", "", "", True, id="our-own-mail-is-not-read"),
        pytest.param(f"Invalid final delivery userid: a@x.example\nOriginal message follows.\n{RETURNED}", "", "", True, id="nor-behind-its-title"),
        pytest.param("a@x.example Invalid Address, ERROR_CODE :550", "", "550", True, id="code-in-words"),
        pytest.param("Status: 5.1.3\nDiagnostic-Code: SMTP; 553 http://www.spamhaus.org/x", "5.1.3", "553", False, id="our-server-is-blocked"),
        pytest.param("Status: 5.1.7\nDiagnostic-Code: smtp; 550 No such domain x.example", "5.1.7", "550", False, id="the-senders-address"),
        pytest.param("553 neko.example.com does not exist", "", "553", True, id="no-such-domain"),
    ],
)  # fmt: skip
def test_a_report_is_read(text: str, status: str, code: str, hard: bool) -> None:
    found = read_failure(text)
    assert (found.status, found.code, found.hard) == (status, code, hard)


def test_the_line_that_says_it_is_the_reason_where_nothing_else_is() -> None:
    found = read_failure("Sorry.\n\nNo mx record found for domain=x.example\n\nBye.")
    assert found.reason == "No mx record found for domain=x.example"


def test_a_subject_tells_what_its_text_keeps_back() -> None:
    assert read_failure("The following address had errors.", "Returned mail: User unknown").hard


@pytest.mark.parametrize(
    ("text", "delayed"),
    [
        ("Action: delayed\nStatus: 4.4.1", True),
        ("Action: failed\nStatus: 4.4.7", False),
        ("Action: delayed\n\nAction: failed", False),
        ("Status: 4.4.1", True),
        ("THIS IS A WARNING MESSAGE ONLY", True),
        ("550 5.1.1 user unknown", False),
    ],
)
def test_only_what_is_still_being_tried_is_late(text: str, delayed: bool) -> None:
    assert read_failure(text).delayed == delayed
