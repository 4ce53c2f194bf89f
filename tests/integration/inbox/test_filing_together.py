"""Filing mails together leaves behind exactly what filing each by itself does.

Two towns of the same people get the same mails, in one installation. In one, the mails are
filed a batch at a time, in the other one by one. But for the names of the towns nothing may
differ: not a row, not a step of a clock, not the order of a conversation.
"""

import random
import re
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Row, inspect, select
from sqlalchemy.orm import Session

from channels.port import File, Inbound, Party
from helpdesk.customers.service import add_handle, create_customer
from helpdesk.db import Base, insert_once
from helpdesk.events.model import Event
from helpdesk.events.service import event_hash
from helpdesk.inbox import batches
from helpdesk.inbox import model as inbox
from helpdesk.inbox.batches import Stored, file_part, store_batch, understand_batch
from helpdesk.inbox.blocking import block
from helpdesk.inbox.filing import file_items
from helpdesk.inbox.quarantine import release
from helpdesk.inbox.service import drain, mail_source, quarantine, read_leased, read_one
from helpdesk.inbox.threading import token_hash
from helpdesk.mailboxes.model import Mailbox
from helpdesk.services import Services
from helpdesk.sla.model import MetricEvent, SlaClock
from helpdesk.sla.queries import ask_ahead_for_clocks, open_clocks
from helpdesk.sla.service import staff_answered
from helpdesk.tickets.model import Message, Participant, Ticket
from helpdesk.tickets.queries import lock_ticket
from tests.conftest import TestClock
from tests.integration.inbox.test_batches import Fetched
from tests.integration.inbox.world import World, delivery, mail

OLD = ("open", "solved", "closed", "pending", "merged")  # conversations there are before
PEOPLE = ("ana", "beto", "caio", "two", "blocked", "stranger", "suporte")
KINDS = (None, None, None, None, None, "auto_reply", "bounce", "list", "own", "complaint")
SEEDS = range(6)


class Town:
    """People, their conversations so far and the mails that they write. `name` marks all of it."""

    def __init__(self, world: World, name: str, seed: int) -> None:
        self.world, self.name, self.draw = world, name, random.Random(seed)
        self.said, self.number = 0, 0
        self.first: UUID | None = None
        world.customer(f"Ana {name}", email=self.address("ana"))
        for number in (1, 2):  # two who both claim one address
            with world.services.begin() as tx:
                one = create_customer(tx, name=f"Two {number} {name}")
                add_handle(tx, one.id, kind="email", value=self.address("two"), verified=False)
        block(world.services, world.agent, self.address("blocked"))
        with world.services.begin() as tx:  # which town comes first makes it
            insert_once(
                tx, Mailbox,
                id=tx.new_id(), address=self.address("suporte"), name="", user_name="",
                secret_sealed="", smtp_host="", created_at=tx.at, changed_at=tx.at,
            )  # fmt: skip
        self.ids: list[str] = []
        for state in OLD:
            self._has_talked(state)

    def address(self, who: str) -> str:
        return "suporte@sabia.example" if who == "suporte" else f"{who}@{self.name}.example"

    def _has_talked(self, state: str) -> None:
        """One conversation of Ana and Beto, in some state, with a token for Ana."""
        header_id = f"{state}@{self.name}.example"
        row = self.world.arrives(
            mail(f"{self.name}-{state}", sender=self.address("ana"), message_id=header_id)
        )
        ticket = self.world.ticket_of(row)
        with self.world.services.begin() as tx:
            tx.session.add(Participant(
                id=tx.new_id(), ticket_id=ticket.id, kind="email", value=self.address("beto")
            ))  # fmt: skip
            tx.session.add(inbox.ReplyToken(
                token_hash=token_hash(f"{state}-{self.name}"), ticket_id=ticket.id,
                recipient=self.address("ana"), expires_at=tx.at.replace(year=2099),
            ))  # fmt: skip
        if state in ("solved", "closed", "pending"):
            self.world.replies(ticket.id)
            self.world.set_status(ticket.id, "solved" if state == "closed" else state)
            if state == "closed":
                self.world.set_status(ticket.id, "closed")
        if self.first is not None and state == "merged":
            self.world.merge(ticket.id, into=self.first)
        if state == "open":
            self.first, self.number = ticket.id, ticket.number
        self.ids.append(header_id)

    def writes(self) -> Fetched:
        """Draw one mail: who writes, what it answers, what it brings along."""
        self.said += 1
        draw, who = self.draw, self.draw.choice(PEOPLE)
        external_id = f"{self.name}-{self.said}"
        header_id = f"{external_id}@{self.name}.example"
        item = mail(
            external_id,
            sender=self.address(who) if draw.random() < 0.95 else "",
            name=who.title(),
            subject=draw.choice(["Cobrança", "", f"Re: #{self.number}", f"Fatura {self.name}"]),
            text=f"{draw.choice(['oi', 'PARAR', ''])} {external_id}",
            message_id=header_id if draw.random() < 0.9 else "",
            references=self._answered(),
            reply_tokens=[f"{draw.choice(OLD)}-{self.name}"] if draw.random() < 0.2 else [],
            html=draw.choice(["", "", f"<p>{external_id}"]),
            files=[File("a.txt", "text/plain", draw.choice([b"same", external_id.encode()]))]
            if draw.random() < 0.3
            else [],
            auto=draw.choice(KINDS),
            trust=draw.choice(["aligned", "aligned", "bare", "failed"]),
            data=draw.choice([{}, {"cc": f"suporte+x@sabia.example, {self.address('beto')}"}]),
        )
        self.ids.append(header_id)
        return Fetched(self.said, delivery(item).body)

    def _answered(self) -> list[str]:
        """Draw what a mail answers: old conversations or what was said a moment ago."""
        known = self.ids[: len(OLD)] if self.draw.random() < 0.5 else self.ids[-6:]
        return self.draw.sample(known, k=self.draw.choice([0, 1, 1, 2]))


