"""Words by which a customer says that she wants no more messages, or wants them again.

Only a message that is nothing but such a word counts: "quero cancelar meu plano" is a
matter for a person.
"""

import unicodedata
from typing import Final, Literal

Wish = Literal["stop", "start", ""]

STOP: Final = frozenset(
    "stop stopall unsubscribe cancel end quit optout revoke "
    "parar pare sair cancelar descadastrar remover "
    "baja arret desabonner".split()
)
START: Final = frozenset("start unstop voltar iniciar recomecar retomar alta".split())


def read_wish(text: str, *, provider_word: str = "") -> Wish:
    """Return what a text asks for. `provider_word` is what the provider itself made of it."""
    if provider_word.upper() in ("STOP", "START"):
        return "stop" if provider_word.upper() == "STOP" else "start"
    plain = unicodedata.normalize("NFD", text.casefold())
    word = "".join(sign for sign in plain if sign.isalnum())
    if word != "".join(sign for sign in plain.strip() if _may_stand_in(sign)):
        return ""  # more than one word
    return "stop" if word in STOP else "start" if word in START else ""


def _may_stand_in(sign: str) -> bool:
    """Punctuation and accents around or in a word do not make it another; a space does."""
    return sign.isalnum() or sign.isspace()
