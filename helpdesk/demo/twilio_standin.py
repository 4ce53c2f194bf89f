"""The sandbox phone network: a stateful stand-in for the phone provider, on loopback.

It takes messages over REST, reports on them by signed callbacks, and plays customers who
text and call. It keeps everything in memory, calls nobody but this machine, and ends
with its process.
"""

import json
import queue
import socket
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hmac import compare_digest
from typing import Self

from flask import Flask, Response, jsonify, request
from flask.typing import ResponseReturnValue
from werkzeug.serving import WSGIRequestHandler, make_server

from helpdesk.demo.loopback import NotLoopback, Reply, WebhookFailed, loopback_end, post_signed
from helpdesk.demo.sound import make_wave
from helpdesk.demo.twilio_calls import Habits, LiveCall, Player
from helpdesk.demo.twilio_files import STORE, Counter, Shelf
from helpdesk.demo.twilio_forms import (
    API,
    Outcome,
    SentText,
    call_as_json,
    call_form,
    new_sid,
    recording_length,
    status_forms,
    text_as_json,
    text_form,
)

KEPT = 10_000  # messages and callbacks each; the oldest go first
LONGEST_TEXT = 1600  # characters
POLL_S = 0.05  # between two looks at whether to stop
LARGEST_REQUEST = 1024 * 1024  # bytes

_TOLD = {
    20003: "Authenticate",
    20404: "The requested resource was not found",
    21211: "Invalid 'To' Phone Number",
    21610: "Attempt to send to unsubscribed recipient",
    21617: "The concatenated message body exceeds the 1600 character limit",
}


Due = tuple[str, dict[str, str]] | Callable[[], None]  # a report to post, or a call to play


@dataclass(frozen=True, slots=True)
class Weather:
    """How the network treats the messages that it is handed."""

    outcome: Outcome = "delivered"
    error_code: str = ""  # why it ended as undelivered or failed
    refuse: int = 0  # answer 400 with this code and keep nothing
    answer: int = 0  # answer with this 429 or 5xx and keep nothing
    drop_answer: bool = False  # take the message, then cut the connection
    hold_s: float = 0  # take the message, then answer so much later
    backwards: bool = False  # callbacks arrive in the wrong order
    copies: int = 1  # each callback arrives so many times
    callbacks_first: bool = False  # the callbacks overtake the answer
    silent: bool = False  # nothing is reported but by `reports`


@dataclass(frozen=True, slots=True)
class Callback:
    """One report to the application and the HTTP status it answered with; 0 is no answer."""

    url: str
    form: Mapping[str, str]
    answered: int


