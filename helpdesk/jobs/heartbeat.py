"""Knowing which worker processes live, and taking over from those that do not."""

from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from helpdesk.jobs.model import Heartbeat
from helpdesk.services import Services

DEAD_AFTER = timedelta(seconds=30)


def beat(services: Services, executor: str) -> None:
    """Say that this worker process is alive."""
    with services.begin() as tx:
        tx.session.merge(Heartbeat(executor=executor, at=tx.at))


def retire(services: Services, executor: str) -> None:
    """Say that this worker process has stopped in good order."""
    with services.begin() as tx:
        tx.session.execute(delete(Heartbeat).where(Heartbeat.executor == executor))


def living(session: Session, at: datetime) -> int:
    """Return how many worker processes live."""
    alive = select(func.count()).select_from(Heartbeat).where(Heartbeat.at >= at - DEAD_AFTER)
    return session.scalar(alive) or 0


def claim_dead(services: Services) -> list[str]:
    """Return worker processes that have fallen silent. Each is claimed by one caller only."""
    claimed: list[str] = []
    with services.begin() as tx:
        silent = Heartbeat.at < tx.at - DEAD_AFTER
        for executor in tx.session.scalars(select(Heartbeat.executor).where(silent)).all():
            gone = tx.session.execute(
                delete(Heartbeat)
                .where(Heartbeat.executor == executor, silent)
                .returning(Heartbeat.executor)
            )
            claimed += gone.scalars().all()
    return claimed
