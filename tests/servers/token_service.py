"""A sign-in service on loopback: gives access tokens, and tells mail servers about them."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


@dataclass
class TokenService:
    """Set the fields to make it refuse, renew refresh tokens or call a token back."""

    port: int = 0
    user: str = "suporte"
    refresh_token: str = "refresh-1"
    lives_s: int = 3600
    renew_to: str = ""  # the refresh token handed out next
    refuse: str = ""  # error code of a refusal
    asked: list[dict[str, str]] = field(default_factory=list)
    alive: set[str] = field(default_factory=set)

    @property
    def token_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/token"

    @property
    def introspection_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/introspect?token="

    def give(self, form: dict[str, str]) -> tuple[int, dict[str, object]]:
        """Answer one request for a token."""
        self.asked.append(form)
        if self.refuse or form.get("refresh_token") != self.refresh_token:
            return 400, {"error": self.refuse or "invalid_grant", "error_description": "secret!"}
        token = f"access-{len(self.asked)}"
        self.alive.add(token)
        answer: dict[str, object] = {"access_token": token, "expires_in": self.lives_s}
        if self.renew_to:
            self.refresh_token = self.renew_to
            answer["refresh_token"] = self.renew_to
        return 200, answer

    def describe(self, token: str) -> tuple[int, dict[str, object]]:
        return 200, {"active": token in self.alive, "email": self.user}


@contextmanager
def running_token_service() -> Iterator[TokenService]:
    service = TokenService()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self._say(*service.give({name: one[0] for name, one in parse_qs(body).items()}))

        def do_GET(self) -> None:
            token = parse_qs(urlsplit(self.path).query).get("token", [""])[0]
            self._say(*service.describe(token))

        def _say(self, status: int, facts: dict[str, object]) -> None:
            body = json.dumps(facts).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    service.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()
