"""What a caller says in Portuguese, in the conversation of her call."""

import itertools
import json
from collections.abc import Mapping
from urllib.parse import parse_qs, urlencode

import pytest
from twilio.request_validator import RequestValidator

from channels.twilio_gate import with_query
from channels.voice import answer
from channels.voice.adapter import VoiceAdapter
from helpdesk.demo.twilio_forms import Listening, call_form, recording_form
from helpdesk.inbox.model import Inbound
from helpdesk.sla.model import MetricEvent
from helpdesk.tickets.model import Ticket
from tests.browser import Browser, hire
from tests.conftest import TestClock, drain
from tests.integration.phone.office import ANA, OURS, PUBLIC, Office
from tests.servers.twilio_standin import ACCOUNT_SID, AUTH_TOKEN

HOOK = f"{PUBLIC}/hooks/voice"
BACK = with_query(HOOK, caller=ANA, called=OURS)
PIECES = ["Oi, aqui é a Ana.", "Fui cobrada duas vezes.", "Me liguem amanhã."]
VOICEMAIL = "Recado de voz."


def posts(office: Office, form: Mapping[str, str], url: str = BACK) -> int:
    """Post a signed report and return what it was answered with."""
    signature = RequestValidator(AUTH_TOKEN).compute_signature(url, dict(form))
    answered = office.client.application.test_client().post(
        url.removeprefix(PUBLIC),
        data=urlencode(form),
        content_type="application/x-www-form-urlencoded",
        headers={"X-Twilio-Signature": signature},
    )
    return answered.status_code


def listening() -> Listening:
    return Listening(ACCOUNT_SID, "CA" + "1" * 32, "pt-BR")


def calls_in(office: Office, transcript: str) -> None:
    office.network.customer_calls(ANA, to=OURS, transcript=transcript, duration_s=9)
    drain(office.services)


def bodies(office: Office) -> list[str]:
    return [one.body for one in office.messages()]


def test_a_portuguese_voicemail_is_her_words_and_then_its_sound(office_on_both: Office) -> None:
    office = office_on_both
    calls_in(office, " ".join(PIECES))
    assert bodies(office) == [*PIECES, VOICEMAIL]
    assert [bool(one.media_url) for one in office.messages()] == [False, False, False, True]
    assert {one.ticket_id for one in office.messages()} == {office.ticket().id}
    assert {row.state for row in office.inbound()} == {"read"}
    assert len(office.files()) == 1


def test_the_queue_goes_on_showing_her_words_and_not_that_there_is_a_recording(
    office: Office,
) -> None:
    calls_in(office, " ".join(PIECES))
    assert office.ticket().snippet == "Me liguem amanhã."


def test_where_nobody_understood_the_queue_shows_that_there_is_a_recording(office: Office) -> None:
    office.text("Podem me ligar?")
    calls_in(office, "")
    assert office.ticket().snippet == VOICEMAIL


def test_an_english_line_keeps_the_transcript_of_its_recording(office: Office) -> None:
    voice = office.services.adapters["voice"]
    assert isinstance(voice, VoiceAdapter)
    voice._line = lambda: answer.Line(language="en")
    calls_in(office, "I was charged twice. Please call me.")
    assert bodies(office) == [VOICEMAIL, "I was charged twice. Please call me."]
    assert [one.facts for one in office.messages()] == [{}, {"transcript": "1"}]


def test_the_pieces_of_one_call_say_once_that_a_machine_heard_them(office: Office) -> None:
    for _ in range(2):
        calls_in(office, " ".join(PIECES))
    browser = Browser(office.client.application)
    assert browser.sign_in(hire(office.services, "admin")).status_code == 303
    page = browser.get(f"/inbox/{office.ticket().number}").get_data(as_text=True)
    assert page.count("transcrição automática") == page.count("<audio") == 2
    assert page.count("Fui cobrada duas vezes.") >= 2


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))), ids=str)
def test_reports_in_any_order_and_repeated_are_each_filed_once_in_one_ticket(
    office: Office, order: tuple[int, ...]
) -> None:
    told = listening()
    call = call_form(ACCOUNT_SID, ANA, OURS) | {"CallSid": told.call_sid}
    sound = call | {"CallStatus": "completed"} | recording_form(ACCOUNT_SID, 9)
    reports = [told.form("started"), told.hear("um"), told.hear("dois"), sound]
    for report in [reports[n] for n in order] * 2:
        assert posts(office, report) == 200
        drain(office.services)
    assert posts(office, told.form("stopped")) == 200
    drain(office.services)
    assert sorted(bodies(office)) == [VOICEMAIL, "dois", "um"]
    assert len(office.rows(Ticket)) == 1
    assert len(office.inbound()) == 5