def source(world: World, town: Town) -> str:
    return f"{mail_source(world.services)}/{town.name}"


def stored(world: World, town: Town, mails: list[Fetched]) -> list[Stored]:
    return store_batch(world.services, source(world, town), mails, also=lambda _: None).unread


def read_batch(services: Services, stored: Sequence[Stored]) -> list[Stored]:
    """Read mails and file them together; return what is to be read alone."""
    return [one for part in understand_batch(services, stored) for one in file_part(services, part)]


def one_by_one(world: World, town: Town, mails: list[Fetched]) -> None:
    for one in stored(world, town, mails):
        read_leased(world.services, one.row, one.delivery)


def together(world: World, town: Town, mails: list[Fetched]) -> None:
    assert read_batch(world.services, stored(world, town, mails)) == []


def left_behind(world: World, town: Town) -> list[Any]:
    """Return every row of a town's conversations, ids and names of the town taken out."""
    with world.services.reading() as session:
        tickets = [
            row
            for row in session.scalars(select(Ticket).order_by(Ticket.number, Ticket.id))
            if town.name in row.customer_name or _is_of(session, row.id, town)
        ]
        names: dict[Any, str] = {row.id: f"ticket {at}" for at, row in enumerate(tickets)}
        ids = [row.id for row in tickets]
        rows: list[Any] = [_told(row, names, town) for row in tickets]
        for kind in (Message, Event, Participant, SlaClock, MetricEvent, inbox.MailIndex):
            found = session.scalars(select(kind).where(kind.ticket_id.in_(ids)))
            rows += sorted((_told(row, names, town) for row in found), key=repr)
        mails = session.scalars(
            select(inbox.Inbound)
            .where(inbox.Inbound.source == source(world, town))
            .order_by(inbox.Inbound.external_key)
        ).all()
        rows += [_told(row, names, town) for row in mails]
        files = session.execute(
            select(inbox.Attachment.name, inbox.Attachment.size, Message.body)
            .join(Message, Message.id == inbox.Attachment.message_id)
            .where(Message.ticket_id.in_(ids))
        )
        rows += sorted(_plain(str(tuple(row)), town) for row in files)
    return rows


def _is_of(session: Session, ticket_id: UUID, town: Town) -> bool:
    heard = session.scalars(select(Message.body).where(Message.ticket_id == ticket_id))
    return any(town.name in body for body in heard)


def _told(row: Base | Row[Any], names: dict[Any, str], town: Town) -> tuple[str, ...]:
    """Return one row with its ids as what they point at, without what chance decides."""
    told = [type(row).__name__]
    for attribute in inspect(type(row)).mapper.column_attrs:
        value, name = getattr(row, attribute.key), attribute.key
        if name in ("number", "hash", "prev_hash", "last_hash", "message_id_hash", "blob",
                    "content_hash", "html_blob", "detail", "body_hash"):  # fmt: skip
            value = bool(value)
        if isinstance(value, UUID):
            value = names.get(value, "somebody" if name != "id" else "")
        told.append(f"{name}={_plain(str(value), town)}")
    return tuple(told)


