"""The SMS adapter."""

from channels.twilio_texts import TextAdapter


class SmsAdapter(TextAdapter):
    """Texts to and from telephone numbers."""

    name = "sms"
    addressed_by = "phone"
