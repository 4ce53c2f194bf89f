"""Read what the provider posts about a call. Pure.

One call makes several deliveries. What we sent the provider ourselves is told apart by
`step` in the address, which the signature covers; the rest by its fields alone:

call            CallStatus ringing: it waits for our TwiML; nothing to file
menu            a key was pressed, or none: the caller waits in the queue from here
hold, choice    words to a waiting caller, and the key she presses then
left            she came out of the queue
connect, talked a colleague's telephone rings for her; what became of that
bridge, bridged our own call: the colleague has picked up; what became of the customer's leg
leg             our own call: what became of the colleague's leg
voicemail       RecordingUrl: posted twice, by <Record> itself (with From and To) and
                once the sound is ready (without); the first one counts
transcript      TranscriptionText: minutes later, in English
utterance       TranscriptionEvent: what was heard between two pauses, in any other language,
                while she speaks; the voicemail itself comes after them
missed          the call is over, or its recording came out empty

Every item of one call has `thread_key` = CallSid. The provider reports the end of every
call, also of one that left a voicemail, and this module cannot know which: an item with
`data["missed"]` is to be filed only where its `thread_key` holds nothing yet.
"""

import json
import re
from collections.abc import Mapping
from typing import Literal, get_args

from channels.port import CallReport, CallStep, Delivery, Inbound, Party, Unreadable
from channels.twilio_gate import (
    Form,
    as_word,
    from_query,
    read_number,
    read_party,
    read_stored_form,
    require_sid,
)

Ours = Literal["menu", "hold", "choice", "left", "connect", "talked", "bridge", "bridged", "leg"]
Step = Literal[Ours, "call", "voicemail", "transcript", "utterance", "missed", "none"]

_OVER = frozenset({"completed", "no-answer", "busy", "failed", "canceled"})
_OURS = frozenset(get_args(Ours))
_LONGEST_TRANSCRIPT = 20_000  # characters; two minutes of speech have about 2,000


def step_of(form: Form, url: str = "") -> Step:
    """Say which part of a call a delivery reports."""
    named = from_query(url, "step")
    if named in _OURS:
        return named  # type: ignore[return-value]  # one of them
    if "TranscriptionEvent" in form:
        return _step_of_listening(form)
    if "TranscriptionSid" in form:
        return "transcript" if form.get("TranscriptionStatus") == "completed" else "none"
    if "RecordingStatus" in form or "RecordingUrl" in form:
        return _step_of_recording(form)
    if form.get("CallStatus") in _OVER:
        return "missed"
    return "call" if form.get("CallStatus") in ("ringing", "in-progress") else "none"


def _step_of_listening(form: Form) -> Step:
    heard = form["TranscriptionEvent"] == "transcription-content"
    return "utterance" if heard and form.get("Final", "").lower() != "false" else "none"


def _step_of_recording(form: Form) -> Step:
    status = form.get("RecordingStatus", "completed")  # <Record> itself names none
    if status == "in-progress":
        return "none"
    heard = status == "completed" and form.get("RecordingDuration", "") != "0"
    return "voicemail" if heard and form.get("RecordingUrl") else "missed"


def key_of(form: Form, url: str = "") -> str:
    """Name one delivery so that the two reports of one recording are one."""
    call = require_sid(form, "CallSid")
    step = step_of(form, url)
    match step:
        case "utterance":
            return f"{call}:utterance:{require_sid(form, 'TranscriptionSid')}:{_place(form)}"
        case "none" if "TranscriptionEvent" in form:
            names = ("TranscriptionEvent", "TranscriptionSid", "SequenceId")
            return ":".join([call, *(as_word(form.get(name, "")) for name in names)])
        case "none":
            words = ("TranscriptionStatus", "RecordingStatus", "CallStatus")
            return f"{call}:{as_word(next((form[word] for word in words if form.get(word)), ''))}"
        case "choice":
            return f"{call}:choice:{as_word(form.get('Digits', ''))}"
        case "talked" | "connect":  # a colleague may not pick up, and another is rung
            other = as_word(form.get("DialCallSid", "")) or as_word(from_query(url, "call"))
            return f"{call}:{step}:{other}"
        case "leg":
            return f"{call}:leg:{as_word(form.get('CallStatus', ''))}"
    return f"{call}:{step}"


