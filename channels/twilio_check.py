"""Finding out whether a number is set up as it must be, and what exactly is wrong."""

import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from channels.port import Check
from channels.twilio_gate import WHATSAPP, Account, Form, signature_fits
from channels.twilio_line import PROVIDER_HOST, open_client, read_refusal


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
        found.append(Check("line", passed=False, detail=f"{line_code(error)} {_where(account)}"))
    except TwilioException as error:
        unknown = not found and getattr(error, "status", 0) in (401, 403, 404)
        name = "credentials" if unknown else "line"
        found.append(Check(name, passed=False, detail=str(read_refusal(error))))
    except (ValueError, KeyError, TypeError):
        found.append(Check("line", passed=False, detail=f"strange {_where(account)}"))
    return found


def line_code(error: BaseException) -> str:
    """Return the code of a fault of the network or of the safe line; screens say it in words."""
    for one in _causes(error):
        if isinstance(one, socket.gaierror) or type(one).__name__ == "NameResolutionError":
            return "name_not_found"
        if isinstance(one, ConnectionRefusedError):
            return "refused"
        if isinstance(one, ssl.SSLCertVerificationError):
            return "certificate"
        if isinstance(one, ssl.SSLError):
            return "tls"
        if isinstance(one, TimeoutError) or type(one).__name__.endswith("Timeout"):
            return "timeout"
        if isinstance(one, ConnectionError):
            return "hung_up"
    return "unreachable"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what lies behind it, the innermost first: that one is exact."""
    seen: list[BaseException] = []
    waiting: list[BaseException] = [error]
    while waiting:
        one = waiting.pop()
        if one in seen:
            continue
        seen.append(one)
        behind = (getattr(one, "reason", None), one.__cause__, one.__context__, *one.args)
        waiting += [each for each in behind if isinstance(each, BaseException)]
    yield from reversed(seen)


def _where(account: Account) -> str:
    """Return host and port of the provider, or of what stands in for it."""
    parts = urlsplit(account.api_url or f"https://{PROVIDER_HOST}")
    return f"{parts.hostname} {parts.port or (80 if parts.scheme == 'http' else 443)}"


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
