"""A caller, the greeting, the voicemail and its transcript against the sandbox phone network."""

import io
import wave

import pytest

from channels.port import Refused, Unreachable
from channels.twilio_gate import Account
from channels.twilio_line import fetch_recording
from channels.voice import answer
from tests.integration.phone.conftest import Line
from tests.servers.twilio_standin import ACCOUNT_SID, AUTH_TOKEN

ANA = "+5511987654321"
OURS = "+551140041234"


def test_an_english_voicemail_and_its_transcript_are_one_conversation(line: Line) -> None:
    line.voice._line = lambda: answer.Line(language="en")
    call = line.network.customer_calls(
        ANA, to=OURS, transcript="I was charged twice. Call me.", duration_s=12
    )
    items = line.door.messages()
    filed = [item for item in items if "missed" not in item.data]
    assert [(item.text, item.data.get("transcript", "")) for item in filed] == [
        ("", ""),
        ("I was charged twice. Call me.", "1"),
    ]
    assert {item.thread_key for item in items} == {call}
    assert {item.sender.value for item in items} == {ANA}
    assert filed[0].data["duration_s"] == "12"


def test_portuguese_is_heard_piece_by_piece_before_the_voicemail(line: Line) -> None:
    call = line.network.customer_calls(
        ANA, to=OURS, transcript="Fui cobrada duas vezes. Me liguem!", duration_s=12
    )
    items = line.door.messages()
    assert [(item.text, item.data.get("transcript", "")) for item in items] == [
        ("Fui cobrada duas vezes.", "1"),
        ("Me liguem!", "1"),
        ("", ""),
        ("", ""),
    ]
    assert {(item.thread_key, item.sender.value) for item in items} == {(call, ANA)}
    told = [key for _name, key in line.door.stored if "transcription-" in key]
    assert [key.split(":")[1] for key in told] == [
        "transcription-started",
        "transcription-stopped",
    ]
    assert line.door.refused == []


@pytest.mark.parametrize(
    ("language", "kinds"),
    [
        ("en", ["voicemail", "missed", "transcript"]),
        ("pt_BR", ["utterance", "voicemail", "missed"]),
    ],
)
def test_the_voicemail_is_known_before_the_call_is_reported_over(
    line: Line, language: str, kinds: list[str]
) -> None:
    line.voice._line = lambda: answer.Line(language=language)
    line.network.customer_calls(ANA, to=OURS, transcript="oi")
    assert [item.external_id.split(":")[1] for item in line.door.messages()] == kinds


def test_a_caller_who_hangs_up_during_the_greeting_is_a_missed_call(line: Line) -> None:
    call = line.network.customer_calls(ANA, to=OURS, duration_s=0)
    (item,) = line.door.messages()
    assert item.data["missed"] == "1"
    assert (item.thread_key, item.sender.value) == (call, ANA)


@pytest.mark.parametrize("language", ["en", "pt_BR"])
def test_a_voicemail_that_nobody_understood_has_no_transcript(line: Line, language: str) -> None:
    line.voice._line = lambda: answer.Line(language=language)
    line.network.customer_calls(ANA, to=OURS)
    assert not [item for item in line.door.messages() if item.data.get("transcript")]


def test_each_call_is_its_own_conversation(line: Line) -> None:
    for _ in range(2):
        line.network.customer_calls(ANA, to=OURS)
    assert len({item.thread_key for item in line.door.messages()}) == 2


def test_the_sound_can_be_played(line: Line) -> None:
    line.network.customer_calls(ANA, to=OURS, duration_s=3)
    voicemail = line.door.messages()[0]
    sound = line.voice.fetch_recording(voicemail.data["recording_url"])
    assert sound.media_type == "audio/wav"
    with wave.open(io.BytesIO(sound.content)) as file:
        assert file.getnframes() == 3 * file.getframerate()


@pytest.mark.parametrize(
    "url",
    [
        "http://api.twilio.com/2010-04-01/x",
        "https://api.twilio.com.evil.example/x",
        "https://api.twilio.com@evil.example/x",
        "https://169.254.169.254/latest",
        "file:///etc/passwd",
        "",
    ],
)
def test_the_token_goes_to_no_other_host(url: str) -> None:
    with pytest.raises(Refused, match="not kept at the provider"):
        fetch_recording(Account(ACCOUNT_SID, AUTH_TOKEN), url)


def test_a_recording_that_is_not_there_yet_may_be_asked_for_again(line: Line) -> None:
    missing = f"https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT_SID}/Recordings/REzz"
    with pytest.raises(Unreachable, match="404"):
        line.voice.fetch_recording(missing)


def test_too_long_a_recording_is_refused(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    line.network.customer_calls(ANA, to=OURS, duration_s=3)
    monkeypatch.setattr("channels.twilio_line.LARGEST_RECORDING", 1000)
    with pytest.raises(Refused, match="too large"):
        line.voice.fetch_recording(line.door.messages()[0].data["recording_url"])
