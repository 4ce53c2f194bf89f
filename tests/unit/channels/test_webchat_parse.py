"""Reading the frames of the chat widget."""

import json

import pytest

from channels.port import Delivery, Inbound, Unreadable
from channels.webchat.adapter import WebChatAdapter

FRAME = {"chat_key": "a" * 48, "client_msg_id": "id-00001", "text": "oi"}


def parsed(**changes: object) -> Inbound:
    delivery = Delivery(json.dumps(FRAME | changes).encode())
    adapter = WebChatAdapter()
    assert adapter.receive(delivery) == f"{'a' * 48}:id-00001"
    (item,) = adapter.parse(delivery)
    assert isinstance(item, Inbound)
    return item


@pytest.mark.parametrize("length", [1, 4000])
def test_a_message_may_be_as_long_as_the_field_lets_it(length: int) -> None:
    assert parsed(text="x" * length).text == "x" * length


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"text": "x" * 4001}, id="too-long"),
        pytest.param({"text": " \n\t "}, id="only-blanks"),
        pytest.param({"text": "\0"}, id="nothing-that-can-be-stored"),
        pytest.param({"text": 5}, id="a-number"),
        pytest.param({"name": {"first": "Ana"}}, id="an-object-for-a-name"),
        pytest.param({"chat_key": ""}, id="no-conversation"),
        pytest.param({"client_msg_id": "i" * 65}, id="an-endless-id"),
    ],
)
def test_a_frame_outside_its_bounds_is_unreadable(changes: dict[str, object]) -> None:
    with pytest.raises(Unreadable):
        parsed(**changes)


def test_an_anonymous_visitor_writes_from_her_conversation_whatever_she_claims() -> None:
    item = parsed(email="mariana@exemplo.com.br", name="Mariana")
    assert (item.sender.kind, item.sender.value) == ("chat", "a" * 48)
    assert not item.sender.verified
    assert item.trust == "bare"
    assert item.data["email"] == "mariana@exemplo.com.br"


def test_a_proven_visitor_writes_from_her_external_id() -> None:
    item = parsed(subject="mariana.prado", name="Mariana")
    assert (item.sender.kind, item.sender.value) == ("external", "mariana.prado")
    assert item.sender.verified
    assert item.trust == "verified"
    assert item.thread_key == "a" * 48


def test_what_no_database_holds_is_taken_out() -> None:
    item = parsed(text="a\0b\ud800c", name="\udfffAna")
    assert item.text == "ab?c"
    assert item.sender.name == "?Ana"


def test_facts_and_names_are_cut_to_what_a_screen_can_show() -> None:
    item = parsed(name="n" * 500, page="p" * 5000)
    assert len(item.sender.name) == 120
    assert len(item.data["page"]) == 300
