"""Read what the provider posts about a call. Pure.

One call makes several deliveries. They are told apart by their fields alone:

call            CallStatus ringing: it waits for our TwiML; nothing to file
voicemail       RecordingUrl: posted twice, by <Record> itself (with From and To) and
                once the sound is ready (without); the first one counts
transcript      TranscriptionText: minutes later
missed          the call is over, or its recording came out empty

Every item of one call has `thread_key` = CallSid. The provider reports the end of every
call, also of one that left a voicemail, and this module cannot know which: an item with
`data["missed"]` is to be filed only where its `thread_key` holds nothing yet.
"""

from typing import Literal

from channels.port import Delivery, Inbound, Party, Unreadable
from channels.twilio_gate import (
    Form,
    as_word,
    from_query,
    read_number,
    read_party,
    read_stored_form,
    require_sid,
)

Step = Literal["call", "voicemail", "transcript", "missed", "none"]

_OVER = frozenset({"completed", "no-answer", "busy", "failed", "canceled"})
_LONGEST_TRANSCRIPT = 20_000  # characters; two minutes of speech have about 2,000


def step_of(form: Form) -> Step:
    """Say which part of a call a delivery reports."""
    if "TranscriptionSid" in form:
        return "transcript" if form.get("TranscriptionStatus") == "completed" else "none"
    if "RecordingStatus" in form or "RecordingUrl" in form:
        return _step_of_recording(form)
    if form.get("CallStatus") in _OVER:
        return "missed"
    return "call" if form.get("CallStatus") in ("ringing", "in-progress") else "none"


def _step_of_recording(form: Form) -> Step:
    status = form.get("RecordingStatus", "completed")  # <Record> itself names none
    if status == "in-progress":
        return "none"
    heard = status == "completed" and form.get("RecordingDuration", "") != "0"
    return "voicemail" if heard and form.get("RecordingUrl") else "missed"


def key_of(form: Form) -> str:
    """Name one delivery so that the two reports of one recording are one."""
    call = require_sid(form, "CallSid")
    step = step_of(form)
    if step == "none":
        words = ("TranscriptionStatus", "RecordingStatus", "CallStatus")
        status = next((form[word] for word in words if form.get(word)), "")
        return f"{call}:{as_word(status)}"
    return f"{call}:{step}"


def parse(delivery: Delivery) -> list[Inbound]:
    """Return the one message a delivery makes of a call, if it makes any."""
    form = read_stored_form(delivery.body)
    call = require_sid(form, "CallSid")
    step = step_of(form)
    if step in ("call", "none"):
        return []
    text = form.get("TranscriptionText", "").strip() if step == "transcript" else ""
    caller, trust = _read_caller(form, delivery.url, call)
    called = read_number(form.get("To") or from_query(delivery.url, "called"))
    return [
        Inbound(
            channel="voice",
            external_id=f"{call}:{step}",
            sender=caller,
            text=text[:_LONGEST_TRANSCRIPT],
            reply_text=text[:_LONGEST_TRANSCRIPT],
            sent_at=None,
            recipients=(called,) if called else (),
            trust="verified" if trust else "failed",
            thread_key=call,
            data=_facts(form, step, call),
        )
    ]


def _read_caller(form: Form, url: str, call: str) -> tuple[Party, bool]:
    """Return the caller and whether the network stands by the number.

    Reports about a recording do not say who called; the address that they are posted to
    does, and the signature covers it. Someone who hides the number is known by the call.
    """
    number = form.get("From") or from_query(url, "caller")
    if not number:
        raise Unreadable("the delivery does not say who called")
    proven = not form.get("StirVerstat", "").startswith("TN-Validation-Failed")
    name = form.get("CallerName", "")
    if read_number(number) is None:
        return Party("external", f"call:{call}", name), proven
    party = read_party(number, name=name)
    return Party(party.kind, party.value, party.name, verified=proven), proven


def _facts(form: Form, step: Step, call: str) -> dict[str, str]:
    facts = {"call_sid": call}
    if step == "missed":
        facts["missed"] = "1"
        facts["call_status"] = form.get("CallStatus") or form.get("RecordingStatus", "")
        facts["duration_s"] = form.get("CallDuration", "0")
        return facts
    if step == "transcript":
        facts["transcript"] = "1"
    else:
        facts["voicemail"] = "1"
        facts["duration_s"] = form.get("RecordingDuration", "")
    url = form.get("RecordingUrl", "")
    facts["recording_url"] = url
    facts["recording_sid"] = form.get("RecordingSid") or url.rpartition("/")[2]
    return facts
