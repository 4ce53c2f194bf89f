"""A mail with copies: each recipient has a letter, a key and a fate of her own."""

from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from channels.port import Outbound, Party, Receipt, Refused, Uncertain, Unreachable
from helpdesk.errors import Conflict, InvalidInput, NotFound
from helpdesk.inbox.model import ReplyToken
from helpdesk.inbox.threading import token_hash
from helpdesk.outbox.queries import copies_of, reply_channel
from helpdesk.outbox.sending import send, send_due
from helpdesk.outbox.service import confirm_sent, give_up, record_receipt, retry_outbound, take_back
from helpdesk.tickets.desk import ReplyAsk, reply
from helpdesk.tickets.merging import accept_related
from helpdesk.tickets.queries import lock_ticket
from tests.conftest import TestClock
from tests.integration.inbox.test_storing import at_once
from tests.integration.inbox.world import ANA, World, mail
from tests.integration.tickets.desk import hire, make_team

BOOKS = "contas@escritorio.example"
BOSS = "chefe@escritorio.example"


def token_of(address: str) -> str:
    return address.partition("+r.")[2].partition("@")[0]


def whom_it_goes_to(world: World, ticket_id: UUID) -> str:
    with world.services.reading() as session:
        to = reply_channel(session, world.ticket(ticket_id), "email")
    assert to is not None
    return to.recipient


def test_each_recipient_gets_one_letter_that_names_them_all(
    world_on_both: World, ticket_on_both: UUID
) -> None:
    world = world_on_both
    message_id = world.replies(ticket_on_both, "Vou ver.", cc=[BOOKS, BOSS, ANA])
    world.drain()
    for row in (world.outbound(message_id), *world.copies(message_id)):
        send(world.services, row.id)
    sent = {one.to.value: one for one in world.email.sent}
    assert len(world.email.sent) == 3
    assert set(sent) == {ANA, BOOKS, BOSS}
    for one in sent.values():
        assert (one.text, one.in_reply_to) == ("Vou ver.", "hers@x")
        assert [copy.value for copy in one.cc] == [BOOKS, BOSS]
    assert sent[ANA].shown_to is None
    assert sent[BOOKS].shown_to == Party("email", ANA)
    for secret in ("key", "message_id", "reply_to"):
        assert len({getattr(one, secret) for one in sent.values()}) == 3
    assert sent[ANA].key == message_id.hex
    with world.services.reading() as session:
        for address, letter in sent.items():
            kept = session.get_one(ReplyToken, token_hash(token_of(letter.reply_to)))
            assert (kept.ticket_id, kept.recipient) == (ticket_on_both, address)


def test_four_workers_send_each_copy_once(world_on_both: World, ticket_on_both: UUID) -> None:
    world = world_on_both
    message_id = world.replies(ticket_on_both, cc=[BOOKS])
    rows = [world.outbound(message_id).id, world.copies(message_id)[0].id]
    at_once(4, lambda n: send(world.services, rows[n % 2]))
    assert sorted(one.to.value for one in world.email.sent) == [ANA, BOOKS]


def test_a_bounce_of_a_copy_is_the_copys_alone(world_on_both: World, ticket_on_both: UUID) -> None:
    world = world_on_both
    message_id = world.replies(ticket_on_both, cc=[BOOKS, BOSS])
    world.drain()
    lost = next(one.message_id for one in world.email.sent if one.to.value == BOSS)
    with world.services.begin() as tx:
        record_receipt(tx, Receipt("email", lost, "failed", "550 no such person"))
    fates = {one.recipient: one.state for one in world.copies(message_id)}
    assert (world.outbound(message_id).state, fates) == ("sent", {BOOKS: "sent", BOSS: "failed"})
    told = world.events(ticket_on_both, "message.state")[-1]
    assert told == {"message_id": str(message_id), "state": "failed", "cc": BOSS}


def test_a_bounce_settles_the_copy_of_which_nobody_knew(world: World, ticket_id: UUID) -> None:
    world.email.faults = [Uncertain("cut"), Uncertain("cut")]
    message_id = world.replies(ticket_id, cc=[BOOKS])
    world.drain()
    (copy,) = world.copies(message_id)
    assert (copy.state, copy.provider_id) == ("uncertain", None)
    with world.services.begin() as tx:
        record_receipt(tx, Receipt("email", copy.envelope["message_id"], "failed", "550 no"))
    assert world.outbound(message_id).state == "uncertain"
    assert world.copies(message_id)[0].state == "failed"


