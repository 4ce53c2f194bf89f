"""Web chat under the contract. Its deliveries come from our own server: there is no signature."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from channels.port import Adapter, Delivery, Outbound, Party
from channels.webchat.adapter import WebChatAdapter
from tests.contract.adapters.case import AdapterCase

_FRAME = {
    "chat_key": "c" * 48,
    "client_msg_id": "0b0e6a3e-1",
    "text": "Fui cobrada duas vezes",
    "name": "Mariana",
    "language": "pt-BR",
}


def _frame(**changes: object) -> Delivery:
    return Delivery(json.dumps(_FRAME | changes).encode())


@contextmanager
def _ready() -> Iterator[Adapter]:
    yield WebChatAdapter()


CASES = [
    AdapterCase(
        name="webchat",
        make=WebChatAdapter,
        genuine=_frame(),
        repeated=_frame(),
        another=_frame(client_msg_id="0b0e6a3e-2"),
        garbage=(
            Delivery(b""),
            Delivery(b"[]"),
            Delivery(b"{}"),
            Delivery(b"[" * 100_000),
            _frame(text=""),
            _frame(text="\0 \0"),
            _frame(text=["not", "text"]),
            _frame(text="x" * 4001),
            _frame(chat_key="k" * 65),
            _frame(client_msg_id=7),
            _frame(subject="s" * 201),
        ),
        outgoing=Outbound(
            key="0190", channel="chat", to=Party("chat", "c" * 48), sender="Sabiá", text="Olá"
        ),
        sending=_ready,
    )
]
