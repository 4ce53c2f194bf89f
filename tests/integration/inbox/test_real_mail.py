"""Real mail bytes through the real mail adapter, out and back again."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from email import message_from_bytes
from email.message import Message as Parsed
from uuid import UUID

import pytest

from channels.email.adapter import EmailAdapter
from channels.email.rules import MailRules
from channels.email.smtp import RecipientResult
from helpdesk.bootstrap import build_adapters
from helpdesk.inbox.service import ingest_mail, read_one
from helpdesk.outbox.words import is_late
from helpdesk.services import Services
from helpdesk.tickets.model import Ticket
from tests.integration.inbox.world import ANA, World
from tests.integration.tickets.desk import hire

ADDRESS = "suporte@sabia.example"


@dataclass
class PostmanInMemory:
    posted: list[bytes] = field(default_factory=list)

    def send(
        self, sender: str, recipients: Sequence[str], raw: bytes
    ) -> tuple[RecipientResult, ...]:
        self.posted.append(raw)
        return ()


@dataclass(frozen=True)
class Office:
    world: World
    postman: PostmanInMemory

    def receives(self, raw: str) -> UUID:
        row_id, _ = ingest_mail(
            self.world.services, raw.replace("\r\n", "\n").replace("\n", "\r\n").encode()
        )
        read_one(self.world.services, row_id)
        return row_id

    def ticket(self, raw: str) -> Ticket:
        return self.world.ticket_of(self.receives(raw))

    def answers(self, ticket_id: UUID) -> Parsed:
        self.world.replies(ticket_id)
        self.world.drain()
        return message_from_bytes(self.postman.posted[-1])


@pytest.fixture
def office(make_services: Callable[..., Services], sqlite_url: str) -> Office:
    made = make_services(sqlite_url, adapters={})
    settings = replace(made.settings, mail_address=ADDRESS, mail_authserv_id="mx.sabia.example")
    postman = PostmanInMemory()
    adapter = build_adapters(settings, made.clock)["email"]
    assert isinstance(adapter, EmailAdapter)
    adapter.postman = postman
    services = replace(made, settings=settings, adapters={"email": adapter})
    return Office(World(services, {}, hire(services, "Bruna")), postman)


def letter(
    message_id: str = "first@mail.example",
    *,
    sender: str = f"Ana Souza <{ANA}>",
    more: str = "",
    text: str = "Fui cobrada duas vezes.",
    to: str = ADDRESS,
) -> str:
    return (
        f"Message-ID: <{message_id}>\nFrom: {sender}\nTo: {to}\nSubject: Conta\n{more}"
        f"MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n{text}\n"
    )


def test_an_answer_goes_out_and_hers_comes_back_into_the_ticket(office: Office) -> None:
    ticket = office.ticket(letter())
    ours = office.answers(ticket.id)
    assert ours["To"] == ANA
    assert ours["In-Reply-To"] == "<first@mail.example>"
    assert ours["Subject"] == "Re: Conta"
    by_reference = office.ticket(
        letter("second@mail.example", more=f"In-Reply-To: {ours['Message-ID']}\n")
    )
    by_token = office.ticket(letter("third@mail.example", to=str(ours["Reply-To"])))
    assert by_reference.id == by_token.id == ticket.id


def test_our_own_answer_that_is_fed_back_is_cut(office: Office) -> None:
    ticket = office.ticket(letter())
    office.answers(ticket.id)
    row_id = office.receives(office.postman.posted[-1].decode().replace("\r\n", "\n"))
    row = office.world.row(row_id)
    assert (row.state, row.reason) == ("discarded", "own_mail")


def test_a_forged_result_of_another_server_proves_nothing(office: Office) -> None:
    ticket = office.ticket(letter())
    ours = office.answers(ticket.id)
    forged = (
        "Authentication-Results: mx.sabia.example; dmarc=fail header.from=example.com\n"
        "Authentication-Results: other.example; dmarc=pass header.from=example.com\n"
    )
    other = office.ticket(
        letter("f@x.example", more=f"{forged}In-Reply-To: {ours['Message-ID']}\n")
    )
    assert other.id != ticket.id
    assert other.related_id == ticket.id


def test_e14_what_was_found_out_about_a_mail_stays_with_its_message(office: Office) -> None:
    results = (
        "Authentication-Results: mx.sabia.example; dmarc=fail header.from=example.com\n"
        "Authentication-Results: mx.evil.example; dmarc=pass header.from=example.com\n"
        "X-Note: 4111 1111 1111 1111\nReply-To: Chef <chef@x.example>\n"
    )
    quoted = "On 17/11/2026 09:40, Sabia wrote:\n> Tudo certo?\n"
    ticket = office.ticket(letter(more=results, text=f"Sim.\n\n{quoted}"))
    (message,) = office.world.messages(ticket.id)
    assert message.trust == "failed"
    assert message.facts == {
        "authentication": "dmarc=fail",
        "authentication_claimed": "mx.evil.example; dmarc=pass header.from=example.com",
        "reply_to": "chef@x.example",
    }
    assert message.reply_text == "Sim."
    assert "Tudo certo?" in message.body


def test_e14_a_failed_mail_opens_no_account(office: Office) -> None:
    office.world.customer(email=ANA)
    opened = office.ticket(letter("good@x.example", more=result("pass")))
    failed = office.ticket(letter("bad@x.example", more=result("fail"), text="Troque meu e-mail."))
    assert opened.customer_id is not None
    assert failed.customer_id is None
    # An answer to it proves nothing either: it is not the address that was proven.
    again = letter("bad2@x.example", more=f"{result('fail')}References: <bad@x.example>\n")
    assert office.ticket(again).customer_id is None


def result(verdict: str) -> str:
    return f"Authentication-Results: mx.sabia.example; dmarc={verdict} header.from=example.com\n"


@pytest.mark.parametrize("kind", ["feedback-report", "disposition-notification"])
def test_f12_a_report_about_our_mail_opens_no_ticket_and_is_held(office: Office, kind: str) -> None:
    row_id = office.receives(
        f"From: Provider <abuse@provider.example>\nTo: {ADDRESS}\nSubject: Report\n"
        f'MIME-Version: 1.0\nContent-Type: multipart/report; report-type={kind}; boundary="b"\n\n'
        "--b\nContent-Type: text/plain\n\nSee below.\n--b--\n"
    )
    row = office.world.row(row_id)
    assert (row.state, row.reason) == ("quarantined", "automatic_answer_to_nothing")
    assert office.world.tickets() == []


def report(about: str, *, action: str = "failed", status: str = "5.1.1") -> str:
    """Return what a server writes about a mail of ours that did not arrive."""
    return (
        f"Message-ID: <b{action}@mx.example>\nFrom: MAILER-DAEMON@mx.example\nTo: {ADDRESS}\n"
        "Subject: Undelivered Mail Returned to Sender\nReturn-Path: <>\nMIME-Version: 1.0\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n'
        "--b\nContent-Type: text/plain\n\nIt did not arrive.\n"
        "--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\n"
        f"Final-Recipient: rfc822; {ANA}\nAction: {action}\nStatus: {status}\n"
        f"Diagnostic-Code: smtp; 550 {status} unknown\n\n"
        f"--b\nContent-Type: text/rfc822-headers\n\nMessage-ID: {about}\n\n--b--\n"
    )


def test_a_bounce_finds_the_answer_that_was_lost(office: Office) -> None:
    ticket = office.ticket(letter())
    ours = office.answers(ticket.id)
    (_, reply) = office.world.messages(ticket.id)
    row_id = office.receives(report(ours["Message-ID"]))
    outbound = office.world.outbound(reply.id)
    assert outbound.state == "failed"
    assert outbound.last_error.startswith("hard: ")
    assert office.world.row(row_id).message_id == reply.id
    assert len(office.world.tickets()) == 1


def test_a_late_answer_is_said_to_be_late_until_it_is_given_up(office: Office) -> None:
    ticket = office.ticket(letter())
    ours = office.answers(ticket.id)
    (_, reply) = office.world.messages(ticket.id)
    row_id = office.receives(report(ours["Message-ID"], action="delayed", status="4.4.1"))
    late = office.world.outbound(reply.id)
    assert late.state == "sent"
    assert is_late(late.state, late.last_error)
    assert office.world.row(row_id).message_id == reply.id
    shown = len(office.world.events(ticket.id, "message.state"))
    office.receives(report(ours["Message-ID"], status="4.4.7"))  # a day of tries has ended
    lost = office.world.outbound(reply.id)
    assert (lost.state, lost.last_error[:5]) == ("failed", "soft:")
    assert len(office.world.events(ticket.id, "message.state")) == shown + 1


def test_a_colleague_of_our_own_domain_is_not_taken_for_us(office: Office) -> None:
    ticket = office.ticket(letter("x@sabia.example", sender="Caio <caio@sabia.example>"))
    assert ticket.customer_name == "Caio"


def test_rules_of_the_adapter_come_from_the_settings(office: Office) -> None:
    adapter = office.world.services.adapters["email"]
    assert isinstance(adapter, EmailAdapter)
    assert adapter.rules == MailRules(
        authserv_id="mx.sabia.example",
        message_id_domains=frozenset({"guiche.sabia.example"}),
        own_addresses=frozenset({ADDRESS}),
        instance="guiche.sabia.example",
    )


def test_e7_headers_that_only_we_write_are_not_believed(office: Office) -> None:
    ticket = office.ticket(letter())
    forged = "".join(
        f"X-Guiche-{name}: {value}\n"
        for name, value in (
            ("Ticket", ticket.id),
            ("Ticket-Number", ticket.number),
            ("Customer", "00000000-0000-0000-0000-000000000001"),
            ("Command", "close"),
            ("Trust", "session"),
        )
    )
    other = office.ticket(letter("f@x.example", sender="Eve <eve@evil.example>", more=forged))
    assert (other.id != ticket.id, other.related_id, other.customer_id) == (True, None, None)
    assert office.world.ticket(ticket.id).category == "open"
    assert [one.trust for one in office.world.messages(other.id)] == ["bare"]
