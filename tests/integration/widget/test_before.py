"""What a visitor is asked before her first message, and what becomes of it."""

import json
from dataclasses import replace
from typing import Any

import pytest

from helpdesk.widget.model import Conversation, Widget
from helpdesk.widget.service import chat_key_of
from tests.conftest import TestClock
from tests.integration.widget.visitor import ChatWorld, Visitor

FIELDS: list[dict[str, Any]] = [
    {"name": "q1", "kind": "name", "label": {"pt_BR": "Nome", "en": "Name"}, "required": True},
    {"name": "q2", "kind": "email", "label": {"pt_BR": "E-mail", "en": "Email"}, "required": False},
    {
        "name": "q3",
        "kind": "choice",
        "label": {"pt_BR": "Assunto", "en": "Subject"},
        "required": True,
        "choices": ["Cobrança", "Outro"],
    },
]
HOURS = {"zone": "America/Sao_Paulo", "days": {"1": "09:00-18:00"}, "closed": []}
GOOD = {"q1": "Ana Reis", "q2": "Ana@Exemplo.com.br", "q3": "Cobrança"}


@pytest.fixture
def asking(chat_on_both: ChatWorld) -> ChatWorld:
    with_widget(chat_on_both)
    return chat_on_both


def with_widget(chat: ChatWorld, **changes: Any) -> None:
    values: dict[str, Any] = {
        "key": "loja",
        "name": "Loja",
        "colour": "#FFD400",
        "texts": {"en": {"title": "The shop", "away": "Gone fishing."}},
        "hours": HOURS,
        "fields": FIELDS,
        "greetings": [{"path": "/plans*", "delay_s": 5, "text": {"pt_BR": "Oi!", "en": "Hi!"}}],
        "origins": ["https://loja.example"],
        "mail_after_min": 10,
    }
    with chat.services.begin() as tx:
        tx.session.add(
            Widget(id=tx.new_id(), created_at=tx.at, changed_at=tx.at, **(values | changes))
        )


def asks(visitor: Visitor, answers: object, text: str = "hello", **more: Any) -> Any:
    posted = answers if isinstance(answers, str) else json.dumps(answers)
    return visitor.says(text, widget="loja", answers=posted, **more)


def conversation(chat: ChatWorld, visitor: Visitor) -> Conversation:
    return chat.look(lambda session: session.get_one(Conversation, chat_key_of(visitor.secret)))


def test_the_answers_arrive_with_the_first_message_and_only_the_team_sees_them(
    asking: ChatWorld,
) -> None:
    visitor = asking.visitor()
    assert asks(visitor, GOOD, page="Planos").status_code == 202
    message, note = asking.messages()
    assert (message.body, message.author_name, message.visibility) == (
        "hello",
        "Ana Reis",
        "public",
    )
    assert note.body.splitlines() == [
        "Nome: Ana Reis",
        "E-mail: ana@exemplo.com.br",
        "Assunto: Cobrança",
        "Página: Planos",
    ]
    assert note.visibility == "note"
    assert visitor.sees() == ["hello"]
    kept = conversation(asking, visitor)
    assert (kept.email, kept.email_by, kept.widget_key) == ("ana@exemplo.com.br", "visitor", "loja")


@pytest.mark.parametrize(
    ("answers", "field"),
    [
        pytest.param({}, "answers.q1", id="nothing"),
        pytest.param({"q1": " ", "q3": "Outro"}, "answers.q1", id="blanks"),
        pytest.param(GOOD | {"q2": "ana at home"}, "answers.q2", id="no-address"),
        pytest.param(GOOD | {"q3": "Grátis"}, "answers.q3", id="no-choice-of-ours"),
        pytest.param(GOOD | {"q1": "a" * 301}, "answers.q1", id="too-long"),
        pytest.param(GOOD | {"q9": "x"}, "answers", id="a-question-nobody-asked"),
        pytest.param("[1]", "answers", id="a-list"),
        pytest.param('{"q1": 1}', "answers", id="a-number"),
        pytest.param("{", "answers", id="broken"),
    ],
)
def test_a_form_that_is_wrong_is_refused_by_field_and_the_message_can_be_sent_again(
    chat: ChatWorld, answers: object, field: str
) -> None:
    with_widget(chat)
    visitor = chat.visitor()
    refused = asks(visitor, answers, client_msg_id="message-1")
    assert refused.status_code == 422
    assert refused.get_json()["error"]["field"] == field
    assert chat.tickets() == []
    assert asks(visitor, GOOD, client_msg_id="message-1").status_code == 202
    assert visitor.sees() == ["hello"]


