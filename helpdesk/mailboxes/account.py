"""One mailbox ready for use, its secrets open: from a row, or from the settings."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from urllib.parse import SplitResult, unquote, urlsplit
from uuid import UUID

from helpdesk.mailboxes.model import Mailbox
from helpdesk.mailboxes.sealing import SealBroken, seal, unseal
from helpdesk.settings import Settings

Security = Literal["implicit", "starttls", "none"]

NO_RATE = 0  # the mailbox of the settings sends as fast as it can
_SMTP_SECURITY: dict[str, Security] = {
    "smtp": "none",
    "smtp+starttls": "starttls",
    "smtps": "implicit",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One server and how it is entered."""

    host: str
    port: int
    security: Security
    user: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Oauth:
    """What access tokens are asked for with, in place of a password."""

    kind: str
    client_id: str
    client_secret: str = field(repr=False)
    refresh_token: str = field(repr=False)
    token_url: str = ""


@dataclass(frozen=True, slots=True)
class Dkim:
    domain: str
    selector: str
    key: str = field(repr=False)  # PEM


@dataclass(frozen=True, slots=True)
class MailAccount:
    """A mailbox as it is read and sent from. Equal values need no new connection."""

    address: str
    name: str
    imap: Line | None  # None where nothing is fetched
    smtp: Line | None
    id: UUID | None = None  # None for the one of the settings
    folder: str = "INBOX"
    done_folder: str = ""
    oauth: Oauth | None = None
    dkim: Dkim | None = None
    rate_per_minute: int = NO_RATE
    signature_text: str = ""
    signature_html: str = ""
    since: datetime | None = None  # when it was set up
    locked: bool = False  # its secrets cannot be read

    @property
    def source(self) -> str:
        """What everything that comes through this mailbox is filed under."""
        return source_of(self.address)


def source_of(address: str) -> str:
    return f"email:{address}"


def sealed(settings: Settings, column: str, value: str) -> str:
    """Encrypt a secret for one column of a mailbox."""
    return seal(settings.secret_key, f"mailbox.{column}", value)


def account_of(settings: Settings, row: Mailbox) -> MailAccount:
    """Open a row. Raises `SealBroken` where the secret key is not the one it was made with."""

    def opened(column: str) -> str:
        return unseal(settings.secret_key, f"mailbox.{column}", getattr(row, column))

    secret = opened("secret_sealed")
    by_token = row.auth != "password"
    password = "" if by_token else secret
    return MailAccount(
        id=row.id,
        address=row.address,
        name=row.name,
        imap=_line(row.imap_host, row.imap_port, row.imap_security, row.user_name, password),
        smtp=_line(
            row.smtp_host,
            row.smtp_port,
            row.smtp_security,
            row.smtp_user_name or row.user_name,
            opened("smtp_secret_sealed") or password,
        ),
        folder=row.folder,
        done_folder=row.done_folder,
        oauth=Oauth(row.auth, row.client_id, opened("client_secret_sealed"), secret, row.token_url)
        if by_token
        else None,
        dkim=Dkim(row.dkim_domain, row.dkim_selector, opened("dkim_key_sealed"))
        if row.dkim_selector
        else None,
        rate_per_minute=row.rate_per_minute,
        signature_text=row.signature_text,
        signature_html=row.signature_html,
        since=row.changed_at,
    )


def opened(settings: Settings, row: Mailbox) -> MailAccount:
    """Open a row as far as that goes: `locked`, and without servers, where its secrets do not."""
    try:
        return account_of(settings, row)
    except SealBroken:
        return MailAccount(row.address, row.name, None, None, row.id, locked=True)


def account_of_settings(settings: Settings) -> MailAccount | None:
    """Return the mailbox of the settings; None where they hold none.

    A password never crosses the network in the clear: `imap://` begins TLS on any host
    but this machine.
    """
    if not settings.mail_address:
        return None
    imap = urlsplit(settings.imap_url)
    smtp = urlsplit(settings.smtp_url or "smtp://localhost")
    folder = unquote(imap.path.strip("/")) or "INBOX"
    return MailAccount(
        address=settings.mail_address.lower(),
        name=settings.company,
        imap=_imap_line(imap) if settings.imap_url else None,
        smtp=Line(
            smtp.hostname or "localhost",
            smtp.port or {"smtps": 465, "smtp+starttls": 587}.get(smtp.scheme, 25),
            _SMTP_SECURITY[smtp.scheme],
            unquote(smtp.username or ""),
            unquote(smtp.password or ""),
        ),
        folder=folder,
    )


def _imap_line(url: SplitResult) -> Line:
    host = url.hostname or "localhost"
    here = host in ("localhost", "127.0.0.1", "::1")
    plain: Security = "none" if here else "starttls"
    return Line(
        host,
        url.port or (993 if url.scheme == "imaps" else 143),
        "implicit" if url.scheme == "imaps" else plain,
        unquote(url.username or ""),
        unquote(url.password or ""),
    )


def _line(host: str, port: int, security: str, user: str, password: str) -> Line | None:
    if not host:
        return None
    return Line(host, port, security, user, password)  # type: ignore[arg-type]  # CHECKed
