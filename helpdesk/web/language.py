"""Whose language and time zone a page is written in."""

from flask import g, request

LANGUAGE_COOKIE = "guiche_language"
_SPOKEN = {"pt-BR": "pt_BR", "pt": "pt_BR", "en": "en"}


def choose_language() -> str | None:
    """The person's own, else this browser's choice or preference; None is the company's."""
    agent = g.get("agent")
    if agent is not None:
        return str(agent.language)
    chosen = request.cookies.get(LANGUAGE_COOKIE, "")
    if chosen in _SPOKEN.values():
        return chosen
    preferred = request.accept_languages.best_match(list(_SPOKEN))
    return _SPOKEN[preferred] if preferred else None


def choose_time_zone() -> str | None:
    agent = g.get("agent")
    return (agent.time_zone or None) if agent else None
