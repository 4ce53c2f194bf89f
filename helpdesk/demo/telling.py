"""Living through conversations: customers at their doors, agents at their desks."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select

from helpdesk.demo.diary import Diary
from helpdesk.demo.doors import PHONES, Doors
from helpdesk.demo.people import Person
from helpdesk.demo.stories import Story, Turn
from helpdesk.inbox.model import Inbound
from helpdesk.services import Services
from helpdesk.staff.agent import Agent
from helpdesk.staff.model import Staff
from helpdesk.staff.queries import as_agent
from helpdesk.tickets import desk
from helpdesk.tickets.desk import ReplyAsk

TRIAGE = "patricia.lemos@sabia.exemplo"  # who sorts what nobody has taken
MINUTE = timedelta(minutes=1)
CATEGORIES = {"solved": "solved", "pending": "waiting"}

Act = Callable[[Agent, UUID], object]  # agent, ticket


@dataclass(frozen=True, slots=True)
class Teller:
    """Writes stories into a diary."""

    services: Services
    doors: Doors
    diary: Diary
    agents: Mapping[str, Agent]  # by e-mail

    def tell(
        self, story: Story, person: Person, began: datetime, act: Act | None = None
    ) -> "Conversation":
        """Write all of a story down. `act` happens a minute after the first answer."""
        conversation = Conversation(self, story, person, act)
        at = began
        for number, turn in enumerate(story.turns):
            at += timedelta(minutes=turn.after)
            self.diary.write(at, conversation.turn(turn))
            if number == 0:
                self.diary.write(at, conversation.triage)
        if story.ends in CATEGORIES:
            self.diary.write(at + MINUTE, conversation.end)
        return conversation


@dataclass
class Conversation:
    """One story while it is lived."""

    teller: Teller
    story: Story
    person: Person
    act: Act | None
    first: UUID | None = None  # the delivery that began it
    name: str = ""

    def __post_init__(self) -> None:
        self.name = uuid.uuid4().hex

    def turn(self, turn: Turn) -> Callable[[], None]:
        def happen() -> None:
            match turn.who:
                case "customer":
                    delivery = self._write(turn)
                    self.first = self.first or delivery
                case "agent":
                    self._answer(turn)
                case "note":
                    desk.note(
                        self.teller.services,
                        self._agent(),
                        self.ticket_id,
                        body=turn.text,
                        client_msg_id=uuid.uuid4().hex,
                    )

        return happen

    def triage(self) -> None:
        """Sort what has come in: words, and who takes it."""
        agent = self.teller.agents[TRIAGE]
        if self.story.tags:
            desk.tag(self.teller.services, agent, self.ticket_id, add=frozenset(self.story.tags))
        if self.story.agent:
            taker = self._agent()
            desk.assign(self.teller.services, taker, self.ticket_id, taker.id)

    def end(self) -> None:
        category = CATEGORIES[self.story.ends]
        desk.change_category(self.teller.services, self._agent(), self.ticket_id, category)

    def later(self, act: Act) -> Callable[[], object]:
        """Return what its agent does with money while the conversation goes on."""
        return lambda: act(self._agent(), self.ticket_id)

    @property
    def ticket_id(self) -> UUID:
        assert self.first is not None
        with self.teller.services.reading() as session:
            found = session.scalar(select(Inbound.ticket_id).where(Inbound.id == self.first))
        assert found is not None, f"nothing became of: {self.story.subject}"
        return found

    def _write(self, turn: Turn) -> UUID:
        doors = self.teller.doors
        match turn.channel:
            case "email":
                return doors.mail(self.person, self.story.subject, turn.text, cc=self.story.cc)
            case "chat":
                return doors.chat(self.person, self.name, turn.text)
            case "voice":
                return doors.call(self.person, turn.text)
        return doors.text(self.person, turn.channel, turn.text)

    def _answer(self, turn: Turn) -> None:
        teller, agent = self.teller, self._agent()
        ask = ReplyAsk(channel=turn.channel, body=turn.text, client_msg_id=uuid.uuid4().hex)
        desk.reply(teller.services, agent, self.ticket_id, ask)
        at = teller.services.clock()
        if turn.channel in PHONES:
            teller.diary.write(at + MINUTE / 3, self._report)
        if self.act is not None:
            act, self.act = self.act, None
            teller.diary.write(at + MINUTE, lambda: act(agent, self.ticket_id))

    def _report(self) -> None:
        """The customer's phone says that the last text arrived."""
        mine = (
            sent
            for sent in reversed(self.teller.doors.sent)
            if sent.letter.to.value == self.person.phone
        )
        self.teller.doors.report(next(mine))

    def _agent(self) -> Agent:
        return self.teller.agents[self.story.agent or TRIAGE]


def agents_of(services: Services) -> dict[str, Agent]:
    """Return everybody who works here, as if signed in."""
    with services.reading() as session:
        return {
            one.email: as_agent(one, session_id=uuid.uuid4())
            for one in session.scalars(select(Staff))
        }
