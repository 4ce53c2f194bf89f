"""What an admin types about a mailbox, as typed values or `InvalidInput` naming the field."""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from helpdesk.customers.handles import normalise
from helpdesk.errors import InvalidInput
from helpdesk.mailboxes.model import AUTH_KINDS, SECURITIES
from helpdesk.mailboxes.service import MailboxFacts
from helpdesk.web.input import refuse_unknown

Form = Mapping[str, str]

FIELDS: Final = tuple(MailboxFacts.__dataclass_fields__)
HERE: Final = ("localhost", "127.0.0.1", "::1")
LONGEST_SIGNATURE: Final = 10_000
_LONG: Final = {"signature_text": LONGEST_SIGNATURE, "signature_html": LONGEST_SIGNATURE, "dkim_key": 10_000}  # fmt: skip
_MULTILINE: Final = frozenset(_LONG)
_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?|[0-9a-f:]{2,45}")
_LABELS = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?")


def read_mailbox(form: Form, *, address: str = "") -> MailboxFacts:
    """Read the whole form; `address` is the one of a mailbox that exists already."""
    refuse_unknown(form, *FIELDS)
    text = {name: _text(form, name) for name in FIELDS}
    _check_servers(text)
    if text["auth"] not in AUTH_KINDS:
        raise InvalidInput("auth", "Choose one.")
    if not text["name"]:
        raise InvalidInput("name", "Write the name that customers read.")
    if not text["user_name"]:
        raise InvalidInput("user_name", "Write the user name.")
    if text["auth"] != "password" and not text["client_id"]:
        raise InvalidInput("client_id", "Write the client id of the sign-in service.")
    _check_token_url(text["token_url"])
    _check_signing(text)
    numbers = {
        "imap_port": _number(text, "imap_port", 993, 65_535),
        "smtp_port": _number(text, "smtp_port", 465, 65_535),
        "rate_per_minute": _number(text, "rate_per_minute", 60, 10_000),
    }
    text["address"] = address or normalise_address(text["address"])
    text["folder"] = text["folder"] or "INBOX"
    return MailboxFacts(**(text | numbers))  # type: ignore[arg-type]  # the numbers are numbers


def read_signature(form: Form) -> tuple[str, str]:
    """Return both faces of a signature that is only to be looked at."""
    return _text(form, "signature_text"), _text(form, "signature_html")


def read_switch(form: Form) -> bool:
    refuse_unknown(form, "on")
    if form.get("on") not in ("yes", "no"):
        raise InvalidInput("on", "Choose one.")
    return form["on"] == "yes"


def normalise_address(typed: str) -> str:
    try:
        return normalise("email", typed)
    except InvalidInput as wrong:
        raise InvalidInput("address", wrong.message) from wrong


def _text(form: Form, name: str) -> str:
    value = form.get(name, "").replace("\r\n", "\n").strip()
    allowed = "\n\t" if name in _MULTILINE else ""
    if len(value) > _LONG.get(name, 2_000):
        raise InvalidInput(name, "This is too long.")
    if any(not sign.isprintable() and sign not in allowed for sign in value):
        raise InvalidInput(name, "This holds a sign that cannot be used here.")
    return value


def _check_servers(text: dict[str, str]) -> None:
    for way in ("imap", "smtp"):
        host, security = text[f"{way}_host"], text[f"{way}_security"] or "implicit"
        if not host and way == "smtp":
            raise InvalidInput("smtp_host", "Write the name of the server.")
        if host and not _HOST.fullmatch(host):
            raise InvalidInput(f"{way}_host", "This is not the name of a server.")
        if security not in SECURITIES:
            raise InvalidInput(f"{way}_security", "Choose one.")
        if security == "none" and host and host not in HERE:
            raise InvalidInput(
                f"{way}_security", "Without encryption only a server on this machine is used."
            )
        text[f"{way}_security"] = security


def _check_token_url(url: str) -> None:
    parts = urlsplit(url)
    safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in HERE)
    if url and not (safe and parts.hostname):
        raise InvalidInput("token_url", "This address must start with https://")


def _check_signing(text: dict[str, str]) -> None:
    if bool(text["dkim_domain"]) != bool(text["dkim_selector"]):
        empty = "dkim_selector" if text["dkim_domain"] else "dkim_domain"
        raise InvalidInput(empty, "Domain and selector go together.")
    for name in ("dkim_domain", "dkim_selector"):
        if text[name] and not _LABELS.fullmatch(text[name]):
            raise InvalidInput(name, "This is not a name in the DNS.")


def _number(text: dict[str, str], name: str, default: int, most: int) -> int:
    typed = text[name] or str(default)
    if not (typed.isascii() and typed.isdigit() and len(typed) < 7 and 1 <= int(typed) <= most):
        raise InvalidInput(name, "This is not a number that can be used here.")
    return int(typed)
