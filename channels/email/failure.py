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
# The words of the other server, the surest form first.
_SAYINGS: Final = (
    re.compile(r"\b[45]\d\d[ :-]{1,3}#?[45]\.\d{1,3}\.\d{1,3}\b[^\n]{4,300}"),
    re.compile(r"\b(?:[45]\d\d[ :-]|[45]\.\d{1,3}\.\d{1,3}\b)[^\n]{4,300}"),
    re.compile(
        r"^[^\n]{0,200}\bERROR_?CODE\s{0,3}[:=]\s{0,3}[45]\d\d\b[^\n]{0,200}",
        re.IGNORECASE | re.MULTILINE,
    ),
)
# Behind such a line stands our own mail, whose numbers say nothing about the failure.
_RETURNED = re.compile(
    r"^\W{0,40}(?:original message (?:follows|headers)|returned message|unsent message"
    r"|(?:below this line|this) is a copy of|(?:copy of )?(?:the )?(?:original|returned) message"
    r"|message headers? follows?)\b|^received:",
    re.IGNORECASE | re.MULTILINE,
)
_STILL_TRIED = re.compile(
    r"warning message only|do not need to resend|still (?:undelivered|being (?:re)?tried)"
    r"|will (?:keep trying|be retried|continue to (?:try|be tried))|^\s{0,9}(?:delivery )?delayed\b"
    r"|delayed mail|(?:entrega|delivery) (?:atrasada|is delayed|has been delayed)|has not (?:yet )?been delivered yet",
    re.IGNORECASE | re.MULTILINE,
)
_EXIT_CODE = re.compile(r"[a-z0-9-]{1,40};\s{0,9}(?:[0-9]{1,5})?", re.IGNORECASE)

# Where a status of an address is given for something else: the sender, or our server.
_NOT_THE_ADDRESS = re.compile(
    r"sender\s+(?:address\s+)?(?:is\s+)?(?:reject|block|denied|verif)|access\s+denied|spamhaus|dnsbl"
    r"|block(?:ed)?[ -]?list|black[ -]?list|reputation|too\s+many|rate\s+limit|\bspam\b",
    re.IGNORECASE,
)
# Statuses (RFC 3463) by which a server says that there is no such address.
_NO_SUCH: Final = frozenset(
    {"5.1.0", "5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.4.4", "5.7.17"}
)
_SENDER: Final = frozenset({"5.1.7", "5.1.8"})  # and that the sender's is none
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
    r"|(?:[\w-]{1,63}\.){1,9}[a-z]{2,24}\s+does\s+not\s+exist|domain\s+is\s+not\s+reachable"
    r"|recipient\s+address\s+rejected:\s+access\s+denied|final\s+delivery\s+userid"
    r"|does\s+not\s+accept\s+(?:any\s+)?e?-?mail|null\s?mx"
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


def read_failure(text: str, subject: str = "") -> Failure:
    """Read the text of a report, its machine-readable part included, and its subject."""
    text = text[:_LOOKED_AT]
    fields: dict[str, str] = {}
    for name, value in _FIELD.findall(text):
        fields.setdefault(name.casefold(), value.strip())
    returned = _RETURNED.search(text, 1)
    told = text[: returned.start()] if returned else text
    diagnosis = fields.get("diagnostic-code", "")
    if _EXIT_CODE.fullmatch(diagnosis):
        diagnosis = ""  # the exit code of a program: its words stand elsewhere
    saying = _saying(told) or _telling(told)
    reason = diagnosis or saying or fields.get("diagnostic-code", "")
    stated = fields.get("status", "")
    status = _best(diagnosis, stated, saying, told)
    delayed = _is_delayed(text, told, subject)
    code = _first(_CODE, reason, told)
    return Failure(
        status=status,
        code=code,
        hard=not delayed and _is_hard(status, code, reason or f"{told}\n{subject}"),
        reason=" ".join(reason.split())[:200],
        delayed=delayed,
    )


def _is_delayed(text: str, told: str, subject: str) -> bool:
    """Say whether the mail is still being tried; "failed" is final, whatever its status."""
    actions = {
        value.strip().casefold()
        for name, value in _FIELD.findall(text)
        if name.casefold() == "action"
    }
    if actions & {"failed", "delayed"}:
        return "failed" not in actions
    classes = {
        value.strip()[:1] for name, value in _FIELD.findall(text) if name.casefold() == "status"
    }
    return classes == {"4"} or _STILL_TRIED.search(f"{subject}\n{told[:4_000]}") is not None


def _saying(told: str) -> str:
    found = (pattern.search(told) for pattern in _SAYINGS)
    return next((match[0] for match in found if match), "")


def _telling(told: str) -> str:
    """Return the first line that says in words what failed."""
    lines = (line.strip() for line in told.splitlines() if len(line) <= 300)
    return next((line for line in lines if _WORDS.search(line) or _FULL.search(line)), "")


def _best(*texts: str) -> str:
    """Return the first status; one that says nothing (x.0.0) only where no other is given."""
    found = [match[1] for text in texts if (match := _STATUS.search(text))]
    return next((one for one in found if not one.endswith(".0.0")), found[0] if found else "")


def _is_hard(status: str, code: str, words: str) -> bool:
    passing = status.startswith("4") or (not status and code.startswith("4"))
    if passing or status in _SENDER or _FULL.search(words):
        return False
    if _WORDS.search(words):
        return True
    return status in _NO_SUCH and _NOT_THE_ADDRESS.search(words) is None


def _first(pattern: re.Pattern[str], *texts: str) -> str:
    found = (pattern.search(text) for text in texts)
    return next((match[1] for match in found if match), "")
