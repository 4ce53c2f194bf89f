"""What a visitor posts becomes one message in her conversation, and hers alone."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from helpdesk.events.service import Actor
from helpdesk.inbox.model import Inbound
from helpdesk.outbox.queries import reply_channels
from helpdesk.tickets.queries import lock_ticket
from helpdesk.tickets.service import set_status
from helpdesk.widget import service
from tests.conftest import TestClock, drain
from tests.integration.widget.visitor import ChatWorld, Visitor


def test_the_same_post_twenty_times_at_once_is_one_message(chat_on_both: ChatWorld) -> None:
    visitor = chat_on_both.visitor()
    with ThreadPoolExecutor(4) as pool:
        answers = list(
            pool.map(lambda _: visitor.says("once", client_msg_id="one-click"), range(20))
        )
    drain(chat_on_both.services)
    assert {answer.status_code for answer in answers} == {202}
    assert [message.body for message in chat_on_both.messages()] == ["once"]
    assert visitor.sees() == ["once"]


def test_the_same_id_in_another_conversation_is_another_message(chat: ChatWorld) -> None:
    for visitor in (chat.visitor(), chat.visitor()):
        visitor.says("hello", client_msg_id="one-click")
    assert len(chat.messages()) == len(chat.tickets()) == 2


def test_messages_stand_in_the_order_they_were_sent_in_before_any_job_runs(chat: ChatWorld) -> None:
    visitor = chat.visitor()
    for number in range(5):
        visitor.says(str(number))
    assert visitor.sees() == list("01234")
    assert drain(chat.services) >= 5  # the jobs find nothing left to do
    assert visitor.sees() == list("01234")


def test_a_message_that_cannot_be_read_at_once_is_read_by_its_job(
    chat: ChatWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the process was killed here")

    visitor = chat.visitor()
    with monkeypatch.context() as patched:
        patched.setattr(service, "read_one", broken)
        assert visitor.says("kept").status_code == 202
    assert visitor.sees() == []
    drain(chat.services)
    assert visitor.sees() == ["kept"]


def test_the_queue_shows_an_anonymous_visitor_as_one(chat: ChatWorld) -> None:
    chat.visitor().says("hello")
    assert chat.ticket().customer_name == "Visitante"
    assert chat.messages()[0].author_name == "Visitante"


def test_a_signed_visitor_is_linked_to_her_account(chat_on_both: ChatWorld) -> None:
    mariana = chat_on_both.customer("Mariana Prado", external="mariana.prado")
    chat_on_both.visitor("mariana.prado", "Mariana").says("hello")
    ticket = chat_on_both.ticket()
    assert ticket.customer_id == mariana
    assert ticket.customer_name == "Mariana Prado"
    assert chat_on_both.messages()[0].trust == "verified"
    ways = chat_on_both.look(lambda session: reply_channels(session, ticket))
    assert [way.channel for way in ways] == ["chat"]


def test_a_visitor_who_claims_an_address_is_not_linked_and_is_not_written_to_there(
    chat_on_both: ChatWorld,
) -> None:
    chat_on_both.customer("Mariana Prado", email="mariana@exemplo.com.br", external="mariana.prado")
    chat_on_both.visitor("mariana.prado", "Mariana").says("my card ends in 4417")
    stranger = chat_on_both.visitor()
    stranger.says("it is me", name="Mariana Prado", email="mariana@exemplo.com.br")
    hers, strangers = sorted(chat_on_both.tickets(), key=lambda ticket: ticket.number)
    assert hers.customer_id is not None
    assert strangers.customer_id is None
    ways = chat_on_both.look(lambda session: reply_channels(session, strangers))
    assert [way.channel for way in ways] == ["chat"]
    assert stranger.sees() == ["it is me"]
    trust = {message.body: message.trust for message in chat_on_both.messages()}
    assert trust == {"my card ends in 4417": "verified", "it is me": "bare"}


def test_a_proven_visitor_cannot_write_into_another_ones_conversation(chat: ChatWorld) -> None:
    for name in ("ana", "bia"):
        chat.customer(name.title(), external=name)
    ana = chat.visitor("ana", "Ana")
    ana.says("mine")
    bia = chat.visitor("bia", "Bia")
    bia.secret = ana.secret  # one browser, two people
    assert bia.says("mine too").status_code == 409
    assert [message.body for message in chat.messages()] == ["mine"]


def test_a_copied_token_opens_no_other_conversation_in_her_name(chat_on_both: ChatWorld) -> None:
    chat = chat_on_both
    chat.customer("Ana", external="ana")
    ana = chat.visitor("ana", "Ana")
    assert ana.says("mine").status_code == 202
    thief = Visitor(chat.app, ana.identity)
    refused = thief.says("give my money to this card", client_msg_id="stolen-1")
    assert (refused.status_code, refused.get_json()["error"]["field"]) == (422, "identity")
    assert thief.says("give my money", client_msg_id="stolen-1", identity="").status_code == 202
    assert ana.says("mine as well").status_code == 202
    hers, his = sorted(chat.tickets(), key=lambda ticket: ticket.number)
    assert (hers.customer_id is not None, his.customer_id) == (True, None)
    again = replace(ana, identity=chat.token("ana", "Ana"), secret=Visitor(chat.app).secret)
    assert again.says("from my telephone").status_code == 202  # another token of hers


def test_a_token_used_twice_at_once_vouches_in_one_conversation(chat_on_both: ChatWorld) -> None:
    chat = chat_on_both
    chat.customer("Ana", external="ana")
    token = chat.token("ana", "Ana")
    browsers = [Visitor(chat.app, token) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(lambda one: one.says("me").status_code, browsers))
    assert sorted(told) == [202, 422, 422, 422]
    assert len(chat.tickets()) == 1


def test_an_expired_token_is_told_so_that_the_message_can_go_unproven(
    chat: ChatWorld, clock: TestClock
) -> None:
    chat.customer("Ana", external="ana")
    ana = chat.visitor("ana", "Ana")
    ana.says("first")
    clock.forward(hours=2)
    refused = ana.says("second", client_msg_id="second-1")
    assert refused.status_code == 422
    assert refused.get_json()["error"]["field"] == "identity"
    assert ana.says("second", client_msg_id="second-1", identity="").status_code == 202
    assert [message.trust for message in chat.messages()] == ["verified", "bare"]


def test_a_message_after_the_end_opens_the_conversation_again_and_after_the_close_a_new_one(
    chat: ChatWorld,
) -> None:
    visitor = chat.visitor()
    visitor.says("one")
    settle(chat, "solved")
    assert visitor.reads()["solved_at"] is not None
    visitor.says("two")
    assert visitor.reads()["solved_at"] is None
    settle(chat, "closed")
    visitor.says("three")
    assert len(chat.tickets()) == 2
    assert visitor.sees() == ["one", "two", "three"]


def settle(chat: ChatWorld, status: str) -> None:
    ticket_id = chat.ticket().id
    with chat.services.begin() as tx:
        set_status(tx, lock_ticket(tx, ticket_id), status, actor=Actor.system())


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"client_msg_id": "long-enough", "text": ""}, id="empty"),
        pytest.param({"client_msg_id": "long-enough", "text": "\ud800\0"[1:]}, id="only-nul"),
        pytest.param({"client_msg_id": "long-enough", "text": "x" * 4001}, id="too-long"),
        pytest.param({"client_msg_id": "long-enough", "text": 7}, id="a-number"),
        pytest.param({"client_msg_id": "short", "text": "hi"}, id="a-short-id"),
        pytest.param({"client_msg_id": "no spaces please", "text": "hi"}, id="a-strange-id"),
        pytest.param({"client_msg_id": "x" * 65, "text": "hi"}, id="an-endless-id"),
        pytest.param({"text": "hi"}, id="no-id"),
        pytest.param(
            {"client_msg_id": "long-enough", "text": "hi", "subject": "ana"}, id="a-stolen-subject"
        ),
        pytest.param(
            {"client_msg_id": "long-enough", "text": "hi", "chat_key": "b" * 48},
            id="another-conversation",
        ),
        pytest.param(["hi"], id="a-list"),
    ],
)
def test_a_post_out_of_bounds_is_refused_by_name_and_keeps_nothing(
    chat: ChatWorld, body: Any
) -> None:
    visitor = chat.visitor()
    answer = chat.app.test_client().post("/chat/messages", json=body, headers=visitor.headers())
    assert answer.status_code == 422
    assert answer.get_json()["error"]["code"] == "invalid_input"
    assert chat.look(lambda session: list(session.scalars(select(Inbound)))) == []


def test_half_characters_are_kept_as_something_a_database_can_hold(chat_on_both: ChatWorld) -> None:
    visitor = chat_on_both.visitor()
    assert visitor.says("a\0b \ud800 c", name="\udfff").status_code == 202
    assert visitor.sees() == ["ab ? c"]


def test_a_card_number_is_masked_before_it_is_first_written(chat: ChatWorld) -> None:
    visitor = chat.visitor()
    visitor.says("meu cartão:\u00a04111 1111 1111 1111")
    assert visitor.sees() == ["meu cartão:\u00a0**** **** **** 1111"]
    (row,) = chat.look(lambda session: list(session.scalars(select(Inbound))))
    assert b"4111" not in chat.services.blobs.read(row.blob)


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer short", "Basic " + "A" * 43])
def test_without_a_secret_nothing_is_kept_or_shown(chat: ChatWorld, header: str) -> None:
    client = chat.app.test_client()
    headers = {"Authorization": header} if header else {}
    body = {"client_msg_id": "long-enough", "text": "hi"}
    answers = [
        client.post("/chat/messages", json=body, headers=headers),
        client.get("/chat/messages", headers=headers),
        client.post("/chat/seen", json={"id": "x", "state": "read"}, headers=headers),
    ]
    assert [answer.status_code for answer in answers] == [401, 401, 401]
    assert chat.tickets() == []


def test_a_post_larger_than_any_message_is_not_even_read(chat: ChatWorld) -> None:
    visitor = chat.visitor()
    body = {"client_msg_id": "long-enough", "text": "hi", "page": "p" * 70_000}
    answer = chat.app.test_client().post("/chat/messages", json=body, headers=visitor.headers())
    assert answer.status_code in (413, 422)
    assert chat.tickets() == []
