"""Copies of a mail as the console shows and takes them."""

from collections.abc import Callable
from uuid import UUID

from sqlalchemy import select

from helpdesk.events.service import Actor
from helpdesk.outbox.queries import copies_of
from helpdesk.outbox.service import append_state, lock_with_ticket
from helpdesk.services import Services
from helpdesk.tickets.model import Draft, Message
from tests.integration.tickets.conftest import Seat
from tests.integration.tickets.desk import read_ticket
from tests.integration.tickets.test_console_http import mail, reply_form

BOOKS = "contas@escritorio.example"
BOSS = "chefe@escritorio.example"


def composer(services: Services, seat: Seat, ticket_id: UUID) -> str:
    page = seat.browser.get(f"/inbox/{read_ticket(services, ticket_id).number}")
    text = page.get_data(as_text=True)
    return text[text.index('id="composer"') :]


def send(seat: Seat, ticket_id: UUID, **changes: str) -> str:
    answer = seat.browser.post(f"/tickets/{ticket_id}/reply", reply_form(**changes), htmx=True)
    assert answer.status_code == 200, answer.text
    return answer.text


def test_nobody_gets_a_copy_before_a_person_says_so_and_then_goes_on_getting_them(
    services: Services, seat: Callable[..., Seat]
) -> None:
    ana = seat()
    ticket_id = mail(services, facts={"cc": f"{BOOKS}, {BOSS}"})
    first = composer(services, ana, ticket_id)
    assert 'name="cc" type="text"' in first
    assert 'value=""' in first[first.index('id="cc"') :][:200]
    assert f'data-cc="{BOOKS}"' in first
    shown = send(ana, ticket_id, cc=f"Contas <{BOOKS.upper()}>")
    assert BOOKS in shown
    again = composer(services, ana, ticket_id)
    assert f'value="{BOOKS}"' in again
    assert f'data-cc="{BOOKS}"' not in again
    assert f'data-cc="{BOSS}"' in again
    assert "<dt>Also went to</dt>" in ana.browser.get(f"/tickets/{ticket_id}/timeline").get_data(
        as_text=True
    )


def test_an_unusable_copy_is_refused_with_its_reason_and_nothing_is_sent(
    services: Services, seat: Callable[..., Seat]
) -> None:
    ana = seat()
    ticket_id = mail(services)
    before = read_ticket(services, ticket_id).last_seq
    refused = ana.browser.post(f"/tickets/{ticket_id}/reply", reply_form(cc="ana"), htmx=True)
    assert (refused.status_code, "no e-mail address" in refused.text) == (422, True)
    assert read_ticket(services, ticket_id).last_seq == before


def test_a_draft_keeps_its_copies_even_where_they_were_taken_out(
    services: Services, seat: Callable[..., Seat]
) -> None:
    ana = seat()
    ticket_id = mail(services)
    send(ana, ticket_id, cc=BOOKS)
    draft = {"kind": "reply", "channel": "email", "body": "Ol", "cc": f"{BOSS}, me"}
    assert ana.browser.post(f"/tickets/{ticket_id}/draft", draft, htmx=True).status_code == 204
    assert f'value="{BOSS}, me"' in composer(services, ana, ticket_id)
    ana.browser.post(f"/tickets/{ticket_id}/draft", draft | {"cc": ""}, htmx=True)
    with services.reading() as session:
        assert session.get_one(Draft, (ana.agent.id, ticket_id, "reply")).cc == ""
    assert BOOKS not in composer(services, ana, ticket_id)


def test_each_copy_tells_its_fate_and_lets_a_person_decide(
    services: Services, seat: Callable[..., Seat]
) -> None:
    ana = seat()
    ticket_id = mail(services)
    send(ana, ticket_id, cc=f"{BOOKS}, {BOSS}")
    with services.reading() as session:
        message_id = session.scalars(select(Message.id).where(Message.direction == "out")).one()
        books, boss = copies_of(session, message_id)
    for row_id, state in ((books.id, "failed"), (boss.id, "uncertain")):
        with services.begin() as tx:
            ticket, row = lock_with_ticket(tx, row_id)
            row.state, row.last_error = state, "550 no such person"
            append_state(tx, ticket, row, actor=Actor.system())
    page = ana.browser.get(f"/tickets/{ticket_id}/timeline").get_data(as_text=True)
    assert page.count("550 no such person") == 2
    for path, answers in (
        (f"retry?copy={books.id}", 204),
        (f"was-sent?copy={boss.id}", 204),
        (f"was-sent?copy={boss.id}", 409),
        ("retry?copy=1", 422),
        (f"give-up?copy={ticket_id}", 404),
    ):
        answer = ana.browser.post(f"/messages/{message_id}/{path}", htmx=True)
        assert answer.status_code == answers, path
    with services.reading() as session:
        assert [one.state for one in copies_of(session, message_id)] == ["queued", "sent"]
