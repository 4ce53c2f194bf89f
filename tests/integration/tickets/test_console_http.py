"""The console as a browser meets it."""

from collections.abc import Callable, Mapping
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import select

from helpdesk.customers.model import Customer
from helpdesk.events.service import Actor
from helpdesk.inbox.blobs import name_blob
from helpdesk.inbox.model import Attachment
from helpdesk.services import Services
from helpdesk.tickets.model import Message
from helpdesk.tickets.participants import add_participant
from helpdesk.tickets.service import (
    CustomerMessage,
    NewTicket,
    add_customer_message,
    link_ticket_to_customer,
    open_ticket,
)
from tests.browser import Browser
from tests.integration.tickets.conftest import Seat
from tests.integration.tickets.desk import customer_writes, make_team, read_ticket, staff_writes

PARTIAL = {"HX-Request": "true"}


LETTER = "I was charged <b>twice</b>."


def mail(
    services: Services,
    *,
    html: str = "",
    team_id: UUID | None = None,
    quoted: str = "",
    trust: str = "",
    auto: str = "",
    facts: Mapping[str, str] | None = None,
) -> UUID:
    """A mail that can be answered, of a customer whom we know."""
    blob = services.blobs.keep(html.encode()) if html else None
    with services.begin() as tx:
        if blob:
            name_blob(tx, blob, size=len(html), media_type="text/html")
        customer = Customer(id=tx.new_id(), name="Mariana Alves", created_at=tx.at)
        tx.session.add(customer)
        ticket = open_ticket(
            tx,
            NewTicket(
                subject="Two charges", channel="email", customer_name="M. Alves", team_id=team_id
            ),
        )
        add_participant(tx, ticket, "email", "mariana@example.com")
        link_ticket_to_customer(
            tx, ticket, customer.id, None, actor=Actor.system(), customer_name=customer.name
        )
        add_customer_message(
            tx,
            ticket,
            CustomerMessage(
                channel="email",
                author_name="Mariana Alves",
                author_handle="mariana@example.com",
                body=LETTER + quoted,
                reply_text=LETTER,
                html_blob=blob,
                trust=trust,
                auto=auto,
                facts=facts or {},
            ),
        )
        return ticket.id


def reply_form(**changes: str) -> dict[str, str]:
    form = {"body": "We refund it.", "channel": "email", "client_msg_id": str(uuid4()), "then": ""}
    return form | changes


def test_every_region_of_the_console_is_served(
    services: Services, seat: Callable[..., Seat]
) -> None:
    ana = seat().browser
    ticket_id = mail(services)
    staff_writes(services, ticket_id, seat("Bruno").agent, visibility="note", text="look at it")
    number = read_ticket(services, ticket_id).number
    page = ana.get(f"/inbox/{number}")
    assert page.status_code == 200
    text = page.get_data(as_text=True)
    for region in ("queue", "work", "conversation", "timeline-items", "composer", "panel"):
        assert f'id="{region}"' in text, region
    assert "I was charged &lt;b&gt;twice&lt;/b&gt;." in text
    assert "look at it" in text
    part = ana.get(f"/inbox/{number}", headers=PARTIAL).get_data(as_text=True)
    assert 'id="queue"' not in part
    assert 'id="conversation"' in part
    for path in ("timeline", "timeline?after=2", "header", "panel"):
        assert ana.get(f"/tickets/{ticket_id}/{path}").status_code == 200, path
    assert ana.get("/inbox").status_code == 200
    for view in ("mine", "unassigned", "all", "waiting", "solved"):
        assert ana.get(f"/queue?view={view}&channel=email").status_code == 200
    assert ana.get("/queue?view=nothing").status_code == 422


def test_a_reply_answers_with_what_is_new(services: Services, seat: Callable[..., Seat]) -> None:
    ana = seat().browser
    ticket_id = mail(services)
    seen = str(read_ticket(services, ticket_id).last_seq)
    form = reply_form(seen_seq=seen)
    first = ana.post(f"/tickets/{ticket_id}/reply", form, htmx=True)
    assert first.status_code == 200, first.text
    assert "We refund it." in first.text
    assert "I was charged" not in first.text
    again = ana.post(f"/tickets/{ticket_id}/reply", form, htmx=True)
    assert again.status_code == 200
    assert again.text.count("We refund it.") == 1


def test_a_stale_reply_is_refused_with_a_reason_and_goes_when_meant(
    services: Services, seat: Callable[..., Seat]
) -> None:
    ana, bruno = seat(), seat("Bruno")
    ticket_id = mail(services)
    seen = str(read_ticket(services, ticket_id).last_seq)
    bruno.browser.post(f"/tickets/{ticket_id}/reply", reply_form(), htmx=True)
    form = reply_form(body="Me too", seen_seq=seen)
    refused = ana.browser.post(f"/tickets/{ticket_id}/reply", form, htmx=True)
    assert refused.status_code == 409
    assert "colleague" in refused.text
    sent = ana.browser.post(f"/tickets/{ticket_id}/reply", form | {"anyway": "1"}, htmx=True)
    assert sent.status_code == 200


