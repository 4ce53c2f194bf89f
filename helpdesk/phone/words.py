"""Sentences of this feature that are translated when somebody reads them."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from channels.port import Check


def N_(sentence: str) -> str:
    """Mark a sentence for translation."""
    return sentence


OPTED_OUT: Final = N_("The customer asked for no more messages on this channel.")
WINDOW_CLOSED: Final = N_(
    "More than 24 hours since the customer last wrote on WhatsApp: only a template may be sent."
)
NO_PHONE_OF_YOURS: Final = N_("First say on which telephone you take calls.")
NO_VOICE: Final = N_("No telephone line for calls is set up.")
NO_NUMBER: Final = N_("There is no telephone number of this customer.")
CALL_GONE: Final = N_("This caller is no longer waiting.")
CALL_RUNNING: Final = N_("A call in this conversation is already under way.")

# What the provider's error codes mean; its adapter writes the English words.
_REASONS: Final = {
    "20003": N_("the provider does not know the account, or its token is wrong"),
    "21211": N_("this is not a number that can be written to"),
    "21408": N_("sending to this country is switched off in the account"),
    "21606": N_("our number cannot send text messages"),
    "21608": N_("a trial account writes to confirmed numbers only"),
    "21610": N_("the customer asked to receive no more messages"),
    "21614": N_("this number cannot receive text messages"),
    "21617": N_("the message is longer than 1600 characters"),
    "30001": N_("the provider's queue was full"),
    "30002": N_("the account is suspended"),
    "30003": N_("the phone is switched off or out of reach"),
    "30004": N_("the customer or the operator blocked the message"),
    "30005": N_("the number does not exist or is out of service"),
    "30006": N_("a landline, or an operator that cannot be reached"),
    "30007": N_("the operator took the message for spam"),
    "30008": N_("the operator gave no reason"),
    "63003": N_("this number has no WhatsApp"),
    "63016": N_("more than 24 hours since the customer last wrote; only a template may be sent"),
    "63018": N_("too many WhatsApp messages at once"),
    "63024": N_("this number has no WhatsApp"),
    "63032": N_("WhatsApp does not deliver to this customer now"),
    "63049": N_("WhatsApp chose not to deliver this template"),
}
# Why a customer's file did not come, as the provider's adapter writes it.
FILE_FAULTS: Final = (
    N_("the file is too large to be shown here"),
    N_("the file is not kept at the provider"),
    N_("the provider sends us elsewhere for the file"),
    N_("the provider could not be reached"),
    N_("the provider does not hand out the file"),
)
# What is wrong with the way to the provider, by the code that its adapter gives.
_LINE_FAULTS: Final = {
    "name_not_found": N_("There is no server named %(host)s."),
    "refused": N_("%(host)s is there, but nothing listens on port %(port)s."),
    "timeout": N_("%(host)s does not answer on port %(port)s. A firewall may be in the way."),
    "hung_up": N_("The server ended the connection. Does the encryption fit port %(port)s?"),
    "certificate": N_("The certificate of %(host)s cannot be trusted."),
    "tls": N_("The encryption could not begin. Does it fit port %(port)s?"),
    "unreachable": N_("%(host)s cannot be reached."),
    "strange": N_("%(host)s answers, but not as the provider does."),
}
_CODE = re.compile(r"(\d{5})\b")


def say_error(error: str, gettext: Callable[[str], str]) -> str:
    """Return why something was not sent, in the reader's language where its code is known."""
    found = _CODE.match(error)
    if found is None or found[1] not in _REASONS:
        words, bracket, code = error.partition(" (")
        return gettext(words) + bracket + code if words else ""
    return f"{gettext(_REASONS[found[1]])} ({found[1]})"


def say_line_fault(detail: str, gettext: Callable[..., str]) -> str:
    """Return what is wrong with the way to the provider: `<code> <host> <port>`, or its words."""
    code, _, where = detail.partition(" ")
    host, _, port = where.partition(" ")
    if code not in _LINE_FAULTS:
        return say_error(detail, gettext)
    return gettext(_LINE_FAULTS[code], host=host, port=port)


def say_check(check: Check, gettext: Callable[..., str]) -> Check:
    """Return what was tried with what is wrong in the reader's language."""
    if check.name != "line":
        return check
    return replace(check, detail=say_line_fault(check.detail, gettext))
