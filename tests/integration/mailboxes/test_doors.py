"""Mail that others bring: stored for good before anybody is told that we have it."""

import base64
import json
import smtplib
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from sqlalchemy.exc import OperationalError

from channels.email.door import DoorSettings, MailDoor
from helpdesk.app import create_app
from helpdesk.bootstrap import build_adapters, build_mail
from helpdesk.inbox.model import Inbound
from helpdesk.mailboxes import arrivals
from helpdesk.mailboxes.arrivals import is_expected, take_delivery
from helpdesk.services import Services
from tests.integration.inbox.world import World
from tests.integration.mailboxes.office import SALES, open_mailbox
from tests.integration.tickets.desk import hire

SUPPORT = "suporte@sabia.example"
PASSWORD = "a password of the provider"
ANA = "ana@cliente.example"


def letter(text: str = "Fui cobrada duas vezes.", *, to: str = SALES) -> str:
    return (
        f"From: Ana Souza <{ANA}>\r\nTo: {to}\r\nSubject: Conta\r\n"
        f"Message-ID: <{abs(hash(text))}@cliente.example>\r\nMIME-Version: 1.0\r\n"
        f"Content-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n"
    )


@pytest.fixture
def world(make_services: Callable[..., Services], sqlite_url: str) -> World:
    made = make_services(sqlite_url)
    settings = replace(made.settings, mail_address=SUPPORT, postmark_password=PASSWORD)
    mail = build_mail(settings, made.clock, made.db)
    services = replace(
        made, settings=settings, mail=mail, adapters=build_adapters(settings, made.clock, mail)
    )
    agent = hire(services, "Bruna")
    open_mailbox(services, agent)
    return World(services, {}, agent)


def rows(world: World) -> list[Inbound]:
    with world.services.reading() as session:
        return list(session.query(Inbound).order_by(Inbound.received_at, Inbound.id))


def post(world: World, body: str, *, password: str = PASSWORD, provider: str = "postmark") -> int:
    client = create_app(world.services.settings, world.services).test_client()
    shown = base64.b64encode(f"guiche:{password}".encode()).decode()
    answer = client.post(
        f"/hooks/mail/{provider}", data=body, headers={"Authorization": f"Basic {shown}"}
    )
    return answer.status_code


def posted(raw: str, *, to: str = SALES, key: str = "pm-1") -> str:
    return json.dumps({"MessageID": key, "OriginalRecipient": to, "RawEmail": raw})


def test_a_posted_mail_is_a_ticket_of_the_mailbox_it_was_sent_to(world: World) -> None:
    assert post(world, posted(letter())) == 200
    world.drain()
    (row,) = rows(world)
    assert (row.source, row.external_key, row.state) == (f"email:{SALES}", "postmark:pm-1", "read")
    assert "authorization" not in row.headers
    assert [one.body for one in world.messages()] == ["Fui cobrada duas vezes."]


def test_the_whole_mail_may_be_posted_to_an_address_that_says_so(world: World) -> None:
    assert post(world, posted(letter()), provider="postmark/mime") == 200
    assert len(rows(world)) == 1


def test_a_posted_mail_that_is_repeated_is_one(world: World) -> None:
    for _ in range(3):
        assert post(world, posted(letter())) == 200
    world.drain()
    assert len(world.messages()) == 1


def test_a_posted_mail_for_nobody_we_know_goes_to_the_main_mailbox(world: World) -> None:
    assert post(world, posted(letter(), to="outra@sabia.example")) == 200
    assert rows(world)[0].source == f"email:{SUPPORT}"


def test_e14_a_posted_mail_brings_no_result_that_counts(world: World) -> None:
    services = world.services
    settings = replace(services.settings, mail_authserv_id="mx.sabia.example")
    world = World(
        replace(services, settings=settings, adapters=build_adapters(settings, services.clock)),
        {},
        world.agent,
    )
    forged = "Authentication-Results: mx.sabia.example; dmarc=pass header.from=cliente.example\r\n"
    assert post(world, posted(forged + letter())) == 200
    take_delivery(world.services, (forged + letter("Outra.")).encode(), [SALES])
    world.drain()
    said = {
        one.body: (one.trust, "authentication_claimed" in one.facts) for one in world.messages()
    }
    assert said == {"Fui cobrada duas vezes.": ("bare", True), "Outra.": ("aligned", False)}


def test_a_posted_mail_may_be_as_large_as_providers_let_through(world: World) -> None:
    assert post(world, posted(letter(f"{'x' * 70}\r\n" * 450_000))) == 200
    assert len(rows(world)) == 1


