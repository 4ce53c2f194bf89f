"""Mails, texts and chat messages flow while the product is killed again and again.

Each is in a ticket once, and each answer has left once or is shown as uncertain.
"""

import json
import random
import re
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from email.message import EmailMessage
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from uuid import UUID

import pytest
import socketio
from sqlalchemy import select

from helpdesk.bootstrap import build_services, wall_clock
from helpdesk.demo.loopback import post_signed
from helpdesk.demo.twilio_forms import text_form
from helpdesk.inbox.model import Inbound
from helpdesk.inbox.service import drain
from helpdesk.outbox.model import Outbound
from helpdesk.outbox.sending import mark_abandoned
from helpdesk.outbox.states import LEASE
from helpdesk.services import Services
from helpdesk.staff.agent import Agent
from helpdesk.tickets.desk import ReplyAsk, reply
from helpdesk.tickets.model import Message
from tests.chaos.test_killed_worker import supervisor_of
from tests.e2e.installation import SUPPORT, Installation, installation, wait_until_ready
from tests.servers.dovecot import missing_dovecot

pytestmark = [
    pytest.mark.imap,
    pytest.mark.skipif(missing_dovecot() is not None, reason=str(missing_dovecot())),
]

TOKEN = re.compile(r"(?:mail|sms|chat|answer)-\d+")
OUR_NUMBER = "+551140041234"
LONGEST_LIFE_S = 2.5  # of the product between two kills
LONGEST_S = 240  # for what a kill left behind to be read; only a failure takes so long
STARTS_WITHOUT_WAITING = 5  # each fifth time it may be killed while it starts
WRITERS = 25  # people who text, and visitors who chat


@dataclass(frozen=True)
class Size:
    kills: int
    mails: int
    texts: int
    chats: int


@pytest.fixture
def running(database_url: str, tmp_path: Path) -> Iterator[Installation]:
    with installation(tmp_path, database_url=database_url) as made:
        yield made


@dataclass
class Traffic:
    """One channel's customers: each message is offered until it is taken."""

    send: Callable[[int], bool]
    count: int
    taken: int = 0
    allowed: int = 0
    faults: list[Exception] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._more = threading.Condition()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def allow(self, up_to: int) -> None:
        with self._more:
            self.allowed = min(up_to, self.count)
            self._more.notify()

    def join(self) -> None:
        self.allow(self.count)
        self._thread.join(LONGEST_S)
        assert self.faults == []
        assert self.taken == self.count, "not every message was taken"

    def _run(self) -> None:
        try:
            while self.taken < self.count:
                with self._more:
                    self._more.wait_for(lambda: self.taken < self.allowed)
                if self.send(self.taken):
                    self.taken += 1
                else:
                    time.sleep(0.1)
        except Exception as fault:
            self.faults.append(fault)


class Customers:
    """How they reach us, and the visitors who keep their chat open."""

    def __init__(self, made: Installation) -> None:
        self.made = made
        self.address = made.url.removeprefix("http://")
        self._forms: dict[int, dict[str, str]] = {}  # a provider repeats with the same id

    def mail(self, number: int) -> bool:
        letter = EmailMessage()
        letter["From"] = f"Cliente <cliente{number}@exemplo.com.br>"
        letter["To"] = SUPPORT
        letter["Subject"] = f"Cobrança {number}"
        letter["Message-ID"] = f"<chaos.{number}@exemplo.com.br>"
        letter.set_content(f"Olá, não entendi a cobrança. mail-{number}")
        self.made.mailbox.deliver(letter.as_bytes())
        return True

    def text(self, number: int) -> bool:
        form = self._forms.setdefault(
            number,
            text_form(
                self.made.phone.account_sid,
                f"+55119876{number % WRITERS:05d}",
                OUR_NUMBER,
                f"Oi sms-{number}",
                name="",
                media=(),
            ),
        )
        url = f"{self.made.url}/hooks/sms"
        return 200 <= post_signed(url, form, token=self.made.phone.auth_token).status < 300

    def chat(self, number: int) -> bool:
        said = {
            "client_msg_id": f"message-{number:08d}",
            "text": f"Oi chat-{number}",
            "name": "Ana",
        }
        answer = self.ask(number, "POST", json.dumps(said))
        return answer is not None

    def ask(self, number: int, verb: str, body: str = "") -> bytes | None:
        """Return what the chat's door answers to a visitor; None: it could not be reached."""
        line = HTTPConnection(self.address, timeout=30)
        headers = {"Authorization": f"Bearer {secret_of(number)}"}
        headers |= {"Content-Type": "application/json"} if body else {}
        try:
            line.request(verb, "/chat/messages", body or None, headers)
            answer = line.getresponse()
            said = answer.read()
            assert answer.status in (200, 202, 429) or answer.status >= 500, said
            return said if answer.status in (200, 202) else None
        except (OSError, HTTPException):
            return None
        finally:
            line.close()

    def texts_shown(self, number: int) -> list[str]:
        """Return all that a visitor's window shows, page by page."""
        answer = self.ask(number, "GET")
        assert answer is not None
        page = json.loads(answer)
        assert not page["earlier"], "a window of this size holds all"
        return [str(item["text"]) for item in page["items"]]


