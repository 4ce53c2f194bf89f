"""What the provider is told to do with a call, as TwiML.

A new caller is greeted; where somebody can answer, a key says what the call is about and
the caller waits in the queue, from where a colleague's telephone is rung, a call back is
asked for, or a message is left. Otherwise the message is recorded at once.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from channels.port import Answer
from channels.twilio_gate import Form, from_query, read_number, with_query
from channels.voice.parse import Step, step_of
from channels.voice.phrases import PHRASES, Phrases

LONGEST_VOICEMAIL_S = 120  # the provider writes no transcript of a longer one
SILENCE_S = 5  # ends a voicemail
MENU_S = 5  # for a key; without one the call goes on as "other"
HOLD_S = 20  # between two words to a waiting caller
LONGEST_WAIT_S = 600  # then a message is recorded
RING_S = 25
LONGEST_TALK_S = 2 * 3600
QUEUE = "guiche"

_XML = "text/xml; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Line:
    """How our number answers at this moment."""

    is_open: bool = True
    has_queue: bool = False  # somebody can be rung
    language: str = "pt_BR"
    greeting: str = ""  # "" is the product's own; `{company}` is its only field
    closed_greeting: str = ""


@dataclass(frozen=True, slots=True)
class Script:
    """All that one answer is made of."""

    form: Form
    url: str  # as the provider called it, with what we asked it to bring back
    webhook_url: str
    company: str
    line: Line
    live_transcripts: bool = False

    @property
    def phrases(self) -> Phrases:
        return PHRASES.get(self.line.language, PHRASES["en"])

    @property
    def topic(self) -> str:
        if self.form.get("Digits") and from_query(self.url, "step") == "menu":
            return "billing" if self.form["Digits"] == "1" else "other"
        return from_query(self.url, "topic")

    @property
    def may_be_called(self) -> bool:
        """Whoever hides the number is promised no call."""
        return read_number(self.form.get("From", "")) is not None

    def back(self, step: str, **more: str) -> str:
        """Return our address for the next part of this call."""
        return with_query(self.webhook_url, step=step, **more)


def answer_call(
    form: Form, url: str, *,
    webhook_url: str, company: str, line: Callable[[], Line], live_transcripts: bool = False,
) -> Answer:  # fmt: skip
    """Say what happens next in a call."""
    from twilio.twiml.voice_response import VoiceResponse

    step = step_of(form, url)
    script = Script(form, url, webhook_url, company, line(), live_transcripts)
    response = VoiceResponse()
    if plays := _PLAYS.get(step):
        plays(response, script)
    return Answer(str(response), _XML)


def _greet(response: Any, script: Script) -> None:
    line, phrases = script.line, script.phrases
    if line.is_open and line.has_queue:
        gather = response.gather(
            action=script.back("menu"), method="POST", num_digits=1, timeout=MENU_S
        )
        _say(gather, script, f"{line.greeting or phrases.hello} {phrases.menu}")
        response.redirect(script.back("menu"), method="POST")
        return
    if line.is_open:
        greeting = line.greeting and f"{line.greeting} {phrases.leave_message}"
        _record(response, script, greeting or phrases.open)
    else:
        _record(response, script, line.closed_greeting or phrases.closed)


def _queue(response: Any, script: Script) -> None:
    topic = script.topic or "other"
    response.enqueue(
        QUEUE,
        action=script.back("left", topic=topic),
        method="POST",
        wait_url=script.back("hold", topic=topic),
        wait_url_method="POST",
    )


def _hold(response: Any, script: Script) -> None:
    waited = script.form.get("QueueTime", "0")
    if waited.isdecimal() and int(waited) >= LONGEST_WAIT_S:
        response.leave()
        return
    place = script.form.get("QueuePosition", "1")
    gather = response.gather(
        action=script.back("choice", topic=script.topic),
        method="POST",
        num_digits=1,
        timeout=HOLD_S,
    )
    words = script.phrases.hold if script.may_be_called else script.phrases.hold_hidden
    _say(gather, script, words, place=place if place.isdecimal() else "1")
    response.redirect(script.back("hold", topic=script.topic), method="POST")


def _choose(response: Any, script: Script) -> None:
    match script.form.get("Digits", ""):
        case "1" if script.may_be_called:
            _say(response, script, script.phrases.callback)
            response.hangup()
        case "1" | "2":
            response.leave()
        case _:
            response.redirect(script.back("hold", topic=script.topic), method="POST")


def _leave(response: Any, script: Script) -> None:
    """The caller came out of the queue. Whoever hung up or was connected hears nothing."""
    match script.form.get("QueueResult", ""):
        case "leave":
            _record(response, script, script.phrases.leave_message)
        case "queue-full" | "error" | "system-error":
            _record(response, script, script.phrases.waited_long)


def _connect(response: Any, script: Script) -> None:
    _say(response, script, script.phrases.connecting)
    dial = response.dial(
        action=script.back("talked", topic=script.topic, call=from_query(script.url, "call")),
        method="POST",
        timeout=RING_S,
        time_limit=LONGEST_TALK_S,
    )
    _ring(dial, from_query(script.url, "to"))


def _after_talk(response: Any, script: Script) -> None:
    """Nobody picked up: the caller keeps waiting. Otherwise the call is over."""
    if script.form.get("DialCallStatus") == "completed":
        response.hangup()
        return
    _say(response, script, script.phrases.still_waiting)
    _queue(response, script)


def _bridge(response: Any, script: Script) -> None:
    """Our colleague has picked up: now the customer's telephone rings."""
    name = from_query(script.url, "name") or from_query(script.url, "to")
    _say(response, script, script.phrases.bridging, name=name)
    dial = response.dial(
        action=script.back("bridged", call=from_query(script.url, "call")),
        method="POST",
        timeout=RING_S,
        time_limit=LONGEST_TALK_S,
        caller_id=from_query(script.url, "line"),
    )
    _ring(dial, from_query(script.url, "to"))


