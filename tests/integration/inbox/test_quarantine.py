"""Held deliveries: a person lets them through, places them, or deletes them; nothing is lost."""

import os
from pathlib import Path

import pytest
from sqlalchemy import select

from channels.port import Delivery
from helpdesk.errors import Conflict, InvalidInput, NotFound
from helpdesk.events.model import Event
from helpdesk.inbox import quarantine
from helpdesk.inbox.blocking import block, blocked_senders, unblock
from helpdesk.inbox.model import Attachment
from helpdesk.inbox.service import drain as drain_inbox
from helpdesk.inbox.service import store_unreadable
from helpdesk.services import Services
from helpdesk.tickets.queries import lock_ticket
from tests.conftest import TestClock
from tests.integration.inbox.world import ANA, World, mail, text_message
from tests.integration.tickets.desk import hire, make_team

EVE = "eve@spam.example"


def audited(world: World, kind: str) -> list[Event]:
    with world.services.reading() as session:
        return list(session.scalars(select(Event).where(Event.kind == kind)))


# -- what is held and what the list can say of it -------------------------------------------


def test_a_held_mail_says_who_it_is_said_to_come_from(world_on_both: World) -> None:
    row = world_on_both.row(world_on_both.arrives(mail(data={"doubt": "several_senders"})))
    assert (row.sender, row.subject) == (f"Ana Souza <{ANA}>", "Cobrança dobrada")


def test_a_mail_nobody_can_read_is_still_named_by_its_headers(world_on_both: World) -> None:
    world = world_on_both
    row_id = world.store(
        key="7:1",
        body=b"?: nothing\r\nFrom: =?utf-8?q?Jos=C3=A9?= <jose@x.example>\r\n"
        b"Subject: =?x-nothing?q?broken?= 4111 1111 1111 1111\r\n\r\nhello",
    )
    world.drain()
    row = world.row(row_id)
    assert (row.state, row.sender) == ("quarantined", "José <jose@x.example>")
    assert row.subject.endswith("**** **** **** 1111")


# -- releasing ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param({"data": {"doubt": "several_senders"}}, id="several-senders"),
        pytest.param({"sender": ""}, id="no-sender"),
        pytest.param({"auto": "auto_reply"}, id="automatic"),
        pytest.param({"sender": EVE}, id="blocked"),
    ],
)
def test_what_a_person_releases_opens_a_conversation(
    world_on_both: World, facts: dict[str, object]
) -> None:
    world = world_on_both
    block(world.services, world.agent, EVE)
    world.customer(email=ANA)
    row_id = world.arrives(mail(**facts))  # type: ignore[arg-type]
    assert world.tickets() == []
    quarantine.release(world.services, world.agent, row_id)
    world.drain()
    row = world.row(row_id)
    assert (row.state, row.released_by) == ("read", world.agent.id)
    assert len(world.messages(world.ticket_of(row_id).id)) == 1
    (event,) = audited(world, "inbound.released")
    assert (event.actor_id, event.data) == (world.agent.id, {"inbound_id": str(row_id)})


def test_a_released_mail_of_several_senders_proves_nobody_and_joins_nothing(world: World) -> None:
    world.customer(email=ANA)
    ticket = world.ticket_of(world.arrives(mail("7:1", message_id="hers@x")))
    row_id = world.arrives(mail("7:2", references=["hers@x"], data={"doubt": "several_senders"}))
    quarantine.release(world.services, world.agent, row_id)
    world.drain()
    other = world.ticket_of(row_id)
    assert (other.id != ticket.id, other.related_id) == (True, ticket.id)
    assert other.customer_id is None


def test_what_cannot_be_read_comes_back_after_its_release(world: World) -> None:
    row_id = world.store(key="7:1", body=b"? not a mail")
    world.drain()
    quarantine.release(world.services, world.agent, row_id)
    world.drain()
    assert (world.row(row_id).state, world.row(row_id).reason) == ("quarantined", "unreadable")


def test_two_people_decide_once(world: World) -> None:
    row_id = world.arrives(mail(data={"doubt": "several_senders"}))
    quarantine.release(world.services, world.agent, row_id)
    with pytest.raises(Conflict):
        quarantine.delete(world.services, world.agent, row_id)
    with pytest.raises(Conflict):
        quarantine.release(world.services, world.agent, row_id)
    world.drain()
    assert len(world.messages()) == 1
    with pytest.raises(NotFound):
        quarantine.release(world.services, world.agent, world.agent.id)


# -- attaching ------------------------------------------------------------------------------


