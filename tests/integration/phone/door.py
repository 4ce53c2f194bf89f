"""A small application with the phone adapters behind it: it stores first, then answers."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from flask import Flask, Response, request
from flask.typing import ResponseReturnValue
from werkzeug.serving import make_server

from channels.port import Adapter, BadSignature, CallReport, Delivery, Inbound, Receipt, Unreadable


class Door:
    """What has come in, once for each key, in the order of arrival."""

    def __init__(self, public_url: str = "") -> None:
        self.adapters: Mapping[str, Adapter] = {}
        self.stored: dict[tuple[str, str], Delivery] = {}
        self.refused: list[str] = []
        self.calls = 0
        self._lock = threading.Lock()
        app = Flask("door")
        app.add_url_rule("/hooks/<name>", view_func=self._take, methods=["POST"])
        self._server = make_server("127.0.0.1", 0, app, threaded=True)
        self.app_url = f"http://127.0.0.1:{self._server.server_port}"
        self.public_url = public_url or self.app_url

    def items(self) -> list[Inbound | Receipt | CallReport]:
        return [
            item
            for (name, _key), delivery in self.stored.items()
            for item in self.adapters[name].parse(delivery)
        ]

    def messages(self) -> list[Inbound]:
        return [item for item in self.items() if isinstance(item, Inbound)]

    def receipts(self) -> list[Receipt]:
        return [item for item in self.items() if isinstance(item, Receipt)]

    def _take(self, name: str) -> ResponseReturnValue:
        adapter = self.adapters[name]
        delivery = Delivery(
            body=request.get_data(),
            headers={key.lower(): value for key, value in request.headers.items()},
            url=self.public_url + request.full_path.removesuffix("?"),
        )
        with self._lock:
            self.calls += 1
            try:
                key = adapter.receive(delivery)
            except (BadSignature, Unreadable) as error:
                self.refused.append(str(error))
                return str(error), 403
            self.stored.setdefault((name, key), delivery)
        answer = adapter.answer(delivery)
        return Response(answer.body, answer.status, content_type=answer.content_type)

    def serve(self) -> None:
        self._server.serve_forever(poll_interval=0.05)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def open_door(public_url: str = "") -> Iterator[Door]:
    door = Door(public_url)
    thread = threading.Thread(target=door.serve, daemon=True)
    thread.start()
    try:
        yield door
    finally:
        door.close()
        thread.join(timeout=10)
