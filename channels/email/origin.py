"""Tell who really speaks: a machine or a person, and whether the sender is proven."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message

from channels.email.addresses import Mailbox, domain_of, read_mailboxes
from channels.email.bounce import is_bounce, is_complaint, is_report, looks_like_daemon
from channels.email.decode import decode_header, unfold
from channels.email.mime import Body, header
from channels.email.rules import CONTROL_PREFIX, INSTANCE_HEADER, MailRules
from channels.email.tree import raw_headers
from channels.port import AutoKind, Trust

_LIST_HEADERS = ("list-id", "list-post", "list-unsubscribe", "list-help", "list-owner")
_AUTO_HEADERS = ("x-autoreply", "x-autorespond", "x-auto-reply-from", "x-mail-autoreply")
_AUTO_SUBJECT = re.compile(
    r"(?:(?:re|aw|res|enc|fwd?)\s*:\s*)?"
    r"(?:auto(?:matic)?[ -]?(?:reply|response|answer)|auto:|out of (?:the )?office"
    r"|resposta autom[áa]tica|respuesta autom[áa]tica|risposta automatica|réponse automatique"
    r"|automatische(?:s|r)? (?:antwort|antwoord)|automatisch antwoord|autosvar"
    r"|fora do escrit[óo]rio|fuera de (?:la )?oficina|fuori (?:sede|ufficio)|absence du bureau"
    r"|aus[êe]ncia tempor[áa]ria|abwesenheit|afwezigheid|niet aanwezig:)",
    re.IGNORECASE,
)
_RESULT = re.compile(r"^\s*([a-z0-9-]{1,40})(?:/\d+)?\s*=\s*([a-z]{1,20})", re.IGNORECASE)
# A quoted value is taken whole, also that of a reason: what stands in it is no property.
_PROPERTY = re.compile(
    r"(?:(?<=\s)|^)([a-z]+(?:\.[a-z0-9_-]+)?)\s*=\s*"
    r"(?:(\"(?:[^\"\\]|\\.){0,320}\"[^\s;]{0,320})|([^\s;\"]{1,320}))",
    re.IGNORECASE,
)
_SIGNS = re.compile(r"[\\\"();]|[^\\\"();]+")
_MOST_RESULTS = 50


@dataclass(frozen=True, slots=True)
class Sender:
    """Whom a mail names as its author, and what is wrong with that."""

    mailbox: Mailbox
    doubt: str = ""  # "no_sender", "several_senders"


@dataclass(frozen=True, slots=True)
class _Result:
    method: str
    verdict: str
    properties: Mapping[str, str] = field(default_factory=dict)


def read_sender(message: Message) -> Sender:
    """Return the one author of a mail: From and nothing else (not Reply-To, not Sender)."""
    values = raw_headers(message, "from")
    mailboxes = [box for value in values for box in read_mailboxes(value)]
    named = [box for box in mailboxes if box.address]
    if not named:
        return Sender(mailboxes[0] if mailboxes else Mailbox("", ""), "no_sender")
    if len(values) > 1 or len({box.address for box in named}) > 1 or len(mailboxes) > 1:
        return Sender(named[0], "several_senders")
    return Sender(named[0])


def auto_kind(
    message: Message, body: Body, *, sender: Sender, rules: MailRules, raw: bytes
) -> AutoKind | None:
    """Say what machine wrote this mail, or None for a person; our own mail comes first."""
    if _is_own(message, sender, rules):
        return "own"
    if is_complaint(message, body):
        return "complaint"
    if is_bounce(message, body, sender=sender.mailbox.address, raw=raw):
        return "bounce"
    if is_report(body):
        return "report"
    if _is_automatic(message, sender):
        return "auto_reply"
    precedence = header(message, "precedence").casefold()
    if precedence in ("bulk", "list", "junk") or any(
        raw_headers(message, name) for name in _LIST_HEADERS
    ):
        return "list"
    return None


def read_trust(message: Message, sender: Sender, rules: MailRules) -> Trust:
    """Say how far the From address is proven, by the topmost result of our own server."""
    if sender.doubt:
        return "failed"
    domain = domain_of(sender.mailbox.address)
    results = _our_results(message, rules.authserv_id)
    for result in results:
        if result.method != "dmarc":
            continue
        judged = result.properties.get("header.from", domain)
        if result.verdict == "pass":
            return "aligned" if domain_of(judged) == domain else "bare"
        if result.verdict == "fail":
            return "failed"
    ours = [result for result in results if _speaks_for(domain, result)]
    if any(result.method == "dkim" and result.verdict == "pass" for result in ours):
        return "aligned"
    if any(result.verdict == "pass" for result in ours):
        return "bare"
    return "failed" if any(result.verdict == "fail" for result in ours) else "bare"


def authentication_facts(message: Message, rules: MailRules) -> dict[str, str]:
    """Return what to show an agent: our server's results, and those merely claimed."""
    facts = {}
    if ours := _our_results(message, rules.authserv_id):
        facts["authentication"] = " ".join(f"{one.method}={one.verdict}" for one in ours)[:300]
    believed = _our_header(message, rules.authserv_id)
    values = raw_headers(message, "authentication-results")
    if believed in values:
        values.remove(believed)
    if values:
        facts["authentication_claimed"] = " | ".join(map(decode_header, values))[:500]
    return facts


