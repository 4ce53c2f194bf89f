"""A real mailbox server and a settable mail server."""

from collections.abc import Iterator

import pytest

from channels.email.client import ImapMailbox, MailboxSettings
from tests.servers.dovecot import Dovecot, missing_dovecot, running_dovecot
from tests.servers.smtp_sink import SmtpSink, running_smtp_sink


@pytest.fixture(scope="package")
def _server() -> Iterator[Dovecot]:
    if reason := missing_dovecot():
        pytest.skip(reason)
    with running_dovecot() as server:
        yield server


@pytest.fixture
def dovecot(_server: Dovecot, request: pytest.FixtureRequest) -> Dovecot:
    """The server with an empty mailbox of this test's own."""
    return _server.for_user(f"u{abs(hash(request.node.nodeid)):x}")


@pytest.fixture
def mailbox(dovecot: Dovecot) -> Iterator[ImapMailbox]:
    with ImapMailbox(mailbox_settings(dovecot)) as box:
        yield box


@pytest.fixture
def sink() -> Iterator[SmtpSink]:
    with running_smtp_sink() as server:
        yield server


def mailbox_settings(server: Dovecot) -> MailboxSettings:
    return MailboxSettings(
        server.host, server.user, server.password, port=server.port, tls="none", timeout=10
    )
