"""A message leaves once, in order, and its end is told truly."""

from itertools import permutations
from uuid import UUID

import pytest
from sqlalchemy import update

from channels.port import DeliveryState, Outbound, Receipt, Refused, Uncertain, Unreachable
from helpdesk.errors import Conflict, NotFound
from helpdesk.outbox import sending
from helpdesk.outbox.model import Outbound as Row
from helpdesk.outbox.queries import reply_channels
from helpdesk.outbox.sending import send, send_due
from helpdesk.outbox.service import give_up, queue_message, record_receipt, retry_outbound
from helpdesk.tickets.model import Message
from helpdesk.tickets.queries import lock_ticket
from tests.conftest import TestClock
from tests.integration.inbox.test_storing import at_once
from tests.integration.inbox.world import ANA, PHONE, World, call, mail, text_message
from tests.integration.tickets.desk import hire, make_team


def states(world: World, ticket_id: UUID) -> list[str]:
    return [data["state"] for data in world.events(ticket_id, "message.state")]


def test_an_answer_leaves_once_with_the_headers_that_thread_it(
    world_on_both: World, ticket_on_both: UUID
) -> None:
    world = world_on_both
    message_id = world.replies(ticket_on_both, "Vou ver.")
    world.drain()
    send(world.services, world.outbound(message_id).id)
    (sent,) = world.email.sent
    assert (sent.to.value, sent.sender, sent.subject) == (
        ANA, "suporte@sabia.example", "Re: Cobrança dobrada",
    )  # fmt: skip
    assert (sent.in_reply_to, sent.references) == ("hers@x", ("hers@x",))
    assert sent.message_id.startswith(message_id.hex)
    assert sent.message_id.endswith("@guiche.sabia.example")
    assert sent.reply_to.startswith("suporte+r.")
    row = world.outbound(message_id)
    assert (row.state, row.provider_id, row.attempts) == ("sent", sent.message_id, 1)
    assert states(world, ticket_on_both) == ["sent"]


def test_the_next_answer_names_the_whole_chain(world: World, ticket_id: UUID) -> None:
    world.replies(ticket_id)
    world.drain()
    ours = world.email.sent[0].message_id
    world.arrives(mail("7:2", message_id="again@x", references=[ours]))
    world.replies(ticket_id)
    world.drain()
    assert world.email.sent[1].in_reply_to == "again@x"
    assert world.email.sent[1].references == ("hers@x", ours, "again@x")


def test_a_note_never_leaves(world: World, ticket_id: UUID) -> None:
    note = world.notes(ticket_id, "she is angry")
    with world.services.reading() as session:
        row = session.get_one(Message, note)
    with world.services.begin() as tx, pytest.raises(ValueError, match="public"):
        queue_message(tx, lock_ticket(tx, ticket_id), row)


def test_f16_a_note_never_leaves_even_when_a_row_says_so(world: World, ticket_id: UUID) -> None:
    message_id = world.replies(ticket_id)
    with world.services.begin() as tx:
        tx.session.execute(
            update(Message).where(Message.id == message_id).values(visibility="note")
        )
    world.drain()
    send_due(world.services)
    assert world.email.sent == []


def test_four_workers_send_one_copy(world_on_both: World, ticket_on_both: UUID) -> None:
    row = world_on_both.outbound(world_on_both.replies(ticket_on_both))
    at_once(4, lambda _: send(world_on_both.services, row.id))
    assert len(world_on_both.email.sent) == 1
    assert world_on_both.outbound(row.message_id).attempts == 1


def test_an_unreachable_server_is_asked_again_later_in_order(
    world_on_both: World, ticket_on_both: UUID, clock: TestClock
) -> None:
    world = world_on_both
    world.email.faults = [Unreachable("no mail server")]
    first, second = world.replies(ticket_on_both, "1"), world.replies(ticket_on_both, "2")
    world.drain()
    send_due(world.services)
    assert [world.outbound(one).state for one in (first, second)] == ["queued", "queued"]
    assert world.outbound(first).last_error == "no mail server"
    assert world.email.sent == []
    clock.forward(seconds=10)
    send_due(world.services)
    world.drain()
    assert [one.text for one in world.email.sent] == ["1", "2"]


