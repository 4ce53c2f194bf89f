"""Mailboxes as rows: what is kept, what is used, and what an answer leaves from."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from helpdesk.errors import Conflict, InvalidInput
from helpdesk.inbox.service import ingest_mail, read_one
from helpdesk.mailboxes.account import MailAccount, account_of
from helpdesk.mailboxes.figures import MailboxFigures
from helpdesk.mailboxes.health import (
    is_late,
    keep_refresh_token,
    note_fetch_fault,
    note_fetched,
    take_slot,
)
from helpdesk.mailboxes.queries import accounts, owner_of
from helpdesk.mailboxes.service import change_mailbox, switch
from helpdesk.mailboxes.showing import lines
from helpdesk.services import Services
from helpdesk.tickets.desk import ReplyAsk, reply
from tests.conftest import TestClock
from tests.integration.inbox.world import World, delivery, mail
from tests.integration.mailboxes.office import SALES, facts, health_of, open_mailbox, row_of

SUPPORT = "suporte@sabia.example"


@pytest.fixture
def world(make_services: Callable[..., Services], sqlite_url: str) -> World:
    return World.build(make_services, sqlite_url)


@pytest.fixture
def world_on_both(make_services: Callable[..., Services], database_url: str) -> World:
    return World.build(make_services, database_url)


def in_use(world: World) -> list[MailAccount]:
    with world.services.reading() as session:
        return accounts(session, world.services.settings)


def test_the_mailbox_of_the_settings_stays_in_use_beside_the_rows(world_on_both: World) -> None:
    open_mailbox(world_on_both.services, world_on_both.agent)
    assert [one.address for one in in_use(world_on_both)] == [SUPPORT, SALES]


def test_a_row_with_the_address_of_the_settings_stands_in_its_place(world: World) -> None:
    row_id = open_mailbox(world.services, world.agent, SUPPORT, name="Suporte")
    assert [(one.address, one.name) for one in in_use(world)] == [(SUPPORT, "Suporte")]
    switch(world.services, world.agent, row_id, on=False)
    assert in_use(world) == []


def test_secrets_are_kept_unreadable_and_open_with_the_key(world: World) -> None:
    row_id = open_mailbox(world.services, world.agent, smtp_secret="other-horse")
    row = row_of(world.services, row_id)
    assert "horse" not in row.secret_sealed + row.smtp_secret_sealed
    opened = account_of(world.services.settings, row)
    assert opened.imap is not None
    assert opened.smtp is not None
    assert (opened.imap.password, opened.smtp.password) == ("correct-horse", "other-horse")
    assert "horse" not in repr(opened)


def test_a_row_sealed_with_another_key_is_left_out_and_breaks_nothing(world: World) -> None:
    open_mailbox(world.services, world.agent)
    settings = replace(world.services.settings, secret_key="another key of this house, 32+ long")
    with world.services.reading() as session:
        assert [one.address for one in accounts(session, settings)] == [SUPPORT]


def test_an_empty_secret_leaves_the_one_there_is(world: World) -> None:
    row_id = open_mailbox(world.services, world.agent)
    change_mailbox(world.services, world.agent, row_id, facts(secret="", name="Vendas"))
    opened = account_of(world.services.settings, row_of(world.services, row_id))
    assert opened.imap is not None
    assert (opened.name, opened.imap.password) == ("Vendas", "correct-horse")


def test_a_secret_is_not_sent_to_a_new_server_by_somebody_who_does_not_know_it(
    world: World,
) -> None:
    row_id = open_mailbox(world.services, world.agent)
    elsewhere = facts(secret="", smtp_host="smtp.thief.example")
    with pytest.raises(InvalidInput) as refused:
        change_mailbox(world.services, world.agent, row_id, elsewhere)
    assert refused.value.field == "secret"


def test_an_address_has_one_mailbox_and_keeps_it(world: World) -> None:
    row_id = open_mailbox(world.services, world.agent)
    with pytest.raises(Conflict):
        open_mailbox(world.services, world.agent)
    with pytest.raises(InvalidInput):
        change_mailbox(world.services, world.agent, row_id, facts(SUPPORT))


def test_a_new_refresh_token_is_kept_sealed(world: World) -> None:
    row_id = open_mailbox(
        world.services, world.agent, auth="oauth_google", client_id="guiche", secret="refresh-1"
    )
    with world.services.begin() as tx:
        keep_refresh_token(tx, world.services.settings, row_id, "refresh-2")
    row = row_of(world.services, row_id)
    opened = account_of(world.services.settings, row)
    assert opened.oauth is not None
    assert opened.imap is not None
    assert (opened.oauth.refresh_token, opened.imap.password) == ("refresh-2", "")
    assert "refresh-2" not in row.secret_sealed


@pytest.mark.parametrize(
    ("recipients", "owner"),
    [
        pytest.param([SALES], SALES, id="plain"),
        pytest.param(["x@else.example", "Vendas+r.abc@Sabia.example"], SALES, id="token"),
        pytest.param(["vendas@else.example"], None, id="another-domain"),
        pytest.param([], None, id="nobody"),
    ],
)
def test_a_mail_belongs_to_the_mailbox_it_was_sent_to(
    world: World, recipients: list[str], owner: str | None
) -> None:
    open_mailbox(world.services, world.agent)
    with world.services.reading() as session:
        assert owner_of(session, world.services.settings, recipients) == owner


def test_an_answer_leaves_from_the_mailbox_that_was_written_to(world_on_both: World) -> None:
    world = world_on_both
    open_mailbox(world.services, world.agent, signature_text="{agent}\n{company}")
    row_id, _ = ingest_mail(
        world.services, delivery(mail("9:1")).body, key="9:1", source=f"email:{SALES}"
    )
    read_one(world.services, row_id)
    world.replies(world.ticket_of(row_id).id, "Olá! Veja https://sabia.example/a?b=1&c=2.")
    world.drain()
    (sent,) = world.email.sent
    assert (sent.sender, sent.sender_name) == (SALES, "Vendas da Sabiá")
    assert sent.reply_to.startswith("vendas+r.")
    assert sent.text.endswith("\n\n-- \nBruna\nSabiá")
    assert 'href="https://sabia.example/a?b=1&amp;c=2"' in sent.html
    assert "Bruna<br>" in sent.html


def test_an_answer_leaves_from_the_main_mailbox_once_that_one_is_off(world: World) -> None:
    mailbox_id = open_mailbox(world.services, world.agent)
    row_id, _ = ingest_mail(
        world.services, delivery(mail("9:1")).body, key="9:1", source=f"email:{SALES}"
    )
    read_one(world.services, row_id)
    switch(world.services, world.agent, mailbox_id, on=False)
    world.replies(world.ticket_of(row_id).id)
    world.drain()
    assert world.email.sent[0].sender == SUPPORT


def test_what_another_mailbox_of_ours_sent_is_nobodys_message(world: World) -> None:
    open_mailbox(world.services, world.agent)
    row = world.row(world.arrives(mail("9:2", sender=SALES)))
    assert (row.state, row.reason) == ("discarded", "own_mail")


@pytest.mark.parametrize("spelling", [SALES, SALES.replace("@", "+r.a-secret@")])
def test_another_mailbox_of_ours_is_nobody_who_gets_a_copy(world: World, spelling: str) -> None:
    open_mailbox(world.services, world.agent)
    others = mail("9:3", data={"cc": f"{spelling}, b@x.example"})
    ours = mail("9:4", data={"cc": spelling})
    told = {}
    for item in (others, ours):
        row = world.row(world.arrives(item))
        told[item.external_id] = next(
            one.facts for one in world.messages() if one.id == row.message_id
        )
    assert told == {"9:3": {"cc": "b@x.example"}, "9:4": {}}
    ticket_id = world.tickets()[0].id
    ask = ReplyAsk(channel="email", body="Olá", client_msg_id=str(uuid4()), cc=(spelling,))
    with pytest.raises(InvalidInput, match="our own mailboxes"):
        reply(world.services, world.agent, ticket_id, ask)


def test_no_minute_holds_more_mails_than_the_rate(world_on_both: World, clock: TestClock) -> None:
    open_mailbox(world_on_both.services, world_on_both.agent, rate_per_minute=30)
    (account,) = [one for one in in_use(world_on_both) if one.address == SALES]
    slots = []
    for _ in range(100):
        with world_on_both.services.begin() as tx:
            slots.append(take_slot(tx, account))
    assert slots[0] == clock()
    assert all(
        later - slot >= timedelta(minutes=1) for slot, later in zip(slots, slots[30:], strict=False)
    )


def test_a_mail_past_the_rate_waits_for_its_moment_and_leaves_once(
    world: World, clock: TestClock
) -> None:
    open_mailbox(world.services, world.agent, SUPPORT, rate_per_minute=6)
    for number in range(3):
        row_id = world.arrives(mail(f"9:{number}", sender=f"c{number}@example.com"))
        world.replies(world.ticket_of(row_id).id)
    world.drain()
    assert len(world.email.sent) == 1
    for expected in (2, 3):
        clock.forward(seconds=10)
        from helpdesk.outbox.sending import send_due

        send_due(world.services)
        assert len(world.email.sent) == expected


def test_f07_a_silent_mailbox_raises_the_alarm(world: World, clock: TestClock) -> None:
    open_mailbox(world.services, world.agent)
    with world.services.begin() as tx:
        note_fetched(tx, SALES)
    assert not is_late(health_of(world.services), clock())
    clock.forward(minutes=6)
    with world.services.begin() as tx:
        note_fetch_fault(tx, SALES, "login", "no")
    assert is_late(health_of(world.services), clock())
    found = {
        (sample.name, sample.labels["mailbox"], sample.labels.get("way")): sample.value
        for metric in MailboxFigures(world.services).collect()
        for sample in metric.samples
    }
    assert found["guiche_mailbox_lag_seconds", SALES, None] == 360
    assert found["guiche_mailbox_failing", SALES, "fetch"] == 1
    assert found["guiche_mailbox_failing", SALES, "send"] == 0
    with world.services.begin() as tx:
        note_fetched(tx, SALES)
    health = health_of(world.services)
    assert health is not None
    assert (health.fetch_fault, health.fetch_failing_since) == ("", None)


def test_f07_a_mailbox_that_nobody_looks_at_raises_the_alarm_too(
    world: World, clock: TestClock
) -> None:
    open_mailbox(world.services, world.agent)
    clock.forward(minutes=6)
    found = {
        sample.labels["mailbox"]: sample.value
        for metric in MailboxFigures(world.services).collect()
        for sample in metric.samples
        if sample.name == "guiche_mailbox_lag_seconds"
    }
    assert found[SALES] == 360
    with world.services.reading() as session:
        shown = lines(session, world.services.settings, clock())
    assert [one.fetching.state for one in shown if one.address == SALES] == ["late"]
