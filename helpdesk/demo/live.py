"""Simulated customers who write on every channel while somebody watches, and answer politely."""

import json
import random
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from threading import Event
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from helpdesk.bootstrap import build_services, wall_clock
from helpdesk.demo.cast import gather
from helpdesk.demo.loopback import WebhookFailed, loopback_end
from helpdesk.demo.mails import Answered, write_mail
from helpdesk.demo.people import Person
from helpdesk.demo.questions import QUESTIONS, THANKS, Question
from helpdesk.demo.sink import MailSink
from helpdesk.demo.twilio_standin import TwilioStandIn
from helpdesk.demo.views import signed
from helpdesk.inbox.service import ingest_mail
from helpdesk.services import Services
from helpdesk.settings import Settings

PAUSE_S = (3.0, 9.0)  # between two things that happen
MOST_WAITING = 8  # conversations without an answer; a queue that only grows is no demo
WAIT_S = 10
FROM_ABROAD = ("Hannah Lindqvist", "Mei Tanaka", "Oliver Grant")  # in no story of today

FAULTS = (OSError, HTTPException, WebhookFailed, SQLAlchemyError)  # the application may be away


@dataclass
class Talk:
    """One conversation as its customer remembers it."""

    person: Person
    question: Question
    secret: str  # of a chat
    heard: int = 0  # answers read
    said: int = 1
    answered: Answered | None = None  # the last mail from the company
    seen_mail: int = 0


class LiveCustomers:
    """What they do is decided by dice with a seed; when, by the clock on the wall."""

    def __init__(
        self,
        services: Services,
        crowd: list[Person],
        sink: MailSink,
        phones: TwilioStandIn,
        *,
        seed: int = 17,
    ) -> None:
        self._services, self._sink, self._phones = services, sink, phones
        self._dice = random.Random(seed)  # noqa: S311 - invented data, not a secret
        self._crowd = crowd
        self._dice.shuffle(self._crowd)
        self._talks: list[Talk] = []

    @classmethod
    def invite(
        cls, settings: Settings, count: int, sink: MailSink, phones: TwilioStandIn
    ) -> "LiveCustomers":
        """Gather the customers of a seeded company of `count`."""
        cast = gather(count, wall_clock().date())
        crowd = cast.free() + [cast.named(name) for name in FROM_ABROAD]
        return cls(build_services(settings), crowd, sink, phones)

    def live(self, ended: Event, *, pause_s: tuple[float, float] = PAUSE_S) -> None:
        """Write and answer until `ended` is set. Never raises for an application that is away."""
        try:
            while not ended.wait(self._dice.uniform(*pause_s)):
                try:
                    self.step()
                except FAULTS:
                    continue
        finally:
            self._services.db.close()

    def step(self) -> None:
        """Let one thing happen: an answer to an answer, else a new question."""
        if not self._application_answers():
            return
        for talk in self._talks:
            if talk.said < talk.question.patience and self._hear(talk):
                self._say(talk, self._dice.choice(THANKS[talk.person.language]))
                return
        unanswered = sum(talk.heard == 0 for talk in self._talks)
        if unanswered < MOST_WAITING and self._crowd:
            self._begin()

    def _begin(self) -> None:
        person = self._crowd.pop()
        fitting = [one for one in QUESTIONS if one.language == person.language]
        talk = Talk(person, self._dice.choice(fitting), secrets.token_urlsafe(32), said=0)
        self._say(talk, talk.question.text)
        self._talks.append(talk)

    def _say(self, talk: Talk, text: str) -> None:
        settings, person = self._services.settings, talk.person
        channel = talk.question.channel
        if channel == "voice" and talk.said:
            channel = "sms"  # a call is answered by text, and she by text as well
        match channel:
            case "email":
                self._mail(talk, text)
            case "sms":
                self._phones.customer_texts(person.phone, text, to=settings.sms_number)
            case "whatsapp":
                self._phones.customer_texts(
                    f"whatsapp:{person.phone}",
                    text,
                    to=f"whatsapp:{settings.whatsapp_number}",
                    name=person.name,
                )
            case "voice":
                self._phones.customer_calls(
                    person.phone,
                    to=settings.voice_number,
                    transcript=text,
                    duration_s=max(6, len(text) // 14),
                )
            case "chat":
                self._chat("POST", talk, self._frame(talk, text))
        talk.said += 1

    def _mail(self, talk: Talk, text: str) -> None:
        domain = talk.person.email.partition("@")[2]
        raw = write_mail(
            self._services.settings,
            talk.person,
            text=text,
            at=wall_clock(),
            message_id=f"{secrets.token_hex(12)}@mail.{domain}",
            subject=talk.question.subject,
            answers=talk.answered,
        )
        ingest_mail(self._services, raw)

    def _frame(self, talk: Talk, text: str) -> dict[str, str]:
        return {
            "client_msg_id": secrets.token_hex(16),
            "text": text,
            "page": "/site",
            "language": talk.person.language,
            "identity": signed(self._services, talk.person.key, talk.person.name),
        }

    def _hear(self, talk: Talk) -> bool:
        """Look for answers that this customer has not read yet."""
        before = talk.heard
        match talk.question.channel:
            case "email":
                for mail in self._sink.to(talk.person.email, after=talk.seen_mail):
                    talk.answered, talk.seen_mail = mail.read(), mail.number
                    talk.heard += 1
            case "chat":
                page: dict[str, Any] = json.loads(self._chat("GET", talk))
                items = page.get("items", [])
                talk.heard = sum(one.get("kind") == "message" and not one["mine"] for one in items)
            case "whatsapp":
                talk.heard = len(self._phones.texts(f"whatsapp:{talk.person.phone}"))
            case _:
                talk.heard = len(self._phones.texts(talk.person.phone))
        return talk.heard > before

    def _chat(self, method: str, talk: Talk, frame: Mapping[str, str] | None = None) -> bytes:
        body = json.dumps(frame).encode() if frame is not None else None
        headers = {"Authorization": f"Bearer {talk.secret}", "Content-Type": "application/json"}
        return self._ask(method, "/chat/messages", body, headers)

    def _application_answers(self) -> bool:
        self._ask("GET", "/healthz", None, {})
        return True

    def _ask(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> bytes:
        """Ask the application over HTTP, as a browser would. Raises `HTTPException`, `OSError`."""
        host, port = loopback_end(self._services.settings.public_url)
        connection = HTTPConnection(host, port, timeout=WAIT_S)
        try:
            connection.request(method, path, body, dict(headers))
            answer = connection.getresponse()
            content = answer.read()
            if not 200 <= answer.status < 300:
                raise HTTPException(f"{path} answered {answer.status}")
            return content
        finally:
            connection.close()
