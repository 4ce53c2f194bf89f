"""What people do with a conversation."""

import threading
from collections.abc import Callable
from datetime import UTC, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from babel.core import Locale
from sqlalchemy import func, select

from helpdesk.errors import Conflict, InvalidInput, NotFound
from helpdesk.events.model import Event
from helpdesk.events.service import Actor
from helpdesk.outbox.model import Outbound
from helpdesk.services import Services
from helpdesk.tickets import desk
from helpdesk.tickets.desk import ReplyAsk
from helpdesk.tickets.jobs import wake_snoozed
from helpdesk.tickets.model import Draft, Message
from helpdesk.tickets.participants import add_participant
from helpdesk.tickets.queries import drafts_of, read_up_to, tags_of
from helpdesk.tickets.screen import SystemLine
from helpdesk.tickets.service import set_status
from helpdesk.tickets.timeline import Writer, timeline_screen
from helpdesk.web.formats import Formats
from tests.conftest import TestClock
from tests.integration.tickets.desk import (
    change,
    customer_writes,
    hire,
    make_team,
    read_ticket,
    staff_writes,
)


@pytest.fixture
def ticket_id(services: Services) -> UUID:
    return writes_by_mail(services)


def lines(services: Services, ticket_id: UUID) -> list[str]:
    """Return what the grey lines of the timeline say."""

    def say(message: str, /, **values: Any) -> str:
        return message % values if values else message

    formats = Formats(Locale("en"), UTC, services.clock(), say)
    with services.reading() as session:
        ticket = read_ticket(services, ticket_id)
        shown = timeline_screen(session, ticket, Writer(formats, "Sabiá")).items
    return [one.code for one in shown if isinstance(one, SystemLine)]


def writes_by_mail(services: Services, team_id: UUID | None = None) -> UUID:
    """A mail of Mariana's: an answer can reach her."""
    made = customer_writes(services, team_id=team_id)
    change(
        services,
        made,
        lambda tx, ticket: add_participant(tx, ticket, "email", "mariana@example.com"),
    )
    return made


def ask(body: str = "We refund the second charge.", **changes: object) -> ReplyAsk:
    values: dict[str, object] = {"channel": "email", "body": body, "client_msg_id": str(uuid4())}
    return ReplyAsk(**(values | changes))  # type: ignore[arg-type]


def kinds(services: Services, ticket_id: UUID) -> list[str]:
    with services.reading() as session:
        return list(
            session.scalars(
                select(Event.kind).where(Event.ticket_id == ticket_id).order_by(Event.seq)
            )
        )


def count(services: Services, rows: type[Message | Outbound]) -> int:
    with services.reading() as session:
        return session.scalar(select(func.count()).select_from(rows)) or 0


def test_a_reply_is_written_queued_and_read_by_its_author(
    services: Services, ticket_id: UUID
) -> None:
    ana = hire(services, "Ana")
    sent = desk.reply(services, ana, ticket_id, ask())
    with services.reading() as session:
        outbound = session.scalars(select(Outbound)).one()
        assert (outbound.message_id, outbound.state, outbound.recipient) == (
            sent.id, "queued", "mariana@example.com",
        )  # fmt: skip
        assert read_up_to(session, ana.id, ticket_id) == sent.seq
    row = read_ticket(services, ticket_id)
    assert (row.status, row.waiting_since, row.due_metric) == ("open", None, "resolution")


def test_the_same_click_twice_is_one_message(services: Services, ticket_id: UUID) -> None:
    ana = hire(services, "Ana")
    once = ask()
    first = desk.reply(services, ana, ticket_id, once)
    assert desk.reply(services, ana, ticket_id, once).id == first.id
    assert (count(services, Message), count(services, Outbound)) == (2, 1)
    elsewhere = writes_by_mail(services)
    with pytest.raises(Conflict):
        desk.reply(services, ana, elsewhere, once)


def test_f11_the_same_click_at_the_same_moment_is_one_message(services_on_both: Services) -> None:
    services = services_on_both
    ana = hire(services, "Ana")
    ticket_id = writes_by_mail(services)
    once, sent, gate = ask(), [], threading.Barrier(4)

    def click() -> None:
        gate.wait(10)
        sent.append(desk.reply(services, ana, ticket_id, once).id)

    clicks = [threading.Thread(target=click) for _ in range(4)]
    for one in clicks:
        one.start()
    for one in clicks:
        one.join(30)
    assert len(sent) == 4
    assert len(set(sent)) == 1
    assert (count(services, Message), count(services, Outbound)) == (2, 1)


