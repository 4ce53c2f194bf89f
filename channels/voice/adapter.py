"""The voice adapter: calls from customers, and calls of ours to them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from channels.port import (
    Answer,
    CallReport,
    Check,
    Delivery,
    File,
    Inbound,
    Outbound,
    Receipt,
    Refused,
)
from channels.twilio_check import check_number
from channels.twilio_gate import Account, read_form, read_signed_form, with_query
from channels.twilio_line import ask, fetch_recording
from channels.voice.answer import RING_S, Line, answer_call
from channels.voice.parse import key_of, parse

TOKEN_LIFE_S = 3600


@dataclass(frozen=True, slots=True)
class SoftphoneKey:
    """What signs a browser's way into the telephone network."""

    sid: str
    secret: str = field(repr=False)


class VoiceAdapter:
    """Calls from customers.

    `webhook_url` is the public address that the provider calls, for the call itself and
    for all that it reports about it. `line` is asked how our number answers now. With
    `live_transcripts` the provider writes down what is said on a voicemail in another
    language than English, which its account must have agreed to.
    """

    name = "voice"

    def __init__(
        self,
        account: Account,
        *,
        webhook_url: str,
        company: str,
        line: Callable[[], Line] = Line,
        softphone: SoftphoneKey | None = None,
        live_transcripts: bool = False,
    ) -> None:
        self._account = account
        self._webhook_url = webhook_url
        self._company = company
        self._line = line
        self._softphone = softphone
        self._live_transcripts = live_transcripts
        self.has_softphone = softphone is not None

    def receive(self, delivery: Delivery) -> str:
        return key_of(read_signed_form(delivery, self._account.token), delivery.url)

    def answer(self, delivery: Delivery) -> Answer:
        return answer_call(
            read_form(delivery.body),
            delivery.url,
            webhook_url=self._webhook_url,
            company=self._company,
            line=self._line,
            live_transcripts=self._live_transcripts,
        )

    def parse(self, delivery: Delivery) -> Iterable[Inbound | Receipt | CallReport]:
        return parse(delivery)

    def send(self, message: Outbound) -> str:  # noqa: ARG002  # the port's signature
        raise Refused("a call cannot be answered in writing; reply by SMS, WhatsApp or e-mail")

    def fetch_recording(self, url: str) -> File:
        """Download the sound behind `Inbound.data["recording_url"]`, 32 MiB at most.

        Raises `Refused`, or `Unreachable` where trying again may help.
        """
        return fetch_recording(self._account, url)

    def check(self, number: str) -> list[Check]:
        """Say whether a number of ours is set up for calls."""
        return check_number(
            self._account, number=number, channel=self.name, webhook_url=self._webhook_url
        )

    def ring_colleague(self, call_id: str, *, to: str, key: str, topic: str = "") -> str:
        """Take a caller out of the queue and ring a colleague for her.

        `to` is a number or `client:<id>`. Raises what `Adapter.send` raises.
        """
        url = with_query(self._webhook_url, step="connect", to=to, call=key, topic=topic)
        return ask(self._account, lambda client: client.calls(call_id).update(url=url))

    def bridge(self, *, colleague: str, customer: str, line: str, name: str, key: str) -> str:
        """Ring a colleague, then the customer; return the provider's id of the call.

        Raises what `Adapter.send` raises: a lost answer is `Uncertain`, and nobody is rung
        twice without a person asking for it.
        """
        url = with_query(
            self._webhook_url, step="bridge", to=customer, line=line, name=name, call=key
        )
        return ask(
            self._account,
            lambda client: client.calls.create(
                to=colleague,
                from_=line,
                url=url,
                timeout=RING_S,
                status_callback=with_query(self._webhook_url, step="leg", call=key),
                status_callback_event=["completed"],
            ),
        )

    def softphone_token(self, identity: str) -> str:
        """Return what lets a browser take calls as `client:<identity>` for an hour.

        Raises `Refused` where no key is set up.
        """
        from twilio.jwt.access_token import AccessToken
        from twilio.jwt.access_token.grants import VoiceGrant

        if self._softphone is None:
            raise Refused("no key for telephones in the browser is set up")
        token = AccessToken(
            self._account.sid,
            self._softphone.sid,
            self._softphone.secret,
            identity=identity,
            ttl=TOKEN_LIFE_S,
            grants=[VoiceGrant(incoming_allow=True)],
        )
        return str(token.to_jwt())
