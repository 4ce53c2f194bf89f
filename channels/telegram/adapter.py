"""The Telegram adapter."""

import hmac
from collections.abc import Iterable

from channels.port import (
    Answer,
    BadSignature,
    Delivery,
    File,
    Inbound,
    Outbound,
    Receipt,
    Refused,
    Uncertain,
)
from channels.telegram.client import Bot, call, download, is_picture
from channels.telegram.parse import ADDRESS, MEDIA, parse, read_update

SECRET_HEADER = "x-telegram-bot-api-secret-token"  # noqa: S105 - the header's name
LONGEST_TEXT = 4096  # characters of a message
LONGEST_CAPTION = 1024  # characters beside a file


class TelegramAdapter:
    """Messages to and from people who write to a bot."""

    name = "telegram"

    def __init__(self, bot: Bot) -> None:
        self._bot = bot

    def receive(self, delivery: Delivery) -> str:
        given = delivery.headers.get(SECRET_HEADER, "").encode("utf-8", "surrogateescape")
        if not self._bot.secret or not hmac.compare_digest(given, self._bot.secret.encode()):
            raise BadSignature("the secret token is not the one that the webhook was set with")
        return str(read_update(delivery.body)["update_id"])

    def answer(self, delivery: Delivery) -> Answer:  # noqa: ARG002 - the port's signature
        return Answer()

    def parse(self, delivery: Delivery) -> Iterable[Inbound | Receipt]:
        return parse(delivery)

    def send(self, message: Outbound) -> str:
        chat = message.to.value.removeprefix(ADDRESS)
        if not message.to.value.startswith(ADDRESS) or not chat.lstrip("-").isdecimal():
            raise Refused(f"{message.to.value} is nobody on Telegram")
        if len(message.files) > 1:
            raise Refused("one file at a time can be sent by Telegram")
        longest = LONGEST_CAPTION if message.files else LONGEST_TEXT
        if len(message.text) > longest:
            raise Refused(f"the message is longer than {longest} characters")
        fields = {"chat_id": chat, "caption" if message.files else "text": message.text}
        if not message.files:
            sent = call(self._bot, "sendMessage", fields)
        else:
            file = message.files[0]
            sent = call(
                self._bot, "sendPhoto" if is_picture(file) else "sendDocument", fields, file
            )
        try:
            return f"{chat}:{int(sent['message_id'])}"
        except (KeyError, TypeError, ValueError) as error:
            raise Uncertain("the provider's answer names no message") from error

    def fetch_media(self, url: str) -> File:
        """Download a file that came with a message. Raises `Refused` or `Unreachable`."""
        if not url.startswith(MEDIA):
            raise Refused("the file is not kept at Telegram")
        return download(self._bot, url.removeprefix(MEDIA))