class TwilioStandIn:
    """Use as a context manager, or `start()` and `stop()`.

    `api_url`, `account_sid` and `auth_token` go into the application's settings; its
    public webhook addresses are told by `point_to`. Where those are not on loopback,
    `app_url` says where the application really listens. `weather` may be set at any time.
    """

    def __init__(
        self, *, account_sid: str = "", auth_token: str = "", app_url: str = "", port: int = 0
    ) -> None:
        self.account_sid = account_sid or new_sid("AC")
        self.auth_token = auth_token or uuid.uuid4().hex
        self.weather = Weather()
        self._app_url = app_url
        self._webhooks: dict[str, str] = {}
        self._texts: dict[str, SentText] = {}
        self._callbacks: list[Callback] = []
        self._lock = threading.Lock()
        self.shelf = Shelf(self.account_sid)
        self.counter = Counter(self.account_sid)
        self._stopping = threading.Event()
        self._due: queue.Queue[Due | None] = queue.Queue()
        self._calls: dict[str, LiveCall] = {}
        self.habits = Habits()
        self.rung: list[tuple[str, str]] = []  # (whom, from which number) we were asked to ring
        self._server = make_server(
            "127.0.0.1", port, self._make_app(), threaded=True, request_handler=_Quiet
        )
        self.api_url = f"http://127.0.0.1:{self._server.server_port}"
        self._threads = [
            threading.Thread(target=self._serve, daemon=True, name="phone-rest"),
            threading.Thread(target=self._report, daemon=True, name="phone-callbacks"),
        ]

    def start(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def stop(self) -> None:
        """End it; callbacks still due are dropped. Safe to call twice."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        self._due.put(None)
        self._server.shutdown()
        for thread in self._threads:
            thread.join(timeout=10)
        self._server.server_close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def point_to(self, *, sms: str = "", whatsapp: str = "", voice: str = "") -> None:
        """Set the addresses that customers' texts and calls are posted to."""
        for name, url in (("sms", sms), ("whatsapp", whatsapp), ("voice", voice)):
            if url:
                loopback_end(self._app_url or url)
                self._webhooks[name] = url

    def answer_at(self, app_url: str) -> None:
        """Say where the application really listens, where a proxy stands before it."""
        loopback_end(app_url)
        self._app_url = app_url

    # What the application did

    def texts(self, to: str = "") -> list[SentText]:
        """Return the messages it handed over, oldest first; only those to `to` if given."""
        with self._lock:
            return [text for text in self._texts.values() if not to or text.to == to]

    def reports(self, text: SentText, word: str) -> None:
        """Post one more report on a message, whatever was reported before."""
        form = status_forms(self.account_sid, text, backwards=False)[-1]
        self._due.put((text.callback, form | {"MessageStatus": word, "SmsStatus": word}))

    def callbacks(self) -> list[Callback]:
        with self._lock:
            return list(self._callbacks)

    def wait_until_quiet(self, timeout_s: float = 10) -> bool:
        """Wait until every callback due has been answered; False after `timeout_s`."""
        done = self._due.all_tasks_done
        with done:
            return done.wait_for(lambda: not self._due.unfinished_tasks, timeout_s)

    # What customers do

    def customer_texts(
        self,
        from_: str,
        body: str,
        *,
        to: str,
        name: str = "",
        media: tuple[tuple[str, str], ...] = (),
        copies: int = 1,
        more: Mapping[str, str] | None = None,
    ) -> str:
        """Text the application as a customer and return the SID.

        `whatsapp:` addresses go to that webhook, with `name` as the profile's. `media`
        holds (address, media type) pairs. Raises `WebhookFailed` where the application
        does not take the message.
        """
        form = text_form(self.account_sid, from_, to, body, name=name, media=media)
        form |= more or {}
        webhook = self._webhook("whatsapp" if to.startswith("whatsapp:") else "sms")
        for _ in range(copies):
            self._post(webhook, form)
        return form["MessageSid"]

    def customer_calls(
        self, from_: str, *, to: str, transcript: str = "", duration_s: int = 8, keys: str = ""
    ) -> str:
        """Call the application as a customer, do as it says, and return the call's SID.

        `keys` are pressed one by one, when asked for; none for a menu is no key at all. A
        call in the queue waits there until a colleague takes it or `customer_hangs_up`.
        With `duration_s` 0 the caller hangs up where she should speak. Without
        `transcript` nobody could understand the sound.
        """
        webhook = self._webhook("voice")
        form = call_form(self.account_sid, from_, to)
        call = LiveCall(form, webhook, list(keys), duration_s, transcript)
        with self._lock:
            self._calls[call.sid] = call
        self._player().begin(call)
        return call.sid

    def customer_hangs_up(self, sid: str) -> None:
        self._player().hang_up(self._calls[sid])

    def waiting(self) -> list[str]:
        """Return the SIDs of the calls in the queue."""
        with self._lock:
            return [call.sid for call in self._calls.values() if call.queue_action]

    def _player(self) -> Player:
        return Player(self._post, self.account_sid, self.habits)

    # Posting

    def _webhook(self, name: str) -> str:
        if name not in self._webhooks:
            raise WebhookFailed(f"no {name} webhook is set; call point_to first")
        return self._webhooks[name]

    def _post(self, url: str, form: Mapping[str, str]) -> Reply:
        reply = post_signed(url, form, token=self.auth_token, app_url=self._app_url)
        if not 200 <= reply.status < 300:
            raise WebhookFailed(f"{url.partition('?')[0]} answered {reply.status}")
        return reply

    def _serve(self) -> None:
        self._server.serve_forever(poll_interval=POLL_S)

    def _report(self) -> None:
        """Post the callbacks, one after the other, until the stand-in stops."""
        while (due := self._due.get()) is not None:
            if self._stopping.is_set():
                pass
            elif not isinstance(due, tuple):
                due()
            else:
                url, form = due
                try:
                    reply = post_signed(url, form, token=self.auth_token, app_url=self._app_url)
                except NotLoopback:
                    reply = Reply(0, "")
                with self._lock:
                    self._callbacks.append(Callback(url, form, reply.status))
                    del self._callbacks[:-KEPT]
            self._due.task_done()
        self._due.task_done()

    # REST

    def _make_app(self) -> Flask:
        app = Flask("twilio_standin", static_folder=None)
        app.config["MAX_CONTENT_LENGTH"] = LARGEST_REQUEST
        account = f"/{API}/Accounts/{self.account_sid}"
        app.before_request(self._check_caller)
        app.add_url_rule(f"{account}/Messages.json", view_func=self._create_text, methods=["POST"])
        app.add_url_rule(f"{account}/Messages/<sid>.json", view_func=self._show_text)
        app.add_url_rule(f"{account}/Calls.json", view_func=self._create_call, methods=["POST"])
        app.add_url_rule(f"{account}/Calls/<sid>.json", view_func=self._move_call, methods=["POST"])
        app.add_url_rule(f"{account}/Recordings/<name>", view_func=self._play_recording)
        self.shelf.open(app)
        self.counter.open(app)
        app.register_error_handler(404, lambda _error: _refusal(404, 20404))
        return app

    def _check_caller(self) -> ResponseReturnValue | None:
        # The store of files is another house: whoever shows the account's token there, leaks it.
        if request.path.startswith(STORE):
            return None
        return self._check_login()

    def _check_login(self) -> ResponseReturnValue | None:
        login = request.authorization
        user, password = (login.username, login.password) if login else ("", "")
        known = compare_digest((user or "").encode(), self.account_sid.encode())
        known &= compare_digest((password or "").encode(), self.auth_token.encode())
        return None if known else _refusal(401, 20003)

    def _create_text(self) -> ResponseReturnValue:
        weather, form = self.weather, request.form
        if weather.answer:
            return _refusal(weather.answer, 20500)
        if weather.refuse or "+" not in form.get("To", ""):
            return _refusal(400, weather.refuse or 21211)
        if len(form.get("Body", "")) > LONGEST_TEXT:
            return _refusal(400, 21617)
        text = self._take(form, weather)
        if weather.callbacks_first:
            self.wait_until_quiet()
        if weather.drop_answer:
            request.environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        if weather.hold_s:
            self._stopping.wait(weather.hold_s)
        return jsonify(text_as_json(self.account_sid, text, "queued")), 201

    def _take(self, form: Mapping[str, str], weather: Weather) -> SentText:
        """Store a message and line up the reports on its way."""
        failed = weather.outcome in ("undelivered", "failed")
        text = SentText(
            sid=new_sid("SM"),
            sender=form.get("From", ""),
            to=form["To"],
            body=form.get("Body", ""),
            callback=form.get("StatusCallback", ""),
            status=weather.outcome,
            error_code=weather.error_code if failed else "",
            template=form.get("ContentSid", ""),
            variables=json.loads(form.get("ContentVariables", "{}")),
        )
        with self._lock:
            self._texts[text.sid] = text
            while len(self._texts) > KEPT:
                del self._texts[next(iter(self._texts))]
        if text.callback and not weather.silent:
            for report in status_forms(self.account_sid, text, backwards=weather.backwards):
                for _ in range(weather.copies):
                    self._due.put((text.callback, report))
        return text

    def _show_text(self, sid: str) -> ResponseReturnValue:
        with self._lock:
            text = self._texts.get(sid)
        if text is None:
            return _refusal(404, 20404)
        return jsonify(text_as_json(self.account_sid, text, text.status))

    def _create_call(self) -> ResponseReturnValue:
        """Ring a telephone; who picks up is played after the answer."""
        weather, asked = self.weather, request.form.to_dict()
        if weather.answer:
            return _refusal(weather.answer, 20500)
        if weather.refuse:
            return _refusal(400, weather.refuse)
        to, from_ = asked.get("To", ""), asked.get("From", "")
        form = call_form(self.account_sid, from_, to) | {"Direction": "outbound-api"}
        call = LiveCall(form, asked.get("StatusCallback", ""))
        with self._lock:
            self._calls[call.sid] = call
            self.rung.append((to, from_))
        self._due.put(lambda: self._play_ours(call, asked["Url"]))
        if weather.drop_answer:
            request.environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        return jsonify(call_as_json(self.account_sid, form)), 201

    def _play_ours(self, call: LiveCall, url: str) -> None:
        player = self._player()
        if self.habits.colleague != "completed":
            call.over = True
            self._post(call.webhook, call.form | {"CallStatus": self.habits.colleague})
            return
        player.play(call, player.ask(call, url))

    def _move_call(self, sid: str) -> ResponseReturnValue:
        with self._lock:
            call = self._calls.get(sid)
        if call is None or call.over:
            return _refusal(404, 20404)
        url = request.form["Url"]
        self._due.put(lambda: self._player().redirect(call, url))
        return jsonify(call_as_json(self.account_sid, call.form))

    def _play_recording(self, name: str) -> ResponseReturnValue:
        seconds = recording_length(name.removesuffix(".wav"))
        if seconds is None:
            return _refusal(404, 20404)
        return Response(make_wave(seconds), mimetype="audio/wav")


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:
        """Say nothing: addresses hold telephone numbers."""


def _refusal(status: int, code: int) -> ResponseReturnValue:
    told = _TOLD.get(code, "The sandbox was told to answer this")
    return jsonify({"code": code, "message": told, "status": status}), status
