"""What the holder of a secret may see, and what her seeing tells the staff."""

from uuid import uuid4

import pytest
from sqlalchemy import select

from helpdesk.events.model import Event
from helpdesk.outbox.model import Outbound
from helpdesk.tickets.desk import assign, note, read
from helpdesk.tickets.queries import lock_ticket
from helpdesk.tickets.service import add_staff_message
from helpdesk.widget.queries import PAGE
from tests.conftest import drain
from tests.integration.tickets.desk import hire, staff_writes
from tests.integration.widget.visitor import ChatWorld


def state_of(chat: ChatWorld, message_id: object) -> str:
    return chat.look(
        lambda session: session.scalars(
            select(Outbound.state).where(Outbound.message_id == message_id)
        ).one()
    )


def test_the_secret_of_another_conversation_sees_nothing(chat_on_both: ChatWorld) -> None:
    ana, bia = chat_on_both.visitor(), chat_on_both.visitor()
    ana.says("mine")
    assert bia.reads() == {
        "items": [],
        "earlier": False,
        "later": False,
        "last_seq": 0,
        "read_seq": 0,
        "agent": None,
        "here": False,
        "solved_at": None,
        "reachable": False,
        "open": True,
        "opens_at": None,
    }
    assert ana.sees() == ["mine"]


def test_notes_and_other_channels_are_not_shown(chat: ChatWorld) -> None:
    visitor = chat.visitor()
    visitor.says("hello")
    ticket_id = chat.ticket().id
    agent = hire(chat.services, "Bruna")
    note(chat.services, agent, ticket_id, body="she sounds angry", client_msg_id=str(uuid4()))
    staff_writes(chat.services, ticket_id, agent, text="sent by mail")
    chat.answers(ticket_id, "sent by chat")
    assert visitor.sees() == ["hello", "sent by chat"]


def test_the_message_of_another_conversation_is_no_place_to_read_from(chat: ChatWorld) -> None:
    ana, bia = chat.visitor(), chat.visitor()
    ana.says("mine")
    bia.says("hers")
    (item,) = ana.reads()["items"]
    assert bia.sees(before=item["id"]) == []


@pytest.mark.parametrize("before", ["x", "1", ""])
def test_a_place_that_is_none_is_refused(chat: ChatWorld, before: str) -> None:
    visitor = chat.visitor()
    answer = chat.app.test_client().get(
        "/chat/messages", query_string={"before": before}, headers=visitor.headers()
    )
    assert answer.status_code == 422


def test_a_long_conversation_is_read_in_pages_without_gap_or_repeat(
    chat_on_both: ChatWorld,
) -> None:
    visitor = chat_on_both.visitor()
    visitor.says("0")
    ticket_id = chat_on_both.ticket().id
    agent = hire(chat_on_both.services, "Bruna")
    with chat_on_both.services.begin() as tx:  # all at one instant: only their seq orders them
        ticket = lock_ticket(tx, ticket_id)
        for number in range(1, 2 * PAGE + 5):
            add_staff_message(
                tx, ticket, agent,
                channel="chat", body=str(number), visibility="public", client_msg_id=None,
            )  # fmt: skip
    found: list[str] = []
    query: dict[str, str] = {}
    while True:
        page = visitor.reads(**query)
        found = [item["text"] for item in page["items"]] + found
        if not page["earlier"]:
            break
        query = {"before": page["items"][0]["id"]}
    assert found == [str(number) for number in range(2 * PAGE + 5)]


def test_a_message_is_read_once_one_of_the_staff_has_read_that_far(chat: ChatWorld) -> None:
    visitor = chat.visitor()
    visitor.says("one")
    ticket = chat.ticket()
    assert [item["read"] for item in visitor.reads()["items"]] == [False]
    read(chat.services, hire(chat.services, "Bruna"), ticket.id, ticket.last_seq)
    visitor.says("two")
    assert [item["read"] for item in visitor.reads()["items"]] == [True, False]


def test_what_she_posted_comes_back_under_the_name_her_browser_gave_it(chat: ChatWorld) -> None:
    visitor = chat.visitor()
    visitor.says("one", client_msg_id="my-own-id-1")
    (item,) = visitor.reads()["items"]
    assert item["client_msg_id"] == "my-own-id-1"
    assert item["mine"]


def test_the_one_who_answers_is_named_and_the_one_who_owns_it_comes_first(chat: ChatWorld) -> None:
    visitor = chat.visitor()
    visitor.says("hello")
    assert visitor.reads()["agent"] is None
    chat.answers(chat.ticket().id, "hi")
    assert visitor.reads()["agent"]["name"].startswith("Bruna")
    owner = hire(chat.services, "Camila Duarte")
    assign(chat.services, owner, chat.ticket().id, owner.id)
    assert visitor.reads()["agent"] == {"name": "Camila", "initials": "CD"}
    assert visitor.reads()["here"] is True


def test_an_answer_is_delivered_once_fetched_and_read_once_seen(chat_on_both: ChatWorld) -> None:
    visitor = chat_on_both.visitor()
    visitor.says("hello")
    ticket_id = chat_on_both.ticket().id
    first, second = (chat_on_both.answers(ticket_id, text) for text in ("one", "two"))
    drain(chat_on_both.services)
    assert state_of(chat_on_both, first) == state_of(chat_on_both, second) == "sent"
    assert visitor.has_seen(first, "delivered").status_code == 204
    assert (state_of(chat_on_both, first), state_of(chat_on_both, second)) == ("delivered", "sent")
    visitor.has_seen(second, "read")
    assert state_of(chat_on_both, first) == state_of(chat_on_both, second) == "read"
    visitor.has_seen(second, "delivered")  # late news
    assert state_of(chat_on_both, second) == "read"


def test_seeing_the_same_twice_writes_one_line(chat: ChatWorld) -> None:
    visitor = chat.visitor()
    visitor.says("hello")
    answer = chat.answers(chat.ticket().id, "hi")
    drain(chat.services)
    for _ in range(3):
        visitor.has_seen(answer, "read")
    told = chat.look(
        lambda session: [
            data["state"]
            for data in session.scalars(select(Event.data).where(Event.kind == "message.state"))
        ]
    )
    assert told == ["sent", "read"]


def test_an_answer_seen_before_its_job_ran_is_not_sent_again(chat: ChatWorld) -> None:
    visitor = chat.visitor()
    visitor.says("hello")
    answer = chat.answers(chat.ticket().id, "hi")
    visitor.has_seen(answer, "read")
    drain(chat.services)
    assert state_of(chat, answer) == "read"


def test_nobody_settles_the_answers_of_another_conversation(chat: ChatWorld) -> None:
    ana, bia = chat.visitor(), chat.visitor()
    ana.says("hello")
    answer = chat.answers(chat.ticket().id, "hi")
    drain(chat.services)
    bia.says("hello")
    assert bia.has_seen(answer, "read").status_code == 204
    assert state_of(chat, answer) == "sent"
