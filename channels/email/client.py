"""The mailbox server: what is new in a folder, told once it is safely fetched.

    MailboxError
      MailboxUnreachable   no connection, or it broke: try again later
      LoginRefused         the server does not accept the credentials
      FolderMissing        the account has no such folder
      MailboxChanged       the folder was made anew; its numbers mean other mails now
    TokenRefused           the sign-in service gives no access token

Nothing is flagged or moved by reading: a mail is marked only after the caller has
committed it, so a crash in between costs a second look and never a mail.
"""

import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event
from types import TracebackType
from typing import Any, Literal, NamedTuple, Protocol, Self

from imapclient import SEEN, IMAPClient
from imapclient.exceptions import IMAPClientAbortError, IMAPClientError, LoginError

from channels.email.faults import LETTERS, NO_NAME, coded, fault_code
from channels.email.tree import LIMITS
from channels.port import ChannelError

Tls = Literal["implicit", "starttls", "none"]

_RENEW_IDLE = 25 * 60  # servers may hang up after 29 minutes (RFC 2177)
_LOOK_FOR_STOP = 1.0
_SEARCH_WINDOW = 10_000  # one answer line of a whole old mailbox is longer than imaplib reads
_LAST_UID = 2**32 - 1


class MailboxError(ChannelError):
    """A mailbox could not be read. The text is safe to show to an admin."""


class MailboxUnreachable(MailboxError):
    """No connection, or it broke."""


class LoginRefused(MailboxError):
    """The server does not accept the user and password, or the token."""

    code = "login"


class FolderMissing(MailboxError):
    """The account has no such folder."""

    code = "folder"


class MailboxChanged(MailboxError):
    """UIDVALIDITY is another one than the caller read."""


class Tokens(Protocol):
    """What gives access tokens; `TokenSource` is the real one."""

    def __call__(self, *, fresh: bool = False) -> str: ...


@dataclass(frozen=True, slots=True)
class MailboxSettings:
    """Where a mailbox is and how to enter it: by its password, or by `tokens`."""

    host: str
    user: str
    password: str
    port: int = 993
    tls: Tls = "implicit"
    folder: str = "INBOX"
    timeout: float = 30.0
    largest: int = LIMITS.size  # of a larger mail only this much and one byte is fetched
    tokens: Tokens | None = None


class Cursor(NamedTuple):
    """How far a folder has been read. The zero cursor reads it from the start."""

    uidvalidity: int = 0
    last_uid: int = 0


class Fetched(NamedTuple):
    """One mail as the server holds it."""

    uidvalidity: int
    uid: int
    raw: bytes

    @property
    def key(self) -> str:
        """The external key of this mail in its mailbox."""
        return f"{self.uidvalidity}:{self.uid}"


