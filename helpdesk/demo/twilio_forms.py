"""The forms that the phone provider posts to an application, as the sandbox fills them."""

import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

PROVIDER_URL = "https://api.twilio.com"
API = "2010-04-01"

Outcome = Literal["delivered", "read", "undelivered", "failed"]

_WAYS: Mapping[Outcome, tuple[str, ...]] = {
    "delivered": ("queued", "sent", "delivered"),
    "read": ("queued", "sent", "delivered", "read"),
    "undelivered": ("queued", "sent", "undelivered"),
    "failed": ("queued", "failed"),
}


@dataclass(frozen=True, slots=True)
class SentText:
    """A message that the application has handed over, and what became of it."""

    sid: str
    sender: str
    to: str
    body: str
    callback: str
    status: Outcome
    error_code: str = ""
    template: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)


def new_sid(prefix: str) -> str:
    return prefix + uuid.uuid4().hex


def text_form(
    account: str, from_: str, to: str, body: str, *, name: str, media: tuple[tuple[str, str], ...]
) -> dict[str, str]:
    """Return what is posted when a customer texts."""
    sid = new_sid("SM")
    form = {
        "AccountSid": account,
        "ApiVersion": API,
        "MessageSid": sid,
        "SmsMessageSid": sid,
        "SmsSid": sid,
        "SmsStatus": "received",
        "From": from_,
        "To": to,
        "Body": body,
        "NumSegments": str(max(1, -(-len(body) // 153))),
        "NumMedia": str(len(media)),
    }
    for n, (url, media_type) in enumerate(media):
        form |= {f"MediaUrl{n}": url, f"MediaContentType{n}": media_type}
    if to.startswith("whatsapp:"):
        form |= {"ProfileName": name, "WaId": from_.rpartition("+")[2]}
    return form


def status_forms(account: str, text: SentText, *, backwards: bool) -> list[dict[str, str]]:
    """Return the reports on one message, in the order in which they are posted."""
    forms = []
    for word in _WAYS[text.status]:
        form = {
            "AccountSid": account,
            "ApiVersion": API,
            "MessageSid": text.sid,
            "SmsSid": text.sid,
            "MessageStatus": word,
            "SmsStatus": word,
            "From": text.sender,
            "To": text.to,
        }
        if word == text.status and text.error_code:
            form["ErrorCode"] = text.error_code
        forms.append(form)
    return forms[::-1] if backwards else forms


def call_form(account: str, from_: str, to: str) -> dict[str, str]:
    """Return what every delivery about one call has in common."""
    return {
        "AccountSid": account,
        "ApiVersion": API,
        "CallSid": new_sid("CA"),
        "Direction": "inbound",
        "From": from_,
        "Caller": from_,
        "To": to,
        "Called": to,
    }


def recording_form(account: str, duration_s: int) -> dict[str, str]:
    """Name a new recording. Its SID says how long it is, so that nobody has to keep it."""
    sid = f"RE{duration_s:04x}{uuid.uuid4().hex[4:]}"
    return {
        "RecordingSid": sid,
        "RecordingDuration": str(duration_s),
        "RecordingUrl": f"{PROVIDER_URL}/{API}/Accounts/{account}/Recordings/{sid}",
    }


def recording_length(sid: str) -> int | None:
    """Return the seconds of a recording that `recording_form` named, None for another."""
    digits = sid.removeprefix("RE")
    if len(sid) != 34 or len(digits) != 32 or not digits.isalnum():
        return None
    try:
        return int(digits[:4], 16)
    except ValueError:
        return None


def transcription_form(text: str) -> dict[str, str]:
    return {
        "TranscriptionSid": new_sid("TR"),
        "TranscriptionType": "fast",
        "TranscriptionStatus": "completed" if text else "failed",
        "TranscriptionText": text,
    }


@dataclass(slots=True)
class Listening:
    """A call that is transcribed while it goes on, and what is posted of it, in order."""

    account: str
    call_sid: str
    language: str  # as BCP 47 names it
    sid: str = field(default_factory=lambda: new_sid("GT"))
    told: int = 0

    def form(self, event: str, **more: str) -> dict[str, str]:
        """Return the next report."""
        self.told += 1
        return {
            "AccountSid": self.account,
            "CallSid": self.call_sid,
            "TranscriptionSid": self.sid,
            "TranscriptionEvent": f"transcription-{event}",
            "Timestamp": f"2026-01-05T12:00:{self.told % 60:02}.000000Z",
            "SequenceId": str(self.told),
            "LanguageCode": self.language,
            "Track": "inbound_track",
            **more,
        }

    def hear(self, text: str) -> dict[str, str]:
        """Return the report of one piece, which nothing will change any more."""
        data = json.dumps({"transcript": text, "confidence": 0.9284669})
        return self.form("content", TranscriptionData=data, Final="true")


def utterances(text: str) -> list[str]:
    """Cut what is said where a caller pauses: after each sentence."""
    return [piece for piece in re.split(r"(?<=[.!?])\s+", text.strip()) if piece]


def call_as_json(account: str, form: Mapping[str, str]) -> dict[str, object]:
    """Return a call as the REST door shows it."""
    sid = form["CallSid"]
    return {
        "sid": sid,
        "account_sid": account,
        "from": form["From"],
        "to": form["To"],
        "status": "queued",
        "direction": form["Direction"],
        "uri": f"/{API}/Accounts/{account}/Calls/{sid}.json",
    }


def text_as_json(account: str, text: SentText, status: str) -> dict[str, object]:
    """Return a message as the REST door shows it."""
    return {
        "sid": text.sid,
        "account_sid": account,
        "from": text.sender,
        "to": text.to,
        "body": text.body,
        "status": status,
        "direction": "outbound-api",
        "error_code": int(text.error_code) if text.error_code else None,
        "error_message": None,
        "num_media": "0",
        "num_segments": "1",
        "uri": f"/{API}/Accounts/{account}/Messages/{text.sid}.json",
    }
