"""The mail channel under the contract, with a real SMTP conversation on loopback."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime

from channels.email.adapter import IMAP_KEY_HEADER, EmailAdapter
from channels.email.rules import MailRules
from channels.email.smtp import SmtpClient, SmtpSettings
from channels.port import Adapter, Delivery, Outbound, Party, Refused, Uncertain, Unreachable
from tests.contract.adapters.case import AdapterCase
from tests.servers.smtp_sink import SmtpSink, running_smtp_sink

_RULES = MailRules(
    authserv_id="mx.sabia.example",
    message_id_domains=frozenset({"guiche.sabia.example"}),
    own_addresses=frozenset({"suporte@sabia.example"}),
    instance="contract",
)
_MAIL = b"""\
From: Ana Souza <ana@cliente.example>\r
To: suporte@sabia.example\r
Subject: Cobrada duas vezes\r
Date: Tue, 17 Nov 2026 09:00:00 -0300\r
Message-ID: <1@cliente.example>\r
\r
Fui cobrada duas vezes em novembro.\r
"""


def _adapter(port: int = 1) -> EmailAdapter:
    settings = SmtpSettings("127.0.0.1", port, tls="none", timeout=5)
    return EmailAdapter(
        _RULES, SmtpClient(settings), clock=lambda: datetime(2026, 11, 17, 12, tzinfo=UTC)
    )


@contextmanager
def _nobody_listens() -> Iterator[Adapter]:
    with running_smtp_sink() as sink:
        adapter = _adapter(sink.port)
    yield adapter


def _sending(set_up: Callable[[SmtpSink], object]) -> Callable[[], AbstractContextManager[Adapter]]:
    @contextmanager
    def give() -> Iterator[Adapter]:
        with running_smtp_sink() as sink:
            set_up(sink)
            yield _adapter(sink.port)

    return give


def _set(**values: object) -> Callable[[SmtpSink], None]:
    def change(sink: SmtpSink) -> None:
        for name, value in values.items():
            setattr(sink, name, value)

    return change


CASES = [
    AdapterCase(
        name="email-file",
        make=_adapter,
        genuine=Delivery(_MAIL),
        repeated=Delivery(_MAIL.replace(b"\r\n", b"\n")),
        another=Delivery(_MAIL.replace(b"novembro", b"outubro")),
        garbage=(
            Delivery(b""),
            Delivery(b"\r\n\r\n"),
            Delivery(b"Subject: from nobody\r\n\r\nhello\r\n"),
            Delivery(b"\xff\xfe\x00" * 100),
        ),
    ),
    AdapterCase(
        name="email-mailbox",
        make=_adapter,
        genuine=Delivery(_MAIL, {IMAP_KEY_HEADER: "7:41"}),
        repeated=Delivery(_MAIL, {IMAP_KEY_HEADER: "7:41"}),
        another=Delivery(_MAIL, {IMAP_KEY_HEADER: "7:42"}),
        garbage=(Delivery(_MAIL, {IMAP_KEY_HEADER: "7:41; DROP"}),),
        outgoing=Outbound(
            key="0190",
            channel="email",
            to=Party("email", "ana@cliente.example", "Ana Souza"),
            sender="suporte@sabia.example",
            subject="Re: Cobrada duas vezes",
            text="Já devolvemos.",
            message_id="0190@guiche.sabia.example",
        ),
        sending=_sending(_set()),
        failures={
            "recipient-refused": (
                _sending(_set(refuse={"ana@cliente.example": "550 5.1.1 no such user"})),
                Refused,
            ),
            "content-refused": (_sending(_set(answer_data="554 5.7.1 spam")), Refused),
            "greylisted": (
                _sending(_set(refuse={"ana@cliente.example": "451 4.7.1 later"})),
                Unreachable,
            ),
            "disk-full": (_sending(_set(answer_data="452 4.3.1 full")), Unreachable),
            "hung-up-before-the-content": (_sending(_set(hang_up=True)), Unreachable),
            "nobody-listens": (_nobody_listens, Unreachable),
            "hung-up-after-the-content": (_sending(_set(drop_after_data=True)), Uncertain),
        },
    ),
]
