"""A small HTTP proxy between an adapter and its peer, which a test tells how to misbehave.

Faults are taken in the order they were asked for, each by the next request it fits.
Without any the proxy hands everything through.
"""

import http.client
import json
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import urlsplit

Act = Literal["drop_before", "drop_after", "hang", "answer"]


@dataclass(frozen=True, slots=True)
class Fault:
    """drop_before: the peer never hears of it. drop_after: it does, and nobody hears its answer.

    hang: the peer has done it, and the answer waits until the caller has gone away.
    answer: something in between answers itself with `status` and `body`.
    """

    act: Act
    method: str
    path: str  # the request's path begins with it
    status: int = 500
    body: bytes = b""

    def fits(self, method: str, path: str) -> bool:
        return method == self.method and path.startswith(self.path)


Answer = Callable[[str, str], "tuple[int, Any] | None"]
"""(method, path) -> (status, JSON), for what the peer lacks; None: the peer is asked."""


@dataclass
class FaultProxy:
    """Runs from `with` to the end of it. `rewrite` may change every JSON answer of the peer."""

    peer_port: int
    answer: Answer = lambda _method, _path: None
    rewrite: Callable[[Any], Any] = lambda said: said
    faults: deque[Fault] = field(default_factory=deque)
    passed: list[tuple[str, str]] = field(default_factory=list)  # what reached the peer

    def __enter__(self) -> "FaultProxy":
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.proxy = self
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=10)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def misbehave(self, fault: Fault) -> None:
        with self._lock:
            self.faults.append(fault)

    def take_fault(self, method: str, path: str) -> Fault | None:
        with self._lock:
            for fault in self.faults:
                if fault.fits(method, path):
                    self.faults.remove(fault)
                    return fault
        return None

    def note(self, method: str, path: str) -> None:
        with self._lock:
            self.passed.append((method, path))


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    proxy: FaultProxy


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._pass_on()

    def do_POST(self) -> None:
        self._pass_on()

    def do_PUT(self) -> None:
        self._pass_on()

    def do_PATCH(self) -> None:
        self._pass_on()

    def do_DELETE(self) -> None:
        self._pass_on()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: a test asks the proxy itself."""

    def _pass_on(self) -> None:
        proxy = self.server.proxy
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = urlsplit(self.path).path
        fault = proxy.take_fault(self.command, path)
        if fault is not None and fault.act == "drop_before":
            self.close_connection = True
            return
        if fault is not None and fault.act == "answer":
            self._reply(fault.status, fault.body)
            return
        made_up = proxy.answer(self.command, self.path)
        if made_up is not None:
            self._reply(made_up[0], json.dumps(made_up[1]).encode())
            return
        status, answer = self._ask_peer(body)
        proxy.note(self.command, path)
        if fault is not None and fault.act == "hang":
            self.connection.recv(1)  # the caller closes when it has waited long enough
        if fault is not None:
            self.close_connection = True
            return
        self._reply(status, self._rewritten(answer))

    def _rewritten(self, answer: bytes) -> bytes:
        try:
            said = json.loads(answer)
        except ValueError:  # an error page
            return answer
        return json.dumps(self.server.proxy.rewrite(said)).encode()

    def _ask_peer(self, body: bytes) -> tuple[int, bytes]:
        peer = http.client.HTTPConnection("127.0.0.1", self.server.proxy.peer_port, timeout=20)
        try:
            headers = {
                name: value
                for name, value in self.headers.items()
                if name.lower() not in ("host", "connection", "accept-encoding")
            }
            peer.request(self.command, self.path, body or None, headers)
            answer = peer.getresponse()
            return answer.status, answer.read()
        finally:
            peer.close()

    def _reply(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
