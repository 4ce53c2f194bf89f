"""Mailboxes that are entered by a token, against a real Dovecot that asks who gave it."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest

from channels.email.client import Cursor, ImapMailbox, LoginRefused, MailboxSettings
from channels.email.faults import TokenRefused
from channels.email.oauth import OauthSettings, TokenSource, token_url
from channels.email.smtp import SmtpClient, SmtpSettings
from channels.port import Unreachable
from tests.servers.dovecot import Dovecot, missing_dovecot, running_dovecot
from tests.servers.smtp_sink import running_smtp_sink
from tests.servers.token_service import TokenService, running_token_service

MAIL = b"From: ana@cliente.example\r\nSubject: oi\r\n\r\nOl\xc3\xa1\r\n"


class Clock:
    def __init__(self) -> None:
        self.at = datetime(2026, 11, 17, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
def sign_in() -> Iterator[TokenService]:
    with running_token_service() as service:
        yield service


@pytest.fixture(params=["oauthbearer", "xoauth2"])
def server(request: pytest.FixtureRequest, sign_in: TokenService) -> Iterator[Dovecot]:
    if reason := missing_dovecot():
        pytest.skip(reason)
    with ExitStack() as stack:
        yield stack.enter_context(
            running_dovecot(introspection_url=sign_in.introspection_url, mechanism=request.param)
        )


def tokens(service: TokenService, clock: Clock | None = None, **changes: str) -> TokenSource:
    facts = {
        "kind": "oauth_microsoft", "client_id": "guiche", "client_secret": "hush",
        "refresh_token": "refresh-1", "token_url": service.token_url,
    } | changes  # fmt: skip
    return TokenSource(OauthSettings(**facts), clock=clock or Clock())


def entry(server: Dovecot, source: TokenSource) -> MailboxSettings:
    return MailboxSettings(
        server.host, "suporte", "", port=server.port, tls="none", timeout=10, tokens=source
    )


@pytest.mark.imap
def test_a_token_opens_the_mailbox_by_either_mechanism(
    server: Dovecot, sign_in: TokenService
) -> None:
    server.deliver(MAIL)
    with ImapMailbox(entry(server, tokens(sign_in))) as box:
        assert [one.raw for one in box.new_messages(Cursor())] == [MAIL]


@pytest.mark.imap
def test_a_token_that_was_called_back_is_replaced_at_once(
    server: Dovecot, sign_in: TokenService
) -> None:
    source = tokens(sign_in)
    source()
    sign_in.alive.clear()
    with ImapMailbox(entry(server, source)) as box:
        assert box.count() == 0
    assert len(sign_in.asked) == 2


@pytest.mark.imap
def test_a_server_that_refuses_every_token_is_a_refused_login(
    server: Dovecot, sign_in: TokenService
) -> None:
    sign_in.user = "somebody-else"
    with pytest.raises(LoginRefused) as refused:
        ImapMailbox(entry(server, tokens(sign_in))).connect()
    assert refused.value.code == "login"


def test_a_token_is_kept_until_shortly_before_it_ends(sign_in: TokenService) -> None:
    clock = Clock()
    source = tokens(sign_in, clock)
    assert source() == source() == "access-1"
    clock.at += timedelta(seconds=3600 - 59)
    assert source() == "access-2"


def test_a_new_refresh_token_replaces_the_old_one_and_is_told(sign_in: TokenService) -> None:
    told: list[str] = []
    sign_in.renew_to = "refresh-2"
    asked = OauthSettings("oauth_google", "guiche", "hush", "refresh-1", sign_in.token_url)
    source = TokenSource(asked, clock=Clock(), renewed=told.append)
    source()
    sign_in.renew_to = ""
    assert source(fresh=True) == "access-2"
    assert told == ["refresh-2"]
    assert [one["refresh_token"] for one in sign_in.asked] == ["refresh-1", "refresh-2"]
    assert source.serves(asked)
    assert source.serves(
        OauthSettings("oauth_google", "guiche", "hush", "refresh-2", asked.token_url)
    )
    assert not source.serves(
        OauthSettings("oauth_google", "guiche", "hush", "other", asked.token_url)
    )


def test_a_refusal_names_its_code_and_nothing_else(sign_in: TokenService) -> None:
    with pytest.raises(TokenRefused) as refused:
        tokens(sign_in, refresh_token="stolen")()
    assert str(refused.value) == "the sign-in service said no: invalid_grant"
    assert refused.value.code == "token"


@pytest.mark.parametrize(
    "url",
    ["http://tokens.example/t", "ftp://127.0.0.1/t", "https:///t", "file:///etc/passwd"],
)
def test_secrets_are_sent_over_https_only(url: str) -> None:
    asked = OauthSettings("oauth_google", "guiche", "hush", "refresh-1", url)
    with pytest.raises(TokenRefused):
        token_url(asked)


def test_a_service_that_is_not_there_is_said_to_be(sign_in: TokenService) -> None:
    source = tokens(sign_in, token_url="http://127.0.0.1:1/token")
    with pytest.raises(TokenRefused, match="refused"):
        source()


def test_a_token_opens_the_sending_server(sign_in: TokenService) -> None:
    source = tokens(sign_in)
    with running_smtp_sink() as sink:
        settings = SmtpSettings(sink.host, sink.port, "suporte", tls="none", tokens=source)
        sink.tokens = {"access-2"}  # the first one is refused, and replaced
        SmtpClient(settings).send("suporte@sabia.example", ["ana@cliente.example"], MAIL)
        assert len(sink.messages) == 1
        sink.tokens = set()
        with pytest.raises(Unreachable) as refused:
            SmtpClient(settings).send("suporte@sabia.example", ["ana@cliente.example"], MAIL)
    assert refused.value.code == "login"
