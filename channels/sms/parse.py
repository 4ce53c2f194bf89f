"""Read what the provider posts about text messages. Pure."""

from channels.port import Delivery, Inbound, Receipt
from channels.twilio_gate import read_stored_form, read_text


def parse(delivery: Delivery) -> list[Inbound | Receipt]:
    """Return the message or the receipt in one delivery; nothing where it reports no news."""
    item = read_text(read_stored_form(delivery.body), delivery.url)
    return [] if item is None else [item]
