"""Secrets at rest: readable only with the installation's secret key.

The standard library has no cipher, so one is made of HMAC-SHA256 as a pseudo-random
function: a keystream in counter mode over a random nonce, then a MAC over nonce and
ciphertext (encrypt, then authenticate), with one derived key for each of the two. The
purpose is part of both keys: a sealed value moved to another column does not open.
"""

import base64
import hashlib
import hmac
import os
from typing import Final

_VERSION: Final = b"\x01"
_NONCE: Final = 24
_MAC: Final = 32


class SealBroken(Exception):
    """The value was not sealed with this key, or somebody changed it."""


def seal(secret_key: str, purpose: str, value: str) -> str:
    """Return `value` encrypted, as ASCII; "" stays "". No two results are the same."""
    if not value:
        return ""
    nonce = os.urandom(_NONCE)
    hidden = _crossed(_key(secret_key, purpose, "hide"), nonce, value.encode())
    body = _VERSION + nonce + hidden
    return base64.b64encode(body + _mac(secret_key, purpose, body)).decode()


def unseal(secret_key: str, purpose: str, sealed: str) -> str:
    """Return what `seal` was given. Raises `SealBroken`."""
    if not sealed:
        return ""
    try:
        whole = base64.b64decode(sealed, validate=True)
    except ValueError as fault:
        raise SealBroken(purpose) from fault
    body, mac = whole[:-_MAC], whole[-_MAC:]
    if not hmac.compare_digest(mac, _mac(secret_key, purpose, body)) or body[:1] != _VERSION:
        raise SealBroken(purpose)
    nonce, hidden = body[1 : 1 + _NONCE], body[1 + _NONCE :]
    return _crossed(_key(secret_key, purpose, "hide"), nonce, hidden).decode()


def _crossed(key: bytes, nonce: bytes, text: bytes) -> bytes:
    blocks = -(-len(text) // hashlib.sha256().digest_size)
    stream = b"".join(
        hmac.new(key, nonce + number.to_bytes(8, "big"), hashlib.sha256).digest()
        for number in range(blocks)
    )
    return bytes(one ^ other for one, other in zip(text, stream, strict=False))


def _mac(secret_key: str, purpose: str, body: bytes) -> bytes:
    return hmac.new(_key(secret_key, purpose, "prove"), body, hashlib.sha256).digest()


def _key(secret_key: str, purpose: str, use: str) -> bytes:
    return hmac.new(
        secret_key.encode(), f"seal\0{purpose}\0{use}".encode(), hashlib.sha256
    ).digest()