def test_small_acts_answer_with_the_header(services: Services, seat: Callable[..., Seat]) -> None:
    ana = seat()
    ticket_id = mail(services)
    acts = [
        ("assign", {"assignee": str(ana.agent.id)}),
        ("tag", {"add": "  Refund  NOW "}),
        ("tag", {"remove": "refund now"}),
        ("snooze", {"for": "tomorrow"}),
        ("snooze", {"for": "now"}),
        ("resolve", {"category": "solved"}),
        ("resolve", {"category": "open"}),
        ("resolve", {}),
        ("reopen", {}),
    ]
    for act, form in acts:
        answer = ana.browser.post(f"/tickets/{ticket_id}/{act}", form, htmx=True)
        assert answer.status_code == 200, (act, form, answer.text)
        assert 'id="conversation-header"' in answer.text
    row = read_ticket(services, ticket_id)
    assert (row.category, row.assignee_id, row.snoozed_until) == ("open", ana.agent.id, None)


@pytest.mark.parametrize(
    ("act", "form"),
    [
        ("reply", {"body": "x"}),
        ("reply", {"body": " ", "channel": "email", "client_msg_id": str(uuid4())}),
        ("reply", {"body": "x", "channel": "fax", "client_msg_id": str(uuid4())}),
        ("reply", {"body": "x", "channel": "email", "client_msg_id": "1"}),
        ("reply", {"body": "x", "channel": "email", "client_msg_id": str(uuid4()), "to": "y"}),
        ("reply", {"body": "x" * 1601, "channel": "sms", "client_msg_id": str(uuid4())}),
        ("reply", {"body": "é" * 1601, "channel": "whatsapp", "client_msg_id": str(uuid4())}),
        ("note", {"body": "x" * 20_001, "client_msg_id": str(uuid4())}),
        ("assign", {"assignee": "everybody"}),
        ("tag", {}),
        ("tag", {"add": "x" * 41}),
        ("snooze", {"for": "ever"}),
        ("resolve", {"category": "closed"}),
        ("draft", {"kind": "poem", "body": "x"}),
        ("read", {"seq": "-1"}),
    ],
)
def test_unusable_input_is_refused_and_changes_nothing(
    services: Services, seat: Callable[..., Seat], act: str, form: dict[str, str]
) -> None:
    ana = seat().browser
    ticket_id = mail(services)
    before = read_ticket(services, ticket_id).last_seq
    assert ana.post(f"/tickets/{ticket_id}/{act}", form, htmx=True).status_code == 422
    assert read_ticket(services, ticket_id).last_seq == before


def test_what_another_team_has_does_not_exist(
    services: Services, seat: Callable[..., Seat]
) -> None:
    ours, theirs = make_team(services, "Billing"), make_team(services, "Technical")
    outsider = seat("Olga", team_id=theirs).browser
    ticket_id = mail(services, html="<p>x</p>", team_id=ours)
    ticket = read_ticket(services, ticket_id)
    with services.begin() as tx:
        message = tx.session.scalars(select(Message)).one()
        file = Attachment(
            id=uuid4(), message_id=message.id, blob=message.html_blob, name="a.html",
            media_type="text/html", size=8,
        )  # fmt: skip
        tx.session.add(file)
    for path in (
        f"/inbox/{ticket.number}",
        f"/tickets/{ticket_id}/timeline",
        f"/tickets/{ticket_id}/header",
        f"/tickets/{ticket_id}/panel",
        f"/attachments/{file.id}",
        f"/messages/{message.id}/original",
        f"/messages/{message.id}/whole",
    ):
        assert outsider.get(path).status_code == 404, path
    assert outsider.post(f"/tickets/{ticket_id}/reply", reply_form()).status_code == 404
    insider = seat("Ines", team_id=ours).browser
    kept = insider.get(f"/attachments/{file.id}")
    assert kept.status_code == 200
    assert kept.headers["Content-Disposition"].startswith("attachment")
    assert kept.headers["Content-Type"] == "application/octet-stream"
    assert kept.headers["X-Content-Type-Options"] == "nosniff"
    assert kept.headers["Content-Security-Policy"].startswith("sandbox")


def test_a_letter_is_shown_as_sent_without_what_acts_or_fetches(
    services: Services, seat: Callable[..., Seat]
) -> None:
    ana = seat().browser
    mail(
        services,
        html='<p style="color:red" onclick="x()">Hi<script>alert(1)</script>'
        '<img src="https://spy.example/1.png"><a href="javascript:x()">y</a></p>',
    )
    with services.reading() as session:
        message = session.scalars(select(Message)).one()
    page = ana.get(f"/messages/{message.id}/original").get_data(as_text=True)
    assert "<iframe sandbox=" in page
    for bad in ("alert(1)", "spy.example", "javascript", "onclick", "color:red"):
        assert bad not in page, bad
    assert "&lt;p&gt;Hi" in page


PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 20


@pytest.mark.parametrize(
    ("content", "shown"), [(PNG, True), (b"<svg onload=x()>", False)], ids=["picture", "svg"]
)
def test_a_picture_inside_a_letter_is_shown_where_it_came_along(
    services: Services, seat: Callable[..., Seat], content: bytes, shown: bool
) -> None:
    mail(services, html='<p>Look<img src="cid:shot@x"><img src="cid:other@x"></p>')
    with services.begin() as tx:
        message = tx.session.scalars(select(Message)).one()
        blob = services.blobs.keep(content)
        name_blob(tx, blob, size=len(content), media_type="image/png")
        tx.session.add(
            Attachment(
                id=uuid4(), message_id=message.id, blob=blob, name="shot.png",
                media_type="image/png", size=len(content), content_id="shot@x",
            )
        )  # fmt: skip
    page = seat().browser.get(f"/messages/{message.id}/original").get_data(as_text=True)
    assert page.count("data:image/png;base64,") == shown
    assert "onload" not in page
    assert "cid:" not in page


def test_what_a_mail_quotes_is_one_click_away(
    services: Services, seat: Callable[..., Seat]
) -> None:
    ana = seat().browser
    ticket_id = mail(services, quoted="\n\nOn 17/11/2026 09:40, Sabia wrote:\n> <i>All well?</i>")
    with services.reading() as session:
        message = session.scalars(select(Message)).one()
    timeline = ana.get(f"/tickets/{ticket_id}/timeline").get_data(as_text=True)
    assert "All well?" not in timeline
    assert f'hx-get="/messages/{message.id}/whole"' in timeline
    whole = ana.get(f"/messages/{message.id}/whole").get_data(as_text=True)
    assert "&lt;i&gt;All well?" in whole
    assert "charged" in whole


def test_a_mail_shown_whole_offers_no_more(services: Services, seat: Callable[..., Seat]) -> None:
    ticket_id = mail(services)
    assert "/whole" not in seat().browser.get(f"/tickets/{ticket_id}/timeline").get_data(
        as_text=True
    )


def test_e14_our_servers_result_is_shown_and_a_strangers_is_called_claimed(
    services: Services, seat: Callable[..., Seat]
) -> None:
    facts = {
        "authentication": "spf=pass dmarc=fail",
        "authentication_claimed": "mx.evil.example; dmarc=pass",
        "files_omitted": "2",
    }
    ticket_id = mail(services, trust="failed", facts=facts)
    timeline = seat().browser.get(f"/tickets/{ticket_id}/timeline").get_data(as_text=True)
    assert "Sender not verified" in timeline
    assert timeline.index("Our server checked") < timeline.index("spf=pass dmarc=fail")
    assert timeline.index("Claimed, not believed") < timeline.index("mx.evil.example")
    assert "2 attachments were left out" in timeline


@pytest.mark.parametrize(
    ("trust", "auto", "facts", "words"),
    [
        ("aligned", "", {}, "Sender verified"),
        ("bare", "", {}, "Nobody vouches for the sender"),
        ("aligned", "auto_reply", {}, "Automatic answer"),
        ("aligned", "", {"sender_warnings": "mixed_scripts"}, "The sender may be somebody else"),
    ],
)
def test_e5_e8_a_mail_says_who_vouches_for_it_and_whether_a_machine_wrote(
    services: Services,
    seat: Callable[..., Seat],
    trust: str,
    auto: str,
    facts: dict[str, str],
    words: str,
) -> None:
    ticket_id = mail(services, trust=trust, auto=auto, facts=facts)
    timeline = seat().browser.get(f"/tickets/{ticket_id}/timeline").get_data(as_text=True)
    assert words in timeline


def test_nobody_gets_in_without_signing_in(services: Services, app: Flask) -> None:
    ticket_id = customer_writes(services)
    stranger = Browser(app)
    for path in ("/inbox", "/queue", f"/tickets/{ticket_id}/timeline"):
        assert stranger.get(path).status_code == 302
    answer = stranger.post(f"/tickets/{ticket_id}/note", {"body": "x"}, htmx=True)
    assert answer.status_code == 401


def test_drafts_come_back_and_reading_marks(services: Services, seat: Callable[..., Seat]) -> None:
    ana = seat().browser
    ticket_id = mail(services)
    at = f"/tickets/{ticket_id}"
    draft = {"kind": "note", "body": "half a thought", "channel": "email"}
    assert ana.post(f"{at}/draft", draft).status_code == 204
    assert ana.post(f"{at}/read", {"seq": "1"}).status_code == 204
    number = read_ticket(services, ticket_id).number
    assert "half a thought" in ana.get(f"/inbox/{number}").get_data(as_text=True)
