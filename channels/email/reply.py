"""Cut the new words of a reply from everything it quotes.

The rules for English come with mail-parser-reply; its Spanish pattern cannot match and
Portuguese is missing, so both are registered here. Its patterns can take time cubed to
the length of a line, hence the short view: long lines stand in it by a token.
"""

import re

from mailparser_reply.constants import MAIL_LANGUAGES, QUOTED_MATCH_INCLUDE
from mailparser_reply.parser import EmailMessage

_LINES = 300
_LINE = 240
_KEPT = 160
_TOKEN = re.compile("\ue000(\\d+)\ue001")


def _headers(*names: str) -> str:
    """Return the pattern of a block of at least two quoted header lines."""
    return rf"((?:^{QUOTED_MATCH_INCLUDE}[* ]*(?:{'|'.join(names)})[* ]*:.*(?:\n|\Z)){{2,}})"


def _wrote(start: str, verb: str) -> str:
    """Return the pattern of an attribution on one to three lines."""
    return (
        rf"^({QUOTED_MATCH_INCLUDE}{start}\s[^\n]{{4,240}}?(?:\n[^\n]{{1,200}}?){{0,2}}{verb}\s*:)$"
    )


_WEEKDAY = r"(?:seg|ter|qua|qui|sex|s[áa]b|dom)[a-zç-]*\.?,?"
# No list of closing words: cutting at a line that merely begins with "Thanks" loses text.
MAIL_LANGUAGES["pt"] = {
    "wrote_header": _wrote(rf"(?:Em|No dia|A|Às|{_WEEKDAY})", r"escreveu(?:\s+no dia[^\n]{0,80})?"),
    "from_header": _headers("De", "Enviad[ao](?: em)?", "Para", "Assunto", "Data", "Cc", "Cópia"),
    "signatures": [r"(?:Atenciosamente|Att|Cordialmente|Abra[çc]os?),?\.?$"],
    "sent_from": r"Enviad[oa] (?:do|da|de|a partir d[oe]) (?:meu|minha)?|Obter o Outlook para",
    "disclaimers": [],
}
MAIL_LANGUAGES["es"] = {
    "wrote_header": _wrote("El", r"escribió"),
    "from_header": _headers("De", "Enviado(?: el)?", "Para", "Asunto", "Fecha", "CC"),
    "signatures": [r"(?:Saludos|Atentamente|Un saludo|Cordialmente),?\.?$"],
    "sent_from": r"Enviado desde mi|Obtener Outlook para",
    "disclaimers": [],
}
MAIL_LANGUAGES["guiche_en"] = {
    "wrote_header": _wrote("On", "wrote"),
    "from_header": _headers("From", "Sent", "To", "Subject", "Date", "Cc"),
    "signatures": [r"(?:(?:Best|Kind|Warm) regards|Regards|Sincerely|Cheers),?\.?$"],
    "sent_from": r"Sent from (?:my|Mail for|Yahoo)|Get Outlook for",
    "disclaimers": [],
}
_LANGUAGES = ["pt", "es", "guiche_en", "de", "fr", "it", "nl"]

_FORWARD = re.compile(
    r"^\s*-{2,}\s*(?:Original Message|Mensagem original|Mensaje original|Forwarded message"
    r"|Mensagem encaminhada|Mensaje reenviado|Ursprüngliche Nachricht|Message d'origine)"
    r"\s*-{2,}\s*$",
    re.IGNORECASE | re.MULTILINE,
)
_SIGNATURE = re.compile(r"^-- ?$", re.MULTILINE)
_ATTRIBUTION = re.compile(r"[^\n]{0,300}:\s*$")


def reply_text(text: str) -> str:
    """Return what the sender newly wrote; all of `text` where nothing can be told apart."""
    cut = _before(_FORWARD, text)
    cut = _before(_SIGNATURE, cut)
    reply = _without_quotes(_head(cut))
    return reply or _answers_between(cut) or _answers_between(text) or text.strip()


def _before(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return text[: found.start()] if found and text[: found.start()].strip() else text


def _head(text: str) -> str:
    """Return the newest message of a conversation, by the library's patterns."""
    lines = text.split("\n")
    view = "\n".join(
        line if len(line) <= _LINE else f"{line[:_KEPT]}\ue000{at}\ue001"
        for at, line in enumerate(lines[:_LINES])
    )
    read = EmailMessage(
        text=view, languages=list(_LANGUAGES), include_english=False, keep_hyphen_lists=True
    ).read()
    newest = next((reply for reply in read.replies if reply.body), None)
    if newest is None or newest.headers:
        return ""  # it begins with a quote: the answer stands below or between
    body = newest.body
    if len(read.replies) == 1 and not newest.signatures and len(lines) > _LINES:
        body = f"{body}\n" + "\n".join(lines[_LINES:])
    return _TOKEN.sub(lambda token: lines[int(token[1])][_KEPT:], body)


def _without_quotes(text: str) -> str:
    """Drop quoted lines at the end, with the line that introduces them."""
    lines = text.rstrip().split("\n")
    quoted = False
    while lines and (not lines[-1].strip() or lines[-1].lstrip().startswith(">")):
        quoted = quoted or bool(lines[-1].strip())
        lines.pop()
    if quoted and lines and _ATTRIBUTION.fullmatch(lines[-1]) and len(lines) > 1:
        lines.pop()
    return "\n".join(lines).strip()


def _answers_between(text: str) -> str:
    """Keep the unquoted lines of a mail that answers below or between its quotes."""
    lines = [line for line in text.split("\n") if not line.lstrip().startswith(">")]
    if lines and _ATTRIBUTION.fullmatch(lines[0]):
        lines = lines[1:]
    return "\n".join(lines).strip()
