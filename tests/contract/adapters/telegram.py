"""Telegram under the contract, against a Bot API of our own on loopback."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from channels.port import (
    Adapter,
    Delivery,
    File,
    Outbound,
    Party,
    Refused,
    Uncertain,
    Unreachable,
)
from channels.telegram.adapter import SECRET_HEADER, TelegramAdapter
from channels.telegram.client import Bot
from tests.contract.adapters.case import AdapterCase

TOKEN = "7:a token that only tests know"
SECRET = "a secret that Telegram repeats"
_ANA = {"id": 41, "is_bot": False, "first_name": "Ana", "last_name": "Souza", "username": "ana"}
_MESSAGE = {
    "message_id": 9,
    "from": _ANA | {"language_code": "pt-br"},
    "chat": {"id": 41, "type": "private"},
    "date": 1_795_000_000,
    "text": "Fui cobrada duas vezes",
}


@dataclass
class BotApi:
    """What the stand-in answers, and what it was told."""

    status: int = 200
    answer: bytes = b'{"ok": true, "result": {"message_id": 77}}'
    drop: bool = False
    url: str = ""

    def __post_init__(self) -> None:
        self.calls: list[tuple[str, bytes]] = []


@contextmanager
def running(api: BotApi) -> Iterator[BotApi]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            api.calls.append((self.path.rpartition("/")[2], body))
            if api.drop:
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            answer = api.answer
            if self.path.endswith("/getFile"):
                answer = b'{"ok": true, "result": {"file_path": "photos/a.jpg"}}'
            self._say(answer)

        def do_GET(self) -> None:
            api.calls.append((self.path, b""))
            self._say(b"\xff\xd8\xffpicture")

        def _say(self, answer: bytes) -> None:
            self.send_response(api.status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    api.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield api
    finally:
        server.shutdown()
        serving.join(10)
        server.server_close()


def adapter(api_url: str = "http://127.0.0.1:1") -> TelegramAdapter:
    return TelegramAdapter(Bot(TOKEN, SECRET, api_url))


def update(number: int = 1, secret: str = SECRET, **message: object) -> Delivery:
    body = json.dumps({"update_id": number, "message": _MESSAGE | message}).encode()
    return Delivery(body, {SECRET_HEADER: secret})


def _sending(api: Callable[[], BotApi] = BotApi) -> Callable[[], AbstractContextManager[Adapter]]:
    @contextmanager
    def give() -> Iterator[Adapter]:
        with running(api()) as served:
            yield adapter(served.url)

    return give


def _refusing(status: int, why: str = "no") -> Callable[[], AbstractContextManager[Adapter]]:
    answer = json.dumps({"ok": False, "error_code": status, "description": why}).encode()
    return _sending(lambda: BotApi(status, answer))


@contextmanager
def _nobody_listens() -> Iterator[Adapter]:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield adapter(f"http://127.0.0.1:{bound.getsockname()[1]}")


_OUTGOING = Outbound(
    key="0190",
    channel="telegram",
    to=Party("external", "telegram:41"),
    sender="Sabiá",
    text="Já devolvemos.",
)
_PICTURE = File("nota ç.png", "image/png", b"\x89PNG\r\n\x1a\n")
_TELLS_NOTHING = b'{"ok": true, "result": {}}'

CASES = [
    AdapterCase(
        name="telegram-text",
        make=adapter,
        genuine=update(),
        repeated=update(),
        another=update(2, message_id=10),
        garbage=(
            Delivery(b"", {SECRET_HEADER: SECRET}),
            Delivery(b"[]", {SECRET_HEADER: SECRET}),
            Delivery(b'{"update_id": "1"}', {SECRET_HEADER: SECRET}),
            Delivery(b"[" * 100_000, {SECRET_HEADER: SECRET}),
            update(message_id="9"),
            update(chat={"id": "41", "type": "private"}),
        ),
        forged=(update(secret="another"), update(secret=""), Delivery(update().body)),
        outgoing=_OUTGOING,
        sending=_sending(),
        failures={
            "blocked-by-the-customer": (_refusing(403, "bot was blocked by the user"), Refused),
            "no-such-chat": (_refusing(400, "chat not found"), Refused),
            "wrong-token": (_refusing(401), Refused),
            "too-many": (_refusing(429), Unreachable),
            "nobody-listens": (_nobody_listens, Unreachable),
            "answer-lost": (_sending(lambda: BotApi(drop=True)), Uncertain),
            "answer-lost-behind-a-gateway": (_refusing(502), Uncertain),
            "answer-unreadable": (_sending(lambda: BotApi(answer=b"<html>")), Uncertain),
            "answer-names-nothing": (_sending(lambda: BotApi(answer=_TELLS_NOTHING)), Uncertain),
        },
    ),
    AdapterCase(
        name="telegram-picture",
        make=adapter,
        genuine=update(text=None, caption="veja", photo=[{"file_id": "s"}, {"file_id": "l"}]),
        repeated=update(text=None, caption="veja", photo=[{"file_id": "s"}, {"file_id": "l"}]),
        another=update(2, text=None, document={"file_id": "d", "mime_type": "application/pdf"}),
        garbage=(update(message_id=None),),
        outgoing=Outbound(
            key="0190",
            channel="telegram",
            to=Party("external", "telegram:41"),
            sender="Sabiá",
            text="A nota.",
            files=(_PICTURE,),
        ),
        sending=_sending(),
    ),
    AdapterCase(
        name="telegram-somebody-else's-address",
        make=adapter,
        genuine=update(),
        repeated=update(),
        another=update(2),
        garbage=(),
        outgoing=Outbound(
            key="0190", channel="telegram", to=Party("phone", "+5511987654321"), sender="", text="a"
        ),
        failures={"no-telegram-address": (_sending(), Refused)},
    ),
]
