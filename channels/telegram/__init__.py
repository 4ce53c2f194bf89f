"""Telegram: a bot that people write to."""

from collections.abc import Mapping

from channels.port import Adapter
from channels.telegram.adapter import TelegramAdapter
from channels.telegram.client import Bot


def adapters(settings: Mapping[str, str]) -> dict[str, Adapter]:
    """Return the adapter where `telegram_token` and `telegram_secret` are set, else nothing."""
    token, secret = settings.get("telegram_token", ""), settings.get("telegram_secret", "")
    if not (token and secret):
        return {}
    api_url = settings.get("telegram_api_url", "https://api.telegram.org")
    return {"telegram": TelegramAdapter(Bot(token, secret, api_url))}