def test_only_the_first_message_is_asked_for_answers(chat: ChatWorld) -> None:
    with_widget(chat)
    visitor = chat.visitor()
    asks(visitor, GOOD)
    assert asks(visitor, "").status_code == 202


def test_a_visitor_whom_her_site_names_is_asked_the_rest(chat: ChatWorld) -> None:
    with_widget(chat)
    chat.customer("Ana", external="ana")
    ana = chat.visitor("ana", "Ana")
    assert asks(ana, {}).get_json()["error"]["field"] == "answers.q3"
    assert asks(ana, {"q3": "Outro"}).status_code == 202
    assert chat.messages()[0].author_name == "Ana"


def test_a12_an_address_typed_in_the_form_finds_no_customer(chat: ChatWorld) -> None:
    with_widget(chat)
    chat.customer("Mariana Prado", email="mariana@exemplo.com.br")
    stranger = chat.visitor()
    asks(stranger, GOOD | {"q1": "Mariana Prado", "q2": "mariana@exemplo.com.br"})
    assert chat.ticket().customer_id is None
    assert chat.messages()[0].trust == "bare"


def test_a_card_number_in_the_form_is_masked(chat: ChatWorld) -> None:
    with_widget(chat)
    asks(chat.visitor(), GOOD | {"q1": "4111 1111 1111 1111"})
    said = " ".join(message.body + message.author_name for message in chat.messages())
    assert "4111 1111" not in said
    assert "1111" in said


def test_outside_the_hours_the_window_says_when_somebody_is_back(
    chat: ChatWorld, clock: TestClock
) -> None:
    with_widget(chat)
    visitor = chat.visitor()
    assert visitor.reads(key="loja")["open"] is True
    clock.forward(hours=12)  # Tuesday evening; the shop answers on Tuesdays
    told = visitor.reads(key="loja")
    assert (told["open"], told["opens_at"]) == (False, "2026-11-24T12:00:00+00:00")
    assert told["reachable"] is False
    asks(visitor, GOOD)
    assert conversation(chat, visitor).left_closed
    assert visitor.reads(key="loja")["reachable"] is True


def test_a_message_left_outside_the_hours_needs_no_form_of_its_own_to_name_an_address(
    chat: ChatWorld, clock: TestClock
) -> None:
    with_widget(chat, fields=[])
    clock.forward(hours=12)
    visitor = chat.visitor()
    assert asks(visitor, {"email": "ana@exemplo.com.br"}).status_code == 202
    assert conversation(chat, visitor).email == "ana@exemplo.com.br"


def test_each_widget_has_its_own_colour_words_questions_and_sites(chat: ChatWorld) -> None:
    with_widget(chat)
    client = chat.app.test_client()
    script = client.get("/widget.js?key=loja").text
    assert '"colour": "#FFD400", "ink": "#12161F"' in script
    assert '[["/plans*", 5, {' in script
    assert "--w: #FFD400" in client.get("/chat/theme.css?key=loja").text
    frame = client.get("/chat/frame?key=loja&lang=en")
    policy = frame.headers["Content-Security-Policy"]
    assert "frame-ancestors 'self' https://loja.example;" in policy
    for words in ("The shop", "Gone fishing.", 'name="q3"', "<option>Cobrança</option>"):
        assert words in frame.text


def test_a_widget_that_is_unknown_or_off_is_the_installation_s_own(
    chat: ChatWorld, clock: TestClock
) -> None:
    with_widget(chat, disabled_at=clock.at)
    for key in ("loja", "nobody", ""):
        page = chat.app.test_client().get(f"/chat/frame?key={key}&lang=en")
        assert "The shop" not in page.text
        assert page.status_code == 200


def test_what_a_site_signs_of_her_address_is_not_overruled_by_what_she_types(
    chat: ChatWorld, clock: TestClock
) -> None:
    with_widget(chat)
    chat.customer("Ana", external="ana")
    ana = chat.visitor("ana", "Ana")
    ana = replace(ana, identity=chat.token("ana", "Ana", email="Ana@Loja.example"))
    asks(ana, {"q3": "Outro"})
    assert conversation(chat, ana).email == "ana@loja.example"
    clock.forward(hours=2)
    unproven = replace(ana, identity="")
    assert asks(unproven, {"q2": "thief@exemplo.com.br"}).status_code == 202
    kept = conversation(chat, ana)
    assert (kept.email, kept.email_by, kept.subject) == ("ana@loja.example", "site", "ana")