def test_a_held_mail_goes_into_the_conversation_that_a_person_chose(world_on_both: World) -> None:
    world = world_on_both
    ticket = world.ticket_of(world.arrives(mail("7:1")))
    row_id = world.arrives(mail("7:2", sender=EVE, data={"doubt": "several_senders"}))
    quarantine.attach_to(world.services, world.agent, row_id, number=ticket.number)
    world.drain()
    assert world.ticket_of(row_id).id == ticket.id
    assert len(world.tickets()) == 1
    assert world.participants(ticket.id) == {("email", ANA)}  # Eve has no way in by that
    reply = world.replies(ticket.id)
    assert world.outbound(reply).recipient == ANA
    (event,) = audited(world, "inbound.attached")
    assert event.data["ticket_id"] == str(ticket.id)


def test_bytes_that_nobody_can_read_are_attached_as_they_came(world_on_both: World) -> None:
    world = world_on_both
    ticket = world.ticket_of(world.arrives(mail("7:1")))
    row_id = world.store(key="7:2", body=b"? \xff\x00 what is this")
    world.drain()
    quarantine.attach_to(world.services, world.agent, row_id, number=ticket.number)
    world.drain()
    message = world.messages(ticket.id)[-1]
    with world.services.reading() as session:
        file = session.scalars(select(Attachment).where(Attachment.message_id == message.id)).one()
    assert file.name.endswith(".eml")
    assert world.services.blobs.read(file.blob) == b"? \xff\x00 what is this"
    assert world.row(row_id).state == "read"


def test_a_mail_that_kills_its_reader_can_be_attached_all_the_same(
    world: World, clock: TestClock
) -> None:
    ticket = world.ticket_of(world.arrives(mail("7:1")))
    row_id = world.store(mail("7:2"), key="7:2")

    def die() -> None:
        raise MemoryError("killed")

    world.email.reading = die
    for _ in range(4):
        clock.forward(minutes=30)
        drain_inbox(world.services)
    assert world.row(row_id).reason == "too_many_attempts"
    quarantine.attach_to(world.services, world.agent, row_id, number=ticket.number)
    for _ in range(3):
        clock.forward(minutes=30)
        drain_inbox(world.services)
    assert world.row(row_id).state == "read"
    assert len(world.messages(ticket.id)) == 2


def test_nothing_is_attached_to_a_closed_or_a_hidden_conversation(world: World) -> None:
    ticket = world.ticket_of(world.arrives(mail("7:1")))
    row_id = world.arrives(mail("7:2", data={"doubt": "several_senders"}))
    stranger = hire(world.services, "Caio", team_id=make_team(world.services, "Outra"))
    ours = make_team(world.services, "Nossa")
    with world.services.begin() as tx:
        lock_ticket(tx, ticket.id).team_id = ours
    with pytest.raises(NotFound):
        quarantine.attach_to(world.services, stranger, row_id, number=ticket.number)
    with world.services.begin() as tx:
        lock_ticket(tx, ticket.id).team_id = None
    world.set_status(ticket.id, "closed")
    with pytest.raises(Conflict):
        quarantine.attach_to(world.services, world.agent, row_id, number=ticket.number)
    assert world.row(row_id).state == "quarantined"


# -- deleting -------------------------------------------------------------------------------


def age(services: Services) -> None:
    """Let every kept file be as old as the disk can say."""
    for path in Path(services.settings.data_dir).rglob("*"):
        if path.is_file() and len(path.name) == 62:
            os.utime(path, (1_000_000, 1_000_000))


def test_a_deleted_mail_keeps_its_row_and_for_thirty_days_its_bytes(
    world_on_both: World, clock: TestClock
) -> None:
    world = world_on_both
    row_id = world.arrives(mail("7:1", data={"doubt": "several_senders"}), key="7:1")
    quarantine.delete(world.services, world.agent, row_id)
    row = world.row(row_id)
    assert (row.state, row.reason, row.detail) == (
        "discarded", "deleted_by_a_person", "several_senders",
    )  # fmt: skip
    (event,) = audited(world, "inbound.deleted")
    assert event.data == {"inbound_id": str(row_id), "reason": "several_senders"}
    age(world.services)
    clock.forward(days=29)
    assert quarantine.forget_deleted(world.services) == 0
    assert world.services.blobs.read(row.blob)
    clock.forward(days=2)
    assert quarantine.forget_deleted(world.services) == 1
    with pytest.raises(NotFound):
        world.services.blobs.read(row.blob)
    assert world.row(row_id).sender == ""
    assert quarantine.forget_deleted(world.services) == 0


