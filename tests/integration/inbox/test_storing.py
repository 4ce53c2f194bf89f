"""What arrives is kept once, before anybody is told that we have it."""

import json
import threading
from dataclasses import replace
from uuid import UUID

import pytest

from channels.port import Delivery
from helpdesk.inbox import blobs, filing, service
from helpdesk.inbox.model import Attachment, Inbound
from helpdesk.inbox.quarantine import release
from helpdesk.inbox.service import drain as drain_inbox
from helpdesk.inbox.service import ingest_mail, read_one, store_delivery
from helpdesk.inbox.sweeping import Sweeping
from helpdesk.tickets.model import Message, Ticket
from tests.conftest import TestClock
from tests.integration.inbox.world import PHONE, World, delivery, mail, text_message


def at_once(count: int, work: object) -> None:
    """Run `work(n)` in `count` threads that start together; raise what one of them raised."""
    start, faults = threading.Barrier(count), list[BaseException]()

    def run(number: int) -> None:
        start.wait()
        try:
            work(number)  # type: ignore[operator]
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        raise faults[0]


def test_r4_the_same_delivery_twenty_times_in_four_threads_is_one_message(
    world_on_both: World,
) -> None:
    found: list[tuple[UUID, bool]] = []

    def deliver(_: int) -> None:
        for _ in range(5):
            row = store_delivery(
                world_on_both.services,
                source="sms",
                channel="sms",
                key="SM1",
                delivery=delivery(text_message("SM1")),
            )
            found.append(row)
            read_one(world_on_both.services, row[0])

    at_once(4, deliver)
    world_on_both.drain()
    assert len({row_id for row_id, _ in found}) == 1
    assert sum(new for _, new in found) == 1
    assert world_on_both.count(Inbound) == 1
    assert world_on_both.count(Message) == 1


def test_two_messages_at_once_from_one_new_phone_open_one_ticket(world_on_both: World) -> None:
    rows = [world_on_both.store(text_message(f"SM{n}", text=f"part {n}")) for n in range(4)]
    at_once(4, lambda n: read_one(world_on_both.services, rows[n]))
    (ticket,) = world_on_both.tickets()
    assert len(world_on_both.messages(ticket.id)) == 4


def test_e12_a_re_created_mailbox_gives_nothing_twice(world_on_both: World) -> None:
    raw = delivery(mail("x")).body
    first, _ = ingest_mail(world_on_both.services, raw, key="7:1")
    again, new = ingest_mail(world_on_both.services, raw.replace(b"\n", b"\r\n"), key="8:1")
    world_on_both.drain()
    assert (new, world_on_both.row(again).state) == (True, "discarded")
    assert world_on_both.row(again).reason == "duplicate"
    assert world_on_both.row(again).detail == str(first)
    assert world_on_both.count(Message) == 1


def test_e13_other_bytes_under_the_same_message_id_are_another_message(
    world_on_both: World,
) -> None:
    world_on_both.arrives(mail("7:1", message_id="same@x"))
    world_on_both.arrives(mail("7:2", message_id="same@x", text="Something else."))
    assert world_on_both.count(Message) == 2


def test_equal_words_in_two_text_messages_are_two_messages(world: World) -> None:
    for number in range(2):
        store_delivery(
            world.services,
            source="sms",
            channel="sms",
            key=f"SM{number}",
            delivery=delivery(text_message("same", text="ok")),
        )
    world.drain()
    assert world.count(Message) == 2


def test_no_card_number_reaches_the_disk(world: World, tmp_path: object) -> None:
    card = "4111 1111 1111 1111"
    row_id = world.arrives(
        mail(
            text=f"my card {card}",
            subject=card,
            html=f"<p>{card}</p>",
            files=[{"name": "n.txt", "media_type": "text/plain", "content": card}],
        )
    )
    kept = world.services.blobs.read(world.row(row_id).blob)
    assert b"**** **** **** 1111" in kept
    folder = world.services.settings.data_dir
    for path in folder.rglob("*"):
        if path.is_file():
            assert card.encode() not in path.read_bytes(), path


# -- crash points -------------------------------------------------------------------------

STEPS = [
    pytest.param(service, "keep_parts", id="before-the-files-are-kept"),
    pytest.param(service, "_claim", id="before-the-row-is-claimed"),
    pytest.param(service, "file_items", id="after-the-row-is-claimed"),
    pytest.param(filing, "identify", id="before-the-ticket-is-opened"),
    pytest.param(filing, "add_customer_message", id="after-the-ticket-is-opened"),
    pytest.param(filing, "attach", id="after-the-message-is-added"),
    pytest.param(filing, "_index", id="after-the-file-is-attached"),
    pytest.param(filing, "link_identified", id="before-the-commit"),
    pytest.param(blobs.BlobStore, "read", id="before-the-bytes-are-read"),
]


@pytest.mark.parametrize(("where", "step"), STEPS)
def test_r1_a_crash_at_any_step_and_a_second_try_make_one_message(
    world_on_both: World, monkeypatch: pytest.MonkeyPatch, where: object, step: str
) -> None:
    world = world_on_both
    row_id = world.store(
        mail(files=[{"name": "a.txt", "media_type": "text/plain", "content": "hello"}])
    )

    def crash(*_: object, **__: object) -> None:
        raise RuntimeError("the power went")

    with monkeypatch.context() as patched:
        patched.setattr(where, step, crash)
        with pytest.raises(RuntimeError, match="power"):
            read_one(world.services, row_id)
    assert (world.count(Message), world.count(Ticket)) == (0, 0)
    assert (world.row(row_id).state, world.row(row_id).attempts) == ("new", 1)
    read_one(world.services, row_id)
    read_one(world.services, row_id)
    assert (world.count(Message), world.count(Ticket), world.count(Attachment)) == (1, 1, 1)
    assert world.row(row_id).message_id == world.messages()[0].id