class ImapMailbox:
    """One folder of one account. Use as a context manager; not for two threads at once."""

    def __init__(self, settings: MailboxSettings) -> None:
        self.settings = settings
        self._client: IMAPClient | None = None
        self._uidvalidity = 0
        self._next_uid = 0  # the first number nobody was told about
        self.fetching: tuple[int, int] | None = None  # (uidvalidity, uid) asked for right now

    def __enter__(self) -> Self:
        self.connect()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def connect(self) -> None:
        """Connect and log in; does nothing on an open connection.

        Raises `MailboxUnreachable`, `LoginRefused` or `TokenRefused`.
        """
        if self._client is not None:
            return
        asked = self.settings
        client = _reach(asked)
        try:
            if asked.tls == "starttls":
                _begin_tls(client)
            with _translated():
                _log_in(client, asked)
        except ChannelError:
            _hang_up(client)
            raise
        except UnicodeError as fault:
            _hang_up(client)
            raise coded(MailboxUnreachable(LETTERS), "letters") from fault
        self._client = client

    def close(self) -> None:
        """Log out if the server still listens; never raises."""
        client, self._client = self._client, None
        if client is not None:
            _hang_up(client)

    def count(self) -> int:
        """Return how many mails the folder holds."""
        with self._working() as client:
            return self._select(client).get(b"EXISTS", 0)

    def new_messages(self, cursor: Cursor) -> Iterator[Fetched]:
        """Yield the mails after `cursor`, oldest first, one in memory at a time.

        Under another UIDVALIDITY than the cursor's it starts at the first mail. Of a mail
        larger than the settings allow only the beginning comes, too long for the parser,
        so that it is held for a person instead of being passed over.
        """
        with self._working() as client:
            facts = self._select(client)
            same = cursor.uidvalidity == self._uidvalidity
            first = cursor.last_uid + 1 if same else 1
            for uid in _search(client, first, facts.get(b"UIDNEXT", 0) - 1):
                self.fetching = (self._uidvalidity, uid)
                raw = self._fetch(client, uid)
                self.fetching = None
                if raw is None:  # somebody deleted it while we read
                    continue
                self._next_uid = max(self._next_uid, uid + 1)
                yield Fetched(self._uidvalidity, uid, raw)
            self._next_uid = max(self._next_uid, facts.get(b"UIDNEXT", 0))

    def flag_seen(self, uidvalidity: int, uid: int) -> None:
        """Mark one mail as read. Call it after the commit; twice is harmless."""
        with self._working() as client:
            self._still(client, uidvalidity)
            client.add_flags([uid], [SEEN], silent=True)

    def move(self, uidvalidity: int, uid: int, folder: str) -> None:
        """Move one mail to `folder`, made if missing. Call it after the commit."""
        with self._working() as client:
            self._still(client, uidvalidity)
            if not client.folder_exists(folder):
                client.create_folder(folder)
            if client.has_capability("MOVE"):
                client.move([uid], folder)
                return
            client.copy([uid], folder)
            client.delete_messages([uid])
            if client.has_capability("UIDPLUS"):  # a bare EXPUNGE would take others along
                client.uid_expunge([uid])

    def idle(self, timeout: float, stop: Event | None = None) -> bool:
        """Wait up to `timeout` seconds for new mail; True when there may be some.

        Returns early, with False, soon after `stop` is set. Mail that came in since
        `new_messages` ended is noticed at once. Where the server cannot IDLE it waits
        the whole time and returns True, so that the caller looks by itself.
        """
        stop = stop or Event()
        with self._working() as client:
            facts = self._select(client)
            if facts.get(b"UIDNEXT", _LAST_UID) > self._next_uid:
                return True
            if not client.has_capability("IDLE"):
                return not stop.wait(timeout)
            deadline = time.monotonic() + timeout
            while (left := deadline - time.monotonic()) > 0 and not stop.is_set():
                if _idle_once(client, min(left, _RENEW_IDLE), stop):
                    return True
            return False

    @contextmanager
    def _working(self) -> Iterator[IMAPClient]:
        """Give the connection, and give it up when it breaks."""
        if self._client is None:
            raise MailboxUnreachable("not connected")
        try:
            with _translated():
                yield self._client
        except MailboxUnreachable:
            self.close()
            raise

    def _select(self, client: IMAPClient) -> dict[bytes, int]:
        try:
            facts: dict[bytes, int] = client.select_folder(self.settings.folder)
        except IMAPClientAbortError:
            raise
        except IMAPClientError as fault:
            raise FolderMissing(_short(fault)) from fault
        uidvalidity = facts.get(b"UIDVALIDITY", 0)
        if uidvalidity != self._uidvalidity:
            self._uidvalidity, self._next_uid = uidvalidity, 0
        return facts

    def _still(self, client: IMAPClient, uidvalidity: int) -> None:
        if uidvalidity != self._uidvalidity or uidvalidity == 0:
            self._select(client)
        if uidvalidity != self._uidvalidity:
            raise MailboxChanged(
                f"{self.settings.folder} is {self._uidvalidity} now, was {uidvalidity}"
            )

    def _fetch(self, client: IMAPClient, uid: int) -> bytes | None:
        most = self.settings.largest
        size = client.fetch([uid], ["RFC822.SIZE"]).get(uid, {}).get(b"RFC822.SIZE")
        if size is None:
            return None
        # PEEK: a plain BODY[] would set \Seen before anything is stored.
        ask = "BODY.PEEK[]" if size <= most else f"BODY.PEEK[]<0.{most + 1}>"
        answer: dict[bytes, Any] = client.fetch([uid], [ask]).get(uid, {})
        raw = next((value for key, value in answer.items() if key.startswith(b"BODY[]")), None)
        return bytes(raw) if raw is not None else None


