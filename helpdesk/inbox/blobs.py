"""Bytes on disk, named by their SHA-256."""

import hashlib
import os
import tempfile
from pathlib import Path

from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite

from helpdesk.db import UnitOfWork
from helpdesk.errors import NotFound
from helpdesk.inbox.model import Blob


class BlobStore:
    """A folder of immutable files. The same bytes are kept once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, content: bytes) -> str:
        """Write `content` durably and return its SHA-256 in hex. Safe to repeat.

        Call it before the transaction that names the blob: a file nobody names is
        swept later, a name without a file cannot happen.
        """
        digest = hashlib.sha256(content).hexdigest()
        path = self._path(digest)
        if path.exists():
            return digest
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(file.name).replace(path)
        return digest

    def read(self, digest: str) -> bytes:
        """Return the bytes. Raises `NotFound`."""
        try:
            return self._path(digest).read_bytes()
        except FileNotFoundError:
            raise NotFound(f"blob {digest}") from None

    def _path(self, digest: str) -> Path:
        return self._folder / digest[:2] / digest[2:]


def name_blob(tx: UnitOfWork, digest: str, *, size: int, media_type: str) -> None:
    """Record a kept blob in this transaction; a known one is left as it is."""
    insert = (
        insert_postgresql if tx.session.get_bind().dialect.name == "postgresql" else insert_sqlite
    )
    tx.session.execute(
        insert(Blob)
        .values(sha256=digest, size=size, media_type=media_type, created_at=tx.at)
        .on_conflict_do_nothing()
    )
