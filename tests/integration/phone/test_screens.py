"""The telephone room, our numbers, and what a conversation offers, as pages."""

import re
from uuid import uuid4

import jwt
import pytest

from channels.voice.adapter import SoftphoneKey, VoiceAdapter
from channels.voice.answer import Line
from helpdesk.phone.model import Call, MessageTemplate, OptOut, PhoneLine, StaffPhone
from tests.browser import Browser
from tests.browser import hire as hire_with_password
from tests.conftest import TestClock, drain
from tests.integration.phone.office import ANA, OURS, PUBLIC, Office

TEMPLATE = {
    "name": "retorno",
    "language": "pt_BR",
    "category": "utility",
    "provider_ref": "HX" + "1" * 32,
    "body": "Olá, {{1}}! Sobre {{2}}: podemos falar?",
    "labels": "nome, assunto",
}
HOURS = {f"day_{n}": "9:00-12:00, 13:00-18:00" for n in range(5)}


def browser(office: Office, role: str = "admin") -> Browser:
    made = Browser(office.client.application)
    answer = made.sign_in(hire_with_password(office.services, role))
    assert answer.status_code == 303
    return made


def text(answer: object) -> str:
    page: str = answer.get_data(as_text=True)  # type: ignore[attr-defined]
    return page


def test_an_agent_may_answer_and_call_and_not_set_numbers_up(office: Office) -> None:
    agent = browser(office, "agent")
    assert agent.get("/phone").status_code == 200
    assert agent.get("/phone/lines").status_code == 403
    assert agent.post("/phone/templates", TEMPLATE).status_code == 403


def test_a_stranger_is_sent_away_from_every_door(office: Office) -> None:
    visitor = Browser(office.client.application)
    for path in ("/phone", "/phone/calls", "/phone/lines"):
        assert visitor.get(path).status_code == 302


def test_a_voicemail_is_played_and_only_what_a_machine_heard_is_called_a_transcript(
    office: Office,
) -> None:
    office.network.customer_calls(ANA, to=OURS, transcript="Me liguem amanhã.", duration_s=9)
    drain(office.services)
    page = text(browser(office).get(f"/inbox/{office.ticket().number}"))
    assert page.count("<audio") == page.count("transcrição automática") == 1
    assert page.index("Me liguem amanhã.") < page.index("transcrição automática")
    assert office.files() != []  # the sound is kept, and not offered a second time as a file
    assert "/attachments/" in page
    assert ".wav" not in page


def test_hours_and_greeting_are_kept_and_read_by_the_line(office: Office) -> None:
    admin = browser(office)
    form = HOURS | {"language": "en", "greeting": "Hi!", "closed_greeting": "Later."}
    assert admin.post(f"/phone/lines/{OURS}", form).status_code == 303
    (line,) = office.rows(PhoneLine)
    assert line.hours["0"] == [["09:00", "12:00"], ["13:00", "18:00"]]
    assert (line.hours["6"], line.takes_queue) == ([], False)
    assert "09:00-12:00, 13:00-18:00" in text(admin.get("/phone/lines"))


@pytest.mark.parametrize("hours", ["9-18", "18:00-9:00", "9:00-12:00, 11:00-13:00", "nunca"])
def test_wrong_hours_are_refused_in_words_and_nothing_is_lost(office: Office, hours: str) -> None:
    admin = browser(office)
    answer = admin.post(
        f"/phone/lines/{OURS}",
        {"language": "en", "greeting": "Hi!", "closed_greeting": "", "day_0": hours},
    )
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in text(answer)
    assert 'value="Hi!"' in text(answer)
    assert office.rows(PhoneLine) == []


def test_a_number_that_is_not_ours_cannot_be_set(office: Office) -> None:
    form = {"language": "en", "greeting": "", "closed_greeting": ""}
    assert browser(office).post("/phone/lines/+5511900000000", form).status_code == 404


def test_testing_a_number_shows_each_step_and_what_is_wrong(office: Office) -> None:
    admin = browser(office)
    office.network.counter.numbers[OURS] = {"sms": "https://old.example/x"}
    page = text(admin.post(f"/phone/lines/{OURS}/sms/test", htmx=True))
    found = dict(re.findall(r'data-check="(\w+)" data-passed="(\w+)"', page))
    assert found == {"credentials": "yes", "number": "yes", "webhook": "no", "signature": "no"}
    assert "https://old.example/x" in page
    assert f"{PUBLIC}/hooks/sms" in page


def test_a_template_is_added_checked_and_paused(office: Office) -> None:
    admin = browser(office)
    for wrong in ({"body": "Olá {{2}}"}, {"labels": "nome"}, {"provider_ref": "SM1"}, {"name": ""}):
        assert admin.post("/phone/templates", TEMPLATE | wrong).status_code == 422
    assert admin.post("/phone/templates", TEMPLATE).status_code == 303
    assert admin.post("/phone/templates", TEMPLATE).status_code == 422  # known already
    (row,) = office.rows(MessageTemplate)
    assert row.labels == ["nome", "assunto"]
    admin.post(f"/phone/templates/{row.id}/turn")
    assert office.rows(MessageTemplate)[0].state == "paused"


