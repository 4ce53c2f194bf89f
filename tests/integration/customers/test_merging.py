"""Two customers become one by a person's decision, and two again."""

from datetime import date
from threading import Barrier, Thread
from uuid import UUID

import pytest

from channels.port import Party
from helpdesk.customers.likeness import Facts
from helpdesk.customers.match import candidates
from helpdesk.customers.merging import merge, merges_of, preview_merge, undo_merge
from helpdesk.customers.model import Customer, CustomerMerge, Handle
from helpdesk.customers.queries import handles_of
from helpdesk.customers.service import add_handle, identify
from helpdesk.errors import Conflict, InvalidInput, NotFound
from helpdesk.events.service import Actor
from helpdesk.tickets.participants import add_participant
from helpdesk.tickets.queries import lock_ticket
from helpdesk.tickets.service import set_status
from tests.conftest import TestClock
from tests.integration.customers.test_identifying import subscribe
from tests.integration.inbox.world import ANA, PHONE, World, mail, text_message


def seal(world: World, survivor: UUID, absorbed: UUID) -> str:
    with world.services.reading() as session:
        return preview_merge(session, survivor, absorbed).seal


def join(world: World, survivor: UUID, absorbed: UUID) -> UUID:
    return merge(
        world.services, world.agent,
        survivor_id=survivor, absorbed_id=absorbed, seal=seal(world, survivor, absorbed),
    )  # fmt: skip


def owner(world: World, kind: str, value: str) -> UUID | None:
    with world.services.begin() as tx:
        return identify(tx, Party(kind, value)).customer_id  # type: ignore[arg-type]


def handles(world: World, customer_id: UUID) -> set[str]:
    with world.services.reading() as session:
        return {one.value for one in handles_of(session, customer_id)}


def offered(world: World, facts: Facts) -> list[UUID]:
    with world.services.reading() as session:
        return [one.customer_id for one in candidates(session, facts)]


@pytest.fixture
def two(world_on_both: World) -> tuple[World, UUID, UUID]:
    """A customer known by her mail, and again by her telephone, each with a conversation."""
    world = world_on_both
    by_mail = world.customer("Ana Souza", email=ANA)
    by_phone = world.customer("Ana Maria Souza", phone=PHONE)
    world.arrives(mail("7:1"))
    world.arrives(text_message("SM1"))
    return world, by_mail, by_phone


@pytest.mark.parametrize("keep", [0, 1], ids=["the-older-remains", "the-newer-remains"])
def test_f24_a_merge_goes_the_way_that_was_chosen_and_back(
    two: tuple[World, UUID, UUID], keep: int
) -> None:
    world, *both = two
    survivor, absorbed = both if keep == 0 else reversed(both)
    before = {one: handles(world, one) for one in (survivor, absorbed)}
    merge_id = join(world, survivor, absorbed)
    assert {ticket.customer_id for ticket in world.tickets()} == {survivor}
    assert len({ticket.customer_name for ticket in world.tickets()}) == 1
    assert handles(world, survivor) == {ANA, PHONE}
    assert owner(world, "email", ANA) == owner(world, "phone", PHONE) == survivor
    assert offered(world, Facts("Ana Souza")) == [survivor]  # no ghost is offered
    undo_merge(world.services, world.agent, merge_id)
    assert {ticket.customer_id for ticket in world.tickets()} == {survivor, absorbed}
    assert {one: handles(world, one) for one in (survivor, absorbed)} == before
    assert set(offered(world, Facts("Ana Souza"))) == {survivor, absorbed}
    for ticket in world.tickets():
        kinds = [
            len(world.events(ticket.id, kind)) for kind in ("customer.merged", "customer.parted")
        ]
        assert kinds == ([1, 1] if ticket.customer_id == absorbed else [0, 0])


def test_f24_no_subscription_changes_hands(two: tuple[World, UUID, UUID]) -> None:
    world, by_mail, by_phone = two
    subscription = subscribe(world, by_phone)
    with world.services.reading() as session:
        assert preview_merge(session, by_mail, by_phone).refusal
    with pytest.raises(Conflict):
        join(world, by_mail, by_phone)
    assert world.count(CustomerMerge) == 0
    join(world, by_phone, by_mail)  # the one with the account remains
    late = world.ticket_of(world.arrives(mail("7:2")))
    assert (late.customer_id, late.subscription_id) == (by_phone, subscription)


