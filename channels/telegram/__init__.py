"""Telegram: a bot that people write to."""
