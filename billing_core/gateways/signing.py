"""Signed deliveries: `t=SECONDS,v1=HEX`, an HMAC-SHA256 over the seconds, a dot and the body.

The seconds are part of what is signed, so that an old delivery cannot be played again.
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta

from ..errors import BadSignature

FRESH = timedelta(seconds=300)
"""How far the signature's time may be from ours, either way."""


def sign_body(body: bytes, secret: str, *, at: datetime) -> str:
    """Return the value of the signature header."""
    seconds = str(int(at.timestamp()))
    return f"t={seconds},v1={_digest(body, secret, seconds)}"


def check_signature(body: bytes, signature: str, secret: str, *, at: datetime) -> None:
    """Refuse a body that was not signed with `secret`, or too long ago. Raises `BadSignature`.

    Several `v1` may be given, as while a secret is being replaced. An empty secret fits nothing.
    """
    pairs = [part.partition("=") for part in signature.split(",")]
    seconds = next((value for name, _, value in pairs if name.strip() == "t"), "")
    if not secret or not seconds.isascii() or not seconds.isdigit() or len(seconds) > 12:
        raise BadSignature("no signature we can check")
    expected = _digest(body, secret, seconds).encode()
    given = [value.encode() for name, _, value in pairs if name.strip() == "v1"]
    if not any(hmac.compare_digest(expected, one) for one in given):
        raise BadSignature("signed with another secret, or changed on its way")
    if abs(at.timestamp() - int(seconds)) > FRESH.total_seconds():
        raise BadSignature("signed too long ago")


def header_of(headers: Mapping[str, str], name: str) -> str:
    """Return a header's value whatever the case of its name; empty when it is missing."""
    wanted = name.lower()
    return next((value for key, value in headers.items() if key.lower() == wanted), "")


def _digest(body: bytes, secret: str, seconds: str) -> str:
    return hmac.new(secret.encode(), f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()
