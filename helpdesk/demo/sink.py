"""A mail server on loopback that keeps what it is handed, and delivers it nowhere."""

import asyncio
import threading
from collections import deque
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from typing import Any, Self, TypeVar

from aiosmtpd.smtp import SMTP

from billing_core.ports import Clock
from helpdesk.demo.mails import Answered

KEPT = 500  # mails; the oldest go first
LARGEST_MAIL = 30 * 1024 * 1024  # bytes
WAIT_S = 10

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail as it was taken. `number` counts from 1 and never starts again."""

    number: int
    recipients: tuple[str, ...]
    raw: bytes
    at: datetime

    def read(self) -> Answered:
        """Return what a customer who answers it needs."""
        mail = BytesParser(policy=default).parsebytes(self.raw)
        assert isinstance(mail, EmailMessage)
        body = mail.get_body(("plain",))
        return Answered(
            reply_to=str(mail["Reply-To"] or mail["From"] or ""),
            message_id=_bare(mail["Message-ID"]),
            references=tuple(_bare(one) for one in str(mail["References"] or "").split()),
            subject=str(mail["Subject"] or ""),
            text=body.get_content() if body is not None else "",
            at=self.at,
        )


class MailSink:
    """Use as a context manager. `port` is chosen by the system."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._mails: deque[Mail] = deque(maxlen=KEPT)
        self._taken = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="mails", daemon=True)
        self.port = 0

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = self._run(self._loop.create_server(self._session, "127.0.0.1", 0))
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self

    def __exit__(self, *exc: object) -> None:
        self._run(self._hang_up())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(WAIT_S)
        self._loop.close()

    def to(self, address: str, *, after: int = 0) -> list[Mail]:
        """Return the mails to somebody, oldest first, from the one after number `after` on."""
        mails = list(self._mails)
        return [one for one in mails if one.number > after and address in one.recipients]

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        self._taken += 1
        recipients = tuple(address.lower() for address in envelope.rcpt_tos)
        self._mails.append(Mail(self._taken, recipients, bytes(envelope.content), self._clock()))
        return "250 2.0.0 taken"

    async def _hang_up(self) -> None:
        """Stop listening and end the sessions that clients left open."""
        self._server.close()
        open_sessions = asyncio.all_tasks() - {asyncio.current_task()}
        for session in open_sessions:
            session.cancel()
        await asyncio.gather(*open_sessions, return_exceptions=True)

    def _session(self) -> SMTP:
        return SMTP(self, loop=self._loop, data_size_limit=LARGEST_MAIL, ident="sandbox")

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(WAIT_S)


def _bare(header_id: object) -> str:
    return str(header_id or "").strip().strip("<>")