def test_a_copy_that_does_not_leave_holds_up_nobody_else(
    world_on_both: World, ticket_on_both: UUID, clock: TestClock
) -> None:
    world = world_on_both

    def away(letter: Outbound) -> None:
        if letter.to.value == BOOKS:
            raise Unreachable("that server is away")

    world.email.sending = away
    first = world.replies(ticket_on_both, "1", cc=[BOOKS])
    world.drain()
    world.replies(ticket_on_both, "2", cc=[BOOKS])
    send_due(world.services)
    world.drain()
    assert [(one.to.value, one.text) for one in world.email.sent] == [(ANA, "1"), (ANA, "2")]
    assert world.copies(first)[0].state == "queued"
    world.email.sending = lambda _: None
    clock.forward(minutes=1)
    send_due(world.services)
    world.drain()
    books = [one.text for one in world.email.sent if one.to.value == BOOKS]
    assert books == ["1", "2"]  # her own letters keep their order


def test_the_next_answer_waits_for_the_customers_own_letter(
    world: World, ticket_id: UUID, clock: TestClock
) -> None:
    world.email.faults = [Unreachable("away")]
    world.replies(ticket_id, "1", cc=[BOOKS])
    world.replies(ticket_id, "2", cc=[BOOKS])
    world.drain()
    send_due(world.services)
    assert [(one.to.value, one.text) for one in world.email.sent] == [(BOOKS, "1")]
    clock.forward(minutes=1)
    send_due(world.services)
    world.drain()
    assert [(one.to.value, one.text) for one in world.email.sent][1:] in (
        [(ANA, "1"), (ANA, "2"), (BOOKS, "2")],
        [(ANA, "1"), (BOOKS, "2"), (ANA, "2")],
    )


def test_an_answer_from_a_copy_lands_here_and_answers_go_on_to_the_customer(
    world_on_both: World, ticket_on_both: UUID
) -> None:
    world = world_on_both
    world.replies(ticket_on_both, cc=[BOOKS])
    world.drain()
    letter = next(one for one in world.email.sent if one.to.value == BOOKS)
    by_token = mail("7:2", sender=BOOKS, reply_tokens=[token_of(letter.reply_to)])
    by_header = mail("7:3", sender=BOOKS, references=[letter.message_id])
    for answer in (by_token, by_header):
        assert world.ticket_of(world.arrives(answer)).id == ticket_on_both
    assert whom_it_goes_to(world, ticket_on_both) == ANA
    # A letter of hers that is forwarded opens nothing for whom it is forwarded to.
    stolen = mail("7:4", sender="outra@x.example", reply_tokens=[token_of(letter.reply_to)])
    assert world.ticket_of(world.arrives(stolen)).id != ticket_on_both


def test_who_took_part_before_stays_somebody_whom_answers_go_to(
    world: World, ticket_id: UUID
) -> None:
    world.replies(ticket_id, cc=[BOOKS])
    assert world.participants(ticket_id) == {("email", ANA), ("email", BOOKS)}
    second = world.ticket_of(world.arrives(mail("8:1", sender=BOOKS, message_id="b@x"))).id
    world.replies(second, cc=[ANA])
    assert whom_it_goes_to(world, second) == BOOKS
    assert whom_it_goes_to(world, ticket_id) == ANA


def test_a_copy_stays_a_copy_where_conversations_are_joined(world: World, ticket_id: UUID) -> None:
    first = world.ticket_of(world.arrives(mail("9:1", sender=BOSS, message_id="boss@x"))).id
    world.replies(ticket_id, cc=[BOOKS])
    with world.services.begin() as tx:
        lock_ticket(tx, ticket_id).related_id = first
    accept_related(world.services, world.agent, ticket_id)
    assert ("email", BOOKS) in world.participants(first)
    world.arrives(mail("9:2", sender=BOOKS, references=["boss@x"]))
    assert whom_it_goes_to(world, first) == BOSS


