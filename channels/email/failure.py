"""Read why a mail did not arrive: the status, and whether the address is to blame.

Hard means that the address does not exist, so that nothing sent there will ever
arrive. Anything else (a full box, a refused text, a server that was down) is soft.
"""

import re
from dataclasses import dataclass
from typing import Final

_LOOKED_AT: Final = 32 * 1024  # signs; reports say what failed at their beginning

_FIELD = re.compile(r"^(action|status|diagnostic-code):[ \t]*(.+)$", re.IGNORECASE | re.MULTILINE)
_STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.]*\d)")
_CODE = re.compile(r"(?<![\d.])([45]\d\d)(?=[ -]|\b(?![.\d]))")
_SAYING = re.compile(r"\b(?:[45]\d\d[ -]|[45]\.\d{1,3}\.\d{1,3}\b)[^\n]{4,300}")

# Statuses (RFC 3463) by which a server says that there is no such address.
_NO_SUCH: Final = frozenset(
    {"5.1.0", "5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.4.4", "5.7.17"}
)
_FULL = re.compile(
    r"(?:mail)?box(?:\s+is)?\s+full|over\s?quota|quota\s+(?:is\s+)?exceeded|exceed\w*\s+\S*\s*quota"
    r"|insufficient\s+(?:disk|storage|system storage)|caixa\s+(?:postal\s+)?(?:est[áa]\s+)?cheia"
    r"|buz[óo]n\s+(?:est[áa]\s+)?lleno|boîte\s+pleine|postfach\s+(?:ist\s+)?voll",
    re.IGNORECASE,
)
_WORDS = re.compile(
    r"(?:user|recipient|mailbox|address|account|member)\s+(?:is\s+|was\s+|name\s+is\s+)?(?:unknown"
    r"|not\s+(?:found|known|exist|listed|recogni[sz]ed|a\s+valid)|doesn.t\s+exist|does\s+not\s+exist"
    r"|invalid|has\s+been\s+(?:disabled|deleted|closed)|is\s+(?:disabled|inactive))"
    r"|(?:unknown|invalid|illegal|bad|non-?existent|no\s+such|not\s+a\s+(?:known|valid))\s+(?:local\s+)?"
    r"(?:user|recipient|mailbox|address|account|person|destination)"
    r"|doesn.t\s+have\s+an?\s+\S{1,80}\s+account|recipientnotfound|no\s+mx\s+(?:record\s+)?found"
    r"|no\s+(?:mailbox|account)\s+(?:here|with|by)|(?:unknown|unrouteable)\s+(?:host|domain|address)"
    r"|(?:host|domain)(?:\s+or\s+domain)?(?:\s+name)?\s+(?:not\s+found|unknown|does\s+not\s+exist)"
    r"|not\s+listed\s+in|no\s+such\s+(?:host|domain)|name\s+or\s+service\s+not\s+known"
    r"|usu[áa]rio\s+(?:inexistente|desconhecido)|endere[çc]o\s+(?:inv[áa]lido|inexistente)"
    r"|usuario\s+desconocido|utilisateur\s+inconnu|benutzer\s+unbekannt|unbekannter\s+empfänger",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Failure:
    """What a report says; a string is empty where it says nothing."""

    status: str  # RFC 3463, such as "5.1.1"
    code: str  # of SMTP, such as "550"
    hard: bool
    reason: str  # one line in the words of the other server
    delayed: bool = False  # it is still being tried


def read_failure(text: str) -> Failure:
    """Read the text of a report, its machine-readable part included."""
    text = text[:_LOOKED_AT]
    fields: dict[str, str] = {}
    for name, value in _FIELD.findall(text):
        fields.setdefault(name.casefold(), value.strip())
    saying = _SAYING.search(text)
    reason = fields.get("diagnostic-code") or (saying[0] if saying else "")
    status = _first(_STATUS, fields.get("diagnostic-code", ""), fields.get("status", ""), text)
    if status.endswith(".0.0"):  # says nothing; another place may say more
        status = _first(_STATUS, fields.get("status", ""), reason) or status
    code = _first(_CODE, reason, text)
    delayed = fields.get("action", "").casefold() == "delayed"
    return Failure(
        status=status,
        code=code,
        hard=not delayed and _is_hard(status, code, reason or text),
        reason=" ".join(reason.split())[:200],
        delayed=delayed,
    )


def _is_hard(status: str, code: str, words: str) -> bool:
    if status.startswith("4") or (not status and code.startswith("4")) or _FULL.search(words):
        return False
    return status in _NO_SUCH or _WORDS.search(words) is not None


def _first(pattern: re.Pattern[str], *texts: str) -> str:
    found = (pattern.search(text) for text in texts)
    return next((match[1] for match in found if match), "")
