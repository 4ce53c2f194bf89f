"""Web chat as a channel. Nothing travels: the visitor's browser fetches what we hold."""

from collections.abc import Iterable

from channels.port import Answer, Delivery, Inbound, Outbound, Receipt
from channels.webchat.parse import read_file, read_frame, read_message


class WebChatAdapter:
    """Reads frames that our own server has accepted from a widget."""

    name = "chat"

    def receive(self, delivery: Delivery) -> str:
        frame = read_frame(delivery)
        return f"{frame['chat_key']}:{frame['client_msg_id']}"

    def answer(self, delivery: Delivery) -> Answer:  # noqa: ARG002
        return Answer('{"ok": true}', "application/json", 202)

    def parse(self, delivery: Delivery) -> Iterable[Inbound | Receipt]:
        frame = read_frame(delivery)
        return [read_message(frame, read_file(delivery, frame))]

    def send(self, message: Outbound) -> str:
        """The row itself is the delivery; the hint after the commit wakes the widget."""
        return message.key
