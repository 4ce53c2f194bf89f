"""A stranger's answer opens a conversation of its own until a person says where it belongs."""

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

import pytest

from helpdesk.app import create_app
from helpdesk.errors import Conflict, NotFound
from helpdesk.services import Services
from helpdesk.tickets.merging import accept_related, dismiss_related
from helpdesk.tickets.model import Ticket
from helpdesk.tickets.queries import lock_ticket
from tests.browser import Browser
from tests.browser import hire as hire_to_sign_in
from tests.conftest import TestClock
from tests.integration.inbox.world import ANA, World, mail
from tests.integration.tickets.desk import hire, make_team

BETO = "beto@example.com"


@pytest.fixture
def world(make_services: Callable[..., Services], sqlite_url: str) -> World:
    return World.build(make_services, sqlite_url)


@pytest.fixture
def world_on_both(make_services: Callable[..., Services], database_url: str) -> World:
    return World.build(make_services, database_url)


def pair(world: World) -> tuple[Ticket, Ticket]:
    """Return Ana's conversation and Beto's, who answered a mail that was forwarded to him."""
    hers = world.ticket_of(world.arrives(mail("7:1", message_id="hers@x")))
    his = world.ticket_of(
        world.arrives(
            mail("7:2", sender=BETO, name="Beto", message_id="his@x", references=["hers@x"])
        )
    )
    assert his.related_id == hers.id
    return hers, his


def test_until_somebody_accepts_it_the_stranger_has_no_part(world: World) -> None:
    hers, _ = pair(world)
    assert world.participants(hers.id) == {("email", ANA)}
    assert world.outbound(world.replies(hers.id)).recipient == ANA


def test_an_accepted_sender_takes_part_from_then_on(world_on_both: World) -> None:
    world = world_on_both
    hers, his = pair(world)
    accept_related(world.services, world.agent, his.id)
    joined = world.ticket(his.id)
    assert (joined.merged_into_id, joined.related_id, joined.category) == (hers.id, None, "closed")
    assert world.participants(hers.id) == {("email", ANA), ("email", BETO)}
    assert world.outbound(world.replies(hers.id)).recipient == ANA  # who asked is still she
    for n, known in ((3, "his@x"), (4, "hers@x")):
        again = world.arrives(mail(f"7:{n}", sender=BETO, references=[known]), key=f"7:{n}")
        assert world.ticket_of(again).id == hers.id
    assert world.events(hers.id, "ticket.joined") == [{"number": his.number}]
    assert world.events(his.id, "ticket.merged") == [{"number": hers.number}]
    with pytest.raises(Conflict):
        accept_related(world.services, world.agent, his.id)


def test_the_answer_that_was_owed_is_owed_in_the_other_one(world: World, clock: TestClock) -> None:
    hers, his = pair(world)
    clock.forward(hours=1)
    world.replies(hers.id)
    world.set_status(hers.id, "solved")
    accept_related(world.services, world.agent, his.id)
    after = world.ticket(hers.id)
    assert (after.category, after.waiting_since) == ("open", his.created_at)
    assert world.ticket(his.id).waiting_since is None


def test_a_dismissed_guess_is_gone(world: World) -> None:
    hers, his = pair(world)
    dismiss_related(world.services, world.agent, his.id)
    assert (world.ticket(his.id).related_id, world.ticket(his.id).category) == (None, "open")
    assert world.participants(hers.id) == {("email", ANA)}
    with pytest.raises(Conflict):
        dismiss_related(world.services, world.agent, his.id)


def test_a_conversation_is_joined_to_where_the_other_went_on(world: World) -> None:
    hers, his = pair(world)
    living = world.ticket_of(world.arrives(mail("7:9", message_id="new@x"), key="7:9"))
    world.merge(hers.id, into=living.id)
    accept_related(world.services, world.agent, his.id)
    assert world.ticket(his.id).merged_into_id == living.id


def test_a_circle_cannot_be_made(world: World) -> None:
    hers, his = pair(world)
    world.merge(hers.id, into=his.id)
    with pytest.raises(Conflict):
        accept_related(world.services, world.agent, his.id)
    assert world.ticket(his.id).merged_into_id is None


def test_a_closed_conversation_takes_nobody_in(world: World) -> None:
    hers, his = pair(world)
    world.set_status(hers.id, "closed")
    with pytest.raises(Conflict):
        accept_related(world.services, world.agent, his.id)
    assert world.ticket(his.id).category == "open"


def test_nobody_joins_what_she_cannot_see(world: World) -> None:
    hers, his = pair(world)
    stranger = hire(world.services, "Caio", team_id=make_team(world.services, "Outra"))
    ours = make_team(world.services, "Nossa")
    with world.services.begin() as tx:
        lock_ticket(tx, hers.id).team_id = ours
    with pytest.raises(NotFound):
        accept_related(world.services, stranger, his.id)
    with pytest.raises(NotFound):
        accept_related(world.services, stranger, UUID(int=7))


def test_the_conversation_shows_the_guess_and_takes_the_answer(world: World) -> None:
    services = replace(world.services)
    hers, his = pair(world)
    browser = Browser(create_app(services.settings, services))
    browser.sign_in(hire_to_sign_in(services, "supervisor", language="en"))
    page = browser.get(f"/inbox/{his.number}").get_data(as_text=True)
    assert "Possibly related:" in page
    assert f'href="/inbox/{hers.number}"' in page
    assert browser.post(f"/tickets/{his.id}/related", {"decision": "x"}).status_code == 422
    header = browser.post(f"/tickets/{his.id}/related", {"decision": "accept"}, htmx=True)
    assert "This conversation goes on in" in header.get_data(as_text=True)
    joined = browser.get(f"/inbox/{hers.number}").get_data(as_text=True)
    assert f'href="/inbox/{his.number}" class="prev"' in joined
