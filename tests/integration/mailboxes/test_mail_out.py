"""An answer as it leaves from a mailbox, over a real SMTP conversation."""

import sys
from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import Any
from uuid import uuid4

import pytest

from helpdesk.bootstrap import build_adapters, build_mail
from helpdesk.inbox.blobs import name_blob
from helpdesk.inbox.model import Attachment
from helpdesk.inbox.service import ingest_mail, read_one
from helpdesk.services import Services
from tests.conftest import TestClock
from tests.integration.inbox.world import World
from tests.integration.mailboxes.office import SALES, health_of, open_mailbox
from tests.integration.tickets.desk import hire
from tests.servers.smtp_sink import SmtpSink

LETTER = (
    b"From: Ana Souza <ana@cliente.example>\r\nTo: vendas@sabia.example\r\nSubject: Conta\r\n"
    b"Message-ID: <1@cliente.example>\r\n\r\nFui cobrada duas vezes.\r\n"
)


@pytest.fixture
def world(make_services: Callable[..., Services], sqlite_url: str) -> World:
    made = make_services(sqlite_url)
    settings = replace(made.settings, mail_address="suporte@sabia.example")
    mail = build_mail(settings, made.clock, made.db)
    services = replace(
        made, settings=settings, mail=mail, adapters=build_adapters(settings, made.clock, mail)
    )
    return World(services, {}, hire(services, "Bruna"))


def answered(world: World, sink: SmtpSink, **mailbox: object) -> None:
    """Have a mail come in through a mailbox and answer it."""
    server: dict[str, Any] = {
        "smtp_host": sink.host,
        "smtp_port": sink.port,
        "smtp_security": "none",
    }
    open_mailbox(world.services, world.agent, **(server | mailbox))
    row_id, _ = ingest_mail(world.services, LETTER, key="1:1", source=f"email:{SALES}")
    read_one(world.services, row_id)
    world.replies(world.ticket_of(row_id).id, "Devolvemos hoje.\n\nAbraço")


def test_an_answer_has_both_faces_the_signature_and_the_right_headers(
    world: World, sink: SmtpSink
) -> None:
    answered(world, sink, signature_text="{agent}\nVendas", signature_html="<b>{agent}</b>")
    world.drain()
    (taken,) = sink.messages
    mail = taken.read()
    assert taken.sender == SALES
    assert str(mail["From"]) == "Vendas da Sabiá <vendas@sabia.example>"
    assert str(mail["Reply-To"].addresses[0].addr_spec).startswith("vendas+r.")
    assert mail["In-Reply-To"] == "<1@cliente.example>"
    assert mail["Date"].datetime == world.services.clock()
    assert mail["Message-ID"].endswith("@guiche.sabia.example>")
    assert mail["Auto-Submitted"] is None  # a person wrote it
    assert [name for name in mail.keys() if name.lower().startswith("list-")] == []  # noqa: SIM118
    assert mail.get_content_type() == "multipart/alternative"
    plain, page = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain is not None
    assert page is not None
    lines = plain.get_content().splitlines()
    assert lines == ["Devolvemos hoje.", "", "Abraço", "", "-- ", "Bruna", "Vendas"]
    assert "<p>Devolvemos hoje.</p>" in page.get_content()
    assert "<b>Bruna</b>" in page.get_content()


def test_files_leave_with_the_answer_pictures_inside_it(world: World, sink: SmtpSink) -> None:
    answered(world, sink)
    (message,) = [one for one in world.messages() if one.direction == "out"]
    with world.services.begin() as tx:
        for name, kind, cid in (("a.pdf", "application/pdf", ""), ("b.png", "image/png", "b@x")):
            digest = world.services.blobs.keep(name.encode())
            name_blob(tx, digest, size=len(name), media_type=kind)
            tx.session.add(
                Attachment(
                    id=uuid4(), message_id=message.id, blob=digest, name=name, media_type=kind,
                    size=len(name), content_id=cid,
                )
            )  # fmt: skip
    world.drain()
    mail = sink.messages[0].read()
    assert [one.get_filename() for one in mail.iter_attachments()] == ["a.pdf"]
    (picture,) = [one for one in mail.walk() if one.get_content_type() == "image/png"]
    assert picture["Content-ID"] == "<b@x>"
    assert picture.get_content_disposition() == "inline"


def test_a_file_that_cannot_be_read_keeps_the_answer_waiting(world: World, sink: SmtpSink) -> None:
    answered(world, sink)
    (message,) = [one for one in world.messages() if one.direction == "out"]
    with world.services.begin() as tx:
        name_blob(tx, "0" * 64, size=1, media_type="text/plain")
        tx.session.add(
            Attachment(
                id=uuid4(), message_id=message.id, blob="0" * 64, name="x", media_type="text/plain",
                size=1, content_id="",
            )
        )  # fmt: skip
    world.drain()
    row = world.outbound(message.id)
    assert (row.state, sink.messages) == ("queued", [])
    assert row.last_error == "a file of this message cannot be read"


DKIM = {"dkim_domain": "sabia.example", "dkim_selector": "s1", "dkim_key": "-----BEGIN KEY-----"}


def test_a_mail_that_cannot_be_signed_waits_and_the_admin_is_told(
    world: World, sink: SmtpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "dkim", None)  # as where the extra is not installed
    answered(world, sink, **DKIM)
    world.drain()
    assert sink.messages == []
    health = health_of(world.services)
    assert health is not None
    assert health.send_fault == "signing"
    assert "dkimpy" in health.send_detail


def test_a_mailbox_signs_what_it_sends(
    world: World, sink: SmtpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, object] = {}

    def made(raw: bytes, **facts: object) -> bytes:
        asked.update(facts)
        return b"DKIM-Signature: v=1; d=sabia.example; b=abc\r\n"

    library = ModuleType("dkim")
    library.__dict__["sign"] = made
    monkeypatch.setitem(sys.modules, "dkim", library)
    answered(world, sink, **DKIM)
    world.drain()
    assert sink.messages[0].raw.startswith(b"DKIM-Signature: v=1;")
    assert (asked["domain"], asked["selector"]) == (b"sabia.example", b"s1")
    assert asked["privkey"] == DKIM["dkim_key"].encode()


def test_a_mailbox_whose_server_is_away_says_so_until_it_is_back(
    world: World, sink: SmtpSink, clock: TestClock
) -> None:
    sink.hang_up = True
    answered(world, sink)
    world.drain()
    health = health_of(world.services)
    assert health is not None
    assert health.send_fault == "hung_up"
    sink.hang_up = False
    clock.forward(minutes=2)
    from helpdesk.outbox.sending import send_due

    send_due(world.services)
    assert len(sink.messages) == 1
    health = health_of(world.services)
    assert health is not None
    assert (health.send_fault, health.sent_at) == ("", clock())
