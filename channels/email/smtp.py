"""Hand a mail to the SMTP server, and know exactly what is known afterwards.

Up to the end of DATA nothing has been handed over: trying again is safe. Once the
content is on its way, a lost connection means that nobody knows (`Uncertain`).
"""

import re
import smtplib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass

from channels.email.client import Tls
from channels.port import Refused, Uncertain, Unreachable


@dataclass(frozen=True, slots=True)
class SmtpSettings:
    """The server that takes our mail."""

    host: str
    port: int = 587
    user: str = ""
    password: str = ""
    tls: Tls = "starttls"
    timeout: float = 30.0
    local_name: str = ""  # how we greet; the machine's name when empty


@dataclass(frozen=True, slots=True)
class RecipientResult:
    """What the server said about one recipient; `code` 250 or 251 means accepted."""

    address: str
    code: int
    text: str = ""

    @property
    def accepted(self) -> bool:
        return self.code in (250, 251, 252)


class SmtpClient:
    """Sends each mail on a connection of its own. Safe to share between threads."""

    def __init__(self, settings: SmtpSettings) -> None:
        self.settings = settings

    def send(
        self, sender: str, recipients: Sequence[str], raw: bytes
    ) -> tuple[RecipientResult, ...]:
        """Deliver `raw` to those recipients the server accepts, and say which.

        Raises `Refused` or `Unreachable` when it accepted none or not the mail, `Uncertain`
        when the connection ended between the content and the answer.
        """
        server = self._connect()
        try:
            results = _envelope(server, sender, recipients, len(raw))
            _data(server, raw)
            return results
        finally:
            _quit(server)

    def _connect(self) -> smtplib.SMTP:
        asked = self.settings
        options = {"timeout": asked.timeout, "local_hostname": asked.local_name or None}
        try:
            if asked.tls == "implicit":
                context = ssl.create_default_context()
                server: smtplib.SMTP = smtplib.SMTP_SSL(
                    asked.host,
                    asked.port,
                    context=context,
                    **options,  # type: ignore[arg-type]
                )
            else:
                server = smtplib.SMTP(asked.host, asked.port, **options)  # type: ignore[arg-type]
        except (OSError, smtplib.SMTPException) as fault:
            raise Unreachable(f"no mail server: {_shown(fault)}") from fault
        try:
            if asked.tls == "starttls":  # never fall back to plain text
                server.starttls(context=ssl.create_default_context())
            server.ehlo_or_helo_if_needed()
            if asked.user:
                server.login(asked.user, asked.password)
        except (OSError, smtplib.SMTPException) as fault:
            # Also a refused password: that is ours to mend, the message has not failed.
            server.close()
            raise Unreachable(f"the mail server does not let us in: {_shown(fault)}") from fault
        return server


def _envelope(
    server: smtplib.SMTP, sender: str, recipients: Sequence[str], size: int
) -> tuple[RecipientResult, ...]:
    options = [f"SIZE={size}"] if server.has_extn("size") else []
    try:
        _accepted(*server.mail(sender, options))
        results = []
        for address in recipients:
            code, text = server.rcpt(address)
            results.append(RecipientResult(address, code, _shown(text)))
    except (OSError, smtplib.SMTPException, UnicodeError) as fault:
        raise Unreachable(f"the mail server hung up: {_shown(fault)}") from fault
    if any(result.accepted for result in results):
        return tuple(results)
    worst = "; ".join(f"{one.address}: {one.code} {one.text}" for one in results)[:300]
    if results and all(500 <= one.code < 600 for one in results):
        raise Refused(worst)
    raise Unreachable(worst)


def _data(server: smtplib.SMTP, raw: bytes) -> None:
    try:
        code, text = server.docmd("DATA")
    except (OSError, smtplib.SMTPException) as fault:
        raise Unreachable(f"the mail server hung up: {_shown(fault)}") from fault
    if code != 354:
        _accepted(code, text)
        raise Unreachable(f"the mail server would not take the content: {code}")
    lines = re.sub(rb"\r\n|\r|\n", b"\r\n", raw)
    stuffed = re.sub(rb"(?m)^\.", b"..", lines)
    try:
        server.send(stuffed + (b".\r\n" if stuffed.endswith(b"\r\n") else b"\r\n.\r\n"))
        code, text = server.getreply()
    except (OSError, smtplib.SMTPException) as fault:
        raise Uncertain(f"no answer after the content was sent: {_shown(fault)}") from fault
    _accepted(code, text)


def _accepted(code: int, text: bytes) -> None:
    if 200 <= code < 300:
        return
    said = f"{code} {_shown(text)}"
    if 500 <= code < 600:
        raise Refused(said)
    raise Unreachable(said)


def _quit(server: smtplib.SMTP) -> None:
    """Say goodbye; what the server answers to that changes nothing."""
    try:
        server.quit()
    except (OSError, smtplib.SMTPException):
        server.close()


def _shown(text: bytes | Exception) -> str:
    plain = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
    return " ".join("".join(sign for sign in plain if sign.isprintable() or sign == " ").split())[
        :200
    ]
