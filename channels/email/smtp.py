"""Hand a mail to the SMTP server, and know exactly what is known afterwards.

Up to the end of DATA nothing has been handed over: trying again is safe. Once the
content is on its way, a lost connection means that nobody knows (`Uncertain`).
"""

import re
import smtplib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass

from channels.email.client import Tls, Tokens
from channels.email.faults import LETTERS, NO_NAME, TokenRefused, coded, fault_code
from channels.port import Refused, Uncertain, Unreachable

_PIECE = 64 * 1024
_THOUGHT = 4  # times as long as else: a server may look through the content before it answers


@dataclass(frozen=True, slots=True)
class SmtpSettings:
    """The server that takes our mail; entered by a password, or by `tokens`."""

    host: str
    port: int = 587
    user: str = ""
    password: str = ""
    tls: Tls = "starttls"
    timeout: float = 30.0
    local_name: str = ""  # how we greet; the machine's name when empty
    tokens: Tokens | None = None


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

    def probe(self, sender: str, recipient: str) -> None:
        """Go as far as a mail from `sender` would, and stop before its content.

        Raises what `send` raises; the error's `code` says which step it was.
        """
        server = self._connect()
        try:
            _envelope(server, sender, [recipient], 0)
            server.rset()
        except (OSError, smtplib.SMTPException) as fault:
            raise _unreachable("the mail server hung up", fault) from fault
        finally:
            _quit(server)

    def _connect(self) -> smtplib.SMTP:
        server = self._reach()
        try:
            if self.settings.tls == "starttls":
                _begin_tls(server)
            server.ehlo_or_helo_if_needed()
            self._log_in(server)
        except (OSError, smtplib.SMTPException) as fault:
            # Also a refused password: that is ours to mend, the message has not failed.
            server.close()
            raise _kept_out(fault) from fault
        except UnicodeError as fault:
            server.close()
            raise coded(Unreachable(LETTERS), "letters") from fault
        except TokenRefused as fault:
            server.close()
            raise coded(Unreachable(str(fault)), fault.code) from fault
        except Unreachable:
            server.close()
            raise
        return server

    def _reach(self) -> smtplib.SMTP:
        asked = self.settings
        options = {"timeout": asked.timeout, "local_hostname": asked.local_name or None}
        try:
            if asked.tls == "implicit":
                return smtplib.SMTP_SSL(
                    asked.host,
                    asked.port,
                    context=ssl.create_default_context(),
                    **options,  # type: ignore[arg-type]
                )
            return smtplib.SMTP(asked.host, asked.port, **options)  # type: ignore[arg-type]
        except (OSError, smtplib.SMTPException) as fault:
            raise _unreachable("no mail server", fault) from fault
        except UnicodeError as fault:
            raise coded(Unreachable(NO_NAME), "name_not_found") from fault

    def _log_in(self, server: smtplib.SMTP) -> None:
        asked = self.settings
        if asked.tokens is None:
            if asked.user:
                server.login(asked.user, asked.password)
            return
        token = asked.tokens()
        try:
            _show_token(server, asked.user, token)
        except smtplib.SMTPAuthenticationError:  # a token may be called back before its time
            another = asked.tokens(fresh=True)
            if another == token:
                raise
            _show_token(server, asked.user, another)


def _begin_tls(server: smtplib.SMTP) -> None:
    """Never fall back to plain text."""
    try:
        server.starttls(context=ssl.create_default_context())
    except (OSError, smtplib.SMTPException) as fault:
        code = "certificate" if fault_code(fault) == "certificate" else "tls"
        raise coded(
            Unreachable(f"the mail server does not begin TLS: {_shown(fault)}"), code
        ) from fault


def _show_token(server: smtplib.SMTP, user: str, token: str) -> None:
    server.ehlo_or_helo_if_needed()
    if "OAUTHBEARER" in server.esmtp_features.get("auth", "").upper().split():
        name = user.replace("=", "=3D").replace(",", "=2C")
        words, mechanism = f"n,a={name},\1auth=Bearer {token}\1\1", "OAUTHBEARER"
    else:
        words, mechanism = f"user={user}\1auth=Bearer {token}\1\1", "XOAUTH2"

    def answer(challenge: bytes | None = None) -> str:
        """Give the token at once; to the reasons of a refusal there is nothing to add."""
        return words if challenge is None else "\1" if mechanism == "OAUTHBEARER" else ""

    server.auth(mechanism, answer)


def _unreachable(what: str, fault: Exception) -> Unreachable:
    return coded(Unreachable(f"{what}: {_shown(fault)}"), fault_code(fault))


def _kept_out(fault: Exception) -> Unreachable:
    if isinstance(fault, smtplib.SMTPResponseException):
        said = fault.smtp_error
        words = _shown(said if isinstance(said, bytes) else said.encode())
        return coded(Unreachable(f"{fault.smtp_code} {words}"), fault_code(fault))
    return _unreachable("the mail server does not let us in", fault)


def _envelope(
    server: smtplib.SMTP, sender: str, recipients: Sequence[str], size: int
) -> tuple[RecipientResult, ...]:
    options = [f"SIZE={size}"] if server.has_extn("size") else []
    try:
        _accepted(*server.mail(sender, options), code="sender")
        results = []
        for address in recipients:
            code, text = server.rcpt(address)
            results.append(RecipientResult(address, code, _shown(text)))
    except (OSError, smtplib.SMTPException, UnicodeError) as fault:
        raise _unreachable("the mail server hung up", fault) from fault
    if any(result.accepted for result in results):
        return tuple(results)
    several = len(results) > 1
    worst = "; ".join(
        f"{one.address}: {one.code} {one.text}" if several else f"{one.code} {one.text}"
        for one in results
    )[:300]
    if results and all(500 <= one.code < 600 for one in results):
        raise coded(Refused(worst), "recipient")
    raise coded(Unreachable(worst), "recipient")


def _data(server: smtplib.SMTP, raw: bytes) -> None:
    try:
        code, text = server.docmd("DATA")
    except (OSError, smtplib.SMTPException) as fault:
        raise _unreachable("the mail server hung up", fault) from fault
    if code != 354:
        _accepted(code, text, code="content")
        raise coded(Unreachable(f"the mail server would not take the content: {code}"), "content")
    lines = re.sub(rb"\r\n|\r|\n", b"\r\n", raw)
    stuffed = re.sub(rb"(?m)^\.", b"..", lines)
    if not stuffed.endswith(b"\r\n"):
        stuffed += b"\r\n"
    try:
        # In pieces: a time limit on the whole would cut off what is large on a slow line.
        for start in range(0, len(stuffed), _PIECE):
            server.send(stuffed[start : start + _PIECE])
    except (OSError, smtplib.SMTPException) as fault:
        raise _unreachable("the mail server hung up", fault) from fault
    try:
        server.send(b".\r\n")  # before this no server has a mail (RFC 5321, section 4.1.1.4)
        if server.sock is not None:
            server.sock.settimeout(_THOUGHT * server.timeout)
        code, text = server.getreply()
    except (OSError, smtplib.SMTPException) as fault:
        raise Uncertain(f"no answer after the content was sent: {_shown(fault)}") from fault
    _accepted(code, text, code="content")


def _accepted(reply: int, text: bytes, *, code: str) -> None:
    if 200 <= reply < 300:
        return
    said = f"{reply} {_shown(text)}"
    if 500 <= reply < 600:
        raise coded(Refused(said), code)
    raise coded(Unreachable(said), code)


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
