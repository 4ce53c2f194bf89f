"""Mails that come together are stored in one transaction and read each in its own."""

from datetime import timedelta
from typing import NamedTuple

import pytest
from sqlalchemy import select

from helpdesk.inbox import poller as polling
from helpdesk.inbox.batches import SHARED_LEASE, store_batch
from helpdesk.inbox.model import Inbound
from helpdesk.inbox.poller import in_batches
from helpdesk.inbox.service import drain, mail_source, read_leased
from tests.conftest import TestClock
from tests.integration.inbox.world import World, delivery, mail


class Fetched(NamedTuple):
    uid: int
    raw: bytes
    uidvalidity: int = 7

    @property
    def key(self) -> str:
        return f"{self.uidvalidity}:{self.uid}"


def letters(*texts: str) -> list[Fetched]:
    return [
        Fetched(uid, delivery(mail(f"m-{text}", text=text)).body)
        for uid, text in enumerate(texts, start=1)
    ]


def rows(world: World) -> list[Inbound]:
    with world.services.reading() as session:
        return list(session.scalars(select(Inbound).order_by(Inbound.external_key)))


def test_the_same_bytes_twice_in_one_batch_are_one_message(world_on_both: World) -> None:
    source = mail_source(world_on_both.services)
    first, second = letters("a", "b")
    again = Fetched(3, first.raw)
    batch = store_batch(world_on_both.services, source, [first, second, again], also=lambda _: None)
    assert (batch.new, [one.row.external_key for one in batch.unread]) == (3, ["7:1", "7:2"])
    discarded = rows(world_on_both)[2]
    assert (discarded.state, discarded.reason) == ("discarded", "duplicate")
    assert discarded.detail == str(batch.unread[0].row.id)


def test_what_is_stored_already_is_not_new_and_is_read_if_nobody_has(world_on_both: World) -> None:
    services, source = world_on_both.services, mail_source(world_on_both.services)
    first, second = letters("a", "b")
    before = store_batch(services, source, [first], also=lambda _: None)
    batch = store_batch(services, source, [first, second], also=lambda _: None)
    assert (batch.new, batch.forgotten) == (1, [before.unread[0].row.id])
    for one in (*before.unread, *batch.unread):
        read_leased(services, one.row, one.delivery)
    assert store_batch(services, source, [first], also=lambda _: None).forgotten == []
    assert {one.body for one in world_on_both.messages()} == {"a", "b"}


def test_nothing_of_a_batch_is_stored_where_the_cursor_does_not_move(world: World) -> None:
    def stuck(_: object) -> None:
        raise RuntimeError("the power went")

    with pytest.raises(RuntimeError):
        store_batch(world.services, mail_source(world.services), letters("a", "b"), also=stuck)
    assert rows(world) == []


def test_the_sweep_reads_alone_what_a_dead_reader_held(world: World, clock: TestClock) -> None:
    """A mail that kills its reader costs those beside it no try."""
    store_batch(world.services, mail_source(world.services), letters("a", "b"), also=lambda _: None)
    assert drain(world.services) == 0
    clock.forward(seconds=int((SHARED_LEASE + timedelta(seconds=1)).total_seconds()))
    assert drain(world.services) == 2
    assert [(row.state, row.attempts) for row in rows(world)] == [("read", 1), ("read", 1)]


def test_the_sweep_reads_mails_of_one_batch_in_the_order_they_came(
    world_on_both: World, clock: TestClock
) -> None:
    said = [f"said {number}" for number in range(12)]
    source = mail_source(world_on_both.services)
    store_batch(world_on_both.services, source, letters(*said), also=lambda _: None)
    clock.forward(seconds=int((SHARED_LEASE + timedelta(seconds=1)).total_seconds()))
    assert drain(world_on_both.services) == len(said)
    numbers = {row.id: row.number for row in world_on_both.tickets()}
    told = {numbers[row.ticket_id]: row.body for row in world_on_both.messages()}
    assert [told[number] for number in sorted(told)] == said


def test_mails_before_a_fault_are_handed_on_before_it_is_raised(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(polling, "AT_ONCE", 2)

    def breaking() -> object:
        yield from letters("a", "b", "c")
        raise ConnectionError("gone")

    batches = in_batches(breaking())  # type: ignore[arg-type]
    assert [[one.uid for one in next(batches)] for _ in range(2)] == [[1, 2], [3]]
    with pytest.raises(ConnectionError):
        next(batches)


def test_a_large_mail_ends_its_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "LARGEST_BATCH", 10)
    small, large = Fetched(1, b"x"), Fetched(2, b"x" * 10)
    assert [[one.uid for one in batch] for batch in in_batches([small, large, small])] == [
        [1, 2],
        [1],
    ]
