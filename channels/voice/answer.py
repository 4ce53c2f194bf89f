"""What the provider is told to do with a call, as TwiML."""

from collections.abc import Callable

from channels.port import Answer
from channels.twilio_gate import Form, with_query
from channels.voice.parse import step_of
from channels.voice.phrases import Phrases

LONGEST_VOICEMAIL_S = 120  # the provider writes no transcript of a longer one
SILENCE_S = 5  # ends a voicemail

_XML = "text/xml; charset=utf-8"


def answer_call(
    form: Form,
    *,
    webhook_url: str,
    phrases: Phrases,
    company: str,
    is_open: Callable[[], bool],
) -> Answer:
    """Greet a new caller and record; thank one who has left a message; say nothing else."""
    from twilio.twiml.voice_response import VoiceResponse

    step = step_of(form)
    response = VoiceResponse()
    if step == "call":
        greeting = (phrases.open if is_open() else phrases.closed).replace("{company}", company)
        response.say(greeting, voice=phrases.voice, language=phrases.locale)
        _record(response, form, webhook_url)
        # Reached only where nothing was recorded.
        response.say(phrases.silence, voice=phrases.voice, language=phrases.locale)
        response.hangup()
    elif step == "voicemail" and "RecordingStatus" not in form:
        response.say(phrases.thanks, voice=phrases.voice, language=phrases.locale)
        response.hangup()
    return Answer(str(response), _XML)


def _record(response: object, form: Form, webhook_url: str) -> None:
    # What is posted about a recording leaves out who called: the address brings it along.
    back = with_query(webhook_url, caller=form.get("From", ""), called=form.get("To", ""))
    response.record(  # type: ignore[attr-defined]  # the library has no types
        action=back,
        method="POST",
        max_length=LONGEST_VOICEMAIL_S,
        timeout=SILENCE_S,
        play_beep=True,
        recording_status_callback=back,
        recording_status_callback_method="POST",
        recording_status_callback_event="completed absent",
        transcribe=True,
        transcribe_callback=back,
    )