def test_f24_a_typed_address_merges_nobody(two: tuple[World, UUID, UUID]) -> None:
    world, by_mail, by_phone = two
    for one in (by_mail, by_phone):
        with world.services.begin() as tx:
            add_handle(tx, one, kind="email", value="typed@example.com", verified=False)
    with world.services.begin() as tx, pytest.raises(Conflict):
        add_handle(tx, by_phone, kind="email", value=ANA, verified=True)  # proven by the other
    ticket = world.ticket_of(world.arrives(mail("7:9", sender="typed@example.com")))
    assert ticket.customer_id is None, "a person says which of the two it is"
    assert world.count(CustomerMerge) == 0
    with world.services.reading() as session:
        both = [session.get_one(Customer, one) for one in (by_mail, by_phone)]
    assert [one.merged_into_id for one in both] == [None, None]
    assert {PHONE, "typed@example.com"} == handles(world, by_phone)


def test_two_accounts_are_never_merged(two: tuple[World, UUID, UUID]) -> None:
    world, by_mail, by_phone = two
    subscribe(world, by_phone)
    with world.services.begin() as tx:
        from billing_core import payments
        from billing_core.domain.money import Money

        payments.record_capture(
            tx, customer_id=by_mail, amount=Money(100, "BRL"), gateway="sandbox", gateway_ref="a"
        )
    for survivor, absorbed in ((by_mail, by_phone), (by_phone, by_mail)):
        with pytest.raises(Conflict, match="account"):
            join(world, survivor, absorbed)


def test_the_same_claim_of_both_breaks_nothing(two: tuple[World, UUID, UUID]) -> None:
    world, by_mail, by_phone = two
    for one in (by_mail, by_phone):
        with world.services.begin() as tx:
            add_handle(tx, one, kind="email", value="both@example.com", verified=False)
    merge_id = join(world, by_mail, by_phone)
    assert handles(world, by_mail) == {ANA, PHONE, "both@example.com"}
    assert owner(world, "email", "both@example.com") == by_mail
    undo_merge(world.services, world.agent, merge_id)
    assert "both@example.com" in handles(world, by_phone)


def test_what_came_after_a_merge_stays_with_the_survivor(two: tuple[World, UUID, UUID]) -> None:
    world, by_mail, by_phone = two
    merge_id = join(world, by_mail, by_phone)
    with world.services.begin() as tx:
        add_handle(tx, by_mail, kind="email", value="new@example.com", verified=True)
    later = world.ticket_of(world.arrives(mail("9:9", sender="new@example.com")))
    undo_merge(world.services, world.agent, merge_id)
    assert world.ticket(later.id).customer_id == by_mail
    assert "new@example.com" in handles(world, by_mail)


def test_what_came_after_a_merge_from_an_address_that_goes_back_goes_back_with_it(
    two: tuple[World, UUID, UUID],
) -> None:
    """Left with the survivor, an answer in it could go to the wrong person's other address."""
    world, by_mail, by_phone = two
    subscription = subscribe(world, by_mail)
    merge_id = join(world, by_mail, by_phone)
    for ticket in world.tickets():
        with world.services.begin() as tx:
            set_status(tx, lock_ticket(tx, ticket.id), "closed", actor=Actor.system())
    later = world.ticket_of(world.arrives(text_message("SM9")))
    assert (later.customer_id, later.subscription_id) == (by_mail, subscription)
    undo_merge(world.services, world.agent, merge_id)
    parted = world.ticket(later.id)
    assert (parted.customer_id, parted.subscription_id) == (by_phone, None)
    assert parted.customer_name == "Ana Maria Souza"
    assert len(world.events(later.id, "customer.parted")) == 1


def test_a_conversation_that_both_take_part_in_stays_with_the_survivor(
    two: tuple[World, UUID, UUID],
) -> None:
    world, by_mail, by_phone = two
    merge_id = join(world, by_mail, by_phone)
    for ticket in world.tickets():
        with world.services.begin() as tx:
            set_status(tx, lock_ticket(tx, ticket.id), "closed", actor=Actor.system())
    later = world.ticket_of(world.arrives(text_message("SM9")))
    with world.services.begin() as tx:
        add_participant(tx, lock_ticket(tx, later.id), "email", ANA)
    undo_merge(world.services, world.agent, merge_id)
    assert world.ticket(later.id).customer_id == by_mail


