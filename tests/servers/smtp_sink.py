"""An SMTP server on loopback that keeps what it is sent, and fails as it is told."""

import asyncio
import base64
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from typing import Any, TypeVar

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

_T = TypeVar("_T")


@dataclass(frozen=True)
class Taken:
    """One mail that the server took."""

    sender: str
    recipients: tuple[str, ...]
    raw: bytes

    def read(self) -> EmailMessage:
        message = BytesParser(policy=default).parsebytes(self.raw)
        assert isinstance(message, EmailMessage)
        return message


@dataclass
class SmtpSink:
    """A running server; set the fields to make it fail.

    `hang_up` and `drop_after_data` close the connection without an answer. After a
    dropped DATA the mail has been taken all the same: the sender cannot know.
    """

    host: str = "127.0.0.1"
    port: int = 0
    messages: list[Taken] = field(default_factory=list)
    refuse: dict[str, str] = field(default_factory=dict)  # recipient -> reply, "550 5.1.1 ..."
    refuse_sender: str = ""  # reply to every sender instead of 250
    answer_data: str = ""  # reply after the content instead of 250
    hang_up: bool = False  # close at the first recipient
    drop_after_data: bool = False
    password: str = "correct-horse"
    auth_needs_tls: bool = False  # offer no sign-in: our line is never encrypted
    tokens: set[str] = field(default_factory=set)  # access tokens that open the door

    def knows(self, *args: Any) -> AuthResult:
        """Let in whoever shows the password."""
        shown = args[-1]
        good = isinstance(shown, LoginPassword) and shown.password == self.password.encode()
        return AuthResult(success=good, handled=False)

    async def auth_XOAUTH2(self, server: Any, args: list[str]) -> AuthResult:
        words = base64.b64decode(args[1]).decode().split("\1")
        token = words[1].removeprefix("auth=Bearer ")
        if token in self.tokens:
            return AuthResult(success=True)
        await server.push("334 " + base64.b64encode(b'{"status":"401"}').decode())
        await server._reader.readline()  # the client has nothing to add
        return AuthResult(success=False, handled=False)

    async def handle_MAIL(
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        if self.refuse_sender:
            return self.refuse_sender
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        if self.hang_up:
            return await _close(server)
        if reply := self.refuse.get(address):
            return reply
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.answer_data:
            return self.answer_data
        raw = bytes(envelope.content)
        self.messages.append(Taken(envelope.mail_from, tuple(envelope.rcpt_tos), raw))
        if self.drop_after_data:
            return await _close(server)
        return "250 2.0.0 taken"


async def _close(server: Any) -> str:
    """Cut the connection; the reply returned has nowhere to go."""
    server.transport.abort()
    await asyncio.sleep(0)
    return "421 gone"


@contextmanager
def running_smtp_sink() -> Iterator[SmtpSink]:
    """Start a server on a free port, and stop it at the end."""
    sink = SmtpSink()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="smtp-sink", daemon=True)
    thread.start()
    server = _run(loop, loop.create_server(lambda: _server(sink, loop), sink.host, 0))
    sink.port = int(server.sockets[0].getsockname()[1])
    try:
        yield sink
    finally:
        _run(loop, _let_go(loop, server))
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


def _server(sink: SmtpSink, loop: asyncio.AbstractEventLoop) -> SMTP:
    return SMTP(sink, loop=loop, authenticator=sink.knows, auth_require_tls=sink.auth_needs_tls)


async def _let_go(loop: asyncio.AbstractEventLoop, server: asyncio.Server) -> None:
    """Close the door, in the loop's own thread, and end the talks left open."""
    server.close()
    others = asyncio.all_tasks(loop) - {asyncio.current_task(loop)}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


def _run(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, _T]) -> _T:
    return asyncio.run_coroutine_threadsafe(work, loop).result(10)