def test_the_composer_offers_templates_outside_the_window_and_one_click_sends_one(
    office: Office, clock: TestClock
) -> None:
    admin = browser(office)
    admin.post("/phone/templates", TEMPLATE)
    office.text("Oi", channel="whatsapp")
    clock.forward(hours=30)
    admin = browser(office, "supervisor")
    ticket = office.ticket()
    page = text(admin.get(f"/inbox/{ticket.number}"))
    assert f'hx-get="/tickets/{ticket.id}/templates"' in page
    assert "só modelos" in page or "only templates" in page
    (row,) = office.rows(MessageTemplate)
    assert "Olá, {{1}}!" in text(admin.get(f"/tickets/{ticket.id}/templates"))
    address = f"/tickets/{ticket.id}/templates/{row.id}"
    form = {"client_msg_id": str(uuid4()), "value_1": "Ana", "value_2": "a cobrança"}
    assert admin.post(address, form | {"value_2": " "}, htmx=True).status_code == 422
    for _ in range(2):
        assert admin.post(address, form, htmx=True).status_code == 200
    drain(office.services)
    (sent,) = office.network.texts()
    assert sent.variables == {"1": "Ana", "2": "a cobrança"}


def test_whoever_opted_out_is_shown_and_refused_in_words(office: Office) -> None:
    office.text("Oi")
    office.text("PARAR")
    admin = browser(office)
    ticket = office.ticket()
    page = text(admin.get(f"/inbox/{ticket.number}"))
    assert "sem mensagens, a pedido do cliente" in page
    assert "pediu para não receber mais mensagens" in page
    form = {"channel": "sms", "body": "oi", "client_msg_id": str(uuid4()), "seen_seq": "99"}
    answer = admin.post(f"/tickets/{ticket.id}/reply", form, htmx=True)
    assert answer.status_code == 422
    assert "pediu para não receber" in text(answer)
    assert OURS not in text(answer)
    assert "PARAR" in text(admin.get("/phone/lines"))
    assert admin.post(f"/phone/opt-outs/sms/{ANA}/end").status_code == 303
    assert office.rows(OptOut)[0].ended_at is not None
    assert admin.post(f"/phone/opt-outs/sms/{ANA}/end").status_code == 404


def test_a_waiting_caller_is_answered_from_the_room(office: Office) -> None:
    voice = office.services.adapters["voice"]
    assert isinstance(voice, VoiceAdapter)
    voice._line = lambda: Line(has_queue=True)
    admin = browser(office)
    office.network.customer_calls(ANA, to=OURS, keys="1")
    drain(office.services)
    (call,) = office.rows(Call)
    assert f"/phone/calls/{call.id}/answer" in text(admin.get("/phone/calls"))
    assert admin.post(f"/phone/calls/{call.id}/answer").status_code == 409  # no telephone named
    assert admin.post("/phone/mine", {"number": "não sei"}).status_code == 422
    assert admin.post("/phone/mine", {"number": "(11) 3333-4444"}).status_code == 303
    assert admin.post(f"/phone/calls/{call.id}/answer").status_code == 303
    drain(office.services)
    office.settle()
    assert office.rows(Call)[0].state == "ended"
    page = text(admin.get(f"/inbox/{office.ticket().number}"))
    assert "Espera na linha, sobre cobranças" in page
    assert "falou com o cliente por" in page


def test_only_the_customers_own_numbers_may_be_called_from_a_conversation(office: Office) -> None:
    office.text("me liga no 11 97777-6666")
    admin = browser(office)
    admin.post("/phone/mine", {"number": "(11) 3333-4444"})
    ticket = office.ticket()
    address = f"/tickets/{ticket.id}/call"
    page = text(admin.get(address))
    assert re.findall(r'name="number" value="(\+\d+)"', page) == [ANA, "+5511977776666"]
    stranger = {"number": "+5511955554444", "key": str(uuid4())}
    assert admin.post(address, stranger, htmx=True).status_code == 409
    assert office.rows(Call) == []
    assert admin.post(address, stranger | {"number": ANA}, htmx=True).status_code == 200
    assert [one.number for one in office.rows(Call)] == [ANA]


def test_with_a_key_a_browser_may_take_calls_as_its_person_and_nobody_else(
    office: Office,
) -> None:
    voice = office.services.adapters["voice"]
    assert isinstance(voice, VoiceAdapter)
    voice._softphone, voice.has_softphone = (
        SoftphoneKey("SK1", "a secret of 32 characters, or so"),
        True,
    )
    agent = browser(office, "agent")
    assert "twilio.min.js" not in text(agent.get("/phone"))  # nobody asked for it yet
    assert agent.post("/phone/mine", {"browser": "1"}).status_code == 303
    page = agent.get("/phone")
    assert "/static/phone/softphone.js" in text(page)
    assert "wss://voice-js.roaming.twilio.com" in page.headers["Content-Security-Policy"]
    assert "microphone=(self)" in page.headers["Permissions-Policy"]
    assert "roaming" not in agent.get("/inbox").headers["Content-Security-Policy"]
    word = agent.post("/phone/token").get_json()["token"]
    claims = jwt.decode(
        word,
        "a secret of 32 characters, or so",
        algorithms=["HS256"],
        options={"verify_exp": False},
    )
    (mine,) = office.rows(StaffPhone)
    assert claims["grants"]["identity"] == mine.staff_id.hex
    assert claims["grants"]["voice"] == {"incoming": {"allow": True}}
    assert mine.number == f"client:{mine.staff_id.hex}"
    assert Browser(office.client.application).post("/phone/token").status_code in (302, 303)


def test_without_a_key_there_is_no_telephone_in_the_browser(office: Office) -> None:
    admin = browser(office)
    page = text(admin.get("/phone"))
    assert "softphone" not in page
    assert 'name="browser"' not in page
    assert admin.post("/phone/token").status_code == 404
    assert admin.post("/phone/mine", {"browser": "1"}).status_code == 404
    assert office.rows(StaffPhone) == []