def test_a_late_piece_joins_the_call_that_was_taken_for_a_missed_one(
    office_on_both: Office,
) -> None:
    office = office_on_both
    told = listening()
    over = call_form(ACCOUNT_SID, ANA, OURS) | {"CallSid": told.call_sid, "CallStatus": "completed"}
    for report in (over, told.hear("Me liguem.")):
        assert posts(office, report) == 200
        drain(office.services)
    assert bodies(office) == ["Chamada perdida, sem recado.", "Me liguem."]
    assert len(office.rows(Ticket)) == 1


def test_the_clocks_start_once_however_many_pieces_there_are(
    office_on_both: Office, clock: TestClock
) -> None:
    office = office_on_both
    told = listening()
    began = office.services.clock()
    for words in PIECES:
        assert posts(office, told.hear(words)) == 200
        drain(office.services)
        clock.forward(seconds=4)
    steps = office.rows(MetricEvent)
    assert sorted((one.metric, one.kind) for one in steps) == [
        ("first_response", "activate"),
        ("resolution", "activate"),
    ]
    assert office.ticket().waiting_since == began


@pytest.mark.parametrize("event", ["started", "stopped", "error", "content"])
def test_reports_without_final_words_are_kept_and_change_nothing(
    office: Office, event: str
) -> None:
    told = listening()
    more = {"TranscriptionData": '{"transcript": "talvez"}', "Final": "false"}
    for _ in range(2):
        form = told.form(event, **(more if event == "content" else {}))
        assert posts(office, form) == 200
    drain(office.services)
    assert (office.rows(Ticket), office.messages()) == ([], [])
    assert [row.state for row in office.inbound()] == ["read", "read"]
    assert all(event in row.external_key for row in office.inbound())


def test_a15_a_card_number_that_was_spoken_is_on_no_disk_and_the_copy_stays_json(
    office_on_both: Office,
) -> None:
    office = office_on_both
    calls_in(office, "meu cartão é 4111 1111\u00a01111 1111, código de segurança 123")
    assert bodies(office)[0] == ("meu cartão é **** ****\u00a0**** 1111, código de segurança ***")
    (row,) = office.rows(Inbound, Inbound.external_key.contains(":utterance:"))
    for one in office.inbound():
        assert b"4111" not in office.services.blobs.read(one.blob)
    (kept,) = parse_qs(office.services.blobs.read(row.blob).decode())["TranscriptionData"]
    assert json.loads(kept)["transcript"] == bodies(office)[0]


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        pytest.param({"TranscriptionData": '{"transcript": "oi'}, 200, id="broken-json"),
        pytest.param({"TranscriptionData": "[" * 60_000}, 200, id="bottomless-json"),
        pytest.param({"TranscriptionData": ""}, 200, id="no-words"),
        pytest.param({"SequenceId": ""}, 400, id="no-place"),
        pytest.param({"TranscriptionSid": "?"}, 400, id="of-nothing"),
    ],
)
def test_a_piece_that_nobody_can_read_is_held_for_a_person(
    office: Office, fields: dict[str, str], status: int
) -> None:
    assert posts(office, listening().hear("oi") | fields) == status
    drain(office.services)
    (row,) = office.inbound()
    assert (row.state, row.reason) == ("quarantined", "unreadable")
    assert office.messages() == []


def test_an_enormous_piece_is_bounded(office: Office) -> None:
    assert posts(office, listening().hear("ai " * 60_000)) == 200
    drain(office.services)
    (message,) = office.messages()
    assert 0 < len(message.body) <= 20_000


def test_a_number_that_the_network_disowns_is_nobodys_also_before_the_voicemail(
    office: Office,
) -> None:
    office.knows("Ana Prado", kind="phone", value=ANA)
    disowned = with_query(BACK, verstat="TN-Validation-Failed-C")
    assert posts(office, listening().hear("Devolvam tudo."), disowned) == 200
    drain(office.services)
    assert office.ticket().customer_id is None
