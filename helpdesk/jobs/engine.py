"""Jobs on DBOS: recorded in our own transaction, run by any worker, resumed after a crash.

The rows `inbound`, `outbound`, `refund` and `invoice` are the truth; every queue has a
sweep as well, so a lost wake-up costs seconds and never data.
"""

import os
from datetime import datetime
from typing import TYPE_CHECKING, Any

os.environ.setdefault("DBOS__APPVERSION", "1")

from dbos import DBOS, DBOSClient, DBOSConfig, DBOSPortableJSONSerializer, EnqueueOptions
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from helpdesk.jobs.port import REGISTRY, JobSpec

if TYPE_CHECKING:
    from helpdesk.services import Services
    from helpdesk.settings import Settings

QUEUES = {"inbox": 1, "money": 4, "outbox": 4, "default": 4}  # how many at once, in all


class DurableJobs:
    """Enqueues on DBOS inside the caller's transaction."""

    def __init__(self, engine: Engine, url: str) -> None:
        self._client = DBOSClient(
            system_database_url=url,
            system_database_engine=engine,
            serializer=DBOSPortableJSONSerializer(),
            lazy=True,
        )

    def enqueue(
        self,
        session: Session,
        name: str,
        args: tuple[str, ...],
        *,
        key: str | None,
        delay_s: float,
    ) -> None:
        options: EnqueueOptions = {"queue_name": REGISTRY[name].queue, "workflow_name": name}
        if key is not None:
            options["workflow_id"] = f"{name}:{key}"
        if delay_s:
            options["delay_seconds"] = delay_s
        options["app_version"] = "1"
        self._client.enqueue_in_transaction(session, options, *args)

    def close(self) -> None:
        self._client.destroy()


def prepare_tables(url: str) -> None:
    """Create or upgrade the engine's own tables. Run before any process starts."""
    DBOS.migrate(url)


class Worker:
    """Runs jobs in this process until `stop`. Start it after fork, once per process."""

    def __init__(self, services: "Services", settings: "Settings") -> None:
        config: DBOSConfig = {
            "name": "guiche",
            "system_database_url": settings.database_url,
            "application_version": "1",  # a new version takes over the old one's work
            "executor_id": settings.executor,
            "serializer": DBOSPortableJSONSerializer(),
            "log_level": "WARNING",
            "scheduler_polling_interval_sec": 1.0,
            "run_migrations": False,
        }
        DBOS(config=config)
        self._schedules: list[Any] = []
        for spec in REGISTRY.values():
            self._register(services, spec)

    def _register(self, services: "Services", spec: JobSpec) -> None:
        @DBOS.step(
            name=f"{spec.name}.run",
            retries_allowed=bool(spec.retry_on),
            max_attempts=spec.attempts,
            interval_seconds=1.0,
            backoff_rate=2.0,
            should_retry=lambda error: isinstance(error, spec.retry_on),
        )
        def run(ids: list[str]) -> None:
            spec.run(services, *ids)

        @DBOS.workflow(name=spec.name)
        def workflow(*ids: str) -> None:
            run(list(ids))

        if spec.every is None:
            return

        @DBOS.workflow(name=f"{spec.name}.sweep")
        def sweep(_scheduled: Any, _context: Any) -> None:
            run([])

        self._schedules.append(
            {"schedule_name": spec.name, "workflow_fn": sweep, "schedule": spec.every}
        )

    def start(self) -> None:
        DBOS.launch()
        for name, at_once in QUEUES.items():
            DBOS.register_queue(
                name,
                global_concurrency=at_once,
                polling_interval_sec=0.3,
                on_conflict="always_update",
            )
        DBOS.apply_schedules(self._schedules)

    def adopt_work_of(self, executors: list[str]) -> int:
        """Resume what dead worker processes left unfinished. Return how many jobs."""
        left = DBOS.list_workflows(status="PENDING", executor_id=executors)
        DBOS.resume_workflows([found.workflow_id for found in left])
        return len(left)

    def forget(self, finished_before: datetime, *, at_most: int = 2000) -> int:
        """Delete the history of jobs that ended well before then. Return how many."""
        old = DBOS.list_workflows(
            status=["SUCCESS", "CANCELLED"],
            completed_before=finished_before.isoformat(),
            limit=at_most,
            load_input=False,
            load_output=False,
        )
        if old:
            DBOS.delete_workflows([found.workflow_id for found in old])
        return len(old)

    def stop(self) -> None:
        DBOS.destroy(workflow_completion_timeout_sec=5)
