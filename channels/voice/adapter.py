"""The voice adapter: a caller is greeted, leaves a voicemail, and gets an answer elsewhere."""

from collections.abc import Callable, Iterable

from channels.port import Answer, Delivery, File, Inbound, Outbound, Receipt, Refused
from channels.twilio_gate import Account, read_form, read_signed_form
from channels.twilio_line import fetch_recording
from channels.voice.answer import answer_call
from channels.voice.parse import key_of, parse
from channels.voice.phrases import PHRASES


class VoiceAdapter:
    """Calls from customers.

    `webhook_url` is the public address that the provider calls, for the call itself and
    for all that it reports about it. `is_open` is asked once for each call.
    """

    name = "voice"

    def __init__(
        self,
        account: Account,
        *,
        webhook_url: str,
        company: str,
        language: str = "pt_BR",
        is_open: Callable[[], bool] = lambda: True,
    ) -> None:
        self._account = account
        self._webhook_url = webhook_url
        self._company = company
        self._phrases = PHRASES[language]
        self._is_open = is_open

    def receive(self, delivery: Delivery) -> str:
        return key_of(read_signed_form(delivery, self._account.token))

    def answer(self, delivery: Delivery) -> Answer:
        return answer_call(
            read_form(delivery.body),
            webhook_url=self._webhook_url,
            phrases=self._phrases,
            company=self._company,
            is_open=self._is_open,
        )

    def parse(self, delivery: Delivery) -> Iterable[Inbound | Receipt]:
        return parse(delivery)

    def send(self, message: Outbound) -> str:  # noqa: ARG002  # the port's signature
        raise Refused("a call cannot be answered in writing; reply by SMS, WhatsApp or e-mail")

    def fetch_recording(self, url: str) -> File:
        """Download the sound behind `Inbound.data["recording_url"]`, 32 MiB at most.

        Raises `Refused`, or `Unreachable` where trying again may help.
        """
        return fetch_recording(self._account, url)