def test_f13_an_answer_of_a_colleague_stops_a_stale_one_until_it_is_meant(
    services: Services, ticket_id: UUID
) -> None:
    ana, bruno = hire(services, "Ana"), hire(services, "Bruno")
    seen = read_ticket(services, ticket_id).last_seq
    desk.reply(services, bruno, ticket_id, ask("I have it."))
    with pytest.raises(Conflict):
        desk.reply(services, ana, ticket_id, ask(seen_seq=seen))
    assert count(services, Outbound) == 1
    desk.reply(services, ana, ticket_id, ask(seen_seq=seen, anyway=True))
    now = read_ticket(services, ticket_id).last_seq
    desk.reply(services, bruno, ticket_id, ask(seen_seq=now))
    assert count(services, Outbound) == 3


@pytest.mark.parametrize("what", ["own", "note", "customer"])
def test_only_a_colleagues_public_answer_makes_mine_stale(
    services: Services, ticket_id: UUID, what: str
) -> None:
    ana, bruno = hire(services, "Ana"), hire(services, "Bruno")
    seen = read_ticket(services, ticket_id).last_seq
    if what == "own":
        desk.reply(services, ana, ticket_id, ask())
    elif what == "note":
        staff_writes(services, ticket_id, bruno, visibility="note")
    else:
        customer_writes(services, ticket_id)
    assert desk.reply(services, ana, ticket_id, ask(seen_seq=seen)).seq > seen


def test_a_card_number_in_an_answer_is_masked_before_it_is_kept(
    services: Services, ticket_id: UUID
) -> None:
    ana = hire(services, "Ana")
    sent = desk.reply(services, ana, ticket_id, ask("Is it 4111 1111 1111 1111?"))
    assert "4111 1111" not in sent.body
    assert sent.body.endswith("1111?")


@pytest.mark.parametrize(
    ("then", "category"), [("", "open"), ("waiting", "waiting"), ("solved", "solved")]
)
def test_sending_carries_the_next_status(
    services: Services, ticket_id: UUID, then: str, category: str
) -> None:
    ana = hire(services, "Ana")
    desk.reply(services, ana, ticket_id, ask(then=then))
    assert read_ticket(services, ticket_id).category == category


def test_where_nobody_can_be_reached_nothing_is_written(services: Services) -> None:
    ana = hire(services, "Ana")
    ticket_id = customer_writes(services)
    before = kinds(services, ticket_id)
    with pytest.raises(Conflict):
        desk.reply(services, ana, ticket_id, ask(channel="sms"))
    assert kinds(services, ticket_id) == before


def test_a_closed_conversation_takes_no_answer(services: Services, ticket_id: UUID) -> None:
    ana = hire(services, "Ana")
    change(services, ticket_id, lambda tx, one: set_status(tx, one, "closed", actor=Actor.system()))
    with pytest.raises(Conflict):
        desk.reply(services, ana, ticket_id, ask())
    with pytest.raises(Conflict):
        desk.change_category(services, ana, ticket_id, "open")


def test_a_note_never_leaves_and_drafts_never_mix(services: Services, ticket_id: UUID) -> None:
    ana = hire(services, "Ana")
    for kind, body in (("reply", "Dear Mariana"), ("note", "check the gateway")):
        desk.save_draft(services, ana, ticket_id, kind=kind, channel="email", body=body)
    desk.note(services, ana, ticket_id, body="check the gateway", client_msg_id=str(uuid4()))
    with services.reading() as session:
        left = drafts_of(session, ana.id, ticket_id)
    assert {kind: draft.body for kind, draft in left.items()} == {"reply": "Dear Mariana"}
    assert count(services, Outbound) == 0
    desk.save_draft(services, ana, ticket_id, kind="reply", channel="email", body="  ")
    with services.reading() as session:
        assert session.scalars(select(Draft)).all() == []