def _thank(response: Any, script: Script) -> None:
    if "RecordingStatus" not in script.form:
        _say(response, script, script.phrases.thanks)
        response.hangup()


def _end(response: Any, script: Script) -> None:  # noqa: ARG001  # one of the plays
    response.hangup()


_PLAYS: dict[Step, Callable[[Any, Script], None]] = {
    "call": _greet,
    "menu": _queue,
    "hold": _hold,
    "choice": _choose,
    "left": _leave,
    "connect": _connect,
    "talked": _after_talk,
    "bridge": _bridge,
    "bridged": _end,
    "voicemail": _thank,
}


def _ring(dial: Any, to: str) -> None:
    """Ring a telephone, or the browser of whoever works there."""
    if to.startswith("client:"):
        dial.client(to.removeprefix("client:"))
    else:
        dial.number(to)


def _say(verb: Any, script: Script, text: str, **values: str) -> None:
    for name, value in {"company": script.company, **values}.items():
        text = text.replace(f"{{{name}}}", value)
    verb.say(text, voice=script.phrases.voice, language=script.phrases.locale)


def _record(response: Any, script: Script, words: str) -> None:
    form = script.form
    _say(response, script, words)
    # What is posted about a recording leaves out who called: the address brings it along.
    back = with_query(
        script.webhook_url,
        caller=form.get("From", ""),
        called=form.get("To", ""),
        caller_name=form.get("CallerName", ""),
        verstat=form.get("StirVerstat", ""),
        topic=script.topic,
    )
    english = script.phrases.locale.startswith("en")
    if script.live_transcripts and not english:
        _listen(response, script, back)
    response.record(
        action=back,
        method="POST",
        max_length=LONGEST_VOICEMAIL_S,
        timeout=SILENCE_S,
        play_beep=True,
        recording_status_callback=back,
        recording_status_callback_method="POST",
        recording_status_callback_event="completed absent",
        transcribe=english or None,
        transcribe_callback=back if english else None,
    )
    # Reached only where nothing was recorded.
    _say(response, script, script.phrases.silence)
    response.hangup()


def _listen(response: Any, script: Script, back: str) -> None:
    """Have the caller's words written down while she speaks, until the call is over.

    The provider transcribes a recording in English only.
    """
    response.start().transcription(
        name="voicemail",
        track="inbound_track",
        language_code=script.phrases.locale,
        partial_results=False,
        status_callback_url=back,
        status_callback_method="POST",
    )