def test_a_crash_after_the_bytes_are_kept_and_before_the_row_loses_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object, **__: object) -> None:
        raise RuntimeError("the power went")

    with monkeypatch.context() as patched:
        patched.setattr(service, "_insert", crash)
        with pytest.raises(RuntimeError):
            world.store(mail())
    world.arrives(mail())
    assert world.count(Message) == 1


def test_a_second_reader_leaves_a_delivery_to_the_first(world: World) -> None:
    row_id = world.store(mail())
    readers: list[str] = []

    def come_too() -> None:
        if not readers:
            readers.append("second")
            for _ in range(5):
                read_one(world.services, row_id)

    world.email.reading = come_too
    read_one(world.services, row_id)
    assert (world.row(row_id).attempts, world.count(Message)) == (1, 1)


def test_a_reader_that_outlives_its_lease_adds_no_second_message(
    world_on_both: World, clock: TestClock
) -> None:
    world = world_on_both
    row_id = world.store(mail())
    readers: list[str] = []

    def take_too_long() -> None:
        if not readers:
            readers.append("slow")
            clock.forward(minutes=3)
            read_one(world.services, row_id)

    world.email.reading = take_too_long
    read_one(world.services, row_id)
    assert (world.row(row_id).attempts, world.count(Message)) == (2, 1)


def test_a_lost_wake_up_is_found_by_the_sweep_in_the_order_received(
    world_on_both: World, clock: TestClock
) -> None:
    for number in range(3):
        world_on_both.store(text_message(f"SM{number}", text=f"part {number}"))
        clock.forward(seconds=1)
    clock.forward(seconds=30)
    assert drain_inbox(world_on_both.services) == 3
    assert [one.body for one in world_on_both.messages()] == ["part 0", "part 1", "part 2"]
    assert drain_inbox(world_on_both.services) == 0


# -- quarantine ---------------------------------------------------------------------------


def test_f08_what_cannot_be_read_is_held_with_its_bytes_and_the_next_one_arrives(
    world_on_both: World,
) -> None:
    bad = world_on_both.store(key="7:1", body=b"? \xff\x00 what is this")
    world_on_both.store(mail("7:2"))
    world_on_both.drain()
    row = world_on_both.row(bad)
    assert (row.state, row.reason, row.detail) == ("quarantined", "unreadable", "not understood")
    assert world_on_both.services.blobs.read(row.blob).startswith(b"? ")
    assert world_on_both.count(Message) == 1


def test_e11_a_mail_that_kills_its_reader_is_held_after_three_tries(
    world: World, clock: TestClock
) -> None:
    row_id = world.store(mail())

    def die() -> None:
        raise MemoryError("killed")

    world.email.reading = die
    other = world.store(mail("7:2"), key="7:2")
    tries = 0
    while world.row(row_id).state == "new" and tries < 10:
        clock.forward(minutes=30)
        drain_inbox(world.services)
        tries += 1
    assert tries == 4  # three, and one that only sets it aside
    assert world.row(row_id).reason == "too_many_attempts"
    world.email.reading = lambda: None
    release(world.services, world.agent, other)
    release(world.services, world.agent, row_id)
    world.drain()
    assert world.count(Message) == 2


def test_text_that_no_database_takes_is_written_without_it(world_on_both: World) -> None:
    row_id = world_on_both.arrives(mail(text="a\0b\ud800c", name="A\0na"))
    assert world_on_both.row(row_id).state == "read"
    assert world_on_both.messages()[0].body == "ab?c"


def test_a_delivery_of_a_channel_that_is_switched_off_waits_for_a_person(world: World) -> None:
    row_id = world.store(text_message())
    gone = replace(world.services, adapters={})
    read_one(gone, row_id)
    assert world.row(row_id).reason == "channel_not_set_up"


def test_cookies_of_a_request_are_not_kept(world: World) -> None:
    found = delivery(text_message())
    secret = Delivery(found.body, {**found.headers, "cookie": "session=1", "x-kept": "2"})
    row_id, _ = store_delivery(
        world.services, source="sms", channel="sms", key="SM1", delivery=secret
    )
    assert "cookie" not in world.row(row_id).headers
    assert world.row(row_id).headers["x-kept"] == "2"
    assert json.loads(world.services.blobs.read(world.row(row_id).blob))
    assert PHONE in found.body.decode()


def test_e11_sweeps_that_meet_have_one_delivery_in_hand(world: World, clock: TestClock) -> None:
    """Should their process die, one is to blame and not one for each sweep."""
    for number in range(3):
        world.store(mail(f"7:{number}"), key=f"7:{number}")
    inside: list[int] = []

    def meet() -> None:
        inside.append(drain_inbox(world.services))  # another sweep, while one is in hand

    world.email.reading = meet
    clock.forward(minutes=1)
    assert drain_inbox(world.services) == 3
    assert inside == [0, 0, 0]


def test_e11_a_sweep_that_is_stuck_does_not_hold_up_the_next(
    world: World, clock: TestClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = [0.0]
    monkeypatch.setattr(service, "_sweeping", Sweeping(120, monotonic=lambda: seconds[0]))
    for number in range(3):
        world.store(mail(f"7:{number}"), key=f"7:{number}")
    after: list[tuple[float, int]] = []

    def get_stuck() -> None:
        world.email.reading = lambda: None
        for passed in (119.0, 120.0):
            seconds[0] = passed
            after.append((passed, drain_inbox(world.services)))

    world.email.reading = get_stuck
    clock.forward(minutes=1)
    assert drain_inbox(world.services) == 1  # its own; the others were read meanwhile
    assert after == [(119.0, 0), (120.0, 2)]
    assert world.count(Message) == 3