def test_a_stranger_who_posts_is_turned_away(world: World) -> None:
    assert post(world, posted(letter()), password="guess") == 403
    assert post(world, posted(letter()), provider="mailgun") == 404
    assert post(world, posted(letter()), provider="mailgun/mime") == 404
    assert rows(world) == []


def test_a_posting_nobody_understands_is_held_for_a_person(world: World) -> None:
    assert post(world, "{") == 200
    (row,) = rows(world)
    assert (row.state, row.reason) == ("quarantined", "unreadable")


def test_a_posting_that_cannot_be_stored_is_asked_for_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise OperationalError("INSERT", {}, Exception("gone"))

    monkeypatch.setattr(arrivals, "ingest_mail", away)
    assert post(world, posted(letter())) >= 500
    assert rows(world) == []


@pytest.fixture(params=[True, False], ids=["lmtp", "smtp"])
def door(request: pytest.FixtureRequest, world: World) -> Iterator[MailDoor]:
    settings = DoorSettings(port=0, lmtp=request.param, largest=50_000)
    with MailDoor(
        settings,
        accepts=lambda one: is_expected(world.services, one),
        take=lambda raw, to: take_delivery(world.services, raw, to),
    ) as opened:
        yield opened


def caller(door: MailDoor) -> smtplib.SMTP:
    kind = smtplib.LMTP if door.settings.lmtp else smtplib.SMTP
    return kind("127.0.0.1", door.port, timeout=20)


def test_a_mail_handed_over_is_stored_before_it_is_acknowledged(
    world: World, door: MailDoor
) -> None:
    with caller(door) as client:
        client.sendmail(ANA, [SALES], letter().encode())
        (row,) = rows(world)
    assert row.source == f"email:{SALES}"
    kept = world.services.blobs.read(row.blob)
    assert kept.startswith(f"Delivered-To: {SALES}\r\nReturn-Path: <{ANA}>\r\n".encode())
    world.drain()
    assert [one.body for one in world.messages()] == ["Fui cobrada duas vezes."]


def test_a_mail_for_two_mailboxes_is_stored_for_each(world: World, door: MailDoor) -> None:
    with caller(door) as client:
        client.sendmail(ANA, [SALES, "suporte+r.abc@sabia.example"], letter().encode())
        if door.settings.lmtp:  # which answers for each recipient
            assert client.getreply()[0] == 250
    assert {row.source for row in rows(world)} == {f"email:{SALES}", f"email:{SUPPORT}"}


def test_an_address_that_is_not_ours_is_refused(world: World, door: MailDoor) -> None:
    with caller(door) as client, pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        client.sendmail(ANA, ["outra@sabia.example"], letter().encode())
    assert refused.value.recipients["outra@sabia.example"][0] == 550
    assert rows(world) == []


def test_a_mail_past_the_size_is_refused_and_the_door_stays_open(
    world: World, door: MailDoor
) -> None:
    with caller(door) as client, pytest.raises(smtplib.SMTPException):
        client.sendmail(ANA, [SALES], letter("x" * 60_000).encode())
    with caller(door) as client:
        client.sendmail(ANA, [SALES], letter("y" * 5_000).encode())  # one long line
    assert len(rows(world)) == 1


def test_each_recipient_of_a_mail_past_the_size_is_answered(world: World, door: MailDoor) -> None:
    with caller(door) as client:
        client.ehlo_or_helo_if_needed()
        client.mail(ANA)
        client.rcpt(SALES)
        client.rcpt(SUPPORT)
        assert client.data(b"x\r\n" * 20_000)[0] == 552
        if door.settings.lmtp:
            assert client.getreply()[0] == 552
        assert client.noop()[0] == 250  # question and answer are still in step
    assert rows(world) == []


def test_r1_a_mail_that_cannot_be_stored_is_not_acknowledged(
    world: World, door: MailDoor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise OperationalError("INSERT", {}, Exception("disk full"))

    with monkeypatch.context() as patched:
        patched.setattr(arrivals, "ingest_mail", away)
        with caller(door) as client:
            client.ehlo_or_helo_if_needed()
            client.mail(ANA)
            client.rcpt(SALES)
            assert client.data(letter().encode())[0] == 451
    with caller(door) as client:  # its server comes again
        client.sendmail(ANA, [SALES], letter().encode())
    assert len(rows(world)) == 1


def test_what_a_machine_sends_keeps_its_empty_sender(world: World, door: MailDoor) -> None:
    with caller(door) as client:
        client.sendmail("", [SALES], letter("Estou de férias.").encode())
    world.drain()
    assert world.messages() == []  # an automatic answer to nothing is held
    assert rows(world)[0].reason == "automatic_answer_to_nothing"
