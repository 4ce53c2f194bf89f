"""Bytes are on disk, whole and under their name, before anybody hears that they are kept."""

import os
from hashlib import sha256
from pathlib import Path

import pytest

from helpdesk.errors import NotFound
from helpdesk.inbox.blobs import SHARE, BlobStore

MANY = [f"content {number}".encode() for number in range(3 * SHARE + 1)]


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def open_files() -> set[str]:
    """Return the files of the test that this process has open."""
    links = (Path("/proc/self/fd") / name for name in os.listdir("/proc/self/fd"))
    return {str(link.readlink()) for link in links if link.is_symlink()} - {"/proc/self/fd"}


def keep_all(blobs: BlobStore, contents: list[bytes], fault: Exception | None = None) -> None:
    """Keep them together; raise `fault` before the block ends."""
    with blobs.together() as batch:
        for content in contents:
            batch.keep(content)
        if fault is not None:
            raise fault


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """Return the inodes that the disk has been asked to keep."""
    inodes: set[int] = set()
    fsync = os.fsync

    def note(file: int) -> None:
        fsync(file)
        inodes.add(os.fstat(file).st_ino)

    monkeypatch.setattr(os, "fsync", note)
    return inodes


@pytest.mark.parametrize("count", [1, 2, SHARE, len(MANY)])
def test_all_are_on_disk_when_the_block_has_ended_and_none_before(
    tmp_path: Path, synced: set[int], count: int
) -> None:
    blobs, before = BlobStore(tmp_path), open_files()
    with blobs.together() as batch:
        digests = [batch.keep(content) for content in MANY[:count]]
        assert [batch.keep(content) for content in MANY[:count]] == digests
        for digest in digests:
            with pytest.raises(NotFound):
                blobs.read(digest)
    assert digests == [sha256(content).hexdigest() for content in MANY[:count]]
    assert [blobs.read(digest) for digest in digests] == MANY[:count]
    kept = files(tmp_path)
    assert len(kept) == count
    assert {path.stat().st_ino for path in kept} == synced
    assert open_files() <= before


def test_what_is_there_already_is_not_written_again(tmp_path: Path, synced: set[int]) -> None:
    blobs = BlobStore(tmp_path)
    digest = blobs.keep(b"once")
    synced.clear()
    assert blobs.keep(b"once") == digest
    assert synced == set()


@pytest.mark.parametrize("count", [1, len(MANY)])
def test_a_disk_that_fails_leaves_nothing_behind_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    blobs, before = BlobStore(tmp_path), open_files()
    fsync, asked = os.fsync, []

    def fail_at_last(file: int) -> None:
        asked.append(file)
        if len(asked) == count:
            raise OSError("the disk is full")
        fsync(file)

    monkeypatch.setattr(os, "fsync", fail_at_last)
    with pytest.raises(OSError, match="full"):
        keep_all(blobs, MANY[:count])
    assert len(asked) == count
    assert files(tmp_path) == []
    assert open_files() <= before


def test_a_block_that_breaks_keeps_nothing(tmp_path: Path) -> None:
    blobs, before = BlobStore(tmp_path), open_files()
    with pytest.raises(RuntimeError):
        keep_all(blobs, MANY, RuntimeError("the power went"))
    assert files(tmp_path) == []
    assert open_files() <= before