def _plain(text: str, town: Town) -> str:
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "an id", text)
    return text.replace(town.name, "town").replace(f"#{town.number}", "#first")


def test_a_clock_found_ahead_is_gone_when_it_has_ended(world: World) -> None:
    opened = world.ticket_of(world.arrives(mail()))
    with world.services.begin() as tx:
        ticket = lock_ticket(tx, opened.id)
        ask_ahead_for_clocks(tx.session, [ticket.id], channels=["email"])
        assert set(open_clocks(tx.session, ticket.id)) == {"first_response", "resolution"}
        staff_answered(tx, ticket, world.agent.id)
        assert set(open_clocks(tx.session, ticket.id)) == {"resolution"}


@pytest.mark.parametrize("seed", SEEDS)
def test_filing_together_leaves_what_filing_alone_does(
    world_on_both: World, seed: int, full: bool
) -> None:
    for round_ in range(20 if full else 1):
        drawn = seed + 1000 * round_
        north = Town(world_on_both, f"north{round_}x", drawn)
        south = Town(world_on_both, f"south{round_}x", drawn)
        for size in (1, 9, 14):
            one_by_one(world_on_both, north, [north.writes() for _ in range(size)])
            together(world_on_both, south, [south.writes() for _ in range(size)])
        assert left_behind(world_on_both, south) == left_behind(world_on_both, north), drawn


def test_the_drawn_mails_are_of_every_sort(world: World) -> None:
    """Else the comparison would compare little."""
    for seed in SEEDS:
        town = Town(world, f"town{seed}x", seed)
        together(world, town, [town.writes() for _ in range(24)])
    with world.services.reading() as session:
        fates = set(session.execute(select(inbox.Inbound.state, inbox.Inbound.reason)))
        assert {tuple(fate) for fate in fates} >= {
            ("read", ""), ("quarantined", "blocked_sender"), ("quarantined", "no_sender"),
            ("quarantined", "automatic_answer_to_nothing"), ("discarded", "own_mail"),
            ("discarded", "bounce"),
        }  # fmt: skip
        tickets = session.scalars(select(Ticket)).all()
    assert any(row.parent_id for row in tickets)
    assert any(row.related_id for row in tickets)
    assert any(row.last_seq > 6 for row in tickets)


def test_every_chain_of_events_holds_after_filing_together(world_on_both: World) -> None:
    town = Town(world_on_both, "chainx", 4)
    together(world_on_both, town, [town.writes() for _ in range(24)])
    with world_on_both.services.reading() as session:
        chains = session.scalars(
            select(Event).where(Event.ticket_id.is_not(None)).order_by(Event.ticket_id, Event.seq)
        ).all()
    assert len(chains) > 24
    before = {row.ticket_id: "" for row in chains}
    for row in chains:
        assert (row.prev_hash, row.hash) == (before[row.ticket_id], event_hash(row))
        before[row.ticket_id] = row.hash


def test_ticket_numbers_have_no_gap_though_many_are_taken_at_once(world_on_both: World) -> None:
    mails = [
        Fetched(uid, delivery(mail(f"n-{uid}", sender=sender, references=references)).body)
        for uid, (sender, references) in enumerate(
            [("a@x.example", ()), ("a@x.example", ("n-1@mail.example",)), ("b@x.example", ())],
            start=1,
        )
    ]
    town_source = mail_source(world_on_both.services)
    for some in (mails[:2], mails[2:]):
        batch = store_batch(world_on_both.services, town_source, some, also=lambda _: None)
        assert read_batch(world_on_both.services, batch.unread) == []
    assert [row.number for row in world_on_both.tickets()] == [1, 2]