def test_an_address_proven_after_a_merge_goes_back_as_a_claim(
    two: tuple[World, UUID, UUID], clock: TestClock
) -> None:
    """The code may have gone to the other one: a proof of hers is nobody else's."""
    world, by_mail, by_phone = two
    claimed = "typed@example.com"
    with world.services.begin() as tx:
        add_handle(tx, by_phone, kind="email", value=claimed, verified=False)
    merge_id = join(world, by_mail, by_phone)
    clock.forward(minutes=1)
    with world.services.begin() as tx:
        add_handle(tx, by_mail, kind="email", value=claimed, verified=True)
    undo_merge(world.services, world.agent, merge_id)
    with world.services.reading() as session:
        proven = {one.value: one.verified_at is not None for one in handles_of(session, by_phone)}
    assert proven == {PHONE: True, claimed: False}


def test_facts_that_the_survivor_lacks_are_filled_in_and_taken_out_again(world: World) -> None:
    bare, full = world.customer("Ana Souza"), world.customer("Ana Souza")
    with world.services.begin() as tx:
        told = tx.session.get_one(Customer, full)
        told.born_on, told.postcode, told.district = date(1984, 3, 12), "05435010", "Pinheiros"
        tx.session.get_one(Customer, bare).district = "Centro"
    merge_id = join(world, bare, full)
    with world.services.reading() as session:
        kept = session.get_one(Customer, bare)
        assert (kept.born_on, kept.postcode, kept.district) == (date(1984, 3, 12), "", "Centro")
    undo_merge(world.services, world.agent, merge_id)
    with world.services.reading() as session:
        assert session.get_one(Customer, bare).born_on is None


def test_a_preview_warns_of_what_does_not_fit(two: tuple[World, UUID, UUID]) -> None:
    world, by_mail, by_phone = two
    with world.services.begin() as tx:
        for one, document, year in ((by_mail, "a", 1984), (by_phone, "b", 1991)):
            customer = tx.session.get_one(Customer, one)
            customer.document_hash, customer.born_on = document, date(year, 1, 1)
    with world.services.reading() as session:
        found = preview_merge(session, by_mail, by_phone)
    assert found.warnings == ("documents", "birthdays", "both_proven")


def test_a_preview_that_is_no_longer_true_merges_nobody(two: tuple[World, UUID, UUID]) -> None:
    world, by_mail, by_phone = two
    shown = seal(world, by_mail, by_phone)
    with world.services.begin() as tx:
        add_handle(tx, by_phone, kind="email", value="late@example.com", verified=True)
    with pytest.raises(Conflict, match="changed"):
        merge(
            world.services, world.agent,
            survivor_id=by_mail, absorbed_id=by_phone, seal=shown,
        )  # fmt: skip
    assert world.count(CustomerMerge) == 0


def test_who_was_merged_cannot_be_merged_again_and_chains_part_from_the_end(
    two: tuple[World, UUID, UUID],
) -> None:
    world, by_mail, by_phone = two
    third = world.customer("A. Souza")
    first = join(world, by_mail, by_phone)
    with pytest.raises(Conflict):
        join(world, third, by_phone)
    second = join(world, third, by_mail)
    assert owner(world, "phone", PHONE) == third
    with pytest.raises(Conflict, match="later"):
        undo_merge(world.services, world.agent, first)
    undo_merge(world.services, world.agent, second)
    undo_merge(world.services, world.agent, first)
    with pytest.raises(Conflict, match="before"):
        undo_merge(world.services, world.agent, first)
    assert owner(world, "phone", PHONE) == by_phone
    with world.services.reading() as session:
        assert merges_of(session, by_mail) == []


def test_nobody_is_merged_with_herself_or_with_nobody(world: World) -> None:
    ana = world.customer("Ana")
    with pytest.raises(InvalidInput):
        seal(world, ana, ana)
    with pytest.raises(NotFound):
        seal(world, ana, world.agent.id)
    with pytest.raises(NotFound):
        undo_merge(world.services, world.agent, ana)


def test_two_opposite_merges_at_once_leave_one_survivor(two: tuple[World, UUID, UUID]) -> None:
    world, by_mail, by_phone = two
    ways = [(by_mail, by_phone), (by_phone, by_mail)]
    seals = [seal(world, *way) for way in ways]
    together, refused = Barrier(2), []

    def run(at: int) -> None:
        together.wait()
        try:
            merge(
                world.services, world.agent,
                survivor_id=ways[at][0], absorbed_id=ways[at][1], seal=seals[at],
            )  # fmt: skip
        except Conflict as error:
            refused.append(error)

    threads = [Thread(target=run, args=(at,)) for at in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 1
    assert world.count(CustomerMerge) == 1
    assert owner(world, "email", ANA) == owner(world, "phone", PHONE)
    assert world.count(Handle) == 2