def strip_control_headers(message: Message) -> None:
    """Remove headers that only we may set, so that nothing later can obey a stranger's."""
    for name in {key for key in message.keys() if key.casefold().startswith(CONTROL_PREFIX)}:  # noqa: SIM118 - iterating a Message walks numbers
        del message[name]


def _is_own(message: Message, sender: Sender, rules: MailRules) -> bool:
    if sender.mailbox.address and sender.mailbox.address in rules.own_addresses:
        return True
    if rules.instance and header(message, INSTANCE_HEADER) == rules.instance:
        return True
    ids = [unfold(value).strip().strip("<>") for value in raw_headers(message, "message-id")]
    return any(domain_of(one) in rules.message_id_domains for one in ids if "@" in one)


def _is_automatic(message: Message, sender: Sender) -> bool:
    submitted = header(message, "auto-submitted").partition(";")[0].strip().casefold()
    if submitted and submitted != "no":
        return True
    if any(raw_headers(message, name) for name in _AUTO_HEADERS):
        return True
    suppress = header(message, "x-auto-response-suppress").casefold()
    if suppress and suppress != "none":
        return True
    if header(message, "precedence").casefold() in ("auto_reply", "auto-reply"):
        return True
    if any(value.strip() == "<>" for value in raw_headers(message, "return-path")):
        return True
    if looks_like_daemon(sender.mailbox.address):
        return True
    return _AUTO_SUBJECT.match(header(message, "subject")) is not None


def _authserv(value: str) -> str:
    words = _pieces(value, most=1)[0].split()
    return words[0].strip('"').casefold() if words else ""


def _our_header(message: Message, authserv_id: str) -> str:
    """Return only the topmost header of our server: a forged one always stands below it."""
    if not authserv_id:
        return ""
    for value in raw_headers(message, "authentication-results"):
        if _authserv(value) == authserv_id.casefold():
            return value
    return ""


def _our_results(message: Message, authserv_id: str) -> list[_Result]:
    return _read_results(_our_header(message, authserv_id))


def _read_results(value: str) -> list[_Result]:
    results = []
    for piece in _pieces(value, most=_MOST_RESULTS)[1:]:
        found = _RESULT.match(piece)
        if found is None:
            continue
        facts: dict[str, str] = {}
        for key, quoted, plain in _PROPERTY.findall(piece[found.end() :]):
            # Said twice, it is not known what was meant: the first stands.
            facts.setdefault(key.casefold(), (quoted.strip('"') or plain).casefold())
        results.append(_Result(found[1].casefold(), found[2].casefold(), facts))
    return results


def _pieces(value: str, *, most: int) -> list[str]:
    """Cut a result header at its semicolons, and leave its comments out (RFC 8601, section 2.2).

    A sender chooses the words in quotes and in comments, such as the left side of her
    address: a semicolon there begins nothing.
    """
    pieces, depth, quoted, escaped = [""], 0, False, False
    for sign in _SIGNS.findall(unfold(value)):  # or a run of what is no sign
        here = sign
        if escaped:
            escaped = False
        elif sign == "\\" and (quoted or depth):
            escaped = True
        elif sign == '"' and not depth:
            quoted = not quoted
        elif not quoted and (sign == "(" or (sign == ")" and depth)):
            depth += 1 if sign == "(" else -1
            here = " "
        elif sign == ";" and not quoted and not depth:
            if len(pieces) >= most:
                break
            pieces.append("")
            continue
        if not depth:
            pieces[-1] += here
    return pieces


def _speaks_for(domain: str, result: _Result) -> bool:
    """Tell whether a DKIM or SPF result is about the author's own domain.

    A parent may sign for its child. The reverse is left to DMARC, which knows where
    one owner's names end.
    """
    keys = {"dkim": ("header.d", "header.i"), "spf": ("smtp.mailfrom", "smtp.helo")}
    for key in keys.get(result.method, ()):
        if named := domain_of(result.properties.get(key, "")):
            return domain == named or ("." in named and domain.endswith(f".{named}"))
    return False