def _begin_tls(client: IMAPClient) -> None:
    """Never fall back to plain text."""
    try:
        client.starttls(ssl.create_default_context())
    except (IMAPClientError, OSError) as fault:
        code = fault_code(fault)
        raise coded(
            MailboxUnreachable(_short(fault)), "certificate" if code == "certificate" else "tls"
        ) from fault


def _reach(asked: MailboxSettings) -> IMAPClient:
    safe = asked.tls == "implicit"
    context = ssl.create_default_context() if safe else None
    try:
        with _translated():
            return IMAPClient(
                asked.host, port=asked.port, ssl=safe, ssl_context=context, timeout=asked.timeout
            )
    except UnicodeError as fault:
        raise coded(MailboxUnreachable(NO_NAME), "name_not_found") from fault


def _log_in(client: IMAPClient, asked: MailboxSettings) -> None:
    if asked.tokens is None:
        client.login(asked.user, asked.password)
        return
    token = asked.tokens()
    try:
        _show_token(client, asked.user, token)
    except LoginError:  # a token may be called back before its time
        another = asked.tokens(fresh=True)
        if another == token:
            raise
        _show_token(client, asked.user, another)


def _show_token(client: IMAPClient, user: str, token: str) -> None:
    if client.has_capability("AUTH=OAUTHBEARER"):  # the standard (RFC 7628), where it is spoken
        client.oauthbearer_login(user, token)
    else:
        client.oauth2_login(user, token)


def _search(client: IMAPClient, first: int, last: int) -> Iterator[int]:
    """Yield the existing numbers from `first` to `last` in order, a window at a time.

    An open range `first:*` would always name at least the last mail (RFC 3501).
    """
    last = last if last > 0 else _LAST_UID
    window = _SEARCH_WINDOW
    while first <= last:
        upto = min(last, first + window - 1)
        found = sorted(uid for uid in client.search(["UID", f"{first}:{upto}"]) if uid >= first)
        yield from found
        first = upto + 1
        if not found:
            window *= 8  # numbers with wide holes: do not knock a million times


def _idle_once(client: IMAPClient, seconds: float, stop: Event) -> bool:
    """Hold one IDLE command; True when the server names new mail."""
    client.idle()
    answers: list[tuple[Any, ...]] = []
    until = time.monotonic() + seconds
    while not answers and not stop.is_set() and (left := until - time.monotonic()) > 0:
        wait = min(left, _LOOK_FOR_STOP)
        before = time.monotonic()
        answers = client.idle_check(timeout=wait)
        if not answers and time.monotonic() - before < wait / 2:
            break  # readable and yet nothing to read: the server hung up; DONE tells
    _, rest = client.idle_done()
    return any(b"EXISTS" in answer or b"RECENT" in answer for answer in [*answers, *rest])


def _hang_up(client: IMAPClient) -> None:
    try:
        client.logout()
    except (IMAPClientError, OSError):
        try:
            client.shutdown()
        except OSError:
            return


@contextmanager
def _translated() -> Iterator[None]:
    """Turn the library's and the network's errors into ours."""
    try:
        yield
    except LoginError as fault:
        # RFC 5530: a server that cannot look the user up says NO as well.
        gone = "[UNAVAILABLE]" in str(fault) or "[INUSE]" in str(fault)
        if gone:
            raise coded(MailboxUnreachable(_short(fault)), "unreachable") from fault
        raise LoginRefused(_short(fault)) from fault
    except IMAPClientAbortError as fault:
        raise coded(MailboxUnreachable(_short(fault)), "hung_up") from fault
    except (IMAPClientError, OSError) as fault:
        raise coded(MailboxUnreachable(_short(fault)), fault_code(fault)) from fault


def _short(fault: Exception) -> str:
    return " ".join(str(fault).split())[:200] or type(fault).__name__
