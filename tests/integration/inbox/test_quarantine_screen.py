"""The screen of held deliveries: what a person sees of them and what she may do."""

import re
from uuid import UUID

import pytest
from flask import Flask

from helpdesk.app import create_app
from helpdesk.inbox.blocking import block, unblock
from helpdesk.inbox.held import PAGE, address_in
from helpdesk.inbox.model import BlockedSender, Inbound
from helpdesk.inbox.service import read_one
from tests.browser import Browser, hire
from tests.integration.inbox.world import World, mail

HOSTILE = '<script>alert(1)</script><img src=x onerror="alert(2)"> \u202etxt.exe'


@pytest.fixture
def app(world: World) -> Flask:
    return create_app(world.services.settings, world.services)


@pytest.fixture
def browser(world: World, app: Flask) -> Browser:
    browser = Browser(app)
    browser.sign_in(hire(world.services, "supervisor", language="en"))
    return browser


@pytest.fixture
def row_id(world: World) -> UUID:
    return world.arrives(
        mail(text=HOSTILE, subject=HOSTILE, name=HOSTILE, data={"doubt": "several_senders"})
    )


def text_of(browser: Browser, address: str) -> str:
    answer = browser.get(address)
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def test_the_list_tells_code_reason_sender_subject_and_when(world: World, browser: Browser) -> None:
    row_id = world.arrives(mail(name="Eve", subject="Hi", data={"doubt": "several_senders"}))
    page = text_of(browser, f"/quarantine/{row_id}")
    for told in ("Eve", "Hi", "More than one sender", "several_senders", "2026-11-17T12:00"):
        assert told in page
    assert 'id="count-quarantine"' in text_of(browser, "/quarantine")


def test_nothing_in_a_held_mail_can_act_on_the_page(browser: Browser, row_id: UUID) -> None:
    page = text_of(browser, f"/quarantine/{row_id}")
    assert "<script>alert" not in page
    assert "<img" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "\u202e" not in page


def test_the_original_is_downloaded_byte_for_byte_and_never_shown(
    world: World, browser: Browser, row_id: UUID
) -> None:
    answer = browser.get(f"/quarantine/{row_id}/original")
    assert answer.data == world.services.blobs.read(world.row(row_id).blob)
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=email-")
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]


def test_a_mail_that_kills_its_reader_is_shown_without_reading_it(
    world: World, browser: Browser
) -> None:
    row_id = world.store(mail(), key="7:1")
    with world.services.begin() as tx:
        row = tx.session.get_one(type(world.row(row_id)), row_id)
        row.state, row.reason = "quarantined", "too_many_attempts"

    read: list[None] = []
    world.email.reading = lambda: read.append(None)
    assert "As it came" in text_of(browser, f"/quarantine/{row_id}")
    assert read == []


def test_a_person_releases_attaches_and_deletes(world: World, browser: Browser) -> None:
    ticket = world.ticket_of(world.arrives(mail("7:0")))
    rows = [
        world.arrives(mail(f"7:{n}", data={"doubt": "several_senders"}), key=f"7:{n}")
        for n in (1, 2, 3)
    ]
    said = browser.post(f"/quarantine/{rows[0]}/release", htmx=True)
    assert "Released." in said.get_data(as_text=True)
    assert said.headers["HX-Push-Url"] == "/quarantine"
    attached = browser.post(
        f"/quarantine/{rows[1]}/attach", {"number": f"#{ticket.number}"}, htmx=True
    )
    assert attached.status_code == 200
    plain = browser.post(f"/quarantine/{rows[2]}/delete")
    assert (plain.status_code, plain.location) == (303, "/quarantine")
    world.drain()
    assert [world.row(one).state for one in rows] == ["read", "read", "discarded"]
    assert world.ticket_of(rows[1]).id == ticket.id


@pytest.mark.parametrize("number", ["", "x", "99999", "²"])
def test_a_number_that_names_no_conversation_is_told_beside_the_field(
    world: World, browser: Browser, row_id: UUID, number: str
) -> None:
    answer = browser.post(f"/quarantine/{row_id}/attach", {"number": number}, htmx=True)
    assert answer.status_code == 422
    assert 'role="alert" id="post-problem"' in answer.get_data(as_text=True)
    assert world.row(row_id).state == "quarantined"


def test_what_a_colleague_decided_first_is_said(
    world: World, browser: Browser, row_id: UUID
) -> None:
    browser.post(f"/quarantine/{row_id}/delete")
    late = browser.post(f"/quarantine/{row_id}/release", htmx=True)
    assert late.status_code == 409
    assert "not in quarantine" in late.get_data(as_text=True)
    assert browser.get(f"/quarantine/{row_id}").status_code == 404


