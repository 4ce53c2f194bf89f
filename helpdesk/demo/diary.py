"""What happens to the sample company, in order of time, whoever it happens to."""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from helpdesk.demo.company import MovingClock
from helpdesk.jobs.port import run_job
from helpdesk.jobs.recorded import RecordedJobs
from helpdesk.services import Services

SWEEPS = ("mark_breaches",)  # what a worker would have run meanwhile


@dataclass(order=True)
class Entry:
    at: datetime
    position: int  # entries of one instant keep the order they were written in
    happen: Callable[[], object] = field(compare=False)


class Diary:
    """Entries may be written while it is lived, for any later moment."""

    def __init__(self, services: Services, clock: MovingClock, jobs: RecordedJobs) -> None:
        self._services, self._clock, self._jobs = services, clock, jobs
        self._entries: list[Entry] = []
        self._written = 0

    def write(self, at: datetime, happen: Callable[[], object]) -> None:
        self._written += 1
        heapq.heappush(self._entries, Entry(at, self._written, happen))

    def live(self, until: datetime, *, after_each: Callable[[], None] = lambda: None) -> None:
        """Let everything up to `until` happen, with the jobs that it causes."""
        while self._entries and self._entries[0].at <= until:
            entry = heapq.heappop(self._entries)
            self._clock.move_to(entry.at)
            entry.happen()
            self._jobs.drain(self._services)
            after_each()
        self._clock.move_to(until)
        for sweep in SWEEPS:
            run_job(self._services, sweep, ())
        self._jobs.drain(self._services)
