"""Words that stand in a conversation where the customer said none, in the company's language."""

from typing import Final

_PHRASES: Final = {
    "pt_BR": {
        "missed_call": "Chamada perdida, sem recado.",
        "voicemail": "Recado de voz.",
        "files": "Enviou um arquivo.",
        "waiting": "Ligou para nós.",
        "billing_tag": "cobrança",
        "no_subject": "Sem assunto",
        "call": "Chamada de {who}",
        "visitor": "Visitante",
        "unreadable": "Não foi possível ler esta entrega. O original está no anexo.",
        "page": "Página: {page}",
        "unread_answers": "Você saiu da conversa antes de ler nossa resposta. Aqui está ela:",
        "answer_this_mail": "Para continuar, responda a este e-mail ou abra a conversa no site.",
    },
    "en": {
        "missed_call": "Missed call, no message left.",
        "voicemail": "Voicemail.",
        "files": "Sent a file.",
        "waiting": "Called us.",
        "billing_tag": "billing",
        "no_subject": "No subject",
        "call": "Call from {who}",
        "visitor": "Visitor",
        "unreadable": "This delivery could not be read. The original is attached.",
        "page": "Page: {page}",
        "unread_answers": "You left the chat before our answer came. Here it is:",
        "answer_this_mail": "To go on, answer this e-mail or open the chat on our site.",
    },
}


def phrase(language: str, name: str, **values: str) -> str:
    """Return a phrase; an unknown language reads English."""
    return _PHRASES.get(language, _PHRASES["en"])[name].format(**values)
