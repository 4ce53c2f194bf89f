"""The bank on loopback: its books behind HTTP, its notices, and the ways it can misbehave.

The protocol is written down in docs/pix-and-boleto.md. Nothing is kept when it ends.
"""

import json
import re
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from hmac import compare_digest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, Self
from urllib.parse import parse_qs, unquote, urlsplit

from helpdesk.demo.bank_standin.books import Books
from helpdesk.demo.bank_standin.notices import Notices, hook_of
from helpdesk.demo.bank_standin.papers import Paper, Refund
from helpdesk.demo.bank_standin.reading import Refused, read_day

Call = Literal["charge", "refund", "find", "withdraw", "mandate", "answer", "report"]
Act = Literal["decline", "drop_before", "drop_after", "error_before", "error_after", "hold"]

LARGEST_REQUEST = 64 * 1024  # bytes
POLL_S = 0.05


@dataclass
class Rule:
    """How the next `times` calls go. hold answers only when `release` is called."""

    act: Act
    call: Call
    code: str
    times: int


class BankStandIn:
    """Use as a context manager. `url`, `token` and `secret` go into the gateways' settings.

    `books` is what payers and banks do, `notices` what the bank says. With hooks set, and
    `say_at_once`, every notice is posted by itself; otherwise when `notices.deliver` is called.
    """

    def __init__(
        self,
        clock: Callable[[], datetime],
        *,
        token: str = "",
        secret: str = "",
        port: int = 0,
        say_at_once: bool = False,
    ) -> None:
        self.token = token or uuid.uuid4().hex
        self.secret = secret or uuid.uuid4().hex
        self.notices = Notices(clock, self.secret)
        self.books = Books(clock, self._hear)
        self.say_at_once = say_at_once
        self.requests: list[tuple[str, str]] = []  # method and path, as they arrived
        self._rules: list[Rule] = []
        self._lock = threading.Lock()
        self._released = threading.Event()
        self._news = threading.Event()
        self._stopping = threading.Event()
        handler = type("Handler", (_Handler,), {"bank": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", port), handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._threads = [
            threading.Thread(target=self._serve, daemon=True, name="bank"),
            threading.Thread(target=self._speak, daemon=True, name="bank-notices"),
        ]

    def start(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def stop(self) -> None:
        """End it. Safe to call twice."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        self._released.set()
        self._news.set()
        self._server.shutdown()
        for thread in self._threads:
            thread.join(timeout=10)
        self._server.server_close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def behave(self, act: Act, *, on: Call, code: str = "refused", times: int = 1) -> None:
        """Misbehave on coming calls.

        decline: say no. drop_before and error_before: do nothing, then cut the line or
        answer 500. drop_after and error_after: do it first. hold: do it, answer when released.
        """
        with self._lock:
            self._rules.append(Rule(act, on, code, times))

    def release(self) -> None:
        """Let the calls that are held answer."""
        self._released.set()

    def rule(self, call: str) -> Rule | None:
        """Take the rule for a call, if there is one."""
        with self._lock:
            for rule in self._rules:
                if rule.call == call:
                    rule.times -= 1
                    if rule.times == 0:
                        self._rules.remove(rule)
                    return rule
        return None

    def wait_released(self) -> None:
        self._released.wait()

    def _hear(self, paper: Paper) -> None:
        charge = self.books.charge(paper.charge_id) if isinstance(paper, Refund) else None
        self.notices.write(paper, rail=hook_of(paper, charge))
        self._news.set()

    def _serve(self) -> None:
        self._server.serve_forever(poll_interval=POLL_S)

    def _speak(self) -> None:
        """Post news as they come; what nobody took is tried again with the next."""
        while not self._stopping.is_set():
            self._news.wait()
            self._news.clear()
            if self.say_at_once and not self._stopping.is_set():
                self.notices.deliver()


class _Handler(BaseHTTPRequestHandler):
    bank: BankStandIn
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(min(length, LARGEST_REQUEST))
        self.bank.requests.append((self.command, self.path))
        expected = f"Bearer {self.bank.token}".encode()
        if not compare_digest((self.headers.get("Authorization") or "").encode(), expected):
            return self._send(401, {"code": "who_are_you"})
        try:
            call, act = _route(self.command, urlsplit(self.path).path)
            said = json.loads(body) if body else {}
            query = {name: one[0] for name, one in parse_qs(urlsplit(self.path).query).items()}
        except Refused as refused:
            return self._send(refused.status, {"code": refused.code})
        except ValueError:
            return self._send(400, {"code": "unreadable"})
        rule = self.bank.rule(call)
        return self._misbehave(rule, lambda decline: act(self.bank.books, said | query, decline))

    def _misbehave(self, rule: Rule | None, act: Callable[[str], Any]) -> None:
        how = rule.act if rule else ""
        if how == "drop_before":
            return self._cut()
        if how == "error_before":
            return self._send(500, {"code": "internal"})
        try:
            told, status = act(rule.code if rule and how == "decline" else ""), 200
        except Refused as refused:
            told, status = {"code": refused.code}, refused.status
        except (KeyError, TypeError, AttributeError):
            told, status = {"code": "unreadable"}, 400
        if how == "drop_after":
            return self._cut()
        if how == "error_after":
            return self._send(500, {"code": "internal"})
        if how == "hold":
            self.bank.wait_released()
        return self._send(status, told)

    def _cut(self) -> None:
        self.close_connection = True

    def _send(self, status: int, told: object) -> None:
        body = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


Handle = Callable[[Books, dict[str, Any], str], Any]


def _route(method: str, path: str) -> tuple[Call, Handle]:
    """Return what a request asks for. Raises `Refused` for an address the bank does not have."""
    for verb, pattern, call, make in _ROUTES:
        match = re.fullmatch(pattern, path)
        if verb == method and match:
            return call, make(*(unquote(part) for part in match.groups()))
    raise Refused(404, "no_such_address")


def _report(books: Books, said: dict[str, Any]) -> dict[str, Any]:
    day = read_day(said.get("day"))
    if not isinstance(day, date):
        raise Refused(400, "unreadable")
    return {"lines": books.report(str(said.get("rail")), day)}


_ID = "([A-Za-z0-9]{1,64})"
_ROUTES: tuple[tuple[str, str, Call, Callable[..., Handle]], ...] = (
    (
        "PUT",
        f"/v1/(pix/charges|boletos)/{_ID}",
        "charge",
        lambda kind, id: (
            lambda books, said, no: books.take_charge(
                id, "boleto" if kind == "boletos" else "pix", said, decline=no
            ).shown()
        ),
    ),
    (
        "GET",
        f"/v1/(?:pix/charges|boletos)/{_ID}",
        "find",
        lambda id: lambda books, _said, _no: books.charge(id).shown(),
    ),
    (
        "POST",
        f"/v1/(?:pix/charges|boletos)/{_ID}/withdraw",
        "withdraw",
        lambda id: lambda books, _said, _no: books.withdraw_charge(id).shown(),
    ),
    (
        "PUT",
        f"/v1/pix/charges/{_ID}/refunds/{_ID}",
        "refund",
        lambda charge, id: (
            lambda books, said, no: books.take_refund(id, charge, said, decline=no).shown()
        ),
    ),
    (
        "GET",
        f"/v1/pix/refunds/{_ID}",
        "find",
        lambda id: lambda books, _said, _no: books.refund(id).shown(),
    ),
    (
        "PUT",
        f"/v1/pix/mandates/{_ID}",
        "mandate",
        lambda id: lambda books, said, _no: books.take_mandate(id, said).shown(),
    ),
    (
        "GET",
        f"/v1/pix/mandates/{_ID}",
        "find",
        lambda id: lambda books, _said, _no: books.mandate(id).shown(),
    ),
    (
        "POST",
        f"/v1/pix/mandates/{_ID}/cancel",
        "mandate",
        lambda id: lambda books, _said, _no: books.cancel_mandate(id).shown(),
    ),
    (
        "GET",
        f"/v1/pix/returns/{_ID}",
        "find",
        lambda id: lambda books, _said, _no: books.special_return(id).shown(),
    ),
    (
        "POST",
        f"/v1/pix/returns/{_ID}/answer",
        "answer",
        lambda id: lambda books, said, _no: books.answer_return(id, said).shown(),
    ),
    ("GET", "/v1/report", "report", lambda: lambda books, said, _no: _report(books, said)),
)