def test_what_is_taken_back_goes_to_nobody(world: World, ticket_id: UUID, clock: TestClock) -> None:
    slow = replace(world.services, settings=replace(world.services.settings, undo_send_s=10))
    ask = ReplyAsk(channel="email", body="Olá", client_msg_id=str(uuid4()), cc=(BOOKS, BOSS))
    message_id = reply(slow, world.agent, ticket_id, ask).id
    take_back(slow, world.agent, message_id)
    clock.forward(minutes=1)
    send_due(slow)
    world.drain()
    assert world.email.sent == []
    rows = [world.outbound(message_id), *world.copies(message_id)]
    assert [one.state for one in rows] == ["cancelled"] * 3


def test_a_letter_of_which_a_copy_has_left_cannot_be_taken_back(
    world: World, ticket_id: UUID
) -> None:
    slow = replace(world.services, settings=replace(world.services.settings, undo_send_s=10))
    ask = ReplyAsk(channel="email", body="Olá", client_msg_id=str(uuid4()), cc=(BOOKS,))
    message_id = reply(slow, world.agent, ticket_id, ask).id
    with world.services.begin() as tx:  # the clock of another machine is ahead
        (row,) = copies_of(tx.session, message_id)
        row.not_before = tx.at
    send(slow, row.id)
    with pytest.raises(Conflict):
        take_back(slow, world.agent, message_id)
    assert world.outbound(message_id).state == "queued"


def test_a_person_decides_about_one_copy_without_touching_the_rest(
    world: World, ticket_id: UUID
) -> None:
    world.email.faults = [Refused("no"), Refused("no such person"), Uncertain("cut")]
    message_id = world.replies(ticket_id, cc=[BOOKS, BOSS])
    world.drain()
    books, boss = world.copies(message_id)
    confirm_sent(world.services, world.agent, message_id, copy_id=boss.id)
    retry_outbound(world.services, world.agent, message_id, copy_id=books.id)
    world.drain()
    assert [(one.to.value, one.key) for one in world.email.sent] == [(BOOKS, books.key)]
    assert [one.state for one in world.copies(message_id)] == ["sent", "sent"]
    assert world.outbound(message_id).state == "failed"
    other = world.replies(ticket_id)
    for act in (retry_outbound, give_up, confirm_sent):
        with pytest.raises(NotFound):  # a copy of another message
            act(world.services, world.agent, other, copy_id=books.id)
    ours, theirs = (make_team(world.services, name) for name in ("Nossa", "Outra"))
    stranger = hire(world.services, "Olga", team_id=theirs)
    with world.services.begin() as tx:
        lock_ticket(tx, ticket_id).team_id = ours
    with pytest.raises(NotFound):
        retry_outbound(world.services, stranger, message_id, copy_id=books.id)


def test_e1_a_copy_that_a_mail_names_is_nobody_here_until_a_person_says_so(
    world: World, ticket_id: UUID
) -> None:
    spoofed = replace(mail("7:2", references=["hers@x"]), data={"cc": f"{BOSS}, {ANA}"})
    row_id = world.arrives(spoofed)
    message_id = world.row(row_id).message_id
    assert world.participants(ticket_id) == {("email", ANA)}
    (heard,) = [one for one in world.messages(ticket_id) if one.id == message_id]
    assert heard.facts["cc"] == f"{BOSS}, {ANA}"
    world.replies(ticket_id)
    world.drain()
    assert [(one.to.value, one.cc) for one in world.email.sent] == [(ANA, ())]


@pytest.mark.parametrize("ours", ["suporte@sabia.example", "suporte+r.secret@sabia.example"])
def test_a_copy_to_ourselves_is_refused_before_anything_is_written(
    world: World, ticket_id: UUID, ours: str
) -> None:
    before = world.ticket(ticket_id).last_seq
    ask = ReplyAsk(channel="email", body="Olá", client_msg_id=str(uuid4()), cc=(BOOKS, ours))
    with pytest.raises(InvalidInput, match="our own mailboxes"):
        reply(world.services, world.agent, ticket_id, ask)
    assert world.ticket(ticket_id).last_seq == before
    assert world.participants(ticket_id) == {("email", ANA)}
