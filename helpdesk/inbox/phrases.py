"""Words that stand in a conversation where the customer said none, in the company's language."""

from typing import Final

_PHRASES: Final = {
    "pt_BR": {
        "missed_call": "Chamada perdida, sem recado.",
        "voicemail": "Recado de voz.",
        "no_subject": "Sem assunto",
        "call": "Chamada de {who}",
        "visitor": "Visitante",
        "unreadable": "Não foi possível ler esta entrega. O original está no anexo.",
        "page": "Página: {page}",
    },
    "en": {
        "missed_call": "Missed call, no message left.",
        "voicemail": "Voicemail.",
        "no_subject": "No subject",
        "call": "Call from {who}",
        "visitor": "Visitor",
        "unreadable": "This delivery could not be read. The original is attached.",
        "page": "Page: {page}",
    },
}


def phrase(language: str, name: str, **values: str) -> str:
    """Return a phrase; an unknown language reads English."""
    return _PHRASES.get(language, _PHRASES["en"])[name].format(**values)
