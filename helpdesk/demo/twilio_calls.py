"""Calls as the sandbox phone network plays them: it does what the TwiML it is answered says.

A call takes no time at all. Keys are pressed in the order given, one for each <Gather>.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal
from xml.etree import ElementTree

from helpdesk.demo.loopback import Reply, WebhookFailed
from helpdesk.demo.twilio_forms import (
    Listening,
    recording_form,
    transcription_form,
    utterances,
)

Post = Callable[[str, Mapping[str, str]], Reply]

MOST_STEPS: Final = 20  # of one call between two things that somebody does


@dataclass(frozen=True, slots=True)
class Habits:
    """How people behave on the telephone."""

    colleague: Literal["completed", "no-answer", "busy"] = "completed"
    customer: Literal["completed", "no-answer", "busy"] = "completed"
    talk_s: int = 95


@dataclass(slots=True)
class LiveCall:
    """One call on the line and what the caller still means to do."""

    form: dict[str, str]
    webhook: str
    keys: list[str] = field(default_factory=list)
    duration_s: int = 8  # of the message, 0 hangs up instead
    transcript: str = ""
    queue_action: str = ""  # set while the call waits
    listening: Listening | None = None  # set while the caller's words are written down
    listener: str = ""  # the address that is told of them
    over: bool = False

    @property
    def sid(self) -> str:
        return self.form["CallSid"]


@dataclass(slots=True)
class Player:
    """Plays calls against an application."""

    post: Post
    account: str
    habits: Habits = Habits()

    def begin(self, call: LiveCall) -> None:
        self.play(call, self.ask(call, call.webhook, CallStatus="ringing"))

    def redirect(self, call: LiveCall, url: str) -> None:
        """The application takes a call out of the queue."""
        call.queue_action = ""
        self.play(call, self.ask(call, url))

    def hang_up(self, call: LiveCall) -> None:
        if call.queue_action:
            self.ask(call, call.queue_action, QueueResult="hangup", CallStatus="completed")
        self.end(call)

    def end(self, call: LiveCall) -> None:
        """Report that a call is over, once."""
        if not call.over:
            call.over, call.queue_action = True, ""
            over = {"CallStatus": "completed", "CallDuration": str(call.duration_s + 9)}
            self.post(call.webhook, call.form | over)
            if call.listening:
                self.post(call.listener, call.listening.form("stopped"))

    def ask(self, call: LiveCall, url: str, **more: str) -> ElementTree.Element:
        """Post one step of a call and return the TwiML that answers it."""
        form = call.form | {"CallStatus": "in-progress"} | more
        try:
            return ElementTree.fromstring(self.post(url or call.webhook, form).body)  # noqa: S314  # our own application's, on loopback
        except ElementTree.ParseError as error:
            raise WebhookFailed("the answer is not XML") from error

    def play(self, call: LiveCall, root: ElementTree.Element) -> None:
        """Do what an answer says until the call waits or is over."""
        for _ in range(MOST_STEPS):
            onward = self._step(call, root)
            if onward is None:
                return
            root = onward
        raise WebhookFailed("the call goes round in circles")

    def _step(self, call: LiveCall, root: ElementTree.Element) -> ElementTree.Element | None:
        """Play the verbs of one answer; return the next answer, None where it ends here."""
        for verb in root:
            match verb.tag:
                case "Gather" if call.keys:
                    return self.ask(call, verb.get("action", ""), Digits=call.keys.pop(0))
                case "Redirect":
                    return self.ask(call, verb.text or "")
                case "Enqueue":
                    return self._enqueue(call, verb)
                case "Dial":
                    return self._dial(call, verb)
                case "Start":
                    self._listen(call, verb)
                case "Record":
                    self._record(call, verb)
                    return None
                case "Hangup":
                    self.end(call)
                    return None
        self.end(call)
        return None

    def _enqueue(self, call: LiveCall, verb: ElementTree.Element) -> ElementTree.Element | None:
        """Wait; with a key left, choose while waiting."""
        call.queue_action = verb.get("action", "")
        hold = self.ask(call, verb.get("waitUrl", ""), QueuePosition="1", QueueTime="0")
        gather = hold.find("Gather")
        if gather is None or not call.keys:
            return None
        chosen = self.ask(call, gather.get("action", ""), Digits=call.keys.pop(0))
        if chosen.find("Leave") is not None:
            action, call.queue_action = call.queue_action, ""
            return self.ask(call, action, QueueResult="leave")
        if chosen.find("Hangup") is not None:
            self.hang_up(call)
        return None

    def _dial(self, call: LiveCall, verb: ElementTree.Element) -> ElementTree.Element:
        ours = call.form.get("Direction") == "outbound-api"
        became = self.habits.customer if ours else self.habits.colleague
        spoke = {"DialCallDuration": str(self.habits.talk_s)} if became == "completed" else {}
        return self.ask(call, verb.get("action", ""), DialCallStatus=became, **spoke)

    def _listen(self, call: LiveCall, verb: ElementTree.Element) -> None:
        noun = verb.find("Transcription")
        if noun is not None:
            call.listening = Listening(self.account, call.sid, noun.get("languageCode", "en-US"))
            call.listener = noun.get("statusCallbackUrl", "")
            self.post(call.listener, call.listening.form("started"))

    def _record(self, call: LiveCall, verb: ElementTree.Element) -> None:
        if call.duration_s <= 0:
            self.end(replace(call, duration_s=-5))
            call.over = True
            return
        if call.listening:
            for piece in utterances(call.transcript):
                self.post(call.listener, call.listening.hear(piece))
        sound = recording_form(self.account, call.duration_s)
        hung_up = call.form | {"CallStatus": "completed", "Digits": "hangup"}
        self.post(verb.get("action") or call.webhook, hung_up | sound)
        self.end(call)
        if url := verb.get("recordingStatusCallback"):
            bare = {name: call.form[name] for name in ("AccountSid", "ApiVersion", "CallSid")}
            self.post(url, bare | sound | {"RecordingStatus": "completed"})
        if url := verb.get("transcribeCallback"):
            self.post(url, call.form | sound | transcription_form(call.transcript))
