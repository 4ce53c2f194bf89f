"""A browser that asks after number N misses nothing and gets nothing twice."""

import random
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from helpdesk.events.service import Actor
from helpdesk.realtime.relay import CHAT
from helpdesk.tickets.desk import note, read
from helpdesk.tickets.queries import lock_ticket
from helpdesk.tickets.service import add_staff_message, set_status
from helpdesk.widget.model import Entry
from helpdesk.widget.queries import PAGE
from tests.integration.tickets.desk import hire
from tests.integration.widget.visitor import ChatWorld, Visitor

DROPS = 100


class Window:
    """What a browser does: it holds a list, and asks after the last number in it."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor = visitor
        self.texts: list[str] = []
        self.seq = 0

    def catches_up(self) -> None:
        later = True
        while later:
            page = self.visitor.reads(after=str(self.seq))
            for item in page["items"]:
                self.texts.append(item["text"])
                assert item["place"][0] == self.seq + 1
                self.seq = item["place"][0]
            later = page["later"]


def numbers(chat: ChatWorld) -> list[int]:
    return chat.look(lambda session: list(session.scalars(select(Entry.seq).order_by(Entry.seq))))


def test_f13_r7_a_hundred_lost_lines_leave_no_gap_and_nothing_twice(
    chat_on_both: ChatWorld,
) -> None:
    chat = chat_on_both
    visitor = chat.visitor()
    window = Window(visitor)
    visitor.says("the first")
    ticket_id, agent = chat.ticket().id, hire(chat.services, "Bruna")
    said, chance = ["the first"], random.Random(7)
    for drop in range(DROPS):
        socketio = chat.app.extensions["socketio"]
        line = socketio.test_client(chat.app, namespace=CHAT, auth={"secret": visitor.secret})
        for _ in range(chance.randrange(3)):  # while the line carries
            said.append(answer(chat, ticket_id, agent, f"answer {len(said)}"))
            if line.get_received(CHAT):
                window.catches_up()
        line.disconnect(CHAT)
        for _ in range(chance.randrange(3)):  # while it does not
            said.append(answer(chat, ticket_id, agent, f"answer {len(said)}"))
            visitor.says(mine := f"{drop}: {len(said)}", client_msg_id=f"message-{len(said)}")
            visitor.says(mine, client_msg_id=f"message-{len(said)}")  # its answer was lost
            said.append(mine)
    window.catches_up()
    assert window.texts == said
    assert numbers(chat) == list(range(1, len(said) + 1))


def answer(chat: ChatWorld, ticket_id: UUID, agent: Any, text: str) -> str:
    with chat.services.begin() as tx:
        ticket = lock_ticket(tx, ticket_id)
        add_staff_message(
            tx, ticket, agent,
            channel="chat", body=text, visibility="public", client_msg_id=None,
        )  # fmt: skip
    return text


def test_r7_numbers_have_no_hole_when_both_sides_write_at_once(chat_on_both: ChatWorld) -> None:
    chat = chat_on_both
    visitor = chat.visitor()
    visitor.says("the first")
    ticket_id, agent = chat.ticket().id, hire(chat.services, "Bruna")
    with ThreadPoolExecutor(4) as pool:
        hers = pool.map(visitor.says, [f"hers {number}" for number in range(10)])
        ours = pool.map(lambda n: answer(chat, ticket_id, agent, f"ours {n}"), range(10))
        assert {one.status_code for one in hers} == {202}
        assert len(set(ours)) == 10
    window = Window(visitor)
    window.catches_up()
    assert numbers(chat) == list(range(1, 22))
    assert len(set(window.texts)) == len(window.texts) == 21


def test_r7_an_answer_in_an_older_ticket_is_not_missed(chat: ChatWorld) -> None:
    visitor = chat.visitor()
    visitor.says("old")
    old, agent = chat.ticket().id, hire(chat.services, "Bruna")
    with chat.services.begin() as tx:
        set_status(tx, lock_ticket(tx, old), "closed", actor=Actor.system())
    visitor.says("new")
    window = Window(visitor)
    window.catches_up()
    answer(chat, old, agent, "about the old matter")
    window.catches_up()
    assert window.texts == ["old", "new", "about the old matter"]
    assert visitor.sees() == window.texts


def test_r7_more_than_a_page_was_missed(chat: ChatWorld) -> None:
    visitor = chat.visitor()
    visitor.says("0")
    ticket_id, agent = chat.ticket().id, hire(chat.services, "Bruna")
    for number in range(1, 2 * PAGE + 3):
        answer(chat, ticket_id, agent, str(number))
    window = Window(visitor)
    window.catches_up()
    assert window.texts == [str(number) for number in range(2 * PAGE + 3)]


def test_f14_a_line_that_lives_says_how_far_the_conversation_has_come(
    chat: ChatWorld,
) -> None:
    visitor = chat.visitor()
    socketio = chat.app.extensions["socketio"]
    line = socketio.test_client(chat.app, namespace=CHAT, auth={"secret": visitor.secret})
    assert line.emit("alive", namespace=CHAT, callback=True) == {"ok": True, "seq": 0}
    visitor.says("one")
    agent = hire(chat.services, "Bruna")
    note(chat.services, agent, chat.ticket().id, body="only ours", client_msg_id="a-note")
    assert line.emit("alive", namespace=CHAT, callback=True) == {"ok": True, "seq": 1}


def test_her_read_messages_are_told_by_number(chat: ChatWorld) -> None:
    visitor = chat.visitor()
    visitor.says("one")
    visitor.says("two")
    assert visitor.reads(after="2")["read_seq"] == 0
    ticket = chat.ticket()
    read(chat.services, hire(chat.services, "Bruna"), ticket.id, ticket.last_seq)
    visitor.says("three")
    assert visitor.reads(after="3")["read_seq"] == 2


@pytest.mark.parametrize("after", ["x", "-1", "", "1.5", "9" * 10, "²"])
def test_a_number_that_is_none_is_refused(chat: ChatWorld, after: str) -> None:
    answered = chat.app.test_client().get(
        "/chat/messages", query_string={"after": after}, headers=chat.visitor().headers()
    )
    assert answered.status_code == 422
