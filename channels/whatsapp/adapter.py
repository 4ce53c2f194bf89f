"""The WhatsApp adapter."""

from channels.twilio_gate import WHATSAPP
from channels.twilio_texts import TextAdapter


class WhatsAppAdapter(TextAdapter):
    """WhatsApp messages: the same provider and forms as SMS, under prefixed addresses."""

    name = "whatsapp"
    addressed_by = "whatsapp"
    prefix = WHATSAPP
