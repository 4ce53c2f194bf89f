"""Bytes on disk, named by their SHA-256."""

import hashlib
import os
import tempfile
from pathlib import Path
from typing import Final

from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite

from helpdesk.db import UnitOfWork
from helpdesk.errors import NotFound
from helpdesk.inbox.model import Blob

JUST_NOW_S: Final = 3600.0


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
        try:
            os.utime(path)  # says to `remove` that somebody wants it still
            return digest
        except FileNotFoundError:
            pass
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

    def remove(self, digest: str) -> bool:
        """Delete a file that no row names any more; False where it is gone or just wanted.

        Whoever keeps the same bytes at this moment has no row yet. They touched the file,
        so one touched within the last hour is put back; they find it missing, and write it.
        """
        path = self._path(digest)
        aside = path.with_suffix(".going")
        try:
            path.replace(aside)
        except FileNotFoundError:
            return False
        if self._now() - aside.stat().st_mtime < JUST_NOW_S:
            aside.replace(path)
            return False
        aside.unlink()
        return True

    def _now(self) -> float:
        """Return what time it is for the file system, whose clock may not be ours."""
        with tempfile.NamedTemporaryFile(dir=self._folder) as file:
            return os.stat(file.fileno()).st_mtime

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
