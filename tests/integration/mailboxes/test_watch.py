"""Every mailbox has a watch of its own: real servers, real threads."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from helpdesk.bootstrap import build_mail
from helpdesk.mailboxes.service import change_mailbox, switch
from helpdesk.mailboxes.watch import MailboxWatch
from helpdesk.services import Services
from helpdesk.tickets.model import Message
from tests.integration.inbox.world import World, delivery, mail
from tests.integration.mailboxes.office import SALES, facts, health_of, open_mailbox
from tests.servers.dovecot import Dovecot, missing_dovecot, running_dovecot

pytestmark = pytest.mark.imap
BROKEN = "quebrada@sabia.example"


@pytest.fixture(scope="module")
def dovecot() -> Iterator[Dovecot]:
    if reason := missing_dovecot():
        pytest.skip(reason)
    with running_dovecot() as server:
        yield server


@pytest.fixture
def world(make_services: Callable[..., Services], sqlite_url: str) -> World:
    made = World.build(make_services, sqlite_url)
    services = replace(
        made.services,
        settings=replace(made.services.settings, inbox_poll_s=1),
        mail=build_mail(made.services.settings, made.services.clock, made.services.db),
    )
    return World(services, made.adapters, made.agent)


def on(server: Dovecot, user: str) -> dict[str, Any]:
    return {
        "user_name": user,
        "imap_host": server.host,
        "imap_port": server.port,
        "imap_security": "none",
        "secret": server.password,
    }


def wait_for(true: Callable[[], bool]) -> bool:
    """Look again and again, for a minute at most."""
    pause = threading.Event()
    return any(true() or pause.wait(0.1) for _ in range(600))


@pytest.fixture
def watch(world: World) -> Iterator[MailboxWatch]:
    stop = threading.Event()
    watching = MailboxWatch(world.services, stop)
    yield watching
    stop.set()
    watching.run()  # ends what was begun


def test_one_bad_mailbox_stops_no_other(
    world: World, watch: MailboxWatch, dovecot: Dovecot
) -> None:
    open_mailbox(world.services, world.agent, **on(dovecot, "w1"))
    open_mailbox(world.services, world.agent, BROKEN, **(on(dovecot, "w2") | {"secret": "wrong"}))
    dovecot.deliver(delivery(mail("m1")).body, "w1")
    assert watch.look() == {SALES, BROKEN}
    assert wait_for(lambda: world.drain() >= 0 and world.count(Message) == 1)
    assert wait_for(lambda: health_of(world.services, BROKEN) is not None)
    broken, well = health_of(world.services, BROKEN), health_of(world.services, SALES)
    assert broken is not None
    assert broken.fetch_fault == "login"
    assert well is None or well.fetch_fault == ""


def test_a_mailbox_is_watched_from_when_it_is_on_until_it_is_off(
    world: World, watch: MailboxWatch, dovecot: Dovecot
) -> None:
    assert watch.look() == set()
    row_id = open_mailbox(world.services, world.agent, **on(dovecot, "w3"))
    assert watch.look() == {SALES}
    switch(world.services, world.agent, row_id, on=False)
    assert watch.look() == set()


def test_a_mended_mailbox_is_read_without_a_restart(
    world: World, watch: MailboxWatch, dovecot: Dovecot
) -> None:
    wrong = on(dovecot, "w4") | {"secret": "wrong"}
    row_id = open_mailbox(world.services, world.agent, **wrong)
    dovecot.deliver(delivery(mail("m4")).body, "w4")
    watch.look()
    assert wait_for(lambda: health_of(world.services) is not None)
    change_mailbox(world.services, world.agent, row_id, facts(**on(dovecot, "w4")))
    watch.look()
    assert wait_for(lambda: world.drain() >= 0 and world.count(Message) == 1)


def test_e12_numbers_given_anew_lose_and_double_nothing(
    world: World, watch: MailboxWatch, dovecot: Dovecot
) -> None:
    row_id = open_mailbox(world.services, world.agent, **on(dovecot, "w5"))
    for number in range(3):
        dovecot.deliver(delivery(mail(f"a{number}")).body, "w5")
    watch.look()
    assert wait_for(lambda: world.drain() >= 0 and world.count(Message) == 3)
    switch(world.services, world.agent, row_id, on=False)
    watch.look()
    dovecot.forget_numbers("w5")
    dovecot.deliver(delivery(mail("a9")).body, "w5")
    switch(world.services, world.agent, row_id, on=True)
    watch.look()
    assert wait_for(lambda: world.drain() >= 0 and world.count(Message) == 4)


def test_f07_an_outage_is_made_up_for_from_the_cursor(
    world: World, watch: MailboxWatch, dovecot: Dovecot
) -> None:
    row_id = open_mailbox(world.services, world.agent, **on(dovecot, "w6"))
    dovecot.deliver(delivery(mail("b0")).body, "w6")
    watch.look()
    assert wait_for(lambda: world.drain() >= 0 and world.count(Message) == 1)
    switch(world.services, world.agent, row_id, on=False)
    watch.look()
    for number in range(1, 31):  # more than any "last ten"
        dovecot.deliver(delivery(mail(f"b{number}")).body, "w6")
    switch(world.services, world.agent, row_id, on=True)
    watch.look()
    assert wait_for(lambda: world.drain() >= 0 and world.count(Message) == 31)
