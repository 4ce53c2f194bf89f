"""Certificates for servers on loopback, good ones and bad ones, made anew for each run."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import trustme

_names = count()


@dataclass(frozen=True)
class Issuer:
    """Who signs certificates; trusted by whoever reads `pem`."""

    authority: trustme.CA = field(default_factory=trustme.CA)

    @property
    def pem(self) -> str:
        return self.authority.cert_pem.bytes().decode()

    def certify(self, folder: Path, *hosts: str, days: int = 30) -> Path:
        """Write a certificate for `hosts` and its key into one file; return where it is.

        It ends in `days` days from now; below zero it has ended already.
        """
        until = datetime.now(UTC) + timedelta(days=days)
        made = self.authority.issue_cert(
            *hosts, not_before=until - timedelta(days=60), not_after=until
        )
        return _write(folder, made.private_key_and_cert_chain_pem.bytes())


def self_signed(folder: Path) -> Path:
    """Write a certificate that nobody but its own key vouches for, and the key."""
    itself = trustme.CA()
    return _write(folder, itself.private_key_pem.bytes() + itself.cert_pem.bytes())


def _write(folder: Path, pem: bytes) -> Path:
    path = folder / f"certificate-{next(_names)}.pem"
    path.write_bytes(pem)
    return path
