"""A server that cannot prove who it is gets no password, no token and no letter."""

import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from channels.email.client import ImapMailbox, MailboxSettings, MailboxUnreachable, Tls
from channels.email.smtp import SmtpClient, SmtpSettings
from channels.port import ChannelError, Unreachable
from tests.servers.certificates import Issuer, self_signed
from tests.servers.tls_server import Answer, TlsServer, running_tls_server

HOST, ELSEWHERE = "localhost", "mail.elsewhere.example"
USER, PASSWORD, TOKEN = "suporte", "correct-horse", "access-1"
ANA, SUPPORT = "ana@cliente.example", "suporte@sabia.example"
MAIL = b"Subject: oi\r\n\r\nOi.\r\n"

SMTP_HELLO = b"220 mail.example ESMTP\r\n"
IMAP_HELLO = b"* OK [CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN] mail.example\r\n"


def smtp_server() -> Answer:
    """Return what answers as a server does that takes everything."""
    inside = False

    def answer(said: bytes) -> bytes:
        nonlocal inside
        if inside:
            inside = said != b"."
            return b"" if inside else b"250 2.0.0 taken\r\n"
        inside = said.upper() == b"DATA"
        replies = {
            b"EHLO": b"250-mail.example\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n",
            b"STAR": b"220 2.0.0 begin\r\n",
            b"AUTH": b"235 2.7.0 come in\r\n",
            b"DATA": b"354 go on\r\n",
        }
        return replies.get(said[:4].upper(), b"250 2.0.0 yes\r\n")

    return answer


def imap_server() -> Answer:
    def answer(said: bytes) -> bytes:
        tag, _, command = said.partition(b" ")
        extra = {
            b"CAPA": b"* CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN\r\n",
            b"LOGO": b"* BYE\r\n",
        }
        return extra.get(command[:4].upper(), b"") + tag + b" OK done\r\n"

    return answer


@dataclass
class Tokens:
    """Gives the same token to everybody, and counts."""

    given: int = 0

    def __call__(self, *, fresh: bool = False) -> str:
        self.given += 1
        return TOKEN


