"""Finding out whether a number is set up as it must be, and what exactly is wrong."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from channels.port import Check
from channels.twilio_gate import WHATSAPP, Account, Form, signature_fits
from channels.twilio_line import open_client, read_line_fault, read_refusal


def check_number(account: Account, *, number: str, channel: str, webhook_url: str) -> list[Check]:
    """Try everything that a channel needs, in order; stop at what makes the rest pointless.

    Nothing is sent and nobody is called. Never raises: a fault is a check that failed.
    """
    from requests import RequestException
    from twilio.base.exceptions import TwilioException

    found: list[Check] = []
    try:
        with open_client(account) as client:
            for check in _checks(client, account, number, channel, webhook_url):
                found.append(check)
                if not check.passed and check.name in ("credentials", "number"):
                    break
    except RequestException as error:
        found.append(Check("credentials", passed=False, detail=str(read_line_fault(error))))
    except TwilioException as error:
        name = "number" if found else "credentials"
        found.append(Check(name, passed=False, detail=str(read_refusal(error))))
    return found


def _checks(
    client: Any, account: Account, number: str, channel: str, webhook_url: str
) -> Iterator[Check]:
    state = str(client.api.v2010.accounts(account.sid).fetch().status)
    yield Check("credentials", passed=state == "active", detail=state)
    theirs = _set_there(client, number, channel)
    yield Check("number", passed=theirs is not None, detail=number)
    if theirs is None:
        return
    called = theirs.url if theirs.method == "POST" else f"{theirs.method} {theirs.url}"
    yield Check("webhook", passed=called == webhook_url, detail=called)
    fits = _would_fit(account, theirs.url, webhook_url)
    yield Check("signature", passed=fits, detail=webhook_url)
    if channel == "voice":
        yield Check("reports", passed=theirs.reports == webhook_url, detail=theirs.reports)


@dataclass(frozen=True, slots=True)
class Setting:
    """What the provider does for a number of ours."""

    url: str
    method: str
    reports: str = ""  # where it tells how a call ended


def _set_there(client: Any, number: str, channel: str) -> Setting | None:
    """Return what is set at the provider for a number; None: not ours."""
    if channel == "whatsapp":
        for sender in client.messaging.v2.channels_senders.list(channel="whatsapp"):
            if sender.sender_id == WHATSAPP + number:
                hook = sender.webhook or {}
                method = str(hook.get("callback_method") or "POST")
                return Setting(str(hook.get("callback_url") or ""), method)
        return None
    for one in client.incoming_phone_numbers.list(phone_number=number, limit=1):
        if channel == "voice":
            reports = str(one.status_callback or "")
            return Setting(str(one.voice_url or ""), str(one.voice_method or "POST"), reports)
        return Setting(str(one.sms_url or ""), str(one.sms_method or "POST"))
    return None


def _would_fit(account: Account, theirs: str, ours: str) -> bool:
    """Say whether what is signed for the provider's address passes at ours."""
    from twilio.request_validator import RequestValidator

    form = Form([("Body", "test")])
    signature: str = RequestValidator(account.token).compute_signature(theirs, form)
    return signature_fits(ours, form, signature, account.token)
