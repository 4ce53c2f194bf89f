"""The provider's error codes in words. Each is a sentence that an agent can act on."""

from collections.abc import Mapping

REASONS: Mapping[str, str] = {
    "20003": "the provider does not know the account, or its token is wrong",
    "21211": "this is not a number that can be written to",
    "21408": "sending to this country is switched off in the account",
    "21606": "our number cannot send text messages",
    "21608": "a trial account writes to confirmed numbers only",
    "21610": "the customer asked to receive no more messages",
    "21614": "this number cannot receive text messages",
    "21617": "the message is longer than 1600 characters",
    "30001": "the provider's queue was full",
    "30002": "the account is suspended",
    "30003": "the phone is switched off or out of reach",
    "30004": "the customer or the operator blocked the message",
    "30005": "the number does not exist or is out of service",
    "30006": "a landline, or an operator that cannot be reached",
    "30007": "the operator took the message for spam",
    "30008": "the operator gave no reason",
    "63003": "this number has no WhatsApp",
    "63016": "more than 24 hours since the customer last wrote; only a template may be sent",
    "63018": "too many WhatsApp messages at once",
    "63024": "this number has no WhatsApp",
    "63032": "WhatsApp does not deliver to this customer now",
    "63049": "WhatsApp chose not to deliver this template",
}


def explain(code: str, told: str = "") -> str:
    """Return what an agent reads about an error: its code, and words where we have them."""
    words = REASONS.get(code, told.strip())
    return ": ".join(part for part in (code, words) if part)