@pytest.fixture
def issuer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Issuer:
    """Somebody whom this machine trusts."""
    issuer = Issuer()
    trusted = tmp_path / "trusted.pem"
    trusted.write_text(issuer.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    return issuer


@dataclass(frozen=True)
class Bad:
    """A certificate, and what is wrong with it (verify(1) of OpenSSL has the numbers)."""

    path: Path
    wrong: int


Make = Callable[[Issuer, Path], Path]
BAD: dict[str, tuple[int, Make]] = {
    "self_signed": (18, lambda issuer, folder: self_signed(folder)),
    "of_an_issuer_nobody_knows": (20, lambda issuer, folder: Issuer().certify(folder, HOST)),
    "expired": (10, lambda issuer, folder: issuer.certify(folder, HOST, days=-1)),
    "of_another_host": (62, lambda issuer, folder: issuer.certify(folder, ELSEWHERE)),
}


@pytest.fixture(params=sorted(BAD))
def bad(request: pytest.FixtureRequest, issuer: Issuer, tmp_path: Path) -> Bad:
    wrong, make = BAD[request.param]
    return Bad(make(issuer, tmp_path), wrong)


@pytest.fixture
def good(issuer: Issuer, tmp_path: Path) -> Path:
    return issuer.certify(tmp_path, HOST)


@pytest.fixture(params=["implicit", "starttls"])
def tls(request: pytest.FixtureRequest) -> Tls:
    kind: Tls = request.param
    return kind


Serve = Callable[[Path], TlsServer]


@pytest.fixture
def smtp(tls: Tls) -> Iterator[Serve]:
    """Return a function that starts a mail server with a certificate."""
    with ExitStack() as running:
        yield lambda certificate: running.enter_context(
            running_tls_server(TlsServer(certificate, tls, SMTP_HELLO, smtp_server()))
        )


@pytest.fixture
def imap(tls: Tls) -> Iterator[Serve]:
    """Return a function that starts a mailbox server with a certificate."""
    with ExitStack() as running:
        yield lambda certificate: running.enter_context(
            running_tls_server(TlsServer(certificate, tls, IMAP_HELLO, imap_server()))
        )


def sender(server: TlsServer, tokens: Tokens | None = None) -> SmtpClient:
    return SmtpClient(
        SmtpSettings(
            HOST, server.port, USER, PASSWORD,
            tls=server.tls, timeout=10, local_name="guiche.example", tokens=tokens,
        )
    )  # fmt: skip


def reader(server: TlsServer, tokens: Tokens | None = None) -> ImapMailbox:
    return ImapMailbox(
        MailboxSettings(
            HOST, USER, PASSWORD, port=server.port, tls=server.tls, timeout=10, tokens=tokens
        )
    )


def reason(fault: ChannelError) -> tuple[str, int]:
    """Return our code, and the library's number for what is wrong with the certificate."""
    cause = fault.__cause__
    assert isinstance(cause, ssl.SSLCertVerificationError)
    return fault.code, cause.verify_code


def nothing_was_told(server: TlsServer, *, in_the_clear: list[bytes]) -> bool:
    """Whether the only connection ended at the certificate, with nothing said from there on.

    `in_the_clear` are the commands by which a client asks for TLS, without tags and names.
    """
    call = server.only_call()
    words = [word for word in call.before.upper().split() if word.isalpha()]
    assert not call.safe
    assert "ALERT" in call.fault.upper()  # it was the client who did not want to
    return call.after == b"" and words == (in_the_clear if server.tls == "starttls" else [])


def test_a_letter_is_certainly_not_sent_to_who_cannot_prove_a_name(smtp: Serve, bad: Bad) -> None:
    server = smtp(bad.path)
    with pytest.raises(Unreachable) as fault:
        sender(server).send(SUPPORT, [ANA], MAIL)
    assert reason(fault.value) == ("certificate", bad.wrong)
    assert nothing_was_told(server, in_the_clear=[b"EHLO", b"STARTTLS"])


def test_a_test_of_sending_names_the_certificate(smtp: Serve, bad: Bad) -> None:
    server = smtp(bad.path)
    with pytest.raises(Unreachable) as fault:
        sender(server).probe(SUPPORT, ANA)
    assert reason(fault.value) == ("certificate", bad.wrong)
    assert nothing_was_told(server, in_the_clear=[b"EHLO", b"STARTTLS"])


def test_reading_names_the_certificate_and_shows_no_password(imap: Serve, bad: Bad) -> None:
    server = imap(bad.path)
    with pytest.raises(MailboxUnreachable) as fault:
        reader(server).connect()
    assert reason(fault.value) == ("certificate", bad.wrong)
    assert nothing_was_told(server, in_the_clear=[b"CAPABILITY", b"STARTTLS"])


def test_no_token_is_even_asked_for(smtp: Serve, imap: Serve, bad: Bad) -> None:
    tokens = Tokens()
    with pytest.raises(Unreachable):
        sender(smtp(bad.path), tokens).send(SUPPORT, [ANA], MAIL)
    with pytest.raises(MailboxUnreachable):
        reader(imap(bad.path), tokens).connect()
    assert tokens.given == 0


def test_a_letter_goes_to_who_proves_the_name(smtp: Serve, good: Path) -> None:
    server = smtp(good)
    (result,) = sender(server).send(SUPPORT, [ANA], MAIL)
    assert result.accepted
    call = server.only_call()
    assert call.safe
    assert b"AUTH PLAIN" in call.after
    assert MAIL in call.after
    assert b"AUTH" not in call.before


def test_a_mailbox_is_entered_at_who_proves_the_name(imap: Serve, good: Path) -> None:
    server = imap(good)
    with reader(server):
        pass
    call = server.only_call()
    assert call.safe
    assert PASSWORD.encode() in call.after
    assert PASSWORD.encode() not in call.before
