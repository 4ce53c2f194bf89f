"""A door for mail servers: LMTP, or SMTP, on this machine unless told otherwise.

A mail is answered with 250 only after `take` has returned, which is after it is stored for
good; whatever goes wrong before is 451, and the other server keeps the mail and comes again.
So it does when too many are here at once: the next one is told 421 instead of a greeting.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Self, TypeVar

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, Envelope, Session

from channels.email.tree import LIMITS

T = TypeVar("T")

_log = logging.getLogger("channels.email.door")
_MOST_RECIPIENTS = 100
_LONGEST_LINE = 1024 * 1024  # mail that breaks the rule of 998 is still somebody's mail
_BUSY = "451 4.3.0 not stored, come again"
_FULL = b"421 4.3.2 guiche has too many connections, try again later\r\n"
# What the library itself says to a mail once it has heard it to its end.
_REFUSALS = frozenset(
    {"500 Line too long (see RFC5321 4.5.3.1.6)", "552 Error: Too much mail data"}
)


@dataclass(frozen=True, slots=True)
class DoorSettings:
    host: str = "127.0.0.1"
    port: int = 2424  # 0 takes a free one
    lmtp: bool = True
    largest: int = LIMITS.size
    most_at_once: int = 50  # connections; Postfix opens 20 to one place
    silence: float = 120.0  # seconds; who says nothing for longer is cut off


class _Patient:
    """Silence ends a conversation, a long mail on a slow line does not.

    It has its place in `inside` for exactly as long as its connection lasts.
    """

    line_length_limit = _LONGEST_LINE

    def __init__(self, door: "MailDoor", inside: set[object], **options: Any) -> None:
        super().__init__(door, **options)  # type: ignore[call-arg]
        self._inside, self._most = inside, door.settings.most_at_once

    def connection_made(self, transport: Any) -> None:
        if len(self._inside) >= self._most:
            transport.set_protocol(asyncio.Protocol())  # nobody listens to what is said here
            transport.write(_FULL)
            transport.close()
            return
        self._inside.add(self)
        super().connection_made(transport)  # type: ignore[misc]

    def connection_lost(self, error: Exception | None) -> None:
        self._inside.discard(self)
        super().connection_lost(error)  # type: ignore[misc]

    def data_received(self, data: bytes) -> None:
        self._reset_timeout()  # type: ignore[attr-defined]
        super().data_received(data)  # type: ignore[misc]

    def _timeout_cb(self) -> None:
        # The library would close, which waits, for ever, until the other side has read our answers.
        self.transport.abort()  # type: ignore[attr-defined]


class _Smtp(_Patient, SMTP):
    pass


class _Lmtp(_Patient, LMTP):
    async def push(self, status: Any) -> None:
        """Refuse a mail to each of its recipients: the other side counts our answers."""
        words = status.decode("utf-8", "replace") if isinstance(status, bytes) else status
        times = len(self.envelope.rcpt_tos) if words in _REFUSALS and self.envelope else 1
        for _ in range(times):
            await super().push(status)


class MailDoor:
    """A running server; use as a context manager.

    `accepts(recipient)` says whether an address is ours; `take(raw, recipients)` stores a
    mail. Both are called in threads and may ask the database.
    """

    def __init__(
        self,
        settings: DoorSettings,
        *,
        accepts: Callable[[str], bool],
        take: Callable[[bytes, tuple[str, ...]], None],
    ) -> None:
        self.settings, self._accepts, self._take = settings, accepts, take
        self.port = settings.port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="mail-door", daemon=True
        )
        self._server: asyncio.Server | None = None
        self._inside: set[object] = set()  # the conversations; only the loop's thread looks

    def __enter__(self) -> Self:
        self._thread.start()
        asked = self.settings
        self._server = self._wait(
            self._loop.create_server(self._conversation, asked.host, asked.port)
        )
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self

    def __exit__(self, *_: object) -> None:
        self._wait(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def handle_RCPT(
        self,
        _server: SMTP,
        _session: Session,
        envelope: Envelope,
        address: str,
        _options: list[str],
    ) -> str:
        if len(envelope.rcpt_tos) >= _MOST_RECIPIENTS:
            return "452 4.5.3 too many recipients"
        try:
            ours = await self._loop.run_in_executor(None, self._accepts, address)
        except Exception:
            _log.exception("a recipient could not be looked up")
            return _BUSY
        if not ours:
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        recipients = tuple(str(one) for one in envelope.rcpt_tos)
        raw = _on_top(envelope.mail_from or "", bytes(envelope.original_content or b""))
        try:
            await self._loop.run_in_executor(None, self._take, raw, recipients)
            reply = "250 2.0.0 stored"
        except Exception:
            _log.exception("a mail could not be stored")
            reply = _BUSY
        # LMTP answers for each recipient (RFC 2033, section 4.2).
        return "\r\n".join([reply] * (len(recipients) if self.settings.lmtp else 1))

    def _conversation(self) -> SMTP:
        kind = _Lmtp if self.settings.lmtp else _Smtp
        return kind(
            self,
            self._inside,
            data_size_limit=self.settings.largest,
            enable_SMTPUTF8=True,
            hostname="guiche",
            ident="Guiche",
            loop=self._loop,
            timeout=self.settings.silence,
        )

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
        others = asyncio.all_tasks(self._loop) - {asyncio.current_task(self._loop)}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await self._loop.shutdown_default_executor()

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)


def _on_top(sender: str, raw: bytes) -> bytes:
    """Write the envelope's sender above the mail: an empty one marks what machines send."""
    plain = "".join(sign for sign in sender if sign.isprintable() and sign not in "<> ")
    return f"Return-Path: <{plain}>\r\n".encode("utf-8", "replace") + raw
