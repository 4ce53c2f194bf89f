"""Attacks and mishaps of mail, each by its id in docs/cases.md; more stand beside their subject."""

import pytest
from sqlalchemy import update

from helpdesk.inbox.model import Inbound
from helpdesk.inbox.service import ingest_mail, read_one
from helpdesk.outbox.envelope import mint_message_id
from helpdesk.outbox.model import Outbound
from helpdesk.staff.model import Staff
from helpdesk.tickets.merging import accept_related
from helpdesk.tickets.model import Message
from tests.conftest import TestClock
from tests.integration.inbox.test_storing import at_once
from tests.integration.inbox.world import ANA, World, delivery, mail

MALLORY = "mallory@evil.example"
COLLEAGUE = "caio@customer.example"


def test_e1_a_forged_requester_with_a_guessed_address_takes_over_nothing(
    world_on_both: World,
) -> None:
    world = world_on_both
    customer = world.customer(email=ANA)
    hers = world.ticket_of(world.arrives(mail("7:1", message_id="hers@x")))
    forged = mail(
        "7:2",
        trust="failed",
        recipients=[f"suporte+id{hers.number}@sabia.example", MALLORY],
        references=["hers@x"],
    )
    other = world.ticket_of(world.arrives(forged))
    assert (other.id != hers.id, other.related_id) == (True, hers.id)
    assert (hers.customer_id, other.customer_id) == (customer, None)
    assert MALLORY not in str(world.participants(hers.id) | world.participants(other.id))
    assert [one.trust for one in world.messages(other.id)] == ["failed"]
    assert world.outbound(world.replies(hers.id)).recipient == ANA


@pytest.mark.parametrize("left", [False, True], ids=["e3-still-here", "e4-has-left"])
@pytest.mark.parametrize("trust", ["aligned", "failed"])
def test_e3_e4_mail_in_an_agents_name_is_never_an_agents_answer(
    world: World, left: bool, trust: str, clock: TestClock
) -> None:
    ticket = world.ticket_of(world.arrives(mail("7:1")))
    world.replies(ticket.id)
    world.drain()
    ours = world.email.sent[0].message_id
    if left:
        with world.services.begin() as tx:
            tx.session.execute(update(Staff).values(disabled_at=clock()))
    said = mail("7:2", sender=world.agent.email, references=[ours], trust=trust)
    other = world.ticket_of(world.arrives(said))
    world.drain()
    assert other.id != ticket.id
    assert [one.author_kind for one in world.messages(other.id)] == ["customer"]
    assert len(world.email.sent) == 1  # nothing was relayed to the customer


@pytest.mark.parametrize("auto", ["auto_reply", "bounce", "list", "own", None])
def test_e8_nobodys_mail_is_answered_by_itself(world: World, auto: str | None) -> None:
    ticket = world.ticket_of(world.arrives(mail("7:1", message_id="hers@x")))
    world.set_status(ticket.id, "solved")
    for n in range(2, 12):
        world.arrives(mail(f"7:{n}", auto=auto, references=["hers@x"]), key=f"7:{n}")
        world.drain()
    assert world.count(Outbound) == 0
    reopened = [one for one in world.events(ticket.id, "ticket.status") if one["to"] == "open"]
    assert len(reopened) == (1 if auto is None else 0)


@pytest.mark.parametrize("trust", ["aligned", "bare", "failed"])
def test_e9_writing_in_somebodys_name_mails_her_nothing(world: World, trust: str) -> None:
    for n in range(20):
        world.arrives(mail(f"7:{n}", sender="victim@x.example", trust=trust), key=f"7:{n}")
    world.drain()
    assert world.email.sent == []
    assert world.count(Outbound) == 0