def test_after_a_day_of_trying_it_has_failed_and_a_person_may_begin_another(
    world: World, ticket_id: UUID, clock: TestClock
) -> None:
    world.email.faults = [Unreachable("no mail server")] * 1000
    message_id = world.replies(ticket_id)
    tries = 0
    while world.outbound(message_id).state == "queued" and tries < 500:
        send_due(world.services)
        clock.forward(minutes=15)
        tries += 1
    assert world.outbound(message_id).state == "failed"
    assert 90 <= world.outbound(message_id).attempts <= 110
    key = world.outbound(message_id).key
    world.email.faults = []
    retry_outbound(world.services, world.agent, message_id)
    world.drain()
    assert world.email.sent[0].key == key
    assert states(world, ticket_id) == ["failed", "queued", "sent"]


def test_a_refusal_is_final_and_says_why(world: World, ticket_id: UUID) -> None:
    world.email.faults = [Refused("no such person")]
    message_id = world.replies(ticket_id)
    world.drain()
    row = world.outbound(message_id)
    assert (row.state, row.last_error) == ("failed", "no such person")
    assert states(world, ticket_id) == ["failed"]


@pytest.mark.parametrize(
    "fault", [Uncertain("cut"), RuntimeError("a bug")], ids=["cut-off", "fault-of-ours"]
)
def test_f10_what_may_have_left_is_never_sent_again_by_itself(
    world_on_both: World, ticket_on_both: UUID, clock: TestClock, fault: Exception
) -> None:
    world = world_on_both
    world.email.faults = [fault]
    message_id = world.replies(ticket_on_both)
    world.drain()
    clock.forward(hours=48)
    send_due(world.services)
    assert world.outbound(message_id).state == "uncertain"
    assert world.email.sent == []
    retry_outbound(world.services, world.agent, message_id)
    world.drain()
    assert [one.key for one in world.email.sent] == [message_id.hex]


def test_a_worker_that_dies_while_sending_leaves_doubt_not_a_second_copy(
    world_on_both: World, ticket_on_both: UUID, clock: TestClock
) -> None:
    world = world_on_both

    def die(_: Outbound) -> None:
        raise KeyboardInterrupt

    world.email.sending = die
    message_id = world.replies(ticket_on_both)
    with pytest.raises(KeyboardInterrupt):
        world.drain()
    world.email.sending = lambda _: None
    assert world.outbound(message_id).state == "sending"
    send(world.services, world.outbound(message_id).id)
    clock.forward(minutes=6)
    later = world.replies(ticket_on_both, "2")
    send_due(world.services)
    world.drain()
    assert world.outbound(message_id).state == "uncertain"
    assert world.outbound(later).state == "sent"
    assert [one.text for one in world.email.sent] == ["2"]


