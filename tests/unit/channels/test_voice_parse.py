"""Many deliveries about one call become at most a voicemail, its transcript or a missed call."""

import json
from contextlib import suppress
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.port import Delivery, Inbound, Unreadable
from channels.twilio_gate import read_form, with_query
from channels.voice.parse import key_of, parse

CALL = "CA" + "1" * 32
SOUND = "https://api.twilio.com/2010-04-01/Accounts/AC1/Recordings/RE" + "2" * 32
HOOK = "https://help.example/hooks/voice"
ENDS = {"From": "+5511987654321", "To": "+551140041234"}
RECORDING = {"RecordingUrl": SOUND, "RecordingDuration": "12"}


def post(url: str = HOOK, /, **fields: str) -> Delivery:
    return Delivery(urlencode({"CallSid": CALL} | fields).encode(), {}, url)


def key(delivery: Delivery) -> str:
    return key_of(read_form(delivery.body))


def only(delivery: Delivery) -> Inbound:
    (item,) = (one for one in parse(delivery) if isinstance(one, Inbound))
    return item


from_record = post(**ENDS, **RECORDING, CallStatus="in-progress", Digits="hangup")
from_callback = post(
    with_query(HOOK, caller=ENDS["From"], called=ENDS["To"]),
    **RECORDING,
    RecordingStatus="completed",
)


def test_a_voicemail_brings_its_sound_and_no_text() -> None:
    item = only(from_record)
    assert (item.channel, item.thread_key, item.text) == ("voice", CALL, "")
    assert item.sender.value == "+5511987654321"
    assert item.data == {
        "voicemail": "1",
        "call_sid": CALL,
        "duration_s": "12",
        "recording_url": SOUND,
        "recording_sid": "RE" + "2" * 32,
    }


def test_both_reports_of_one_recording_are_one_voicemail() -> None:
    assert key(from_record) == key(from_callback)
    assert only(from_record) == only(from_callback)


def test_a_report_that_does_not_say_who_called_is_kept_for_a_person() -> None:
    with pytest.raises(Unreadable, match="who called"):
        parse(post(**RECORDING, RecordingStatus="completed"))


def test_the_transcript_joins_the_thread_of_its_call() -> None:
    delivery = post(
        **ENDS,
        RecordingUrl=SOUND,
        TranscriptionSid="TR" + "3" * 32,
        TranscriptionStatus="completed",
        TranscriptionText=" Fui cobrada duas vezes. ",
    )
    item = only(delivery)
    assert (item.thread_key, item.text) == (CALL, "Fui cobrada duas vezes.")
    assert item.data["transcript"] == "1"
    assert item.data["recording_url"] == SOUND
    assert item.external_id != only(from_record).external_id


def test_sound_that_nobody_understood_makes_no_transcript() -> None:
    assert parse(post(**ENDS, TranscriptionSid="TR" + "3" * 32, TranscriptionStatus="failed")) == []


@pytest.mark.parametrize("status", ["completed", "no-answer", "busy", "canceled", "failed"])
def test_a_call_that_is_over_is_missed(status: str) -> None:
    item = only(post(**ENDS, CallStatus=status, CallDuration="4"))
    assert item.data["missed"] == "1"
    assert (item.thread_key, item.text) == (CALL, "")


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"RecordingStatus": "absent"}, id="absent"),
        pytest.param({"RecordingStatus": "failed", "RecordingUrl": SOUND}, id="failed"),
        pytest.param({"RecordingUrl": SOUND, "RecordingDuration": "0"}, id="no-sound"),
    ],
)
def test_an_empty_recording_is_the_same_missed_call(fields: dict[str, str]) -> None:
    empty = post(**ENDS, **fields)
    assert only(empty).data["missed"] == "1"
    assert key(empty) == key(post(**ENDS, CallStatus="completed"))


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"CallStatus": "ringing"}, id="a-new-call"),
        pytest.param({"CallStatus": "in-progress"}, id="a-running-call"),
        pytest.param({"RecordingStatus": "in-progress"}, id="a-running-recording"),
        pytest.param({"CallStatus": "queued"}, id="a-status-for-nobody"),
    ],
)
def test_a_call_that_goes_on_is_no_news(fields: dict[str, str]) -> None:
    assert parse(post(**ENDS, **fields)) == []


@pytest.mark.parametrize(
    "number", ["anonymous", "+266696687", "Restricted", "+8656696", "+86282452253"]
)
def test_callers_who_hide_their_number_are_not_one_person(number: str) -> None:
    first = only(post(From=number, To=ENDS["To"], **RECORDING))
    other = Delivery(
        urlencode({"CallSid": "CA" + "9" * 32, "From": number} | RECORDING).encode(), {}, HOOK
    )
    assert first.sender.kind == "external"
    assert first.sender.value != only(other).sender.value


def test_a_number_that_the_network_disowns_proves_nothing() -> None:
    item = only(post(**ENDS, **RECORDING, StirVerstat="TN-Validation-Failed-C"))
    assert not item.sender.verified
    assert item.trust == "failed"


def test_each_delivery_of_a_call_has_its_own_key() -> None:
    deliveries = [
        post(**ENDS, CallStatus="ringing"),
        from_record,
        post(**ENDS, CallStatus="completed"),
        post(**ENDS, TranscriptionSid="TR" + "3" * 32, TranscriptionStatus="completed"),
        post(**ENDS, TranscriptionSid="TR" + "3" * 32, TranscriptionStatus="failed"),
        post(**ENDS, RecordingStatus="in-progress"),
    ]
    keys = [key(delivery) for delivery in deliveries]
    assert len(set(keys)) == len(keys)


