"""A code that went to a proven address proves whoever tells it elsewhere."""

import re
from uuid import UUID

import pytest
from sqlalchemy import select

from channels.port import Party
from helpdesk.customers.link_codes import MOST_AN_HOUR, TRIES, Told, send_code, tell_code
from helpdesk.customers.model import Handle, LinkCode
from helpdesk.customers.service import identify
from helpdesk.errors import Conflict
from helpdesk.outbox.model import Outbound
from helpdesk.tickets.model import Message
from tests.conftest import TestClock
from tests.integration.inbox.world import ANA, PHONE, World, mail, text_message

STRANGE = "ana.new@example.com"


@pytest.fixture
def ticket(world_on_both: World) -> tuple[World, UUID, UUID]:
    """A conversation from an unknown address, and the customer whom its writer says she is."""
    ana = world_on_both.customer("Ana Souza", email=ANA)
    found = world_on_both.ticket_of(
        world_on_both.arrives(mail("7:1", sender=STRANGE, subject="Win money at evil.example"))
    )
    return world_on_both, ana, found.id


def send(world: World, ticket_id: UUID, customer_id: UUID) -> str:
    """Send a code and return it as it arrived."""
    send_code(world.services, world.agent, ticket_id=ticket_id, customer_id=customer_id)
    world.drain()
    found = re.search(r"\b\d{6}\b", world.email.sent[-1].text)
    assert found
    return found[0]


def tell(world: World, ticket_id: UUID, typed: str) -> Told:
    return tell_code(world.services, world.agent, ticket_id=ticket_id, typed=typed)


def owner(world: World, value: str) -> tuple[UUID | None, bool]:
    with world.services.begin() as tx:
        found = identify(tx, Party("email", value))
    return found.customer_id, found.verified


def test_the_right_code_links_the_ticket_and_proves_its_address(
    ticket: tuple[World, UUID, UUID],
) -> None:
    world, ana, ticket_id = ticket
    code = send(world, ticket_id, ana)
    assert tell(world, ticket_id, f" {code[:3]} {code[3:]} ") == "right"
    assert world.ticket(ticket_id).customer_id == ana
    assert owner(world, STRANGE) == (ana, True)
    assert len(world.events(ticket_id, "customer.proven")) == 1


def test_a_code_counts_once(ticket: tuple[World, UUID, UUID]) -> None:
    world, ana, ticket_id = ticket
    code = send(world, ticket_id, ana)
    assert tell(world, ticket_id, code) == "right"
    assert tell(world, ticket_id, code) == "none"


def test_a11_five_wrong_tries_end_a_code(ticket: tuple[World, UUID, UUID]) -> None:
    world, ana, ticket_id = ticket
    code = send(world, ticket_id, ana)
    wrong = f"{(int(code) + 1) % 10**6:06}"
    told = [tell(world, ticket_id, wrong) for _ in range(TRIES)]
    assert told == ["wrong"] * (TRIES - 1) + ["worn_out"]
    assert tell(world, ticket_id, code) == "none"
    assert world.ticket(ticket_id).customer_id is None
    assert owner(world, STRANGE) == (None, False)


def test_a_code_runs_out(ticket: tuple[World, UUID, UUID], clock: TestClock) -> None:
    world, ana, ticket_id = ticket
    code = send(world, ticket_id, ana)
    clock.forward(minutes=15)
    assert tell(world, ticket_id, code) == "none"


def test_a_newer_code_ends_the_older(ticket: tuple[World, UUID, UUID]) -> None:
    world, ana, ticket_id = ticket
    old, new = send(world, ticket_id, ana), send(world, ticket_id, ana)
    assert old != new
    assert tell(world, ticket_id, old) == "wrong"
    assert tell(world, ticket_id, new) == "right"


def test_a_code_of_one_ticket_opens_no_other(ticket: tuple[World, UUID, UUID]) -> None:
    world, ana, ticket_id = ticket
    other = world.ticket_of(world.arrives(mail("7:2", sender="third@example.com")))
    code = send(world, ticket_id, ana)
    assert tell(world, other.id, code) == "none"


def test_e9_the_code_goes_to_the_proven_address_with_nothing_that_a_stranger_wrote(
    ticket: tuple[World, UUID, UUID],
) -> None:
    world, ana, ticket_id = ticket
    send(world, ticket_id, ana)
    letter = world.email.sent[-1]
    assert letter.to.value == ANA
    assert "evil" not in letter.subject + letter.text
    assert (letter.references, letter.in_reply_to, letter.automatic) == ((), "", True)
    assert ("email", ANA) not in world.participants(ticket_id)


def test_the_code_stands_in_no_row(ticket: tuple[World, UUID, UUID]) -> None:
    world, ana, ticket_id = ticket
    code = send(world, ticket_id, ana)
    with world.services.reading() as session:
        kept = [
            *session.scalars(select(Message.body)),
            *map(str, session.scalars(select(Outbound.envelope))),
            *session.scalars(select(LinkCode.code_hash)),
        ]
    assert not [text for text in kept if code in text]


def test_nobody_is_flooded_with_codes(ticket: tuple[World, UUID, UUID], clock: TestClock) -> None:
    world, ana, ticket_id = ticket
    for _ in range(MOST_AN_HOUR):
        send(world, ticket_id, ana)
    with pytest.raises(Conflict):
        send_code(world.services, world.agent, ticket_id=ticket_id, customer_id=ana)
    clock.forward(hours=1)
    send(world, ticket_id, ana)


def test_a12_a_claimed_address_gets_no_code(ticket: tuple[World, UUID, UUID]) -> None:
    world, _, ticket_id = ticket
    eva = world.customer("Eva")
    with world.services.begin() as tx:
        tx.session.add(
            Handle(
                id=tx.new_id(), customer_id=eva, kind="email", value="eva@example.com",
                verified_at=None, claimed_at=tx.at,
            )
        )  # fmt: skip
    with pytest.raises(Conflict):
        send_code(world.services, world.agent, ticket_id=ticket_id, customer_id=eva)


def test_a_telephone_is_told_by_text(world: World) -> None:
    ana = world.customer("Ana Souza", phone=PHONE)
    found = world.ticket_of(world.arrives(mail("7:1", sender=STRANGE)))
    send_code(world.services, world.agent, ticket_id=found.id, customer_id=ana)
    world.drain()
    assert world.sms.sent[-1].to.value == PHONE


def test_an_address_that_somebody_else_has_proven_stays_hers(world: World) -> None:
    ana, eva = world.customer("Ana", email=ANA), world.customer("Eva", phone=PHONE)
    found = world.ticket_of(world.arrives(text_message("SM1")))
    assert found.customer_id == eva
    code = send(world, found.id, ana)
    assert tell(world, found.id, code) == "right"
    with world.services.begin() as tx:
        assert identify(tx, Party("phone", PHONE)).customer_id == eva