class Visitor:
    """A browser with the chat open: its socket comes back by itself and hears hints."""

    def __init__(self, url: str, number: int) -> None:
        self.hints = 0
        self._line = socketio.Client(
            reconnection_delay=0.2, reconnection_delay_max=1, handle_sigint=False
        )
        self._line.on("hint", self._hear, namespace="/chat")
        self._line.connect(
            url,
            auth={"secret": secret_of(number)},
            namespaces=["/chat"],
            transports=["websocket"],
        )

    def _hear(self, *_: object) -> None:
        self.hints += 1

    @property
    def is_back(self) -> bool:
        return "/chat" in self._line.namespaces

    def close(self) -> None:
        self._line.shutdown()


def secret_of(number: int) -> str:
    return f"{number % WRITERS:04d}" + "a" * 39  # of the length of a real one


class Agents:
    """The people who answer, in this process: what they write is committed or refused."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.answers: dict[str, str] = {}  # token of the answer -> channel
        self._seen: set[UUID] = set()
        with services.reading() as session:
            self._agent: Agent = supervisor_of(session)

    def answer_some(self, most: int) -> None:
        with self.services.reading() as session:
            heard = session.execute(
                select(Message.id, Message.ticket_id, Message.channel)
                .where(Message.direction == "in", Message.id.not_in(self._seen))
                .order_by(Message.at.desc())
                .limit(most)
            ).all()
        for id, ticket_id, channel in heard:
            self._seen.add(id)
            token = f"answer-{len(self.answers)}"
            ask = ReplyAsk(channel=channel, body=f"Vimos aqui. {token}", client_msg_id=token)
            reply(self.services, self._agent, ticket_id, ask)
            self.answers[token] = channel


def restart(made: Installation, dice: random.Random, number: int) -> None:
    """Kill the product, wherever it is, and start it again."""
    made.kill()
    made.run("up", "--bind", made.url.removeprefix("http://"))
    if number % STARTS_WITHOUT_WAITING:
        wait_until_ready(made)
    time.sleep(dice.uniform(0, LONGEST_LIFE_S))


def wait_until_read(made: Installation, services: Services, count: int) -> None:
    """Wait until all deliveries are read; for what waits for its next try, let it be later."""
    deadline = time.monotonic() + LONGEST_S
    later = build_services(made.settings, clock=lambda: wall_clock() + timedelta(hours=1))
    try:
        drain(later)
    finally:
        later.db.close()
    while time.monotonic() < deadline:
        with services.reading() as session:
            heard = session.scalars(select(Message.id).where(Message.direction == "in")).all()
            unread = session.scalars(select(Inbound.id).where(Inbound.state == "new")).all()
        if len(heard) >= count and not unread:
            return
        time.sleep(0.5)
    raise AssertionError(f"{len(heard)} of {count} read, {len(unread)} new")


def wait_until_sent(made: Installation, services: Services) -> None:
    """Wait until nothing is to be sent. What a dead process was sending holds up the next."""
    deadline = time.monotonic() + LONGEST_S
    while time.monotonic() < deadline:
        end_leases(made)
        time.sleep(2)
        with services.reading() as session:
            left = session.scalars(
                select(Outbound.id).where(Outbound.state.in_(("queued", "sending")))
            ).all()
        if not left:
            return
    raise AssertionError(f"{len(left)} queued or being sent")


def end_leases(made: Installation) -> None:
    """Let it be later: what a dead process was sending is uncertain then."""
    later = build_services(made.settings, clock=lambda: wall_clock() + LEASE + timedelta(minutes=1))
    mark_abandoned(later)
    later.db.close()


def tokens(texts: Iterator[str]) -> Counter[str]:
    """Count in how many texts each token stands: a mail says the same in plain text and HTML."""
    return Counter(token for text in texts for token in set(TOKEN.findall(text)))


def check_heard(services: Services, size: Size) -> None:
    """Every message is in one ticket, once; every person has one conversation on a channel."""
    with services.reading() as session:
        rows = session.execute(
            select(Message.body, Message.ticket_id, Message.channel, Message.author_handle).where(
                Message.direction == "in"
            )
        ).all()
        states = Counter(session.scalars(select(Inbound.state)))
    wanted = {f"mail-{n}" for n in range(size.mails)}
    wanted |= {f"sms-{n}" for n in range(size.texts)}
    wanted |= {f"chat-{n}" for n in range(size.chats)}
    assert tokens(iter([row.body for row in rows])) == Counter(dict.fromkeys(wanted, 1))
    # News of what we sent comes in meanwhile; what customers said was waited for.
    assert set(states) <= {"read", "discarded", "new"}, states
    tickets: dict[tuple[str, str], set[UUID]] = {}
    for row in rows:
        if row.channel == "sms":
            tickets.setdefault((row.channel, row.author_handle), set()).add(row.ticket_id)
    assert {len(ids) for ids in tickets.values()} <= {1}, "a person has two open conversations"


def check_sockets(visitors: list[Visitor], customers: Customers) -> None:
    """Every visitor's line is back, and hears what is new in her conversation."""
    wait_for(lambda: all(visitor.is_back for visitor in visitors), "a socket did not come back")
    before = [visitor.hints for visitor in visitors]
    for number in range(len(visitors)):
        assert customers.chat(1000 * WRITERS + number)
    wait_for(
        lambda: all(one.hints > was for one, was in zip(visitors, before, strict=True)),
        "a visitor heard nothing",
    )


