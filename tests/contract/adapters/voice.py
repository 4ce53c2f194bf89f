"""The voice channel under the contract. It takes calls; it cannot answer in writing."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from channels.port import Adapter, Outbound, Party, Refused
from channels.twilio_gate import Account
from channels.voice.adapter import VoiceAdapter
from tests.contract.adapters.case import AdapterCase
from tests.servers.twilio_standin import ACCOUNT_SID, AUTH_TOKEN, signed

_HOOK = "https://help.example/hooks/voice"
_CALL = {
    "CallSid": "CA" + "1" * 32,
    "CallStatus": "in-progress",
    "From": "+5511987654321",
    "To": "+551140041234",
}
_SOUND = {"RecordingUrl": "https://api.twilio.com/x/Recordings/RE1", "RecordingDuration": "12"}
_WORDS = {"TranscriptionSid": "TR1", "TranscriptionStatus": "completed", "TranscriptionText": "oi"}
_PIECE = {
    "CallSid": _CALL["CallSid"],
    "TranscriptionSid": "GT" + "4" * 32,
    "TranscriptionEvent": "transcription-content",
    "TranscriptionData": json.dumps({"transcript": "Fui cobrada duas vezes.", "confidence": 0.9}),
    "SequenceId": "2",
    "Final": "true",
}
_OVER = _CALL | {"CallStatus": "completed"}
_BACK = f"{_HOOK}?caller=%2B5511987654321&called=%2B551140041234"
_READY = {"CallSid": _CALL["CallSid"], "RecordingStatus": "completed"} | _SOUND


def _offline() -> VoiceAdapter:
    return VoiceAdapter(Account(ACCOUNT_SID, AUTH_TOKEN), webhook_url=_HOOK, company="Sabiá")


@contextmanager
def _giving() -> Iterator[Adapter]:
    yield _offline()


_GARBAGE = (signed(_HOOK, {}), signed(_HOOK, _SOUND), signed(_HOOK, _READY))
_FORGED = (
    signed(_HOOK, _CALL, token="another"),
    replace(signed("https://other.example/", _CALL), url=_HOOK),
)

CASES = [
    AdapterCase(
        name="voice-voicemail",
        make=_offline,
        genuine=signed(_HOOK, _CALL | _SOUND),
        repeated=signed(_BACK, _READY),
        another=signed(_HOOK, _CALL | _SOUND | {"CallSid": "CA" + "2" * 32}),
        garbage=_GARBAGE,
        forged=_FORGED,
        outgoing=Outbound(
            key="0190",
            channel="voice",
            to=Party("phone", "+5511987654321"),
            sender="+551140041234",
            text="Já devolvemos.",
        ),
        failures={"answering-in-writing": (_giving, Refused)},
    ),
    AdapterCase(
        name="voice-transcript",
        make=_offline,
        genuine=signed(_HOOK, _CALL | _SOUND | _WORDS),
        repeated=signed(_HOOK, _CALL | _SOUND | _WORDS),
        another=signed(_HOOK, _CALL | _SOUND),
        garbage=_GARBAGE,
        forged=_FORGED,
    ),
    AdapterCase(
        name="voice-utterance",
        make=_offline,
        genuine=signed(_BACK, _PIECE),
        repeated=signed(_BACK, _PIECE | {"Timestamp": "2026-01-05T12:00:09Z"}),
        another=signed(_BACK, _PIECE | {"SequenceId": "3"}),
        garbage=(
            *_GARBAGE,
            signed(_HOOK, _PIECE),
            signed(_BACK, _PIECE | {"SequenceId": ""}),
            signed(_BACK, _PIECE | {"TranscriptionSid": ""}),
            signed(_BACK, _PIECE | {"TranscriptionData": '{"transcript": "oi'}),
            signed(_BACK, _PIECE | {"TranscriptionData": "[" * 60_000}),
        ),
        forged=_FORGED,
    ),
    AdapterCase(
        name="voice-missed",
        make=_offline,
        genuine=signed(_HOOK, _OVER),
        repeated=signed(_HOOK, _OVER | {"RecordingStatus": "absent"}),
        another=signed(_HOOK, _OVER | {"CallSid": "CA" + "2" * 32}),
        garbage=_GARBAGE,
        forged=_FORGED,
    ),
]
