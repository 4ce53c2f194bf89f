"""The mailbox is told that a mail was read only after we have it for good."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import Any, NamedTuple

import pytest
from sqlalchemy.exc import OperationalError

from channels.port import ChannelError
from helpdesk.inbox import poller as polling
from helpdesk.inbox.batches import Batch, Part, Stored, file_part, store_batch
from helpdesk.inbox.blobs import KeptTogether
from helpdesk.inbox.model import Inbound, MailboxCursor
from helpdesk.inbox.poller import MailPoller
from helpdesk.inbox.queries import quarantined
from helpdesk.mailboxes.door import Mail, MailboxDoor
from helpdesk.services import Services
from helpdesk.tickets.model import Message
from tests.conftest import TestClock
from tests.integration.inbox.world import World, delivery, mail

ENOUGH = 10 * polling.MOST_TRIES


class Cursor(NamedTuple):
    uidvalidity: int
    last_uid: int


class Fetched(NamedTuple):
    uidvalidity: int
    uid: int
    raw: bytes

    @property
    def key(self) -> str:
        return f"{self.uidvalidity}:{self.uid}"


@dataclass
class FakeMailbox:
    """A folder on a server that fails when it is told to."""

    mails: list[bytes] = field(default_factory=list)
    uidvalidity: int = 7
    seen: list[int] = field(default_factory=list)
    fault: dict[str, Exception] = field(default_factory=dict)  # by method, raised once
    waited: int = 0
    entered: int = 0
    idles: Callable[[], None] = lambda: None
    broken: int = 0  # the uid that the server cannot hand over
    fetching: tuple[int, int] | None = None
    moved: list[tuple[int, str]] = field(default_factory=list)
    stop: Event = field(default_factory=Event)

    def new_messages(self, cursor: Cursor) -> Iterator[Fetched]:
        self._fail("new_messages")
        after = cursor.last_uid if cursor.uidvalidity == self.uidvalidity else 0
        for uid, raw in enumerate(self.mails, start=1):
            if uid > after:
                self.fetching = (self.uidvalidity, uid)
                if uid == self.broken:
                    raise ChannelError("this one is broken")
                self.fetching = None
                yield Fetched(self.uidvalidity, uid, raw)

    def flag_seen(self, uidvalidity: int, uid: int) -> None:
        self._fail("flag_seen")
        self.seen.append(uid)

    def move(self, uidvalidity: int, uid: int, folder: str) -> None:
        self._fail("move")
        self.moved.append((uid, folder))

    def idle(self, timeout: float, stop: Event | None = None) -> bool:
        self._fail("idle")
        self.waited += 1
        self.idles()
        return False

    @contextmanager
    def entering(self) -> Iterator["FakeMailbox"]:
        self.entered += 1
        if self.entered > ENOUGH:
            self.stop.set()  # it would try for ever: let the test say what is missing
        self._fail("enter")
        yield self

    def _fail(self, where: str) -> None:
        if where in self.fault:
            raise self.fault.pop(where)


@dataclass
class Watch:
    world: World
    box: FakeMailbox
    stop: Event
    poller: MailPoller[Cursor]

    def fetch(self) -> int:
        return self.poller.fetch(self.box)

    def cursor(self) -> MailboxCursor:
        with self.world.services.reading() as session:
            return session.get_one(MailboxCursor, ("email:suporte@sabia.example", "INBOX"))


def watch(world: World, done_folder: str = "") -> Watch:
    box = FakeMailbox([delivery(mail(f"m{n}", text=f"mail {n}")).body for n in range(3)])
    door = MailboxDoor("INBOX", box.entering, Cursor, done_folder)
    poller = MailPoller(world.services, door, box.stop, address="suporte@sabia.example")
    return Watch(world, box, box.stop, poller)


def test_r1_every_mail_is_stored_then_flagged_and_the_cursor_follows(world_on_both: World) -> None:
    watched = watch(world_on_both)
    assert watched.fetch() == 3
    assert watched.fetch() == 0
    world_on_both.drain()
    assert watched.box.seen == [1, 2, 3]
    assert (watched.cursor().uidvalidity, watched.cursor().last_uid) == (7, 3)
    assert [one.body for one in sorted(world_on_both.messages(), key=lambda one: one.body)] == [
        "mail 0", "mail 1", "mail 2",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("where", "step"),
    [
        pytest.param(KeptTogether, "keep", id="before-it-is-stored"),
        pytest.param(polling.MailPoller, "_move_cursor", id="before-the-cursor-moves"),
        pytest.param(FakeMailbox, "flag_seen", id="before-it-is-flagged"),
    ],
)
def test_r1_a_crash_while_fetching_costs_a_second_look_and_no_mail(
    world: World, monkeypatch: pytest.MonkeyPatch, where: object, step: str
) -> None:
    watched = watch(world)

    def crash(*_: object, **__: object) -> None:
        raise RuntimeError("the power went")

    with monkeypatch.context() as patched:
        patched.setattr(where, step, crash)
        with pytest.raises(RuntimeError):
            watched.fetch()
    assert watched.box.seen == []
    watched.fetch()
    world.drain()
    assert world.count(Message) == 3


def test_e12_a_mailbox_made_anew_is_read_from_the_start_and_doubles_nothing(world: World) -> None:
    watched = watch(world)
    watched.fetch()
    watched.box.uidvalidity = 8
    watched.box.mails.insert(0, delivery(mail("m9", text="mail 9")).body)
    watched.fetch()
    world.drain()
    assert world.count(Message) == 4
    assert (watched.cursor().uidvalidity, watched.cursor().last_uid) == (8, 4)


def test_f07_how_long_the_mailbox_has_been_silent_can_be_seen(
    world: World, clock: TestClock
) -> None:
    watched = watch(world)
    watched.fetch()
    later = clock.forward(minutes=10)
    assert watched.cursor().last_ok_at < later
    watched.fetch()
    assert watched.cursor().last_ok_at == later


@pytest.mark.parametrize("where", ["enter", "new_messages", "flag_seen", "idle"])
@pytest.mark.parametrize("fault", [ChannelError("gone"), RuntimeError("a bug")], ids=["net", "bug"])
def test_the_watch_comes_back_whatever_breaks(
    world: World, monkeypatch: pytest.MonkeyPatch, where: str, fault: Exception
) -> None:
    monkeypatch.setattr(polling, "FIRST_PAUSE_S", 0.001)
    watched = watch(world)
    watched.box.fault = {where: fault}

    def enough() -> None:
        if watched.box.waited >= 2:
            watched.stop.set()

    watched.box.idles = enough
    thread = Thread(target=watched.poller.run)
    thread.start()
    thread.join(timeout=60)
    assert not thread.is_alive()
    world.drain()
    assert watched.box.entered == 2
    assert world.count(Message) == 3


def test_e10_a_mail_the_server_cannot_hand_over_is_set_aside_and_the_rest_comes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling, "FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr(polling, "LONGEST_PAUSE_S", 0.001)
    watched = watch(world)
    watched.box.broken = 2
    watched.box.idles = watched.stop.set
    watched.poller.run()
    world.drain()
    assert watched.box.entered == polling.MOST_TRIES + 1
    assert sorted(one.body for one in world.messages()) == ["mail 0", "mail 2"]
    assert (watched.cursor().last_uid, watched.box.seen) == (3, [1, 3])
    (held,) = held_rows(world)
    assert (held.source, held.reason) == ("email:suporte@sabia.example", "unreadable")
    assert "still in the mailbox" in held.detail


def test_f08_a_mail_that_we_cannot_store_is_set_aside_and_the_rest_comes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling, "FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr(polling, "LONGEST_PAUSE_S", 0.001)
    watched = watch(world)
    watched.box.idles = watched.stop.set
    keep = KeptTogether.keep

    def stumble(blobs: KeptTogether, content: bytes) -> str:
        if b"mail 1" in content:
            raise ValueError("nobody foresaw this")
        return keep(blobs, content)

    monkeypatch.setattr(KeptTogether, "keep", stumble)
    watched.poller.run()
    world.drain()
    assert sorted(one.body for one in world.messages()) == ["mail 0", "mail 2"]
    assert len(held_rows(world)) == 1
    assert watched.box.seen == [1, 3]


def test_e11_a_database_that_is_away_blames_no_mail(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling, "FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr(polling, "LONGEST_PAUSE_S", 0.001)
    watched = watch(world)
    watched.box.idles = watched.stop.set
    keep, left = KeptTogether.keep, [polling.MOST_TRIES * 4]

    def away(blobs: KeptTogether, content: bytes) -> str:
        if left[0]:
            left[0] -= 1
            raise OperationalError("INSERT", {}, Exception("disk full"))
        return keep(blobs, content)

    monkeypatch.setattr(KeptTogether, "keep", away)
    watched.poller.run()
    world.drain()
    assert world.count(Message) == 3
    assert held_rows(world) == []


def test_mail_that_we_have_is_moved_where_the_mailbox_asks_for_it(world: World) -> None:
    watched = watch(world, done_folder="Lidos")
    watched.fetch()
    assert watched.box.moved == [(1, "Lidos"), (2, "Lidos"), (3, "Lidos")]
    assert watched.box.seen == []


def test_f09_two_watches_of_one_mailbox_make_one_message_of_each_mail(
    world_on_both: World,
) -> None:
    one, other = watch(world_on_both), watch(world_on_both)
    fetched = []
    threads = [Thread(target=lambda w=w: fetched.append(w.fetch())) for w in (one, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    world_on_both.drain()
    assert sum(fetched) == 3
    assert world_on_both.count(Message) == 3
    assert all(world_on_both.messages(one.id) for one in world_on_both.tickets())


def held_rows(world: World) -> list[Inbound]:
    with world.services.reading() as session:
        return list(quarantined(session))


@pytest.mark.parametrize(
    "database_url", [pytest.param("postgresql", marks=pytest.mark.pg)], indirect=True
)
def test_the_next_mails_are_stored_while_a_server_files_those_before(
    world_on_both: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At most two batches are in our hands, and they are filed in the order they came."""
    monkeypatch.setattr(polling, "AT_ONCE", 1)
    stored, filed = [Event() for _ in range(3)], list[int]()
    watched = watch(world_on_both)

    def store(services: Services, source: str, mails: Sequence[Mail], **also: Any) -> Batch:
        batch = store_batch(services, source, mails, **also)
        stored[mails[0].uid - 1].set()
        return batch

    def slowly(services: Services, part: Part) -> Sequence[Stored]:
        uid = int(part.mails[0].row.external_key.partition(":")[2])
        if uid < 3:
            assert stored[uid].wait(30), "the next mail waits until this one is filed"
        if uid == 1:
            assert not stored[2].is_set()
        filed.append(uid)
        return file_part(services, part)

    monkeypatch.setattr(polling, "store_batch", store)
    monkeypatch.setattr(polling, "file_part", slowly)
    assert watched.fetch() == 3
    assert filed == [1, 2, 3]
    assert world_on_both.count(Message) == 3


def test_on_sqlite_mails_are_filed_before_the_next_are_fetched(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling, "AT_ONCE", 1)
    watched = watch(world)
    fetch, there = watched.box.new_messages, list[int]()

    def looking(cursor: Cursor) -> Iterator[Fetched]:
        for one in fetch(cursor):
            there.append(world.count(Message))
            yield one

    monkeypatch.setattr(watched.box, "new_messages", looking)
    assert watched.fetch() == 3
    assert there == [0, 1, 2]
