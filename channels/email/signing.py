"""Signing our mail ourselves (DKIM, RFC 6376), where the mail server does not do it.

The library is an extra (`pip install guiche[dkim]`) and imported only where a mailbox asks
for it. Without it, or with a key that it cannot use, nothing leaves: a mail that should be
signed and is not would be taken for a forgery.
"""

import importlib
from dataclasses import dataclass, field

from channels.email.faults import coded
from channels.port import Unreachable

_SIGNED = (
    b"from", b"to", b"subject", b"date", b"message-id", b"in-reply-to", b"references",
    b"reply-to", b"mime-version", b"content-type",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class DkimKey:
    domain: str
    selector: str
    private_key: str = field(repr=False)  # PEM


def sign(raw: bytes, key: DkimKey) -> bytes:
    """Return the mail with its signature on top. Raises `Unreachable`: the mail waits."""
    try:
        dkim = importlib.import_module("dkim")
    except ImportError as fault:
        why = "signing needs the dkimpy package, which is not installed"
        raise coded(Unreachable(why), "signing") from fault
    try:
        header = dkim.sign(
            raw,
            selector=key.selector.encode("ascii"),
            domain=key.domain.encode("ascii"),
            privkey=key.private_key.encode("ascii"),
            canonicalize=(b"relaxed", b"relaxed"),
            include_headers=list(_SIGNED),
        )
    except Exception as fault:  # the library's errors have many bases
        why = f"the mail could not be signed: {type(fault).__name__}"
        raise coded(Unreachable(why), "signing") from fault
    return bytes(header) + raw
