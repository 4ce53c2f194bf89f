"""Many deliveries about one call become at most a voicemail, its transcript or a missed call."""

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


FIELDS = st.dictionaries(
    st.sampled_from(
        ["CallSid", "CallStatus", "From", "RecordingUrl", "RecordingStatus", "TranscriptionSid"]
    ),
    st.one_of(
        st.text(max_size=12), st.sampled_from(["completed", "ringing", CALL, "+14155552671"])
    ),
)


@settings(deadline=None)  # the first number loads the tables of all countries
@given(FIELDS)
def test_any_form_is_read_or_refused_and_nothing_else(form: dict[str, str]) -> None:
    with suppress(Unreadable):
        for item in parse(Delivery(urlencode(form, errors="surrogatepass").encode(), {}, HOOK)):
            assert not isinstance(item, Inbound) or item.thread_key == form["CallSid"]
