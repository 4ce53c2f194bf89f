"""Finding out whether a number is set up as it must be, and what exactly is wrong."""

from collections.abc import Iterator
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
    theirs = _webhook_there(client, number, channel)
    yield Check("number", passed=theirs is not None, detail=number)
    if theirs is None:
        return
    yield Check("webhook", passed=theirs == webhook_url, detail=theirs)
    yield Check("signature", passed=_would_fit(account, theirs, webhook_url), detail=webhook_url)


def _webhook_there(client: Any, number: str, channel: str) -> str | None:
    """Return the address that the provider calls for a number of ours; None: not ours."""
    if channel == "whatsapp":
        for sender in client.messaging.v2.channels_senders.list(channel="whatsapp"):
            if sender.sender_id == WHATSAPP + number:
                return str((sender.webhook or {}).get("callback_url") or "")
        return None
    for one in client.incoming_phone_numbers.list(phone_number=number, limit=1):
        return str((one.voice_url if channel == "voice" else one.sms_url) or "")
    return None


def _would_fit(account: Account, theirs: str, ours: str) -> bool:
    """Say whether what is signed for the provider's address passes at ours."""
    from twilio.request_validator import RequestValidator

    form = Form([("Body", "test")])
    signature: str = RequestValidator(account.token).compute_signature(theirs, form)
    return signature_fits(ours, form, signature, account.token)
