"""What a caller is told and the provider is asked to do."""

from xml.etree import ElementTree

import pytest

from channels.port import BadSignature, Delivery, Outbound, Party, Refused
from channels.twilio_gate import Account
from channels.voice.adapter import VoiceAdapter
from channels.voice.answer import Line
from tests.servers.twilio_standin import ACCOUNT_SID, AUTH_TOKEN, signed

HOOK = "https://help.example/hooks/voice"
CALL = {
    "CallSid": "CA" + "1" * 32,
    "CallStatus": "ringing",
    "From": "+5511987654321",
    "To": "+551140041234",
}
BACK = f"{HOOK}?caller=%2B5511987654321&called=%2B551140041234"
RECORDED = {"RecordingUrl": "https://api.twilio.com/RE1", "RecordingDuration": "9"}


def make_adapter(
    language: str = "pt_BR", *, is_open: bool = True, live_transcripts: bool = True
) -> VoiceAdapter:
    return VoiceAdapter(
        Account(ACCOUNT_SID, AUTH_TOKEN),
        webhook_url=HOOK,
        company="Sabiá & Cia <Ltda>",
        line=lambda: Line(language=language, is_open=is_open),
        live_transcripts=live_transcripts,
    )


def answer(adapter: VoiceAdapter, form: dict[str, str]) -> ElementTree.Element:
    reply = adapter.answer(signed(HOOK, form))
    assert (reply.status, reply.content_type) == (200, "text/xml; charset=utf-8")
    return ElementTree.fromstring(reply.body)


def said(root: ElementTree.Element) -> str:
    return " ".join(say.text or "" for say in root.iter("Say"))


def test_a_caller_is_greeted_by_the_company_and_recorded() -> None:
    root = answer(make_adapter(), CALL)
    assert [verb.tag for verb in root] == ["Say", "Start", "Record", "Say", "Hangup"]
    assert "você ligou para Sabiá & Cia <Ltda>" in said(root)
    assert {say.get("language") for say in root.iter("Say")} == {"pt-BR"}


def test_all_that_is_reported_about_a_recording_says_who_called() -> None:
    (record,) = answer(make_adapter(), CALL).iter("Record")
    assert record.get("action") == BACK
    assert record.get("recordingStatusCallback") == BACK


def test_english_is_transcribed_from_the_recording() -> None:
    root = answer(make_adapter("en"), CALL)
    (record,) = root.iter("Record")
    assert (record.get("transcribe"), record.get("transcribeCallback")) == ("true", BACK)
    assert root.find("Start") is None


def test_portuguese_is_transcribed_while_the_caller_speaks() -> None:
    root = answer(make_adapter("pt_BR"), CALL)
    (noun,) = root.iterfind("Start/Transcription")
    assert noun.attrib == {
        "name": "voicemail",
        "track": "inbound_track",
        "languageCode": "pt-BR",
        "partialResults": "false",
        "statusCallbackUrl": BACK,
        "statusCallbackMethod": "POST",
    }
    (record,) = root.iter("Record")
    assert not {"transcribe", "transcribeCallback"} & set(record.attrib)


@pytest.mark.parametrize("language", ["pt_BR", "en"])
def test_nobody_is_listened_to_before_the_company_has_agreed(language: str) -> None:
    root = answer(make_adapter(language, live_transcripts=False), CALL)
    assert root.find("Start") is None
    (record,) = root.iter("Record")
    assert record.get("transcribe") == ("true" if language == "en" else None)


def test_what_the_network_says_of_the_caller_is_not_forgotten() -> None:
    caller = {"CallerName": "Ana", "StirVerstat": "TN-Validation-Failed-C"}
    (noun,) = answer(make_adapter(), CALL | caller).iterfind("Start/Transcription")
    assert noun.get("statusCallbackUrl") == (
        f"{BACK}&caller_name=Ana&verstat=TN-Validation-Failed-C"
    )


@pytest.mark.parametrize(
    ("language", "is_open", "words"),
    [
        ("pt_BR", True, "todos estão em atendimento"),
        ("pt_BR", False, "fora do horário"),
        ("en", True, "Everybody is with a customer"),
        ("en", False, "We are closed"),
    ],
)
def test_the_greeting_follows_language_and_hours(language: str, is_open: bool, words: str) -> None:
    assert words in said(answer(make_adapter(language, is_open=is_open), CALL))


def test_somebody_who_left_a_message_is_thanked() -> None:
    root = answer(make_adapter(), CALL | RECORDED | {"CallStatus": "in-progress"})
    assert [verb.tag for verb in root] == ["Say", "Hangup"]
    assert "Recebemos o seu recado" in said(root)


@pytest.mark.parametrize(
    "report",
    [
        pytest.param({"CallStatus": "completed"}, id="call-over"),
        pytest.param(RECORDED | {"RecordingStatus": "completed"}, id="sound-ready"),
        pytest.param({"TranscriptionSid": "TR1", "TranscriptionStatus": "completed"}, id="text"),
        pytest.param({"TranscriptionEvent": "transcription-started"}, id="listening"),
        pytest.param({"TranscriptionEvent": "transcription-content", "Final": "true"}, id="piece"),
        pytest.param({"TranscriptionEvent": "transcription-error"}, id="not-understood"),
    ],
)
def test_a_report_is_taken_in_silence(report: dict[str, str]) -> None:
    assert len(answer(make_adapter(), CALL | report)) == 0


def test_an_unsigned_call_is_refused() -> None:
    with pytest.raises(BadSignature):
        make_adapter().receive(Delivery(signed(HOOK, CALL).body, {}, HOOK))


def test_a_written_answer_to_a_call_is_refused_with_another_way() -> None:
    message = Outbound(
        key="1", channel="voice", to=Party("phone", "+5511987654321"), sender="", text="oi"
    )
    with pytest.raises(Refused, match="SMS"):
        make_adapter().send(message)