def test_what_somebody_may_not_see_she_cannot_change(services: Services) -> None:
    ours, theirs = make_team(services, "Billing"), make_team(services, "Technical")
    outsider = hire(services, "Olga", team_id=theirs)
    lead = hire(services, "Lia", role="supervisor", team_id=theirs)
    ticket_id = writes_by_mail(services, team_id=ours)
    acts: list[Callable[[], object]] = [
        lambda: desk.reply(services, outsider, ticket_id, ask()),
        lambda: desk.note(services, outsider, ticket_id, body="x", client_msg_id=str(uuid4())),
        lambda: desk.change_category(services, outsider, ticket_id, "solved"),
        lambda: desk.assign(services, outsider, ticket_id, outsider.id),
        lambda: desk.tag(services, outsider, ticket_id, add=frozenset({"x"})),
        lambda: desk.snooze(services, outsider, ticket_id, None),
        lambda: desk.save_draft(services, outsider, ticket_id, kind="note", channel="", body="x"),
        lambda: desk.read(services, outsider, ticket_id, 1),
    ]
    before = kinds(services, ticket_id)
    for act in acts:
        with pytest.raises(NotFound):
            act()
    assert kinds(services, ticket_id) == before
    desk.assign(services, lead, ticket_id, outsider.id)
    desk.tag(services, outsider, ticket_id, add=frozenset({"mine"}))  # now it is hers


def test_assigning_says_from_whom_to_whom_and_only_once(
    services: Services, ticket_id: UUID
) -> None:
    ana, bruno = hire(services, "Ana"), hire(services, "Bruno")
    for somebody in (ana.id, ana.id, bruno.id, None):
        desk.assign(services, ana, ticket_id, somebody)
    with services.reading() as session:
        told = session.scalars(
            select(Event.data).where(Event.kind == "ticket.assigned").order_by(Event.seq)
        ).all()
    a, b = str(ana.id), str(bruno.id)
    assert told == [{"from": None, "to": a}, {"from": a, "to": b}, {"from": b, "to": None}]
    assert read_ticket(services, ticket_id).status == "open"
    assert lines(services, ticket_id)[-3:] == ["taken", "assigned", "unassigned"]
    with pytest.raises(InvalidInput):
        desk.assign(services, ana, ticket_id, uuid4())


def test_tags_are_told_as_they_change(services: Services, ticket_id: UUID) -> None:
    ana = hire(services, "Ana")
    desk.tag(services, ana, ticket_id, add=frozenset({"refund", "vip"}))
    desk.tag(services, ana, ticket_id, add=frozenset({"vip"}))
    desk.tag(services, ana, ticket_id, remove=frozenset({"vip", "unknown"}))
    with services.reading() as session:
        assert tags_of(session, ticket_id) == ["refund"]
        told = session.scalars(
            select(Event.data).where(Event.kind == "ticket.tagged").order_by(Event.seq)
        ).all()
    assert told == [{"added": ["refund", "vip"], "removed": []}, {"added": [], "removed": ["vip"]}]


def test_a_snoozed_conversation_wakes_at_its_time(
    services_on_both: Services, clock: TestClock
) -> None:
    services = services_on_both
    ana = hire(services, "Ana")
    ticket_id = writes_by_mail(services)
    staff_writes(services, ticket_id, ana)
    desk.snooze(services, ana, ticket_id, clock.at + timedelta(hours=3))
    wake_snoozed(services)
    assert read_ticket(services, ticket_id).category == "waiting"
    clock.forward(hours=3)
    wake_snoozed(services)
    wake_snoozed(services)
    row = read_ticket(services, ticket_id)
    assert (row.category, row.snoozed_until) == ("open", None)
    assert kinds(services, ticket_id).count("ticket.snoozed") == 2


def test_an_owed_answer_wakes_a_snoozed_conversation_when_it_falls_due(
    services: Services, clock: TestClock, ticket_id: UUID
) -> None:
    ana = hire(services, "Ana")
    desk.snooze(services, ana, ticket_id, clock.at + timedelta(days=3))
    clock.forward(hours=4)
    wake_snoozed(services)
    assert read_ticket(services, ticket_id).category == "open"


def test_the_customers_next_message_wakes_a_snoozed_conversation(
    services: Services, clock: TestClock, ticket_id: UUID
) -> None:
    ana = hire(services, "Ana")
    desk.snooze(services, ana, ticket_id, clock.at + timedelta(days=3))
    customer_writes(services, ticket_id)
    row = read_ticket(services, ticket_id)
    assert (row.category, row.snoozed_until) == ("open", None)


def test_nobody_has_read_past_the_end(services: Services, ticket_id: UUID) -> None:
    ana = hire(services, "Ana")
    desk.read(services, ana, ticket_id, 10_000)
    with services.reading() as session:
        assert read_up_to(session, ana.id, ticket_id) == read_ticket(services, ticket_id).last_seq
