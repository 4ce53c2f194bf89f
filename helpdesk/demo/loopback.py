"""Signed posts to an application on this machine, and nowhere else."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlencode, urlsplit

from twilio.request_validator import RequestValidator

WAIT_S = 30
LARGEST_ANSWER = 256 * 1024  # bytes


class NotLoopback(Exception):
    """The address is not on this machine; the sandbox never calls out."""


class WebhookFailed(Exception):
    """The application did not take a delivery."""


@dataclass(frozen=True, slots=True)
class Reply:
    status: int  # 0 where the application could not be reached
    body: str


def loopback_end(url: str) -> tuple[str, int]:
    """Return host and port of `url`. Raises `NotLoopback`."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        inside = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        inside = False
    if not inside or parts.scheme != "http":
        raise NotLoopback(url)
    return host, parts.port or 80


def post_signed(url: str, form: Mapping[str, str], *, token: str, app_url: str = "") -> Reply:
    """Post a form to the public address `url` and sign it as the provider does.

    Where `app_url` is given, the connection goes there instead, with the headers that a
    proxy in front of the application would set; the signature stays that of `url`.
    """
    host, port = loopback_end(app_url or url)
    parts = urlsplit(url)
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Host": parts.netloc,
        "X-Forwarded-Host": parts.netloc,
        "X-Forwarded-Proto": parts.scheme,
        "X-Twilio-Signature": RequestValidator(token).compute_signature(url, dict(form)),
        "Connection": "close",
    }
    path = parts.path or "/"
    target = f"{path}?{parts.query}" if parts.query else path
    connection = HTTPConnection(host, port, timeout=WAIT_S)
    try:
        connection.request("POST", target, urlencode(form), headers)
        answer = connection.getresponse()
        return Reply(answer.status, answer.read(LARGEST_ANSWER).decode("utf-8", "replace"))
    except (OSError, HTTPException):
        return Reply(0, "")
    finally:
        connection.close()
