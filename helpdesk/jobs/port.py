"""What the rest of the product knows of the durable-execution engine."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy.orm import Session

if TYPE_CHECKING:
    from helpdesk.services import Services


class Jobs(Protocol):
    """Makes jobs exist. Running them is the worker's business."""

    def enqueue(
        self,
        session: Session,
        name: str,
        args: tuple[str, ...],
        *,
        key: str | None,
        delay_s: float,
    ) -> None:
        """Record the job in the caller's transaction. A key already used is a no-op."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class JobSpec:
    """One function that the worker may be asked to run. Safe to run twice."""

    name: str
    run: Callable[..., None]  # run(services, *ids)
    queue: str
    retry_on: tuple[type[BaseException], ...]
    attempts: int
    every: str | None  # six-field cron expression (seconds first) of a sweep


REGISTRY: dict[str, JobSpec] = {}


def job(
    name: str,
    *,
    queue: str = "default",
    retry_on: type[BaseException] | tuple[type[BaseException], ...] = (),
    attempts: int = 8,
    every: str | None = None,
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Declare a job: `fn(services, *ids)`. `every` also runs it on a schedule, without ids."""

    def register(run: Callable[..., None]) -> Callable[..., None]:
        if name in REGISTRY:
            raise ValueError(f"two jobs are called {name}")
        kinds = retry_on if isinstance(retry_on, tuple) else (retry_on,)
        REGISTRY[name] = JobSpec(name, run, queue, kinds, attempts, every)
        return run

    return register


def run_job(services: "Services", name: str, args: tuple[Any, ...]) -> None:
    """Run one job here and now."""
    REGISTRY[name].run(services, *args)
