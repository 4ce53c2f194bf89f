"""Jobs kept in memory: for tests, the seed and commands that run to their end by themselves."""

from collections import deque
from typing import TYPE_CHECKING

from sqlalchemy import event
from sqlalchemy.orm import Session

from helpdesk.jobs.port import run_job

if TYPE_CHECKING:
    from helpdesk.services import Services


class RecordedJobs:
    """Keeps what committed transactions asked for; `drain` runs it in order."""

    def __init__(self) -> None:
        self.waiting: deque[tuple[str, tuple[str, ...]]] = deque()
        self._keys: set[tuple[str, str]] = set()

    def enqueue(
        self,
        session: Session,
        name: str,
        args: tuple[str, ...],
        *,
        key: str | None,
        delay_s: float,  # noqa: ARG002 - there is nothing to wait for here
    ) -> None:
        def keep(_session: Session) -> None:
            if key is not None and (name, key) in self._keys:
                return
            if key is not None:
                self._keys.add((name, key))
            self.waiting.append((name, args))

        event.listen(session, "after_commit", keep, once=True)

    def drain(self, services: "Services") -> int:
        """Run everything that waits, also what it adds. Return how many ran."""
        count = 0
        while self.waiting:
            name, args = self.waiting.popleft()
            run_job(services, name, args)
            count += 1
        return count

    def close(self) -> None:
        self.waiting.clear()