LISTENING = "GT" + "4" * 32
BACK = with_query(HOOK, caller=ENDS["From"], called=ENDS["To"])


def piece(text: str = "Fui cobrada.", /, *, url: str = BACK, **fields: str) -> Delivery:
    form = {
        "TranscriptionSid": LISTENING,
        "TranscriptionEvent": "transcription-content",
        "TranscriptionData": json.dumps({"transcript": text, "confidence": 0.93}),
        "SequenceId": "2",
        "Final": "true",
        "Track": "inbound_track",
        "LanguageCode": "pt-BR",
    }
    return post(url, **form | fields)


def test_what_was_heard_between_two_pauses_is_a_piece_of_the_call() -> None:
    item = only(piece(" Fui cobrada duas vezes. "))
    assert (item.thread_key, item.text) == (CALL, "Fui cobrada duas vezes.")
    assert item.reply_text == item.text
    assert (item.sender.value, item.recipients) == (ENDS["From"], (ENDS["To"],))
    assert item.data == {"call_sid": CALL, "transcript": "1"}
    assert item.external_id == f"{CALL}:utterance:{LISTENING}:2"


def test_each_piece_has_its_own_key_and_a_repeated_one_the_same() -> None:
    assert key(piece()) == key(piece(Timestamp="2026-01-05T12:00:09Z")) == key(piece("outra"))
    assert "0002" not in key(piece(SequenceId="0002"))
    others = [
        piece(SequenceId="3"),
        piece(SequenceId="22"),
        piece(TranscriptionSid="GT" + "5" * 32),
        piece(Final="false"),
        piece(TranscriptionEvent="transcription-started"),
        piece(TranscriptionEvent="transcription-stopped"),
        piece(TranscriptionEvent="transcription-error"),
        post(**ENDS, TranscriptionSid=LISTENING, TranscriptionStatus="completed"),
    ]
    assert len({key(piece()), *(key(one) for one in others)}) == len(others) + 1


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"TranscriptionEvent": "transcription-started"}, id="started"),
        pytest.param({"TranscriptionEvent": "transcription-stopped"}, id="stopped"),
        pytest.param({"TranscriptionEvent": "transcription-error"}, id="error"),
        pytest.param({"TranscriptionEvent": "transcription-pondered"}, id="unheard-of"),
        pytest.param({"Final": "false"}, id="may-change"),
        pytest.param({"TranscriptionData": '{"transcript": " "}'}, id="nothing-understood"),
    ],
)
def test_a_report_without_final_words_says_nothing(fields: dict[str, str]) -> None:
    assert parse(piece(**fields)) == []


def test_a_listening_that_ends_needs_no_number_and_no_words() -> None:
    ended = post(BACK, TranscriptionEvent="transcription-stopped")
    assert (parse(ended), key(ended)) == ([], f"{CALL}:transcription-stopped::")


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"TranscriptionSid": ""}, id="of-nothing"),
        pytest.param({"SequenceId": ""}, id="no-place"),
        pytest.param({"SequenceId": "-1"}, id="before-the-first"),
        pytest.param({"SequenceId": "9" * 400}, id="an-enormous-place"),
        pytest.param({"SequenceId": "２"}, id="a-digit-of-others"),
    ],
)
def test_a_piece_that_cannot_be_named_is_kept_for_a_person(fields: dict[str, str]) -> None:
    with pytest.raises(Unreadable):
        key(piece(**fields))


@pytest.mark.parametrize(
    "data",
    ["", "oi", '{"transcript": "oi', "[1]", "{}", '{"transcript": 7}', "[" * 60_000, "9" * 9_000],
    ids=lambda data: data[:12] or "nothing",
)
def test_words_that_are_not_what_was_agreed_are_kept_for_a_person(data: str) -> None:
    with pytest.raises(Unreadable, match="TranscriptionData"):
        parse(piece(TranscriptionData=data))


def test_a_piece_is_bounded_and_fit_for_every_database() -> None:
    assert len(only(piece("ai " * 30_000)).text) <= 20_000
    assert only(piece("a\0b \ud83d c")).text == "a\ufffdb ? c"


def test_a_piece_proves_no_number_that_the_network_disowns() -> None:
    caller = {"caller": ENDS["From"], "verstat": "TN-Validation-Failed-C", "caller_name": "Ana"}
    item = only(piece(url=with_query(HOOK, **caller)))
    assert (item.trust, item.sender.verified, item.sender.name) == ("failed", False, "Ana")


def test_a_piece_that_does_not_say_who_called_is_kept_for_a_person() -> None:
    with pytest.raises(Unreadable, match="who called"):
        parse(piece(url=HOOK))


FIELDS = st.dictionaries(
    st.sampled_from(
        [
            "CallSid",
            "CallStatus",
            "From",
            "RecordingUrl",
            "RecordingStatus",
            "TranscriptionSid",
            "TranscriptionEvent",
            "TranscriptionData",
            "SequenceId",
            "Final",
        ]
    ),
    st.one_of(
        st.text(max_size=12),
        st.sampled_from(["completed", "ringing", CALL, "+14155552671", "transcription-content"]),
        st.sampled_from(['{"transcript": "oi"}', '{"transcript": 1}', "7", "true"]),
    ),
)


@settings(deadline=None)  # the first number loads the tables of all countries
@given(FIELDS)
def test_any_form_is_read_or_refused_and_nothing_else(form: dict[str, str]) -> None:
    with suppress(Unreadable):
        for item in parse(Delivery(urlencode(form, errors="surrogatepass").encode(), {}, HOOK)):
            assert not isinstance(item, Inbound) or item.thread_key == form["CallSid"]
