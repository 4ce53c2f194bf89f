"""A mail in, an answer out, her reply in again: through real servers on both sides."""

from datetime import UTC, datetime

import pytest

from channels.email.adapter import IMAP_KEY_HEADER, EmailAdapter
from channels.email.addresses import with_reply_token
from channels.email.client import Cursor, ImapMailbox
from channels.email.rules import MailRules
from channels.email.smtp import SmtpClient, SmtpSettings
from channels.port import Delivery, Inbound, Outbound, Party
from tests.servers.dovecot import Dovecot
from tests.servers.smtp_sink import SmtpSink

pytestmark = pytest.mark.imap

QUESTION = """\
From: Ana Souza <ana@cliente.example>
To: suporte@sabia.example
Subject: Cobrada duas vezes
Message-ID: <1@cliente.example>
Content-Type: text/plain; charset=utf-8

Fui cobrada duas vezes em novembro, não?
""".replace("\n", "\r\n").encode()


def test_a_conversation_by_mail_keeps_its_thread(
    dovecot: Dovecot, mailbox: ImapMailbox, sink: SmtpSink
) -> None:
    adapter = EmailAdapter(
        MailRules(message_id_domains=frozenset({"guiche.sabia.example"}), instance="sabia-1"),
        SmtpClient(SmtpSettings(sink.host, sink.port, tls="none", timeout=10)),
        clock=lambda: datetime(2026, 11, 17, 12, tzinfo=UTC),
    )

    def receive(cursor: Cursor) -> tuple[Cursor, Inbound]:
        (found,) = mailbox.new_messages(cursor)
        delivery = Delivery(found.raw, {IMAP_KEY_HEADER: found.key})
        assert adapter.receive(delivery) == found.key
        (message,) = adapter.parse(delivery)
        assert isinstance(message, Inbound)
        return Cursor(found.uidvalidity, found.uid), message

    dovecot.deliver(QUESTION)
    cursor, question = receive(Cursor())
    answer = Outbound(
        key="0190",
        channel="email",
        to=question.sender,
        sender="suporte@sabia.example",
        sender_name="Sabiá",
        subject=f"Re: {question.subject}",
        text="Devolvemos R$ 129,90.",
        message_id="0190@guiche.sabia.example",
        in_reply_to=question.message_id,
        references=(question.message_id,),
        reply_to=with_reply_token("suporte@sabia.example", "q7x2m4k9v1c8b3n6"),
    )
    assert adapter.send(answer) == answer.message_id
    sent = sink.messages[0].read()
    assert sent["In-Reply-To"] == "<1@cliente.example>"

    text = "Obrigada!\n\nEm ter., 17 de nov. de 2026 às 09:40, Sabiá escreveu:\n> Devolvemos.\n"
    dovecot.deliver(
        f"From: ana@cliente.example\r\nTo: {sent['Reply-To']}\r\nSubject: Re: x\r\n"
        f"In-Reply-To: {sent['Message-ID']}\r\nMessage-ID: <2@cliente.example>\r\n"
        f"Content-Type: text/plain; charset=utf-8\r\n\r\n{text}".encode()
    )
    _, reply = receive(cursor)
    assert reply.reply_text == "Obrigada!"
    assert reply.references == ("0190@guiche.sabia.example",)
    assert reply.reply_tokens == ("q7x2m4k9v1c8b3n6",)
    assert reply.auto is None

    # Our own mail, should it come back to us, starts no conversation with ourselves.
    dovecot.deliver(sink.messages[0].raw)
    *_, returned = mailbox.new_messages(cursor)
    (own,) = adapter.parse(Delivery(returned.raw))
    assert isinstance(own, Inbound)
    assert own.auto == "own"


def test_the_second_try_of_a_mail_carries_the_same_id(sink: SmtpSink) -> None:
    adapter = EmailAdapter(
        MailRules(),
        SmtpClient(SmtpSettings(sink.host, sink.port, tls="none", timeout=10)),
        clock=lambda: datetime(2026, 11, 17, 12, tzinfo=UTC),
    )
    message = Outbound(
        key="0191",
        channel="email",
        to=Party("email", "ana@cliente.example"),
        sender="suporte@sabia.example",
        text="x",
        message_id="0191@guiche.sabia.example",
    )
    adapter.send(message)
    adapter.send(message)
    assert {taken.read()["Message-ID"] for taken in sink.messages} == {
        "<0191@guiche.sabia.example>"
    }
