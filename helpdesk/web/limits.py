"""How often one network address may knock. The second line: each door counts by itself too."""

from typing import Any

from flask import Flask
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

from helpdesk.settings import Settings

SIGN_IN = "60 per minute"  # a whole office may sit behind one address
DELIVERIES = "3000 per minute"
TRIAL_MAILS = "10 per minute"


def configure_limits(app: Flask) -> None:
    """Count sign-ins, deliveries and mails on trial by address. Call after every blueprint is registered."""
    settings: Settings = app.extensions["guiche"].settings
    limiter = Limiter(
        get_remote_address,
        app=app,
        strategy="sliding-window-counter",
        storage_uri=settings.redis_url or "memory://",
        key_prefix="guiche",
        in_memory_fallback_enabled=True,  # without Redis each process counts alone
    )
    for rule in list(app.url_map.iter_rules()):
        view: Any = app.view_functions[rule.endpoint]
        if rule.rule == "/login":
            app.view_functions[rule.endpoint] = limiter.limit(SIGN_IN, methods=["POST"])(view)
        elif rule.endpoint == "mailboxes.send_signature":
            app.view_functions[rule.endpoint] = limiter.limit(TRIAL_MAILS)(view)
        elif rule.rule.startswith("/hooks/") or rule.endpoint in (
            "widget.post",
            "widget.post_file",
            "widget.seen",
        ):
            app.view_functions[rule.endpoint] = limiter.limit(DELIVERIES)(view)
