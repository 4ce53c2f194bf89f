"""How much waits: what /readyz and /metrics tell of the inbox, the outbox and the jobs."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import bindparam, func, inspect, select, text
from sqlalchemy.orm import InstrumentedAttribute, Session

from helpdesk.inbox.model import Inbound
from helpdesk.outbox.model import OUTBOUND_STATES, Outbound
from helpdesk.services import Services

INBOUND_STATES = ("new", "read", "quarantined", "discarded")
JOB_STATES = ("ENQUEUED", "DELAYED", "PENDING")  # the engine's words for what is not done


@dataclass(frozen=True, slots=True)
class Lag:
    """Age in seconds of the oldest thing that should have been dealt with already."""

    inbox_s: int = 0
    outbox_s: int = 0


def lag_of(services: Services) -> Lag:
    now = services.clock()
    with services.reading() as session:
        arrived = session.scalar(
            select(func.min(Inbound.received_at)).where(Inbound.state == "new")
        )
        due = session.scalar(
            select(func.min(Outbound.not_before)).where(
                Outbound.state == "queued", Outbound.not_before <= now
            )
        )
    return Lag(_age(arrived, now), _age(due, now))


def _age(since: datetime | None, now: datetime) -> int:
    return max(int((now - since).total_seconds()), 0) if since else 0


class QueueFigures(Collector):
    """Gauges read from the database at the moment somebody asks."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def collect(self) -> Iterator[Metric]:
        with self._services.reading() as session:
            inbound = _by_state(session, Inbound.state, INBOUND_STATES)
            outbound = _by_state(session, Outbound.state, OUTBOUND_STATES)
            dead = _dead(session)
            jobs = _jobs(session)
        lag = lag_of(self._services)
        yield _gauge("guiche_inbound", "Deliveries by state", "state", inbound)
        yield _gauge("guiche_outbound", "Messages on their way out, by state", "state", outbound)
        yield _gauge("guiche_jobs_waiting", "Jobs not finished, by queue", "queue", jobs)
        yield GaugeMetricFamily(
            "guiche_dead_letters", "Messages given up after a day of tries", dead
        )
        lags = {"inbox": lag.inbox_s, "outbox": lag.outbox_s}
        yield _gauge("guiche_lag_seconds", "Age of the oldest overdue row", "queue", lags)


def _gauge(name: str, told: str, label: str, values: dict[str, int]) -> Metric:
    gauge = GaugeMetricFamily(name, told, labels=[label])
    for value, count in values.items():
        gauge.add_metric([value], count)
    return gauge


def _by_state(
    session: Session, column: InstrumentedAttribute[str], states: tuple[str, ...]
) -> dict[str, int]:
    rows = session.execute(select(column, func.count()).group_by(column)).all()
    return dict.fromkeys(states, 0) | {row[0]: row[1] for row in rows}


def _dead(session: Session) -> int:
    dead = select(func.count()).where(Outbound.state == "failed", Outbound.dead_at.is_not(None))
    return session.scalar(dead) or 0


def _jobs(session: Session) -> dict[str, int]:
    """Count the job engine's open rows by queue. It keeps its tables beside ours."""
    schema = "dbos" if session.get_bind().dialect.name == "postgresql" else None
    if not inspect(session.connection()).has_table("workflow_status", schema=schema):
        return {}
    table = f"{schema}.workflow_status" if schema else "workflow_status"
    rows = session.execute(
        text(
            f"SELECT queue_name, count(*) FROM {table} "  # noqa: S608 - one of two constants
            "WHERE status IN :states AND queue_name IS NOT NULL GROUP BY queue_name"
        ).bindparams(bindparam("states", expanding=True)),
        {"states": JOB_STATES},
    )
    return {row[0]: row[1] for row in rows}
