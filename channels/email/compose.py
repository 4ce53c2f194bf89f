"""One `Outbound` -> the bytes of one mail. No value can add a header of its own."""

import re
from collections.abc import Sequence
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime
from typing import Any

from channels.email.rules import INSTANCE_HEADER
from channels.port import File, Outbound, Refused

_BREAKS = re.compile(r"[\r\n\0\v\f\x1c-\x1e\x85\u2028\u2029]")
_ID = re.compile(r"[!-;=?-~]{1,400}@[!-;=?-~]{1,400}")  # printable ASCII, no angle bracket
_MEDIA_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+")
_ID_HEADERS = frozenset({"message-id", "in-reply-to", "references"})
_OLDEST_REFERENCES = 1
_NEWEST_REFERENCES = 20


class _MailPolicy(EmailPolicy):
    """The standard policy turns long ids into encoded words, which nobody can thread by."""

    def fold(self, name: str, value: Any) -> str:
        if name.casefold() in _ID_HEADERS:
            return f"{name}: " + f"{self.linesep} ".join(str(value).split()) + self.linesep
        return str(super().fold(name, value))

    def fold_binary(self, name: str, value: Any) -> bytes:
        if name.casefold() in _ID_HEADERS:
            return self.fold(name, value).encode("ascii")
        return bytes(super().fold_binary(name, value))


_POLICY = _MailPolicy(linesep="\r\n")


def compose_mail(message: Outbound, *, at: datetime, instance: str = "") -> bytes:
    """Write `message` as one MIME mail, ready for SMTP.

    The Message-ID is the one given: it was minted with the row that is being sent, so a
    second try carries the same. Raises `Refused` where a value cannot stand in a header.
    """
    mail = EmailMessage(policy=_POLICY)
    mail["Date"] = format_datetime(at)
    mail["Message-ID"] = f"<{_id(message.message_id)}>"
    mail["From"] = _address(message.sender, message.sender_name)
    named = message.shown_to or message.to
    mail["To"] = _address(named.value, named.name)
    if message.cc:
        mail["Cc"] = [_address(one.value, one.name) for one in message.cc]
    mail["Subject"] = _line(message.subject, "the subject")
    if message.reply_to:
        mail["Reply-To"] = _address(message.reply_to, message.sender_name)
    if answered := _usable([message.in_reply_to]):
        mail["In-Reply-To"] = f"<{answered[0]}>"
    if references := _shortened(_usable(message.references)):
        mail["References"] = " ".join(f"<{one}>" for one in references)
    if message.automatic:
        mail["Auto-Submitted"] = "auto-replied" if message.in_reply_to else "auto-generated"
        mail["X-Auto-Response-Suppress"] = "All"
    if instance:
        mail[INSTANCE_HEADER] = _line(instance, "the instance name")
    mail.set_content(message.text, cte="quoted-printable")
    _add_html(mail, message)
    for file in message.files:
        if not (file.content_id and message.html):
            _attach(mail, file)
    return mail.as_bytes()


def _add_html(mail: EmailMessage, message: Outbound) -> None:
    if not message.html:
        return
    mail.add_alternative(message.html, subtype="html", cte="quoted-printable")
    shown_inside = [file for file in message.files if file.content_id]
    payload = mail.get_payload()
    page = payload[-1] if isinstance(payload, list) else None
    for file in shown_inside:
        if isinstance(page, EmailMessage):
            main, sub = _kind(file)
            page.add_related(
                file.content,
                maintype=main,
                subtype=sub,
                cid=f"<{_line(file.content_id, 'a content id')}>",
                filename=_line(file.name, "a file name") or None,
                disposition="inline",
            )


def _attach(mail: EmailMessage, file: File) -> None:
    main, sub = _kind(file)
    mail.add_attachment(
        file.content,
        maintype=main,
        subtype=sub,
        filename=_line(file.name, "a file name") or "file",
    )


def _kind(file: File) -> tuple[str, str]:
    kind = file.media_type.casefold()
    if not _MEDIA_TYPE.fullmatch(kind) or kind.startswith(("multipart/", "message/")):
        kind = "application/octet-stream"
    main, _, sub = kind.partition("/")
    return main, sub


def _line(value: str, what: str) -> str:
    if _BREAKS.search(value):
        raise Refused(f"{what} holds a line break")
    return value.strip()


def _id(value: str) -> str:
    if not _ID.fullmatch(value):
        raise Refused(f"not a message id: {value[:80]!r}")
    return value


def ascii_address(address: str) -> str:
    """Return an address as SMTP wants it, an international domain in its ASCII form.

    Raises `Refused` for anything that is not one plain address.
    """
    local, _, domain = _line(address, "an address").rpartition("@")
    try:
        local.encode("ascii")  # anything else needs SMTPUTF8 on every server of the way
        made = f"{local}@{domain.encode('idna').decode('ascii')}"
    except UnicodeError as fault:
        raise Refused(f"cannot write to the address {address[:80]!r}") from fault
    if not _ID.fullmatch(made) or re.search(r"[\s,;:()\[\]\\\"]", made):
        raise Refused(f"not an address: {address[:80]!r}")
    return made


def _address(address: str, name: str = "") -> Address:
    return Address(display_name=_line(name, "a name"), addr_spec=ascii_address(address))


def _usable(ids: Sequence[str]) -> list[str]:
    """Leave out broken ids: they came from other people's mail and must not stop ours."""
    return [one for one in ids if _ID.fullmatch(_line(one, "a message id"))]


def _shortened(references: Sequence[str]) -> Sequence[str]:
    """Keep the first and the newest, as RFC 5322 advises for long threads."""
    if len(references) <= _OLDEST_REFERENCES + _NEWEST_REFERENCES:
        return references
    return [*references[:_OLDEST_REFERENCES], *references[-_NEWEST_REFERENCES:]]
