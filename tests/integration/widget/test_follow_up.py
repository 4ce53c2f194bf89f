"""Answers that nobody read go by mail: once, to the right address, and come back."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from channels.port import Inbound, Outbound, Party
from channels.webchat.adapter import WebChatAdapter
from helpdesk.events.service import Actor
from helpdesk.inbox.service import read_one, store_delivery
from helpdesk.outbox.queries import reply_channels
from helpdesk.services import Services
from helpdesk.tickets.desk import note
from helpdesk.tickets.queries import lock_ticket
from helpdesk.tickets.service import set_status
from helpdesk.widget.follow_up import TOO_LATE, mail_what_was_not_read
from tests.conftest import TestClock, drain
from tests.integration.inbox.world import FakeAdapter, delivery
from tests.integration.tickets.desk import hire
from tests.integration.widget.test_before import with_widget
from tests.integration.widget.visitor import ChatWorld, Visitor

ANA = "ana@exemplo.com.br"
FIELDS = [
    {"name": "q1", "kind": "email", "label": {"pt_BR": "E-mail", "en": "Email"}, "required": False}
]


@dataclass
class Post:
    """A chat whose mails are collected instead of sent."""

    chat: ChatWorld
    email: FakeAdapter
    clock: TestClock

    def writes(self, visitor: Visitor, *, email: str = ANA, language: str = "en") -> UUID:
        answers = json.dumps({"q1": email} if email else {})
        answered = visitor.says("hello", widget="loja", answers=answers, language=language)
        assert answered.status_code == 202, answered.text
        return self.chat.ticket().id

    def sweeps(self, **later: float) -> list[Outbound]:
        """Let time pass and return what is mailed then."""
        self.clock.forward(**later)
        before = len(self.email.sent)
        mail_what_was_not_read(self.chat.services)
        drain(self.chat.services)
        return self.email.sent[before:]

    def answers(self, ticket_id: UUID, text: str) -> UUID:
        message = self.chat.answers(ticket_id, text)
        drain(self.chat.services)
        return message


def build(make: Callable[..., Services], url: str, clock: TestClock) -> Post:
    email = FakeAdapter("email")
    made = make(url, adapters={"chat": WebChatAdapter(), "email": email})
    settings = replace(made.settings, mail_address="suporte@sabia.example")
    chat = ChatWorld.build(replace(made, settings=settings))
    with_widget(chat, fields=FIELDS, hours={})
    return Post(chat, email, clock)


@pytest.fixture
def post(make_services: Callable[..., Services], sqlite_url: str, clock: TestClock) -> Post:
    return build(make_services, sqlite_url, clock)


@pytest.fixture
def post_on_both(
    make_services: Callable[..., Services], database_url: str, clock: TestClock
) -> Post:
    return build(make_services, database_url, clock)


def test_what_she_did_not_read_is_mailed_once_after_the_widget_s_minutes(
    post_on_both: Post,
) -> None:
    post = post_on_both
    visitor = post.chat.visitor()
    ticket_id = post.writes(visitor)
    post.answers(ticket_id, "First answer.")
    assert post.sweeps(minutes=9) == []
    post.answers(ticket_id, "Second answer.")
    (mail,) = post.sweeps(minutes=1)
    assert mail.to == Party("email", ANA)
    assert "First answer." in mail.text
    assert "Second answer." in mail.text
    assert "hello" not in mail.text  # she wrote it; it is nobody's news
    assert mail.text.startswith("You left the chat")
    assert mail.reply_to.startswith("suporte+r.")
    assert post.sweeps(minutes=1) == post.sweeps(hours=5) == []
    assert visitor.sees() == ["hello", "First answer.", "Second answer."]


def test_what_she_has_read_is_not_mailed(post: Post) -> None:
    visitor = post.chat.visitor()
    ticket_id = post.writes(visitor)
    visitor.has_seen(post.answers(ticket_id, "Read."), "read")
    post.answers(ticket_id, "Not read.")
    (mail,) = post.sweeps(minutes=10)
    assert "Not read." in mail.text
    assert "\nRead." not in mail.text


def test_a_browser_that_holds_an_answer_in_a_closed_window_has_not_read_it(post: Post) -> None:
    visitor = post.chat.visitor()
    ticket_id = post.writes(visitor)
    visitor.has_seen(post.answers(ticket_id, "Hidden."), "delivered")
    assert len(post.sweeps(minutes=10)) == 1


def test_a_message_left_outside_the_hours_is_a_ticket_and_its_answer_goes_by_mail_at_once(
    post: Post,
) -> None:
    with_widget(
        post.chat, key="fechada", fields=[], hours={"zone": "UTC", "days": {}, "closed": []}
    )
    visitor = post.chat.visitor()
    visitor.says("Please call back", widget="fechada", answers=json.dumps({"email": ANA}))
    post.answers(post.chat.ticket().id, "We shall.")
    (mail,) = post.sweeps(minutes=1)
    assert mail.to == Party("email", ANA)
    assert "We shall." in mail.text


def test_notes_and_what_the_product_says_are_not_mailed(post: Post) -> None:
    ticket_id = post.writes(post.chat.visitor())
    agent = hire(post.chat.services, "Camila")
    note(post.chat.services, agent, ticket_id, body="careful", client_msg_id=str(uuid4()))
    assert post.sweeps(hours=1) == []


def test_without_an_address_nothing_is_mailed_and_an_old_answer_is_no_news(post: Post) -> None:
    ticket_id = post.writes(post.chat.visitor(), email="")
    post.answers(ticket_id, "Nobody will read this.")
    assert post.sweeps(hours=1) == []
    other = post.chat.visitor()
    other.says("hi", widget="loja", answers=json.dumps({"q1": ANA}))
    late = next(ticket.id for ticket in post.chat.tickets() if ticket.id != ticket_id)
    post.answers(late, "Too late.")
    assert post.sweeps(seconds=TOO_LATE.total_seconds()) == []


def test_a12_the_address_of_another_s_customer_gets_the_mail_and_links_nothing(
    post: Post,
) -> None:
    post.chat.customer("Mariana Prado", email="mariana@exemplo.com.br")
    ticket_id = post.writes(post.chat.visitor(), email="mariana@exemplo.com.br")
    post.answers(ticket_id, "Hello.")
    assert [mail.to.value for mail in post.sweeps(minutes=10)] == ["mariana@exemplo.com.br"]
    ticket = post.chat.ticket()
    assert ticket.customer_id is None
    ways = post.chat.look(lambda session: reply_channels(session, ticket))
    assert [way.channel for way in ways] == ["chat"]  # no agent is offered the claim


def test_a12_a_proven_customer_is_written_to_at_a_proven_address_only(post: Post) -> None:
    post.chat.customer("Ana", external="ana", email="ana@casa.example")
    ana = post.chat.visitor("ana", "Ana")
    ticket_id = post.writes(ana, email="")
    post.clock.forward(hours=2)
    unproven = replace(ana, identity="")
    unproven.says("more", widget="loja", answers=json.dumps({"q1": "thief@exemplo.com.br"}))
    post.answers(ticket_id, "Your balance is 10.")
    assert [mail.to.value for mail in post.sweeps(minutes=10)] == ["ana@casa.example"]


def test_an_address_that_the_site_signs_comes_first(post: Post) -> None:
    post.chat.customer("Ana", external="ana", email="ana@casa.example")
    ana = post.chat.visitor("ana", "Ana")
    signed = post.chat.token("ana", "Ana", email="ana@trabalho.example")
    ticket_id = post.writes(replace(ana, identity=signed), email="")
    post.answers(ticket_id, "Hi.")
    assert [mail.to.value for mail in post.sweeps(minutes=10)] == ["ana@trabalho.example"]


def test_a_proven_customer_without_a_proven_address_is_not_written_to(post: Post) -> None:
    post.chat.customer("Ana", external="ana")
    ana = post.chat.visitor("ana", "Ana")
    ticket_id = post.writes(ana, email="")
    post.answers(ticket_id, "Hi.")
    assert post.sweeps(hours=1) == []


@pytest.mark.parametrize(
    ("sender", "lands"),
    [pytest.param(ANA, True, id="hers"), pytest.param("eve@example.com", False, id="another's")],
)
def test_her_answer_to_the_mail_lands_in_the_conversation_and_a_stranger_s_does_not(
    post: Post, sender: str, lands: bool
) -> None:
    ticket_id = post.writes(post.chat.visitor())
    post.answers(ticket_id, "Hello.")
    (mail,) = post.sweeps(minutes=10)
    token = mail.reply_to.partition("+r.")[2].partition("@")[0]
    row_id = arrives(post, sender=sender, reply_tokens=(token,))
    tickets = {ticket.id for ticket in post.chat.tickets()}
    assert (len(tickets) == 1) is lands
    said = [one.ticket_id for one in post.chat.messages() if one.body == "By mail."]
    assert (said == [ticket_id]) is lands
    assert row_id is not None


def arrives(post: Post, *, sender: str, reply_tokens: tuple[str, ...]) -> UUID:
    item: dict[str, Any] = {"reply_tokens": reply_tokens, "trust": "aligned"}
    mail = Inbound("email", "1:7", Party("email", sender), "By mail.", "By mail.", None, **item)
    row_id, _ = store_delivery(
        post.chat.services, source="email", channel="email", key="1:7", delivery=delivery(mail)
    )
    read_one(post.chat.services, row_id)
    return row_id


def test_a_sweep_that_stumbles_over_one_conversation_mails_the_others(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    from helpdesk.widget import follow_up

    first = post.writes(post.chat.visitor())
    post.answers(first, "one")
    other = post.chat.visitor()
    other.says("hi", widget="loja", answers=json.dumps({"q1": "bia@exemplo.com.br"}))
    post.answers(max(post.chat.tickets(), key=lambda ticket: ticket.number).id, "two")
    address_of = follow_up.address_of

    def stumble(session: Any, row: Any) -> str:
        if row.email == ANA:
            raise RuntimeError("a fault of ours")
        return address_of(session, row)

    monkeypatch.setattr(follow_up, "address_of", stumble)
    assert [mail.to.value for mail in post.sweeps(minutes=10)] == ["bia@exemplo.com.br"]


def test_a_solved_conversation_is_mailed_too(post: Post) -> None:
    ticket_id = post.writes(post.chat.visitor())
    post.answers(ticket_id, "Done.")
    with post.chat.services.begin() as tx:
        set_status(tx, lock_ticket(tx, ticket_id), "solved", actor=Actor.system())
    assert len(post.sweeps(seconds=timedelta(minutes=10).total_seconds())) == 1