def wait_for(true: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + LONGEST_S
    while not true():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.1)


def check_answered(made: Installation, customers: Customers, agents: Agents) -> None:
    """Every answer left once, or it is shown that nobody knows."""
    left = tokens(one.raw.decode("utf-8", "replace") for one in made.sink.messages)
    left += tokens(one.body for one in made.phone.texts())
    with agents.services.reading() as session:
        states: dict[str, str] = {
            TOKEN.findall(body)[0]: state
            for body, state in session.execute(
                select(Message.body, Outbound.state).join(
                    Outbound, Outbound.message_id == Message.id
                )
            )
        }
    shown: Counter[str] = Counter()
    for number in range(WRITERS):
        shown += tokens(iter(customers.texts_shown(number)))
    assert not [token for token, times in shown.items() if times != 1]
    for token, channel in agents.answers.items():
        if channel == "chat":
            assert shown[token] == 1, token
        elif states[token] == "uncertain":
            assert left[token] <= 1, token
        else:
            assert (states[token] in ("sent", "delivered"), left[token]) == (True, 1), token


@pytest.fixture
def services(running: Installation) -> Iterator[Services]:
    """The product's own use cases in this process, for looking and for the agents."""
    made = build_services(running.settings)
    yield made
    made.db.close()


@pytest.fixture
def visitors(running: Installation) -> Iterator[list[Visitor]]:
    opened = [Visitor(running.url, number) for number in range(3)]
    yield opened
    for visitor in opened:
        visitor.close()


def test_every_message_arrives_once_however_often_we_are_killed(
    running: Installation, services: Services, visitors: list[Visitor], full: bool
) -> None:
    size = Size(100, 1000, 500, 500) if full else Size(3, 30, 15, 15)
    seed = random.SystemRandom().randrange(10**6)
    sys.stdout.write(f"seed {seed}\n")
    dice = random.Random(seed)
    customers, agents = Customers(running), Agents(services)
    flows = [
        Traffic(customers.mail, size.mails),
        Traffic(customers.text, size.texts),
        Traffic(customers.chat, size.chats),
    ]
    for number in range(size.kills):
        for flow in flows:
            flow.allow(flow.count * (number + 1) // size.kills)
        agents.answer_some(4)
        restart(running, dice, number)
    wait_until_ready(running)
    for flow in flows:
        flow.join()
    agents.answer_some(4)
    wait_until_read(running, services, size.mails + size.texts + size.chats)
    wait_until_sent(running, services)
    wait_until_read(running, services, size.mails + size.texts + size.chats)
    check_heard(services, size)
    check_answered(running, customers, agents)
    check_sockets(visitors, customers)
