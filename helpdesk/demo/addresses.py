"""Where the sample company is reached, filled in where an installation has set nothing."""

import hashlib
import hmac
from dataclasses import replace

from helpdesk.settings import Settings

MAIL_ADDRESS = "suporte@sabia.exemplo"
MAIL_SERVER = "mx.sabia.exemplo"  # whose word about a sender's domain is believed
NUMBER = "+551140004000"  # texts, WhatsApp and calls


def with_addresses(settings: Settings) -> Settings:
    """Return settings in which every channel is set up. What was set stays.

    The account's token and the widget's secret come from the installation's key: the same
    at every start, and unlike those of any other installation.
    """
    return replace(
        settings,
        mail_address=settings.mail_address or MAIL_ADDRESS,
        mail_authserv_id=settings.mail_authserv_id or MAIL_SERVER,
        sms_number=settings.sms_number or NUMBER,
        whatsapp_number=settings.whatsapp_number or NUMBER,
        voice_number=settings.voice_number or NUMBER,
        live_transcripts=True,
        twilio_account=settings.twilio_account or "AC" + derive(settings, "account")[:32],
        twilio_token=settings.twilio_token or derive(settings, "token")[:32],
        widget_secret=settings.widget_secret or derive(settings, "widget"),
    )


def derive(settings: Settings, purpose: str) -> str:
    """Return a secret of this installation for one purpose, 64 hexadecimal digits."""
    key = settings.secret_key.encode()
    return hmac.new(key, f"demo {purpose}".encode(), hashlib.sha256).hexdigest()
