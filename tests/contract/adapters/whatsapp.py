"""The WhatsApp channel under the contract, against the sandbox phone network."""

from dataclasses import replace

from channels.port import Outbound, Party
from channels.twilio_gate import Account
from channels.whatsapp.adapter import WhatsAppAdapter
from tests.contract.adapters.case import AdapterCase
from tests.servers.twilio_standin import (
    ACCOUNT_SID,
    AUTH_TOKEN,
    sending,
    sending_failures,
    signed,
)

_HOOK = "https://help.example/hooks/whatsapp"
_TEXT = {
    "MessageSid": "SM" + "1" * 32,
    "SmsStatus": "received",
    "From": "whatsapp:+5511987654321",
    "To": "whatsapp:+551140041234",
    "Body": "Fui cobrada duas vezes",
    "NumMedia": "0",
}
_STATUS = _TEXT | {"MessageStatus": "sent", "SmsStatus": "sent"}


def _adapter(account: Account) -> WhatsAppAdapter:
    return WhatsAppAdapter(account, webhook_url=_HOOK)


def _offline() -> WhatsAppAdapter:
    return _adapter(Account(ACCOUNT_SID, AUTH_TOKEN))


_OUTGOING = Outbound(
    key="0190",
    channel="whatsapp",
    to=Party("whatsapp", "+5511987654321"),
    sender="+551140041234",
    text="Já devolvemos.",
)
_GARBAGE = (
    signed(_HOOK, {}),
    signed(_HOOK, {"Body": "sem número"}),
    signed(_HOOK, _TEXT | {"From": ""}),
    signed(_HOOK, _STATUS | {"MessageStatus": "teleported"}),
)
_FORGED = (
    signed(_HOOK, _TEXT, token="another"),
    replace(signed("https://other.example/", _TEXT), url=_HOOK),
)

CASES = [
    AdapterCase(
        name="whatsapp-text",
        make=_offline,
        genuine=signed(_HOOK, _TEXT),
        repeated=signed(_HOOK, _TEXT),
        another=signed(_HOOK, _TEXT | {"MessageSid": "SM" + "2" * 32}),
        garbage=_GARBAGE,
        forged=_FORGED,
        outgoing=_OUTGOING,
        sending=sending(_adapter),
        failures=sending_failures(_adapter),
    ),
    AdapterCase(
        name="whatsapp-status",
        make=_offline,
        genuine=signed(_HOOK, _STATUS),
        repeated=signed(_HOOK, _STATUS),
        another=signed(_HOOK, _STATUS | {"MessageStatus": "delivered"}),
        garbage=_GARBAGE,
        forged=_FORGED,
    ),
]
