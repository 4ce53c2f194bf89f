"""A mail server on loopback with a certificate of the test's choice, that keeps all it hears."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from channels.email.client import Tls


@dataclass
class Heard:
    """What one connection said: in the clear, and from the handshake on.

    `after` is decrypted where the handshake came about; where it did not, it is whatever
    still came over the bare line. A client that waits for no answer and resets the line at
    once may take its last words with it.
    """

    before: bytes = b""
    safe: bool = False
    fault: str = ""  # why the handshake did not come about
    after: bytes = b""
    over: threading.Event = field(default_factory=threading.Event, repr=False)


Answer = Callable[[bytes], bytes]
"""One line, without its end, that a client has said -> what the server says to it."""


@dataclass
class TlsServer:
    """Greets, and gives each line to `answer`; begins TLS at once, or after STARTTLS."""

    certificate: Path
    tls: Tls
    greeting: bytes
    answer: Answer
    port: int = 0
    calls: list[Heard] = field(default_factory=list)

    def only_call(self) -> Heard:
        """The one connection there was, once it has ended."""
        (call,) = self.calls
        assert call.over.wait(20), "the client did not hang up"
        return call

    def hear(self, line: socket.socket) -> None:
        call = Heard()
        self.calls.append(call)
        try:
            line.settimeout(20)
            if self.tls == "starttls":
                call.before = self._talk(line, self.greeting, until=b"STARTTLS")
            self._go_on_safely(line, call)
        finally:
            call.over.set()

    def _go_on_safely(self, line: socket.socket, call: Heard) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate)
        with line.dup() as bare:  # a handshake that fails takes the other one with it
            try:
                safe = context.wrap_socket(line, server_side=True)
            except (ssl.SSLError, OSError) as fault:
                call.fault = str(fault)
                call.after = _rest(bare)
                return
        with safe:
            call.safe = True
            call.after = self._talk(safe, self.greeting if self.tls == "implicit" else b"")

    def _talk(self, line: socket.socket, greeting: bytes, *, until: bytes | None = None) -> bytes:
        """Answer line by line; return all lines, up to the one that ends with `until`."""
        heard = b""
        line.sendall(greeting)
        with line.makefile("rb") as lines, suppress(OSError):
            for said in lines:
                heard += said
                line.sendall(self.answer(said.rstrip(b"\r\n")))
                if until and said.rstrip().upper().endswith(until):
                    break
        return heard


@contextmanager
def running_tls_server(server: TlsServer) -> Iterator[TlsServer]:
    """Listen on a free port until the end; one connection at a time."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server.port = listening.getsockname()[1]
        thread = threading.Thread(target=_accept, args=(server, listening), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join(20)


def _accept(server: TlsServer, listening: socket.socket) -> None:
    with suppress(OSError):
        while True:
            line, _ = listening.accept()
            with line:
                server.hear(line)


def _rest(line: socket.socket) -> bytes:
    heard = b""
    with suppress(OSError):
        while piece := line.recv(65536):
            heard += piece
    return heard