def test_the_list_goes_on_where_the_page_ended(world: World, browser: Browser) -> None:
    for n in range(PAGE + 2):
        world.arrives(mail(f"7:{n}", subject=f"nr-{n}-", sender=""), key=f"7:{n}")
    first = text_of(browser, "/quarantine?reason=no_sender")
    shown = [n for n in range(PAGE + 2) if f"nr-{n}-" in first]
    after = first.partition("after=")[2].partition('"')[0]
    second = text_of(browser, f"/quarantine?reason=no_sender&after={after}")
    rest = [n for n in range(PAGE + 2) if f"nr-{n}-" in second]
    assert (len(shown), len(rest), sorted(shown + rest)) == (PAGE, 2, list(range(PAGE + 2)))
    assert "nr-" not in text_of(browser, "/quarantine?reason=unreadable")


def test_a_sender_is_blocked_from_a_held_mail_and_unblocked_in_the_list(
    world: World, browser: Browser, row_id: UUID
) -> None:
    assert "Block ana@example.com" in text_of(browser, f"/quarantine/{row_id}")
    browser.post("/blocked-senders", {"sender": "ana@example.com", "note": "ads"})
    page = text_of(browser, "/blocked-senders")
    assert "ana@example.com" in page
    assert "ads" in page
    (blocked_id,) = set(re.findall(r'action="/blocked-senders/([0-9a-f-]{36})/remove"', page))
    assert "Nobody is blocked" in browser.post(
        f"/blocked-senders/{blocked_id}/remove", htmx=True
    ).get_data(as_text=True)
    wrong = browser.post("/blocked-senders", {"sender": "not one", "note": "kept"}, htmx=True)
    assert wrong.status_code == 422
    assert 'value="not one"' in wrong.get_data(as_text=True)


def tried(browser: Browser, row_id: UUID) -> str:
    answer = browser.post(f"/quarantine/{row_id}/try")
    assert answer.status_code == 200
    found = re.search(r'id="held-tried">.*?<span>(.*?)</span>', answer.text, re.DOTALL)
    assert found is not None
    return " ".join(found[1].split())


def test_a_test_says_what_holds_a_mail_and_files_nothing(world: World, browser: Browser) -> None:
    doubtful = world.arrives(mail("7:1", data={"doubt": "several_senders"}))
    assert tried(browser, doubtful).endswith("held because of this: More than one sender.")
    spam = block(world.services, world.agent, "spam.example")
    held = world.arrives(mail("7:3", sender="eve@spam.example"))
    assert tried(browser, held).endswith("Blocked sender.")
    unblock(world.services, world.agent, spam)
    assert tried(browser, held) == "It can be read: 1 message. Released, it reaches the desk."
    assert world.row(held).state == "quarantined"


def test_a_test_says_why_a_delivery_cannot_be_read(world: World, browser: Browser) -> None:
    row_id = world.store(body=b"?", key="8:1")
    read_one(world.services, row_id)
    assert tried(browser, row_id) == "It cannot be read: not understood."
    world.email.reading = _break
    assert tried(browser, row_id) == (
        "Reading it ends in a fault of ours (ZeroDivisionError). The log says more."
    )


def test_a_mail_that_killed_its_reader_is_not_read_on_trial(world: World, browser: Browser) -> None:
    row_id = world.store(mail("9:1"))
    with world.services.begin() as tx:
        tx.session.get_one(Inbound, row_id).attempts = 3
    read_one(world.services, row_id)
    world.email.reading = _break
    assert tried(browser, row_id).startswith("It is not read on trial")


def _break() -> None:
    raise ZeroDivisionError


def test_a_sender_is_tested_and_blocked_by_that_no_more_than_before(
    world: World, browser: Browser
) -> None:
    block(world.services, world.agent, "spam.example")
    for typed, told in (
        ("eve@mail.spam.example", "are held: spam.example is blocked."),
        ("ana@example.com", "come in: nothing on this list holds them."),
        ("+55 11 98765-4321", "come in: nothing on this list holds them."),
    ):
        answer = browser.post("/blocked-senders/try", {"sender": typed, "note": ""})
        assert told in answer.text
    assert browser.post("/blocked-senders/try", {"sender": "?!"}).status_code == 422
    assert world.count(BlockedSender) == 1


def test_an_agent_sees_neither_held_mail_nor_the_way_to_it(world: World, app: Flask) -> None:
    browser = Browser(app)
    browser.sign_in(hire(world.services, "agent"))
    assert browser.get("/quarantine").status_code == 403
    assert "/quarantine" not in browser.get("/inbox").get_data(as_text=True)


@pytest.mark.parametrize(
    ("line", "address"),
    [
        ("Ana <ana@x.example>", "ana@x.example"),
        ("ana@x.example", "ana@x.example"),
        ("+5511987654321", "+5511987654321"),
        ("Ana <ana@x.example>, Eve <eve@x.example>", "eve@x.example"),
        ("Ana", ""),
        ("", ""),
    ],
)
def test_the_address_that_would_be_blocked(line: str, address: str) -> None:
    assert address_in(line) == address
