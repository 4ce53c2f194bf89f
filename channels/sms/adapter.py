"""The SMS adapter."""

from collections.abc import Iterable

from channels.port import Answer, Delivery, Inbound, Outbound, Receipt, Refused
from channels.sms.parse import parse
from channels.twilio_gate import Account, read_signed_form, text_key, with_query
from channels.twilio_line import send_text

# The conversation goes on over REST; an answer in the webhook itself would have no key.
EMPTY_ANSWER = Answer(
    '<?xml version="1.0" encoding="UTF-8"?><Response/>', "text/xml; charset=utf-8"
)


class SmsAdapter:
    """Texts to and from telephones.

    `webhook_url` is the public address that the provider calls, for customers' messages
    and for what became of ours.
    """

    name = "sms"

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
        if message.to.kind != "phone":
            raise Refused(f"{message.to.value} is no telephone number")
        if message.files:
            raise Refused("files cannot be sent by SMS")
        return send_text(
            self._account,
            to=message.to.value,
            sender=message.sender,
            text=message.text,
            callback=with_query(self._webhook_url, key=message.key),
        )