def test_e11_trying_again_and_again_does_not_fill_the_disk(world: World, clock: TestClock) -> None:
    big = {"name": "big.pdf", "media_type": "application/pdf", "content": "x" * 500_000}
    row_id = world.store(mail("7:1", files=[big]), key="7:1")
    kept = world.services.blobs.read(world.row(row_id).blob)

    def files() -> int:
        return sum(one.is_file() for one in (world.services.settings.data_dir).rglob("*/*"))

    def die() -> None:
        raise MemoryError("killed")

    world.email.reading = die
    before = files()
    for _ in range(5):
        clock.forward(hours=1)
        try:
            read_one(world.services, row_id)
        except MemoryError:
            assert world.row(row_id).attempts > 0  # counted before reading began
    assert (world.row(row_id).state, world.row(row_id).attempts) == ("quarantined", 3)
    assert files() == before
    assert world.services.blobs.read(world.row(row_id).blob) == kept


def test_e12_reused_uids_of_a_new_mailbox_lose_nothing_and_double_nothing(
    world_on_both: World,
) -> None:
    world = world_on_both
    old = [delivery(mail(f"m{n}")).body for n in range(4)]
    for uid, raw in enumerate(old, 1):
        ingest_mail(world.services, raw, key=f"7:{uid}")
    world.drain()
    fresh = delivery(mail("new")).body
    for uid, raw in enumerate([fresh, *reversed(old)], 1):  # the same uids, other mails
        ingest_mail(world.services, raw, key=f"8:{uid}")
    world.drain()
    assert world.count(Message) == 5
    assert world.count(Inbound) == 9  # a row for each, also for what was seen before


def test_e13_a_message_id_is_only_a_hint(world_on_both: World) -> None:
    world = world_on_both
    for n, message_id in enumerate(("", "", "same@x", "same@x")):
        raw = delivery(mail("x", message_id=message_id, text=f"text {n}")).body
        ingest_mail(world.services, raw, key=f"7:{n}")
    ingest_mail(world.services, raw, key="7:again")
    world.drain()
    assert world.count(Message) == 4
    assert {one.body for one in world.messages()} == {f"text {n}" for n in range(4)}


# -- failures of other products -----------------------------------------------------------------


def test_f01_a_chain_with_unknown_ids_in_it_is_followed_to_the_newest_known(
    world: World,
) -> None:
    ticket = world.ticket_of(world.arrives(mail("7:1", message_id="hers@x")))
    world.replies(ticket.id)
    world.drain()
    ours = world.email.sent[0].message_id
    # Staff answered from another program: its mail was never here, ours stands behind it.
    again = world.arrives(mail("7:2", references=["outlook@elsewhere", ours, "hers@x"]))
    assert world.ticket_of(again).id == ticket.id


def test_f03_an_id_in_our_form_with_a_wrong_proof_never_threads(world: World) -> None:
    ticket = world.ticket_of(world.arrives(mail("7:1")))
    message_id = world.replies(ticket.id)
    world.drain()
    ours = world.email.sent[0].message_id
    elsewhere = mint_message_id("another installation's key", message_id, "guiche.sabia.example")
    assert elsewhere != ours
    assert elsewhere.partition(".")[0] == ours.partition(".")[0]
    for n, forged in enumerate((elsewhere, f"{ticket.id.hex}@guiche.sabia.example", "reply-1@x")):
        other = world.ticket_of(world.arrives(mail(f"8:{n}", references=[forged]), key=f"8:{n}"))
        assert (other.id != ticket.id, other.related_id) == (True, None)


def test_f05_a_copied_colleague_who_answers_the_original_is_led_to_it(world: World) -> None:
    ticket = world.ticket_of(
        world.arrives(mail("7:1", message_id="hers@x", recipients=[COLLEAGUE]))
    )
    his = world.ticket_of(
        world.arrives(mail("7:2", sender=COLLEAGUE, message_id="his@x", references=["hers@x"]))
    )
    assert his.related_id == ticket.id
    accept_related(world.services, world.agent, his.id)
    again = world.arrives(mail("7:3", sender=COLLEAGUE, references=["hers@x"]), key="7:3")
    assert world.ticket_of(again).id == ticket.id


def test_f09_two_fetchers_at_once_make_one_message_and_no_empty_twin(
    world_on_both: World,
) -> None:
    world = world_on_both
    raw = delivery(mail("x")).body
    at_once(4, lambda n: ingest_mail(world.services, raw, key=f"{n}:1"))
    world.drain()
    assert [len(world.messages(one.id)) for one in world.tickets()] == [1]
