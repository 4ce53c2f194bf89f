"""How the sample company's customers reach it while its past is made: every channel's own door.

Deliveries are signed and stored as real ones are. Only the networks are missing: what the
company sends is kept here, and a provider's reports are handed in by the customer's phone.
"""

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID

from twilio.request_validator import RequestValidator

from billing_core.ports import Clock
from channels.port import Adapter, Answer, CallReport, Delivery, File, Inbound, Outbound, Receipt
from helpdesk.demo import twilio_forms as forms
from helpdesk.demo.loopback import Reply
from helpdesk.demo.mails import Answered, write_mail
from helpdesk.demo.people import Person
from helpdesk.demo.sound import make_wave
from helpdesk.demo.twilio_calls import LiveCall, Player
from helpdesk.demo.views import signed
from helpdesk.inbox.queries import inbound_id_of
from helpdesk.inbox.service import ingest_mail, store_delivery
from helpdesk.services import Services
from helpdesk.widget.service import ChatPost, chat_key_of, post_message

PHONES = ("sms", "whatsapp")


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that left the company, and when."""

    letter: Outbound
    provider_id: str
    at: datetime


class Recorded:
    """An adapter that reads as the real one does and keeps what it is handed to send."""

    def __init__(self, adapter: Adapter, sent: list[Sent], clock: Clock) -> None:
        self.name = adapter.name
        self._adapter, self._sent, self._clock = adapter, sent, clock

    def receive(self, delivery: Delivery) -> str:
        return self._adapter.receive(delivery)

    def answer(self, delivery: Delivery) -> Answer:
        return self._adapter.answer(delivery)

    def parse(self, delivery: Delivery) -> Iterable[Inbound | Receipt | CallReport]:
        return self._adapter.parse(delivery)

    def send(self, message: Outbound) -> str:
        provider_id = {
            "email": message.message_id,
            "chat": message.key,
        }.get(message.channel) or forms.new_sid("SM")
        self._sent.append(Sent(message, provider_id, self._clock()))
        return provider_id

    def fetch_recording(self, url: str) -> File:
        sid = url.rpartition("/")[2]
        return File(f"{sid}.wav", "audio/wav", make_wave(forms.recording_length(sid) or 1))


@dataclass
class Doors:
    """The customers' side of every channel. Each call hands in one thing and returns its row."""

    services: Services
    sent: list[Sent]
    _chats: dict[str, str] = field(default_factory=dict)  # secret by conversation

    def mail(self, person: Person, subject: str, text: str, *, cc: str = "") -> UUID:
        """Write a mail; one that answers if the company wrote to this subject before."""
        raw = write_mail(
            self.services.settings,
            person,
            text=text,
            at=self.services.clock(),
            message_id=f"{secrets.token_hex(12)}@mail.{person.email.partition('@')[2]}",
            subject=subject,
            answers=self._last_mail_to(person, subject),
            cc=cc,
        )
        return ingest_mail(self.services, raw)[0]

    def text(self, person: Person, channel: str, text: str) -> UUID:
        """Text by SMS or WhatsApp."""
        settings = self.services.settings
        prefix = "whatsapp:" if channel == "whatsapp" else ""
        number = settings.whatsapp_number if prefix else settings.sms_number
        form = forms.text_form(
            settings.twilio_account,
            prefix + person.phone,
            prefix + number,
            text,
            name=person.name,
            media=(),
        )
        return self._post(channel, form)

    def call(self, person: Person, transcript: str) -> UUID:
        """Ring, do as the line says, leave a voicemail and hang up. Its transcript comes at once."""
        settings, adapter = self.services.settings, self.services.adapters["voice"]
        voicemails: list[UUID] = []

        def post(url: str, form: Mapping[str, str]) -> Reply:
            delivery = self._sign(url, form)
            row = self._store("voice", delivery)
            if "RecordingUrl" in form:
                voicemails.append(row)
            answer = adapter.answer(delivery)
            return Reply(answer.status, answer.body)

        call = LiveCall(
            forms.call_form(settings.twilio_account, person.phone, settings.voice_number),
            f"{settings.public_url}/hooks/voice",
            duration_s=max(6, len(transcript) // 14),
            transcript=transcript,
        )
        Player(post, settings.twilio_account).begin(call)
        return voicemails[0]

    def chat(self, person: Person, conversation: str, text: str) -> UUID:
        """Write in the widget of the company's site, signed in there."""
        secret = self._chats.setdefault(conversation, secrets.token_urlsafe(32))
        ask = ChatPost(
            secret=secret,
            client_msg_id=secrets.token_hex(16),
            text=text,
            page="/site",
            language=person.language,
            identity=signed(self.services, person.key, person.name),
        )
        post_message(self.services, ask)
        key = f"{chat_key_of(secret)}:{ask.client_msg_id}"
        with self.services.reading() as session:
            stored = inbound_id_of(session, "chat", key)
        assert stored is not None
        return stored

    def report(self, sent: Sent) -> None:
        """Hand in what a telephone reports about a text that it got."""
        settings = self.services.settings
        prefix = "whatsapp:" if sent.letter.channel == "whatsapp" else ""
        text = forms.SentText(
            sid=sent.provider_id,
            sender=prefix + sent.letter.sender,
            to=prefix + sent.letter.to.value,
            body=sent.letter.text,
            callback="",
            status="read" if prefix else "delivered",
        )
        last = forms.status_forms(settings.twilio_account, text, backwards=False)[-1]
        self._post(sent.letter.channel, last, query={"key": sent.letter.key})

    def _last_mail_to(self, person: Person, subject: str) -> Answered | None:
        for sent in reversed(self.sent):
            letter = sent.letter
            if letter.to.value == person.email and letter.subject == f"Re: {subject}":
                return Answered(
                    reply_to=letter.reply_to,
                    message_id=letter.message_id,
                    references=letter.references,
                    subject=letter.subject,
                    text=letter.text,
                    at=sent.at,
                )
        return None

    def _post(
        self, channel: str, form: Mapping[str, str], *, query: Mapping[str, str] | None = None
    ) -> UUID:
        url = f"{self.services.settings.public_url}/hooks/{channel}"
        if query:
            url += f"?{urlencode(query)}"
        return self._store(channel, self._sign(url, form))

    def _sign(self, url: str, form: Mapping[str, str]) -> Delivery:
        token = self.services.settings.twilio_token
        signature = RequestValidator(token).compute_signature(url, dict(form))
        return Delivery(urlencode(form).encode(), {"x-twilio-signature": signature}, url)

    def _store(self, channel: str, delivery: Delivery) -> UUID:
        """Do what the webhook does with a signed form."""
        return store_delivery(
            self.services,
            source=channel,
            channel=channel,
            key=self.services.adapters[channel].receive(delivery),
            delivery=delivery,
        )[0]
