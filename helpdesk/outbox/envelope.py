"""What stands on the outside of a mail, so that its answer finds the way back.

Both secrets are computed from the installation's key, never stored: the database holds
the hash of a reply token only, and a second try carries the same token and Message-ID.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

MOST_REFERENCES: Final = 20
_REPLY = re.compile(r"\s*(?:re|res|aw|sv|antw)\s*(?:\[\d+\])?\s*:\s*", re.IGNORECASE)


def id_domain(mail_address: str) -> str:
    """Return the right side of the Message-IDs that we mint.

    Not the bare mail domain: a colleague's own mail program uses that one.
    """
    return f"guiche.{mail_address.rpartition('@')[2].lower() or 'localhost'}"


def instance_domain(mail_address: str, public_url: str) -> str:
    """Return the right side of this installation's Message-IDs, whichever mailbox sends."""
    host = urlsplit(public_url).hostname or "localhost"
    return id_domain(mail_address) if mail_address else f"guiche.{host}"


def mint_message_id(secret: str, message_id: UUID, domain: str) -> str:
    """Return the Message-ID of one message, without angle brackets; always the same one."""
    return f"{message_id.hex}.{_mac(secret, 'message-id', message_id.hex)[:10].hex()}@{domain}"


def mint_reply_token(secret: str, outbound_id: UUID, recipient: str) -> str:
    """Return the 160-bit secret of one message to one recipient, in lower case."""
    mac = _mac(secret, "reply-token", f"{outbound_id.hex} {recipient}")
    return base64.b32encode(mac[:20]).decode().lower()


def mint_code(secret: str, message_id: UUID) -> str:
    """Return the six digits that a message sent to prove an address carries."""
    return f"{int.from_bytes(_mac(secret, 'link-code', message_id.hex)[:8], 'big') % 10**6:06}"


def with_token(address: str, token: str) -> str:
    """Return our address carrying a reply token."""
    local, _, domain = address.rpartition("@")
    return f"{local.partition('+')[0]}+r.{token}@{domain}"


def reply_subject(subject: str) -> str:
    """Return a subject with one "Re:", however many it came with."""
    plain = " ".join(subject.split())
    while (found := _REPLY.match(plain)) is not None:
        plain = plain[found.end() :]
    return f"Re: {plain}".strip()


def trim_references(chain: Sequence[str]) -> tuple[str, ...]:
    """Return the chain, oldest first, without repeats: its root and its newest ids."""
    once = tuple(dict.fromkeys(one for one in chain if one))
    return once if len(once) <= MOST_REFERENCES else (once[0], *once[-MOST_REFERENCES + 1 :])


def _mac(secret: str, purpose: str, value: str) -> bytes:
    return hmac.new(secret.encode(), f"{purpose}\0{value}".encode(), hashlib.sha256).digest()
