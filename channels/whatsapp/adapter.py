"""The WhatsApp adapter."""

from collections.abc import Iterable

from channels.port import Answer, Delivery, Inbound, Outbound, Receipt, Refused
from channels.twilio_gate import WHATSAPP, Account, read_signed_form, text_key, with_query
from channels.twilio_line import send_text
from channels.whatsapp.parse import parse

# The conversation goes on over REST; an answer in the webhook itself would have no key.
EMPTY_ANSWER = Answer(
    '<?xml version="1.0" encoding="UTF-8"?><Response/>', "text/xml; charset=utf-8"
)


class WhatsAppAdapter:
    """WhatsApp messages: the same provider and forms as SMS, under prefixed addresses.

    `webhook_url` is the public address that the provider calls, for customers' messages
    and for what became of ours.
    """

    name = "whatsapp"

    def __init__(self, account: Account, *, webhook_url: str) -> None:
        self._account = account
        self._webhook_url = webhook_url

    def receive(self, delivery: Delivery) -> str:
        return text_key(read_signed_form(delivery, self._account.token))

    def answer(self, delivery: Delivery) -> Answer:  # noqa: ARG002  # the port's signature
        return EMPTY_ANSWER

    def parse(self, delivery: Delivery) -> Iterable[Inbound | Receipt]:
        return parse(delivery)

    def send(self, message: Outbound) -> str:
        if message.to.kind != "whatsapp":
            raise Refused(f"{message.to.value} is no WhatsApp number")
        if message.files:
            raise Refused("files cannot be sent by WhatsApp from here")
        return send_text(
            self._account,
            to=WHATSAPP + message.to.value,
            sender=WHATSAPP + message.sender.removeprefix(WHATSAPP),
            text=message.text,
            callback=with_query(self._webhook_url, key=message.key),
        )
