"""Where a benchmark runs: an empty database of each kind, and a process of its own.

The process makes peak memory and warm caches those of the one measurement.
"""

import multiprocessing
import os
import resource
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from helpdesk.bootstrap import build_services
from helpdesk.db import uuid7
from helpdesk.jobs.recorded import RecordedJobs
from helpdesk.memory import ease_collections
from helpdesk.services import Services
from helpdesk.settings import Settings
from tests.databases import fresh_sqlite, throwaway_postgres

NOON = datetime(2026, 11, 17, 15, tzinfo=UTC)
Work = Callable[[str, int], float]  # (database, size) -> seconds


def new_id() -> UUID:
    return uuid7(NOON, os.urandom(10))


def settings_at(url: str, folder: Path | None = None) -> Settings:
    return Settings(
        data_dir=folder or Path(tempfile.gettempdir()),
        database_url=url,
        secret_key="a secret key that only benchmarks use",
        mail_address="suporte@sabia.example",
        simple_passwords=True,
    )


def services_at(url: str, folder: Path | None = None) -> Services:
    """Return services at noon whose jobs are remembered and not run."""
    jobs = RecordedJobs()
    return build_services(settings_at(url, folder), clock=lambda: NOON, jobs=lambda _engine: jobs)


def measured(work: Work, url: str, size: int) -> tuple[float, float]:
    """Do the work in a process of its own; return its seconds and its peak memory in MB."""
    spawn = multiprocessing.get_context("spawn")
    mine, theirs = spawn.Pipe()
    process = spawn.Process(target=_measure, args=(work, url, size, theirs))
    process.start()
    theirs.close()
    try:
        return mine.recv()  # type: ignore[no-any-return]
    finally:
        process.join()


def _measure(work: Work, url: str, size: int, tell: Any) -> None:
    ease_collections()  # as a worker does
    seconds = work(url, size)
    tell.send((seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))


def databases() -> Iterator[tuple[str, Callable[[], Iterator[str]]]]:
    """Yield (name, maker of a migrated, empty database that goes when its iterator does)."""
    yield "sqlite", _on_disk
    server = os.environ.get("GUICHE_TEST_PG")
    if server:
        yield "postgresql", lambda: throwaway_postgres(server)


def _on_disk() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        yield fresh_sqlite(Path(folder))
