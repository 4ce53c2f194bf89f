"""One short code for what went wrong on the way to a mail server; screens have a sentence each.

name_not_found, refused, timeout, hung_up, unreachable: the network; certificate, tls: the
safe line; token: the sign-in service; letters: what we would sign in with; no_login, login,
folder, sender, recipient, content: the server.
"""

import smtplib
import socket
import ssl
from typing import TypeVar

from channels.port import ChannelError

NO_NAME = "this cannot be the name of a server"
LETTERS = "the user name or the password is not plain ASCII"

E = TypeVar("E", bound=ChannelError)


class TokenRefused(ChannelError):
    """The sign-in service gives no access token. The text is safe to show to an admin."""


def coded(error: E, code: str) -> E:
    """Return `error` carrying the code of its cause."""
    error.code = code
    return error


def fault_code(fault: BaseException) -> str:
    """Return the code of a fault of the network or of the safe line."""
    if isinstance(fault, socket.gaierror):
        return "name_not_found"
    if isinstance(fault, ConnectionRefusedError):
        return "refused"
    if isinstance(fault, TimeoutError):
        return "timeout"
    if isinstance(fault, ssl.SSLCertVerificationError):
        return "certificate"
    if isinstance(fault, ssl.SSLError):
        return "tls"
    if isinstance(fault, smtplib.SMTPAuthenticationError):
        return "login"
    if isinstance(fault, smtplib.SMTPNotSupportedError) or type(fault) is smtplib.SMTPException:
        return "no_login"  # no sign-in at all, or none of the ways that we know
    if isinstance(fault, smtplib.SMTPServerDisconnected | ConnectionError):
        return "hung_up"
    return "unreachable"