def test_r2_a_death_between_sending_and_booking_leaves_doubt_until_the_receipt(
    world: World, clock: TestClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket = world.ticket_of(world.arrives(text_message()))
    message_id = world.replies(ticket.id, channel="sms")

    def crash(*_: object) -> None:
        raise RuntimeError("the power went")

    with monkeypatch.context() as patched:
        patched.setattr(sending, "_settle", crash)
        with pytest.raises(RuntimeError):
            world.drain()
    assert len(world.sms.sent) == 1
    clock.forward(minutes=6)
    send_due(world.services)
    assert world.outbound(message_id).state == "uncertain"
    world.arrives(Receipt("sms", "SM9", "delivered", key=message_id.hex), key="SM9:delivered")
    row = world.outbound(message_id)
    assert (row.state, row.provider_id, len(world.sms.sent)) == ("delivered", "SM9", 1)
    with pytest.raises(Conflict):
        retry_outbound(world.services, world.agent, message_id)


def test_receipts_in_every_order_end_alike(world_on_both: World) -> None:
    world = world_on_both
    ticket = world.ticket_of(world.arrives(text_message()))
    news: tuple[DeliveryState, ...] = ("sent", "delivered", "read", "failed")
    for order in permutations(news):
        message_id = world.replies(ticket.id, channel="sms")
        row = world.outbound(message_id)
        sid = f"SM-{row.key[-8:]}-{'-'.join(order)}"
        for state in order:
            world.arrives(
                Receipt("sms", sid, state, reason="30003", key=row.key), key=f"{sid}:{state}"
            )
        row = world.outbound(message_id)
        assert (row.state, row.last_error, row.provider_id) == ("failed", "30003", sid), order


def test_a_receipt_that_overtakes_our_own_note_wins(world: World) -> None:
    ticket = world.ticket_of(world.arrives(text_message()))

    def told_at_once(message: Outbound) -> None:
        with world.services.begin() as tx:
            record_receipt(tx, Receipt("sms", "SM-fast", "delivered", key=message.key))

    world.sms.sending = told_at_once
    message_id = world.replies(ticket.id, channel="sms")
    world.drain()
    assert world.outbound(message_id).state == "delivered"
    assert states(world, ticket.id) == ["delivered"]


def test_a_receipt_of_nothing_of_ours_is_kept_and_changes_nothing(world: World) -> None:
    row = world.row(world.arrives(Receipt("sms", "SM404", "delivered"), key="SM404:delivered"))
    assert (row.state, row.reason) == ("discarded", "receipt_of_nothing_of_ours")


def test_a_bounce_fails_the_message_it_names(world_on_both: World, ticket_on_both: UUID) -> None:
    world = world_on_both
    message_id = world.replies(ticket_on_both)
    world.drain()
    ours = world.email.sent[0].message_id
    bounce = mail("7:2", sender="mailer-daemon@x.example", auto="bounce")
    row_id = world.arrives(bounce, Receipt("email", ours, "undelivered", "550 no such user"))
    row = world.outbound(message_id)
    assert (row.state, row.last_error) == ("failed", "550 no such user")
    assert world.row(row_id).message_id == message_id
    assert states(world, ticket_on_both) == ["sent", "failed"]
    assert len(world.tickets()) == 1
    assert len(world.messages(ticket_on_both)) == 2


def test_a_bounce_of_other_peoples_mail_is_discarded(world: World) -> None:
    row = world.row(world.arrives(mail(auto="bounce")))
    assert (row.state, row.reason) == ("discarded", "bounce")
    assert world.tickets() == []


def test_what_a_person_gives_up_stays_unsent(world: World, ticket_id: UUID) -> None:
    world.email.faults = [Uncertain("cut")]
    message_id = world.replies(ticket_id)
    world.drain()
    give_up(world.services, world.agent, message_id)
    send_due(world.services)
    assert world.outbound(message_id).state == "cancelled"
    assert states(world, ticket_id) == ["uncertain", "cancelled"]


def test_nobody_decides_about_a_ticket_she_cannot_see(world: World, ticket_id: UUID) -> None:
    world.email.faults = [Uncertain("cut")]
    message_id = world.replies(ticket_id)
    world.drain()
    with world.services.begin() as tx:
        lock_ticket(tx, ticket_id).team_id = None
    stranger = hire(world.services, "Caio", team_id=make_team(world.services, "Outra"))
    theirs = make_team(world.services, "Nossa")
    with world.services.begin() as tx:
        lock_ticket(tx, ticket_id).team_id = theirs
    with pytest.raises(NotFound):
        retry_outbound(world.services, stranger, message_id)


# -- where an answer may go ---------------------------------------------------------------


def ways(world: World, ticket_id: UUID) -> list[tuple[str, str]]:
    with world.services.reading() as session:
        return [
            (one.channel, one.recipient) for one in reply_channels(session, world.ticket(ticket_id))
        ]


def test_the_channel_used_last_comes_first_and_proven_addresses_follow(world: World) -> None:
    world.customer(email=ANA, phone=PHONE, whatsapp=PHONE)
    ticket = world.ticket_of(world.arrives(text_message()))
    assert ways(world, ticket.id) == [("sms", PHONE), ("email", ANA), ("whatsapp", PHONE)]


def test_a_call_is_answered_by_text(world: World) -> None:
    ticket = world.ticket_of(world.arrives(call("voicemail")))
    assert ways(world, ticket.id) == [("sms", PHONE)]


def test_an_answer_goes_to_the_participant_who_wrote_last(world: World, ticket_id: UUID) -> None:
    from helpdesk.tickets.participants import add_participant

    with world.services.begin() as tx:
        add_participant(tx, lock_ticket(tx, ticket_id), "email", "beto@example.com")
    world.arrives(mail("7:2", sender="beto@example.com", references=["hers@x"]))
    assert ways(world, ticket_id) == [("email", "beto@example.com")]
    world.arrives(mail("7:3", references=["hers@x"]))
    assert ways(world, ticket_id) == [("email", ANA)]


def test_a_channel_without_an_address_is_refused(world: World, ticket_id: UUID) -> None:
    with pytest.raises(Conflict):
        world.replies(ticket_id, channel="whatsapp")
    assert len(world.messages(ticket_id)) == 1


def test_a_channel_that_is_not_set_up_fails_and_says_so(world: World, ticket_id: UUID) -> None:
    from dataclasses import replace

    message_id = world.replies(ticket_id)
    send(replace(world.services, adapters={}), world.outbound(message_id).id)
    assert world.outbound(message_id).last_error == "this channel is not set up"
    assert world.count(Row) == 1