def test_where_one_cannot_be_filed_none_is_and_each_is_read_alone(
    world_on_both: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(tx: Any, settings: Any, row: Any, items: list[Inbound], kept: Any) -> None:
        file_items(tx, settings, row, items, kept)
        if items[0].sender.value == "poison@x.example":
            raise RuntimeError("a defect")

    monkeypatch.setattr(batches, "file_items", refuse)
    senders = ["a@x.example", "poison@x.example", "c@x.example"]
    mails = [
        Fetched(uid, delivery(mail(f"p-{uid}", sender=one)).body)
        for uid, one in enumerate(senders, start=1)
    ]
    services = world_on_both.services
    batch = store_batch(services, mail_source(services), mails, also=lambda _: None)
    alone = read_batch(services, batch.unread)
    assert [one.row.id for one in alone] == [one.row.id for one in batch.unread]
    assert (world_on_both.tickets(), world_on_both.messages()) == ([], [])
    for one in alone:
        read_leased(services, one.row, one.delivery)
    assert {row.author_handle for row in world_on_both.messages()} == set(senders)


def test_what_somebody_else_has_read_meanwhile_is_not_filed_again(world_on_both: World) -> None:
    services = world_on_both.services
    mails = [Fetched(uid, delivery(mail(f"m-{uid}")).body) for uid in (1, 2)]
    batch = store_batch(services, mail_source(services), mails, also=lambda _: None)
    read_leased(services, batch.unread[0].row, batch.unread[0].delivery)
    assert read_batch(services, batch.unread) == []
    assert len(world_on_both.messages()) == 2


def test_what_the_sweep_has_begun_to_read_is_left_to_it(
    world_on_both: World, clock: TestClock
) -> None:
    services, email, there = world_on_both.services, world_on_both.email, list[str]()
    mails = [Fetched(uid, delivery(mail(f"m-{uid}", text=f"text {uid}")).body) for uid in (1, 2)]
    batch = store_batch(services, mail_source(services), mails, also=lambda _: None)
    clock.forward(seconds=int(batches.SHARED_LEASE.total_seconds()) + 1)

    def meanwhile() -> None:
        email.reading = lambda: None
        assert read_batch(services, batch.unread) == []
        there.extend(row.body for row in world_on_both.messages())

    email.reading = meanwhile
    assert drain(services) == 1
    assert there == ["text 2"]  # the first is the sweep's
    assert {row.body for row in world_on_both.messages()} == {"text 1", "text 2"}


def test_what_a_person_has_let_through_meanwhile_is_read_as_she_said(world_on_both: World) -> None:
    services, agent = world_on_both.services, world_on_both.agent
    letter = Fetched(1, delivery(mail("m-1")).body)
    batch = store_batch(services, mail_source(services), [letter], also=lambda _: None)
    (held,) = batch.unread
    quarantine(services, held.row.id, "unreadable")
    release(services, agent, held.row.id)
    assert read_batch(services, batch.unread) == []
    assert world_on_both.messages() == []
    read_one(services, held.row.id)
    assert len(world_on_both.messages()) == 1


def test_one_that_nobody_can_read_holds_up_no_other(world: World) -> None:
    mails = [
        Fetched(1, b"?"),
        *(Fetched(uid, delivery(mail(f"m-{uid}")).body) for uid in (2, 3)),
    ]
    batch = store_batch(world.services, mail_source(world.services), mails, also=lambda _: None)
    alone = read_batch(world.services, batch.unread)
    assert [one.row.external_key for one in alone] == ["7:1"]
    assert len(world.messages()) == 2


def test_a_slow_mail_does_not_keep_those_before_it_waiting(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    monkeypatch.setattr(batches, "LONGEST_READING_S", -1.0)  # each is slow
    world.email.reading = lambda: seen.append(len(world.messages()))
    mails = [Fetched(uid, delivery(mail(f"m-{uid}")).body) for uid in (1, 2, 3)]
    batch = store_batch(world.services, mail_source(world.services), mails, also=lambda _: None)
    assert read_batch(world.services, batch.unread) == []
    assert seen == [0, 1, 2]


def test_a_mail_joins_what_one_of_its_own_batch_opened(world_on_both: World) -> None:
    services = world_on_both.services
    first = mail("m-1", sender="ana@example.com")
    answer = mail("m-2", sender="ana@example.com", references=("m-1@mail.example",))
    other = mail("m-3", sender="eve@example.com", references=("m-1@mail.example",))
    mails = [
        Fetched(uid, delivery(one).body) for uid, one in enumerate((first, answer, other), start=1)
    ]
    batch = store_batch(services, mail_source(services), mails, also=lambda _: None)
    assert read_batch(services, batch.unread) == []
    opened, strange = world_on_both.tickets()
    assert [row.author_handle for row in world_on_both.messages(opened.id)] == [
        "ana@example.com", "ana@example.com"
    ]  # fmt: skip
    assert strange.related_id == opened.id
    assert Party("email", "eve@example.com").value not in {
        value for _, value in world_on_both.participants(opened.id)
    }
