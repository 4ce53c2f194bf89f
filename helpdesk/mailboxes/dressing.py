"""An answer as a mail: what was written, the mailbox's signature, and both as HTML."""

import html
import re
from dataclasses import dataclass

from helpdesk.mailboxes.account import MailAccount
from helpdesk.web.sanitise import SafeHtml, sanitise

_LINK = re.compile(r"https?://[^\s<>\"']+[^\s<>\"'.,;:!?)\]]")
_BLANK_LINES = re.compile(r"\n[ \t]*\n+")
SIGNATURE_FIELDS = ("agent", "company", "address")


@dataclass(frozen=True, slots=True)
class Dressed:
    """Both faces of one mail."""

    text: str
    html: str


def dress(body: str, account: MailAccount | None, *, agent: str, company: str) -> Dressed:
    """Return an answer with its signature below, as text and as HTML.

    Signatures may hold `{agent}`, `{company}` and `{address}`; anything else in braces
    stays as it is.
    """
    if account is None:
        return Dressed(body, str(sanitise(_paragraphs(body))))
    fields = {"agent": agent, "company": company, "address": account.address}
    text = _filled(account.signature_text, fields).strip()
    return Dressed(
        f"{body}\n\n-- \n{text}" if text else body,
        str(sanitise(_paragraphs(body) + _signature(account, fields))),
    )


def preview(account: MailAccount, *, agent: str, company: str) -> SafeHtml:
    """Return the signature as it will stand below a mail."""
    fields = {"agent": agent, "company": company, "address": account.address}
    return sanitise(_signature(account, fields))


def _signature(account: MailAccount, fields: dict[str, str]) -> str:
    """Return the signature as HTML: its own, or made of the text."""
    safe = {name: html.escape(value) for name, value in fields.items()}
    if account.signature_html.strip():
        return f"<div>{_filled(account.signature_html, safe)}</div>"
    text = _filled(account.signature_text, fields).strip()
    return f"<p>-- <br>{_lines(text)}</p>" if text else ""


def _filled(text: str, fields: dict[str, str]) -> str:
    return re.sub(r"\{([a-z]+)\}", lambda found: fields.get(found[1], found[0]), text)


def _paragraphs(text: str) -> str:
    pieces = _BLANK_LINES.split(text.replace("\r\n", "\n").strip("\n"))
    return "".join(f"<p>{_lines(piece)}</p>\n" for piece in pieces)


def _lines(text: str) -> str:
    """Return text as HTML, its addresses made links."""
    made, at = [], 0
    for found in _LINK.finditer(text):
        url = html.escape(found[0])
        made += [html.escape(text[at : found.start()]), f'<a href="{url}">{url}</a>']
        at = found.end()
    return "".join([*made, html.escape(text[at:])]).replace("\n", "<br>\n")