def parse(delivery: Delivery) -> list[Inbound | CallReport]:
    """Return the message a delivery makes of a call, and what it reports; often neither."""
    form = read_stored_form(delivery.body)
    call = require_sid(form, "CallSid")
    step = step_of(form, delivery.url)
    items: list[Inbound | CallReport] = []
    text = _heard(form, step)
    if step in ("menu", "voicemail", "transcript", "missed") or text:
        items.append(_message(form, delivery.url, step, call, text))
    if report := _report(form, delivery.url, step, call):
        items.append(report)
    return items


def _place(form: Form) -> int:
    """Return which report this is of one listening, from 1 on."""
    place = form.get("SequenceId", "")
    if not re.fullmatch(r"[0-9]{1,9}", place):
        raise Unreadable("SequenceId is missing or no number")
    return int(place)


def _heard(form: Form, step: Step) -> str:
    """Return what a machine understood of the caller, "" where it was nothing."""
    text = ""
    if step == "transcript":
        text = form.get("TranscriptionText", "")
    elif step == "utterance":
        text = _read_utterance(form.get("TranscriptionData", ""))
    return text.strip()[:_LONGEST_TRANSCRIPT]


def _read_utterance(data: str) -> str:
    try:
        told = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Unreadable("TranscriptionData is not JSON") from error
    text = told.get("transcript") if isinstance(told, dict) else None
    if not isinstance(text, str):
        raise Unreadable("TranscriptionData does not say what was heard")
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def _message(form: Form, url: str, step: Step, call: str, text: str) -> Inbound:
    caller, trust = _read_caller(form, url, call)
    called = read_number(form.get("To") or from_query(url, "called"))
    return Inbound(
        channel="voice",
        external_id=key_of(form, url),
        sender=caller,
        text=text,
        reply_text=text,
        sent_at=None,
        recipients=(called,) if called else (),
        trust="verified" if trust else "failed",
        thread_key=call,
        data=_facts(form, step, call),
    )


def _report(form: Form, url: str, step: Step, call: str) -> CallReport | None:
    """Return what a delivery tells about the course of its call."""
    told = _told(form, step)
    if told is None:
        return None
    ours = step in ("bridged", "leg")
    number = "" if ours else form.get("From") or from_query(url, "caller")
    duration = form.get("DialCallDuration") or form.get("CallDuration", "")
    return CallReport(
        channel="voice",
        call_id=call,
        step=told,
        number=read_number(number) or "" if number else "",
        topic=_topic(form, url, step),
        key=from_query(url, "call"),
        duration_s=int(duration) if duration.isdecimal() else 0,
        reason=form.get("DialCallStatus") or form.get("CallStatus", ""),
    )


def _told(form: Form, step: Step) -> CallStep | None:
    spoke = form.get("DialCallStatus") == "completed"
    match step:
        case "menu":
            return "waiting"
        case "choice":
            asked = form.get("Digits") == "1" and read_number(form.get("From", "")) is not None
            return "callback" if asked else None
        case "talked":
            return "talked" if spoke else "colleague_missed"
        case "bridged":
            return "talked" if spoke else "customer_missed"
        case "leg":
            return _TOLD_OF_LEG.get(form.get("CallStatus", ""))
        case "voicemail":
            return "voicemail"
        case "missed":
            return "over"
    return None


_TOLD_OF_LEG: Mapping[str, CallStep] = {
    "busy": "colleague_missed",
    "no-answer": "colleague_missed",
    "failed": "colleague_missed",
    "canceled": "colleague_missed",
    "completed": "over",
}


def _topic(form: Form, url: str, step: Step) -> str:
    if step == "menu":
        return "billing" if form.get("Digits") == "1" else "other"
    return from_query(url, "topic")


def _read_caller(form: Form, url: str, call: str) -> tuple[Party, bool]:
    """Return the caller and whether the network stands by the number.

    Reports about a recording do not say who called; the address that they are posted to
    does, and the signature covers it. Someone who hides the number is known by the call.
    """
    number = form.get("From") or from_query(url, "caller")
    if not number:
        raise Unreadable("the delivery does not say who called")
    verstat = form.get("StirVerstat") or from_query(url, "verstat")
    proven = not verstat.startswith("TN-Validation-Failed")
    name = form.get("CallerName") or from_query(url, "caller_name")
    if read_number(number) is None:
        return Party("external", f"call:{call}", name), proven
    party = read_party(number, name=name)
    return Party(party.kind, party.value, party.name, verified=proven), proven


def _facts(form: Form, step: Step, call: str) -> dict[str, str]:
    facts = {"call_sid": call}
    if step == "menu":
        return facts | {"waiting": "1"}
    if step == "utterance":
        return facts | {"transcript": "1"}
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