def test_what_was_deleted_does_not_come_back_with_a_re_created_mailbox(world: World) -> None:
    deleted = mail("7:1", data={"doubt": "several_senders"})
    row_id = world.arrives(deleted, key="7:1")
    quarantine.delete(world.services, world.agent, row_id)
    assert world.store(deleted, key="7:1") == row_id
    again = world.row(world.arrives(deleted, key="8:1"))
    assert (again.state, again.reason) == ("discarded", "duplicate")


def test_bytes_that_something_else_holds_or_just_kept_stay(world: World, clock: TestClock) -> None:
    first = world.store(key="7:1", body=b"? the same bytes")
    other = store_unreadable(
        world.services, source="sms", channel="sms", why="", delivery=Delivery(b"? the same bytes")
    )
    world.drain()
    quarantine.delete(world.services, world.agent, first)
    age(world.services)
    clock.forward(days=31)
    assert quarantine.forget_deleted(world.services) == 0
    assert world.services.blobs.read(world.row(other).blob) == b"? the same bytes"
    lone = world.arrives(mail("7:9", data={"doubt": "several_senders"}), key="7:9")
    quarantine.delete(world.services, world.agent, lone)
    clock.forward(days=31)
    assert quarantine.forget_deleted(world.services) == 0  # touched this very hour
    assert world.services.blobs.read(world.row(lone).blob)


# -- blocked senders --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "sender", "is_held"),
    [
        pytest.param("Eve@Spam.Example", EVE, True, id="the-address"),
        pytest.param("spam.example", EVE, True, id="its-domain"),
        pytest.param("@spam.example", "a@deep.mail.spam.example", True, id="below-the-domain"),
        pytest.param("spam.example", "eve@notspam.example", False, id="only-looks-like-it"),
        pytest.param("eve@spam.example", "adam@spam.example", False, id="a-neighbour"),
        pytest.param("bücher.example", "a@xn--bcher-kva.example", True, id="as-mail-carries-it"),
    ],
)
def test_mail_of_a_blocked_sender_waits_and_is_not_lost(
    world_on_both: World, typed: str, sender: str, is_held: bool
) -> None:
    world = world_on_both
    block(world.services, world.agent, typed, note="  sends   ads ")
    row = world.row(world.arrives(mail(sender=sender)))
    assert (row.reason == "blocked_sender") is is_held
    assert (row.state == "quarantined") is is_held
    assert len(world.tickets()) == (0 if is_held else 1)
    assert world.services.blobs.read(row.blob)


def test_a_blocked_telephone_is_held_in_either_spelling(world: World) -> None:
    block(world.services, world.agent, "(11) 98765-4321")
    long = world.row(world.arrives(text_message("SM1", sender="+5511987654321")))
    short = world.row(world.arrives(text_message("SM2", sender="+551187654321")))
    assert [long.reason, short.reason] == ["blocked_sender"] * 2


def test_a_blocked_sender_finds_no_way_in_by_a_reference_or_a_token(world: World) -> None:
    ticket = world.ticket_of(world.arrives(mail("7:1", sender=EVE, message_id="hers@x")))
    block(world.services, world.agent, EVE)
    row = world.row(world.arrives(mail("7:2", sender=EVE, references=["hers@x"])))
    assert row.reason == "blocked_sender"
    assert len(world.messages(ticket.id)) == 1


def test_unblocking_lets_the_next_one_through(world: World) -> None:
    blocked_id = block(world.services, world.agent, EVE)
    assert block(world.services, world.agent, EVE.upper()) == blocked_id
    held_id = world.arrives(mail("7:1", sender=EVE))
    unblock(world.services, world.agent, blocked_id)
    assert world.ticket_of(world.arrives(mail("7:2", sender=EVE))).category == "open"
    assert world.row(held_id).state == "quarantined"
    with pytest.raises(NotFound):
        unblock(world.services, world.agent, blocked_id)
    assert [len(audited(world, kind)) for kind in ("sender.blocked", "sender.unblocked")] == [1, 1]
    with world.services.reading() as session:
        assert blocked_senders(session) == []


@pytest.mark.parametrize("typed", ["", "hello", "a b@x", "@", "localhost", "x" * 400])
def test_what_is_no_sender_cannot_be_blocked(world: World, typed: str) -> None:
    with pytest.raises(InvalidInput):
        block(world.services, world.agent, typed)


@pytest.mark.parametrize("typed", ["suporte@sabia.example", "sabia.example", "@Sabia.Example."])
def test_nobody_blocks_our_own_address(world: World, typed: str) -> None:
    with pytest.raises(Conflict):
        block(world.services, world.agent, typed)
