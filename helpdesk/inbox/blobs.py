"""Bytes on disk, named by their SHA-256."""

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol
from uuid import uuid4

from helpdesk.answers import answer_ahead, answered
from helpdesk.db import UnitOfWork
from helpdesk.errors import NotFound
from helpdesk.inbox.model import Blob
from helpdesk.writing import insert_new

JUST_NOW_S: Final = 3600.0
AT_ONCE: Final = 8  # threads that ask the disk to write
SHARE: Final = 8  # files that one of them asks for in turn
_NAMED: Final = "blob_named"


class Keeper(Protocol):
    """Whatever takes bytes to be kept, at once or with others."""

    def keep(self, content: bytes) -> str:
        """Return the SHA-256 of `content` in hex."""
        ...


class BlobStore:
    """A folder of immutable files. The same bytes are kept once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._disk = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="disk")

    def keep(self, content: bytes) -> str:
        """Write `content` durably and return its SHA-256 in hex. Safe to repeat.

        Call it before the transaction that names the blob: a file nobody names is
        swept later, a name without a file cannot happen.
        """
        with self.together() as batch:
            return batch.keep(content)

    @contextmanager
    def together(self) -> Iterator["KeptTogether"]:
        """Keep many that are all durable when the block has ended, and none is before.

        A disk writes many files at once in hardly more time than one.
        """
        batch = KeptTogether(self._place, self._disk)
        try:
            yield batch
            batch.make_durable()
        finally:
            batch.clear()

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
        return Path(self._place(digest))

    def _place(self, digest: str) -> str:
        return f"{self._folder}/{digest[:2]}/{digest[2:]}"


class KeptTogether:
    """Blobs that are kept together. Made only by `BlobStore.together`.

    The disk writes the first while the next are still being handed over.
    """

    def __init__(self, place: Callable[[str], str], disk: Executor) -> None:
        self._place, self._disk = place, disk
        self._written: dict[str, str] = {}  # where each lies until it is durable
        self._open: list[int] = []
        self._going: list[Future[None]] = []

    def keep(self, content: bytes) -> str:
        """Write `content` and return its SHA-256 in hex."""
        digest = hashlib.sha256(content).hexdigest()
        if digest in self._written:
            return digest
        path = self._place(digest)
        try:
            os.utime(path)  # says to `remove` that somebody wants it still
        except FileNotFoundError:
            self._written[digest] = aside = f"{path}.{uuid4().hex}"
            self._open.append(_write(aside, content))
            if len(self._open) == SHARE:
                self._flush_open()
        return digest

    def make_durable(self) -> None:
        if len(self._written) == 1 and self._open:
            _flush(self._take_open())  # it is not worth another thread
        else:
            self._flush_open()
        for going in self._going:
            going.result()
        for digest, aside in self._written.items():
            os.replace(aside, self._place(digest))
        self._written = {}

    def clear(self) -> None:
        """Drop what did not become durable."""
        wait(self._going)
        for file in self._take_open():
            os.close(file)
        for aside in self._written.values():
            Path(aside).unlink(missing_ok=True)

    def _flush_open(self) -> None:
        if self._open:
            self._going.append(self._disk.submit(_flush, self._take_open()))

    def _take_open(self) -> list[int]:
        files, self._open = self._open, []
        return files


def _write(file: str, content: bytes) -> int:
    """Return the new file, open: its bytes may not have reached the disk."""
    try:
        opened = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileNotFoundError:  # the first in its folder
        os.makedirs(os.path.dirname(file), exist_ok=True)
        opened = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        left = memoryview(content)
        while left:
            left = left[os.write(opened, left) :]
    except BaseException:
        os.close(opened)
        raise
    return opened


def _flush(files: Sequence[int]) -> None:
    """Have the disk keep what open files hold, and close them, also those behind a fault."""
    faults: list[OSError] = []
    for file in files:
        try:
            os.fsync(file)
        except OSError as fault:
            faults.append(fault)
        finally:
            os.close(file)
    if faults:
        raise faults[0]


def name_blob(tx: UnitOfWork, digest: str, *, size: int, media_type: str) -> None:
    """Record a kept blob in this transaction; a known one is left as it is."""
    if not answered(tx.session, _NAMED, digest, lambda: False):
        name_blobs(tx, [(digest, size, media_type)])


def name_blobs(tx: UnitOfWork, kept: Iterable[tuple[str, int, str]]) -> None:
    """Record many kept blobs at once: the SHA-256, the bytes and the media type of each."""
    rows = {
        digest: {"sha256": digest, "size": size, "media_type": media_type, "created_at": tx.at}
        for digest, size, media_type in sorted(kept)  # others may insert the same: in one order
    }
    if not rows:
        return
    # Past the session: no row that waits is named by these.
    insert_new(tx.session.connection(), Blob, list(rows.values()), key=("sha256",))
    answer_ahead(tx.session, _NAMED, dict.fromkeys(rows, True))
